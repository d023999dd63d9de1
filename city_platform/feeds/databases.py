"""Databases: an agency's table or query as the CSV file that the agency could have sent.

Belongs here: reaching a database through SQLAlchemy, and its rows as CSV bytes. Does not belong here: keeping the
bytes (fetch.py), reading them again (records.py).
"""

from __future__ import annotations

import csv
import io
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.writing import as_text
from city_platform.feeds.problems import NotReceivedError
from city_platform.settings import Settings

if TYPE_CHECKING:
    from sqlalchemy import URL, Engine, Executable

BATCH = 2000  # rows fetched at a time


def query_lines(feed: Feed, settings: Settings) -> tuple[Iterator[bytes], str]:
    """The feed's rows as CSV in UTF-8 with a header, batch by batch, and where they come from without a password.

    They come in the order of the feed's key, so that the same rows are the same bytes. Raises NotReceivedError, also
    while the batches are taken.
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    name = str(feed.source.database)
    given = settings.database_url(name)
    if given is None:
        path = (settings.mirror or settings.inbox) / f"{name}.sqlite"
        return _lines(feed, _sqlite_engine(name, path), None, str(path)), str(path)
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise NotReceivedError(
            f"{_variable(name)} is no database address. Write it as SQLAlchemy does, such as "
            "postgresql+psycopg://user:password@host/name."
        ) from None
    shown = url.render_as_string(hide_password=True).split("?")[0]  # what follows may hold a token
    if url.get_backend_name() == "sqlite":
        return _lines(feed, _sqlite_engine(name, Path(url.database or "")), url, shown), shown
    return _lines(feed, _engine(name, url), url, shown), shown


def _variable(name: str) -> str:
    return f"CITY_PLATFORM_DATABASE_{name.upper()}"


def _sqlite_engine(name: str, path: Path) -> Engine:
    from sqlalchemy import create_engine

    if not path.is_file():
        raise NotReceivedError(
            f"{path} is not there. Put the SQLite file there, or give the database's address in {_variable(name)}."
        )
    # mode=ro: nothing may be written to an agency's file, and none made.
    address = f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if _is_at_rest(path) else "")
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))


def _is_at_rest(path: Path) -> bool:
    """Whether a file with a write-ahead log is open nowhere: even to read it, SQLite would make files beside it."""
    try:
        with path.open("rb") as source:
            has_log = source.read(20)[18:] == b"\x02\x02"
    except OSError:  # SQLite will say why
        return False
    return has_log and not path.with_name(path.name + "-wal").exists()


def _engine(name: str, url: URL) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return create_engine(url)
    except (ImportError, SQLAlchemyError):
        raise NotReceivedError(
            f"{_variable(name)}: there is no driver for {url.drivername}. Install one into the platform's environment, "
            "or name another one in the address."
        ) from None


def _lines(feed: Feed, engine: Engine, url: URL | None, shown: str) -> Iterator[bytes]:
    from sqlalchemy.exc import SQLAlchemyError

    try:
        with engine.connect() as connection:
            options = connection.execution_options(stream_results=True, yield_per=BATCH)
            result = options.execute(_statement(feed, engine))
            yield _csv([tuple(result.keys())])
            for batch in result.partitions():
                yield _csv([tuple(as_text(value) for value in row) for row in batch])
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())[:300]
        for secret in (url.password if url else None, url.query if url else None):
            for text in [secret] if isinstance(secret, str) else (secret or {}).values():
                reason = reason.replace(str(text), "***")
        raise NotReceivedError(
            f"{shown} did not give {feed.source.table or 'what the query asks for'}: {reason}. "
            "Check its address, the declaration (source in the feed's defs.yaml) and what we may read there."
        ) from None
    finally:
        engine.dispose()


def _statement(feed: Feed, engine: Engine) -> Executable:
    from sqlalchemy import text

    quote = engine.dialect.identifier_preparer.quote_identifier
    source = feed.source
    if source.table:
        rows = ".".join(quote(part) for part in source.table.split("."))
    else:
        rows = f"({str(source.query).strip().rstrip(';')}\n) as sent"
    order = ", ".join(quote(column) for column in feed.key) if feed.key != "content" else ""
    sql = f"select * from {rows}" + (f" order by {order}" if order else "")
    return text(sql.replace(":", "\\:"))  # no colon stands for a value of ours


def _csv(rows: list[tuple[str, ...]]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n").writerows(rows)
    # What is no text is found in reading, with its line.
    return out.getvalue().encode("utf-8", "surrogatepass")
