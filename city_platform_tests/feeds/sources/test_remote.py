"""Feeds from a web address: bytes arrive as sent, only what is new is taken, day by day where it comes so."""

from __future__ import annotations

import base64
import gzip
import hashlib
import time
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import Fetched, Known, fetch, remote
from city_platform_tests.feeds.small_feed import Bench, licences, small_feed
from city_platform_tests.feeds.sources.office import (
    CONTENT,
    Answer,
    Office,
    feed_at,
    settings_in,
    take_all,
)

pytestmark = pytest.mark.usefixtures("waits")
PACKED = gzip.compress(CONTENT, mtime=0)
TRIES = small_feed().source.tries
TODAY = date(2014, 3, 5)


def take(url: str, folder: Path, **source: Any) -> Fetched:
    (fetched,) = take_all(feed_at(url, **source), folder)
    return fetched


# One file.


@pytest.mark.parametrize(("path", "body"), [("/dogs.csv", CONTENT), ("/dogs.csv.gz", PACKED)])
@pytest.mark.parametrize("query", ["", "?limit=50"])
def test_bytes_arrive_as_sent_with_their_hash(
    office: Office, tmp_path: Path, path: str, body: bytes, query: str
) -> None:
    url = office.url(path, Answer(body=body)) + query
    fetched = take(url, tmp_path)
    assert fetched.path.read_bytes() == body
    assert (fetched.sha256, fetched.bytes) == (hashlib.sha256(body).hexdigest(), len(body))
    # What follows a question mark may hold a token, and is remembered nowhere.
    assert (fetched.source, fetched.file_name) == (url.removesuffix(query), path[1:])
    assert "limit" not in repr(fetched)


def test_a_packed_file_stays_packed_although_the_server_calls_that_its_encoding(
    office: Office, tmp_path: Path
) -> None:
    url = office.url("/dogs.csv.gz", Answer(body=PACKED, headers={"Content-Encoding": "gzip"}))
    assert take(url, tmp_path).path.read_bytes() == PACKED


def test_what_was_packed_for_the_way_only_is_unpacked(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(body=PACKED, headers={"Content-Encoding": "gzip"}))
    assert take(url, tmp_path).path.read_bytes() == CONTENT


def test_a_web_page_instead_of_data_is_taken_as_it_is_for_the_reader_to_judge(
    office: Office, tmp_path: Path
) -> None:
    url = office.url("/dogs.csv", Answer(body=b"<html>Hello", headers={"Content-Type": "text/html"}))
    assert take(url, tmp_path).path.read_bytes() == b"<html>Hello"


def test_not_found_is_said_at_once(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(404, b"no"))
    with pytest.raises(NotReceivedError, match=f"{url} answered 404 Not Found. Check the address"):
        take(url, tmp_path)
    assert len(office.asked) == 1


@pytest.mark.parametrize("status", [500, 429])
def test_a_passing_fault_is_tried_again(office: Office, tmp_path: Path, status: int) -> None:
    url = office.url("/dogs.csv", Answer(status, b"later"), Answer(status, b"later"), Answer())
    assert take(url, tmp_path).path.read_bytes() == CONTENT
    assert len(office.asked) == 3


@pytest.mark.parametrize("status", [500, 429])
def test_a_lasting_fault_ends_after_a_few_tries(office: Office, tmp_path: Path, status: int) -> None:
    url = office.url("/dogs.csv", Answer(status, b"never"))
    with pytest.raises(NotReceivedError, match=f"answered {status} "):
        take(url, tmp_path)
    assert len(office.asked) == TRIES


def test_a_body_that_breaks_off_is_not_taken_for_the_file(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(body=CONTENT[:500], promised=len(CONTENT)), Answer())
    assert take(url, tmp_path).path.read_bytes() == CONTENT
    assert len(office.asked) == 2


def test_what_a_run_could_not_end_the_next_run_goes_on_with(office: Office, tmp_path: Path) -> None:
    url = office.keep("/dogs.csv", cuts=[1000])
    with pytest.raises(NotReceivedError, match="broke off after 1,000 bytes"):
        take(url, tmp_path, tries=1)
    assert take(url, tmp_path).path.read_bytes() == CONTENT
    assert [a.headers.get("range") for a in office.requests] == [None, "bytes=1000-"]


def test_more_than_the_bound_is_refused(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer())
    with pytest.raises(NotReceivedError, match=f"{url} is larger than 0 MB.*source.at_most_mb"):
        take(url, tmp_path, at_most_mb=0.001)
    assert len(office.asked) == 1
    assert list((tmp_path / "taken").iterdir()) == []


