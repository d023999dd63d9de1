"""Resolve: takes records from staging to addresses, businesses, organisations and people with ids that last.

Belongs here: the order of the steps, and which tables each writes. Does not belong here: Dagster (assets.py), the work of
a step (observe.py, addresses.py, linking/, lasting.py), the SQL.

Every step computes what is cheap in full, looks up what is dear by its content, and writes its tables by difference. So a
run over few changes is the same code as one over everything, and gives the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.entities.addresses import JOINED, join_addresses
from city_platform.entities.decisions import decide_pairs, read_decisions
from city_platform.entities.gazetteer import read_gazetteer
from city_platform.entities.lasting import KEPT_OVER_RUNS, SETTLED, settle
from city_platform.entities.linking.steps import cluster_all, compare_all, level_text, versions
from city_platform.entities.observe import observe
from city_platform.entities.people import observe_people
from city_platform.entities.places import read_boundaries, tell_far_apart
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import Budget, sql_file
from city_platform.tables import Check

if TYPE_CHECKING:
    import duckdb

# By step, in order: the tables that it writes. A step's name is that of its asset.
OBSERVATION = "entities/observation"
DECISION = "entities/decision"
ADDRESSES = "entities/address_member"
COMPARED = "entities/compared"
CLUSTERS = "entities/node_cluster"
ENTITIES = "entities/resolved"
EVENTS = "entities/event"
WRITES = {
    OBSERVATION: ("observation", "person_observation", "parsed_address", "parsed_street"),
    DECISION: ("decision",),
    ADDRESSES: JOINED,
    COMPARED: (
        "node_record",
        "business_node",
        "organisation_node",
        "person_node",
        "compared",
        "not_compared",
    ),
    CLUSTERS: ("node_cluster", "refused"),
    ENTITIES: (*SETTLED, *KEPT_OVER_RUNS),
    EVENTS: ("event",),
}
FROZEN = ("model", "term_frequency")  # written by the first run, and by retraining


def take_in(
    con: duckdb.DuckDBPyConnection,
    city: City,
    feeds: Sequence[Feed],
    run_id: str,
    code: str = "",
    decisions: Path | None = None,
) -> list[Budget]:
    """Every step, one after the other, without Dagster; returns what each lost.

    run_id names this run in entity.id_history. code: the version of all that decides the rows beside the records.
    decisions: the city's file of them, if it has one.
    """
    budget = standardise(con, city, feeds, code)
    if decisions:
        budget += read_decisions(con, decisions)
    budget += settle_addresses(con, city)
    budget += compare(con, code)
    cluster(con)
    return budget + resolve(con, run_id, city, feeds, code)


def standardise(
    con: duckdb.DuckDBPyConnection, city: City, feeds: Sequence[Feed], code: str = ""
) -> list[Budget]:
    """What records claim, read: an address and a business, and the people that they name."""
    return [*observe(con, city, feeds, code), *observe_people(con, feeds, code)]


def settle_addresses(con: duckdb.DuckDBPyConnection, city: City) -> list[Budget]:
    """Which records are about the same address, by identifiers, the gazetteer and their texts, and by decisions."""
    _prepare(con)
    return join_addresses(con, city)


def compare(con: duckdb.DuckDBPyConnection, code: str = "") -> list[Budget]:
    """Which pairs of observations are about one business, organisation or person, and how much each weighs."""
    _prepare(con)
    return compare_all(con, code)


def cluster(con: duckdb.DuckDBPyConnection) -> list[Budget]:
    """Which observations are together, once contradictions are taken apart."""
    _prepare(con)
    cluster_all(con)
    return []


def resolve(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    city: City,
    feeds: Sequence[Feed] = (),
    code: str = "",
) -> list[Budget]:
    """Ids, links and the rows of every entity, in one transaction; returns what is linked to no business."""
    _prepare(con)
    if city.locale == "en_GB":
        read_gazetteer(con, city)
    level_text(con)
    read_boundaries(con, city)
    settle(con, run_id, locale=city.locale, feeds=feeds, code=code, models=versions(con))
    tell_far_apart(con)
    rows = con.execute(
        """select o.feed, count(*), count(b.record_key)
        from entity.observation o
        left join entity.link b on b.feed = o.feed and b.record_key = o.record_key
            and b.entity_type = 'business'
        where o.has_business group by all order by all"""
    ).fetchall()
    reason = "no business is named"
    return [Budget("linked to a business", str(f), int(n), int(linked), reason) for f, n, linked in rows]


def _prepare(con: duckdb.DuckDBPyConnection) -> None:
    """Macros, and the decisions in force: what a step needs that Dagster may run by itself."""
    con.execute(sql_file("entities/standardise.sql"))
    con.execute(sql_file("entities/parcels.sql"))
    con.execute(sql_file("entities/person_standardise.sql"))
    decide_pairs(con)


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
