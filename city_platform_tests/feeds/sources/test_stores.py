"""Feeds from SFTP and other stores: only what is new is taken, whole, from the server that is meant."""

from __future__ import annotations

import hashlib
import json
import logging
import sys
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import fsspec
import pytest
from fsspec.registry import _registry

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import Fetched, Known, fetch
from city_platform_tests.feeds.sources.depot import PASSWORD, USER, Depot, change
from city_platform_tests.feeds.sources.office import CONTENT, feed_at, settings_in, take_all

pytestmark = pytest.mark.usefixtures("waits", "_secret")
# paramiko's thread that asks ahead dies loudly when its connection is cut.
cut = pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
LARGE = bytes(range(256)) * 20_000  # 5 MB


@pytest.fixture
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", f"{USER}:{PASSWORD}")
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)


@pytest.fixture
def depot(tmp_path: Path) -> Iterator[Depot]:
    """An SFTP server of an agency."""
    (tmp_path / "depot").mkdir()
    server = Depot(tmp_path / "depot")
    yield server
    server.close()


@pytest.fixture
def bucket() -> Iterator[Any]:
    """fsspec's store in memory, which stands for those that are not here."""
    store = fsspec.filesystem("memory")
    store.store.clear()
    yield store
    store.store.clear()


def take(url: str, folder: Path, known: Known | None = None, **source: Any) -> list[Fetched]:
    return take_all(feed_at(url, **({"token": "kennels"} | source)), folder, known)


def cut_once_some_is_kept(depot: Depot, folder: Path) -> None:
    depot.cut_after = depot.read + len(LARGE) // 2
    depot.may_cut = lambda: any(p.stat().st_size for p in (folder / "taken").iterdir() if not p.suffix)


# SFTP.


def test_a_file_comes_over_sftp_as_sent(depot: Depot, tmp_path: Path) -> None:
    change(depot.folder / "dogs.csv", CONTENT, 0)
    (fetched,) = take(depot.url("dogs.csv"), tmp_path)
    assert fetched.path.read_bytes() == CONTENT
    assert fetched.sha256 == hashlib.sha256(CONTENT).hexdigest()
    assert (fetched.source, fetched.file_name) == (depot.url("dogs.csv"), "dogs.csv")


def test_over_sftp_only_what_changed_is_taken(depot: Depot, tmp_path: Path) -> None:
    url = depot.url("dogs.csv")
    change(depot.folder / "dogs.csv", CONTENT, 0)
    (first,) = take(url, tmp_path)
    read = depot.read
    assert take(url, tmp_path, Known(state=first.state)) == []
    assert depot.read == read
    change(depot.folder / "dogs.csv", CONTENT[::-1], 1)
    assert take(url, tmp_path, Known(state=first.state))[0].path.read_bytes() == CONTENT[::-1]


def test_over_sftp_a_pattern_takes_the_new_files_in_order(depot: Depot, tmp_path: Path) -> None:
    url = depot.url("dogs_{day:%d%m%Y}.csv")
    for name in ("dogs_01042014.csv", "dogs_05032014.csv", "dogs_99992014.csv", "dogs_06032014.csv.part"):
        change(depot.folder / name, name.encode(), 0)
    first = take(url, tmp_path)
    assert [f.file_name for f in first] == ["dogs_05032014.csv", "dogs_01042014.csv"]
    assert first[0].source == depot.url("dogs_05032014.csv")
    change(depot.folder / "dogs_06032014.csv", b"later", 1)
    change(depot.folder / "dogs_05032014.csv", b"mended", 2)
    again = take(url, tmp_path, Known(state=first[-1].state))
    assert [f.path.read_bytes() for f in again] == [b"mended", b"later"]


@cut
def test_over_sftp_a_cut_file_is_gone_on_with(depot: Depot, tmp_path: Path) -> None:
    change(depot.folder / "dogs.csv", LARGE, 0)
    cut_once_some_is_kept(depot, tmp_path)
    (fetched,) = take(depot.url("dogs.csv"), tmp_path)
    assert fetched.path.read_bytes() == LARGE
    assert depot.logins == 2
    assert depot.starts[0] == 0 < depot.starts[1]


