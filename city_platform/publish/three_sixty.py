"""360: all that is known, by source, about one address, business, owner or person, read from the operator's file.

Belongs here: finding what was asked for. Does not belong here: what is shown of it (pages.py), the warehouse (nobody but a
run opens it).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from city_platform.city import load_city
from city_platform.entities.decide import DecideError
from city_platform.entities.explain import today
from city_platform.entities.parsed import read_addresses
from city_platform.publish.pages import SHOW
from city_platform.rebuild import sql_file
from city_platform.settings import Settings
from city_platform.shown import console as shown_console
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
BORN = re.compile(r"^(?P<name>.*?)[ ,]+(?P<born>\d{4}-\d\d-\d\d)$")


@dataclass
class Matches:
    """Ids of what fits, best first."""

    addresses: list[str] = field(default_factory=list)
    businesses: list[str] = field(default_factory=list)
    organisations: list[str] = field(default_factory=list)
    people: list[str] = field(default_factory=list)

    def ids(self) -> list[str]:
        return [*self.addresses, *self.businesses, *self.organisations, *self.people]

    def __len__(self) -> int:
        return len(self.ids())


def look_up(settings: Settings, what: str, newest: int) -> bool:
    """Print what is known about an address, a business, a person, an id or a number; returns whether anything was found."""
    console = shown_console()
    con = read_published(settings.published / "operator.duckdb")
    try:
        city = load_city(settings.city_folder)
        asked = what.strip()
        try:
            now = today(con, asked)
        except DecideError as error:
            console.print(str(error))
            return False
        if now != asked:
            console.print(f"{asked} is {now} today.")
        found = _find(con, city.locale, city.name, now)
        if not found:
            console.print(
                f"Nothing is known as “{what}”. Try a house number and street (1635 W DIVERSEY), a part of a "
                "business's or an owner's name, a licence number, a person's name and date of birth "
                "(JANE SMITH 1980-02-03), or an id that begins with a_, b_, o_ or p_."
            )
            return False
        if len(found) > 1:
            _list_matches(console, con, found)
        first = found.ids()[0]
        SHOW[first[0]](console, con, first, newest)
        return True
    finally:
        con.close()


def _find(con: duckdb.DuckDBPyConnection, locale: str, town: str, what: str) -> Matches:
    """Addresses that fit, or else businesses and people."""
    text = what.strip()
    if text.startswith("a_"):
        return Matches(_ids(con, "select address_id from entity.address where address_id = ?", text))
    if text.startswith("b_"):
        return Matches(
            businesses=_ids(con, "select business_id from entity.business where business_id = ?", text)
        )
    if text.startswith("o_"):
        return Matches(
            organisations=_ids(
                con, "select organisation_id from entity.organisation where organisation_id = ?", text
            )
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
    owners_by_number = _ids(
        con,
        "select distinct entity_id from entity.identifier where value = ? and entity_type = 'organisation' order by 1",
        text,
    )
    if owners_by_number:
        return Matches(organisations=owners_by_number)
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
    owners = _ids(
        con,
        "select organisation_id from entity.organisation "
        "where contains(name_key(coalesce(name, private_name)), name_key($1)) "
        "order by name_key(coalesce(name, private_name)) <> name_key($1), sites desc, organisation_id limit 50",
        text,
    )
    return Matches(businesses=by_name, organisations=owners, people=_people(con, text))


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
        "left join entity.address a using (address_id) where list_contains($1, b.business_id) union all "
        "select organisation_id, concat_ws(', ', coalesce(name, private_name), 'owner of ' || sites || ' site(s)') "
        "from entity.organisation where list_contains($1, organisation_id) union all "
        "select p.person_id, concat_ws(', ', concat_ws(' ', p.given_name, p.family_name), 'born ' || p.date_of_birth, "
        "a.label) from entity.person p left join entity.address a using (address_id) "
        "where list_contains($1, p.person_id)",
        [matches.ids()],
    ).fetchall()
    names = {str(i): str(n) for i, n in rows}
    for found in matches.ids()[:SHOWN_MATCHES]:
        console.print(f"  {found}  {names.get(found, '')}")
    if total > SHOWN_MATCHES:
        console.print(f"  … and {total - SHOWN_MATCHES} more")
