"""Addresses: which records are about the same address, and how that was found.

Belongs here: the order of the SQL that joins them in each country, the memo of texts matched to a gazetteer, writing
what comes out by difference. Does not belong here: the SQL itself, ids (keep_ids.sql), the addresses' own rows
(addresses*.sql).
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.entities.address_decisions import apply_address_decisions
from city_platform.entities.difference import write_difference
from city_platform.entities.gazetteer import read_gazetteer
from city_platform.rebuild import Budget, sql_file

if TYPE_CHECKING:
    import duckdb

# By locale, in order: the statements that end in temp address_member.
SITES_SQL = {
    "en_US": ("sites",),
    "en_GB": ("places_uk", "named_uprn", "place_match_uk", "sites_uk"),
}
JOINED = ("address_member", "address_not_linked", "address_settled", "place_match")
MATCHER = ("words_uk", "places_uk", "place_match_uk")  # what decides a match, beside the data
# From how many bits a text is taken for an address, and by how many it has to lead; from benchmarks/uk_addresses.py.
SCORE_FROM, MARGIN_FROM = 12.0, 3.0


def join_addresses(con: duckdb.DuckDBPyConnection, city: City) -> list[Budget]:
    """Bring the tables of JOINED up to entity.observation and temp decided_pair; returns what each feed lost."""
    locale = city.locale
    con.execute("set variable city_name = ?", [city.name.upper()])
    if locale == "en_GB":
        read_gazetteer(con, city)
        set_matcher(con)
    con.execute("create or replace temp table address_not_linked as from entity.address_not_linked limit 0")
    for name in SITES_SQL[locale]:
        con.execute(sql_file(f"entities/{name}.sql"))
    apply_address_decisions(con)
    con.execute("create or replace temp table address_member_now as from entity.address_member limit 0")
    con.execute("insert into address_member_now by name from address_member")
    con.execute(sql_file("entities/address_settled.sql"))
    if locale == "en_GB":
        write_difference(con, "entity.place_match", "new_place_match", ["stated_text"])
    write_difference(con, "entity.address_member", "address_member_now", ["feed", "record_key", "role"])
    write_difference(con, "entity.address_not_linked", "address_not_linked", ["feed", "record_key"])
    write_difference(con, "entity.address_settled", "address_settled_now", ["feed", "way"])
    rows = con.execute(
        """select feed, sum(records), sum(records) filter (not is_lost),
            string_agg(way || ': ' || records, '; ' order by way) filter (is_lost)
        from entity.address_settled group by feed order by feed"""
    ).fetchall()
    return [
        Budget("linked to an address", str(feed), int(n), int(linked or 0), str(reasons or ""))
        for feed, n, linked, reasons in rows
    ]


def set_matcher(con: duckdb.DuckDBPyConnection) -> None:
    """Say by which bounds texts are matched, and by which code, which the memo's entries depend on."""
    code = "".join(sql_file(f"entities/{name}.sql") for name in MATCHER)
    version = hashlib.sha256(f"{code} {SCORE_FROM} {MARGIN_FROM}".encode()).hexdigest()
    con.execute("set variable place_match_code = ?", [version])
    con.execute("set variable score_from = ?", [SCORE_FROM])
    con.execute("set variable margin_from = ?", [MARGIN_FROM])
