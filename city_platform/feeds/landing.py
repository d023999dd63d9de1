"""Landing: keeps a delivery's bytes, and its lines as text, one Parquet file a delivery; `raw` looks at those files.

Belongs here: what is under landing/. Does not belong here: types and rules (judge.py), staging (load.py).
"""

from __future__ import annotations

import difflib
import os
import shutil
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats import read_records
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import Scan
from city_platform.rebuild import count
from city_platform.settings import Settings
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Landed:
    """A delivery's lines, as text in Parquet."""

    records: Path
    rejected: Path | None
    rows: int  # records and rejected lines
    rows_rejected: int
    problems: tuple[Problem, ...]  # that hold nothing up


def folder(settings: Settings, feed: Feed) -> Path:
    return settings.landing / feed.agency / feed.name


def sent_path(settings: Settings, feed: Feed, delivery_id: str, file_name: str) -> Path:
    """Where a delivery's bytes are kept, under the ending they were sent with."""
    ending = "".join(Path(file_name).suffixes[-2:])
    return folder(settings, feed) / "sent" / f"{delivery_id}{ending}"


def keep_bytes(fetched: Path, kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    os.replace(fetched, kept)


def land(
    con: duckdb.DuckDBPyConnection, feed: Feed, settings: Settings, delivery_id: str, sent: Path
) -> Landed:
    """Read the kept bytes into Parquet. Raises UnreadableError where they are not what is declared."""
    base = folder(settings, feed)
    working = base / ".working"
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True)
    try:
        numbered = working / "numbered.csv"
        scan = read_records(feed, settings, sent, numbered)
        notes = [*scan.notes, *_compare_header(feed, scan)]
        names = as_sent_names(scan.header, feed.columns)
        _read_numbered(con, feed, numbered, names)
        _collect_rejected(con, scan)
        rows = count(con, "select count(*) from temp.landed_record")
        rows_rejected = count(con, "select count(*) from temp.landed_rejected")
        if rows + rows_rejected != scan.records + len(scan.rejected):
            raise UnreadableError(
                Problem(
                    "lines_unaccounted",
                    f"{scan.records + len(scan.rejected):,} records were found and {rows + rows_rejected:,} read. "
                    "This is a fault of the platform's reader: please report it with the file.",
                    responsible="us",
                )
            )
        if scan.blank_lines:
            notes.append(
                Problem(
                    "blank_lines",
                    f"{scan.blank_lines:,} lines are empty and hold no record.",
                    severity="info",
                )
            )
        records = _write(con, "landed_record", working, base / "records", delivery_id)
        rejected = None
        (base / "rejected" / f"{delivery_id}.parquet").unlink(missing_ok=True)  # of an earlier reading
        if rows_rejected:
            rejected = _write(con, "landed_rejected", working, base / "rejected", delivery_id)
        return Landed(records, rejected, rows + rows_rejected, rows_rejected, tuple(notes))
    finally:
        shutil.rmtree(working, ignore_errors=True)


def forget_unrecorded(settings: Settings, feed: Feed, recorded: Iterable[str]) -> None:
    """Remove what a killed run landed and never recorded: `raw` must not show it."""
    known = set(recorded)
    for kind in ("records", "rejected", "sent"):
        for path in (folder(settings, feed) / kind).glob("*"):
            if path.name.split(".")[0] not in known:
                path.unlink()


def refresh_raw(con: duckdb.DuckDBPyConnection, feed: Feed, settings: Settings) -> None:
    """Make raw.<feed> and raw.<feed>__rejected look at everything that has landed."""
    for table, kind in ((feed.raw(), "records"), (feed.rejected(), "rejected")):
        path = folder(settings, feed) / kind / "*.parquet"
        if any(path.parent.glob("*.parquet")):
            source = f"select * from read_parquet({quote_text(str(path))}, union_by_name = true)"
        else:
            source = (
                "select " + ", ".join(f'null::{c.type} as "{c.name}"' for c in table.columns) + " where false"
            )
        con.execute(f"create or replace view {table.full_name} as {source}")


def as_sent_names(header: list[str], declared: Collection[str] = ()) -> list[str]:
    """The header's names, a number added where DuckDB could not tell two apart or there is none.

    A declared column always keeps its name: what reads it must not find another one under it.
    """
    names: list[str] = []
    taken = {"_line", "_delivery_id"} | {d.lower() for d in declared}
    for position, name in enumerate(header, start=1):
        if name in declared:
            names.append(name)
            continue
        base = name or f"column_{position}"
        candidate, n = base, 1
        while candidate.lower() in taken:
            candidate, n = f"{base}_{n}", n + 1
        taken.add(candidate.lower())
        names.append(candidate)
    return names


