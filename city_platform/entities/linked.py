"""Linked: reads from operator.duckdb what the linking did, and scores pairs anew with the weights in force.

Belongs here: models, nodes, pairs and clusters as published. Does not belong here: what is said of them (review.py,
explain.py), the linking itself (linking/).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from city_platform.entities.decisions import Record
from city_platform.entities.linking.macros import define_macros
from city_platform.entities.linking.model import (
    LINKED,
    Block,
    Comparison,
    EntityType,
    Level,
    Model,
    columns_in,
    pairs_sql,
    weight_sql,
)
from city_platform.entities.linking.nodes import node_columns, node_table, with_frequencies, with_prior
from city_platform.entities.linking.versions import newest_version

if TYPE_CHECKING:
    import duckdb

NOT_SHOWN = 0.005  # bits: less is no rarity


class NotLinkedError(ValueError):
    """The file does not hold what was asked for; the message says what to do."""


@dataclass(frozen=True)
class Compared:
    """What one comparison of two nodes came to."""

    comparison: Comparison
    level: Level
    bits: float  # without the rarity
    rarity: float  # what the value's frequency adds or takes
    left: str
    right: str


@dataclass(frozen=True)
class Scored:
    """Two nodes, compared anew."""

    node_a: int
    node_b: int
    weight: float
    veto: str | None
    parts: tuple[Compared, ...]


@dataclass(frozen=True)
class Blocked:
    """What one blocking rule makes of two nodes: the keys of either, several where a rule takes each value of a list."""

    block: Block
    left: tuple[str, ...]  # empty where a part is missing
    right: tuple[str, ...]
    nodes: int  # in the smallest block that both are in, or else in the first node's

    @property
    def is_shared(self) -> bool:
        return bool(set(self.left) & set(self.right))


def model_of(con: duckdb.DuckDBPyConnection, entity_type: EntityType) -> Model:
    """The weights in force when the file was published."""
    found = newest_version(con, entity_type)
    if found is None:
        raise NotLinkedError(
            f"operator.duckdb holds no model of a {entity_type}. `city-platform run` makes it."
        )
    return with_prior(con, found.model)


def linked_types(con: duckdb.DuckDBPyConnection) -> list[EntityType]:
    """The types of which the file holds nodes."""
    rows = con.execute("select distinct entity_type from entity.model").fetchall()
    held = {str(r[0]) for r in rows}
    return [t for t in LINKED if t in held]


def nodes_of(con: duckdb.DuckDBPyConnection, entity_type: str, record: Record) -> list[tuple[str, int]]:
    """Roles and nodes of a record, of one type."""
    return [
        (str(role), int(node))
        for role, node in con.execute(
            "select role, node from entity.node_record where entity_type = $1 and feed = $2 and record_key = $3 "
            "and ($4 = '' or role = $4) order by role",
            [entity_type, record.feed, record.record_key, record.role],
        ).fetchall()
    ]


def record_of(con: duckdb.DuckDBPyConnection, entity_type: str, nodes: Iterable[int]) -> dict[int, Record]:
    """One record of each node: the first by feed and key. A person's has its role."""
    rows = con.execute(
        """select node, min({'feed': feed, 'record_key': record_key, 'role': role}) from entity.node_record
        where entity_type = $1 and node in (select unnest($2::ubigint[])) group by node""",
        [entity_type, sorted(set(nodes))],
    ).fetchall()
    return {
        int(node): Record(r["feed"], r["record_key"], r["role"] if entity_type == "person" else "")
        for node, r in rows
    }


def cluster_of(con: duckdb.DuckDBPyConnection, entity_type: str, nodes: Iterable[int]) -> dict[int, int]:
    """Each node's cluster."""
    rows = con.execute(
        "select node, cluster from entity.node_cluster where entity_type = $1 and node in (select unnest($2::ubigint[]))",
        [entity_type, sorted(set(nodes))],
    ).fetchall()
    return {int(node): int(cluster) for node, cluster in rows}


