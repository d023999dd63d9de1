"""Database engines: what differs from one kind of database to the next.

Belongs here: an address to an engine, time-outs, reading only, how PostgreSQL spells its values, and a driver's fault
told in a sentence. Does not belong here: what is asked (databases.py).

Every session reads only. Where a dialect has a time-out for a statement it is the feed's source.timeout_s; a server
that is gone without a word is found by TCP's own probes.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.database_text import Turn
from city_platform.settings import Settings

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import URL, Connection, CursorResult, Engine

LONGEST_REASON = 300  # characters of a driver's own words
PROBE_AFTER_S, PROBE_EVERY_S, PROBES = 30, 10, 3  # of a connection on which nothing comes
ORACLE_ROWS = 1000  # that its driver fetches at a time
EXTRAS = {"postgresql": "postgres", "oracle": "oracle", "mssql": "sqlserver"}
# What a server says to a wrong user, password or database: another try will not mend it.
_REFUSED = re.compile(
    r"password|authentication|pg_hba|does not exist|not permitted to log in|ora-01017|ora-28000|ora-01045|18456"
    r"|login failed|cannot open database|access denied|unknown database|unable to open database",
    re.IGNORECASE,
)
_TIMED_OUT = re.compile(
    r"statement timeout|DPY-4024|DPI-1067|HYT00|maximum statement execution|max_statement_time"
)
_VALUES = re.compile(r'"[^"]*"|\'[^\']*\'')


class CutError(NotReceivedError):
    """A read that ended before its last row, or never began."""

    def __init__(self, message: str, is_passing: bool) -> None:
        super().__init__(message)
        self.is_passing = is_passing  # another try may mend it


@dataclass(frozen=True)
class Database:
    """A database that can be asked."""

    engine: Engine
    shown: str  # where it is, without password and without what may hold a token
    variable: str  # the setting that holds its address
    secrets: tuple[str, ...]


def open_database(feed: Feed, settings: Settings) -> Database:
    """The feed's database, not yet reached; raises NotReceivedError where its address is none."""
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    name = str(feed.source.database)
    variable = f"CITY_PLATFORM_DATABASE_{name.upper()}"
    given = settings.database_url(name)
    if given is None:
        path = (settings.mirror or settings.inbox) / f"{name}.sqlite"
        return Database(_sqlite_engine(path, variable), str(path), variable, ())
    try:
        url = make_url(given)
    except (ArgumentError, ValueError):
        raise NotReceivedError(
            f"{variable} is no database address. Write it as SQLAlchemy does, such as "
            "postgresql+psycopg://user:password@host/name."
        ) from None
    shown = url.render_as_string(hide_password=True).split("?")[0]
    secrets = [str(url.password or "")]
    for value in url.query.values():
        secrets += [value] if isinstance(value, str) else value
    is_file = url.get_backend_name() == "sqlite"
    engine = _sqlite_engine(Path(url.database or ""), variable) if is_file else _engine(feed, url, variable)
    return Database(engine, shown, variable, tuple(s for s in secrets if s))


def _sqlite_engine(path: Path, variable: str) -> Engine:
    from sqlalchemy import NullPool, create_engine

    if not path.is_file():
        raise NotReceivedError(
            f"{path} is not there. Put the SQLite file there, or give the database's address in {variable}."
        )
    # mode=ro: nothing may be written to an agency's file, and none made.
    address = f"{path.absolute().as_uri()}?mode=ro" + ("&immutable=1" if _is_at_rest(path) else "")
    return create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True), poolclass=NullPool)


def _is_at_rest(path: Path) -> bool:
    """Whether a file with a write-ahead log is open nowhere: even to read it, SQLite would make files beside it."""
    try:
        with path.open("rb") as source:
            has_log = source.read(20)[18:] == b"\x02\x02"
    except OSError:  # SQLite will say why
        return False
    return has_log and not path.with_name(path.name + "-wal").exists()


