"""Law 4's second guard: what a score as of a date owes to entities that were joined with later records.

    .venv/bin/python benchmarks/as_of_entities.py ../shared/data/chicago 2014-07-03

The first guard, a check of every run, holds the entities fixed and deletes later events. Here the entities themselves are made
twice, from all observations and from those known before the date, and the scores as of that date are compared.
"""

from __future__ import annotations

import sys
from datetime import date
from pathlib import Path

from steps import empty_chicago


def main() -> None:
    from city_platform.city import load_city
    from city_platform.entities.events import tell
    from city_platform.entities.resolve import (
        OBSERVATION,
        WRITES,
        cluster,
        compare,
        resolve,
        settle_addresses,
        take_in,
    )
    from city_platform.feeds.declaration import load_feeds
    from city_platform.feeds.load import load_feed
    from city_platform.risk.case import load_cases
    from city_platform.risk.scoring import score_case

    mirror = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/chicago").absolute()
    if not mirror.is_dir():
        sys.exit(f"There is no folder {mirror}. Name the folder that holds Chicago's files.")
    day = date.fromisoformat(sys.argv[2]) if len(sys.argv) > 2 else date(2014, 7, 3)
    with empty_chicago(mirror) as (settings, warehouse):
        city, feeds = load_city(settings.city_folder), load_feeds(settings.city_folder)
        case = load_cases(settings.city_folder / "risk")[0]
        con = warehouse.con
        for feed in feeds:
            load_feed(warehouse, feed)
        take_in(con, city, [f for f in feeds if f.business or f.address], "all")
        tell(con, [f for f in feeds if f.events])
        with_all = score_case(con, case, day, [])
        con.execute("create temp table link_all as select * from entity.link where role = 'business'")

        con.execute("delete from entity.observation where known_time >= ?", [day])
        for step, names in WRITES.items():
            for name in names if step != OBSERVATION else ():
                con.execute(f"delete from entity.{name}")
        con.execute("delete from entity.term_frequency")
        con.execute("delete from entity.model")
        settle_addresses(con, city)
        compare(con)
        cluster(con)
        resolve(con, "before", city, feeds)
        tell(con, [f for f in feeds if f.events])
        before = score_case(con, case, day, [])
        moved = con.execute(
            """with pair as (
                select a.entity_id as before_id, b.entity_id as all_id, count(*) as shared
                from entity.link a join link_all b using (feed, record_key)
                where a.role = 'business' group by all),
            best as (select before_id, max(shared) as shared, sum(shared) as records from pair group by all),
            best_all as (select all_id, max(shared) as shared from pair group by all)
            select sum(records), sum(records) - sum(shared), (select sum(shared) from best_all) from best"""
        ).fetchone()
    print(f"As of {day}: entities from what was known before it, beside entities from everything")
    if moved:
        print(f"  business records known by then: {moved[0]:,}")
        print(
            f"  apart before, together now: {moved[0] - moved[2]:,} ({(moved[0] - moved[2]) / moved[0]:.2%})"
        )
        print(f"  together before, apart now: {moved[1]:,} ({moved[1] / moved[0]:.2%})")
    pair = before.score.merge(with_all.score, on="unit_id", suffixes=("_before", "_all"))
    print(
        f"  units scored: {len(before.score):,} before, {len(with_all.score):,} now, {len(pair):,} with the same id"
    )
    print(
        f"  rank correlation of their scores: {pair['score_before'].corr(pair['score_all'], method='spearman'):.4f}"
    )
    listed = set(before.worklist["unit_id"]) & set(with_all.worklist["unit_id"])
    print(f"  on both worklists: {len(listed)} of {len(with_all.worklist)}")


if __name__ == "__main__":
    main()
