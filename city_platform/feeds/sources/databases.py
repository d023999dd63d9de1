"""Databases: an agency's table or query as the Parquet file of text that the agency could have sent.

Belongs here: what a database is asked, since when, and what becomes of a read that is cut. Does not belong here: what
differs between databases (database_engines.py), values as text (database_text.py), keeping the bytes (landing.py) and
reading them again (feeds/formats/parquet.py).

- The rows come in the order of the cursor column, where the feed has one, then of the key: the same rows are the same
  bytes. A feed with neither comes in whatever order the database likes.
- With a cursor, a read asks for `cursor >= last`, the last value again since others may have come to share it; the
  loader finds what is unchanged. All is read the first time, and when full_every_days have passed. A row without a
  value in the cursor column is seen by full reads only, and so is one that is gone, one whose clock went back, and one
  that was committed after rows with later clocks.
- A database cannot go on with a read that was cut. It is begun again, source.tries times. If that does not help, then
  with a cursor the rows up to the cut, which stand in the cursor's order, are a delivery of a part, and the next run
  goes on from there (with the rows without a value, if the read was of all); without a cursor nothing is kept.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.writing import as_text
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.database_engines import (
    CutError,
    Database,
    explain,
    open_database,
    prepare,
    turns,
)
from city_platform.feeds.sources.database_text import TextFile
from city_platform.feeds.sources.fetched import Fetched, Known, too_large
from city_platform.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import ColumnClause, FromClause, Select

FIRST_ROWS, MOST_ROWS = 1000, 20_000  # of a batch
BATCH_BYTES = 8 << 20  # of text, which a batch should not exceed by much
FIRST_WAIT_S, LONGEST_BACK_OFF_S = 1.0, 60.0
sleep: Callable[[float], None] = time.sleep  # tests put another one in its place

# Kinds of cursor values: how each is read back from what as_text made of it.
_KINDS: dict[str, Callable[[str], Any]] = {
    "int": int,
    "float": float,
    "Decimal": Decimal,
    "date": date.fromisoformat,
    "datetime": datetime.fromisoformat,
    "bytes": bytes.fromhex,
    "str": str,
}


@dataclass(frozen=True)
class Start:
    """Where a read begins; last is None for a read of everything."""

    last: Any = None
    with_nulls: bool = (
        False  # read also the rows without a cursor value: a cut read of all did not reach them
    )


@dataclass
class _Read:
    """One try's outcome, so far."""

    path: Path
    is_part: bool = False
    rows: int = 0
    last: Any = None  # value of the cursor column that is not NULL


