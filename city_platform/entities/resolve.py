"""Resolve: joins observations into addresses, businesses and organisations with lasting ids, in one transaction.

Belongs here: the order in which the .sql files beside it run, and what they lose. Does not belong here: Dagster
(assets.py), the SQL itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.entities.observe import claims_sql
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import Budget, sql_file
from city_platform.tables import Check

if TYPE_CHECKING:
    import duckdb

ADDRESS_SQL = {"en_US": "entities/address_us.sql"}
RESOLVED = ("address", "business", "organisation", "link", "identifier", "relationship", "attribute")
KEPT_OVER_RUNS = ("id_history", "redirect")


def observe(con: duckdb.DuckDBPyConnection, city: City, feeds: Sequence[Feed]) -> list[Budget]:
    """Fill entity.observation; returns how many records of each feed have no address that can be read."""
    con.execute(sql_file("entities/standardise.sql"))
    con.execute(f"create or replace temp table claim as {claims_sql(feeds)}")
    con.execute(
        "create or replace temp table address_string as "
        "select distinct address_text from claim where address_text is not null"
    )
    con.execute("set variable city_name = ?", [city.name.upper()])
    for side, value in city.box.model_dump().items():
        con.execute(f"set variable {side} = ?", [value])
    con.execute(sql_file(ADDRESS_SQL[city.locale]))
    con.execute("delete from entity.observation")
    con.execute(sql_file("entities/observation.sql"))
    rows = con.execute(
        "select feed, count(*), count(street) from entity.observation group by all order by all"
    ).fetchall()
    return [
        Budget(
            "address read",
            str(f),
            int(n),
            int(read),
            "no house number and street can be told from the address",
        )
        for f, n, read in rows
    ]


def resolve(con: duckdb.DuckDBPyConnection, run_id: str) -> list[Budget]:
    """Fill every table of RESOLVED and follow the ids; returns what each feed lost.

    run_id names this rebuild in entity.id_history.
    """
    con.execute("set variable run_id = ?", [run_id])
    con.execute(sql_file("entities/standardise.sql"))
    con.execute(sql_file("entities/sites.sql"))
    con.execute(sql_file("entities/businesses.sql"))
    members = " union all ".join(
        f"select entity_type, role, cluster, feed, record_key, known_time from {kind}_member"
        for kind in ("address", "business", "organisation")
    )
    con.execute(f"create or replace temp table member as {members}")
    for name in ("keep_ids", "links", "addresses", "business_rows", "claims"):
        con.execute(sql_file(f"entities/{name}.sql"))
    rows = con.execute(
        """select o.feed, count(*), count(a.record_key), count(*) filter (o.has_business), count(b.record_key)
        from entity.observation o
        left join entity.link a on a.feed = o.feed and a.record_key = o.record_key and a.role = 'site'
        left join entity.link b on b.feed = o.feed and b.record_key = o.record_key and b.role = 'business'
        group by all order by all"""
    ).fetchall()
    budget = []
    for feed, n, sited, with_business, linked in rows:
        budget.append(
            Budget("linked to an address", str(feed), int(n), int(sited), "no address could be read")
        )
        if with_business:
            budget.append(
                Budget(
                    "linked to a business", str(feed), int(with_business), int(linked), "no business is named"
                )
            )
    return budget


def id_checks() -> list[tuple[str, Check]]:
    """Law 5: an id is for ever."""
    return [
        (
            "entity.id_history",
            Check(
                "ids_are_never_used_again",
                "select count(*) from (select entity_type, new_id from entity.id_history where kind = 'create' "
                "group by all having count(*) > 1)",
                "ids were created twice",
            ),
        ),
        (
            "entity.link",
            Check(
                "ids_have_a_founding_record",
                "select count(*) from (select distinct entity_type, entity_id as new_id from entity.link "
                "except select entity_type, new_id from entity.id_history where kind = 'create')",
                "ids are in use that no record founded",
            ),
        ),
        (
            "entity.redirect",
            Check(
                "ids_gone_are_not_in_use",
                "select count(*) from (select distinct entity_type, entity_id as old_id from entity.link "
                "intersect select entity_type, old_id from entity.redirect)",
                "ids are in use again after they were merged or retired",
            ),
        ),
    ]
