"""An agency's web server on this machine: says what it is told to say, or keeps files as real servers do.

Belongs here: the server, its faults, set-up that tests of web.py and remote.py share. Does not belong here: claims.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.sources import Fetched, Known, fetch
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import csv_text, licences, small_feed

CONTENT = csv_text(licences(50)).encode()


@dataclass
class Answer:
    """What the server says once."""

    status: int = 200
    body: bytes = CONTENT
    headers: dict[str, str] = field(default_factory=dict)
    wait_s: float = 0.0
    promised: int | None = None  # the length it says the body has
    stall_after: int | None = None  # bytes of the body, after which nothing comes any more
    drip_s: float = 0.0  # between two bytes


@dataclass
class Shelf:
    """A file that the server keeps: it knows validators, and parts of the file."""

    body: bytes
    headers: dict[str, str]  # ETag, Last-Modified
    cuts: list[int] = field(default_factory=list)  # bytes after which the first answers break off
    looks_at_if_range: bool = True
    knows_parts: bool = True


@dataclass
class Asked:
    path: str
    headers: dict[str, str]  # names in small letters


class Office(ThreadingHTTPServer):
    """An agency's server: for each path the answers it gives, the last one again and again, or the file it keeps."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, list[Answer]] = {}
        self.shelves: dict[str, Shelf] = {}
        self.requests: list[Asked] = []
        self.is_closing = threading.Event()

    @property
    def asked(self) -> list[str]:
        return [a.path for a in self.requests]

    def url(self, path: str, *answers: Answer) -> str:
        self.answers[path] = list(answers)
        return f"http://127.0.0.1:{self.server_port}{path}"

    def keep(self, path: str, body: bytes = CONTENT, **shelf: Any) -> str:
        headers = shelf.pop("headers", {"ETag": '"1"'})
        self.shelves[path] = Shelf(body, headers, **shelf)
        return f"http://127.0.0.1:{self.server_port}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Office

    def do_GET(self) -> None:
        headers = {k.lower(): v for k, v in self.headers.items()}
        self.server.requests.append(Asked(self.path, headers))
        path = self.path.split("?")[0]
        self.close_connection = True
        try:
            if path in self.server.shelves:
                self._give(self.server.shelves[path], headers)
            else:
                answers = self.server.answers.get(path) or [Answer(404, b"no")]
                self._say(answers.pop(0) if len(answers) > 1 else answers[0])
        except OSError:
            pass  # the client has left

    def _say(self, answer: Answer) -> None:
        self.server.is_closing.wait(answer.wait_s)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(answer.promised or len(answer.body)))
        self.end_headers()
        if answer.drip_s:
            for n in range(len(answer.body)):
                self.wfile.write(answer.body[n : n + 1])
                if self.server.is_closing.wait(answer.drip_s):
                    return
        elif answer.stall_after is not None:
            self.wfile.write(answer.body[: answer.stall_after])
            self.server.is_closing.wait(10)
        else:
            self.wfile.write(answer.body)

    def _give(self, shelf: Shelf, asked: dict[str, str]) -> None:
        etag, modified = shelf.headers.get("ETag"), shelf.headers.get("Last-Modified")
        if (etag and asked.get("if-none-match") == etag) or (
            modified and asked.get("if-modified-since") == modified
        ):
            self.send_response(304)
            self.end_headers()
            return
        start, total = 0, len(shelf.body)
        is_same = asked.get("if-range") in (None, etag, modified) or not shelf.looks_at_if_range
        if "range" in asked and shelf.knows_parts and is_same:
            start = int(asked["range"].removeprefix("bytes=").rstrip("-"))
            if start >= total:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{total}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            self.send_response(200)
        for name, value in shelf.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(total - start))
        self.end_headers()
        self.wfile.write(shelf.body[start:][: shelf.cuts.pop(0) if shelf.cuts else None])

    def log_message(self, *_: object) -> None:
        pass


def settings_in(folder: Path) -> Settings:
    return Settings(city_folder=folder, home=folder / "home")


def feed_at(url: str, **source: Any) -> Feed:
    return small_feed(source={"url": url, **source})


def take_all(feed: Feed, folder: Path, known: Known | None = None) -> list[Fetched]:
    """Every delivery that there is, as one run takes them; the folder is kept between runs."""
    return list(fetch(feed, settings_in(folder), folder / "taken", known or Known()))
