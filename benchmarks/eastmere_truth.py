"""How right Eastmere's links are, in a process of its own: the warehouse's lock is held until a process ends.

Belongs here: what the truth says, for the benchmarks: the platform's own measure, relatives merged, and whose each record
of a person is. Does not belong here: running the steps (steps.py), what is printed (entities.py).
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from steps import environment, run_python

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed
    from city_platform.settings import Settings

Metric = tuple[str, str, str, float, int]  # entity type, slice, metric, value, records


def judged(home: Path, memory_limit: str = "4GB") -> tuple[list[Metric], dict[str, int]]:
    """Every metric of evaluation.metric but those of cases; and how many people were merged with a relative."""
    told = run_python([__file__, "judge"], environment(home, memory_limit))
    found: dict[str, Any] = json.loads(told.splitlines()[-1])
    return [(str(s), str(n), str(m), float(v), int(r)) for s, n, m, v, r in found["metrics"]], found[
        "relatives"
    ]


def write_person_truth(home: Path, path: Path) -> None:
    """A Parquet file of feed, record_key, role and truth_id: whose each record that names a person is."""
    run_python([__file__, "people", str(path)], environment(home, "4GB"))


def _judge() -> None:
    from city_platform.city import load_city
    from city_platform.evaluation.measure import measure
    from city_platform.feeds.declaration import load_feeds
    from city_platform.settings import Settings
    from city_platform.tables import fixed_tables
    from city_platform.warehouse import Warehouse

    settings = Settings.from_environment()
    city, feeds = load_city(settings.city_folder), load_feeds(settings.city_folder)
    with Warehouse(settings) as warehouse:
        warehouse.ensure_table(fixed_tables()["evaluation.metric"])
        measure(warehouse.con, settings, feeds, [], city.gazetteer.agency if city.gazetteer else None)
        metrics = warehouse.con.execute(
            "select subject, slice, metric, value, records from evaluation.metric order by all"
        ).fetchall()
        _person_truth(warehouse.con, settings, feeds)
        relatives = _relatives(warehouse.con, settings.home / "truth")
    print(json.dumps({"metrics": metrics, "relatives": relatives}))


def _people(path: str) -> None:
    from city_platform.feeds.declaration import load_feeds
    from city_platform.settings import Settings
    from city_platform.tables import quote_text
    from city_platform.warehouse import Warehouse

    settings = Settings.from_environment()
    with Warehouse(settings) as warehouse:
        _person_truth(warehouse.con, settings, load_feeds(settings.city_folder))
        warehouse.con.execute(f"copy person_truth to {quote_text(path)} (format parquet)")


def _person_truth(con: duckdb.DuckDBPyConnection, settings: Settings, feeds: list[Feed]) -> None:
    """Make temp person_truth(feed, record_key, role, truth_id); a feed without a key of its own is left out."""
    from city_platform.feeds.keys import personal_key_macro
    from city_platform.tables import quote_text

    con.execute(
        "create temp table person_truth (feed varchar, record_key varchar, role varchar, truth_id bigint)"
    )
    for feed in feeds:
        files = settings.home / "truth" / "record" / feed.table_name / "*.parquet"
        if feed.key == "content" or not any(files.parent.glob("*.parquet")):
            continue
        macro = personal_key_macro(con, settings, feed)
        key = f"{macro}(record_key)" if macro else "record_key"
        for column, person in zip(("person_id", "person_2_id"), feed.people, strict=False):
            con.execute(
                f"""insert into person_truth
                select {quote_text(feed.id)}, {key}, {quote_text(person.role)}, max_by({column}, filename)
                from read_parquet({quote_text(str(files))}, filename = true)
                group by record_key having max_by({column}, filename) is not null"""
            )


def _relatives(con: duckdb.DuckDBPyConnection, truth: Path) -> dict[str, int]:
    """How many people there are records of, how many of them have a relative of the same name, and how many are merged with one.

    A relative is who was ever of the same household. Two people are merged where most records of each are in one entity; `stray`
    counts those who share an entity with any record: a bill to the household in their name, without a birth date, may
    be either's. Reads temp person_truth, entity.link.
    """
    from city_platform.tables import quote_text

    person = quote_text(str(truth / "person.parquet"))
    residence = quote_text(str(truth / "residence.parquet"))
    row = con.execute(
        f"""with
            whose as (
                select t.truth_id, l.entity_id, count(*) as records
                from person_truth as t
                join entity.link as l on l.entity_type = 'person'
                    and l.feed = t.feed and l.record_key = t.record_key and l.role = t.role
                group by all
            ),
            home as (
                select truth_id, max_by(entity_id, (records, entity_id)) as entity_id from whose group by truth_id
            ),
            member as (
                select distinct r.household_id, p.person_id, upper(p.given_name) as given, upper(p.family_name) as family
                from read_parquet({person}) as p join read_parquet({residence}) as r using (person_id)
                where p.person_id in (select truth_id from whose)
            ),
            relative as (
                select distinct a.person_id, b.person_id as relative_id
                from member as a join member as b using (household_id, given, family) where a.person_id <> b.person_id
            )
        select (select count(distinct truth_id) from whose), (select count(distinct person_id) from relative),
            {
            ", ".join(
                f'''(
                    select count(distinct r.person_id)
                    from relative as r
                    join {kind} as one on one.truth_id = r.person_id
                    join {kind} as other on other.truth_id = r.relative_id and other.entity_id = one.entity_id
                )'''
                for kind in ("home", "whose")
            )
        }"""
    ).fetchone()
    return dict(zip(("people", "with_relative", "merged", "stray"), row or (0, 0, 0, 0), strict=True))


if __name__ == "__main__":
    {"judge": _judge, "people": _people}[sys.argv[1]](*sys.argv[2:])
