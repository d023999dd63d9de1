"""Rebuild: a step is rebuilt if and only if its code, its settings or something that it reads has changed.

Belongs here: fingerprints, the one transaction in which a step writes its tables, runs their checks and records
that it was rebuilt. Does not belong here: Dagster (assets.py) and what the steps write.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.tables import Check, Table, fixed_tables
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

PACKAGE = Path(__file__).parent


class NotBuiltError(RuntimeError):
    """Something that a step reads was never built; the message names it."""


@dataclass(frozen=True)
class CheckResult:
    """How one check of one table came out."""

    table: str  # schema.table
    check: str
    passed: bool
    message: str


@dataclass(frozen=True)
class Budget:
    """What one join or step did with the rows of one feed or case; rows_out may not exceed rows_in."""

    step: str
    subject: str
    rows_in: int
    rows_out: int
    reason: str


@dataclass
class Built:
    """What became of one step."""

    asset: str
    rebuilt: bool
    fingerprint: str
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)  # by schema.table
    checks: list[CheckResult] = field(default_factory=list)
    note: str = ""

    @property
    def failed(self) -> list[CheckResult]:
        return [c for c in self.checks if not c.passed]


def fingerprint(*parts: Any) -> str:
    """A short hash of anything that JSON can hold."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True, default=str).encode()).hexdigest()[:16]


def code_version(*patterns: str) -> str:
    """Hash of the package's files that match the patterns, such as "entities/*.sql"; also tables/ and DuckDB's version."""
    import duckdb

    digest = hashlib.sha256(duckdb.__version__.encode())
    for pattern in ("tables/*.yaml", *patterns):
        paths = sorted(PACKAGE.glob(pattern))
        if not paths:
            raise FileNotFoundError(f"no file of the package matches {pattern}")
        for path in paths:
            digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def sql_file(relative: str) -> str:
    """The text of one of the package's .sql files."""
    return (PACKAGE / relative).read_text()


def prepare(warehouse: Warehouse) -> None:
    """Create what every step writes to: the schemas `provenance` and `quality`."""
    for table in fixed_tables().values():
        if table.schema in ("provenance", "quality"):
            warehouse.ensure_table(table)


def count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    """The one number that a query gives."""
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0


def recorded_fingerprint(con: duckdb.DuckDBPyConnection, asset: str) -> str | None:
    row = con.execute("select fingerprint from provenance.build where asset = ?", [asset]).fetchone()
    return str(row[0]) if row else None


def input_fingerprints(con: duckdb.DuckDBPyConnection, asset: str, inputs: Sequence[str]) -> dict[str, str]:
    """The fingerprints of what a step reads; raises NotBuiltError where one was never built."""
    found = {name: recorded_fingerprint(con, name) for name in inputs}
    missing = [name for name, value in found.items() if value is None]
    if missing:
        raise NotBuiltError(f"{asset} reads {', '.join(missing)}, never built yet: materialise that first.")
    return {name: value for name, value in found.items() if value is not None}


def build(
    warehouse: Warehouse,
    asset: str,
    *,
    code: str,
    settings: Any = None,
    inputs: Sequence[str] = (),
    tables: Sequence[Table],
    work: Callable[[duckdb.DuckDBPyConnection], Iterable[Budget]],
    checks: Sequence[tuple[str, Check]] = (),
) -> Built:
    """Rebuild one step if it needs it: its tables, their checks and the record of it, in one transaction.

    work(connection) fills the tables and returns what each join lost. checks: (schema.table, check) beside those that
    the tables' own columns ask for. A failing check is recorded, shown, and stops publishing; it does not stop this.
    """
    con = warehouse.con
    started = time.monotonic()
    now = fingerprint(asset, code, settings, input_fingerprints(con, asset, inputs))
    if recorded_fingerprint(con, asset) == now and all(warehouse.columns(t.schema, t.name) for t in tables):
        return Built(
            asset,
            False,
            now,
            time.monotonic() - started,
            count_rows(con, tables),
            recorded_checks(con, asset),
        )
    with warehouse.transaction():
        for table in tables:
            warehouse.ensure_table(table)
        budget = list(work(con))
        results = run_checks(con, tables, checks)
        record_budget(con, budget)
        record_checks(con, asset, results)
        record_build(warehouse, asset, now, time.monotonic() - started)
    return Built(asset, True, now, time.monotonic() - started, count_rows(con, tables), results)


def run_checks(
    con: duckdb.DuckDBPyConnection, tables: Sequence[Table], extra: Sequence[tuple[str, Check]] = ()
) -> list[CheckResult]:
    """Run the checks of the tables' columns, and those given beside them."""
    wanted = [(t.label, c) for t in tables for c in t.checks()] + list(extra)
    results = []
    for label, check in wanted:
        found = count(con, check.sql)
        message = "" if found == 0 else f"{found:,} {check.offence}"
        results.append(CheckResult(label, check.name, found == 0, message))
    return results


def record_checks(con: duckdb.DuckDBPyConnection, asset: str, results: Sequence[CheckResult]) -> None:
    con.execute("delete from quality.check_result where asset = ?", [asset])
    if results:
        con.executemany(
            "insert into quality.check_result by name select unnest($1::struct(table_name varchar, check_name varchar, "
            "passed boolean, asset varchar, message varchar)[], recursive := true)",
            [
                [
                    [
                        {
                            "table_name": r.table,
                            "check_name": r.check,
                            "passed": r.passed,
                            "asset": asset,
                            "message": r.message,
                        }
                        for r in results
                    ]
                ]
            ],
        )


def recorded_checks(con: duckdb.DuckDBPyConnection, asset: str) -> list[CheckResult]:
    rows = con.execute(
        "select table_name, check_name, passed, message from quality.check_result where asset = ? order by all",
        [asset],
    ).fetchall()
    return [CheckResult(str(t), str(c), bool(p), str(m or "")) for t, c, p, m in rows]


def record_budget(con: duckdb.DuckDBPyConnection, budget: Iterable[Budget]) -> None:
    """Replace what these steps last said of these subjects."""
    for line in budget:
        con.execute(
            "delete from quality.row_budget where step = ? and subject = ?", [line.step, line.subject]
        )
        con.execute(
            "insert into quality.row_budget values (?, ?, ?, ?, ?, ?)",
            [line.step, line.subject, line.rows_in, line.rows_out, line.rows_in - line.rows_out, line.reason],
        )


def record_build(warehouse: Warehouse, asset: str, value: str, seconds: float) -> None:
    warehouse.con.execute("delete from provenance.build where asset = ?", [asset])
    warehouse.con.execute(
        "insert into provenance.build values (?, ?, ?, ?, ?)",
        [asset, value, datetime.now(UTC).replace(tzinfo=None), round(seconds, 3), warehouse.run_id],
    )


def made_with(con: duckdb.DuckDBPyConnection, step: str, version: str) -> bool:
    """Whether a step's tables were made with this version; records that they are from now on."""
    is_same = count(
        con, f"select count(*) from provenance.made_with where step = '{step}' and version = '{version}'"
    )
    if not is_same:
        con.execute("delete from provenance.made_with where step = ?", [step])
        con.execute("insert into provenance.made_with values (?, ?)", [step, version])
    return bool(is_same)


def count_rows(con: duckdb.DuckDBPyConnection, tables: Sequence[Table]) -> dict[str, int]:
    return {t.label: count(con, f"select count(*) from {t.full_name}") for t in tables}
