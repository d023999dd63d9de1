"""Remote: a feed's bytes from an address: http(s), and whatever fsspec reaches, such as SFTP, S3 and Azure.

Belongs here: which addresses are asked, with which credentials, and what is new there. Does not belong here: how a
web server is asked (web.py), SFTP's own ways (sftp.py), portals (their own modules).
"""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.zipped import check_password
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import CHUNK, Fetched, Known, too_large
from city_platform.feeds.sources.files import in_order
from city_platform.feeds.sources.kept import complete, digest, forget, keep, kept
from city_platform.feeds.sources.patterns import (
    Pattern,
    fixed_folder,
    has_day,
    is_pattern,
    is_unfinished,
    is_web,
    named_days,
    names,
)
from city_platform.feeds.sources.web import Downloaded, RefusedError, Web, retrying, show
from city_platform.settings import Settings, SettingsError

DAYS_A_RUN = 400
EXTRAS = {"sftp": "sftp", "ssh": "sftp", "s3": "s3", "s3a": "s3"} | dict.fromkeys(
    ("az", "abfs", "abfss", "adl"), "azure"
)
# What each driver calls a user and a password.
_LOGINS = {"sftp": ("username", "password"), "s3": ("key", "secret"), "azure": ("account_name", "account_key")}
# What a driver may say that tells one version of a file from another; the first one that there is.
_VERSIONS = ("ETag", "etag", "LastModified", "last_modified", "mtime", "modified", "created")


def today() -> date:
    return datetime.now(UTC).date()


def download(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """What the address has that is new, oldest first. Raises NotReceivedError where there is nothing to be had."""
    url = str(feed.source.url)
    if not is_web(url):
        yield from _from_store(feed, settings, folder, known)
        return
    with Web(feed, _authorization(feed, settings)) as web:
        if has_day(url):
            yield from _day_by_day(web, feed, settings, folder, known)
            return
        # What an other address said is no answer to what is new at this one.
        state = known.state if known.state.get("address", digest(url)) == digest(url) else {}
        asked = {
            header: state[name]
            for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "last_modified"))
            if name in state
        }
        part = folder / "download"
        found = web.download(url, part, asked)
        if found.is_new:
            state = {**found.state, "address": digest(url)}
            yield _fetched(feed, settings, part, url, feed.source.file_name, found, state)


def _day_by_day(
    web: Web, feed: Feed, settings: Settings, folder: Path, known: Known
) -> Iterator[Fetched]:
    url = str(feed.source.url)
    Pattern(url)  # raises where its day cannot be written
    now = today()
    last = date.fromisoformat(known.state["day"]) if "day" in known.state else None
    missing = []
    for address, day in names(url, known.days or _due(last, feed.source.first_day, now)).items():
        part = folder / day.isoformat()
        try:
            found = web.download(address, part)
        except RefusedError as error:
            if error.status != 404:
                raise
            if day != now:  # today's may come later
                missing.append(day)
            continue
        # A backfill of days long gone does not begin all over again with what is due.
        state = {"day": max(day, last or day).isoformat()}
        yield _fetched(feed, settings, part, address, _file_name(address), found, state)
    if missing:
        raise NotReceivedError(
            f"{show(url)} has nothing of {named_days(missing)} (404 Not Found). Ask for these days again when it has."
        )


def _due(last: date | None, first: date | None, now: date) -> list[date]:
    start = last + timedelta(days=1) if last else first or now
    return [start + timedelta(days=n) for n in range(min((now - start).days + 1, DAYS_A_RUN))]


def _authorization(feed: Feed, settings: Settings) -> dict[str, str]:
    secret = _secret(feed, settings)
    if not secret:
        return {}
    if ":" in secret:
        return {"Authorization": "Basic " + base64.b64encode(secret.encode()).decode()}
    return {"Authorization": f"Bearer {secret}"}


def _secret(feed: Feed, settings: Settings) -> str | None:
    try:
        return settings.secret(feed.source.token) if feed.source.token else None
    except SettingsError as error:
        raise NotReceivedError(f"{show(str(feed.source.url))} wants credentials. {error}") from None


def _fetched(
    feed: Feed, settings: Settings, part: Path, url: str, file_name: str, found: Downloaded, state: dict[str, Any]
) -> Fetched:
    if feed.source.password:
        check_password(feed.source, settings, part)
    return Fetched(part, show(url), file_name, found.sha256, found.bytes, state=state)


def _file_name(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1] or "download"


# What fsspec reaches.


@dataclass(frozen=True)
class _Place:
    """One file of a store."""

    path: str
    size: int | None
    version: str | None


def _from_store(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    url, shown = str(feed.source.url), show(str(feed.source.url))
    store = _Store(feed, settings)
    try:
        if not is_pattern(feed, url):
            yield from store.take([store.look(store.path)], known, folder, lambda path: feed.source.file_name)
            return
        pattern = Pattern(store.path)
        found = {p: p for p in store.list(pattern.wild) if pattern.fits(p) and not is_unfinished(p.rsplit("/", 1)[-1])}
        if not found:
            raise NotReceivedError(f"{shown} fits no file there. Check the address, or run later.")
    finally:
        store.close()
