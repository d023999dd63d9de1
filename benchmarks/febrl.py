"""FEBRL 4 (10,000 generated Australians, half of them misspelt again) without the social security number: ours beside Splink.

Belongs here: our engine with the shipped person model, and Splink with the comparisons of its own documentation, on the
same rows; pairwise F1 and seconds. Does not belong here: aims (entities.py).

    python benchmarks/febrl.py FOLDER_OF_CSVS [PYTHON_WITH_SPLINK]
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import duckdb

from city_platform.entities.linking.cluster import cluster
from city_platform.entities.linking.compare import compare
from city_platform.entities.linking.model import Block, load_model
from city_platform.entities.linking.nodes import collapse, ensure_frequencies, with_prior
from city_platform.entities.people import read_nicknames
from city_platform.rebuild import sql_file
from city_platform.tables import fixed_tables

# Beside those of the model, which stand on homes that are known for sure; here each part of an address may be misspelt.
BLOCKS = (
    {"name": "birth date", "key": ["birth_date"], "cap": 60},
    {"name": "given name and postcode", "key": ["given", "postcode"], "cap": 60},
    {"name": "street and postcode", "key": ["site"], "cap": 60},
    {"name": "number and family name", "key": ["split_part(place, ' ', 1)", "family"], "cap": 60},
    {"name": "number and given name", "key": ["split_part(place, ' ', 1)", "given"], "cap": 60},
    {"name": "both names", "key": ["full_name"], "cap": 60},
    {"name": "number and postcode", "key": ["split_part(place, ' ', 1)", "postcode"], "cap": 60},
    {"name": "number and month of birth", "key": ["split_part(place, ' ', 1)", "birth_month"], "cap": 60},
)
READ = """create or replace temp table febrl as
    select * from read_csv(?, all_varchar = true, header = true, normalize_names = true, nullstr = '', filename = false)"""


def ours(folder: Path) -> dict[str, float]:
    """F1 and seconds of our engine; a pair counts as found where both records are in one cluster."""
    con = duckdb.connect(config={"threads": 2})
    con.execute("create schema entity")
    for table in fixed_tables().values():
        if table.schema == "entity":
            con.execute(table.ddl())
    con.execute(
        "create temp table decided_record (entity_type varchar, feed varchar, record_key varchar, role varchar)"
    )
    con.execute(
        "create temp table decided_pair (entity_type varchar, decision_id varchar, judgement varchar, feed_a varchar, "
        "record_key_a varchar, role_a varchar, feed_b varchar, record_key_b varchar, role_b varchar)"
    )
    begun = time.perf_counter()
    con.execute(sql_file("entities/person_standardise.sql"))
    read_nicknames(con)
    con.execute(READ, [[str(folder / f"febrl_dataset4{half}.csv") for half in "ab"]])
    con.execute(NODES)
    model = load_model("person")
    model = model.model_copy(update={"blocks": (*model.blocks, *(Block.model_validate(b) for b in BLOCKS))})
    ensure_frequencies(con, model, "node_source")
    model = with_prior(con, model)
    collapse(con, model)
    pairs = compare(con, model)
    cluster(con, model)
    seconds = time.perf_counter() - begun
    row = con.execute(
        """with held as (
            select split_part(record_key, '-', 2) as person, cluster
            from entity.node_record join entity.node_cluster using (entity_type, node)
        ), size as (select person, cluster, count(*) as n from held group by all)
        select (select sum(n * (n - 1)) from size), (select sum(n * (n - 1)) from (select sum(n) as n from size group by cluster)),
            (select sum(n * (n - 1)) from (select sum(n) as n from size group by person))"""
    ).fetchone()
    assert row is not None
    right, claimed, true = (float(v) for v in row)
    return {
        "precision": right / claimed,
        "recall": right / true,
        "f1": 2 * right / (claimed + true),
        "seconds": seconds,
        "pairs": pairs,
    }


NODES = """create or replace temp table node_source as
    with said as (
        select 'febrl' as feed, trim(rec_id) as record_key, 'person' as role, timestamp '2000-01-01' as known_time,
            person_words(given_name) as given_words, person_words(surname) as family_words,
            try_strptime(trim(date_of_birth), '%Y%m%d')::date as born,
            nullif(concat_ws(' ', nullif(trim(street_number), ''), nullif(trim(address_1), '')), '') as street,
            nullif(trim(postcode), '') as postcode
        from febrl
    )
    select feed, record_key, role, known_time, nullif(split_part(given_words, ' ', 1), '') as given,
        coalesce(r.roots, [split_part(given_words, ' ', 1)]) as given_roots,
        nullif(substr(given_words, strpos(given_words || ' ', ' ') + 1), '') as middle,
        replace(family_words, ' ', '') as family, name_parts(family_words) as family_parts,
        least(split_part(given_words, ' ', 1), replace(family_words, ' ', '')) || ' '
            || greatest(split_part(given_words, ' ', 1), replace(family_words, ' ', '')) as full_name,
        born as birth_date, date_trunc('month', born)::date as birth_month, year(born)::integer as birth_year,
        born as born_from, born as born_by, null::date as died_on, null::varchar as number,
        street as place, trim(regexp_replace(street, '^[0-9]+ ', '')) || ' ' || postcode as site, postcode,
        true as lives_here, null::varchar as list_name, null::bigint as list_entry, null::date as since, null::date as until
    from said left join given_root as r on r.given = split_part(given_words, ' ', 1)"""

SPLINK = """
import json, sys, time
import duckdb
import splink.comparison_library as cl
from splink import DuckDBAPI, Linker, SettingsCreator, block_on
begun = time.perf_counter()
con = duckdb.connect(config={"threads": 2})
for half in "ab":
    con.execute(f"create table febrl_{half} as select trim(rec_id) as unique_id, trim(given_name) as given_name, trim(surname) as surname, "
        "trim(date_of_birth) as date_of_birth, trim(street_number) as street_number, trim(address_1) as address_1, trim(suburb) as suburb, "
        "trim(postcode) as postcode from read_csv(?, all_varchar = true, header = true, normalize_names = true, nullstr = '')",
        [f"{sys.argv[1]}/febrl_dataset4{half}.csv"])
