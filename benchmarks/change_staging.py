"""Two in a hundred records of every feed changed, gone or new, in the staging tables themselves: the same ones each time.

Belongs here: what changes, and comparing the entity tables of two warehouses. Does not belong here: the steps that are run
again (steps.py), what is measured (entities.py).

A feed's own load would do the same to staging; it is left out, so that only the entities' work is measured. Of the records
whose hash chooses them, an eighth goes, an eighth is copied under another key with its neighbour's name, and the rest
get a neighbour's address, a misspelt name or another birth date, one of those that their feed has. A neighbour is the next chosen
record of the same feed.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.rebuild import count
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed

CHOSEN = 220  # of 10,000 records: some say nothing that could change, which leaves 2 in a hundred
GONE, NEW = 28, 56  # the hash's upper bounds; what is above is changed
# A gazetteer's own records name nobody: what changes in them is where and what a property is.
GAZETTEER_AGENCY = "address_custodian"
GAZETTEER = {
    "blpu": ["x_coordinate", "y_coordinate"],
    "lpi": ["pao_start_number", "sao_text", "sao_start_number"],
    "street": [],
    "xref": ["cross_reference"],
    "classification": ["classification_code"],
}


def change(warehouse: Path) -> dict[str, int]:
    """Change the staging tables of Eastmere; returns how many records are gone, new and changed."""
    import duckdb

    from city_platform.feeds.declaration import load_feeds
    from city_platform.settings import CITIES

    done = {"gone": 0, "new": 0, "changed": 0}
    with duckdb.connect(str(warehouse), config={"threads": 2, "memory_limit": "4GB"}) as con:
        con.execute("begin")
        for feed in load_feeds(CITIES / "eastmere"):
            for what, n in _change_feed(con, feed).items():
                done[what] += n
            # As its load would have it: what is built from the feed is built again.
            con.execute(
                "update provenance.build set fingerprint = fingerprint || ' changed' where asset = ?",
                [feed.asset],
            )
        con.execute("commit")
        con.execute("checkpoint")
    return done


def _change_feed(con: duckdb.DuckDBPyConnection, feed: Feed) -> dict[str, int]:
    table = feed.staging().full_name
    moved, named = _address_columns(feed), _name_columns(feed)
    born = list(dict.fromkeys(p.date_of_birth for p in feed.people if p.date_of_birth))
    kept = list(dict.fromkeys([*moved, *named]))
    neighbours = "".join(
        f', coalesce(lead("{c}") over (order by place), first("{c}" order by place) over ()) as "next_{c}"'
        for c in kept
    )
    con.execute(
        f"""create or replace temp table chosen as
        with ordered as (
            select *, hash({quote_text(feed.id)}, record_key) % 10000 as bucket,
                row_number() over (order by hash({quote_text(feed.id)}, record_key), record_key) as place
            from {table}
        )
        select *{neighbours} from ordered where bucket < {CHOSEN}"""
    )
    ways = [
        [f'"{c}" = case when {{chosen}} then n."next_{c}" else t."{c}" end' for c in moved],
        [f'"{c}" = case when {{chosen}} then {_misspelt(c)} else t."{c}" end' for c in named],
        [f'"{c}" = case when {{chosen}} then {_later(c, feed)} else t."{c}" end' for c in born],
    ]
    ways = [way for way in ways if way]
    changed = 0
    for n, way in enumerate(ways):
        changes = ", ".join(way).format(chosen=f"n.place % {len(ways)} = {n}")
        con.execute(
            f"update {table} as t set {changes} from chosen as n where n.record_key = t.record_key and n.bucket >= {NEW}"
        )
    if ways:
        listed = ", ".join(f'"{c}"' for c in dict.fromkeys([*kept, *born]))
        changed = count(
            con,
            f"select count(*) from (select record_key, {listed} from chosen where bucket >= {NEW} "
            f"except select record_key, {listed} from {table})",
        )
    new = 0
    if feed.agency != GAZETTEER_AGENCY:
        extra = ", ".join(["bucket", "place", *(f'"next_{c}"' for c in kept)])
        replaced = "".join(f', "next_{c}" as "{c}"' for c in named)
        con.execute(
            f"""insert into {table} by name
            select * exclude ({extra}) replace (record_key || '|new' as record_key{replaced})
            from chosen where bucket >= {GONE} and bucket < {NEW}"""
        )
        new = count(con, f"select count(*) from chosen where bucket >= {GONE} and bucket < {NEW}")
    con.execute(
        f"delete from {table} where record_key in (select record_key from chosen where bucket < {GONE})"
    )
    gone = count(con, f"select count(*) from chosen where bucket < {GONE}")
    return {"gone": gone, "new": new, "changed": changed}


def _address_columns(feed: Feed) -> list[str]:
    if feed.agency == GAZETTEER_AGENCY:
        return GAZETTEER[feed.name]
    if feed.address is None:
        return []
    a = feed.address
    columns = [*a.texts, a.locality, a.postcode, a.ward, a.uprn, a.easting, a.northing, a.lat, a.lon]
    return [c for c in columns if c]


def _name_columns(feed: Feed) -> list[str]:
    if feed.agency == GAZETTEER_AGENCY:
        return ["street_descriptor"] if feed.name == "street" else []
    columns = [c for p in feed.people for c in (p.full_name, p.family_name)]
    if feed.business:
        columns += [feed.business.name, feed.business.legal_name]
    return [c for c in dict.fromkeys(columns) if c]


def _misspelt(column: str) -> str:
    """Its third and fourth letters swapped; a short name gets one more."""
    value = f't."{column}"'
    swapped = f"{value}[1:2] || {value}[4:4] || {value}[3:3] || {value}[5:]"
    return (
        f"case when length({value}) > 4 and {value}[3] <> {value}[4] then {swapped} else {value} || 'e' end"
    )


def _later(column: str, feed: Feed) -> str:
    value = f't."{column}"'
    if feed.columns[column].type == "text":  # in whatever way it is written: other digits
        return f"translate({value}, '123', '212')"
    return f"{value} + 1"


def differences(one: Path, other: Path, leave_out: Sequence[str] = ()) -> dict[str, int]:
    """By table of the schema entity: how many rows only one of two warehouses holds; run ids aside."""
    import duckdb

    found = {}
    with duckdb.connect(config={"threads": 2, "memory_limit": "4GB"}) as con:
        con.execute(f"attach '{one}' as one (read_only)")
        con.execute(f"attach '{other}' as other (read_only)")
        tables = con.execute(
            """select table_name, list(column_name order by column_name) from information_schema.columns
            where table_catalog = 'one' and table_schema = 'entity' group by table_name order by table_name"""
        ).fetchall()
        for table, columns in tables:
            if table in leave_out:
                continue
            listed = ", ".join(f'"{c}"' for c in columns if c not in ("run_id", "trained_at"))
            sides = [f'select {listed} from {side}.entity."{table}"' for side in ("one", "other")]
            row = con.execute(
                f"select (select count(*) from ({sides[0]} except all {sides[1]})), "
                f"(select count(*) from ({sides[1]} except all {sides[0]}))"
            ).fetchone()
            found[str(table)] = sum(row) if row else 0
    return found
