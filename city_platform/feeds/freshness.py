"""Freshness: whether a feed has brought something new when its cadence says that it should have.

Belongs here: how fresh each feed is on a day, and quality.freshness. Does not belong here: what a feed's cadence is
(declaration/expect.py), deliveries that are held or missing (load.py), Dagster (component.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from city_platform.feeds.deliveries import feed_column_is_personal
from city_platform.settings import Settings

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed

IS_FRESH = "is_fresh"


@dataclass(frozen=True)
class Freshness:
    """How fresh one feed is: a row of quality.freshness. Nothing in it depends on the day but the state."""

    feed: str
    cadence_days: int | None
    newest_new_at: datetime | None  # UTC, without zone
    content_until: date | None
    due_on: date | None
    state: Literal["fresh", "late", "not_assessable"]
    message: str


def today(settings: Settings) -> date:
    """The day on which a feed is fresh or late: the one that the run is as of, else today in UTC."""
    return settings.as_of or datetime.now(UTC).date()


def freshness(con: duckdb.DuckDBPyConnection, feed: Feed, on: date) -> Freshness:
    """How fresh the feed is on this day. What nobody can tell is not assessable, never fresh."""
    # A delivery that changed nothing, such as the same bytes again, is no news.
    newest: datetime | None = _one(
        con,
        "select max(retrieved_at) from provenance.delivery where feed = ? and status = 'loaded' "
        "and coalesce(rows_new, 0) + coalesce(rows_changed, 0) + coalesce(rows_removed, 0) > 0",
        [feed.id],
    )
    until = None if newest is None else _content_until(con, feed, on)
    days = feed.cadence_days
    if days is None:
        why = (
            "it came once and is not expected again"
            if feed.cadence == "once"
            else "nobody has declared how often it comes (cadence in its defs.yaml)"
        )
        return Freshness(feed.id, None, newest, until, None, "not_assessable", f"Feed {feed.id}: {why}.")
    if newest is None:
        text = f"Feed {feed.id}: something is due every {_days(days)}, and nothing has ever been loaded."
        return Freshness(feed.id, days, None, None, None, "late", text)

    # Of a run as of a day in the past: what had not arrived by then says nothing of that day.
    known = [d for d in (newest.date() if newest.date() <= on else None, until) if d is not None]
    said = f"something new was loaded last on {newest.date()}"
    if feed.dated_by:
        said += f"; its content ({feed.dated_by}) " + (f"reaches until {until}" if until else "tells no day")
    if not known:
        text = f"Feed {feed.id}: {said}, after {on}, the day that is asked about."
        return Freshness(feed.id, days, newest, until, None, "not_assessable", text)
    due = min(known) + timedelta(days=days)
    is_late = on > due + timedelta(days=feed.late_after_days)
    grace = f" (late after {_days(feed.late_after_days)} more)" if feed.late_after_days else ""
    text = f"Feed {feed.id}: {said}; the next was due on {due}{grace}."
    return Freshness(feed.id, days, newest, until, due, "late" if is_late else "fresh", text)


def record_freshness(con: duckdb.DuckDBPyConnection, found: Sequence[Freshness]) -> None:
    """Fill quality.freshness."""
    con.execute("delete from quality.freshness")
    if found:
        con.executemany(
            "insert into quality.freshness values (?, ?, ?, ?, ?, ?, ?)", [astuple(f) for f in found]
        )


def _content_until(con: duckdb.DuckDBPyConnection, feed: Feed, on: date) -> date | None:
    """The newest day in the content that has come: one mistyped year would make a feed fresh for ever."""
    if feed.dated_by is None or feed_column_is_personal(
        feed, feed.dated_by
    ):  # shown nowhere, so not here either
        return None
    is_there = _one(
        con,
        "select count(*) from duckdb_columns() where database_name = current_database() and schema_name = ? "
        "and table_name = ? and column_name = ?",
        [feed.staging().schema, feed.staging().name, feed.dated_by],
    )
    if not is_there:  # declared since the last load
        return None
    column = f'try_cast("{feed.dated_by}" as date)'
    found: date | None = _one(
        con, f"select max({column}) from {feed.staging().full_name} where {column} <= ?", [on]
    )
    return found


def _one(con: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> Any:
    row = con.execute(sql, values).fetchone()
    return row[0] if row else None


def _days(number: int) -> str:
    return f"{number} day{'' if number == 1 else 's'}"