def _engine(feed: Feed, url: URL, variable: str) -> Engine:
    from sqlalchemy import NullPool, create_engine
    from sqlalchemy.exc import SQLAlchemyError

    options: dict[str, Any] = {}
    kind = url.get_backend_name()
    if kind == "oracle":
        options["arraysize"] = ORACLE_ROWS
        if thick := url.query.get("thick_mode"):  # SQLAlchemy takes it as an argument only
            options["thick_mode"] = {"lib_dir": thick} if "/" in thick or "\\" in thick else True
            url = url.difference_update_query(["thick_mode"])
    try:
        driver = url.get_driver_name()
        given = _connect_options(driver, feed.source.timeout_s)
        options["connect_args"] = {k: v for k, v in given.items() if k not in url.query}
        return create_engine(url, poolclass=NullPool, **options)
    except (ImportError, SQLAlchemyError):
        extra = f"city-platform[{EXTRAS[kind]}]" if kind in EXTRAS else "one"
        raise NotReceivedError(
            f"{variable}: there is no driver for {url.drivername}. Install {extra} into the platform's environment, "
            "or name another one in the address."
        ) from None
    except Exception as error:  # Oracle's client libraries, which are loaded here, raise errors of their own
        reason = " ".join(str(error).split())[:LONGEST_REASON]
        raise NotReceivedError(f"{variable}: the driver {url.drivername} does not start: {reason}.") from None


def _connect_options(driver: str, timeout_s: float) -> Mapping[str, Any]:
    """How long a driver waits for its server, and in which encoding texts come, in the driver's own words."""
    whole = max(1, round(timeout_s))
    if driver in ("psycopg", "psycopg2"):
        return {
            "client_encoding": "utf8",  # a database that names no encoding would send bytes
            "connect_timeout": whole,
            "keepalives_idle": PROBE_AFTER_S,
            "keepalives_interval": PROBE_EVERY_S,
            "keepalives_count": PROBES,
            "tcp_user_timeout": whole * 1000,
        }
    if driver == "oracledb":
        return {"tcp_connect_timeout": timeout_s, "expire_time": 1}  # minutes between two probes
    if driver == "pyodbc":
        return {"timeout": whole}
    return {"connect_timeout": whole} if driver in ("pymysql", "mysqldb") else {}


