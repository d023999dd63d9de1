"""Macros: what the SQL of a model's levels calls.

Belongs here: making them for a connection that only weighs pairs. Does not belong here: the macros themselves, which
stand where they are used first (standardise.sql, person_standardise.sql, <entity type>_node.sql).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from city_platform.entities.linking.model import EntityType
from city_platform.rebuild import PACKAGE, sql_file

if TYPE_CHECKING:
    import duckdb

FILES = ("standardise", "person_standardise", "{kind}_node")
MACRO = re.compile(r"^create or replace temp macro .*?(?=^;)", re.MULTILINE | re.DOTALL)


def define_macros(con: duckdb.DuckDBPyConnection, entity_type: EntityType) -> None:
    """Make the macros that a model's levels may use."""
    for name in FILES:
        path = f"entities/{name.format(kind=entity_type)}.sql"
        if (PACKAGE / path).is_file():
            for statement in MACRO.findall(sql_file(path)):
                con.execute(statement)