def test_a_bomb_of_packed_zeros_is_refused_while_it_is_unpacked(office: Office, tmp_path: Path) -> None:
    bomb = gzip.compress(bytes(20_000_000))
    url = office.url("/dogs.csv", Answer(body=bomb, headers={"Content-Encoding": "gzip"}))
    with pytest.raises(NotReceivedError, match="larger than 1 MB"):
        take(url, tmp_path, at_most_mb=1)


def test_nobody_at_the_address_is_said(office: Office, tmp_path: Path) -> None:
    with Office() as gone:
        url = gone.url("/dogs.csv", Answer())
    with pytest.raises(NotReceivedError, match=f"{url} gave no answer .ConnectError. in {TRIES} tries"):
        take(url, tmp_path)


def test_a_server_that_does_not_answer_is_left_after_the_timeout(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(wait_s=5))
    started = time.monotonic()
    with pytest.raises(NotReceivedError, match="gave no answer .ReadTimeout."):
        take(url, tmp_path, timeout_s=0.1)
    assert time.monotonic() - started < 5


def test_a_redirect_is_followed_and_a_circle_is_said(office: Office, tmp_path: Path) -> None:
    target = office.url("/new.csv", Answer())
    url = office.url("/dogs.csv", Answer(302, b"", {"Location": target}))
    fetched = take(url, tmp_path)
    assert (fetched.path.read_bytes(), fetched.source) == (CONTENT, url)
    circle = office.url("/circle.csv", Answer(302, b"", {"Location": "/circle.csv"}))
    with pytest.raises(NotReceivedError, match="in a circle"):
        take(circle, tmp_path)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()], ids=["nothing", "a folder"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, make: object) -> None:
    path = tmp_path / "home" / "inbox" / "dogs.csv"
    path.parent.mkdir(parents=True)
    make(path)  # type: ignore[operator]
    with pytest.raises(NotReceivedError, match=f"^{path} .*--mirror"):
        next(fetch(small_feed(), settings_in(tmp_path), tmp_path / "taken", Known()))


# Only what is new.


@pytest.mark.parametrize(
    ("headers", "asked"),
    [
        ({"ETag": '"1"'}, {"if-none-match": '"1"'}),
        (
            {"Last-Modified": "Wed, 05 Mar 2014 10:00:00 GMT"},
            {"if-modified-since": "Wed, 05 Mar 2014 10:00:00 GMT"},
        ),
    ],
    ids=["etag", "last-modified"],
)
def test_what_is_not_new_is_not_taken_again(
    office: Office, tmp_path: Path, headers: dict[str, str], asked: dict[str, str]
) -> None:
    feed = feed_at(office.keep("/dogs.csv", headers=headers))
    (first,) = take_all(feed, tmp_path)
    assert take_all(feed, tmp_path, Known(state=first.state)) == []
    assert asked.items() <= office.requests[1].headers.items()
    office.keep(
        "/dogs.csv", b"new", headers={"ETag": '"2"', "Last-Modified": "Thu, 06 Mar 2014 10:00:00 GMT"}
    )
    (second,) = take_all(feed, tmp_path, Known(state=first.state))
    assert second.path.read_bytes() == b"new" and second.state["etag"] == '"2"'


def test_what_another_address_said_is_not_asked_with(office: Office, tmp_path: Path) -> None:
    (first,) = take_all(feed_at(office.keep("/dogs.csv")), tmp_path)
    moved = feed_at(office.keep("/moved.csv"))
    assert len(take_all(moved, tmp_path, Known(state=first.state))) == 1
    assert "if-none-match" not in office.requests[1].headers


# Credentials.


