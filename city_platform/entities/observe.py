"""Observe: says in one shape what the records of every feed claim about an address and a business.

Belongs here: SQL made from the feeds' declarations. Does not belong here: standardising (standardise.sql,
address_us.sql), joining (sites.sql, businesses.sql).
"""

from __future__ import annotations

from collections.abc import Sequence

from city_platform.feeds.declaration import AddressRole, EventDeclaration, Feed, Number
from city_platform.tables import quote_text

# What a feed without a business or an address leaves empty.
EMPTY_CLAIM = (
    dict.fromkeys(
        (
            "name alias legal_name business_scheme business_number owner_scheme owner_number address_text locality "
            "postcode ward uprn reference_scheme reference"
        ).split(),
        "null::varchar",
    )
    | dict.fromkeys(("valid_from", "valid_to"), "null::date")
    | dict.fromkeys(("lat", "lon", "easting", "northing"), "null::double")
)


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
            "reference_scheme": quote_text(a.reference.scheme) if a.reference else "null",
            "reference": _number(a.reference),
        }
    listed = ", ".join(f"{value} as {name}" for name, value in columns.items())
    return f"select {listed} from {feed.staging().full_name}"


def _text(column: str | None) -> str:
    return f'"{column}"::varchar' if column else "null::varchar"


def _address_text(columns: Sequence[str]) -> str:
    if len(columns) == 1:
        return _text(columns[0])
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
