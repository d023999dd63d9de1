"""360: all that is known, by source, about one address, business or person, read from the operator's file.

Belongs here: finding what was asked for, and showing it. Does not belong here: the warehouse (nobody but a run opens
it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from city_platform.city import load_city
from city_platform.entities.parsed import read_addresses
from city_platform.rebuild import sql_file
from city_platform.settings import Settings
from city_platform.warehouse import read_published

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

SHOWN_MATCHES = 8
# Addresses that fit temp parsed_address, best first.
LOOK_UP = {
    "en_US": """select a.address_id from parsed_address as p
        join entity.address as a
            on a.level = 'site' and a.street = p.street
            and a.number_low <= p.number_high and a.number_high >= p.number_low
            and a.number_low % 2 = p.number_low % 2
            and (p.direction is null or a.direction is null or a.direction = p.direction)
            and (p.suffix is null or a.suffix is null or a.suffix = p.suffix)
        order by a.suffix is distinct from p.suffix, a.records desc, a.address_id""",
    # A number and a street, a name, or a postcode alone; with a flat, that flat before its building.
    "en_GB": """select a.address_id from parsed_address as p
        join entity.address as a
            on (p.number_low is null or (a.number_low <= p.number_high and a.number_high >= p.number_low))
            and (p.number_low is not null or p.premises is null or a.premises = p.premises)
            and (p.number_suffix is null or a.number_suffix = p.number_suffix)
            and (p.street is null or a.street = p.street)
            and (p.zip is null or a.postcode = p.zip)
            and (a.unit = p.unit or a.level = 'site')
        where (p.number_low is not null and p.street is not null) or p.premises is not null or p.zip is not null
        order by a.unit is distinct from p.unit, a.number_suffix is distinct from p.number_suffix,
            a.lifecycle = 'historical' nulls first, a.records desc, a.address_id""",
}
PIPED_WIDTH = 150  # columns, where the output is no terminal
BORN = re.compile(r"^(?P<name>.*?)[ ,]+(?P<born>\d{4}-\d\d-\d\d)$")


@dataclass
class Matches:
    """Ids of what fits, best first."""

    addresses: list[str] = field(default_factory=list)
    businesses: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.addresses) + len(self.businesses) + len(self.people)


def look_up(settings: Settings, what: str, newest: int) -> bool:
    """Print what is known about an address, a business, a person, an id or a number; returns whether anything was found."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=PIPED_WIDTH)
    con = read_published(settings.published / "operator.duckdb")
    try:
        city = load_city(settings.city_folder)
        found = _find(con, city.locale, city.name, what)
        if not found:
            console.print(
                f"Nothing is known as “{what}”. Try a house number and street (1635 W DIVERSEY), a part of a "
                "business's name, a licence number, a person's name and date of birth (JANE SMITH 1980-02-03), or an "
                "id that begins with a_, b_ or p_."
            )
            return False
        if len(found) > 1:
            _list_matches(console, con, found)
        for address_id in found.addresses[:1]:
            _show_address(console, con, address_id, newest)
        for business_id in found.businesses[:1]:
            _show_business(console, con, business_id, newest)
        for person_id in [] if found.businesses else found.people[:1]:
            _show_person(console, con, person_id, newest)
        return True
    finally:
        con.close()


def _find(con: duckdb.DuckDBPyConnection, locale: str, town: str, what: str) -> Matches:
    """Addresses that fit, or else businesses and people."""
    text = what.strip()
    moved = con.execute("select new_id from entity.redirect where old_id = ?", [text]).fetchone()
    text = str(moved[0]) if moved and moved[0] else text
    if text.startswith("a_"):
        return Matches(_ids(con, "select address_id from entity.address where address_id = ?", text))
    if text.startswith("b_"):
        return Matches(
            businesses=_ids(con, "select business_id from entity.business where business_id = ?", text)
        )
    if text.startswith("p_"):
        return Matches(people=_ids(con, "select person_id from entity.person where person_id = ?", text))
    con.execute(sql_file("entities/person_standardise.sql"))
    if BORN.match(text):
        return Matches(people=_people(con, text))
    by_number = _ids(
        con,
        "select distinct entity_id from entity.identifier where value = ? and entity_type = 'business' order by 1",
        text,
    )
    if by_number:
        return Matches(businesses=by_number)
    people_by_number = _ids(
        con,
        "select distinct entity_id from entity.identifier where value = number_key(?) and entity_type = 'person' "
        "order by 1",
        text,
    )
    if people_by_number:
        return Matches(people=people_by_number)
    by_uprn = _ids(
        con,
        "select distinct entity_id from entity.identifier where value = ? and entity_type = 'address' order by 1",
        text,
    )
    addresses = by_uprn or _at(con, locale, town, text)
    if addresses:
        return Matches(addresses)
    con.execute(sql_file("entities/standardise.sql"))
    by_name = _ids(
        con,
        "select business_id from entity.business where contains(name_key(name), name_key($1)) "
        "order by name_key(name) <> name_key($1), records desc, business_id limit 50",
        text,
    )
    return Matches(businesses=by_name, people=_people(con, text))


