"""Cluster: puts nodes together that accepted pairs connect, and takes apart what contradicts itself.

Belongs here: connected components, and repair. Does not belong here: weights (model.py), ids (keep_ids.sql).

Repair looks again at a cluster that holds several values of what should be one, a vetoed pair, or two nodes that
somebody decided are not the same: its nodes are put together anew, the strongest pair first, and a union that any
veto or decision across it forbids is refused. Ties go by node.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from city_platform.entities.difference import Difference, write_difference
from city_platform.entities.linking.model import Model, pairs_sql
from city_platform.entities.linking.nodes import node_columns, node_table, with_frequencies

if TYPE_CHECKING:
    import duckdb

DECIDED = 1000.0  # bits: a person's `same` goes before every weight
LOOKED_AT = 400  # nodes: in a larger cluster only the pairs that share a block are scored
Edge = tuple[int, int, float]  # two nodes, the smaller first, and a weight
Forbidden = dict[tuple[int, int], str]  # two nodes, the smaller first, and why not


def cluster(con: duckdb.DuckDBPyConnection, model: Model) -> Difference:
    """Write entity.node_cluster and entity.refused of one entity type by difference.

    Reads entity.compared, the node table, entity.node_record and temp decided_pair (decisions in force).
    """
    kind = model.entity_type
    con.execute(
        f"""create or replace temp table decided_node as
        select distinct least(a.node, b.node) as node_a, greatest(a.node, b.node) as node_b, d.judgement, d.decision_id
        from decided_pair as d
        join entity.node_record as a
            on a.entity_type = '{kind}' and a.feed = d.feed_a and a.record_key = d.record_key_a and a.role = d.role_a
        join entity.node_record as b
            on b.entity_type = '{kind}' and b.feed = d.feed_b and b.record_key = d.record_key_b and b.role = d.role_b
        where d.entity_type = '{kind}' and a.node <> b.node"""
    )
    con.execute(
        f"""create or replace temp table accepted as
        select node_a, node_b, weight from entity.compared
        where entity_type = '{kind}' and weight >= {model.link_from} and veto is null
        union all
        select node_a, node_b, {DECIDED} from decided_node where judgement = 'same'"""
    )
    _components(con)
    _suspects(con, model)
    repaired, refused = _repair(con, model)
    con.execute("create or replace temp table repaired (node ubigint, cluster ubigint)")
    con.execute(
        "create or replace temp table refused_now (entity_type varchar, node_a ubigint, node_b ubigint, reason varchar)"
    )
    _insert(con, "repaired", ("node", "cluster"), repaired)
    _insert(con, "refused_now", ("entity_type", "node_a", "node_b", "reason"), [(kind, *r) for r in refused])
    con.execute(
        f"""create or replace temp table node_cluster_now as
        select '{kind}' as entity_type, n.node, coalesce(r.cluster, c.component, n.node) as cluster
        from {node_table(kind)} as n
        left join component as c using (node)
        left join repaired as r using (node)"""
    )
    write_difference(con, "entity.refused", "refused_now", ["node_a", "node_b"], f"entity_type = '{kind}'")
    return write_difference(
        con, "entity.node_cluster", "node_cluster_now", ["node"], f"entity_type = '{kind}'"
    )


def _components(con: duckdb.DuckDBPyConnection) -> None:
    """Make temp component(node, component) of all nodes of temp accepted; a component is named by its smallest node."""
    import numpy as np
    import pyarrow as pa
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    edges = con.execute("select node_a, node_b from accepted").fetchnumpy()
    nodes, places = np.unique(np.concatenate([edges["node_a"], edges["node_b"]]), return_inverse=True)
    half = len(edges["node_a"])
    graph = coo_array(
        (np.ones(half, dtype=np.int8), (places[:half], places[half:])), shape=(len(nodes), len(nodes))
    )
    _, labels = connected_components(graph, directed=False)
    smallest = np.full(labels.max(initial=-1) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
    np.minimum.at(smallest, labels, nodes.astype(np.uint64))
    found = pa.table({"node": pa.array(nodes.astype(np.uint64)), "component": pa.array(smallest[labels])})
    con.register("found_component", found)
    con.execute("create or replace temp table component as select node, component from found_component")
    con.unregister("found_component")


def _suspects(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make temp suspect(component): what holds a contradiction, or may."""
    several = [
        f"select component from component join {node_table(model.entity_type)} using (node) "
        f"group by component having count(distinct {column}) > 1"
        for column in model.suspect_when_several
    ]
    vetoed = f"""select a.component from entity.compared as p
        join component as a on a.node = p.node_a join component as b on b.node = p.node_b
        where p.entity_type = '{model.entity_type}' and p.veto is not null and a.component = b.component"""
    decided = """select a.component from decided_node as d
        join component as a on a.node = d.node_a join component as b on b.node = d.node_b
        where d.judgement = 'not_same' and a.component = b.component"""
    con.execute(f"create or replace temp table suspect as {' union '.join([*several, vetoed, decided])}")


