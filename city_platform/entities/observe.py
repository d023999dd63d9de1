"""Observe: says in one shape what the records of every feed claim about an address and a business.

Belongs here: SQL made from the feeds' declarations, and which records have to be standardised again. Does not belong
here: standardising (standardise.sql, address_us.sql), joining (addresses.py, linking/).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.city import City
from city_platform.entities.difference import write_difference
from city_platform.entities.gazetteer import read_gazetteer
from city_platform.entities.parsed import parse
from city_platform.entities.places import tell_places
from city_platform.feeds.declaration import AddressRole, EventDeclaration, Feed, Number
from city_platform.rebuild import Budget, made_with, sql_file
from city_platform.tables import quote_text
from city_platform.warehouse import load_extension

if TYPE_CHECKING:
    import duckdb

# What a feed without a business or an address leaves empty.
EMPTY_CLAIM = (
    dict.fromkeys(
        (
            "name alias legal_name business_scheme business_number owner_scheme owner_number address_text locality "
            "postcode ward uprn parcel_scheme parcel building_scheme building reference_scheme reference"
        ).split(),
        "null::varchar",
    )
    | dict.fromkeys(("valid_from", "valid_to"), "null::date")
    | dict.fromkeys(("lat", "lon", "easting", "northing"), "null::double")
)


def observe(
    con: duckdb.DuckDBPyConnection, city: City, feeds: Sequence[Feed], code: str = ""
) -> list[Budget]:
    """Bring entity.observation and what it is made with up to staging; returns how many addresses cannot be read.

    code: the version of all that decides it beside the records; where it has changed, all is made anew. Only records
    that claim something new are standardised.
    """
    for name in ("standardise", "parcels", "coordinates"):
        con.execute(sql_file(f"entities/{name}.sql"))
    if needs_spatial(feeds):
        load_extension(con, "spatial")
    con.execute("set variable city_name = ?", [city.name.upper()])
    for side, value in city.box.model_dump().items():
        con.execute(f"set variable {side} = ?", [value])
    if not made_with(con, "entity.observation", code):
        con.execute("delete from entity.observation")
    claims = list(EMPTY_CLAIM) + ["known_time", "has_business"]
    con.execute(
        f"create or replace temp table claim as select *, hash({', '.join(claims)}) as claim_hash from ({claims_sql(feeds)})"
    )
    is_british = city.locale == "en_GB"
    if is_british:
        read_gazetteer(con, city)
    parse(con, city.locale, code)
    con.execute(
        """create or replace temp table changed_claim as
        select c.* from claim as c
        where not exists (
            select 1 from entity.observation as o
            where o.feed = c.feed and o.record_key = c.record_key and o.claim_hash = c.claim_hash
        ) or c.address_text in (select address_text from address_string)"""
    )
    grid_points = "select easting, northing from changed_claim"
    if is_british:
        grid_points += " union select easting, northing from gazetteer_place"
    con.execute(f"create or replace temp table grid_point as select distinct * from ({grid_points})")
    con.execute(sql_file("entities/national_grid.sql"))
    con.execute(
        """delete from entity.observation as o where not exists (
            select 1 from claim as c where c.feed = o.feed and c.record_key = o.record_key
        ) and o.feed <> coalesce(getvariable('gazetteer_feed'), '')
        or exists (select 1 from changed_claim as c where c.feed = o.feed and c.record_key = o.record_key)"""
    )
    con.execute(sql_file("entities/observation.sql"))
    add_row_hash(con, "observed")
    con.execute("insert into entity.observation by name from observed")
    if is_british:
        con.execute(sql_file("entities/gazetteer_observation.sql"))
        add_row_hash(con, "gazetteer_observed")
        con.execute("create or replace temp table observation_now as from entity.observation limit 0")
        con.execute("insert into observation_now by name from gazetteer_observed")
        write_difference(
            con,
            "entity.observation",
            "observation_now",
            ["record_key"],
            "feed = getvariable('gazetteer_feed')",
        )
    tell_places(con)
    rows = con.execute(
        "select feed, count(*), count(*) filter (coalesce(number_low::varchar, premises) is not null "
        "and coalesce(street, postcode) is not null) from entity.observation group by feed "
        "having count(address_text) > 0 order by feed"  # some feeds have no address
    ).fetchall()
    reason = "no house number and street can be told from the address"
    return [Budget("address read", str(f), int(n), int(read), reason) for f, n, read in rows]


def add_row_hash(con: duckdb.DuckDBPyConnection, rows: str) -> None:
    """Add row_hash to a temporary table of new rows: what the row says, standardised."""
    said = [str(r[0]) for r in con.execute(f"describe {rows}").fetchall() if r[0] != "claim_hash"]
    listed = ", ".join(f'"{c}"' for c in sorted(said))
    con.execute(f"create or replace temp table {rows} as select *, hash({listed}) as row_hash from {rows}")


def claims_sql(feeds: Sequence[Feed]) -> str:
    """A select with one row a record of every feed that has an address or a business."""
    selects = [_claims(f) for f in feeds if f.business or f.address]
    if not selects:
        raise ValueError("no feed of this city says which columns hold an address or a business")
    return "\nunion all by name\n".join(selects)


def known_time_sql(event: EventDeclaration) -> str:
    """When an event could first be known: the declared column plus its lag, or when we got the record."""
    if event.known_time is None:
        return "first_seen"
    return f'"{event.known_time.column}"::timestamp + interval {event.known_time.lag_days} day'


def record_known_time_sql(feed: Feed) -> str:
    """When a record could first be known: with the first event that it tells, or when we got it."""
    times = [known_time_sql(e) for e in feed.events]
    return f"coalesce(least({', '.join(times)}), first_seen)" if times else "first_seen"


def _claims(feed: Feed) -> str:
    columns = EMPTY_CLAIM | {
        "feed": quote_text(feed.id),
        "record_key": "record_key",
        "delivery_id": "_delivery_id",
        "line": "_line",
        "known_time": record_known_time_sql(feed),
        "has_business": "true" if feed.business and feed.business.holds_unit else "false",
    }
    if feed.business:
        b = feed.business
        columns |= {
            "name": _text(b.name),
            "alias": _text(b.alias),
            "legal_name": _text(b.legal_name),
            "business_scheme": quote_text(b.number.scheme) if b.number else "null",
            "business_number": _number(b.number),
            "owner_scheme": quote_text(b.owner_number.scheme) if b.owner_number else "null",
            "owner_number": _number(b.owner_number),
            "valid_from": f'"{b.valid_from}"::date' if b.valid_from else "null",
            "valid_to": f'"{b.valid_to}"::date' if b.valid_to else "null",
        }
    if feed.address:
        a = feed.address
        columns |= {
            "address_text": _address_text(a.texts),
            "locality": _text(a.locality),
            "postcode": _text(a.postcode),
            "ward": _text(a.ward),
            "lat": _projected(a, "ST_Y") if a.crs else _coordinate(a.lat),
            "lon": _projected(a, "ST_X") if a.crs else _coordinate(a.lon),
            "easting": _coordinate(a.easting),
            "northing": _coordinate(a.northing),
            "uprn": _text(a.uprn),
            "parcel_scheme": quote_text(a.parcel.scheme) if a.parcel else "null",
            "parcel": _number(a.parcel),
            "building_scheme": quote_text(a.building.scheme) if a.building else "null",
            "building": _number(a.building),
            "reference_scheme": quote_text(a.reference.scheme) if a.reference else "null",
            "reference": _number(a.reference),
        }
    listed = ", ".join(f"{value} as {name}" for name, value in columns.items())
    return f"select {listed} from {feed.staging().full_name}"


def _text(column: str | None) -> str:
    return f'"{column}"::varchar' if column else "null::varchar"


def _address_text(columns: Sequence[str]) -> str:
    if len(columns) < 2:
        return _text(columns[0] if columns else None)
    parts = ", ".join(f"nullif(trim({_text(c)}), '')" for c in columns)
    return f"nullif(concat_ws(', ', {parts}), '')"


def _coordinate(column: str | None) -> str:
    return f'"{column}"::double' if column else "null::double"


def needs_spatial(feeds: Sequence[Feed]) -> bool:
    """Whether any feed's coordinates are in a system that DuckDB's spatial extension has to turn into degrees."""
    return any(f.address and f.address.crs for f in feeds)


def _projected(address: AddressRole, part: str) -> str:
    point = f'ST_Point("{address.x}"::double, "{address.y}"::double)'
    return f"{part}(ST_Transform({point}, {quote_text(str(address.crs))}, 'EPSG:4326', always_xy := true))"


def _number(number: Number | None) -> str:
    if number is None:
        return "null::varchar"
    value = f'"{number.column}"::varchar'
    if not number.placeholders:
        return value
    listed = ", ".join(quote_text(p) for p in number.placeholders)
    return f"case when {value} not in ({listed}) then {value} end"
