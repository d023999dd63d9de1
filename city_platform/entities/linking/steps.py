"""Steps: takes all linked entity types through collapse, block and score, and then through clustering.

Belongs here: the order, and what is made anew when the code or a model has changed. Does not belong here: each step's work.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from city_platform.entities.linking.cluster import cluster
from city_platform.entities.linking.compare import compare
from city_platform.entities.linking.macros import define_macros
from city_platform.entities.linking.model import LINKED, EntityType, Level, Model, unpack
from city_platform.entities.linking.nodes import collapse, node_table
from city_platform.entities.linking.versions import model_in_force
from city_platform.rebuild import Budget, made_with, sql_file

if TYPE_CHECKING:
    import duckdb

MADE_OF_NODES = ("node_record", "compared", "not_compared")


def compare_all(con: duckdb.DuckDBPyConnection, code: str) -> list[Budget]:
    """Bring nodes and compared pairs of every linked type up to the observations; returns what was not compared.

    code: the version of all that decides it beside the model; where either has changed, all is made anew.
    Reads entity.observation, person_observation, address_member and temp decided_record.
    """
    for kind in LINKED:
        con.execute(sql_file(f"entities/{kind}_node.sql"))
        model, version = model_in_force(con, kind)
        if not made_with(con, f"entity.{kind}", f"{code} {version}"):
            empty(con, kind)
        collapse(con, model)
        compare(con, model)
    return [
        Budget(
            "pairs compared",
            str(kind),
            int(all_pairs),
            int(all_pairs - skipped),
            "blocks too large to compare",
        )
        for kind, all_pairs, skipped in con.execute(
            """select n.entity_type, coalesce(p.pairs, 0) + n.skipped, n.skipped
            from (select entity_type, sum(pairs_skipped)::bigint as skipped from entity.not_compared group by all) as n
            left join (select entity_type, count(*) as pairs from entity.compared group by all) as p using (entity_type)
            order by all"""
        ).fetchall()
    ]


def cluster_all(con: duckdb.DuckDBPyConnection) -> None:
    """Bring the clusters of every linked type up to the compared pairs and temp decided_pair."""
    for kind in LINKED:
        model, _ = model_in_force(con, kind)
        define_macros(con, kind)  # where nothing new was compared, this process has not made them
        cluster(con, model)


def versions(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """By entity type the version of the weights in force."""
    return {kind: model_in_force(con, kind)[1] for kind in LINKED}


def empty(con: duckdb.DuckDBPyConnection, kind: EntityType) -> None:
    """Forget what was made with other code or weights; ids, links and frequencies stay."""
    con.execute(f"delete from {node_table(kind)}")
    for table in MADE_OF_NODES:
        con.execute(f"delete from entity.{table} where entity_type = '{kind}'")


def level_text(con: duckdb.DuckDBPyConnection) -> None:
    """Make temp level_text(entity_type, levels, evidence, is_identifier, is_exact) of all levels that pairs have.

    evidence says in words without values what agreed. is_identifier: a number did. is_exact: all that both state did.
    """
    con.execute(
        "create or replace temp table level_text (entity_type varchar, levels ubigint, evidence varchar, "
        "is_identifier boolean, is_exact boolean)"
    )
    rows = []
    for kind in LINKED:
        model, _ = model_in_force(con, kind)
        for (levels,) in con.execute(
            "select distinct levels from entity.compared where entity_type = ? order by all", [kind]
        ).fetchall():
            rows.append([kind, levels, *words(model, levels)])
    if rows:
        con.executemany("insert into level_text values (?, ?, ?, ?, ?)", rows)


def words(model: Model, levels: int) -> tuple[str, bool, bool]:
    """What agreed, whether a number did, and whether nothing that both state differs, of a pair's packed levels."""
    found = unpack(model, levels)
    agreed = [f"{level.label} {comparison.name}" for comparison, level in found if level.weight > 0]
    is_identifier = any(c.identifier and level == c.levels[_first(c.levels)] for c, level in found)
    is_exact = all(level.missing or level == c.levels[_first(c.levels)] for c, level in found)
    return ", ".join(agreed), is_identifier, is_exact


def _first(levels: tuple[Level, ...]) -> int:
    """Where the strongest agreement stands: the first level that does not say that a value is missing."""
    return next(n for n, level in enumerate(levels) if not level.missing)
