"""Chicago's food businesses with licence and account numbers hidden: how right the links are, beside Splink.

    python benchmarks/chicago_blind.py [--data ../shared/data] [--measure ../shared/measure] [--splink PYTHON]

Truth is the licence holder's account and the site (chicago_truth.py, bcubed.py in --measure). Ours is timed from staged
rows to clusters; lasting ids and entities, which Splink has not, are shown beside that. Splink is timed from the same CSV
files to clusters, with numbers, streets and names parsed as a user would, trained by EM, at its best threshold of those
tried. PYTHON: of an environment with Splink 5.

Belongs here: both sides and their scores. Does not belong here: Splink on our parsed records (entities_speed.py).
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
AIMS = {"f1": 0.983, "pair_precision": 0.97, "holder_precision": 0.985, "holder_recall": 0.965, "speed": 8.0}
AFTER_CLUSTERS = ("resolved", "event", "metric")  # steps that have no counterpart in Splink
THRESHOLDS = (0, 1, 2, 3, 4, 5, 6, 8, 10)

# What a user of Splink would parse first.
RECORDS = r"""
create table record as
with
    stated as (
        select 'inspection' as feed, inspection_id as key, dba_name as name, aka_name as alias, null as legal, address, zip
        from read_csv('{mirror}/food_inspections.csv', all_varchar = true)
        union all
        select 'licence', license_id, doing_business_as_name, null, legal_name, address, zip_code
        from read_csv('{mirror}/business_licenses.csv', all_varchar = true)
        union all
        select 'visit', row_number() over ()::varchar, dba, null, null, address, regexp_extract(address, '(\d{{5}})\s*$', 1)
        from read_csv('{mirror}/sanitarian_visits.csv', all_varchar = true)
    ),
    read as (
        select *, regexp_extract(
            regexp_replace(upper(address), '\(.*?\)|,.*', ' ', 'g'),
            '^\s*0*(\d+)[-\s\d]*\s+([NSEW])\s+(.+?)(?:\s+(?:ST|AVE|BLVD|RD|DR|PL|CT|PKWY|TER|LN|WAY|HWY|SQ|PLZ|STREET|AVENUE)\b.*)?\s*$',
            ['number', 'direction', 'street']
        ) as place
        from stated
    )
select
    row_number() over (order by feed, key) as unique_id, feed, key, {name} as name,
    coalesce({alias}, {name}) as alias, {legal} as legal, nullif(place.number, '') as number,
    nullif(place.street, '') as street, place.direction as direction, zip,
    nullif(place.number, '') || place.direction || place.street as site
from read
"""


def clean(column: str) -> str:
    """SQL: capitals, no punctuation, store numbers and legal forms."""
    return (
        rf"nullif(trim(regexp_replace(regexp_replace(regexp_replace(upper({column}), '#\s*\d+|''', '', 'g'), "
        rf"'[^A-Z0-9]+', ' ', 'g'), '\b(THE|INC|LLC|LTD|CORP|CO|LP)\b| +', ' ', 'g')), '')"
    )


def ours(mirror: Path, truth: Path, measure: Path, work: Path) -> dict[str, Any]:
    """The platform's scores and seconds."""
    import duckdb
    from steps import environment, run_python

    sys.path.insert(0, str(measure))
    from bcubed import CHICAGO, score

    env = environment(work, "4GB") | {
        "CITY_PLATFORM_CITY": "chicago",
        "CITY_PLATFORM_MIRROR": str(mirror),
    }
    run_python([str(HERE / "steps.py"), "feeds"], env)
    told = json.loads(run_python([str(HERE / "steps.py"), "entities"], env).splitlines()[-1])
    with duckdb.connect() as con:
        con.execute(f"attach '{work / 'chicago' / 'warehouse.duckdb'}' as a (read_only)")
        found = score(con, CHICAGO, str(truth))
        holders = _holders(con, truth)
    return {
        "seconds": sum(v for k, v in told["seconds"].items() if not k.endswith(AFTER_CLUSTERS)),
        "steps": told["seconds"],
        "f1": found["bF"],
        "precision": found["bP"],
        "recall": found["bR"],
        "pair_precision": found["P"],
        **holders,
    }


def _holders(con: Any, truth: Path) -> dict[str, float]:
    """Of inspections whose holder has a licence at their site: is who held their business on that day the right one?

    Where the holder has none there, the inspector's number is another register's (a school's id), or the site is not the
    holder's: nothing can be found. Recall is of the others; recall_of_all counts these too.
    """
    row = con.execute(
        rf"""with
            truth as (select feed, key, t, split_part(t, '|', 1) as account from '{truth}'),
            record as (
                select o.feed ilike '%inspections' as is_visit, o.record_key, o.valid_from, o.valid_to,
                    b.entity_id as business, w.entity_id as owner, t.t, t.account
                from a.entity.observation as o
                join truth as t on t.key = regexp_extract(o.record_key, '(\d+)', 1)
                    and o.feed ilike case t.feed when 'inspection' then '%inspections' else '%business_licen_es' end
                left join a.entity.link as b on b.feed = o.feed and b.record_key = o.record_key and b.entity_type = 'business'
                left join a.entity.link as w on w.feed = o.feed and w.record_key = o.record_key and w.entity_type = 'organisation'
            ),
            held as (select business, owner, valid_from, valid_to from record where owner is not null and business is not null),
            account as (select distinct owner, account from record where owner is not null),
            found as (
                -- the term that holds on the day, else the last to begin before it, else the first after
                select v.record_key, arg_max(h.owner, [
                    (v.valid_from between h.valid_from and h.valid_to)::integer,
                    (h.valid_from <= v.valid_from)::integer,
                    -abs(date_diff('day', h.valid_from, v.valid_from))
                ]) as owner
                from record as v join held as h using (business) where v.is_visit group by v.record_key
            ),
            judged as (
                select v.record_key, f.owner is not null as is_found, a.owner is not null as is_right,
                    v.t in (select t from record where not is_visit) as can_be_found
                from record as v
                left join found as f using (record_key)
                left join account as a on a.owner = f.owner and a.account = v.account
                where v.is_visit
            )
        select avg(is_right::integer) filter (is_found), avg(is_right::integer) filter (can_be_found), avg(is_right::integer)
        from judged"""
    ).fetchone()
    return dict(zip(("holder_precision", "holder_recall", "holder_recall_of_all"), row, strict=True))


