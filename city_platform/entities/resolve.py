"""Resolve: joins observations into addresses, businesses, organisations and people with lasting ids, in one transaction.

Belongs here: the order in which the .sql files beside it run, and what they lose. Does not belong here: Dagster
(assets.py), the SQL itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.entities.gazetteer import read_gazetteer
from city_platform.entities.observe import observe
from city_platform.entities.people import observe_people
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import Budget, sql_file
from city_platform.tables import Check

if TYPE_CHECKING:
    import duckdb

# By locale: which records share a site, what the addresses are.
SITES_SQL = {"en_US": "sites", "en_GB": "sites_uk"}
ADDRESSES_SQL = {"en_US": "addresses", "en_GB": "addresses_uk"}
OBSERVED = ("observation", "person_observation")
READ = ("parsed_address", "parsed_street")  # what was read of addresses' texts, so that none is read twice
RESOLVED = (
    "address",
    "business",
    "organisation",
    "person",
    "link",
    "identifier",
    "relationship",
    "attribute",
)
KEPT_OVER_RUNS = ("id_history", "redirect")


def take_in(
    con: duckdb.DuckDBPyConnection, city: City, feeds: Sequence[Feed], run_id: str, code: str = ""
) -> list[Budget]:
    """Every step from staging to entities, one after the other, without Dagster; returns what each lost."""
    return [
        *observe(con, city, feeds, code),
        *observe_people(con, feeds, code),
        *resolve(con, run_id, city),
    ]


def resolve(con: duckdb.DuckDBPyConnection, run_id: str, city: City | None = None) -> list[Budget]:
    """Fill every table of RESOLVED and follow the ids; returns what each feed lost.

    run_id names this rebuild in entity.id_history. Without a city, addresses are American.
    """
    locale = city.locale if city else "en_US"
    con.execute("set variable run_id = ?", [run_id])
    con.execute(sql_file("entities/standardise.sql"))
    if city and locale == "en_GB":
        read_gazetteer(con, city)
    con.execute(sql_file(f"entities/{SITES_SQL[locale]}.sql"))
    con.execute(sql_file("entities/businesses.sql"))
    con.execute(sql_file("entities/people.sql"))
    members = " union all ".join(
        f"select entity_type, {role} as role, cluster, role as link_role, feed, record_key, known_time from {kind}_member"
        for kind, role in (
            ("address", "role"),
            ("business", "role"),
            ("organisation", "role"),
            ("person", "'person'"),  # one id in whatever roles
        )
    )
    con.execute(f"create or replace temp table member as {members}")
    for name in ("keep_ids", "links", ADDRESSES_SQL[locale], "business_rows", "claims", "person_rows"):
        con.execute(sql_file(f"entities/{name}.sql"))
    rows = con.execute(
        """select o.feed, count(*), count(a.record_key), count(*) filter (o.has_business), count(b.record_key),
            count(coalesce(o.address_text, o.uprn, o.reference)) > 0
        from entity.observation o
        left join entity.link a on a.feed = o.feed and a.record_key = o.record_key
            and a.entity_type = 'address' and a.role = 'site'
        left join entity.link b on b.feed = o.feed and b.record_key = o.record_key
            and b.entity_type = 'business'
        group by all order by all"""
    ).fetchall()
    budget = []
    for feed, n, sited, with_business, linked, has_address in rows:
        if has_address:
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