def score(con: duckdb.DuckDBPyConnection, model: Model, pairs: Sequence[tuple[int, int]]) -> list[Scored]:
    """Compare pairs of nodes anew, with the weights and frequencies in force; in the order of the pairs."""
    if not pairs:
        return []
    kind, columns = model.entity_type, node_columns(model.entity_type)
    define_macros(con, kind)
    con.execute(
        "create or replace temp table asked_pair (place integer, node_a ubigint, node_b ubigint, rules integer)"
    )
    con.executemany(
        "insert into asked_pair values (?, ?, ?, 0)", [(n, a, b) for n, (a, b) in enumerate(pairs)]
    )
    con.execute(
        f"create or replace temp table asked_node as select * from {node_table(kind)} where node in "
        "(select node_a from asked_pair union select node_b from asked_pair)"
    )
    with_frequencies(con, model, "asked_node", "asked_tf")
    bits = ", ".join(f"({weight_sql(c, n)})::double as bits_{n}" for n, c in enumerate(model.comparisons, 1))
    levels = ", ".join(f"level_{n}" for n in range(1, len(model.comparisons) + 1))
    rows = con.execute(
        f"""select node_a, node_b, weight, veto, [{levels}] as levels, [{", ".join(f"bits_{n}" for n in range(1, len(model.comparisons) + 1))}]
        from (select *, {bits} from ({pairs_sql(model, columns, "asked_pair", "asked_tf")}))
        join asked_pair using (node_a, node_b) order by place"""
    ).fetchall()
    shown = _values(con, columns)
    found = []
    for a, b, weight, veto, which, added in rows:
        parts = []
        for comparison, place, total in zip(model.comparisons, which, added, strict=True):
            level = comparison.levels[place]
            own = columns_in([level.sql for level in comparison.levels], columns)
            rarity = float(total) - level.weight
            parts.append(
                Compared(
                    comparison,
                    level,
                    level.weight,
                    rarity if abs(rarity) >= NOT_SHOWN else 0.0,
                    _told(shown[a], own),
                    _told(shown[b], own),
                )
            )
        found.append(Scored(a, b, float(weight), veto, tuple(parts)))
    return found


def values_of(
    con: duckdb.DuckDBPyConnection, entity_type: EntityType, nodes: Iterable[int]
) -> dict[int, dict[str, str]]:
    """What nodes say, by column."""
    con.execute(
        f"create or replace temp table asked_node as select * from {node_table(entity_type)} "
        f"where node in (select unnest([{', '.join(str(n) for n in sorted(set(nodes))) or 'null'}]::ubigint[]))"
    )
    return _values(con, node_columns(entity_type))


def blocked(con: duckdb.DuckDBPyConnection, model: Model, node_a: int, node_b: int) -> list[Blocked]:
    """What each blocking rule makes of two nodes."""
    table = node_table(model.entity_type)
    define_macros(con, model.entity_type)
    found = []
    for block in model.blocks:
        names = [f"key_{n}" for n in range(len(block.key))]
        parts = ", ".join(f"{sql} as {name}" for sql, name in zip(block.key, names, strict=True))
        stated = " and ".join(f"{name} is not null" for name in names)
        keyed = (
            f"select distinct node, concat_ws(' + ', {', '.join(f'{n}::varchar' for n in names)}) as key "
            f"from (select node, {parts} from {table}) where {stated}"
        )
        rows = con.execute(
            f"""with keyed as ({keyed})
            select key, count(*), bool_or(node = $1), bool_or(node = $2) from keyed
            where key in (select key from keyed where node in ($1, $2)) group by key order by key""",
            [node_a, node_b],
        ).fetchall()
        left = tuple(str(key) for key, _, is_left, _ in rows if is_left)
        right = tuple(str(key) for key, _, _, is_right in rows if is_right)
        sizes = [int(n) for key, n, _, _ in rows if key in (set(left) & set(right) or set(left))]
        found.append(Blocked(block, left, right, min(sizes, default=0)))
    return found


