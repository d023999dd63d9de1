"""Allow: which columns of which tables may stand in which published file. Deny by default.

Belongs here: the audiences and the rule. Does not belong here: writing files (files.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from city_platform.tables import Column, Table


@dataclass(frozen=True)
class Audience:
    """Who reads a published file, and what may therefore stand in it."""

    name: str
    file: str
    mode: int
    classifications: frozenset[str]
    rights: frozenset[str]
    schemas: frozenset[str]
    meaning: str


AUDIENCES = (
    Audience(
        "analyst",
        "analyst.duckdb",
        0o444,
        frozenset({"public", "official"}),
        frozenset({"open", "licensed"}),
        frozenset({"staging", "entity", "risk", "quality", "provenance"}),
        "everything that names no private person",
    ),
    Audience(
        "operator",
        "operator.duckdb",
        0o600,
        frozenset({"public", "official", "personal"}),
        frozenset({"open", "licensed", "contract"}),
        frozenset({"entity", "risk", "quality", "provenance"}),
        "identified; for look-ups by those who act",
    ),
)


def is_allowed(column: Column, audience: Audience) -> bool:
    """Whether a column may stand in the audience's file: it is classified, its rights are stated, and both fit."""
    return column.classification in audience.classifications and column.rights in audience.rights


def allowed_columns(table: Table, audience: Audience) -> tuple[Column, ...]:
    """The columns of a table that the audience may see; none if a key column is not among them."""
    if table.schema not in audience.schemas:
        return ()
    columns = tuple(c for c in table.columns if is_allowed(c, audience))
    names = {c.name for c in columns}
    return columns if names.issuperset(table.key) else ()


def unlawful(published: Sequence[tuple[str, str]], tables: Sequence[Table], audience: Audience) -> list[str]:
    """Of the columns that a file really holds, given as (schema.table, column), those that must not be in it."""
    declared = {(t.label, c.name): c for t in tables for c in t.columns}
    wrong = []
    for label, name in published:
        column = declared.get((label, name))
        if column is None or not is_allowed(column, audience):
            wrong.append(f"{label}.{name}")
    return wrong
