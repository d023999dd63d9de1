"""Difference: writes a table so that only what has changed is touched.

Belongs here: deleting what no longer stands and inserting what is new. Does not belong here: what the rows say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb


@dataclass(frozen=True)
class Difference:
    """How many rows a table lost and gained; a changed row is one of each."""

    deleted: int
    inserted: int


def write_difference(
    con: duckdb.DuckDBPyConnection, table: str, new: str, key: Sequence[str], where: str = "true"
) -> Difference:
    """Make the rows of table that fulfil `where` equal to the rows of new, which has the same columns.

    table, new: names such as entity.link and temp_link. key: the columns that tell rows apart, never empty; of
    several rows with one key and one content, one stands. Rows equal in both are not touched. Temporary tables
    `row_now` and `row_before` are overwritten.
    """
    columns = [str(row[0]) for row in con.execute(f"describe {table}").fetchall()]
    listed = ", ".join(f'"{c}"' for c in columns)
    keys = ", ".join(f'"{k}"' for k in key)
    con.execute(
        f"create or replace temp table row_now as select hash({listed}) as content, rowid as place, {keys} from {new}"
    )
    con.execute(
        f"create or replace temp table row_before as select hash({listed}) as content, {keys} from {table} where {where}"
    )
    same = " and ".join(f'a."{k}" is not distinct from b."{k}"' for k in key)
    con.execute(
        f"""create or replace temp table row_gone as select * from row_before as b where not exists (
            select 1 from row_now as a where a.content = b.content and {same})"""
    )
    gone = _count(con, "row_gone")
    if gone:
        match = " and ".join(f't."{k}" is not distinct from g."{k}"' for k in key)
        con.execute(f"delete from {table} as t using row_gone as g where ({where}) and {match}")
        # A key may stand with several contents: those that still hold were deleted with it, and come again.
        con.execute(
            f"create or replace temp table row_before as select hash({listed}) as content, {keys} from {table} where {where}"
        )
    con.execute(
        f"""create or replace temp table row_new as select min(place) as place from row_now as a where not exists (
            select 1 from row_before as b where a.content = b.content and {same}) group by content, {", ".join(f'a."{k}"' for k in key)}"""
    )
    come = _count(con, "row_new")
    if come:
        con.execute(
            f"insert into {table} ({listed}) select {listed} from {new} where rowid in (select place from row_new)"
        )
    for name in ("row_now", "row_before", "row_gone", "row_new"):
        con.execute(f"drop table {name}")
    return Difference(gone, come)


def _count(con: duckdb.DuckDBPyConnection, table: str) -> int:
    row = con.execute(f"select count(*) from {table}").fetchone()
    return int(row[0]) if row else 0