@pytest.mark.parametrize(
    ("secret", "sent"),
    [
        ("hunter2", "Bearer hunter2"),
        ("me:hünter2", "Basic " + base64.b64encode("me:hünter2".encode()).decode()),
    ],
    ids=["a token", "user and password"],
)
def test_credentials_are_sent_as_the_server_wants_them(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, secret: str, sent: str
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", secret)
    fetched = take(office.keep("/dogs.csv"), tmp_path, token="kennels")
    assert office.requests[0].headers["authorization"] == sent
    assert secret not in repr(fetched)


@pytest.mark.parametrize("status", [401, 403])
def test_bad_credentials_are_said_once_and_not_shown(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", "hunter2")
    url = office.url("/dogs.csv", Answer(status, b"hunter2"))
    with pytest.raises(NotReceivedError, match=f"answered {status} .*the secret kennels") as refused:
        take(url, tmp_path, token="kennels")
    assert "hunter2" not in str(refused.value) and len(office.requests) == 1


def test_a_secret_that_is_not_set_is_said_before_anybody_is_asked(office: Office, tmp_path: Path) -> None:
    url = office.keep("/dogs.csv")
    with pytest.raises(
        NotReceivedError, match="The secret kennels is not set: set CITY_PLATFORM_SECRET_KENNELS"
    ):
        take(url, tmp_path, token="kennels")
    assert office.requests == []


# Day by day.


@pytest.fixture
def days(office: Office, monkeypatch: pytest.MonkeyPatch) -> str:
    """An address with a file for each day from 1 to 5 March 2014, but for the 3rd; today is the 5th."""
    monkeypatch.setattr(remote, "today", lambda: TODAY)
    for day in (1, 2, 4, 5):
        url = office.keep(f"/dogs_201403{day:02}.csv", f"day {day}".encode())
    return url.replace("20140305", "{day:%Y%m%d}")


def taken(feed_url: str, folder: Path, known: Known | None = None, **source: Any) -> tuple[list[str], str]:
    """The names of what one run takes, and what it says at its end."""
    names = []
    try:
        for fetched in fetch(
            feed_at(feed_url, **source), settings_in(folder), folder / "taken", known or Known()
        ):
            names.append(fetched.file_name)
            assert fetched.path.read_bytes().decode().endswith(fetched.file_name[-5])
    except NotReceivedError as error:
        return names, str(error)
    return names, ""


def test_every_day_since_the_last_one_is_a_delivery(days: str, tmp_path: Path) -> None:
    assert taken(days, tmp_path) == (["dogs_20140305.csv"], "")  # nothing is known: today's
    names, said = taken(days, tmp_path, Known(state={"day": "2014-03-01"}))
    assert names == ["dogs_20140302.csv", "dogs_20140304.csv", "dogs_20140305.csv"]
    assert "has nothing of 2014-03-03 (404 Not Found)" in said
    assert taken(days, tmp_path, Known(state={"day": "2014-03-05"})) == ([], "")


def test_the_first_day_is_where_it_begins(days: str, tmp_path: Path) -> None:
    names, _ = taken(days, tmp_path, first_day=date(2014, 3, 2))
    assert names == ["dogs_20140302.csv", "dogs_20140304.csv", "dogs_20140305.csv"]


def test_today_may_not_be_there_yet(days: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "today", lambda: TODAY + timedelta(days=1))
    assert taken(days, tmp_path, Known(state={"day": "2014-03-04"})) == (["dogs_20140305.csv"], "")


def test_a_backfill_takes_the_days_it_is_asked_for_and_forgets_nothing(days: str, tmp_path: Path) -> None:
    known = Known(state={"day": "2014-03-05"}, days=(date(2014, 3, 1), date(2014, 3, 3)))
    assert taken(days, tmp_path, known)[0] == ["dogs_20140301.csv"]
    (fetched,) = take_all(feed_at(days), tmp_path, Known(known.state, days=known.days[:1]))
    assert fetched.state == {"day": "2014-03-05"}


def test_a_fault_stops_before_the_days_that_follow(days: str, office: Office, tmp_path: Path) -> None:
    del office.shelves["/dogs_20140302.csv"]
    office.url("/dogs_20140302.csv", Answer(503, b"busy"))
    names, said = taken(days, tmp_path, first_day=date(2014, 3, 1))
    assert names == ["dogs_20140301.csv"] and "answered 503" in said


def test_a_run_asks_for_so_many_days_only(
    days: str, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "DAYS_A_RUN", 3)
    taken(days, tmp_path, first_day=date(2014, 3, 1))
    assert len(office.requests) == 3


def test_a_day_that_cannot_be_written_is_said(days: str, tmp_path: Path) -> None:
    assert "%H is no part of a day" in taken(days.replace("%d}", "%H}"), tmp_path)[1]


# The whole way.


def test_a_feed_is_loaded_from_its_address_and_the_mirror_goes_before_it(
    office: Office, bench: Bench
) -> None:
    feed = small_feed(source={"url": office.url("/dogs.csv", Answer())})
    object.__setattr__(bench.settings, "mirror", None)
    assert bench.load(feed).status == "loaded"
    assert len(bench.staging(feed)) == 50
    assert bench.deliveries(feed)[0]["source"] == feed.source.url
    office.url("/dogs.csv", Answer(404, b"gone"))
    missing = bench.load(feed)
    assert missing.status == "missing"
    assert missing.message.startswith("Feed kennels/dogs, file dogs.csv: nothing arrived: http://127.0.0.1")
    assert len(bench.staging(feed)) == 50
    asked = len(office.asked)
    object.__setattr__(bench.settings, "mirror", bench.mirror)
    assert bench.send(licences(51), feed).status == "loaded"
    assert len(office.asked) == asked
