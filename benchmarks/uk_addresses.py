"""UK addresses that somebody wrote carelessly, found again in a list of addresses: ours beside uk_address_matcher.

    .venv/bin/python benchmarks/uk_addresses.py [../shared/data/benchmarks] [--rival PYTHON] [--home FOLDER]

The list is Companies House's registered offices, each address once. Every address is also asked for, written as Eastmere's
dirt list writes (city_platform/synthetic/dirt.sql and dirt.yaml), and a fifth of them are taken out of the list, so that the
right answer is that there is none. `stated` has each kind of dirt as often as dirt.yaml states it; `heavy` has one of them, or
a missing part or parts in another order, in every address. PYTHON is that of an environment with uk_address_matcher; the
rival reads the same files, with its own defaults, and is given the weight that suits it best.

F1: of what was answered, how much is right (precision), and of what is in the list, how much was found (recall).
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import duckdb

PACKAGE = Path(__file__).parents[1] / "city_platform"
SOURCE = "companies_house_addresess_postcode_overlap.parquet"


@dataclass(frozen=True)
class Result:
    """How one way did on one input."""

    precision: float
    recall: float
    seconds: float

    @property
    def f1(self) -> float:
        both = self.precision + self.recall
        return 2 * self.precision * self.recall / both if both else 0.0


def make_input(source: Path, folder: Path, dirt: str, seed: int = 1) -> None:
    """Write canonical.parquet and messy.parquet: unique_id, address_concat, postcode; of messy also truth_id, kinds."""
    con = duckdb.connect()
    con.execute("set variable seed = ?", [seed])
    con.execute((PACKAGE / "synthetic/dice.sql").read_text())
    slip = re.search(
        r"create or replace temp macro misspell\(.*?^;$",
        (PACKAGE / "synthetic/dirt.sql").read_text(),
        re.S | re.M,
    )
    assert slip, "dirt.sql has the macro that misspells"
    con.execute(slip.group())
    con.execute("create temp table rate (kind varchar, rate double)")
    import yaml

    rates = yaml.safe_load((PACKAGE / "synthetic/dirt.yaml").read_text())
    for kind in (
        "wrong_postcode",
        "missing_postcode",
        "misspelt_street",
        "abbreviated_street",
        "flat_after_number",
        "flat_as_word",
        "flat_short",
    ):
        con.execute("insert into rate values (?, ?)", [kind, rates[kind]["rate"]])
    con.execute("set variable rate_of = (select map(list(kind), list(rate)) from rate)")
    con.execute("set variable is_heavy = ?", [dirt == "heavy"])
    con.execute(f"create temp table office as select distinct address_concat, postcode from '{source}'")
    con.execute((Path(__file__).parent / "uk_addresses.sql").read_text())
    con.execute(f"copy (from canonical order by unique_id) to '{folder}/canonical.parquet'")
    con.execute(f"copy (from messy order by unique_id) to '{folder}/messy.parquet'")


def ours(folder: Path) -> float:
    """Answer messy.parquet with the platform's own statements; writes ours.parquet; returns the seconds."""
    from city_platform.entities.addresses import SITES_SQL, set_matcher
    from city_platform.entities.parsed import read_addresses
    from city_platform.rebuild import sql_file
    from city_platform.tables import fixed_tables

    con = duckdb.connect(config={"memory_limit": "4GB", "threads": 2})
    started = time.monotonic()
    con.execute("create schema entity")
    for table in ("entity.observation", "entity.place_match"):
        con.execute(fixed_tables()[table].ddl())
    for name in ("standardise", "words_uk"):
        con.execute(sql_file(f"entities/{name}.sql"))
    con.execute("create temp table place_name as select null::varchar as name where false")
    con.execute("create temp table known_street as select null::varchar as street where false")
    for file in ("canonical", "messy"):
        con.execute(
            f"create or replace temp table address_string as select distinct address_concat as address_text from '{folder}/{file}.parquet'"
        )
        read_addresses(con, "en_GB")
        con.execute(f"create or replace temp table {file}_parsed as from parsed_address")
    # a list without columns: what is neither house nor street tells where it is
    con.execute(
        f"""create or replace temp table gazetteer_lpi as
        select c.unique_id as uprn, 'L' as lpi_key, 1 as status, p.number_low, p.number_high, p.number_suffix, p.street, p.premises, p.unit,
            standard_postcode(c.postcode) as zip, null::varchar as town_name, null::varchar as post_town,
            array_to_string(list_filter(words_of(c.address_concat), lambda w: not regexp_matches(w, '[0-9]')
                and not list_contains(words_of(concat_ws(' ', p.unit, p.premises, p.street)), w)), ' ') as locality
        from '{folder}/canonical.parquet' as c join canonical_parsed as p on p.address_text = c.address_concat"""
    )
    con.execute(
        """create or replace temp table gazetteer_place as
        select uprn, uprn as record_key, timestamp '2020-01-01' as known_time, uprn as top, null::varchar as building, 'site' as level,
            unit is not null as has_unit, number_low is not null as has_number, number_suffix, null::varchar as parent
        from gazetteer_lpi"""
    )
    con.execute(
        "create or replace temp table gazetteer_reference (scheme varchar, reference varchar, uprn varchar)"
    )
    con.execute("set variable gazetteer_feed = 'list'")
    con.execute(
        f"""insert into entity.observation by name
        select 'messy' as feed, m.unique_id as record_key, timestamp '2020-01-01' as known_time, false as has_business, 0 as claim_hash, 0 as row_hash,
            m.address_concat as address_text, coalesce(standard_postcode(m.postcode), p.zip) as postcode, p.number_low, p.number_high,
            p.number_suffix, p.street, p.premises, p.unit
        from '{folder}/messy.parquet' as m join messy_parsed as p on p.address_text = m.address_concat"""
    )
    set_matcher(con)
    for name in SITES_SQL["en_GB"]:
        con.execute(sql_file(f"entities/{name}.sql"))
    con.execute(
        f"""copy (
            select record_key as unique_id, split_part(site, '|', 2) as found_id, method, evidence, probability from settled_address
            where feed = 'messy' and unit_cluster is null
        ) to '{folder}/ours.parquet'"""
    )
    seconds = time.monotonic() - started
    if "--keep" in sys.argv:
        con.execute(
            f"copy (select o.record_key as unique_id, s.* from scored_pair as s join left_over as o using (stated_text)) to '{folder}/pairs.parquet'"
        )
        con.execute(f"copy (from entity.observation) to '{folder}/read.parquet'")
        con.execute(f"copy (from gazetteer_lpi) to '{folder}/list.parquet'")
    return seconds


