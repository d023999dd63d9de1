"""Remote: a feed's bytes from an address.

Belongs here: which web addresses are asked, with which credentials, and what is new there. Does not belong here: how a
web server is asked (web.py), what is no web server (stores.py), portals (their own modules).
"""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.locked import check_password
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.kept import digest
from city_platform.feeds.sources.patterns import Pattern, has_day, is_web, named_days, names
from city_platform.feeds.sources.web import Downloaded, RefusedError, Web, show
from city_platform.settings import Settings, SettingsError

DAYS_A_RUN = 400


def today() -> date:
    return datetime.now(UTC).date()


def download(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """What the address has that is new, oldest first. Raises NotReceivedError where there is nothing to be had."""
    url = str(feed.source.url)
    if not is_web(url):
        from city_platform.feeds.sources.stores import from_store

        yield from from_store(feed, settings, folder, known)
        return
    with Web(feed, _authorization(feed, settings)) as web:
        if has_day(url):
            yield from _day_by_day(web, feed, settings, folder, known)
            return
        # What an other address said is no answer to what is new at this one.
        before = known.state if known.state.get("address", digest(url)) == digest(url) else {}
        asked = {
            header: before[name]
            for header, name in (("If-None-Match", "etag"), ("If-Modified-Since", "last_modified"))
            if name in before
        }
        part = folder / "download"
        found = web.download(url, part, asked)
        if found.is_new:
            state = {**found.state, "address": digest(url)}
            yield _fetched(feed, settings, part, url, feed.source.file_name, found, state)


def _day_by_day(web: Web, feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
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
        fetched = _fetched(feed, settings, part, address, _file_name(address), found, state)
        yield replace(fetched, day=day)
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
    feed: Feed,
    settings: Settings,
    part: Path,
    url: str,
    file_name: str,
    found: Downloaded,
    state: Mapping[str, Any],
) -> Fetched:
    if feed.source.password:
        check_password(feed, settings, part)
    return Fetched(part, show(url), file_name, found.sha256, found.bytes, state=state)


def _file_name(url: str) -> str:
    return urlsplit(url).path.rstrip("/").rsplit("/", 1)[-1] or "download"
