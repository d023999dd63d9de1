"""Fetch: takes a feed's bytes from where they are, unchanged, with their SHA-256.

Belongs here: reaching files and addresses. Does not belong here: databases (databases.py), understanding the bytes
(records.py, formats/) and remembering deliveries (load.py).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.settings import Settings

CHUNK = 1 << 20  # bytes
TRIES = 3


@dataclass(frozen=True)
class Fetched:
    """Bytes as sent, in a file of ours."""

    path: Path
    source: str
    file_name: str
    sha256: str
    bytes: int


def fetch(feed: Feed, settings: Settings, target: Path) -> Fetched:
    """Copy the feed's bytes to target. Raises NotReceivedError where there are none to be had."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if feed.source.database:
        from city_platform.feeds.databases import query_lines

        chunks, shown = query_lines(feed, settings)
        with target.open("wb") as copy:
            digest, size = _pour(chunks, copy, feed, shown)
        return Fetched(target, shown, feed.source.file_name, digest, size)
    fetched = _fetch_file(feed, settings, target)
    if feed.source.password:
        from city_platform.feeds.formats.zipped import check_password

        check_password(feed.source, settings, target)
    return fetched


def _fetch_file(feed: Feed, settings: Settings, target: Path) -> Fetched:
    name = feed.source.file_name
    if settings.mirror is not None:
        return _copy(feed, settings.mirror / name, target)
    if feed.source.url:
        return _download(feed, target)
    return _copy(feed, settings.inbox / name, target)


def _copy(feed: Feed, path: Path, target: Path) -> Fetched:
    try:
        with path.open("rb") as source, target.open("wb") as copy:
            digest, size = _pour(iter(lambda: source.read(CHUNK), b""), copy, feed, str(path))
    except OSError as error:
        reason = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
        raise NotReceivedError(
            f"{path} {reason}. Put the file there, or name the folder that holds it with --mirror."
        ) from None
    return Fetched(target, str(path), path.name, digest, size)


def _download(feed: Feed, target: Path) -> Fetched:
    import httpx
    from tenacity import RetryError, Retrying, retry_if_exception, stop_after_attempt, wait_exponential

    url = str(feed.source.url)
    shown = url.split("?")[0].split("#")[0]  # what follows may hold a token

    def passing(error: BaseException) -> bool:
        """Whether another try may help: no answer, too many requests, or a fault of the server's."""
        if isinstance(error, httpx.HTTPStatusError):
            return error.response.status_code == 429 or error.response.status_code >= 500
        return isinstance(error, httpx.TransportError)

    def once() -> Fetched:
        with (
            httpx.stream("GET", url, timeout=feed.source.timeout_s, follow_redirects=True) as answer,
            target.open("wb") as copy,
        ):
            answer.raise_for_status()
            # iter_raw keeps the bytes as sent where the file itself is a .gz.
            chunks = answer.iter_raw(CHUNK) if url.endswith(".gz") else answer.iter_bytes(CHUNK)
            digest, size = _pour(chunks, copy, feed, shown)
        return Fetched(target, shown, feed.source.file_name, digest, size)

    try:
        return Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_exponential(multiplier=0.5, max=10),
            retry=retry_if_exception(passing),
            reraise=True,
        )(once)
    except httpx.HTTPStatusError as error:
        raise NotReceivedError(
            f"{shown} answered {error.response.status_code} {error.response.reason_phrase}. Check the address, or run later."
        ) from None
    except (httpx.HTTPError, httpx.InvalidURL, RetryError) as error:
        raise NotReceivedError(
            f"{shown} gave no answer ({type(error).__name__}) in {TRIES} tries. Run later."
        ) from None


def _pour(chunks: Iterable[bytes], copy: BinaryIO, feed: Feed, source: str) -> tuple[str, int]:
    digest = hashlib.sha256()
    size = 0
    bound = int(feed.source.at_most_mb * 1e6)
    for chunk in chunks:
        size += len(chunk)
        if size > bound:
            raise NotReceivedError(
                f"{source} is larger than {feed.source.at_most_mb:,.0f} MB, the most this feed may send "
                "(source.at_most_mb in its defs.yaml)."
            )
        digest.update(chunk)
        copy.write(chunk)
    return digest.hexdigest(), size
