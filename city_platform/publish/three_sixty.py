"""360: all that is known, by source, about one address or business, read from the operator's file.

Belongs here: finding what was asked for, and showing it. Does not belong here: the warehouse (nobody but a run opens
it).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from city_platform.city import load_city
from city_platform.entities.resolve import ADDRESS_SQL
from city_platform.rebuild import sql_file
from city_platform.settings import Settings
from city_platform.warehouse import read_published

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

SHOWN_MATCHES = 8
PIPED_WIDTH = 150  # columns, where the output is no terminal


def look_up(settings: Settings, what: str, newest: int) -> bool:
    """Print what is known about an address, a business, an id or a number; returns whether anything was found."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    con = read_published(settings.published / "operator.duckdb")
    try:
        city = load_city(settings.city_folder)
        addresses, businesses = _find(con, city.locale, city.name, what)
        if not addresses and not businesses:
            console.print(
                f"Nothing is known as “{what}”. Try a house number and street (1635 W DIVERSEY), a part of a "
                "business's name, a licence number, or an id that begins with a_ or b_."
            )
            return False
        if len(addresses) + len(businesses) > 1:
            _list_matches(console, con, addresses, businesses)
        for address_id in addresses[:1]:
            _show_address(console, con, address_id, newest)
        for business_id in businesses[:1]:
            _show_business(console, con, business_id, newest)
        return True
    finally:
        con.close()


def _find(con: duckdb.DuckDBPyConnection, locale: str, town: str, what: str) -> tuple[list[str], list[str]]:
    """Ids of addresses, or else of businesses, that fit, best first."""
    text = what.strip()
    moved = con.execute("select new_id from entity.redirect where old_id = ?", [text]).fetchone()
    text = str(moved[0]) if moved and moved[0] else text
    if text.startswith("a_"):
        return _ids(con, "select address_id from entity.address where address_id = ?", text), []
    if text.startswith("b_"):
        return [], _ids(con, "select business_id from entity.business where business_id = ?", text)
    by_number = _ids(
        con,
        "select distinct entity_id from entity.identifier where value = ? and entity_type = 'business' order by 1",
        text,
    )
    if by_number:
        return [], by_number
    addresses = _at(con, locale, town, text)
    if addresses:
        return addresses, []
    con.execute(sql_file("entities/standardise.sql"))
    by_name = _ids(
        con,
        "select business_id from entity.business where contains(name_key(name), name_key($1)) "
        "order by name_key(name) <> name_key($1), records desc, business_id limit 50",
        text,
    )
    return [], by_name


def _at(con: duckdb.DuckDBPyConnection, locale: str, town: str, text: str) -> list[str]:
    con.execute("create or replace temp table address_string as select ?::varchar as address_text", [text])
    con.execute("set variable city_name = ?", [town.upper()])
    con.execute(sql_file(ADDRESS_SQL[locale]))
    return [
        str(row[0])
        for row in con.execute(
            """select a.address_id from parsed_address as p
            join entity.address as a
                on a.level = 'site' and a.street = p.street
                and a.number_low <= p.number_high and a.number_high >= p.number_low
                and a.number_low % 2 = p.number_low % 2
                and (p.direction is null or a.direction is null or a.direction = p.direction)
                and (p.suffix is null or a.suffix is null or a.suffix = p.suffix)
            order by a.suffix is distinct from p.suffix, a.records desc, a.address_id"""
        ).fetchall()
    ]


def _ids(con: duckdb.DuckDBPyConnection, sql: str, value: str) -> list[str]:
    return [str(row[0]) for row in con.execute(sql, [value]).fetchall()]


def _list_matches(
    console: Console, con: duckdb.DuckDBPyConnection, addresses: list[str], businesses: list[str]
) -> None:
    total = len(addresses) + len(businesses)
    console.print(f"{total} match; the first is shown. To see another, ask for its id:")
    rows = con.execute(
        "select address_id, label from entity.address where list_contains($1, address_id) union all "
        "select b.business_id, concat_ws(', ', b.name, a.label) from entity.business b "
        "left join entity.address a using (address_id) where list_contains($2, b.business_id)",
        [addresses, businesses],
    ).fetchall()
    names = {str(i): str(n) for i, n in rows}
    for found in [*addresses, *businesses][:SHOWN_MATCHES]:
        console.print(f"  {found}  {names.get(found, '')}")
    if total > SHOWN_MATCHES:
        console.print(f"  … and {total - SHOWN_MATCHES} more")