def _repair(
    con: duckdb.DuckDBPyConnection, model: Model
) -> tuple[list[tuple[int, int]], list[tuple[int, int, str]]]:
    """Put the nodes of suspect components together anew; returns (node, cluster) and the accepted pairs that were refused."""
    kind = model.entity_type
    con.execute(
        "create or replace temp table suspect_node as select component, node, count(*) over (partition by component) as nodes "
        "from component semi join suspect using (component)"
    )
    con.execute(
        f"""create or replace temp table suspect_pair as
        select a.node as node_a, b.node as node_b, 0 as rules
        from suspect_node as a join suspect_node as b on b.component = a.component and a.node < b.node
        where a.nodes <= {LOOKED_AT}
        union all
        select p.node_a, p.node_b, 0
        from entity.compared as p
        join suspect_node as a on a.node = p.node_a and a.nodes > {LOOKED_AT}
        join suspect_node as b on b.node = p.node_b and b.component = a.component
        where p.entity_type = '{kind}'"""
    )
    con.execute(
        f"create or replace temp table suspect_full as select n.* from {node_table(kind)} as n semi join suspect_node using (node)"
    )
    with_frequencies(con, model, "suspect_full", "suspect_tf")
    # The pairs that were found through a block link; the others only say what must not come together.
    rows = con.execute(
        f"""with scored as ({pairs_sql(model, node_columns(kind), "suspect_pair", "suspect_tf")})
        select c.component, s.node_a, s.node_b, s.weight, s.veto,
            exists (select 1 from accepted as p where p.node_a = s.node_a and p.node_b = s.node_b)
        from scored as s join component as c on c.node = s.node_a"""
    ).fetchall()
    decided = con.execute(
        """select a.component, d.node_a, d.node_b, d.judgement, d.decision_id
        from decided_node as d
        join suspect_node as a on a.node = d.node_a join suspect_node as b on b.node = d.node_b
        where a.component = b.component order by all"""
    ).fetchall()
    nodes: dict[int, list[int]] = defaultdict(list)
    for component, node in con.execute("select component, node from suspect_node order by all").fetchall():
        nodes[component].append(node)
    weights: dict[int, dict[tuple[int, int], float]] = defaultdict(dict)
    edges: dict[int, list[Edge]] = defaultdict(list)
    forbidden: dict[int, Forbidden] = defaultdict(dict)
    for component, a, b, weight, veto, is_linked in rows:
        weights[component][a, b] = weight
        if veto is not None:
            forbidden[component][a, b] = f"veto: {veto}"
        elif is_linked:
            edges[component].append((a, b, weight))
    for component, a, b, judgement, _ in decided:
        if judgement == "same":
            edges[component].append((a, b, DECIDED))
            forbidden[component].pop((a, b), None)
    for component, a, b, judgement, decision_id in decided:
        if judgement == "not_same":
            forbidden[component][a, b] = f"decision {decision_id}"
    clusters: list[tuple[int, int]] = []
    refused: list[tuple[int, int, str]] = []
    for component, members in nodes.items():
        fitting, undecided = without_ambiguous(edges[component], forbidden[component], model.ambiguous_within)
        refused += undecided
        found, kept_apart = put_together(
            members,
            fitting,
            forbidden[component],
            weights[component] if model.refuse_mean_below is not None else {},
            model.refuse_mean_below,
        )
        clusters += found
        refused += kept_apart
    return clusters, refused


