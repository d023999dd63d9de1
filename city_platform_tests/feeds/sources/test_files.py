"""Feeds from folders: the file or the new ones of a pattern, whole, in the order of their days."""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import Fetched, Known, fetch, files
from city_platform.feeds.sources.patterns import Pattern
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import small_feed
from city_platform_tests.feeds.sources.office import CONTENT, settings_in

Put = Callable[..., Path]


@pytest.fixture
def put(tmp_path: Path) -> Put:
    """Put a file into the inbox; its content is its name where none is given."""

    def put(name: str, content: bytes | None = None) -> Path:
        path = tmp_path / "home" / "inbox" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode() if content is None else content)
        return path

    return put


def take(
    file: str, folder: Path, known: Known | None = None, settings: Settings | None = None, **source: Any
) -> tuple[list[Fetched], str]:
    """What one run takes, and what it says at its end."""
    feed = small_feed(source={"file": file, **source})
    taken: list[Fetched] = []
    try:
        for fetched in fetch(feed, settings or settings_in(folder), folder / "taken", known or Known()):
            taken.append(fetched)
    except NotReceivedError as error:
        return taken, str(error)
    return taken, ""


def names(taken: list[Fetched]) -> list[str]:
    return [f.file_name for f in taken]


def known_of(taken: list[Fetched], **known: Any) -> Known:
    return Known(taken={f.file_name: f.sha256 for f in taken}, **known)


# One file.


def test_a_file_arrives_as_sent_with_its_hash(put: Put, tmp_path: Path) -> None:
    path = put("dogs.csv", CONTENT)
    (fetched,), said = take("dogs.csv", tmp_path)
    assert (fetched.path.read_bytes(), said) == (CONTENT, "")
    assert (fetched.sha256, fetched.bytes) == (hashlib.sha256(CONTENT).hexdigest(), len(CONTENT))
    assert (fetched.source, fetched.file_name, fetched.extent) == (str(path), "dogs.csv", "full")
    assert path.read_bytes() == CONTENT  # and stays where it was


def test_a_plain_name_is_taken_every_time(put: Put, tmp_path: Path) -> None:
    put("dogs.csv")
    taken, _ = take("dogs.csv", tmp_path)
    assert len(take("dogs.csv", tmp_path, known_of(taken))[0]) == 1


def test_the_mirror_goes_before_the_inbox_and_before_absolute_paths(put: Put, tmp_path: Path) -> None:
    put("dogs.csv", b"inbox")
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "dogs.csv").write_bytes(b"mirror")
    mirrored = replace(settings_in(tmp_path), mirror=tmp_path / "mirror")
    for file in ("dogs.csv", str(tmp_path / "elsewhere" / "dogs.csv"), "elsewhere/d?gs.csv"):
        (fetched,), _ = take(file, tmp_path, settings=mirrored)
        assert fetched.path.read_bytes() == b"mirror"


def test_an_absolute_path_and_one_within_the_inbox_are_found(put: Put, tmp_path: Path) -> None:
    put("kennels/dogs.csv")
    (tmp_path / "share").mkdir()
    (tmp_path / "share" / "dogs.csv").write_bytes(b"share")
    assert take("kennels/dogs.csv", tmp_path)[0][0].path.read_bytes() == b"kennels/dogs.csv"
    (fetched,), _ = take(str(tmp_path / "share" / "dogs.csv"), tmp_path)
    assert (fetched.path.read_bytes(), fetched.file_name) == (b"share", "dogs.csv")


def test_a_file_that_is_too_large_is_refused(put: Put, tmp_path: Path) -> None:
    path = put("dogs.csv", CONTENT)
    assert take("dogs.csv", tmp_path, at_most_mb=0.001) == (
        [],
        f"{path} is larger than 0 MB, the most this feed may send (source.at_most_mb in its defs.yaml).",
    )


