"""Compare: finds the pairs of nodes that share a block, and says how much each weighs.

Belongs here: blocks and their caps, and keeping the pairs by difference. Does not belong here: the weights (model.py), who
is put together (cluster.py).

A pair is a function of its two nodes, so only pairs of nodes that are new are scored. A block that comes to its cap, or
falls below it, makes all its nodes count as new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.entities.linking.model import Block, Model, packed_levels, pairs_sql
from city_platform.entities.linking.nodes import node_columns, node_table, with_frequencies
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

CHUNK = 20_000_000  # pairs scored in one statement, to bound the memory


def compare(con: duckdb.DuckDBPyConnection, model: Model) -> int:
    """Bring entity.compared and entity.not_compared up to the node table; returns how many pairs were scored.

    Reads temp new_node(node) and gone_node (whole rows); where all nodes are new, that is the whole of it.
    """
    kind = model.entity_type
    _block_members(con, model)
    con.execute(
        "create or replace temp table renewed as select node from new_node union select node from crossing_node"
    )
    con.execute(
        f"""delete from entity.compared where entity_type = '{kind}' and (
            node_a in (select node from renewed union all select node from gone_node)
            or node_b in (select node from renewed union all select node from gone_node))"""
    )
    con.execute(
        """create or replace temp table renewed_block as
        select distinct rule, block from block_member where node in (select node from renewed)"""
    )
    con.execute(
        """create or replace temp table meeting as
        select m.rule, m.block, m.node, m.node in (select node from renewed) as is_renewed
        from block_member as m
        join renewed_block as b using (rule, block)"""
    )
    con.execute(
        """create or replace temp table pair as
        select a.node as node_a, b.node as node_b, bit_or((1::uinteger << a.rule)::uinteger) as rules
        from meeting as a
        join meeting as b on b.rule = a.rule and b.block = a.block and a.node < b.node
        where a.is_renewed or b.is_renewed
        group by a.node, b.node"""
    )
    row = con.execute("select count(*) from pair").fetchone()
    pairs = int(row[0]) if row else 0
    with_frequencies(con, model, node_table(kind), "node_tf")
    chunks = max(1, -(-pairs // CHUNK))
    for chunk in range(chunks):
        part = "pair" if chunks == 1 else f"(from pair where node_a % {chunks} = {chunk})"
        con.execute(
            f"""insert into entity.compared by name
            select '{kind}' as entity_type, node_a, node_b, weight, {packed_levels(model)} as levels, rules, veto
            from ({pairs_sql(model, node_columns(kind), part, "node_tf")})
            where weight >= {model.keep_from}"""
        )
    con.execute("drop table pair")
    con.execute("drop table meeting")
    con.execute(f"delete from entity.not_compared where entity_type = '{kind}'")
    con.execute(f"insert into entity.not_compared by name select '{kind}' as entity_type, * from oversized")
    return pairs


def _block_members(con: duckdb.DuckDBPyConnection, model: Model) -> None:
    """Make temp block_member(rule, block, node), crossing_node(node) and oversized(rule, block_value, records, pairs_skipped).

    A node's block by a rule is its key, or, where more than cap nodes have that key, its key and split.
    """
    con.execute("create or replace temp table block_member (rule utinyint, block ubigint, node ubigint)")
    con.execute("create or replace temp table crossing_node (node ubigint)")
    con.execute(
        "create or replace temp table oversized (rule varchar, block_value varchar, records bigint, pairs_skipped bigint)"
    )
    for n, block in enumerate(model.blocks):
        _members_of(con, model, n, block)


def _members_of(con: duckdb.DuckDBPyConnection, model: Model, n: int, block: Block) -> None:
    names = [f"key_{i}" for i in range(len(block.key))]
    split_names = [f"split_{i}" for i in range(len(block.split))]
    said = ", ".join(
        f"{sql} as {name}"
        for sql, name in zip((*block.key, *block.split), (*names, *split_names), strict=True)
    )
    part = (
        f"case when {_stated(split_names)} then {_hash(n, (*names, *split_names))} end"
        if block.split
        else "null::ubigint"
    )
    # A key part that unnests a list puts a node into several blocks, and may name one of them twice.
    each = "distinct" if block.is_of_lists else ""
    con.execute(
        f"""create or replace temp table keyed as
        select {each} node, {_hash(n, names)} as key, {part} as part, is_new, is_gone
        from (
            select node, {said}, node in (select node from new_node) as is_new, false as is_gone
            from {node_table(model.entity_type)}
            union all
            select node, {said}, false, true from gone_node
        )
        where {_stated(names)}"""
    )
    sizes = "count(*) filter (not is_gone) as now, count(*) filter (not is_new) as before"
    con.execute(
        f"create or replace temp table key_size as select key, {sizes} from keyed group by key having count(*) > 1"
    )
    con.execute(
        f"""create or replace temp table part_size as
        select k.key, k.part, {sizes}, s.before > {block.cap} as was_split
        from keyed as k
        join key_size as s using (key)
        where s.now > {block.cap} and k.part is not null
        group by k.key, k.part, s.before"""
    )
    con.execute(
        f"""insert into block_member
        select {n}, k.key, k.node from keyed as k join key_size as s using (key) where not k.is_gone and s.now between 2 and {block.cap}
        union all
        select {n}, k.part, k.node from keyed as k join part_size as s using (key, part) where not k.is_gone and s.now between 2 and {block.cap}"""
    )
    con.execute(
        f"""insert into crossing_node
        select k.node from keyed as k join key_size as s using (key)
        where not k.is_gone and not k.is_new and (s.now > {block.cap}) <> (s.before > {block.cap})
        union all
        select k.node from keyed as k join part_size as s using (key, part)
        where not k.is_gone and not k.is_new and s.was_split and (s.now > {block.cap}) <> (s.before > {block.cap})"""
    )
    # A block's value may be a person's: then its hash stands for it.
    value = (
        "hex(o.key)"
        if model.entity_type == "person" or block.is_of_lists
        else f"min(concat_ws(' | ', {', '.join(f'({k})::varchar' for k in block.key)}))"
    )
    con.execute(
        f"""insert into oversized
        with
            o as (select key, now from key_size where now > {block.cap}),
            compared as (select key, sum(divide(now * (now - 1), 2)) as pairs from part_size where now <= {block.cap} group by key)
        select {quote_text(block.name)}, {value}, o.now, divide(o.now * (o.now - 1), 2) - coalesce(max(c.pairs), 0)
        from o
        join keyed as k using (key)
        join {node_table(model.entity_type)} as t using (node)
        left join compared as c using (key)
        group by o.key, o.now"""
    )


def _stated(parts: Sequence[str]) -> str:
    """SQL: whether each part of a key says something."""
    return " and ".join(f"({part}) is not null" for part in parts)


def _hash(n: int, parts: Sequence[str]) -> str:
    return f"hash({n}, {', '.join(parts)})"