def _show_address(console: Console, con: duckdb.DuckDBPyConnection, address_id: str, newest: int) -> None:
    row = con.execute(
        "select label, postcode, ward, lat, lon, located_by, located_within_m, records from entity.address "
        "where address_id = ?",
        [address_id],
    ).fetchone()
    if row is None:
        return
    label, postcode, ward, lat, lon, located_by, within, records = row
    console.rule(f"[bold]{label}[/bold]  {address_id}", align="left")
    console.print(f"postcode {postcode or '–'}   ward {ward or '–'}   {records:,} records")
    if lat is not None:
        console.print(f"at {lat:.6f}, {lon:.6f} (from {located_by}, within {within:,.0f} m)")
    _table(
        console,
        con,
        "Businesses here",
        'select b.business_id, b.name, coalesce(b.legal_name, b.private_name) as "legal name", b.status, '
        "b.first_seen, b.last_seen from entity.business b where b.address_id = ? order by b.last_seen desc, 1",
        [address_id],
        20,
    )
    _table(
        console,
        con,
        "Units here",
        "select address_id, unit, records from entity.address where parent_address_id = ? order by records desc, 1",
        [address_id],
        8,
    )
    _sources(console, con, "address", address_id)
    _events(console, con, "address_id", address_id, newest)


def _show_business(console: Console, con: duckdb.DuckDBPyConnection, business_id: str, newest: int) -> None:
    row = con.execute(
        "select b.name, coalesce(b.legal_name, b.private_name), a.label, a.address_id, b.status, b.first_seen, "
        "b.last_seen, b.records, b.organisation_id, o.sites from entity.business b left join entity.address a using (address_id) "
        "left join entity.organisation o using (organisation_id) where b.business_id = ?",
        [business_id],
    ).fetchone()
    if row is None:
        return
    name, legal, label, address_id, status, first, last, records, owner, sites = row
    console.rule(f"[bold]{name}[/bold]  {business_id}", align="left")
    console.print(
        f"at {label or '–'} {address_id or ''}   {status}   seen {first} to {last} in {records:,} records"
    )
    if owner:
        console.print(f"owner {legal or '–'} {owner} with {sites:,} site(s)")
    _table(
        console,
        con,
        "Numbers",
        'select scheme, value, feed, known_time::date as "known since", '
        "case when is_collision then 'stands for others too: proves nothing alone' else '' end as note "
        "from entity.identifier where entity_type = 'business' and entity_id = ? order by scheme, value, feed",
        [business_id],
        20,
    )
    _table(
        console,
        con,
        "Scores",
        'select s.case_id as "case", s.as_of, round(s.score, 3) as score, s.rank, s.band, '
        "coalesce('on the list: ' || w.selection, '') as worklist, s.feeds_missing as \"feeds missing\" "
        "from risk.score s left join risk.worklist w on w.case_id = s.case_id and w.as_of = s.as_of "
        "and w.unit_id = s.unit_id where s.unit_id = ? order by s.as_of desc",
        [business_id],
        5,
    )
    _table(
        console,
        con,
        "Reasons",
        'select text as reason, round(points, 2) as points, evidence as "proved by" from risk.reason '
        "where unit_id = ? and as_of = (select max(as_of) from risk.reason where unit_id = $1) order by position",
        [business_id],
        5,
    )
    _sources(console, con, "business", business_id)
    _events(console, con, "business_id", business_id, newest)


def _sources(console: Console, con: duckdb.DuckDBPyConnection, entity_type: str, entity_id: str) -> None:
    _table(
        console,
        con,
        "Known from",
        'select feed, role, method, evidence, count(*) as records, min(known_time)::date as "first known", '
        'max(known_time)::date as "last known" from entity.link where entity_type = ? and entity_id = ? '
        "group by all order by feed, role, method, evidence",
        [entity_type, entity_id],
        20,
    )


def _events(
    console: Console, con: duckdb.DuckDBPyConnection, column: str, entity_id: str, newest: int
) -> None:
    _table(
        console,
        con,
        "Newest events",
        f"""select e.event_time::date as day, e.event_type as event, e.outcome, e.detail, e.feed || ':' || e.record_key as record,
            (select string_agg(v.outcome, ', ' order by try_cast(v.outcome as integer), v.outcome) from entity.event v
                where v.parent_event_id = e.event_id) as "parts"
        from entity.event e where e.{column} = ? and e.parent_event_id is null order by e.event_time desc, 2""",
        [entity_id],
        newest,
    )


def _table(
    console: Console, con: duckdb.DuckDBPyConnection, title: str, sql: str, values: list[Any], at_most: int
) -> None:
    from rich import box
    from rich.table import Table

    found = con.execute(sql, values)
    names = [d[0] for d in found.description or []]
    rows = found.fetchall()
    if not rows:
        return
    shown = Table(
        *names, title=f"{title} ({len(rows):,})", title_justify="left", box=box.SIMPLE, pad_edge=False
    )
    for row in rows[:at_most]:
        shown.add_row(*("" if v is None else str(v) for v in row))
    console.print(shown)
    if len(rows) > at_most:
        console.print(f"  … and {len(rows) - at_most:,} more")