def _compare_header(feed: Feed, scan: Scan) -> list[Problem]:
    declared, sent = list(feed.columns), scan.header
    missing = [c for c in declared if c not in sent]
    added = [c for c in sent if c not in declared]
    if missing:
        # Where no name is right the header itself may be missing, and what stands there are values.
        is_header = len(missing) < len(declared)
        found = difflib.get_close_matches(missing[0], added, n=1, cutoff=0.5) if is_header else []
        hint = f" Column {found[0]!r} is new: was it renamed?" if found else ""
        no_header = "" if is_header else " Was the header line left out?"
        what = f"column {missing[0]!r} is" if len(missing) == 1 else f"columns {', '.join(missing)} are"
        raise UnreadableError(
            Problem(
                "missing_column",
                f"line {scan.header_line}: {what} missing.{hint or no_header} Please send the file with all "
                f"{len(declared)} agreed columns.",
                line=scan.header_line,
                column=missing[0],
            )
        )
    for twice in declared:
        if sent.count(twice) > 1:
            raise UnreadableError(
                Problem(
                    "column_twice",
                    f"line {scan.header_line}: column {twice!r} stands {sent.count(twice)} times, so it is not clear "
                    "which is meant. Please send it once.",
                    line=scan.header_line,
                    column=twice,
                )
            )
    notes = [
        Problem(
            "added_column",
            f"line {scan.header_line}: column {c!r} is new. It is kept in raw and used nowhere until it is declared.",
            line=scan.header_line,
            column=c,
            severity="warning",
            responsible="us",
        )
        for c in added
    ]
    if not added and sent != declared:
        notes.append(
            Problem(
                "column_order",
                f"line {scan.header_line}: the columns stand in another order than agreed. They were matched by name.",
                line=scan.header_line,
                severity="info",
            )
        )
    return notes


def _read_numbered(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path, names: list[str]) -> None:
    for table in ("landed_record", "landed_error", "landed_scan"):
        con.execute(f"drop table if exists temp.{table}")
    columns = ", ".join(f"{quote_text(n)}: 'VARCHAR'" for n in names)
    dialect = feed.dialect
    con.execute(
        f"""create temp table landed_record as select * from read_csv(
            {quote_text(str(path))}, auto_detect = false, header = false, strict_mode = true, null_padding = false,
            delim = {quote_text(dialect.delimiter)}, quote = {quote_text(dialect.quote)},
            escape = {quote_text(dialect.quote)}, new_line = '\\n', max_line_size = 16777216,
            columns = {{'_line': 'BIGINT', {columns}}},
            store_rejects = true, rejects_table = 'landed_error', rejects_scan = 'landed_scan', rejects_limit = 0)"""
    )


def _collect_rejected(con: duckdb.DuckDBPyConnection, scan: Scan) -> None:
    con.execute(
        """create or replace temp table landed_rejected as
        select
            regexp_extract(csv_line, '^\\d+')::bigint as _line,
            any_value(regexp_replace(csv_line, '^\\d+.', '')) as _text,
            min(case error_type::varchar
                when 'MISSING COLUMNS' then 'too few columns'
                when 'TOO MANY COLUMNS' then 'too many columns'
                when 'UNQUOTED VALUE' then 'a quotation mark inside a field, or one left open'
                else lower(error_type::varchar) end) as _reason
        from landed_error group by 1"""
    )
    if scan.rejected:
        con.executemany("insert into landed_rejected values (?, ?, ?)", scan.rejected)


def _write(con: duckdb.DuckDBPyConnection, table: str, working: Path, target: Path, delivery_id: str) -> Path:
    """Write beside, then rename: a glob over the folder never sees half a file."""
    part = working / f"{table}.parquet"
    con.execute(
        f"copy (select {quote_text(delivery_id)} as _delivery_id, * from temp.{table} order by _line) "
        f"to {quote_text(str(part))} (format parquet, compression zstd)"
    )
    target.mkdir(parents=True, exist_ok=True)
    final = target / f"{delivery_id}.parquet"
    os.replace(part, final)
    return final
