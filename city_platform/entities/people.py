"""People: says in one shape what the records of every feed claim about the people that they name.

Belongs here: SQL made from the feeds' people, nicknames and other letters, what is lost in reading names, and people's
own check. Does not belong here: standardising (person_standardise.sql), comparing (models/person.yaml).
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.entities.observe import add_row_hash, record_known_time_sql
from city_platform.feeds.declaration import Feed, PersonRole
from city_platform.rebuild import Budget, made_with, sql_file
from city_platform.tables import Check, quote_text

if TYPE_CHECKING:
    import duckdb

NICKNAMES = Path(__file__).parent / "nicknames.csv"  # beside those of the package nicknames
TEXTS = ("title", "given_name", "middle_name", "family_name", "full_name")
TYPES = {
    "feed": "varchar",
    "record_key": "varchar",
    "role": "varchar",
    "known_time": "timestamp",
    "received": "date",
    "lives_here": "boolean",
    "listed_once": "boolean",
    **{name: "varchar" for name in TEXTS},
    "name_order": "varchar",
    "birth_day": "date",
    "birth_year": "integer",
    "birth_month": "integer",
    "born_from": "date",
    "born_by": "date",
    "died_on": "date",
    "number_scheme": "varchar",
    "number": "varchar",
    "valid_from": "date",
    "valid_to": "date",
}


def observe_people(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], code: str = "") -> list[Budget]:
    """Bring entity.person_observation up to staging; returns how many records of each feed and role name somebody.

    code: as of observe.observe. Only records that claim something new are standardised.
    """
    if not made_with(con, "entity.person_observation", code):
        con.execute("delete from entity.person_observation")
    con.execute(sql_file("entities/person_standardise.sql"))
    columns = ", ".join(f"{name} {type_}" for name, type_ in TYPES.items())
    con.execute(f"create or replace temp table person_stated ({columns})")
    for feed in feeds:
        for person in feed.people:
            con.execute(f"insert into person_stated by name {_claims(feed, person)}")
    con.execute(
        f"""create or replace temp table person_stated as
        select *, hash({", ".join(TYPES)}) as claim_hash from person_stated"""
    )
    con.execute(
        """create or replace temp table person_claim as
        select c.* from person_stated as c where not exists (
            select 1 from entity.person_observation as o
            where o.feed = c.feed and o.record_key = c.record_key and o.role = c.role and o.claim_hash = c.claim_hash
        )"""
    )
    con.execute(
        """delete from entity.person_observation as o where not exists (
            select 1 from person_stated as c
            where c.feed = o.feed and c.record_key = o.record_key and c.role = o.role and c.claim_hash = o.claim_hash
        )"""
    )
    read_nicknames(con)
    _read_other_letters(con)
    con.execute(sql_file("entities/person_observation.sql"))
    add_row_hash(con, "person_observed")
    con.execute("insert into entity.person_observation by name from person_observed")
    rows = con.execute(
        "select feed, role, count(coalesce(given_name, family_name, number)), count(*) filter (not is_placeholder and "
        "coalesce(given_key, family_key, number) is not null) from entity.person_observation group by all order by all"
    ).fetchall()
    reason = "a name that stands for nobody, or for a company"
    return [Budget(f"{role} named", str(feed), int(n), int(named), reason) for feed, role, n, named in rows]


def read_nicknames(con: duckdb.DuckDBPyConnection) -> None:
    """Make temp given_root(given, roots): each given name or short form, and the whole names that it may stand for."""
    from nicknames import name_triplets

    known = {(t.name1.upper(), t.name2.upper()) for t in name_triplets() if t.relationship == "has_nickname"}
    with NICKNAMES.open(encoding="utf-8", newline="") as lines:
        known |= {(row["name"], row["nickname"]) for row in csv.DictReader(lines)}
    roots: dict[str, set[str]] = {}
    for name, nickname in known:
        for given in (name, nickname):
            roots.setdefault(given, set()).add(name)
    con.execute("create or replace temp table given_root (given varchar, roots varchar[])")
    names = sorted(roots)
    con.execute(
        "insert into given_root select unnest(?), unnest(?)", [names, [sorted(roots[name]) for name in names]]
    )


def _read_other_letters(con: duckdb.DuckDBPyConnection) -> None:
    """Make temp latin_name(written, latin) of the names that hold letters which are no Latin ones with accents."""
    from anyascii import anyascii

    con.execute("create or replace temp table latin_name (written varchar, latin varchar)")
    columns = ", ".join(name for name in TEXTS if name != "title")
    found = con.execute(
        f"""select distinct written from (unpivot (select {columns} from person_claim) on {columns} into name part value written)
        where regexp_matches(strip_accents(written), '[^\\x00-\\x7F]') and regexp_matches(written, '\\pL') order by 1"""
    ).fetchall()
    if found:
        written = [str(name) for (name,) in found]
        con.execute(
            "insert into latin_name select unnest(?), unnest(?)",
            [written, [anyascii(name) for name in written]],
        )


def person_checks() -> list[tuple[str, Check]]:
    """A person is linked only in a role that the record's feed declares."""
    return [
        (
            "entity.link",
            Check(
                "people_are_in_declared_roles",
                "select count(*) from entity.link where case entity_type when 'address' then role not in ('site', 'unit') "
                "when 'business' then role <> 'business' when 'organisation' then role <> 'owner' else (feed, role) "
                "not in (select (feed, role) from entity.person_observation) end",
                "links are in a role that no feed declares",
            ),
        )
    ]


