"""Nodes: records that say the same of an entity are one node, where the model would link two such records.

Belongs here: making nodes of temp node_source, and the frequencies of their values. Does not belong here: what a record
says (<entity type>_node.sql), comparing nodes (compare.py).

A node is the hash of what it says. Records whose content proves too little (a name alone), and those that a decision
names, are nodes of their own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from city_platform.entities.difference import Difference, write_difference
from city_platform.entities.linking.model import Model, pairs_sql
from city_platform.tables import fixed_tables

if TYPE_CHECKING:
    import duckdb

FEWEST = 5_000  # distinct contents: of fewer, how often a value occurs says too little
NODES = "(nodes)"  # in place of a column: the share of one node
OWN = ("node", "content", "is_specific")  # the columns of every node table that no model compares


def node_table(entity_type: str) -> str:
    return f"entity.{entity_type}_node"


def node_columns(entity_type: str) -> list[str]:
    """What the model may compare of an entity type's nodes."""
    table = fixed_tables()[node_table(entity_type)]
    return [c.name for c in table.columns if c.name not in OWN]


def collapse(con: duckdb.DuckDBPyConnection, model: Model) -> Difference:
    """Write the node table and entity.node_record of one entity type by difference.

    Reads temp node_source(feed, record_key, role, known_time, <node columns>) and temp decided_record(entity_type, feed,
    record_key, role). Adds `content` to node_source. Leaves temp new_node(node) and gone_node(<its whole rows>): what has come and gone since the last run.
    """
    kind, table = model.entity_type, node_table(model.entity_type)
    columns = node_columns(kind)
    listed = ", ".join(f'"{c}"' for c in columns)
    con.execute(
        f"create or replace temp table node_source as select *, hash({listed}) as content from node_source"
    )
    con.execute(
        f"""create or replace temp table known_content as
        select distinct content, is_specific from {table} semi join node_source using (content)"""
    )
    con.execute(
        f"""create or replace temp table new_content as
        select content as node, {listed} from node_source
        where content not in (select content from known_content) group by all"""
    )
    with_frequencies(con, model, "new_content", "new_content_tf")
    con.execute(
        "create or replace temp table self_pair as select node as node_a, node as node_b, 0 as rules from new_content"
    )
    con.execute(
        f"""insert into known_content select node_a, weight >= {model.link_from}
        from ({pairs_sql(model, columns, "self_pair", "new_content_tf")})"""
    )
    con.execute(
        f"""create or replace temp table node_record_now as
        select '{kind}' as entity_type, s.role, s.feed, s.record_key, s.known_time,
            case when k.is_specific and d.feed is null then s.content else hash(s.content, s.feed, s.record_key, s.role) end as node
        from node_source as s
        join known_content as k using (content)
        left join decided_record as d
            on d.entity_type = '{kind}' and d.feed = s.feed and d.record_key = s.record_key and d.role = s.role"""
    )
    con.execute(
        """create or replace temp table node_now as
        select distinct r.node, s.content, k.is_specific
        from node_record_now as r
        join node_source as s using (feed, record_key, role)
        join known_content as k using (content)"""
    )
    con.execute(
        f"create or replace temp table new_node as select node from node_now where node not in (select node from {table})"
    )
    con.execute(
        f"create or replace temp table gone_node as select * from {table} where node not in (select node from node_now)"
    )
    con.execute(f"delete from {table} where node in (select node from gone_node)")
    con.execute(
        f"""insert into {table} (node, content, is_specific, {listed})
        select n.node, n.content, n.is_specific, {", ".join(f's."{c}"' for c in columns)}
        from node_now as n
        join (select distinct content, {listed} from node_source) as s using (content)
        where n.node in (select node from new_node)"""
    )
    return write_difference(
        con,
        "entity.node_record",
        "node_record_now",
        ["feed", "record_key", "role"],
        f"entity_type = '{kind}'",
    )


def ensure_frequencies(con: duckdb.DuckDBPyConnection, model: Model, source: str) -> None:
    """Freeze how frequent each value is, counted over source's distinct contents, unless they are frozen already.

    Of too few contents it is frozen that nothing is known.
    """
    kind = model.entity_type
    held = con.execute(
        "select distinct column_name from entity.term_frequency where entity_type = ?", [kind]
    ).fetchall()
    missing = [c for c in (NODES, *model.tf_columns()) if (c,) not in held]
    if not missing:
        return
    listed = ", ".join(f'"{c}"' for c in node_columns(kind))
    con.execute(f"create or replace temp table distinct_content as select distinct {listed} from {source}")
    for column in missing:
        value = "1" if column == NODES else f'"{column}"'
        # The row without a value says how frequent a value is that nobody had, or one only.
        con.execute(
            f"""insert into entity.term_frequency by name
            with
                stated as (select {value} as value from distinct_content where {value} is not null),
                total as (select count(*) as n from stated)
            select '{kind}' as entity_type, '{column}' as column_name, hash(value) as value_hash, count(*) / max(t.n) as frequency
            from stated cross join total as t
            where t.n >= {FEWEST} and '{column}' <> '{NODES}' group by value having count(*) > 1
            union all by name
            select '{kind}' as entity_type, '{column}' as column_name, null as value_hash,
                case when n >= {FEWEST} then 1 / n end as frequency from total"""
        )
    con.execute("drop table distinct_content")


def with_prior(con: duckdb.DuckDBPyConnection, model: Model) -> Model:
    """The model with the prior that follows from how many nodes there were when its frequencies were frozen."""
    row = con.execute(
        "select max(frequency) from entity.term_frequency where entity_type = ? and column_name = ?",
        [model.entity_type, NODES],
    ).fetchone()
    if model.matches_per_node is None or row is None or row[0] is None:
        return model
    return model.model_copy(update={"prior": min(0.5, model.matches_per_node * float(row[0]))})


def with_frequencies(con: duckdb.DuckDBPyConnection, model: Model, nodes: str, target: str) -> None:
    """Make temp table target: nodes with a column tf_<column> for each whose frequency counts."""
    joins, columns = [], []
    for n, column in enumerate(model.tf_columns()):
        where = f"entity_type = '{model.entity_type}' and column_name = '{column}'"
        joins.append(
            f"left join (select value_hash, frequency from entity.term_frequency where {where} and value_hash is not null) as f{n} "
            f'on f{n}.value_hash = hash(n."{column}")'
        )
        default = f"(select max(frequency) from entity.term_frequency where {where} and value_hash is null)"
        columns.append(
            f', case when n."{column}" is not null then coalesce(f{n}.frequency, {default}) end as "tf_{column}"'
        )
    con.execute(
        f"create or replace temp table {target} as select n.*{''.join(columns)} from {nodes} as n {' '.join(joins)}"
    )
