"""The people of one Eastmere, scored and clustered by the platform and by Splink: the same parsed records, blocks and weights.

Belongs here: both sides of that comparison, each in a process of its own, and how right each is. Does not belong here:
making the borough (steps.py), what is printed (entities.py).

What is equal: one row a record that names a person, as the entities step has parsed it; the comparisons with their m, u
and frequencies of values; the blocks, those over their cap split or left out alike; the weight from which pairs are linked;
two threads and the same memory limit. What is not, and is the platform's own: identical records are one node before
anything is compared, and what contradicts itself is taken apart again. Splink has neither. Reading the records and
writing the clusters is not counted on either side; Splink's time is predict() and the clustering of what it gave.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eastmere_truth import write_person_truth
from steps import environment, run_python

if TYPE_CHECKING:
    import duckdb

    from city_platform.entities.linking.model import Model

MEMORY = "8GB"
THREADS = 2


def compare(home: Path) -> dict[str, Any]:
    """Seconds, pairs, peak memory and B-cubed F1 of both sides. home: an Eastmere whose entities are resolved; it is changed."""
    with tempfile.TemporaryDirectory(prefix="speed_") as folder:
        work = Path(folder)
        env = environment(home, MEMORY)
        write_person_truth(home, work / "truth.parquet")
        ours = json.loads(run_python([__file__, "ours", folder], env).splitlines()[-1])
        splink = json.loads(run_python([__file__, "splink", folder], env).splitlines()[-1])
        for name, side in (("ours", ours), ("splink", splink)):
            side |= _right(work / f"{name}.parquet", work / "truth.parquet")
    return {"records": ours.pop("records"), "nodes": ours.pop("nodes"), "ours": ours, "splink": splink}


def _ours(folder: str) -> dict[str, Any]:
    from city_platform.entities.decisions import decide_pairs
    from city_platform.entities.linking.cluster import cluster
    from city_platform.entities.linking.compare import compare as compare_nodes
    from city_platform.entities.linking.nodes import collapse, node_table
    from city_platform.entities.linking.steps import empty
    from city_platform.entities.linking.versions import model_in_force
    from city_platform.rebuild import count, sql_file
    from city_platform.settings import Settings
    from city_platform.warehouse import Warehouse

    with Warehouse(Settings.from_environment()) as warehouse:
        con = warehouse.con
        con.execute(sql_file("entities/person_node.sql"))
        decide_pairs(con)
        model, _ = model_in_force(con, "person")
        empty(con, "person")
        began = time.monotonic()
        collapse(con, model)
        pairs = compare_nodes(con, model)
        cluster(con, model)
        seconds = time.monotonic() - began
        peak = _peak_gb()
        con.execute(
            f"""copy (
                select r.feed, r.record_key, r.role, c.cluster from entity.node_record as r
                join entity.node_cluster as c using (entity_type, node) where r.entity_type = 'person'
            ) to '{folder}/ours.parquet'"""
        )
        _hand_over(con, model, Path(folder))
        return {
            "seconds": seconds,
            "pairs": pairs,
            "peak_gb": peak,
            "records": count(con, "select count(*) from node_source"),
            "nodes": count(con, f"select count(*) from {node_table('person')}"),
        }


def _hand_over(con: duckdb.DuckDBPyConnection, model: Model, folder: Path) -> None:
    """Write what Splink needs: the records with a column for each block, frequencies, settings and macros."""
    from city_platform.entities.linking.nodes import node_columns, node_table
    from city_platform.entities.train import UNIQUE_ID, splink_settings

    blocks = []
    for n, block in enumerate(model.blocks):
        is_stated = " and ".join(f"({part}) is not null" for part in block.key)
        part_stated = " and ".join(f"({part}) is not null" for part in block.split) or "false"
        con.execute(
            f"""create or replace temp table block_of_{n} as
            with
                keyed as (
                    select node, hash({", ".join(block.key)}) as key,
                        case when {part_stated} then hash({", ".join([*block.key, *block.split])}) end as part
                    from {node_table("person")} where {is_stated}
                ),
                sized as (
                    select *, count(*) over (partition by key) as of_key, count(*) over (partition by key, part) as of_part
                    from keyed
                )
            select node, case when of_key <= {block.cap} then key when of_part <= {block.cap} then part end as block_{n}
            from sized"""
        )
        blocks.append(f"left join block_of_{n} using (node)")
    columns = ", ".join(f's."{c}"' for c in node_columns("person"))
    values = ", ".join(f"block_{n}" for n in range(len(blocks)))
    con.execute(
        f"""copy (
            select row_number() over (order by feed, record_key, role) as {UNIQUE_ID}, feed, record_key, role, {columns}, {values}
            from node_source as s
            join (select feed, record_key, role, node from entity.node_record where entity_type = 'person')
            using (feed, record_key, role)
            {" ".join(blocks)}
        ) to '{folder}/records.parquet'"""
    )
    for column in model.tf_columns():
        known = f"entity_type = 'person' and column_name = '{column}'"
        con.execute(
            f"""copy (
                select v.value as "{column}", coalesce(
                    f.frequency, (select max(frequency) from entity.term_frequency where {known} and value_hash is null)
                ) as "tf_{column}"
                from (select distinct "{column}" as value from node_source where "{column}" is not null) as v
                left join (select value_hash, frequency from entity.term_frequency where {known}) as f
                on f.value_hash = hash(v.value)
            ) to '{folder}/tf_{column}.parquet'"""
        )
    settings = splink_settings(model) | {
        "blocking_rules_to_generate_predictions": [
            {"blocking_rule": f"l.block_{n} = r.block_{n}", "sql_dialect": "duckdb"}
            for n in range(len(blocks))
        ],
        "retain_intermediate_calculation_columns": False,
    }
    macros = con.execute(
        "select 'create macro ' || function_name || '(' || list_aggregate(parameters, 'string_agg', ', ') "
        "|| ') as ' || macro_definition from duckdb_functions() where function_type = 'macro' and not internal order by 1"
    ).fetchall()
    handed = {
        "settings": settings,
        "link_from": model.link_from,
        "frequencies": model.tf_columns(),
        "macros": [sql for (sql,) in macros],
    }
    (folder / "splink.json").write_text(json.dumps(handed))


def _splink(folder: str) -> dict[str, Any]:
    import logging

    import duckdb
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    logging.getLogger("splink").setLevel(logging.ERROR)
    handed = json.loads((Path(folder) / "splink.json").read_text())
    config = {"threads": THREADS, "memory_limit": MEMORY, "temp_directory": f"{folder}/spill"}
    with duckdb.connect(f"{folder}/splink.duckdb", config=config) as con:
        for macro in handed["macros"]:
            con.execute(macro)
        con.execute(
            f"create table record as select * exclude (feed, record_key, role) from '{folder}/records.parquet'"
        )
        began = time.monotonic()
        api = DuckDBAPI(connection=con)
        linker = Linker(api.register("record"), handed["settings"], log_level=None, validate_settings=False)
        for column in handed["frequencies"]:
            con.execute(f"create table tf_{column} as from '{folder}/tf_{column}.parquet'")
            linker.table_management.register_term_frequency_lookup(api.register(f"tf_{column}"), column)
        blocked = linker.inference.compute_blocked_pairs_for_predict()
        linker.table_management.register_blocked_pairs_for_predict(blocked)
        predicted = linker.inference.predict(threshold_match_weight=handed["link_from"])
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_weight=handed["link_from"]
        )
        seconds = time.monotonic() - began
        peak = _peak_gb()
        pairs = con.execute(f"select count(*) from {blocked.physical_name}").fetchone()
        con.execute(
            f"""copy (
                select r.feed, r.record_key, r.role, c.cluster_id as cluster
                from '{folder}/records.parquet' as r join {clusters.physical_name} as c using (unique_id)
            ) to '{folder}/splink.parquet'"""
        )
    return {"seconds": seconds, "pairs": pairs[0] if pairs else 0, "peak_gb": peak}


def _right(clusters: Path, truth: Path) -> dict[str, float]:
    """B-cubed precision, recall and F1 of the records that both name."""
    import duckdb

    row = duckdb.execute(
        f"""with
            judged as (
                select cluster, truth_id, count(*) as n
                from '{clusters}' join '{truth}' using (feed, record_key, role) group by all
            ),
            sized as (
                select n, sum(n) over (partition by cluster) as in_cluster, sum(n) over (partition by truth_id) as in_truth
                from judged
            )
        select sum(n * n / in_cluster) / sum(n), sum(n * n / in_truth) / sum(n) from sized"""
    ).fetchone()
    precision, recall = row or (0.0, 0.0)
    return {"precision": precision, "recall": recall, "f1": 2 * precision * recall / (precision + recall)}


def _peak_gb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2


if __name__ == "__main__":
    print(json.dumps({"ours": _ours, "splink": _splink}[sys.argv[1]](sys.argv[2])))
