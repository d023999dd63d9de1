"""How many ids stay when the last tenth of Chicago's records comes: aim 99.9% of the records that were there keep theirs.

    python benchmarks/ids.py [--data ../shared/data]

Chicago is resolved from the nine tenths of each feed's records that were known first, then from all of them. Of a record
that was there, in each of its roles, the id either stays, or is merged into one that stood already, or the record is now
another entity's (a split, or a move). A merge is a loss too, unless it is right: how many there are stands beside.
Also measured: what taking the smallest record of a cluster for its id would keep, as other tools do.

Belongs here: both runs, and the comparison. Does not belong here: whether the clusters are right (chicago_blind.py).
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from steps import empty_chicago

HERE = Path(__file__).resolve().parent
SHARED = HERE.parent.parent / "shared"
AIM = 0.999
SHARE = 0.9

KEPT = """
with
    before as (select feed, record_key, entity_type, role, entity_id from link_before),
    both_runs as (
        select b.*, l.entity_id as new_id, r.new_id as merged_into
        from before as b
        join entity.link as l using (feed, record_key, entity_type, role)
        left join entity.redirect as r on r.entity_type = b.entity_type and r.old_id = b.entity_id
    )
select
    entity_type,
    count(*) as links,
    count(*) filter (new_id = entity_id) as kept,
    count(*) filter (new_id <> entity_id and new_id = merged_into) as merged,
    count(distinct entity_id) filter (new_id <> entity_id and new_id = merged_into) as ids_merged
from both_runs
group by all
order by all
"""
# What a cluster's smallest record would give as its id, by record, before and after.
SMALLEST = """
with
    named as (select *, min(feed || ':' || record_key || '#' || role) over (partition by entity_id) as smallest from {0}),
    named_now as (select *, min(feed || ':' || record_key || '#' || role) over (partition by entity_id) as smallest from entity.link)
select count(*) filter (b.smallest = n.smallest) / count(*)
from named as b join named_now as n using (feed, record_key, entity_type, role)
"""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, default=SHARED / "data")
    mirror = parser.parse_args().data.absolute() / "chicago"
    if not mirror.is_dir():
        sys.exit(f"There is no folder {mirror}. Name the folder that holds Chicago's files with --data.")

    from city_platform.city import load_city
    from city_platform.entities.resolve import take_in
    from city_platform.feeds.declaration import load_feeds
    from city_platform.feeds.load import load_feed

    with empty_chicago(mirror) as (settings, warehouse):
        city, feeds = load_city(settings.city_folder), load_feeds(settings.city_folder)
        holding = [f for f in feeds if f.business or f.address or f.people]
        con = warehouse.con
        for feed in holding:
            load_feed(warehouse, feed)
            table = feed.staging().full_name
            day = feed.events[0].event_time if feed.events else "first_seen"
            con.execute(
                f"""create temp table "{feed.table_name}_later" as select * from {table}
                qualify percent_rank() over (order by "{day}" nulls first, record_key) > {SHARE}"""
            )
            con.execute(
                f'delete from {table} where record_key in (select record_key from "{feed.table_name}_later")'
            )
        first = _timed(lambda: take_in(con, city, holding, "nine tenths"))
        con.execute("create temp table link_before as from entity.link")
        for feed in holding:
            con.execute(f'insert into {feed.staging().full_name} by name from "{feed.table_name}_later"')
        second = _timed(lambda: take_in(con, city, holding, "all"))
        rows = con.execute(KEPT).fetchall()
        smallest = con.execute(SMALLEST.format("link_before")).fetchone()
        came = con.execute("select count(*) from entity.link").fetchone()
    links, kept, merged = (sum(int(row[n]) for row in rows) for n in (1, 2, 3))
    print(
        f"Chicago: {links:,} links of nine tenths of the records ({first:.1f} s), then {came[0]:,} of all ({second:.1f} s)"
    )
    for kind, n, stayed, into, ids in rows:
        print(
            f"  {kind:<14} {n:>9,} links, {stayed / n:.4%} keep their id; {into:,} are merged ({ids:,} ids), {n - stayed - into:,} moved"
        )
    other = (kept / (links - merged)) if links > merged else 1.0
    print(
        f"  all: {kept / links:.4%} keep their id; but for merges {other:.4%}   aim {AIM:.1%}{'  met' if other >= AIM else '  MISSED'}"
    )
    print(f"  the smallest record's id would have kept {smallest[0]:.4%}")


def _timed(work: object) -> float:
    began = time.monotonic()
    work()  # type: ignore[operator]
    return time.monotonic() - began


if __name__ == "__main__":
    main()
