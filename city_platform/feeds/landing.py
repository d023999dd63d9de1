"""Landing: keeps a delivery's bytes, and its lines as text, one Parquet file a delivery; `raw` looks at those files.

Belongs here: what is under landing/. Does not belong here: types and rules (judge.py), staging (load.py).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats import RELATIONS, format_of, read_records, read_relation
from city_platform.feeds.headers import compare_header
from city_platform.feeds.numbering import LONGEST_LINE, look_through, may_be_regular
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.scan import Scan
from city_platform.rebuild import count
from city_platform.settings import Settings
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb


# Groups of a quarter of DuckDB's own size are written, and read by two threads, in three quarters of the time.
PARQUET = "format parquet, compression zstd, compression_level 1, row_group_size 30720"


@dataclass(frozen=True)
class Landed:
    """A delivery's lines, as text in Parquet.

    A record's line is its place in the file, from 0, plus the column _line_shift.
    """

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
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    settings: Settings,
    delivery_id: str,
    sent: Path,
    renames: Mapping[str, str] | None = None,
) -> Landed:
    """Read the kept bytes into Parquet. Raises UnreadableError where they are not what is declared.

    renames: names as sent that stand for declared columns, by decision of a person.
    """
    base = folder(settings, feed)
    working = base / ".working"
    shutil.rmtree(working, ignore_errors=True)
    working.mkdir(parents=True)
    # A connection of its own: what fails in reading must not end the transaction of the caller.
    reader = con.cursor()
    reader.execute("set preserve_insertion_order = true")  # a record's place in the file is its line
    try:
        landing = _Landing(reader, feed, settings, delivery_id, sent, working, renames or {})
        return landing.regular() or landing.exact()
    finally:
        reader.execute("set preserve_insertion_order = false")
        reader.close()
        shutil.rmtree(working, ignore_errors=True)


class _Landing:
    """One delivery's way into Parquet: plain where the file is plain, else record by record."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        feed: Feed,
        settings: Settings,
        delivery_id: str,
        sent: Path,
        working: Path,
        renames: Mapping[str, str],
    ) -> None:
        self.con, self.feed, self.settings, self.delivery_id = con, feed, settings, delivery_id
        self.sent, self.working, self.renames = sent, working, renames

    def regular(self) -> Landed | None:
        """Through DuckDB as it stands; None where anything about the file or what came of it is not plain."""
        if self.feed.source.member or format_of(self.feed, self.sent) != "csv":
            return None
        start = may_be_regular(self.sent, self.feed.dialect, self.working / "unpacked")
        if start is None:
            return None
        try:
            names = compare_header(self.feed, start.header, start.header_line, self.renames)
        except UnreadableError:
            return None  # the exact way says what comes first of what is wrong
        columns = ", ".join(f"{quote_text(n)}: 'VARCHAR'" for n in names.sent)
        part = self.working / "record.parquet"
        with ThreadPoolExecutor(1) as beside:  # the file is looked through while DuckDB reads it
            looking = beside.submit(look_through, start, self.feed.dialect)
            try:
                self._copy(
                    f"select {quote_text(self.delivery_id)} as _delivery_id, {start.header_line + 1} as _line_shift, * "
                    f"from {self._read_csv(start.path, columns, start.line_end, start.header_line)}",
                    part,
                )
            except _duckdb_error():
                return None  # the exact way says what is wrong
            found = looking.result()
        rows = count(self.con, f"select count(*) from read_parquet({quote_text(str(part))})")
        if (
            found is None
            or rows != found.records
            or count(self.con, "select count(*) from temp.landed_error")
        ):
            return None
        if found.open_ends != self._trailing_empty(part, names.sent, found.open_ends):
            return None
        return self._landed(part, rows, 0, names.notes)

    def exact(self) -> Landed:
        """Record by record: whatever the format, with every line that is no record set aside."""
        part = self.working / "record.parquet"
        kind = format_of(self.feed, self.sent)
        if kind in RELATIONS:
            relation = read_relation(self.feed, self.settings, self.con, self.sent, self.working)
            names = compare_header(self.feed, relation.header, 1, self.renames)
            listed = ", ".join(f'"{n}"' for n in names.sent)
            self._copy(
                f"select {quote_text(self.delivery_id)} as _delivery_id, 1 as _line_shift, nullif(columns(*), '') "
                f"from ({relation.sql}) as r({listed})",
                part,
            )
            rows = count(self.con, f"select count(*) from read_parquet({quote_text(str(part))})")
            rejected = self._reject_nul(part, names.sent)
            return self._landed(part, rows - rejected, rejected, [*relation.notes, *names.notes])
        numbered = self.working / "numbered.csv"
        scan = read_records(self.feed, self.settings, self.sent, numbered, self.renames)
        names = compare_header(self.feed, scan.header, scan.header_line, self.renames)
        columns = ", ".join(f"{quote_text(n)}: 'VARCHAR'" for n in ("_line", *names.sent))
        self.con.execute("drop table if exists temp.landed_record")
        source = self._read_csv(numbered, columns, "\\n", 0, scan)
        self.con.execute(
            f"create temp table landed_record as select _line::bigint as _line, * exclude (_line) from {source}"
        )
        _collect_rejected(self.con, scan)
        rows = count(self.con, "select count(*) from temp.landed_record")
        rejected = count(self.con, "select count(*) from temp.landed_rejected")
        if rows + rejected != scan.records + len(scan.rejected):
            raise UnreadableError(
                Problem(
                    "lines_unaccounted",
                    f"{scan.records + len(scan.rejected):,} records were found and {rows + rejected:,} read. "
                    "This is a fault of the platform's reader: please report it with the file.",
                    responsible="us",
                )
            )
        self._copy(
            f"select {quote_text(self.delivery_id)} as _delivery_id, _line - (rowid - (select min(rowid) from temp.landed_record)) as _line_shift, "
            "* exclude (_line) from temp.landed_record",
            part,
        )
        self.con.execute("drop table temp.landed_record")
        notes = [*scan.notes, *names.notes]
        if scan.blank_lines:
            notes.append(
                Problem(
                    "blank_lines",
                    f"{scan.blank_lines:,} lines are empty and hold no record.",
                    severity="info",
                )
            )
        return self._landed(part, rows, rejected, notes)

    def _read_csv(self, path: Path, columns: str, line_end: str, skip: int, scan: Scan | None = None) -> str:
        for table in ("landed_error", "landed_scan"):
            self.con.execute(f"drop table if exists temp.{table}")
        dialect = self.feed.dialect
        delimiter = scan.delimiter if scan and scan.delimiter else dialect.delimiter
        quote = scan.quote if scan and scan.quote else dialect.quote or ""
        longest = 16 << 20 if scan else 2 * LONGEST_LINE  # DuckDB's buffers grow with it
        return f"""read_csv({quote_text(str(path))}, auto_detect = false, header = false, skip = {skip},
            strict_mode = true, null_padding = false, delim = {quote_text(delimiter)}, quote = {quote_text(quote)},
            escape = {quote_text(quote)}, new_line = '{line_end}', max_line_size = {longest}, columns = {{{columns}}},
            store_rejects = true, rejects_table = 'landed_error', rejects_scan = 'landed_scan', rejects_limit = 0)"""

    def _reject_nul(self, part: Path, names: Sequence[str]) -> int:
        """Set aside rows that hold a NUL byte, as in text files; returns how many."""
        holds = " or ".join(f'coalesce(contains("{n}", chr(0)), false)' for n in names)
        source = f"read_parquet({quote_text(str(part))}, file_row_number = true)"
        if not count(self.con, f"select count(*) from {source} where {holds}"):
            return 0
        text = ", ".join(f"coalesce(replace(\"{n}\", chr(0), '\\0'), '')" for n in names)
        self.con.execute(
            f"create or replace temp table landed_rejected as select file_row_number + 1 as _line, "
            f"concat_ws(',', {text}) as _text, 'a NUL byte' as _reason from {source} where {holds}"
        )
        clean = part.with_name("clean.parquet")
        listed = ", ".join(f'"{n}"' for n in names)
        self._copy(
            f"select _delivery_id, file_row_number + 1 - (row_number() over (order by file_row_number) - 1) as _line_shift, "
            f"{listed} from {source} where not ({holds}) order by file_row_number",
            clean,
        )
        os.replace(clean, part)
        return count(self.con, "select count(*) from temp.landed_rejected")

    def _trailing_empty(self, part: Path, names: Sequence[str], wanted: int) -> int:
        """How many columns at the ends of the records are empty, as far as a line can show it."""
        found = 0
        for n in range(1, len(names) if wanted else 0):
            empty = " and ".join(f'"{name}" is null' for name in names[-n:])
            more = count(
                self.con, f"select count(*) from read_parquet({quote_text(str(part))}) where {empty}"
            )
            if not more:
                break
            found += more
        return found

    def _copy(self, sql: str, part: Path) -> None:
        self.con.execute(f"copy ({sql}) to {quote_text(str(part))} ({PARQUET})")

    def _landed(self, part: Path, rows: int, rejected: int, notes: Sequence[Problem]) -> Landed:
        """Move what was written to its place: a glob over the folder never sees half a file."""
        base = folder(self.settings, self.feed)
        name = f"{self.delivery_id}.parquet"
        (base / "rejected" / name).unlink(missing_ok=True)  # of an earlier reading
        if rejected:
            beside = self.working / "rejected.parquet"
            self._copy(
                f"select {quote_text(self.delivery_id)} as _delivery_id, * from temp.landed_rejected order by _line",
                beside,
            )
            (base / "rejected").mkdir(exist_ok=True)
            os.replace(beside, base / "rejected" / name)
        (base / "records").mkdir(exist_ok=True)
        os.replace(part, base / "records" / name)
        kept = base / "rejected" / name if rejected else None
        return Landed(base / "records" / name, kept, rows + rejected, rejected, tuple(notes))


def _duckdb_error() -> type[Exception]:
    import duckdb

    return duckdb.Error


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
            source = (
                f"select _delivery_id, file_row_number + _line_shift as _line, * exclude (_delivery_id, _line_shift, "
                f"file_row_number) from read_parquet({quote_text(str(path))}, union_by_name = true, "
                "file_row_number = true)"
                if kind == "records"
                else f"select * from read_parquet({quote_text(str(path))}, union_by_name = true)"
            )
        else:
            source = (
                "select " + ", ".join(f'null::{c.type} as "{c.name}"' for c in table.columns) + " where false"
            )
        con.execute(f"create or replace view {table.full_name} as {source}")


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