def _claims(feed: Feed, person: PersonRole) -> str:
    columns = {
        "feed": quote_text(feed.id),
        "record_key": "record_key",
        "role": quote_text(person.role),
        "known_time": record_known_time_sql(feed),
        "received": "first_seen::date",
        "lives_here": _lives_here(person),
        "listed_once": str(person.listed_once).lower(),
        "name_order": quote_text(person.order) if person.order else None,
        "birth_month": _whole_number(person.birth_month),
        "birth_year": _whole_number(person.birth_year),
        **_ages(person),
        "died_on": _day(person.date_of_death),
        "valid_from": _day(person.valid_from),
        "valid_to": _day(person.valid_to),
    }
    for name in TEXTS:
        column = getattr(person, name)
        columns[name] = f"nullif(trim(\"{column}\"::varchar), '')" if column else None
    if person.date_of_birth:
        is_text = feed.columns[person.date_of_birth].type == "text"
        born = f'"{person.date_of_birth}"'
        columns["birth_day"] = f"read_day({born})" if is_text else f"{born}::date"
        if is_text:  # it may tell the year only, or year and month
            columns["birth_year"] = f"try_cast(regexp_extract({born}, '^\\d{{4}}') as integer)"
            columns["birth_month"] = f"try_cast(regexp_extract({born}, '^\\d{{4}}-(\\d\\d)$', 1) as integer)"
    if person.number:
        number = f'"{person.number.column}"::varchar'
        listed = ", ".join(quote_text(p) for p in person.number.placeholders)
        columns["number_scheme"] = quote_text(person.number.scheme)
        columns["number"] = f"case when {number} not in ({listed}) then {number} end" if listed else number
    listed = ", ".join(f"{value} as {name}" for name, value in columns.items() if value is not None)
    return f"select {listed} from {feed.staging().full_name}"


def _lives_here(person: PersonRole) -> str:
    if isinstance(person.lives_here, bool):
        return str(person.lives_here).lower()
    listed = ", ".join(quote_text(value) for value in person.lives_here.values)
    return f'coalesce("{person.lives_here.column}"::varchar in ({listed}), false)'


def _ages(person: PersonRole) -> dict[str, str]:
    """Between which days whoever has this role was born, as far as the role tells."""
    last = f'least("{person.valid_to}"::date, first_seen::date)' if person.valid_to else "first_seen::date"
    ages = {"born_by": f"({last} - interval {person.least_age} year)::date"}
    if person.most_age is not None:
        first = (
            f'coalesce("{person.valid_from}"::date, first_seen::date)'
            if person.valid_from
            else "first_seen::date"
        )
        ages["born_from"] = f"({first} - interval {person.most_age + 1} year)::date"
    return ages


def _day(column: str | None) -> str | None:
    return f'"{column}"::date' if column else None


def _whole_number(column: str | None) -> str | None:
    return f'try_cast("{column}" as integer)' if column else None
