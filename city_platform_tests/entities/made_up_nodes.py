"""Nodes of any entity type that nobody has ever been: each column filled from a few values, so that all levels occur.

Belongs here: what the tests of weights and training share. Does not belong here: claims.
"""

from __future__ import annotations

import random
from datetime import date, timedelta
from typing import Any

import duckdb
import pyarrow as pa

from city_platform.entities.linked import define_macros
from city_platform.entities.linking.model import Model
from city_platform.entities.linking.nodes import node_table
from city_platform.tables import Column, fixed_tables

WORDS = "MARY MARIE MARIA JOHN JON JOHNS J M SMITH SMYTHE SMITHSON ANN ANNE NG BAKERY BAKERS CAFE GRILL 12345 12354".split()
TABLES = ("model", "term_frequency", "compared", "node_cluster", "node_record", "not_compared", "refused")


def database(kind: str) -> duckdb.DuckDBPyConnection:
    """A database with the empty tables of the linking, and the macros that models may use."""
    con = duckdb.connect(config={"threads": 2})
    con.execute("create schema entity")
    tables = fixed_tables()
    for name in (*(f"entity.{t}" for t in TABLES), node_table(kind)):
        con.execute(tables[name].ddl())
    define_macros(con, kind)  # type: ignore[arg-type]
    return con


def put_nodes(con: duckdb.DuckDBPyConnection, kind: str, rows: list[dict[str, Any]]) -> None:
    """Add nodes; columns that a row does not name are empty, and each node is a content and a cluster of its own."""
    table = fixed_tables()[node_table(kind)]
    frame = {
        c.name: [
            row.get(
                c.name, n + 1 if c.name in ("node", "content") else True if c.name == "is_specific" else None
            )
            for n, row in enumerate(rows)
        ]
        for c in table.columns
    }
    con.register("made_up", pa.table(frame))
    listed = ", ".join(f'"{c.name}"::{c.type} as "{c.name}"' for c in table.columns)
    con.execute(f"insert into {table.full_name} by name select {listed} from made_up")
    con.execute(
        f"insert into entity.node_cluster by name select '{kind}' as entity_type, node, node as cluster from {table.full_name}"
    )
    con.unregister("made_up")


def random_nodes(model: Model, number: int, seed: int) -> list[dict[str, Any]]:
    """Nodes with values by chance: few different ones, and a fifth missing."""
    dice = random.Random(seed)
    columns = fixed_tables()[node_table(model.entity_type)].columns
    return [
        {c.name: _value(c, dice) for c in columns if c.name not in ("node", "content", "is_specific")}
        for _ in range(number)
    ]


def _value(column: Column, dice: random.Random) -> Any:
    if dice.random() < 0.2:
        return None
    if column.type.endswith("[]"):
        return dice.sample(WORDS, dice.randint(1, 3))
    if column.type == "DATE":
        return date(1980, 1, 1) + timedelta(days=dice.choice([0, 3, 9, 31, 40, 366, 3653]))
    if column.type == "BOOLEAN":
        return dice.random() < 0.5
    if column.type == "DOUBLE":
        return dice.choice([0.0, 0.5, 10.0])
    if column.type != "VARCHAR":
        return dice.choice([1, 2, 12, 14])
    return " ".join(dice.sample(WORDS, dice.choice([1, 1, 2])))
