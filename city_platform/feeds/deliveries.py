"""Deliveries: what is remembered of every time a feed was sent.

Belongs here: rows of provenance.delivery and quality.issue. Does not belong here: deciding a delivery's fate (load.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import Problem
from city_platform.feeds.sources.fetched import Fetched, Known

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Delivery:
    """One recorded delivery."""

    delivery_id: str
    sequence: int
    sha256: str
    retrieved_at: datetime  # UTC, without zone
    file_name: str
    status: str
    declaration: str | None
    rows_read: int | None
    message: str | None
    extent: str | None  # full or part
    source_state: str | None  # JSON
    covers_day: date | None = None


def deliveries(con: duckdb.DuckDBPyConnection, feed: Feed) -> list[Delivery]:
    """All of a feed's deliveries, in the order in which they came."""
    rows = con.execute(
        "select delivery_id, sequence, sha256, retrieved_at, file_name, status, declaration, rows_read, message, extent, "
        "source_state, covers_day "
        "from provenance.delivery where feed = ? order by sequence",
        [feed.id],
    ).fetchall()
    return [Delivery(*row) for row in rows]


def record_delivery(
    con: duckdb.DuckDBPyConnection, feed: Feed, fetched: Fetched, before: list[Delivery], status: str
) -> Delivery:
    """Remember a new delivery with this status."""
    sequence = len(before) + 1
    now = datetime.now(UTC).replace(tzinfo=None)
    if before:  # versions are told apart by this time, so it never stands still or goes back
        now = max(now, before[-1].retrieved_at + timedelta(microseconds=1))
    digest = hashlib.sha256(f"{feed.id}|{sequence}|{fetched.sha256}".encode()).hexdigest()[:12]
    delivery = Delivery(
        f"d_{sequence:05d}_{digest}",
        sequence,
        fetched.sha256,
        now,
        fetched.file_name,
        status,
        None,
        None,
        None,
        fetched.extent,
        json.dumps(fetched.state) if fetched.state else None,
        fetched.day,
    )
    con.execute(
        "insert into provenance.delivery (delivery_id, feed, sequence, sha256, retrieved_at, source, file_name, bytes, "
        "extent, source_state, covers_day, status) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            delivery.delivery_id,
            feed.id,
            sequence,
            fetched.sha256,
            now,
            fetched.source,
            fetched.file_name,
            fetched.bytes,
            delivery.extent,
            delivery.source_state,
            delivery.covers_day,
            status,
        ],
    )
    return delivery


def known(before: Sequence[Delivery], days: Sequence[date] = ()) -> Known:
    """What a source is told of the deliveries before."""
    loaded = [d for d in before if d.status in ("loaded", "repeat")]
    full = [d for d in loaded if d.extent != "part"]
    return Known(
        state=json.loads(loaded[-1].source_state) if loaded and loaded[-1].source_state else {},
        full_at=full[-1].retrieved_at if full else None,
        taken={d.file_name: d.sha256 for d in before},
        days=tuple(days),
    )


def update_delivery(con: duckdb.DuckDBPyConnection, delivery: Delivery, **values: Any) -> None:
    assignments = ", ".join(f'"{name}" = ?' for name in values)
    con.execute(
        f"update provenance.delivery set {assignments} where delivery_id = ?",
        [*values.values(), delivery.delivery_id],
    )


def sentence(feed: Feed, file_name: str, problem: Problem) -> str:
    """A problem as a sentence that can be sent to the agency."""
    return f"Feed {feed.id}, file {file_name}: {problem.message}"


def record_problems(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    delivery_id: str | None,
    file_name: str,
    problems: Iterable[Problem],
) -> None:
    for p in problems:
        con.execute(
            "insert into quality.issue (delivery_id, feed, file_name, line, column_name, value, rule, severity, "
            "responsible, message) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [
                delivery_id,
                feed.id,
                file_name,
                p.line,
                p.column,
                None if feed_column_is_personal(feed, p.column) else p.value,
                p.rule,
                p.severity,
                p.responsible,
                sentence(feed, file_name, p),
            ],
        )


def feed_column_is_personal(feed: Feed, column: str | None) -> bool:
    """Whether a value of this column must not be shown; without a column, whether any of the feed is personal."""
    if column is None:
        return any(c.classification != "public" for c in feed.columns.values())
    declared = feed.columns.get(column)
    return declared is None or declared.classification in (None, "personal")
