"""Fetching over HTTP: bytes arrive as sent, passing faults are tried again, every failure is said and bounded."""

from __future__ import annotations

import gzip
import hashlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from city_platform.feeds.fetch import TRIES, Fetched, fetch
from city_platform.feeds.problems import NotReceivedError
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import Bench, csv_text, licences, small_feed

CONTENT = csv_text(licences(50)).encode()
PACKED = gzip.compress(CONTENT, mtime=0)


@dataclass
class Answer:
    """What the server says once."""

    status: int = 200
    body: bytes = CONTENT
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    promised: int | None = None  # the length it says the body has


class Office(ThreadingHTTPServer):
    """An agency's server: for each path the answers it gives, the last one again and again."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[str] = []

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Office

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        answers = self.server.answers[self.path.split("?")[0]]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        time.sleep(answer.wait_s)
        try:
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(answer.promised or len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
        except OSError:
            pass  # the client has left
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def office() -> Iterator[Office]:
    server = Office()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


def take(url: str, folder: Path, **source: float) -> Fetched:
    settings = Settings(city_folder=folder, home=folder / "home")
    return fetch(small_feed(source={"url": url, **source}), settings, folder / "taken")


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


def test_a_packed_file_stays_packed_although_the_server_calls_that_its_encoding(
    office: Office, tmp_path: Path
) -> None:
    url = office.url("/dogs.csv.gz", Answer(body=PACKED, headers={"Content-Encoding": "gzip"}))
    assert take(url, tmp_path).path.read_bytes() == PACKED


def test_what_was_packed_for_the_way_only_is_unpacked(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer(body=PACKED, headers={"Content-Encoding": "gzip"}))
    assert take(url, tmp_path).path.read_bytes() == CONTENT


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


def test_more_than_the_bound_is_refused(office: Office, tmp_path: Path) -> None:
    url = office.url("/dogs.csv", Answer())
    with pytest.raises(NotReceivedError, match=f"{url} is larger than 0 MB.*source.at_most_mb"):
        take(url, tmp_path, at_most_mb=0.001)
    assert len(office.asked) == 1
    assert (tmp_path / "taken").stat().st_size <= 1000


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
    url = office.url("/dogs.csv", Answer(wait_s=1.5))
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
    with pytest.raises(NotReceivedError, match="TooManyRedirects"):
        take(circle, tmp_path)


@pytest.mark.parametrize("make", [lambda p: None, lambda p: p.mkdir()], ids=["nothing", "a folder"])
def test_a_file_that_cannot_be_read_is_said(tmp_path: Path, make: object) -> None:
    path = tmp_path / "home" / "inbox" / "dogs.csv"
    path.parent.mkdir(parents=True)
    make(path)  # type: ignore[operator]
    settings = Settings(city_folder=tmp_path, home=tmp_path / "home")
    with pytest.raises(NotReceivedError, match=f"^{path} .*--mirror"):
        fetch(small_feed(), settings, tmp_path / "taken")


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