RIVAL = """
import sys, time, logging
import duckdb
from uk_address_matcher import AddressMatcher
logging.disable(logging.CRITICAL)
folder = sys.argv[1]
con = duckdb.connect(config={"memory_limit": "4GB", "threads": 2})
started = time.monotonic()
matcher = AddressMatcher(
    canonical_addresses=con.sql(f"select unique_id, address_concat, postcode from '{folder}/canonical.parquet'"),
    addresses_to_match=con.sql(f"select unique_id, address_concat, postcode from '{folder}/messy.parquet'"),
    con=con, show_progress="off",
)
found = matcher.match().matches()
found.to_parquet(f"{folder}/rival.parquet")
print(time.monotonic() - started)
"""


def rival(folder: Path, python: str) -> float:
    """The same with uk_address_matcher, in a process of its own; writes rival.parquet; returns the seconds."""
    done = subprocess.run([python, "-c", RIVAL, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr[-2000:])
    return float(done.stdout.strip().splitlines()[-1])


def judge(folder: Path, found: str, seconds: float) -> Result:
    """found: a select of unique_id, found_id."""
    row = duckdb.sql(
        f"""select count(*) filter (f.found_id = m.truth_id), count(f.found_id), count(m.truth_id)
        from '{folder}/messy.parquet' as m left join ({found}) as f using (unique_id)"""
    ).fetchone()
    assert row
    return Result(row[0] / max(1, row[1]), row[0] / max(1, row[2]), seconds)


def judge_rival(folder: Path, seconds: float) -> tuple[Result, float]:
    """The rival at the weight that gives it the best F1."""
    best = Result(0, 0, seconds), 0.0
    for weight in range(-20, 31):
        found = (
            f"select unique_id, resolved_canonical_id as found_id from '{folder}/rival.parquet' "
            f"where resolved_canonical_id is not null and coalesce(match_weight, 99) >= {weight}"
        )
        result = judge(folder, found, seconds)
        if result.f1 > best[0].f1:
            best = result, weight
    return best


def measure(data: Path, python: str | None, home: Path | None = None) -> list[str]:
    """Lines to print, one for each way of writing."""
    lines = []
    for dirt in ("stated", "heavy"):
        with tempfile.TemporaryDirectory() as made:
            folder = home / dirt if home else Path(made)
            folder.mkdir(parents=True, exist_ok=True)
            make_input(data / SOURCE, folder, dirt)
            seconds = ours(folder)
            one = judge(folder, f"select unique_id, found_id from '{folder}/ours.parquet'", seconds)
            line = f"{dirt}: ours F1 {one.f1:.3f} (precision {one.precision:.3f}, recall {one.recall:.3f})"
            if python:
                other, weight = judge_rival(folder, rival(folder, python))
                line += (
                    f"; uk_address_matcher F1 {other.f1:.3f} (precision {other.precision:.3f}, recall {other.recall:.3f}, "
                    f"best at weight {weight}) in {other.seconds / one.seconds:.1f} times the time"
                )
            lines.append(line)
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", default="../shared/data/benchmarks")
    parser.add_argument("--rival", help="the python of an environment with uk_address_matcher")
    parser.add_argument("--home", help="where to keep what was made")
    parser.add_argument("--keep", action="store_true", help="with --home: keep the scored pairs too")
    given = parser.parse_args()
    if not (Path(given.data) / SOURCE).is_file():
        sys.exit(f"There is no {SOURCE} in {given.data}.")
    print("\n".join(measure(Path(given.data), given.rival, Path(given.home) if given.home else None)))


if __name__ == "__main__":
    main()