def _people(con: duckdb.DuckDBPyConnection, text: str) -> list[str]:
    """People of a name in either order, and of a date of birth where one follows it."""
    said = BORN.match(text)
    name, born = (said["name"], said["born"]) if said else (text, None)
    rows = con.execute(
        """with asked as (
            select string_split(person_words($1), ' ') as words, replace(person_words($1), ' ', '') as joined,
                try_cast($2 as date) as born
        ),
        called as (
            select *, split_part(person_words(given_name), ' ', 1) as given_key,
                replace(person_words(family_name), ' ', '') as family_key
            from entity.person
        )
        select p.person_id from called as p, asked as a
        where (family_key = a.joined or (list_contains(a.words, given_key)
                and (starts_with(a.joined, family_key) or ends_with(a.joined, family_key))
                and length(given_key) + length(family_key) <= length(a.joined)))
            and ($2 is null or p.date_of_birth = a.born)
        order by given_key is distinct from a.words[1], p.records desc, p.person_id limit 50""",
        [name, born],
    ).fetchall()
    return [str(row[0]) for row in rows]


def _at(con: duckdb.DuckDBPyConnection, locale: str, town: str, text: str) -> list[str]:
    con.execute("create or replace temp table address_string as select ?::varchar as address_text", [text])
    con.execute("set variable city_name = ?", [town.upper()])
    for name, known in (("place_name(name)", "locality"), ("known_street(street)", "street")):
        con.execute(
            f"create or replace temp table {name} as "
            f"select distinct {known} from entity.address where {known} is not null"
        )
    con.execute("insert into place_name values (?)", [town])
    read_addresses(con, locale)
    return [str(row[0]) for row in con.execute(LOOK_UP[locale]).fetchall()]


def _ids(con: duckdb.DuckDBPyConnection, sql: str, value: str) -> list[str]:
    return [str(row[0]) for row in con.execute(sql, [value]).fetchall()]


def _list_matches(console: Console, con: duckdb.DuckDBPyConnection, matches: Matches) -> None:
    total = len(matches)
    console.print(f"{total} match; the first is shown. To see another, ask for its id:")
    rows = con.execute(
        "select address_id, label from entity.address where list_contains($1, address_id) union all "
        "select b.business_id, concat_ws(', ', b.name, a.label) from entity.business b "
        "left join entity.address a using (address_id) where list_contains($2, b.business_id) union all "
        "select p.person_id, concat_ws(', ', concat_ws(' ', p.given_name, p.family_name), 'born ' || p.date_of_birth, "
        "a.label) from entity.person p left join entity.address a using (address_id) "
        "where list_contains($3, p.person_id)",
        [matches.addresses, matches.businesses, matches.people],
    ).fetchall()
    names = {str(i): str(n) for i, n in rows}
    for found in [*matches.addresses, *matches.businesses, *matches.people][:SHOWN_MATCHES]:
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
        "People known here",
        """select p.person_id, concat_ws(' ', p.given_name, p.family_name) as name, year(p.date_of_birth) as born,
            string_agg(distinct r.feed, ', ' order by r.feed) as "known from",
            max(coalesce(r.valid_to, r.known_time::date)) as "last seen", p.died_on as died
        from entity.relationship r
        join entity.person p on p.person_id = r.subject_id
        where r.subject_type = 'person' and r.role = 'lives_at' and r.object_id in (
            select address_id from entity.address where $1 in (address_id, parent_address_id))
        group by p.person_id, name, born, died order by "last seen" desc, p.person_id""",
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


def _show_person(console: Console, con: duckdb.DuckDBPyConnection, person_id: str, newest: int) -> None:
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
    _table(
        console,
        con,
        "Numbers",
        'select scheme, value, feed, known_time::date as "known since", '
        "case when is_collision then 'stands for others too: proves nothing alone' else '' end as note "
        "from entity.identifier where entity_type = 'person' and entity_id = ? order by scheme, value, feed",
        [person_id],
        20,
    )
    _table(
        console,
        con,
        "Called",
        'select attribute, private_value as value, feed, count(*) as records, max(known_time)::date as "last known" '
        "from entity.attribute where entity_type = 'person' and entity_id = ? group by all order by all",
        [person_id],
        20,
    )
    _table(
        console,
        con,
        "Has to do with",
        "select r.role, coalesce(a.label, o.name, o.private_name) as what, r.object_id as id, "
        'min(r.valid_from) as "from", max(r.valid_to) as "to", r.feed, count(*) as records from entity.relationship r '
        "left join entity.address a on a.address_id = r.object_id "
        "left join entity.organisation o on o.organisation_id = r.object_id "
        "where r.subject_type = 'person' and r.subject_id = ? group by all order by r.role, 4 desc nulls last, 3, r.feed",
        [person_id],
        20,
    )
    _sources(console, con, "person", person_id)
    _events(console, con, "person_id", person_id, newest)


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