def splink(mirror: str, truth: str, measure: str) -> dict[str, Any]:
    """Splink's scores at its best threshold, and seconds to the clusters of one threshold."""
    import logging

    import duckdb
    import splink.comparison_library as cl
    from splink import Linker, SettingsCreator, block_on
    from splink.backends.duckdb import DuckDBAPI

    sys.path.insert(0, measure)
    from bcubed import score

    logging.getLogger("splink").setLevel(logging.ERROR)
    con = duckdb.connect(config={"threads": 2, "memory_limit": "4GB"})
    began = time.monotonic()
    parts = {c: clean(c) for c in ("name", "alias", "legal")}
    con.execute(RECORDS.format(mirror=mirror, **parts))
    other = "(name_l = alias_r or alias_l = name_r)"
    legal = "(name_l = legal_r or legal_l = name_r or alias_l = legal_r or legal_l = alias_r)"
    like = "greatest(jaro_winkler_similarity(name_l, name_r), jaro_winkler_similarity(name_l, alias_r), jaro_winkler_similarity(alias_l, name_r))"
    names = cl.CustomComparison(
        output_column_name="name",
        comparison_levels=[
            {"sql_condition": "name_l is null or name_r is null", "is_null_level": True},
            {"sql_condition": "name_l = name_r", "tf_adjustment_column": "name"},
            {"sql_condition": other},
            {"sql_condition": legal},
            {"sql_condition": f"{like} >= 0.92"},
            {"sql_condition": f"{like} >= 0.8"},
            {"sql_condition": "else"},
        ],
    )
    settings = SettingsCreator(
        link_type="dedupe_only",
        blocking_rules_to_generate_predictions=[block_on("number", "street"), block_on("zip", "name")],
        comparisons=[
            names,
            cl.ExactMatch("site").configure(term_frequency_adjustments=True),
            cl.JaroWinklerAtThresholds("legal", [0.92]).configure(term_frequency_adjustments=True),
        ],
    )
    linker = Linker(DuckDBAPI(connection=con).register("record"), settings)
    linker.training.estimate_probability_two_random_records_match([block_on("site", "name")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("site"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("name"))
    predicted = linker.inference.predict(threshold_match_weight=min(THRESHOLDS))
    seconds = time.monotonic() - began
    best: dict[str, Any] = {"f1": 0.0}
    for threshold in THRESHOLDS:
        started = time.monotonic()
        clusters = linker.clustering.cluster_pairwise_predictions_at_threshold(
            predicted, threshold_match_weight=threshold
        )
        clustering = time.monotonic() - started
        members = f"select r.feed, r.key, c.cluster_id as c from record as r join {clusters.physical_name} as c using (unique_id) where r.feed <> 'visit'"
        found = score(con, members, truth)
        if found["bF"] > best["f1"]:
            best = {
                "threshold": threshold,
                "f1": found["bF"],
                "precision": found["bP"],
                "recall": found["bR"],
                "pair_precision": found["P"],
                "seconds": seconds + clustering,
            }
    return best


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    parser.add_argument("--measure", type=Path, default=SHARED / "measure")
    parser.add_argument("--splink", default=sys.executable)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="chicago_") as folder:
        work, measure = Path(folder), given.measure.resolve()
        blind = [str(measure / "chicago_truth.py"), str(given.data.resolve() / "chicago"), folder]
        subprocess.run([sys.executable, *blind], check=True, stdout=subprocess.DEVNULL)
        mirror, truth = work / "mirror", work / "truth.parquet"
        platform = ours(mirror, truth, measure, work / "home")
        rival = subprocess.run(
            [given.splink, __file__, "rival", str(mirror), str(truth), str(measure)],
            check=True,
            capture_output=True,
            text=True,
        )
    other = json.loads(rival.stdout.splitlines()[-1])
    for step, seconds in platform.pop("steps").items():
        print(f"    {step:<40} {seconds:8.2f} s")
    for name, side in (("the platform", platform), ("Splink", other)):
        told = ", ".join(f"{k} {v:.4f}" if k != "seconds" else f"{v:.1f} s" for k, v in side.items())
        print(f"  {name:<14} {told}")
    platform["speed"] = other["seconds"] / platform["seconds"]
    for measure_name, aim in AIMS.items():
        value = platform[measure_name]
        print(f"  {measure_name:<20} {value:8.4f}   aim {aim}   {'met' if value >= aim else 'MISSED'}")
    print(f"  F1 no lower than Splink's: {'met' if platform['f1'] >= other['f1'] else 'MISSED'}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["rival"]:
        print(json.dumps(splink(*sys.argv[2:5])))
    else:
        main()
