"""The inbox: each file goes to the feed that its name fits; what fits none is set aside, said and never lost."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from city_platform.feeds.declaration import Feed
from city_platform.feeds.sources.inbox import SETTLED_S, Unclaimed, fits, route, waiting
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import small_feed
from city_platform_tests.feeds.sources.office import settings_in

FEEDS = [
    small_feed(),
    small_feed(name="daily", source={"file": "dogs_{day:%Y%m%d}.csv"}),
    small_feed(name="all", source={"file": "dogs*.csv"}),
    small_feed(name="web", source={"url": "https://example.org/cats.csv", "file": "cats.csv"}),
    small_feed(name="stock", source={"database": "kennels", "table": "dog"}),
]
Put = Callable[..., Path]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def put(settings: Settings) -> Put:
    def put(name: str, content: str = "content") -> Path:
        path = settings.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
        return path

    return put


def later() -> float:
    """When all that was put is settled."""
    return time.time() + SETTLED_S + 1


def set_aside(settings: Settings, feeds: list[Feed] = FEEDS) -> list[Unclaimed]:
    return route(settings, feeds, later())


def test_what_fits_no_feed_is_set_aside_and_said(settings: Settings, put: Put) -> None:
    put("dogs.csv")
    put("minutes.docx", "the minutes")
    (found,) = set_aside(settings)
    assert found.name == "minutes.docx"
    assert found.path == settings.inbox / "unclaimed" / "minutes.docx"
    assert found.path.read_text() == "the minutes"
    assert found.message.startswith(
        "No feed takes the file minutes.docx of the inbox; it was moved to unclaimed/minutes.docx there."
    )
    assert "source.file" in found.message
    assert sorted(p.name for p in settings.inbox.iterdir()) == ["dogs.csv", "unclaimed"]
    assert set_aside(settings) == []  # once


def test_what_is_set_aside_overwrites_nothing(settings: Settings, put: Put) -> None:
    for content in ("first", "second", "third"):
        put("minutes.docx", content)
        set_aside(settings)
    kept = {p.name: p.read_text() for p in (settings.inbox / "unclaimed").iterdir()}
    assert kept == {"minutes.docx": "first", "minutes.2.docx": "second", "minutes.3.docx": "third"}


@pytest.mark.parametrize(
    "name",
    [".hidden", "~$dogs.xlsx", "x.part", "x.tmp", "X.CRDOWNLOAD", "x.filepart", ".git/config"],
)
def test_what_is_not_finished_is_left_alone(settings: Settings, put: Put, name: str) -> None:
    path = put(name)
    assert set_aside(settings) == [] and path.exists()


def test_what_has_just_come_is_left_alone(settings: Settings, put: Put) -> None:
    path = put("minutes.docx")
    assert route(settings, FEEDS) == [] and path.exists()
    put("dogs.csv")
    assert waiting(settings, FEEDS) == {}


def test_a_file_for_several_feeds_stays_for_all_of_them(settings: Settings, put: Put) -> None:
    path = put("dogs_20140305.csv")
    assert set_aside(settings) == [] and path.exists()
    assert waiting(settings, FEEDS, later()) == {"kennels/daily": [path], "kennels/all": [path]}


def test_a_database_s_file_and_what_sqlite_keeps_beside_it_stay(settings: Settings, put: Put) -> None:
    for tail in ("", "-wal", "-shm"):
        put(f"kennels.sqlite{tail}")
    assert set_aside(settings) == []
    assert len(waiting(settings, FEEDS, later())["kennels/stock"]) == 3
    put("other.sqlite")
    assert [u.name for u in set_aside(settings)] == ["other.sqlite"]


def test_folders_within_the_inbox_are_looked_into(settings: Settings, put: Put) -> None:
    feeds = [small_feed(source={"file": "kennels/dogs_*.csv"})]
    stays = put("kennels/dogs_1.csv")
    put("dogs_1.csv")
    put("kennels/cats.csv")
    assert [u.name for u in set_aside(settings, feeds)] == ["dogs_1.csv", "kennels/cats.csv"]
    assert stays.exists() and (settings.inbox / "unclaimed/kennels/cats.csv").exists()


def test_a_feed_may_name_the_inbox_by_its_whole_path(settings: Settings, put: Put) -> None:
    path = put("dogs_1.csv")
    feed = small_feed(source={"file": f"{settings.inbox}/dogs_*.csv"})
    assert set_aside(settings, [feed]) == []
    assert waiting(settings, [feed], later()) == {feed.id: [path]}


def test_with_a_mirror_the_inbox_is_not_touched(settings: Settings, put: Put) -> None:
    path = put("minutes.docx")
    mirrored = replace(settings, mirror=settings.home)
    assert set_aside(mirrored) == [] and path.exists()


def test_a_name_that_differs_in_capitals_is_told_which_feed_it_may_be_for(
    settings: Settings, put: Put
) -> None:
    put("Dogs.CSV")
    (found,) = set_aside(settings)
    assert "differs from what kennels/dogs takes (dogs.csv) in capitals only" in found.message


def test_what_cannot_be_moved_is_said_and_stays(settings: Settings, put: Put) -> None:
    path = put("minutes.docx")
    (settings.inbox / "unclaimed").write_text("a file where the folder should be")
    (found,) = [u for u in set_aside(settings) if u.name == "minutes.docx"]
    assert "could not be set aside" in found.message and found.path == path and path.exists()


def test_an_inbox_that_is_not_there_holds_nothing(settings: Settings) -> None:
    assert (set_aside(settings), waiting(settings, FEEDS, later())) == ([], {})


@pytest.mark.parametrize(
    ("name", "feeds"),
    [
        ("dogs.csv", "dogs all"),
        ("dogs_20140305.csv", "daily all"),
        ("dogs_20141399.csv", "all"),
        ("dogs_20140305.csv.part", ""),
        ("cats.csv", ""),  # its feed asks the web
        ("kennels.sqlite", "stock"),
        ("kennels.csv", ""),
    ],
)
def test_a_name_fits_the_feeds_that_are_declared_so(name: str, feeds: str) -> None:
    assert [f.name for f in FEEDS if fits(f, name)] == feeds.split()
