"""Lasting: gives clusters of records ids that last, and makes the rows of every entity that has changed, and of no other.

Belongs here: the order of the SQL from clusters to entities' rows, and what an entity's rows depend on beside its records.
Does not belong here: which records are of one cluster (addresses, linking/), the SQL itself.

What an entity shows depends on its records, on what holds them together, on the ids of what its records are also linked
to, and on how it is made (code, rules, what feeds declare, the wards' boundaries). entity.entity keeps a hash of the first
two and of the last; where it is the same, and no such id has changed, the entity's rows stand as they are. So a run over
few changes writes what a run over everything would.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from city_platform.entities.canonical import canonical_rules, chosen_sql
from city_platform.entities.difference import write_difference
from city_platform.entities.places import place_in_wards
from city_platform.rebuild import fingerprint, sql_file

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed

# By locale: what the addresses are, and what they show beside what their records say.
ADDRESSES_SQL = {"en_US": "addresses", "en_GB": "addresses_uk"}
CONTEXT_SQL = {"en_US": "address_context", "en_GB": "address_context_uk"}
SETTLED = (
    "entity",
    "link",
    "address",
    "business",
    "organisation",
    "person",
    "identifier",
    "relationship",
    "portfolio",
    "attribute",
    "settled_decision",
    "settled_model",
)
KEPT_OVER_RUNS = ("id_history", "redirect")


def settle(
    con: duckdb.DuckDBPyConnection,
    run_id: str,
    *,
    locale: str = "en_US",
    feeds: Sequence[Feed] = (),
    code: str = "",
    models: Mapping[str, str] | None = None,
) -> None:
    """Bring every table of SETTLED up to the clusters, and follow the ids.

    run_id names this run in entity.id_history. code: the version of all that decides the rows beside the records. models:
    by entity type the version of its weights.
    Reads entity.address_member, node_record, node_cluster, compared, observation, person_observation; temp level_text,
    decided_pair, ward_boundary, and for British addresses gazetteer_place.
    """
    declared = [(f.id, f.trust, roles_declared(f)) for f in feeds]
    con.execute("set variable run_id = ?", [run_id])
    wards = con.execute("select bit_xor(hash(name, shape)) from ward_boundary").fetchone()
    con.execute("set variable made_with = ?", [fingerprint(code, canonical_rules(), declared, wards)])
    _fill(con, "feed_trust (feed varchar, trust integer)", [(f, trust) for f, trust, _ in declared])
    _fill(
        con,
        "declared_role (feed varchar, role varchar, relationship varchar)",
        [(f, role, r) for f, _, roles in declared for role, listed in roles.items() for r in listed],
    )
    _fill(con, "model_now (entity_type varchar, version varchar)", sorted((models or {}).items()))
    for name in ("changed_cause", "members", CONTEXT_SQL[locale], "clusters", "keep_ids", "touched", "links"):
        con.execute(sql_file(f"entities/{name}.sql"))
    write_difference(
        con, "entity.settled_decision", "settled_now", ["decision_id", "role", "feed", "record_key"]
    )
    write_difference(con, "entity.settled_model", "model_now", ["entity_type"])
    write_difference(con, "entity.entity", "entity_now", ["entity_id"])
    con.execute(sql_file(f"entities/{ADDRESSES_SQL[locale]}.sql"))
    place_in_wards(con)
    _replace(con, "address")
    con.execute(sql_file("entities/claims.sql"))
    con.execute(f"create or replace temp table chosen as {chosen_sql(canonical_rules())}")
    con.execute(sql_file("entities/business_rows.sql"))
    con.execute("create or replace temp table every_business as from entity.business limit 0")
    con.execute("insert into every_business by name from business_now")
    write_difference(con, "entity.business", "every_business", ["business_id"])
    _replace(con, "organisation")
    con.execute(sql_file("entities/person_rows.sql"))
    _replace(con, "person")
    for name in ("attributes", "identifiers", "relationships", "portfolio"):
        con.execute(sql_file(f"entities/{name}.sql"))


def roles_declared(feed: Feed) -> Mapping[str, tuple[str, ...]]:
    """By role, what whoever has it is to the address of the feed's records, beside living there."""
    roles = {p.role: p.relationships for p in feed.people}
    if feed.business:
        roles["owner"] = feed.business.relationships
    return roles


def _replace(con: duckdb.DuckDBPyConnection, kind: str) -> None:
    """Put the rows of temp <kind>_now in the place of those of entities that were made anew, or are gone."""
    con.execute(f"delete from entity.{kind} where {kind}_id in (select entity_id from replaced)")
    con.execute(f"insert into entity.{kind} by name from {kind}_now")


def _fill(con: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[object, ...]]) -> None:
    con.execute(f"create or replace temp table {table}")
    if rows:
        marks = ", ".join("?" for _ in rows[0])
        con.executemany(f"insert into {table.split(' ')[0]} values ({marks})", [list(r) for r in rows])