def without_ambiguous(
    edges: Iterable[Edge], forbidden: Forbidden, within: float | None
) -> tuple[list[Edge], list[tuple[int, int, str]]]:
    """Edges less those of nodes that fit two others about equally well that must not come together.

    An undated John Smith in the house of father and son is neither: what weighs no more than his edges to them goes.
    Returns the edges that stay, and (node, node, why) of the others.
    """
    edges = list(edges)
    if within is None:
        return edges, []
    near: dict[int, list[tuple[float, int]]] = defaultdict(list)
    for a, b, weight in edges:
        near[a].append((-weight, b))
        near[b].append((-weight, a))
    limit: dict[int, float] = {}  # by node: edges up to this weight go
    for node, others in near.items():
        others.sort()
        for n, (weight, one) in enumerate(others):
            rivals = (o for w, o in others[n + 1 :] if w - weight < within)
            if any((min(one, o), max(one, o)) in forbidden for o in rivals):
                limit[node] = -weight
                break
    kept, gone = [], []
    for a, b, weight in edges:
        if weight < DECIDED and weight <= max(limit.get(a, -DECIDED), limit.get(b, -DECIDED)):
            gone.append((a, b, "fits several that are not the same"))
        else:
            kept.append((a, b, weight))
    return kept, gone


def put_together(
    nodes: Sequence[int],
    edges: Iterable[Edge],
    forbidden: Forbidden,
    weights: dict[tuple[int, int], float],
    least_mean: float | None = None,
) -> tuple[list[tuple[int, int]], list[tuple[int, int, str]]]:
    """Join nodes along edges, the heaviest first; refuse a union with a forbidden pair, or of too low a mean, across it.

    Returns (node, cluster), the cluster being its smallest node, and (node, node, why) of the edges that were refused.
    """
    members = {node: [node] for node in nodes}  # by root
    root = {node: node for node in nodes}
    enemies: dict[int, dict[int, str]] = defaultdict(dict)  # root: forbidden root and why
    for (a, b), why in sorted(forbidden.items()):
        enemies[a].setdefault(b, why)
        enemies[b].setdefault(a, why)
    refused = []
    for a, b, weight in sorted(edges, key=lambda e: (-e[2], e[0], e[1])):
        one, other = root[a], root[b]
        if one == other:
            continue
        against = enemies[one].get(other)
        if weight >= DECIDED:  # a person's word goes before the model's, not before another person's
            against = against if against and against.startswith("decision") else None
        elif against is None and least_mean is not None:
            mean = _mean_across(members[one], members[other], weights)
            against = "others of the two contradict each other" if mean < least_mean else None
        if against is not None:
            refused.append((a, b, against))
            continue
        keep, lose = min(one, other), max(one, other)
        for node in members[lose]:
            root[node] = keep
        members[keep] += members.pop(lose)
        enemies[keep].pop(lose, None)
        for enemy, why in enemies.pop(lose, {}).items():
            enemies[enemy].pop(lose, None)
            if enemy != keep:
                enemies[keep].setdefault(enemy, why)
                enemies[enemy].setdefault(keep, why)
    return sorted(root.items()), refused


def _mean_across(some: Sequence[int], others: Sequence[int], weights: dict[tuple[int, int], float]) -> float:
    """The mean weight of the pairs across two clusters that were scored; the pair that asks is one of them."""
    found = [weights[pair] for x in some for y in others if (pair := (min(x, y), max(x, y))) in weights]
    return sum(found) / len(found)


def _insert(
    con: duckdb.DuckDBPyConnection, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]
) -> None:
    import pyarrow as pa

    if not rows:
        return
    types = {"entity_type": pa.string(), "reason": pa.string()}
    values = zip(*rows, strict=True)
    arrays = {
        c: pa.array(list(v), type=types.get(c, pa.uint64())) for c, v in zip(columns, values, strict=True)
    }
    con.register("rows_to_insert", pa.table(arrays))
    con.execute(f"insert into {table} select {', '.join(columns)} from rows_to_insert")
    con.unregister("rows_to_insert")