api = DuckDBAPI(connection=con)
tables = [api.register(f"febrl_{half}") for half in "ab"]
rules = [block_on("given_name", "surname"), block_on("date_of_birth"), block_on("surname", "postcode"), block_on("given_name", "postcode"),
    block_on("street_number", "address_1"), block_on("street_number", "postcode"), block_on("surname", "street_number"),
    block_on("given_name", "street_number"), block_on("address_1", "postcode")]
settings = SettingsCreator(link_type="link_only", blocking_rules_to_generate_predictions=rules, comparisons=[
    cl.NameComparison("given_name"), cl.NameComparison("surname"),
    cl.DamerauLevenshteinAtThresholds("date_of_birth", [1, 2]), cl.DamerauLevenshteinAtThresholds("street_number", [1]),
    cl.JaroWinklerAtThresholds("address_1", [0.9]), cl.JaroWinklerAtThresholds("suburb", [0.9]), cl.DamerauLevenshteinAtThresholds("postcode", [1])])
linker = Linker(tables, settings)
linker.training.estimate_probability_two_random_records_match(rules[:3], recall=0.9)
linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
linker.training.estimate_parameters_using_expectation_maximisation(block_on("date_of_birth"))
linker.training.estimate_parameters_using_expectation_maximisation(block_on("postcode"))
found = linker.inference.predict(threshold_match_weight=-10)
seconds = time.perf_counter() - begun
best = max(((lambda right, n: {"precision": right / n, "recall": right / 5000, "f1": 2 * right / (n + 5000), "threshold": t})(*con.execute(
    f"select count(*) filter (split_part(unique_id_l, '-', 2) = split_part(unique_id_r, '-', 2)), count(*) from {found.physical_name} "
    f"where match_weight >= {t}").fetchone()) for t in range(-5, 20)), key=lambda r: r["f1"])
print(json.dumps(best | {"seconds": seconds}))
"""


def splink(folder: Path, python: str) -> dict[str, Any]:
    """The same of Splink, trained on these rows, at the threshold that suits it best."""
    done = subprocess.run([python, "-c", SPLINK, str(folder)], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def main() -> None:
    folder = Path(sys.argv[1])
    print("ours  ", {k: round(v, 4) for k, v in ours(folder).items()})
    if len(sys.argv) > 2:
        print("splink", {k: round(v, 4) for k, v in splink(folder, sys.argv[2]).items()})


if __name__ == "__main__":
    main()
