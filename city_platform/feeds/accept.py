"""Accept: what a person decided that a feed may send: a column under a new name, or one delivery as it is.

The decisions are lines of <home>/feed_decisions.csv, the only source of truth; provenance.feed_decision is a copy.

Belongs here: reading and adding decisions, and what each applies to. Does not belong here: loading (load.py).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from city_platform.feeds.declaration import Feed
from city_platform.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.deliveries import Delivery

FILE = "feed_decisions.csv"


class AcceptError(ValueError):
    """A decision that cannot be taken; the message says why, and what to do."""


@dataclass(frozen=True)
class FeedDecision:
    """One line of the file."""

    feed: str
    kind: Literal["rename", "release"]
    old: str  # rename: the column as declared
    new: str  # rename: as it is sent now
    sha256: str  # release: the delivery's bytes
    decided_by: str
    decided_at: str  # UTC, as 2026-11-25 10:00:00
    reason: str


def read_decisions(settings: Settings, feed: Feed | None = None) -> list[FeedDecision]:
    """All decisions in the order in which they were made, or one feed's."""
    path = settings.home / FILE
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as source:
        found = []
        for line, row in enumerate(csv.DictReader(source), start=2):
            try:
                found.append(FeedDecision(**{f.name: row[f.name] or "" for f in fields(FeedDecision)}))  # type: ignore[arg-type]
            except KeyError as error:
                raise AcceptError(
                    f"{path}, line {line}: there is no column {error}. Put the header back."
                ) from None
    return [d for d in found if feed is None or d.feed == feed.id]


def renames(decisions: Sequence[FeedDecision]) -> dict[str, str]:
    """Names as sent: the declared columns that they stand for."""
    return {d.new: d.old for d in decisions if d.kind == "rename"}


def is_released(decisions: Sequence[FeedDecision], delivery: Delivery) -> bool:
    """Whether a person said that this delivery is right although it is not what was expected."""
    return any(d.kind == "release" and d.sha256 == delivery.sha256 for d in decisions)


def decide_rename(feed: Feed, old: str, new: str, by: str, reason: str) -> FeedDecision:
    """That the column declared as old is sent as new from now on."""
    if old not in feed.sent_columns():
        raise AcceptError(
            f"{feed.id} has no column {old!r}. It has: {', '.join(feed.sent_columns())}. Write --rename OLD=NEW, the "
            "declared name first."
        )
    if new in feed.columns:
        raise AcceptError(f"{feed.id} has a column {new!r} already: it cannot stand for {old!r} too.")
    return _decision(feed, "rename", by, reason, old=old, new=new)


def decide_release(feed: Feed, held: Delivery | None, by: str, reason: str) -> FeedDecision:
    """That the held delivery is right as it is."""
    if held is None:
        raise AcceptError(f"{feed.id}: its newest delivery is not held, so there is nothing to release.")
    return _decision(feed, "release", by, reason, sha256=held.sha256)


def _decision(
    feed: Feed,
    kind: Literal["rename", "release"],
    by: str,
    reason: str,
    old: str = "",
    new: str = "",
    sha256: str = "",
) -> FeedDecision:
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"
    return FeedDecision(feed.id, kind, old, new, sha256, by, now, reason)


def record(settings: Settings, decision: FeedDecision) -> Path:
    """Add a decision to the file, for good before anything is done by it."""
    path = settings.home / FILE
    is_new = not path.exists()
    with path.open("a", encoding="utf-8", newline="") as out:
        writer = csv.DictWriter(out, [f.name for f in fields(FeedDecision)], lineterminator="\n")
        if is_new:
            writer.writeheader()
        writer.writerow(asdict(decision))
        out.flush()
        os.fsync(out.fileno())
    return path


def copy_decisions(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """Bring provenance.feed_decision up to the file."""
    con.execute("delete from provenance.feed_decision")
    rows = [
        (
            f"f_{n:05d}",
            d.feed,
            d.kind,
            d.old or None,
            d.new or None,
            d.sha256 or None,
            d.decided_by,
            d.decided_at,
            d.reason or None,
        )
        for n, d in enumerate(read_decisions(settings), start=1)
    ]
    if rows:
        con.executemany("insert into provenance.feed_decision values (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
