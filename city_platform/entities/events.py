"""Events: what happened, as the feeds' declarations say that their records tell it.

Belongs here: SQL made from the declared events, and what is lost in making them. Does not belong here: what an event
means to a case (the city's risk/ folder).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.entities.difference import write_difference
from city_platform.entities.observe import known_time_sql
from city_platform.feeds.declaration import EventDeclaration, Feed
from city_platform.rebuild import Budget, count, sql_file
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb


def tell(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed]) -> list[Budget]:
    """Bring entity.event up to staging and the links; returns, for each feed and kind of event, what was lost and how much has no business."""
    declared = [(f, e) for f in feeds for e in f.events]
    if not declared:
        con.execute("delete from entity.event")
        return []
    by_id = {f.id: f for f in feeds}
    selects = "\nunion all by name\n".join(_told(f, e, by_id) for f, e in declared)
    con.execute(f"create or replace temp table told as {selects}")
    con.execute(sql_file("entities/event.sql"))
    con.execute("create or replace temp table every_event as from entity.event limit 0")
    con.execute("insert into every_event by name from event_now")
    write_difference(con, "entity.event", "every_event", ["event_id"])
    budget = []
    for feed, event in declared:
        total = count(con, f"select count(*) from {feed.staging().full_name}")
        kept = count(
            con, f"select count(*) from entity.event where feed = '{feed.id}' and event_type = '{event.type}'"
        )
        budget.append(
            Budget(
                f"event {event.type}",
                feed.id,
                total,
                kept,
                f"{event.event_time} is empty: it has not happened",
            )
        )
        if event.parent:
            with_parent = count(
                con,
                "select count(*) from entity.event e where "
                f"feed = '{feed.id}' and event_type = '{event.type}' and parent_event_id is not null",
            )
            reason = f"no {event.parent.event} of {event.parent.feed} has its key"
            budget.append(
                Budget(f"{event.type} within {event.parent.event}", feed.id, kept, with_parent, reason)
            )
        if (feed.business and feed.business.holds_unit) or event.parent:
            placed = count(
                con,
                "select count(*) from entity.event where "
                f"feed = '{feed.id}' and event_type = '{event.type}' and business_id is not null",
            )
            budget.append(
                Budget(f"{event.type} at a business", feed.id, kept, placed, "its record has no business")
            )
    return budget


def _told(feed: Feed, event: EventDeclaration, by_id: dict[str, Feed]) -> str:
    detail = "null"
    if event.detail:
        listed = ", ".join(f'{quote_text(c)}, "{c}"' for c in event.detail)
        detail = f"json_object({listed})"
    parent_key = "null"
    if event.parent:
        # A parent's key stands as its own feed sends it, and so does the child's copy of it.
        key = " || '|' || ".join(f'"{c}"::varchar' for c in event.parent.columns)
        if by_id[event.parent.feed].key == "content":
            raise ValueError(f"{feed.id}: {event.parent.feed} has no key, so no event of it can be named")
        parent_key = key
    return f"""select {quote_text(feed.id)} as feed, record_key, {quote_text(event.type)} as event_type,
        "{event.event_time}"::timestamp as event_time,
        coalesce({known_time_sql(event)}, first_seen) as known_time,
        {f'"{event.observer}"::varchar' if event.observer else "null::varchar"} as observer,
        {f'"{event.outcome}"::varchar' if event.outcome else "null::varchar"} as outcome,
        {f'"{event.amount}"::double' if event.amount else "null::double"} as amount,
        {detail}::json as detail,
        {quote_text(feed.people[0].role) if feed.people else "null::varchar"} as person_role,
        {str(bool(feed.people)).lower()} as is_personal,
        {quote_text(event.parent.feed) if event.parent else "null::varchar"} as parent_feed,
        {quote_text(event.parent.event) if event.parent else "null::varchar"} as parent_event_type,
        {parent_key}::varchar as parent_record_key
        from {feed.staging().full_name} where "{event.event_time}" is not null"""