def links_of(
    con: duckdb.DuckDBPyConnection, model: Model, clusters: Iterable[int]
) -> dict[int, list[tuple[int, int, float]]]:
    """The links by which each cluster is held together: accepted pairs and what was decided, the strongest first."""
    from city_platform.entities.linking.cluster import DECIDED

    kind = model.entity_type
    listed = sorted(set(clusters))
    con.execute(
        "create or replace temp table asked_cluster as select unnest($1::ubigint[]) as cluster", [listed]
    )
    con.execute(
        "create or replace temp table cluster_node as select node, cluster from entity.node_cluster "
        "semi join asked_cluster using (cluster) where entity_type = ?",
        [kind],
    )
    rows = con.execute(
        """select a.cluster, p.node_a, p.node_b, p.weight
        from entity.compared as p
        join cluster_node as a on a.node = p.node_a
        join cluster_node as b on b.node = p.node_b and b.cluster = a.cluster
        where p.entity_type = $1 and p.weight >= $2 and p.veto is null
        union all
        select x.cluster, least(a.node, b.node), greatest(a.node, b.node), $3
        from entity.decision as d
        join entity.node_record as a on a.entity_type = $1 and a.feed = d.feed_a and a.record_key = d.record_key_a and a.role = d.role_a
        join entity.node_record as b on b.entity_type = $1 and b.feed = d.feed_b and b.record_key = d.record_key_b and b.role = d.role_b
        join cluster_node as x on x.node = a.node
        join cluster_node as y on y.node = b.node and y.cluster = x.cluster
        where d.entity_type = $1 and d.judgement = 'same' and d.problem is null and d.revoked_at is null
        order by 4 desc, 2, 3""",
        [kind, model.link_from, DECIDED],
    ).fetchall()
    found: dict[int, list[tuple[int, int, float]]] = defaultdict(list)
    for cluster, a, b, weight in rows:
        found[int(cluster)].append((int(a), int(b), float(weight)))
    return found


@dataclass(frozen=True)
class Join:
    """One link without which its cluster would be two, and the nodes on either side of it when it was made."""

    node_a: int
    node_b: int
    weight: float
    side_a: frozenset[int]
    side_b: frozenset[int]


def joins(links: Iterable[tuple[int, int, float]]) -> list[Join]:
    """The links that hold a cluster together, as they were made: the strongest first, each joining two parts."""
    members: dict[int, set[int]] = {}
    root: dict[int, int] = {}
    found = []
    for a, b, weight in links:
        for node in (a, b):
            if node not in root:
                root[node], members[node] = node, {node}
        one, other = root[a], root[b]
        if one == other:
            continue
        found.append(Join(a, b, weight, frozenset(members[one]), frozenset(members[other])))
        keep, lose = (one, other) if len(members[one]) >= len(members[other]) else (other, one)
        for node in members[lose]:
            root[node] = keep
        members[keep] |= members.pop(lose)
    return found


def chain(links: Iterable[tuple[int, int, float]], start: int, end: int) -> list[tuple[int, int, float]]:
    """The links from one node to another, whose weakest is as strong as may be; empty where there is no way."""
    ways: dict[int, list[tuple[int, float]]] = defaultdict(list)
    for join in joins(links):
        ways[join.node_a].append((join.node_b, join.weight))
        ways[join.node_b].append((join.node_a, join.weight))
    came: dict[int, tuple[int, float] | None] = {start: None}
    waiting = [start]
    while waiting:
        here = waiting.pop()
        for there, weight in ways[here]:
            if there not in came:
                came[there] = (here, weight)
                waiting.append(there)
    found = []
    at = end
    while (step := came.get(at)) is not None:
        found.append((step[0], at, step[1]))
        at = step[0]
    return found[::-1]


def _values(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> dict[int, dict[str, str]]:
    listed = ", ".join(f'"{c}"::varchar' for c in columns)
    return {
        int(row[0]): {c: v for c, v in zip(columns, row[1:], strict=True) if v not in (None, "", "[]")}
        for row in con.execute(f"select node, {listed} from asked_node").fetchall()
    }


def _told(values: dict[str, str], columns: Sequence[str]) -> str:
    """What of a node was compared; what stands in another of its columns too (a list, a year) is left out."""
    said: list[str] = []
    for column in columns:
        value = values.get(column)
        if value and not any(value in other for other in said) and not (said and value.startswith("[")):
            said.append(value)
    return " · ".join(said) or "–"


def address_of(con: duckdb.DuckDBPyConnection, record: Record) -> str:
    """The address that a record is about, in one line: its unit where it has one."""
    row = con.execute(
        "select arg_max(a.label, l.role = 'unit') from entity.link as l join entity.address as a on a.address_id = l.entity_id "
        "where l.entity_type = 'address' and l.feed = ? and l.record_key = ?",
        [record.feed, record.record_key],
    ).fetchone()
    return str(row[0]) if row and row[0] else "no address"
