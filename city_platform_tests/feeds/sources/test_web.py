"""Asking over HTTP: what is cut is gone on with, waits are the server's, every failure is said and bounded."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import web
from city_platform.feeds.sources.web import RefusedError, Web, show
from city_platform_tests.feeds.sources.office import CONTENT, Answer, Office, feed_at

pytestmark = pytest.mark.usefixtures("waits")
ROWS = json.dumps([{"id": 1}]).encode()
SHA = hashlib.sha256(CONTENT).hexdigest()


def open_web(url: str, headers: dict[str, str] | None = None, **source: Any) -> Web:
    return Web(feed_at(url, **source), headers)


def ranges(office: Office) -> list[str | None]:
    return [a.headers.get("range") for a in office.requests]


# Cut downloads.


def test_a_cut_download_is_gone_on_with_by_the_next_try(office: Office, tmp_path: Path) -> None:
    url = office.keep("/dogs.csv", cuts=[1000, 300])
    with open_web(url) as asking:
        found = asking.download(url, tmp_path / "part")
    assert (found.sha256, found.bytes) == (SHA, len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert ranges(office) == [None, "bytes=1000-", "bytes=1300-"]
    assert office.requests[1].headers["if-range"] == '"1"'
    assert office.requests[0].headers["accept-encoding"] == "identity"  # else there is nothing to go on with
    assert [p.name for p in tmp_path.iterdir()] == ["part"]  # no note is left


def test_a_cut_download_is_gone_on_with_by_the_next_run(office: Office, tmp_path: Path) -> None:
    url = office.keep("/dogs.csv", cuts=[1000])
    with (
        open_web(url, tries=1) as asking,
        pytest.raises(NotReceivedError, match=f"{url} broke off after 1,000 bytes of the {len(CONTENT):,}"),
    ):
        asking.download(url, tmp_path / "part")
    with open_web(url) as another:
        assert another.download(url, tmp_path / "part").sha256 == SHA
    assert ranges(office) == [None, "bytes=1000-"]


def test_where_there_is_no_etag_the_time_of_change_tells_the_version(office: Office, tmp_path: Path) -> None:
    modified = "Wed, 05 Mar 2014 10:00:00 GMT"
    url = office.keep("/dogs.csv", cuts=[1000], headers={"ETag": 'W/"1"', "Last-Modified": modified})
    with open_web(url) as asking:
        assert asking.download(url, tmp_path / "part").sha256 == SHA
    assert ranges(office) == [None, "bytes=1000-"]
    assert office.requests[1].headers["if-range"] == modified


@pytest.mark.parametrize("looks_at_if_range", [True, False], ids=["a good server", "a careless server"])
def test_a_file_that_changed_since_the_cut_is_taken_from_its_start(
    office: Office, tmp_path: Path, looks_at_if_range: bool
) -> None:
    url = office.keep("/dogs.csv", CONTENT[::-1], cuts=[1000], looks_at_if_range=looks_at_if_range)
    with open_web(url, tries=1) as asking, pytest.raises(NotReceivedError):
        asking.download(url, tmp_path / "part")
    office.keep("/dogs.csv", headers={"ETag": '"2"'}, looks_at_if_range=looks_at_if_range)
    with open_web(url) as another:
        assert another.download(url, tmp_path / "part").sha256 == SHA
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_file_that_became_shorter_than_what_was_kept_is_taken_from_its_start(
    office: Office, tmp_path: Path
) -> None:
    url = office.keep("/dogs.csv", cuts=[1000], looks_at_if_range=False)
    with open_web(url, tries=1) as asking, pytest.raises(NotReceivedError):
        asking.download(url, tmp_path / "part")
    office.keep("/dogs.csv", CONTENT[:800], headers={"ETag": '"2"'}, looks_at_if_range=False)
    with open_web(url, tries=1) as another:
        assert another.download(url, tmp_path / "part").bytes == 800
    assert ranges(office) == [None, "bytes=1000-", None]


@pytest.mark.parametrize("shelf", [{"knows_parts": False}, {"headers": {}}], ids=["no parts", "no version"])
def test_a_server_that_cannot_go_on_sends_all_of_it_again(
    office: Office, tmp_path: Path, shelf: dict[str, Any]
) -> None:
    url = office.keep("/dogs.csv", cuts=[1000], **shelf)
    with open_web(url) as asking:
        assert asking.download(url, tmp_path / "part").sha256 == SHA
    assert len(office.requests) == 2


def test_what_was_kept_of_another_address_is_not_gone_on_with(office: Office, tmp_path: Path) -> None:
    url = office.keep("/dogs.csv", cuts=[1000])
    with open_web(url, tries=1) as asking, pytest.raises(NotReceivedError):
        asking.download(url, tmp_path / "part")
    cats = office.keep("/cats.csv", CONTENT[::-1])  # by chance with the same ETag
    with open_web(cats) as asking:
        asking.download(cats, tmp_path / "part")
    assert (tmp_path / "part").read_bytes() == CONTENT[::-1]


def test_a_source_that_lies_about_its_length_is_not_believed(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(promised=len(CONTENT) + 5))
    said = (
        f"{url} broke off after {len(CONTENT):,} bytes of the {len(CONTENT) + 5:,} it promised .* in 3 tries"
    )
    with open_web(url, tries=3) as asking, pytest.raises(NotReceivedError, match=said):
        asking.download(url, tmp_path / "part")
    assert len(office.requests) == 3


# Waiting.


def test_the_server_says_how_many_seconds_to_wait(office: Office, waits: list[float]) -> None:
    url = office.url("/rows", Answer(429, b"slow", {"Retry-After": "17"}), Answer(body=ROWS))
    with open_web(url) as asking:
        assert asking.json(url) == [{"id": 1}]
    assert waits == [17]


def test_the_server_says_until_when_to_wait(office: Office, waits: list[float]) -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=40), usegmt=True)
    url = office.url("/rows", Answer(503, b"busy", {"Retry-After": at}), Answer(body=ROWS))
    with open_web(url) as asking:
        assert asking.json(url) == [{"id": 1}]
    assert len(waits) == 1 and 30 < waits[0] <= 41


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_without_a_word_of_the_server_each_wait_is_longer(
    office: Office, waits: list[float], status: int
) -> None:
    url = office.url("/rows", *[Answer(status, b"busy")] * 3, Answer(body=ROWS))
    with open_web(url) as asking:
        assert asking.json(url) == [{"id": 1}]
    assert len(waits) == 3 and web.FIRST_WAIT_S <= waits[0] < waits[1] < waits[2] <= web.LONGEST_BACK_OFF_S


@pytest.mark.parametrize("asks", ["86400", "9" * 30])
def test_a_wait_that_is_too_long_ends_the_run_of_the_feed(
    office: Office, waits: list[float], asks: str
) -> None:
    url = office.url("/rows", Answer(429, b"slow", {"Retry-After": asks}))
    with (
        open_web(url) as asking,
        pytest.raises(
            NotReceivedError, match=r"answered 429 .*called again after 20\d\d-\d\d-\d\d \d\d:\d\d"
        ),
    ):
        asking.json(url)
    assert waits == [] and len(office.requests) == 1


def test_a_server_that_stays_busy_is_left_after_its_tries(office: Office, waits: list[float]) -> None:
    url = office.url("/rows", Answer(503, b"busy"))
    with (
        open_web(url, tries=4) as asking,
        pytest.raises(NotReceivedError, match="answered 503 Service Unavailable in 4 tries"),
    ):
        asking.json(url)
    assert len(office.requests) == 4 and len(waits) == 3


def test_no_more_requests_a_second_than_declared(office: Office, waits: list[float]) -> None:
    url = office.url("/rows", Answer(body=ROWS))
    with open_web(url, per_second=0.5) as asking:
        for _ in range(3):
            asking.json(url)
    # The clock hardly moved meanwhile, so that the third one waits for the second one's turn too.
    assert [round(w / 2) for w in waits] == [1, 2]


# Time-outs and bounds.


def test_a_body_that_stalls_is_left_after_the_timeout(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(stall_after=1000))
    started = time.monotonic()
    with (
        open_web(url, timeout_s=0.1, tries=2) as asking,
        pytest.raises(NotReceivedError, match="broke off after 1,000 bytes .*ReadTimeout.* in 2 tries"),
    ):
        asking.download(url, tmp_path / "part")
    assert time.monotonic() - started < 5
    assert len(office.requests) == 2


def test_a_body_that_drips_is_a_stall_too(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(drip_s=0.02))
    started = time.monotonic()
    with (
        open_web(url, timeout_s=0.2, tries=1) as asking,
        pytest.raises(NotReceivedError, match="broke off after .*ReadTimeout"),
    ):
        asking.download(url, tmp_path / "part")
    assert time.monotonic() - started < 5  # all of it would take 40 s


def test_an_answer_that_is_too_large_is_refused_before_it_is_read(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(promised=3_000_000, stall_after=10))
    with (
        open_web(url, at_most_mb=2) as asking,
        pytest.raises(NotReceivedError, match="larger than 2 MB.*source.at_most_mb"),
    ):
        asking.download(url, tmp_path / "part")
    assert len(office.requests) == 1 and list(tmp_path.iterdir()) == []


def test_a_page_that_is_too_large_is_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    url = office.url("/rows", Answer(body=b"[" + b" " * 2_000_000 + b"]"))
    with open_web(url, at_most_mb=1) as asking, pytest.raises(NotReceivedError, match="larger than 1 MB"):
        asking.json(url)
    monkeypatch.setattr(web, "PAGE_MB", 1.5)
    with (
        open_web(url) as asking,
        pytest.raises(NotReceivedError, match="larger than 2 MB, the most one answer"),
    ):
        asking.json(url)
    assert len(office.requests) == 2


def test_redirects_in_a_circle_end(office: Office) -> None:
    url = office.url("/circle", Answer(302, b"", {"Location": "/circle"}))
    with (
        open_web(url) as asking,
        pytest.raises(NotReceivedError, match=f"{url} sends us on more than {web.REDIRECTS} times"),
    ):
        asking.json(url)
    assert len(office.requests) == web.REDIRECTS + 1


# What comes back.


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (Answer(body=b"<!DOCTYPE html><p>Hello"), "answered with a web page, not with data"),
        (Answer(body=b"Welcome", headers={"Content-Type": "text/HTML"}), "answered with a web page"),
        (Answer(body=b'[{"id": 1},\n{"id"'), r"what is not JSON \(line 2, column 6\)"),
        (Answer(body=b"\xff\xfe"), "what is not JSON"),
        (Answer(body=b"[" * 200_000), "what is not JSON"),
        (Answer(body=b"nonsense", headers={"Content-Encoding": "gzip"}), "cannot be unpacked"),
    ],
    ids=["a page", "called a page", "cut JSON", "no text", "too deep", "no gzip"],
)
def test_what_is_not_json_is_said(office: Office, answer: Answer, said: str) -> None:
    url = office.url("/rows", answer)
    with open_web(url, tries=1) as asking, pytest.raises(NotReceivedError, match=said):
        asking.json(url)


def test_json_that_was_packed_for_the_way_is_unpacked(office: Office) -> None:
    url = office.url("/rows", Answer(body=gzip.compress(ROWS), headers={"Content-Encoding": "gzip"}))
    with open_web(url) as asking:
        assert asking.json(url) == [{"id": 1}]
        assert asking.get(url).content == ROWS


def test_parameters_join_those_of_the_address_and_empty_ones_are_left_out(office: Office) -> None:
    url = office.url("/rows", Answer(body=ROWS))
    with open_web(url) as asking:
        asking.json(url + "?a=1", {"$where": "id > 4", "token": None})
    assert office.asked == ["/rows?a=1&%24where=id+%3E+4"]


@pytest.mark.parametrize("status", [401, 403])
def test_refused_credentials_name_the_secret_and_show_nothing_of_it(office: Office, status: int) -> None:
    url = office.url("/rows", Answer(status, b'{"message": "hunter2 is wrong"}'))
    with (
        open_web(url, {"X-App-Token": "hunter2"}, token="dog_portal") as asking,
        pytest.raises(
            RefusedError, match=rf"answered {status} .* secret dog_portal \(source.token"
        ) as refused,
    ):
        asking.json(url)
    assert "hunter2" not in str(refused.value)
    assert len(office.requests) == 1


def test_where_credentials_are_wanted_and_none_are_named_that_is_said(office: Office) -> None:
    url = office.url("/rows", Answer(401, b""))
    with open_web(url) as asking, pytest.raises(NotReceivedError, match="wants credentials.*source.token"):
        asking.json(url)


def test_a_server_explains_what_is_wrong_with_the_question(office: Office) -> None:
    body = json.dumps({"error": {"message": "No such column: dgo; token hunter2."}}).encode()
    url = office.url("/rows", Answer(400, body))
    with (
        open_web(url, {"X-App-Token": "hunter2"}) as asking,
        pytest.raises(
            RefusedError, match=r"400 Bad Request \(No such column: dgo; token \*\*\*\)\."
        ) as refused,
    ):
        asking.json(url)
    assert refused.value.status == 400


def test_credentials_are_not_sent_on_to_another_host(office: Office) -> None:
    with Office() as other:
        import threading

        threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        target = other.url("/rows", Answer(body=ROWS))
        here = office.url("/here", Answer(body=ROWS))
        for path, location in (("/far", target), ("/near", here)):
            url = office.url(path, Answer(302, b"", {"Location": location}))
            with open_web(url, {"Authorization": "Bearer hunter2", "X-App-Token": "hunter2"}) as asking:
                assert asking.json(url) == [{"id": 1}]
        other.shutdown()
    assert office.requests[0].headers["x-app-token"] == "hunter2"
    assert "hunter2" not in str(other.requests[0].headers)
    assert office.requests[-1].headers["x-app-token"] == "hunter2"  # the same host


@pytest.mark.parametrize("secret", ["hunter2\r\nX: y", "hünter2€"])
def test_a_secret_that_no_request_can_carry_is_said_without_it(office: Office, secret: str) -> None:
    url = office.url("/rows", Answer(body=ROWS))
    with pytest.raises(NotReceivedError, match="the secret dog_portal .*Set it anew") as refused:  # noqa: SIM117
        with open_web(url, {"Authorization": f"Bearer {secret}"}, token="dog_portal") as asking:
            asking.json(url)
    assert "nter2" not in str(refused.value) and refused.value.__cause__ is None
    assert office.requests == []


def test_addresses_are_shown_without_what_may_be_secret(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    assert show("https://me:hunter2@example.org:8/a/b?token=hunter2#hunter2") == "https://example.org:8/a/b"
    assert "hunter2" not in show("https://me:hunter2@[bad/a?hunter2")
    url = office.url("/rows", Answer(body=ROWS), Answer(404, b""))
    with caplog.at_level(logging.DEBUG), open_web(url) as asking:
        asking.json(url + "?token=hunter2")
        with pytest.raises(NotReceivedError) as refused:
            asking.json(url.replace("//", "//me:hunter2@") + "?token=hunter2#hunter2")
    assert "hunter2" not in str(refused.value) + caplog.text


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/x", "http://[bad/"])
def test_an_address_that_cannot_be_asked_is_not_tried_again(office: Office, target: str) -> None:
    url = office.url("/rows", Answer(302, b"", {"Location": target}))
    with (
        open_web(url, tries=2) as asking,
        pytest.raises(NotReceivedError, match="no address that can be asked|gave no"),
    ):
        asking.json(url)
