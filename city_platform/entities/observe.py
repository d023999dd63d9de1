"""Observe: says in one shape what the records of every feed claim about an address and a business.

Belongs here: SQL made from the feeds' declarations. Does not belong here: standardising (standardise.sql,
address_us.sql), joining (sites.sql, businesses.sql).
"""

from __future__ import annotations

from collections.abc import Sequence

from city_platform.feeds.declaration import EventDeclaration, Feed, Number
from city_platform.tables import quote_text


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


def _claims(feed: Feed) -> str:
    times = [known_time_sql(e) for e in feed.events]
    columns = {
        "feed": quote_text(feed.id),
        "record_key": "record_key",
        # The first event that a record tells is when it could first be known.
        "known_time": f"coalesce(least({', '.join(times)}), first_seen)" if times else "first_seen",
        "has_business": "true" if feed.business else "false",
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
            "address_text": _text(a.text),
            "locality": _text(a.locality),
            "postcode": _text(a.postcode),
            "ward": _text(a.ward),
            "lat": f'"{a.lat}"::double' if a.lat else "null",
            "lon": f'"{a.lon}"::double' if a.lon else "null",
        }
    listed = ", ".join(f"{value} as {name}" for name, value in columns.items())
    return f"select {listed} from {feed.staging().full_name}"


def _text(column: str | None) -> str:
    return f'"{column}"::varchar' if column else "null::varchar"


def _number(number: Number | None) -> str:
    if number is None:
        return "null::varchar"
    value = f'"{number.column}"::varchar'
    if not number.placeholders:
        return value
    listed = ", ".join(quote_text(p) for p in number.placeholders)
    return f"case when {value} not in ({listed}) then {value} end"