def test_a_file_that_is_still_being_written_is_not_taken(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = put("dogs.csv", CONTENT)
    plain = files.pour

    def pour_while_it_grows(*args: Any) -> tuple[str, int]:
        poured = plain(*args)
        with path.open("ab") as more:
            more.write(b"more")
        return poured

    monkeypatch.setattr(files, "pour", pour_while_it_grows)
    assert take("dogs.csv", tmp_path) == (
        [],
        f"{path} is still being written: it changed while it was copied. Run again.",
    )


def test_a_file_that_may_not_be_read_is_said(put: Put, tmp_path: Path) -> None:
    path = put("dogs.csv/inner")
    _, said = take("dogs.csv", tmp_path)
    assert said.startswith(f"{path.parent} cannot be read (Is a directory)")


@pytest.mark.parametrize("secret", [None, "wrong"])
def test_a_zip_s_password_is_tried_before_it_is_taken(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    import pyzipper

    path = put("dogs.zip")
    with pyzipper.AESZipFile(path, "w", zipfile.ZIP_DEFLATED, encryption=pyzipper.WZ_AES) as packed:
        packed.setpassword(b"hunter2")
        packed.writestr("dogs.csv", CONTENT)
    if secret:
        monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", secret)
    taken, said = take("dogs.zip", tmp_path, member="*.csv", password="kennels")
    assert taken == [] and ("is not the zip's password" if secret else "is not set") in said
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", "hunter2")
    assert len(take("dogs.zip", tmp_path, member="*.csv", password="kennels")[0]) == 1


# Patterns.


def test_a_pattern_takes_only_what_is_new_or_changed(put: Put, tmp_path: Path) -> None:
    for name in ("dogs_a.csv", "dogs_b.csv", "cats.csv", ".dogs_c.csv", "dogs_d.csv.part", "~$dogs_e.csv"):
        put(name)
    taken, said = take("*dogs_*", tmp_path)
    assert (names(taken), said) == (["dogs_a.csv", "dogs_b.csv"], "")
    known = known_of(taken)
    assert take("*dogs_*", tmp_path, known) == ([], "")
    put("dogs_c.csv")
    put("dogs_a.csv", b"mended")
    again, _ = take("*dogs_*", tmp_path, known)
    assert [f.path.read_bytes() for f in again] == [b"mended", b"dogs_c.csv"]


def test_a_pattern_with_a_day_goes_by_the_day(put: Put, tmp_path: Path) -> None:
    for name in (
        "dogs_05032014.csv",
        "dogs_01042014.csv",
        "dogs_31122013.csv",
        "dogs_31022014.csv",
        "dogs_x.csv",
    ):
        put(name)
    taken, _ = take("dogs_{day:%d%m%Y}.csv", tmp_path)
    assert names(taken) == ["dogs_31122013.csv", "dogs_05032014.csv", "dogs_01042014.csv"]


def test_where_nothing_fits_pattern_and_folder_are_named(put: Put, tmp_path: Path) -> None:
    put("cats.csv")
    said = f"{tmp_path}/home/inbox holds no file that dogs_{{day}}.csv fits. Put it there"
    assert take("dogs_{day}.csv", tmp_path)[1].startswith(said)


def test_a_backfill_takes_its_days_and_names_those_that_are_missing(put: Put, tmp_path: Path) -> None:
    for day in (1, 2, 3, 5):
        put(f"dogs_2014-03-0{day}_v{day}.csv")
    wanted = tuple(date(2014, 3, day) for day in (2, 4, 5))
    taken, said = take("dogs_{day}_*.csv", tmp_path, Known(days=wanted))
    assert names(taken) == ["dogs_2014-03-02_v2.csv", "dogs_2014-03-05_v5.csv"]
    assert "fits of 2014-03-04. Put it there" in said
    assert take("dogs_{day}_*.csv", tmp_path, known_of(taken, days=wanted[::2])) == ([], "")


def test_a_month_s_file_is_of_all_its_days(put: Put, tmp_path: Path) -> None:
    for month in (2, 3):
        put(f"dogs_2014{month:02}.csv")
    taken, said = take("dogs_{day:%Y%m}.csv", tmp_path, Known(days=(date(2014, 3, 7), date(2014, 3, 8))))
    assert (names(taken), said) == (["dogs_201403.csv"], "")


def test_folders_of_a_pattern_are_part_of_the_name(put: Put, tmp_path: Path) -> None:
    for name in ("2014/03/dogs.csv", "2014/04/dogs.csv", "2014/13/dogs.csv"):
        put(name)
    absolute = f"{tmp_path}/home/inbox/{{day:%Y}}/{{day:%m}}/dogs.csv"
    for file in ("{day:%Y}/{day:%m}/dogs.csv", absolute):
        taken, _ = take(file, tmp_path)
        assert names(taken) == ["2014_03_dogs.csv", "2014_04_dogs.csv"]
        assert taken[0].source == f"{tmp_path}/home/inbox/2014/03/dogs.csv"


def test_a_file_that_cannot_be_taken_now_stops_those_after_it(
    put: Put, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (1, 2, 3):
        put(f"dogs_2014-03-0{day}.csv")
    plain = files.pour

    def pour(chunks: Any, copy: Any, feed: Any, source: str) -> tuple[str, int]:
        if source.endswith("02.csv"):
            os.utime(source, (1, 1))
        return plain(chunks, copy, feed, source)

    monkeypatch.setattr(files, "pour", pour)
    taken, said = take("dogs_{day}.csv", tmp_path)
    assert names(taken) == ["dogs_2014-03-01.csv"] and "02.csv is still being written" in said


@pytest.mark.parametrize(
    ("text", "said"),
    [("dogs_{day:%H}.csv", "%H is no part of a day"), ("dogs_{days}.csv", "write the day as {day}")],
)
def test_a_day_that_cannot_be_read_is_said(tmp_path: Path, text: str, said: str) -> None:
    assert said in take(text, tmp_path)[1]


@pytest.mark.parametrize(
    ("text", "name", "day"),
    [
        ("dogs_{day}.csv", "dogs_2014-03-05.csv", date(2014, 3, 5)),
        ("dogs_{day}.csv", "dogs_2014-3-5.csv", None),
        ("dogs_{day:%d %b %Y}.csv", "dogs_05 Mar 2014.csv", date(2014, 3, 5)),
        ("dogs_{day:%y%j}.csv", "dogs_14064.csv", date(2014, 3, 5)),
        ("{day:%Y}/dogs_{day:%Y%m%d}.csv", "2014/dogs_20140305.csv", date(2014, 3, 5)),
        ("{day:%Y}/dogs_{day:%Y%m%d}.csv", "2013/dogs_20140305.csv", None),
        ("dogs+(1)_{day:%Y.%m.%d}", "dogs+(1)_2014.03.05", date(2014, 3, 5)),
        ("dogs+(1)_{day:%Y.%m.%d}", "dogs+(1)_2014x03x05", None),
    ],
)
def test_a_day_is_read_as_its_form_says(text: str, name: str, day: date | None) -> None:
    assert (Pattern(text).day(name), Pattern(text).fits(name)) == (day, day is not None)
