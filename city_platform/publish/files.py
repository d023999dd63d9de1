"""Files: builds each audience's file from permitted columns and rows, described, sorted for look-ups, and moves it in whole.

Belongs here: the published DuckDB files. Does not belong here: who may see what (allow.py), opening DuckDB
(warehouse.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from city_platform.publish.allow import Audience, allowed_columns, unlawful
from city_platform.rebuild import (
    Budget,
    Built,
    CheckResult,
    count,
    record_build,
    record_checks,
    recorded_checks,
    recorded_fingerprint,
    sql_file,
)
from city_platform.tables import Table, fixed_tables, quote_text
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

ONLY_PERMITTED = "only_permitted_columns"
# Views of a file's own tables, where it holds them all: they show nothing that it does not hold.
VIEWS = {
    "explained_link": {
        "entity.compared",
        "entity.model",
        "entity.node_record",
        "entity.node_cluster",
    }
}


class UnlawfulError(RuntimeError):
    """A file would have held columns that nobody permitted; it was not published."""


def permitted(tables: Sequence[Table], audience: Audience) -> list[Table]:
    """The tables of an audience's file, each with its permitted columns only."""
    found = []
    for table in tables:
        columns = allowed_columns(table, audience)
        if columns:
            names = {c.name for c in columns}
            order = tuple(c for c in table.order_by if c in names)
            found.append(replace(table, columns=columns, order_by=order))
    return found


def rows_for(table: Table, audience: Audience) -> str:
    """The condition for the rows of a table that the audience may see, with its where; empty if all."""
    if not table.personal_rows or "personal" in audience.classifications:
        return ""
    # What cannot be told to be about nobody does not leave.
    return f"where ({table.personal_rows}) is not distinct from false"


def fill_catalog(
    con: duckdb.DuckDBPyConnection, tables: Sequence[Table], audiences: Sequence[Audience], as_of: date
) -> list[Budget]:
    """Fill catalog.dataset and catalog.column_info for every audience's file."""
    con.execute("delete from catalog.dataset")
    con.execute("delete from catalog.column_info")
    datasets, columns = [], []
    for audience in audiences:
        for table in permitted(tables, audience):
            rows = count(con, f"select count(*) from {table.full_name} {rows_for(table, audience)}")
            datasets.append([audience.file, table.label, table.grain, ", ".join(table.key), rows, as_of])
            for position, c in enumerate(table.columns, start=1):
                lineage = table.lineage or f"derived in {table.schema}"
                columns.append(
                    [
                        audience.file,
                        table.label,
                        position,
                        c.name,
                        c.type,
                        c.meaning,
                        c.unit,
                        c.classification,
                    ]
                    + [c.rights, lineage]
                )
    _insert_many(con, "catalog.dataset", datasets)
    _insert_many(con, "catalog.column_info", columns)
    return []


def publish(
    warehouse: Warehouse, asset: str, value: str, tables: Sequence[Table], audience: Audience
) -> Built:
    """Publish one audience's file unless it already holds what fingerprint value stands for.

    Where a column would leave that is not permitted, the older file stays and the check says so.
    """
    con = warehouse.con
    started = time.monotonic()
    final = warehouse.settings.published / audience.file
    chosen = permitted(tables, audience)
    if recorded_fingerprint(con, asset) == value and final.is_file():
        return Built(asset, False, value, time.monotonic() - started, {}, recorded_checks(con, asset))
    rows = {}

    def write(con: duckdb.DuckDBPyConnection, alias: str) -> None:
        for schema in sorted({t.schema for t in chosen} | {"catalog"}):
            con.execute(f"create schema {alias}.{schema}")
        for table in chosen:
            rows[table.label] = _copy(con, alias, table, rows_for(table, audience))
        for name in ("dataset", "column_info"):
            table = fixed_tables()[f"catalog.{name}"]
            rows[table.label] = _copy(con, alias, table, f"where file = {quote_text(audience.file)}")
        # What a run writes about itself has grown since the catalog was filled.
        con.executemany(
            f"update {alias}.catalog.dataset set rows = $2 where name = $1 and rows <> $2", list(rows.items())
        )
        found = con.execute(
            "select schema_name || '.' || table_name, column_name from duckdb_columns() "
            "where database_name = ? and schema_name <> 'catalog'",
            [alias],
        ).fetchall()
        wrong = unlawful([(str(t), str(c)) for t, c in found], tables, audience)
        wrong += [t.label for t in chosen if _has_other_rows(con, alias, t, audience)]
        if wrong:
            raise UnlawfulError(
                f"{audience.file} was not published: {', '.join(sorted(wrong)[:5])} must not leave the warehouse. "
                "Classify each column and state its rights where it is declared, or leave it out."
            )
        for view, needed in VIEWS.items():
            if needed <= {t.label for t in chosen}:
                con.execute(f"use {alias}")
                con.execute(sql_file(f"publish/{view}.sql"))
                con.execute("use warehouse")

    checks = [CheckResult(f"published.{audience.name}", ONLY_PERMITTED, True, "")]
    try:
        warehouse.publish(audience.file, audience.mode, write)
    except UnlawfulError as error:
        checks = [CheckResult(f"published.{audience.name}", ONLY_PERMITTED, False, str(error))]
        with warehouse.transaction():
            record_checks(con, asset, checks)
        return Built(asset, True, value, time.monotonic() - started, {}, checks, note="NOT PUBLISHED")
    # A transaction cannot write two attached databases: killed before this one, the next run publishes again.
    with warehouse.transaction():
        record_checks(con, asset, checks)
        record_build(warehouse, asset, value, time.monotonic() - started)
    return Built(asset, True, value, time.monotonic() - started, rows, checks)


def _copy(con: duckdb.DuckDBPyConnection, alias: str, table: Table, where: str = "") -> int:
    listed = ", ".join(f'"{c.name}"' for c in table.columns)
    order = ", ".join(f'"{c}"' for c in table.order_by) or "all"
    target = f'{alias}.{table.schema}."{table.name}"'
    con.execute(f"create table {target} as select {listed} from {table.full_name} {where} order by {order}")
    con.execute(f"use {alias}")
    for comment in table.comments():
        con.execute(comment)
    con.execute("use warehouse")
    return count(con, f"select count(*) from {target}")


def _has_other_rows(con: duckdb.DuckDBPyConnection, alias: str, table: Table, audience: Audience) -> bool:
    """Whether a published table holds more rows than the audience may see."""
    allowed = rows_for(table, audience)
    held = f'{alias}.{table.schema}."{table.name}"'
    return bool(allowed) and count(con, f"select count(*) from {held}") != count(
        con, f"select count(*) from {held} {allowed}"
    )


def _insert_many(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Sequence[object]]) -> None:
    if rows:
        con.executemany(f"insert into {table} values ({', '.join('?' for _ in rows[0])})", rows)
