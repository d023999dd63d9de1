"""Fetched: what a source hands over, and what it is told of what came before.

Belongs here: those two shapes, and bytes poured into a file of ours with their SHA-256. Does not belong here: reaching
any source (the modules beside this one).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError

CHUNK = 1 << 20  # bytes


@dataclass(frozen=True)
class Known:
    """What was loaded of a feed before, for a source that can ask for what is new."""

    state: Mapping[str, Any] = field(default_factory=dict)  # as the newest loaded delivery left it
    full_at: datetime | None = None  # when the newest delivery of everything was taken; UTC, without zone
    taken: Mapping[str, str] = field(default_factory=dict)  # file name: SHA-256 of its newest delivery
    days: tuple[date, ...] = ()  # of a source by day: those that are wanted; empty: those that are due


@dataclass(frozen=True)
class Fetched:
    """One delivery's bytes as sent, in a file of ours that the loader moves or removes."""

    path: Path
    source: str  # where they came from, without a secret
    file_name: str
    sha256: str
    bytes: int
    extent: Literal["full", "part"] = "full"  # part: only what is new, so that what is absent is not gone
    state: Mapping[str, Any] = field(default_factory=dict)  # kept with the rows, and given back in Known
    day: date | None = None  # which it is of, where the source has one delivery a day


def pour(chunks: Iterable[bytes], copy: BinaryIO, feed: Feed, source: str) -> tuple[str, int]:
    """Write chunks to copy; returns their SHA-256 and size. Raises NotReceivedError beyond the feed's bound."""
    digest = hashlib.sha256()
    size = 0
    bound = int(feed.source.at_most_mb * 1e6)
    for chunk in chunks:
        size += len(chunk)
        if size > bound:
            raise too_large(feed, source)
        digest.update(chunk)
        copy.write(chunk)
    return digest.hexdigest(), size


def too_large(feed: Feed, source: str, most_mb: float | None = None) -> NotReceivedError:
    """most_mb: where a lower bound than the feed's holds."""
    if most_mb is not None and most_mb < feed.source.at_most_mb:
        return NotReceivedError(f"{source} is larger than {most_mb:,.0f} MB, the most one answer may have.")
    return NotReceivedError(
        f"{source} is larger than {feed.source.at_most_mb:,.0f} MB, the most this feed may send "
        "(source.at_most_mb in its defs.yaml)."
    )
