"""Gazetteer: which feeds hold the city's own list of addresses, and reading it.

Belongs here: finding those feeds and running gazetteer.sql over them. Does not belong here: matching records to it
(sites_uk.sql).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import fingerprint, sql_file

if TYPE_CHECKING:
    import duckdb

# What gazetteer.sql reads of each feed.
PARTS = {
    "blpu": "record_key, first_seen, change_type, uprn, parent_uprn, logical_status, ward_code, x_coordinate, "
    "y_coordinate, entry_date",
    "lpi": "change_type, uprn, lpi_key, logical_status, sao_start_number, sao_start_suffix, sao_end_number, "
    "sao_end_suffix, sao_text, pao_start_number, pao_start_suffix, pao_end_number, pao_text, usrn, postcode, post_town",
    "street": "change_type, usrn, street_descriptor, locality_name, town_name",
    "xref": "change_type, uprn, source, cross_reference, end_date",
    "classification": "change_type, uprn, class_key, classification_code, start_date, end_date",
}
TYPES = {
    "first_seen": "timestamp",
    "entry_date": "date",
    "start_date": "date",
    "end_date": "date",
    "x_coordinate": "double",
    "y_coordinate": "double",
}


def gazetteer_feeds(city: City, feeds: Sequence[Feed]) -> list[Feed]:
    """The feeds of the city's gazetteer; raises ValueError where one, or a column of it, is not declared."""
    if city.gazetteer is None:
        return []
    declared = {f.id: f for f in feeds}
    found = []
    for part, columns in PARTS.items():
        name = f"{city.gazetteer.agency}/{part}"
        if name not in declared:
            raise ValueError(
                f"city.yaml names a gazetteer of {city.gazetteer.agency}, but no feed {name} is declared"
            )
        feed = declared[name]
        missing = set(columns.split(", ")) - set(feed.columns) - {"record_key", "first_seen"}
        if missing:
            raise ValueError(f"{name}: a BS7666 gazetteer needs columns {', '.join(sorted(missing))}")
        if feed.address or feed.business:
            raise ValueError(f"{name}: the gazetteer's own feeds need no address and no business")
        found.append(feed)
    return found


def read_gazetteer(con: duckdb.DuckDBPyConnection, city: City) -> None:
    """Make the temporary tables of gazetteer.sql; they are empty where the city has no gazetteer.

    Several steps of a run need them: what this connection has read is not read again while it is the same.
    """
    for part, columns in PARTS.items():
        if city.gazetteer:
            source = f"select {columns} from staging.{city.gazetteer.agency}__{part}"
        else:
            nothing = ", ".join(f"null::{TYPES.get(c, 'varchar')} as {c}" for c in columns.split(", "))
            source = f"select {nothing} where false"
        con.execute(f"create or replace temp view {part} as {source}")
    con.execute(
        "set variable gazetteer_feed = ?", [f"{city.gazetteer.agency}/blpu" if city.gazetteer else ""]
    )
    parts = [
        f"select '{part}', count(*), sum(hash({columns})) from {part}" for part, columns in PARTS.items()
    ]
    state = fingerprint(city.name, con.execute(" union all ".join(parts)).fetchall())
    # A table, which goes where the transaction that made it is taken back, as a variable would not.
    con.execute("create temp table if not exists gazetteer_read (state varchar)")
    if con.execute("select state from gazetteer_read").fetchall() == [(state,)]:
        return
    con.execute(sql_file("entities/words_uk.sql"))
    con.execute(sql_file("entities/gazetteer.sql"))
    if not city.gazetteer:
        con.execute("insert into place_name values (?)", [city.name])
    con.execute("create or replace temp table gazetteer_read as select ? as state", [state])
