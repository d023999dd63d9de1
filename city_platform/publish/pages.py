"""Pages: what 360 shows of one address, business, owner or person: who has to do with it, since when, and on what evidence.

Belongs here: the tables and their order. Does not belong here: finding what was asked for (three_sixty.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from city_platform.shown import plain_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

MANY, FEW, ALL = 20, 8, 200  # rows of a table that are shown
# The subject or object of a relationship, in words.
NAME = """coalesce(
    (select concat_ws(' ', p.given_name, p.family_name) || coalesce(', born ' || year(p.date_of_birth), '') from entity.person p where p.person_id = {id}),
    (select coalesce(o.name, o.private_name) from entity.organisation o where o.organisation_id = {id}),
    (select b.name from entity.business b where b.business_id = {id}),
    (select a.label from entity.address a where a.address_id = {id}),
    '(no name)')"""
# What was at one place: a site with the parts of it, or the part.
PLACE = "(select address_id from entity.address where $1 in (address_id, parent_address_id))"


def show_address(console: Console, con: duckdb.DuckDBPyConnection, address_id: str, newest: int) -> None:
    row = con.execute(
        "select a.label, a.postcode, a.ward, a.lat, a.lon, a.located_by, a.located_within_m, a.records, a.level, "
        "a.parent_address_id, p.label from entity.address a left join entity.address p "
        "on p.address_id = a.parent_address_id where a.address_id = ?",
        [address_id],
    ).fetchone()
    if row is None:
        return
    label, postcode, ward, lat, lon, located_by, within, records, level, parent, parent_label = row
    console.rule(f"[bold]{label}[/bold]  {address_id}", align="left")
    console.print(f"{level}   postcode {postcode or '–'}   ward {ward or '–'}   {records:,} records")
    if parent:
        console.print(f"part of {parent_label} {parent}")
    if lat is not None:
        console.print(f"at {lat:.6f}, {lon:.6f} (from {located_by}, within {within:,.0f} m)")
    _earlier(console, con, address_id)
    _numbers(console, con, "address", address_id)
    _table(
        console,
        con,
        "Businesses here",
        'select b.business_id, b.name, coalesce(b.legal_name, b.private_name) as "legal name", b.status, '
        f"b.first_seen, b.last_seen from entity.business b where b.address_id in {PLACE} order by b.last_seen desc, 1",
        [address_id],
        MANY,
    )
    _table(
        console,
        con,
        "People known here",
        f"""select p.person_id, concat_ws(' ', p.given_name, p.family_name) as name, year(p.date_of_birth) as born,
            string_agg(distinct r.feed, ', ' order by r.feed) as "known from",
            max(coalesce(r.valid_to, r.known_time::date)) as "last seen", p.died_on as died
        from entity.relationship r
        join entity.person p on p.person_id = r.subject_id
        where r.subject_type = 'person' and r.role = 'lives_at' and r.object_id in {PLACE}
        group by p.person_id, name, born, died order by "last seen" desc, p.person_id""",
        [address_id],
        MANY,
    )
    # An owner of a business that trades here has to do with the place too.
    _table(
        console,
        con,
        "Who owns, pays for or has otherwise to do with it",
        f"""with claimed as (
            select role, subject_id, valid_from, valid_to, known_time, feed, record_key from entity.relationship
            where object_type = 'address' and object_id in {PLACE} and role not in ('lives_at', 'trades_at')
            union all
            select 'owner of a business here', r.subject_id, r.valid_from, r.valid_to, r.known_time, r.feed, r.record_key
            from entity.relationship as r join entity.business as b on b.business_id = r.object_id
            where r.object_type = 'business' and b.address_id in {PLACE}
        )
        select replace(role, '_', ' ') as role, {NAME.format(id="subject_id")} as who, subject_id as id, min(valid_from) as "from",
            case when count(valid_to) = count(*) then max(valid_to) end as "to", string_agg(distinct feed, ', ' order by feed) as "known from",
            count(*) as records
        from claimed group by role, subject_id order by 4 desc nulls last, role, subject_id""",
        [address_id],
        MANY,
    )
    _table(
        console,
        con,
        "Units here",
        "select address_id, unit, records from entity.address where parent_address_id = ? order by records desc, 1",
        [address_id],
        FEW,
    )
    _sources(console, con, "address", address_id)
    _events(console, con, f"e.address_id in {PLACE}", address_id, newest)


def show_business(console: Console, con: duckdb.DuckDBPyConnection, business_id: str, newest: int) -> None:
    row = con.execute(
        "select b.name, coalesce(b.legal_name, b.private_name), a.label, a.address_id, b.status, b.first_seen, "
        "b.last_seen, b.records, b.organisation_id, coalesce(o.name, o.private_name), o.sites from entity.business b "
        "left join entity.address a using (address_id) "
        "left join entity.organisation o using (organisation_id) where b.business_id = ?",
        [business_id],
    ).fetchone()
    if row is None:
        return
    name, legal, label, address_id, status, first, last, records, owner, owner_name, sites = row
    console.rule(f"[bold]{name}[/bold]  {business_id}", align="left")
    console.print(
        f"at {label or '–'} {address_id or ''}   {status}   seen {first} to {last} in {records:,} records"
    )
    if owner:
        console.print(f"owner {owner_name or legal or '–'} {owner} with {sites:,} site(s)")
    _earlier(console, con, business_id)
    _numbers(console, con, "business", business_id)
    _called(console, con, "business", business_id)
    _scores(console, con, business_id)
    _sources(console, con, "business", business_id)
    _events(console, con, "e.business_id = $1", business_id, newest)


def show_organisation(console: Console, con: duckdb.DuckDBPyConnection, owner: str, newest: int) -> None:
    row = con.execute(
        "select coalesce(name, private_name), company_number, sites from entity.organisation where organisation_id = ?",
        [owner],
    ).fetchone()
    if row is None:
        return
    name, number, sites = row
    console.rule(f"[bold]{name or '(no name)'}[/bold]  {owner}", align="left")
    console.print(f"an owner with {sites:,} site(s)" + (f"   company number {number}" if number else ""))
    _earlier(console, con, owner)
    _numbers(console, con, "organisation", owner)
    _called(console, con, "organisation", owner)
    _portfolio(console, con, owner)
    _table(
        console,
        con,
        "Who has to do with it",
        f"""select replace(role, '_', ' ') as role, {NAME.format(id="subject_id")} as who, subject_id as id,
            min(valid_from) as "from", max(valid_to) as "to", feed, count(*) as records
        from entity.relationship where object_id = ? group by role, subject_id, feed order by 4 desc nulls last, 1, 3, feed""",
        [owner],
        MANY,
    )
    _sources(console, con, "organisation", owner)
    _events(console, con, "e.organisation_id = $1", owner, newest)


def show_person(console: Console, con: duckdb.DuckDBPyConnection, person_id: str, newest: int) -> None:
    row = con.execute(
        "select concat_ws(' ', p.given_name, p.family_name), p.date_of_birth, p.date_of_birth_precision, p.died_on, "
        "p.records, a.address_id, a.label from entity.person p left join entity.address a using (address_id) "
        "where p.person_id = ?",
        [person_id],
    ).fetchone()
    if row is None:
        return
    name, born, precision, died, records, address_id, label = row
    console.rule(f"[bold]{name or '(no name)'}[/bold]  {person_id}", align="left")
    shown = str(born)[: {"day": 10, "month": 7, "year": 4}[precision]] if born else "–"
    console.print(f"born {shown}" + (f"   died {died}" if died else "") + f"   {records:,} records")
    console.print(f"lives at {label or '–'} {address_id or ''}")
    _earlier(console, con, person_id)
    _numbers(console, con, "person", person_id)
    _called(console, con, "person", person_id)
    _portfolio(console, con, person_id)
    _scores(console, con, person_id)
    _sources(console, con, "person", person_id)
    _events(console, con, "e.person_id = $1", person_id, newest)


SHOW: dict[str, Callable[[Console, duckdb.DuckDBPyConnection, str, int], None]] = {
    "a": show_address,
    "b": show_business,
    "o": show_organisation,
    "p": show_person,
}


def _portfolio(console: Console, con: duckdb.DuckDBPyConnection, subject: str) -> None:
    """All that somebody owns, pays for, lives at or trades from; of a business, its address too."""
    _table(
        console,
        con,
        "Has to do with",
        f"""with claimed as (
            select role, object_id, valid_from, valid_to, feed, record_key from entity.relationship where subject_id = $1
        )
        select replace(c.role, '_', ' ') as role, {NAME.format(id="c.object_id")} as what, c.object_id as id, b.label as "at",
            min(c.valid_from) as "from", case when count(c.valid_to) = count(*) then max(c.valid_to) end as "to",
            string_agg(distinct c.feed, ', ' order by c.feed) as "known from", count(*) as records
        from claimed as c
        left join (select business_id, a.label from entity.business join entity.address as a using (address_id)) as b
            on b.business_id = c.object_id
        group by c.role, c.object_id, b.label order by c.role, 6 desc nulls first, 5 desc nulls last, 3""",
        [subject],
        ALL,
    )


def _earlier(console: Console, con: duckdb.DuckDBPyConnection, entity_id: str) -> None:
    """Ids that were merged into this one."""
    rows = con.execute(
        """with recursive earlier as (
            select old_id from entity.redirect where new_id = $1
            union
            select r.old_id from entity.redirect as r join earlier as e on r.new_id = e.old_id
        )
        select old_id from earlier order by 1""",
        [entity_id],
    ).fetchall()
    if rows:
        more = f" and {len(rows) - FEW} more" if len(rows) > FEW else ""
        console.print(f"formerly {', '.join(str(r[0]) for r in rows[:FEW])}{more}")


def _numbers(console: Console, con: duckdb.DuckDBPyConnection, entity_type: str, entity_id: str) -> None:
    _table(
        console,
        con,
        "Numbers",
        "select scheme, value, string_agg(distinct feed, ', ' order by feed) as \"known from\", "
        'min(known_time)::date as "known since", '
        "case when bool_or(is_collision) then 'stands for others too: proves nothing alone' else '' end as note "
        "from entity.identifier where entity_type = ? and entity_id = ? group by scheme, value order by scheme, value",
        [entity_type, entity_id],
        MANY,
    )


def _called(console: Console, con: duckdb.DuckDBPyConnection, entity_type: str, entity_id: str) -> None:
    """What records claim of it; what is shown above is marked."""
    _table(
        console,
        con,
        "Called",
        "select replace(attribute, '_', ' ') as \"what\", coalesce(value, private_value) as value, "
        "case when bool_or(is_canonical) then 'shown' else '' end as note, string_agg(distinct feed, ', ' order by feed) "
        'as "known from", count(*) as records, max(known_time)::date as "last known" from entity.attribute '
        "where entity_type = ? and entity_id = ? group by 1, 2 order by 1, 3 desc, records desc, 2",
        [entity_type, entity_id],
        MANY,
    )


def _scores(console: Console, con: duckdb.DuckDBPyConnection, unit_id: str) -> None:
    """On which worklists it stands, how high, and why."""
    if not con.execute("select 1 from duckdb_tables() where schema_name = 'risk' limit 1").fetchone():
        return
    _table(
        console,
        con,
        "Scores",
        'select s.case_id as "case", s.as_of, round(s.score, 3) as score, s.rank, s.band, '
        "coalesce('on the list: ' || w.selection, '') as worklist, s.feeds_missing as \"feeds missing\" "
        "from risk.score s left join risk.worklist w on w.case_id = s.case_id and w.as_of = s.as_of "
        "and w.unit_id = s.unit_id where s.unit_id = ? order by s.as_of desc",
        [unit_id],
        5,
    )
    _table(
        console,
        con,
        "Reasons",
        'select text as reason, round(points, 2) as points, evidence as "proved by" from risk.reason '
        "where unit_id = ? and as_of = (select max(as_of) from risk.reason where unit_id = $1) order by position",
        [unit_id],
        5,
    )


def _sources(console: Console, con: duckdb.DuckDBPyConnection, entity_type: str, entity_id: str) -> None:
    """By source: how its records were linked, how sure that is, and one of them to ask `explain` about."""
    _table(
        console,
        con,
        "What the links rest on",
        "select feed, role, method, evidence, case when min(probability) < 1 then "
        "case when min(probability) > 0.9995 then 'over 0.999' else round(min(probability), 3)::varchar end else '1' end "
        'as "least sure", count(*) as records, min(record_key) as "such as", '
        'min(known_time)::date as "first known", max(known_time)::date as "last known" from entity.link '
        "where entity_type = ? and entity_id = ? group by feed, role, method, evidence order by feed, role, method, evidence",
        [entity_type, entity_id],
        MANY,
    )


def _events(
    console: Console, con: duckdb.DuckDBPyConnection, which: str, entity_id: str, newest: int
) -> None:
    """The newest events of every source, the newest first."""
    _table(
        console,
        con,
        "Newest events",
        f"""select e.event_time::date as day, e.event_type as event, e.outcome, e.detail, e.feed || ':' || e.record_key as record,
            (select string_agg(v.outcome, ', ' order by try_cast(v.outcome as integer), v.outcome) from entity.event v
                where v.parent_event_id = e.event_id) as "parts"
        from entity.event e where {which} and e.parent_event_id is null order by e.event_time desc, 2, 5""",
        [entity_id],
        newest,
    )


def _table(
    console: Console, con: duckdb.DuckDBPyConnection, title: str, sql: str, values: list[Any], at_most: int
) -> None:
    from rich.markup import escape

    found = con.execute(sql, values)
    names = [d[0] for d in found.description or []]
    rows = found.fetchall()
    if not rows:
        return
    shown = plain_table(f"{title} ({len(rows):,})", names)
    for row in rows[:at_most]:
        shown.add_row(*("" if v is None else escape(str(v)) for v in row))
    console.print(shown)
    if len(rows) > at_most:
        console.print(f"  … and {len(rows) - at_most:,} more")