@cut
def test_over_sftp_the_next_run_goes_on_unless_the_file_changed(depot: Depot, tmp_path: Path) -> None:
    change(depot.folder / "dogs.csv", LARGE, 0)
    for seconds in (0, 1):
        cut_once_some_is_kept(depot, tmp_path)
        with pytest.raises(NotReceivedError, match="gave no answer .* in 1 tries"):
            take(depot.url("dogs.csv"), tmp_path, tries=1)
        change(depot.folder / "dogs.csv", LARGE[::-1] if seconds else LARGE, seconds)
        (fetched,) = take(depot.url("dogs.csv"), tmp_path)
        assert fetched.path.read_bytes() == (LARGE[::-1] if seconds else LARGE)
        assert (depot.starts[-1] == 0) == bool(seconds)
        fetched.path.unlink()


@pytest.mark.parametrize("secret", ["council:wrong", '{"username": "council", "password": "wrong"}'])
def test_over_sftp_a_wrong_password_is_said_once_and_not_shown(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", secret)
    with pytest.raises(NotReceivedError, match="refuses the credentials in the secret kennels") as refused:
        take(depot.url("dogs.csv"), tmp_path)
    assert "wrong" not in str(refused.value)
    assert depot.logins == 1


def test_over_sftp_a_server_with_another_key_is_not_trusted(depot: Depot, tmp_path: Path) -> None:
    change(depot.folder / "dogs.csv", CONTENT, 0)
    take(depot.url("dogs.csv"), tmp_path)
    depot.close()
    impostor = Depot(depot.folder, port=depot.port)
    try:
        with pytest.raises(NotReceivedError, match="shows another key than .*known_hosts holds"):
            take(depot.url("dogs.csv"), tmp_path)
        assert impostor.logins == 0  # it never saw the password
    finally:
        impostor.close()


def test_over_sftp_a_stall_is_left_after_the_timeout(depot: Depot, tmp_path: Path) -> None:
    change(depot.folder / "dogs.csv", CONTENT, 0)
    depot.stall_s = 1.5
    started = time.monotonic()
    with pytest.raises(NotReceivedError, match="gave no answer .TimeoutError. in 1 tries"):
        take(depot.url("dogs.csv"), tmp_path, timeout_s=0.5, tries=1)
    assert time.monotonic() - started < 5


def test_nobody_at_an_sftp_address_is_said_after_its_tries(
    depot: Depot, tmp_path: Path, waits: list[float]
) -> None:
    depot.close()
    with pytest.raises(NotReceivedError, match="gave no answer .* in 3 tries. Run later"):
        take(depot.url("dogs.csv"), tmp_path, tries=3)
    assert len(waits) == 2 and waits[0] < waits[1]


# Every store.


def test_a_file_of_a_store_is_taken_when_it_changed(bucket: Any, tmp_path: Path) -> None:
    bucket.pipe("/drop/dogs.csv", CONTENT)
    (first,) = take("memory://drop/dogs.csv", tmp_path, token=None)
    assert (first.path.read_bytes(), first.file_name) == (CONTENT, "dogs.csv")
    assert take("memory://drop/dogs.csv", tmp_path, Known(state=first.state), token=None) == []
    bucket.pipe("/drop/dogs.csv", CONTENT)
    assert len(take("memory://drop/dogs.csv", tmp_path, Known(state=first.state), token=None)) == 1


def test_a_pattern_of_a_store_reaches_into_folders(bucket: Any, tmp_path: Path) -> None:
    for day in (1, 2):
        bucket.pipe(f"/drop/2014-03-0{day}/dogs.csv", f"day {day}".encode())
    found = take("memory://drop/{day}/dogs.csv", tmp_path, token=None)
    assert [f.file_name for f in found] == ["2014-03-01_dogs.csv", "2014-03-02_dogs.csv"]
    assert [f.source for f in found] == [f"memory://drop/2014-03-0{d}/dogs.csv" for d in (1, 2)]
    taken = {f.file_name: f.sha256 for f in found}
    assert take("memory://drop/{day}/dogs.csv", tmp_path, Known(taken=taken), token=None) == []


def test_a_backfill_from_a_store_says_which_days_are_missing(bucket: Any, tmp_path: Path) -> None:
    for day in (1, 2):
        bucket.pipe(f"/drop/dogs_2014-03-0{day}.csv", b"")
    wanted = Known(days=(date(2014, 3, 2), date(2014, 3, 3)))
    feed = feed_at("memory://drop/dogs_{day}.csv")
    names = []
    with pytest.raises(NotReceivedError, match="has nothing of 2014-03-03"):
        for fetched in fetch(feed, settings_in(tmp_path), tmp_path / "taken", wanted):
            names.append(fetched.file_name)
    assert names == ["dogs_2014-03-02.csv"]


def test_more_than_the_bound_is_not_taken_from_a_store(bucket: Any, tmp_path: Path) -> None:
    bucket.pipe("/drop/dogs.csv", bytes(2000))
    with pytest.raises(NotReceivedError, match="dogs.csv.* is larger than 0 MB.*source.at_most_mb"):
        take("memory://drop/dogs.csv", tmp_path, token=None, at_most_mb=0.001)
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_file_that_changes_while_it_is_copied_is_not_taken(
    bucket: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.pipe("/drop/dogs.csv", CONTENT)
    plain = type(bucket)._open

    def open_and_change(self: Any, path: str, *args: Any, **options: Any) -> Any:
        found = plain(self, path, *args, **options)
        self.store[path] = type(found)(self, path, CONTENT + b"more")
        return found

    monkeypatch.setattr(type(bucket), "_open", open_and_change)
    with pytest.raises(NotReceivedError, match="dogs.csv.* is still being written"):
        take("memory://drop/dogs.csv", tmp_path, token=None)
    assert list((tmp_path / "taken").iterdir()) == []


@pytest.mark.parametrize("name", ["dogs.csv", "dogs_*.csv"])
def test_what_is_not_there_is_said(bucket: Any, tmp_path: Path, name: str) -> None:
    bucket.pipe("/drop/cats.csv", b"")
    with pytest.raises(NotReceivedError, match="is not there|nothing there fits"):
        take(f"memory://drop/{name}", tmp_path, token=None)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("s3://drop/dogs.csv", r"driver for s3:// is not installed. Install .*city-platform\[s3\]"),
        ("az://drop/dogs.csv", r"driver for az:// is not installed. Install .*city-platform\[azure\]"),
        ("sftp://127.0.0.1/dogs.csv", r"sftp:// is not installed. Install .*city-platform\[sftp\]"),
        ("gopher://drop/dogs.csv", "there is no driver for gopher://. Check the address"),
    ],
)
def test_a_driver_that_is_missing_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, url: str, said: str
) -> None:
    for module in ("s3fs", "adlfs", "paramiko"):  # as if they were not installed
        monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.sftp", raising=False)
    for protocol in ("sftp", "s3", "az"):
        monkeypatch.delitem(_registry, protocol, raising=False)
    with pytest.raises(NotReceivedError, match=said):
        take(url, tmp_path)


@pytest.mark.parametrize(
    ("secret", "said"),
    [
        ("hunter2", "neither user:password nor JSON"),
        ('{"hunter2', "is no JSON"),
        ('{"hunter2": 1}', "does not take"),
    ],
)
def test_a_secret_that_no_store_understands_is_said_and_not_shown(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str, said: str
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", secret)
    with pytest.raises(NotReceivedError, match=said) as refused:
        take(depot.url("dogs.csv"), tmp_path)
    assert "hunter2" not in str(refused.value)


def test_a_store_s_secret_that_is_not_set_is_said(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CITY_PLATFORM_SECRET_KENNELS")
    with pytest.raises(NotReceivedError, match="The secret kennels is not set"):
        take(depot.url("dogs.csv"), tmp_path)
    assert depot.logins == 0


def test_the_driver_s_own_options_may_be_the_secret(
    depot: Depot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    change(depot.folder / "dogs.csv", CONTENT, 0)
    options = {"username": USER, "password": PASSWORD, "allow_agent": False, "look_for_keys": False}
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", json.dumps(options))
    assert len(take(depot.url("dogs.csv"), tmp_path)) == 1