def prepare(connection: Connection, feed: Feed) -> None:
    """Make a session read only, bound its statements in time, and spell values the same way on every server."""
    milliseconds = max(1, round(feed.source.timeout_s * 1000))
    kind = connection.dialect.name
    if kind == "postgresql":
        connection.execution_options(postgresql_readonly=True)
        if connection.dialect.driver == "psycopg":
            _leave_as_text(connection.connection.driver_connection)
        # local: of this transaction, so that a pooler between us and the server hands nothing on.
        for setting, value in (
            ("statement_timeout", str(milliseconds)),
            ("timezone", "UTC"),
            ("datestyle", "ISO"),
            ("intervalstyle", "postgres"),
        ):
            connection.exec_driver_sql(f"set local {setting} = '{value}'")
    elif kind in ("mysql", "mariadb"):
        is_mariadb = getattr(connection.dialect, "is_mariadb", False)
        connection.exec_driver_sql(
            f"set session max_statement_time = {milliseconds / 1000}"
            if is_mariadb
            else f"set session max_execution_time = {milliseconds}"
        )
    elif kind == "oracle":
        connection.connection.driver_connection.call_timeout = milliseconds  # type: ignore[union-attr]
    elif connection.dialect.driver == "pyodbc":
        connection.connection.driver_connection.timeout = max(1, milliseconds // 1000)  # type: ignore[union-attr]


def _leave_as_text(driver: Any) -> None:
    """Let psycopg hand over values in PostgreSQL's own words, save numbers, truth values, bytes and arrays.

    That is quicker, and lossless: a date may be infinity, BC or after 9999, which no date of Python's can be.
    """
    from psycopg.types.string import TextLoader

    for kind in driver.adapters.types:
        if kind.name not in ("bool", "bytea", "int2", "int4", "int8", "oid", "float4", "float8"):
            driver.adapters.register_loader(kind.oid, TextLoader)


def turns(connection: Connection, result: CursorResult[Any]) -> dict[int, Turn]:
    """Which columns of text in PostgreSQL's spelling are to be spelt as Python spells them, by place."""
    if connection.dialect.name != "postgresql" or connection.dialect.driver != "psycopg" or not result.cursor:
        return {}
    by_oid: dict[int, Turn] = {1083: _time, 1114: _timestamp, 1184: _timestamp_with_zone}
    found = enumerate(column[1] for column in result.cursor.description or ())
    return {place: by_oid[oid] for place, oid in found if oid in by_oid}


def _padded(column: pa.Array, width: int) -> pa.Array:
    """A fraction of a second has six digits, or is left out where it is none."""
    import pyarrow.compute as pc

    has_fraction = pc.match_substring(column, ".")
    if not pc.any(has_fraction).as_py():
        return column
    return pc.if_else(has_fraction, pc.utf8_rpad(column, width, "0"), column)


def _time(column: pa.Array) -> pa.Array:
    return _padded(column, len("12:00:00.000000"))


def _timestamp(column: pa.Array) -> pa.Array:
    return _padded(column, len("2000-01-01 12:00:00.000000"))


def _timestamp_with_zone(column: pa.Array) -> pa.Array:
    """In UTC, as the session is: +00 becomes +00:00."""
    import pyarrow.compute as pc

    has_zone = pc.ends_with(column, "+00")
    bare = _timestamp(pc.if_else(has_zone, pc.utf8_slice_codeunits(column, 0, -3), column))
    return pc.if_else(has_zone, pc.binary_join_element_wise(bare, "+00:00", ""), bare)


def explain(
    feed: Feed, database: Database, error: Exception, is_connected: bool, rows: int
) -> NotReceivedError:
    """What a driver's fault means, in a sentence without a secret; CutError where a read was cut."""
    from sqlalchemy.exc import DataError

    original = getattr(error, "orig", None) or error
    code = str(getattr(original, "sqlstate", None) or getattr(original, "pgcode", None) or "")
    lines = [line for line in str(original).splitlines() if line.strip()] or [type(original).__name__]
    # What follows the first line of a refused question may show values; of a refused connection, it is the reason.
    reason = lines[0].split(" with text ")[0] if is_connected else " ".join(lines)
    if isinstance(error, DataError) or code.startswith("22"):
        reason = _VALUES.sub("…", reason)
    for secret in database.secrets:
        reason = reason.replace(secret, "***")
    reason = " ".join(reason.split())[:LONGEST_REASON].rstrip(".")
    shown, variable = database.shown, database.variable
    what = feed.source.table or "what the query asks for"
    if isinstance(error, UnicodeDecodeError) or code == "22021":  # the driver found it, or the server
        return NotReceivedError(
            f"{shown} holds bytes in {what} that are no text in the encoding it names, after row {rows:,}. Please have "
            f"them mended there, or name the encoding in {variable} (?client_encoding=latin1)."
        )
    if not is_connected:
        if "DPY-3001" in reason:
            return NotReceivedError(
                f"{shown} wants Oracle's own encryption, which needs Oracle's client: install the Instant Client and add "
                f"thick_mode=true to the address in {variable} (docs/how-to/connect-a-database.md)."
            )
        if _REFUSED.search(reason):
            return NotReceivedError(
                f"{shown} does not let us in: {reason}. Check user, password and database in {variable}."
            )
        return CutError(
            f"{shown} gave no answer: {reason}. Check the host and the port in {variable}, or run later.",
            True,
        )
    if code == "57014" or _TIMED_OUT.search(reason):
        return CutError(
            f"{shown} was stopped after row {rows:,} of {what}: {reason}. A statement may take "
            f"{feed.source.timeout_s:g} seconds (source.timeout_s in the feed's defs.yaml; {variable} says where).",
            False,
        )
    # 08, 57P: the connection ended; 40: a replica had to put what it copies before our reading.
    is_cut = getattr(error, "connection_invalidated", False) or code[:2] in ("08", "40") or code[:3] == "57P"
    if is_cut or "database is locked" in reason:
        return CutError(
            f"{shown} went away after row {rows:,} of {what}: {reason}. Run later; {variable} says where it is.",
            True,
        )
    return NotReceivedError(
        f"{shown} did not give {what}: {reason}. Check its address ({variable}), the declaration (source and key in the "
        "feed's defs.yaml) and what we may read there."
    )