def query(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The rows that are new, as one delivery; nothing where there are none. Raises NotReceivedError."""
    from tenacity import Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

    start = _start(feed, known)
    database = open_database(feed, settings)
    part, kept = (folder / f"{feed.source.file_name}.{ending}" for ending in ("part", "cut"))
    cut = _Read(kept)  # of the tries that were cut, the one that came farthest

    def once() -> _Read:
        read = _Read(part)
        try:
            _copy(feed, database, start, read)
        except CutError:
            if read.last is not None and read.rows > cut.rows:
                cut.rows, cut.last = read.rows, read.last
                part.replace(kept)
            raise
        finally:
            database.engine.dispose()
        return read

    try:
        read = Retrying(
            stop=stop_after_attempt(feed.source.tries),
            wait=wait_exponential_jitter(FIRST_WAIT_S, LONGEST_BACK_OFF_S, jitter=FIRST_WAIT_S),
            retry=retry_if_exception(lambda error: isinstance(error, CutError) and error.is_passing),
            sleep=lambda seconds: sleep(seconds),
            reraise=True,
        )(once)
    except NotReceivedError as error:
        part.unlink(missing_ok=True)
        # Where all rows up to the cut share the value that is known, the next run would be cut there again.
        if isinstance(error, CutError) and cut.last not in (None, start.last):
            is_whole = start.last is None or start.with_nulls
            yield _fetched(feed, database, cut, "part", _state(feed, cut.last, nulls_unread=is_whole))
        kept.unlink(missing_ok=True)
        raise
    kept.unlink(missing_ok=True)
    if read.is_part and not read.rows:
        read.path.unlink()
        return
    last = start.last if read.is_part and read.last is None else read.last
    yield _fetched(feed, database, read, "part" if read.is_part else "full", _state(feed, last))


def statement(feed: Feed, start: Start, found: Collection[str]) -> Select[Any]:
    """What is asked: all columns, declared or not, of the table or query, in an order that does not change.

    found: the columns that are there. A key or cursor that is not among them is the loader's business, which says what
    is missing and what it may be called now: so all is read, in no order.
    """
    from sqlalchemy import bindparam, null, or_
    from sqlalchemy.types import NullType

    rows = _rows(feed)
    names = [name for name in _order(feed) if name in found]
    asked = _all_of(rows).order_by(*(rows.c[name] for name in names))
    if start.last is None:
        return asked
    # Without a type, a database compares the value as what the column is.
    cursor = rows.c[str(feed.source.cursor)]
    is_new = cursor >= bindparam("last", start.last, type_=NullType())
    return asked.where(or_(is_new, cursor == null()) if start.with_nulls else is_new)


def _order(feed: Feed) -> list[str]:
    by = (feed.source.cursor,) if feed.source.cursor else ()
    return list(dict.fromkeys((*by, *(feed.key if feed.key != "content" else ()))))


def _rows(feed: Feed) -> FromClause:
    """The table, or the query as one. Its alias is a name that no dialect has to quote."""
    from sqlalchemy import column, table, text

    columns: list[ColumnClause[Any]] = [column(name) for name in _order(feed)]
    if feed.source.table:
        schema, _, name = feed.source.table.rpartition(".")
        return table(name, *columns, schema=schema or None).alias("sent")
    # No colon stands for a value of ours. The line end ends a comment, should the query end with one.
    asked = str(feed.source.query).strip().rstrip(";").replace(":", "\\:") + "\n"
    return text(asked).columns(*columns).subquery("sent")


def _all_of(rows: FromClause) -> Select[Any]:
    from sqlalchemy import select, text

    return select(text("*")).select_from(rows)


def _copy(feed: Feed, database: Database, start: Start, read: _Read) -> None:
    """Write the rows to read.path, batch by batch; read says how far it came, also where it was cut."""
    from sqlalchemy import false
    from sqlalchemy.exc import SQLAlchemyError

    is_connected = False
    bound = feed.source.at_most_mb * 1e6
    most = feed.source.page_rows or MOST_ROWS
    try:
        with database.engine.connect() as connection:
            is_connected = True
            prepare(connection, feed)
            none = connection.execute(_all_of(_rows(feed)).where(false()))
            names = _names(feed, list(none.keys()), connection.dialect.requires_name_normalize)
            none.close()
            place = names.index(feed.source.cursor) if feed.source.cursor in names else None
            read.is_part = start.last is not None and place is not None
            asked = statement(feed, start if read.is_part else Start(), names)
            result = connection.execute(asked, execution_options={"stream_results": True})
            size = min(FIRST_ROWS, most)
            with TextFile(read.path, names, database.shown, turns(connection, result)) as out:
                while rows := result.fetchmany(size):
                    written = out.add(rows)
                    read.rows = out.rows
                    if place is not None:
                        values = (row[place] for row in reversed(rows))
                        read.last = next((v for v in values if v is not None), read.last)
                    if out.bytes > bound:
                        raise too_large(feed, database.shown)
                    # Wide rows come in smaller batches.
                    size = max(1, min(most, 2 * size, BATCH_BYTES * len(rows) // max(1, written)))
        if read.path.stat().st_size > bound:
            raise too_large(feed, database.shown)
    except (SQLAlchemyError, UnicodeDecodeError) as error:
        raise explain(feed, database, error, is_connected, read.rows) from None


def _names(feed: Feed, found: list[str], is_normalised: bool) -> list[str]:
    """The columns' names; where the dialect writes ID as id, those that are declared in capitals are so again."""
    if not is_normalised:
        return found
    capitals = {name.lower(): name for name in feed.columns if name.isupper()}
    return [capitals.get(name, name) if name not in feed.columns else name for name in found]


def _fetched(
    feed: Feed, database: Database, read: _Read, extent: Literal["full", "part"], state: Mapping[str, Any]
) -> Fetched:
    with read.path.open("rb") as content:
        digest = hashlib.file_digest(content, "sha256").hexdigest()
        size = os.fstat(content.fileno()).st_size
    return Fetched(read.path, database.shown, feed.source.file_name, digest, size, extent, state)


def _start(feed: Feed, known: Known) -> Start:
    """Where to begin, by what the newest delivery left."""
    state, days = known.state, feed.source.full_every_days
    is_known = feed.source.cursor and state.get("of") == _asked(feed) and state.get("type") in _KINDS
    if not is_known:
        return Start()
    try:
        last = _KINDS[state["type"]](str(state["cursor"]))
    except (KeyError, ValueError, ArithmeticError):
        return Start()
    if state.get("nulls_unread"):  # a full read that was cut is gone on with, even where another one is due
        return Start(last, with_nulls=True)
    # In days of the calendar: a run that begins a minute earlier than the last one must not wait for another day.
    if days and (known.full_at is None or (datetime.now(UTC).date() - known.full_at.date()).days >= days):
        return Start()
    return Start(last)


def _state(feed: Feed, last: Any, nulls_unread: bool = False) -> dict[str, Any]:
    if last is None:
        return {}
    kind = type(last).__name__
    state = {"cursor": as_text(last), "type": kind if kind in _KINDS else "str", "of": _asked(feed)}
    return state | ({"nulls_unread": True} if nulls_unread else {})


def _asked(feed: Feed) -> str:
    """What a cursor's value belongs to: a changed question begins anew."""
    source = feed.source
    question = source.table or f"query {hashlib.sha256(str(source.query).encode()).hexdigest()[:16]}"
    return f"{question} by {source.cursor}"
