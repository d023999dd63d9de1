"""The feeds of Eastmere: declared columns, keys that hold, no day to come, whose records they are, what is personal."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from city_platform.feeds.declaration import FeedColumn
from city_platform.synthetic.borough import TODAY
from city_platform.synthetic.deliveries import WHOSE

from .conftest import made
from .held import FEEDS, Con, hold, one, rows, sender

DAYS = (0, 200)
# Columns whose meaning says that their day may lie ahead.
AHEAD = {
    "companies_house/companies": {"Accounts.NextDueDate"},
    "electoral_services/electoral_register": {"DATE_OF_ATTAINMENT"},
    "environmental_health/food_inspections": {"next_due_on"},
    "housing/hmo_licences": {"Expires"},
    "parking/permits": {"expires"},
    "revenues/council_tax_discounts": {"EXPIRY_DATE"},
}
# Where a record's end stands.
ENDS = {
    "address_custodian/blpu": "end_date",
    "address_custodian/xref": "end_date",
    "address_custodian/lpi": "end_date",
    "address_custodian/classification": "end_date",
    "building_control/applications": "Completed",
    "business_rates/accounts": "LIAB_END",
    "companies_house/officers": "Resigned On",
    "environmental_health/food_registrations": "closed_on",
    "housing/hmo_licences": "Expires",
    "housing/tenancies": "ended",
    "licensing/premises_licences": "Surrendered",
    "parking/permits": "expires",
    "planning/applications": "decided_on",
    "planning/enforcement": "closed_on",
    "registrars/deaths": "death_date",
    "revenues/benefits": "CLAIM_END",
    "revenues/council_tax": "LIAB_END",
    "revenues/council_tax_discounts": "EXPIRY_DATE",
    "schools/admissions": "Left",
}
IDS = {"_address_id": "address", "_person_id": "person", "_person_2_id": "person", "_business_id": "business", "_organisation_id": "organisation"}  # fmt: skip
# What tells of a person, by the column's name; a company's names and numbers do not.
TELLS = re.compile(
    r"surname|forename|^name$|dob|birth|attainment|nino|phone|e-?mail|\bupn\b|occupier.?name|elector_name|officer name"
    r"|licence holder|supervisor|^manager$|^owner$|^operator$|ratepayer|^caller$|^applicant$|clmt|ptnr|joint_(?!liable)"
    r"|tenant_|holder\.|registration$",
    re.IGNORECASE,
)
# Names over doors, of firms and of suppliers, in which an owner's own name may stand.
OVER_THE_DOOR = re.compile(
    r"^(trading_?name|premises name|business_?name|firms_name|supplier name|recipient|organisation)$",
    re.IGNORECASE,
)

each = pytest.mark.parametrize("feed_id", FEEDS)
each_day = pytest.mark.parametrize("day", DAYS)


@pytest.fixture(scope="module")
def world() -> Iterator[Con]:
    with made() as con:
        for day in DAYS:
            hold(con, day, f"_{day}")
        yield con


def table(feed_id: str, day: int) -> str:
    return f"{FEEDS[feed_id].table_name}_{day}"


def as_sent(name: str, column: FeedColumn) -> str:
    """The text of a value as the agency writes it."""
    if column.format:
        return f"strftime(\"{name}\", '{column.format}')"
    return f'"{name}"::varchar'


def of_class(feed_id: str, wanted: str) -> list[str]:
    return [n for n, c in FEEDS[feed_id].columns.items() if c.classification == wanted]


@each_day
@each
def test_every_declared_column_is_there(world: Con, feed_id: str, day: int) -> None:
    found = {r[0] for r in rows(world, f"describe {table(feed_id, day)}")}
    assert found == {*FEEDS[feed_id].columns, *WHOSE, "_key", "_order"}


@each
def test_there_are_records(world: Con, feed_id: str) -> None:
    for day in DAYS if FEEDS[feed_id].delivery == "snapshot" else DAYS[:1]:
        assert one(world, f"select count(*) from {table(feed_id, day)}")[0] > 0


@each_day
@each
def test_the_key_is_what_the_declared_columns_hold(world: Con, feed_id: str, day: int) -> None:
    feed = FEEDS[feed_id]
    repeated = rows(
        world,
        f"select _key from {table(feed_id, day)} group by _key having count(*) > 1 or _key is null limit 3",
    )
    assert repeated == []
    if feed.key == "content":
        return
    text = " || '|' || ".join(as_sent(c, feed.columns[c]) for c in feed.key)
    other = rows(
        world, f"select _key, {text} from {table(feed_id, day)} where _key is distinct from {text} limit 3"
    )
    assert other == []
    assert all(feed.columns[c].required for c in feed.key)


@each_day
@each
def test_each_line_has_a_place_of_its_own(world: Con, feed_id: str, day: int) -> None:
    lines, places = one(world, f"select count(*), count(distinct _order) from {table(feed_id, day)}")
    assert lines == places


@each_day
@each
def test_no_day_lies_ahead(world: Con, feed_id: str, day: int) -> None:
    until = TODAY + timedelta(days=day)
    ahead = {
        name
        for name, column in FEEDS[feed_id].columns.items()
        if column.type in ("date", "timestamp")
        and one(world, f"select count(*) from {table(feed_id, day)} where \"{name}\"::date > '{until}'")[0]
    }
    assert ahead == AHEAD.get(feed_id, set())


@pytest.mark.parametrize("feed_id", ENDS)
def test_what_has_ended_stays_so(world: Con, feed_id: str) -> None:
    ended = f"a.\"{ENDS[feed_id]}\" <= date '{TODAY}'"
    before, after = table(feed_id, DAYS[0]), table(feed_id, DAYS[1])
    again = rows(
        world,
        f'select _key, a."{ENDS[feed_id]}", b."{ENDS[feed_id]}" from {before} as a join {after} as b using (_key) '
        f'where {ended} and a."{ENDS[feed_id]}" is distinct from b."{ENDS[feed_id]}" limit 3',
    )
    assert again == []


@each
def test_a_record_stays_of_the_same_address(world: Con, feed_id: str) -> None:
    """A number is never given again: what it named on the first day it names later, people who move apart."""
    before, after = table(feed_id, DAYS[0]), table(feed_id, DAYS[1])
    who = "_business_id" if FEEDS[feed_id].business else "_address_id"
    movable = {
        "companies_house/companies",
        "companies_house/officers",
        "libraries/members",
        "schools/admissions",
    }
    if feed_id in movable:
        return
    other = rows(
        world,
        f"select _key, a.{who}, b.{who} from {before} as a join {after} as b using (_key) "
        f"where a.{who} is distinct from b.{who} limit 3",
    )
    assert other == []


@each_day
@each
def test_whose_records_they_are_is_known(world: Con, feed_id: str, day: int) -> None:
    feed = FEEDS[feed_id]
    for column, of in IDS.items():
        unknown = rows(
            world,
            f"select {column} from {table(feed_id, day)} as s anti join {of} as w on w.{of}_id = s.{column} "
            f"where {column} is not null limit 3",
        )
        assert unknown == [], column
    if day == 0:
        wanted = {"_address_id": feed.address, "_person_id": feed.people}
        for column in (c for c, is_wanted in wanted.items() if is_wanted):
            assert one(world, f"select count({column}) from {table(feed_id, day)}")[0] > 0


@each
def test_what_tells_of_people_is_personal(feed_id: str) -> None:
    feed = FEEDS[feed_id]
    telling = {c for c in feed.columns if TELLS.search(c)} - {"Holder Company Number"}
    for person in feed.people:
        fields = (
            "title given_name middle_name family_name full_name date_of_birth birth_month birth_year".split()
        )
        telling |= {getattr(person, f) for f in fields if getattr(person, f)}
        telling |= {person.number.column} if person.number else set()
    assert {c: feed.columns[c].classification for c in telling} == dict.fromkeys(telling, "personal")


@each
def test_nobodys_name_is_public(world: Con, feed_id: str) -> None:
    told = {}
    for name in of_class(feed_id, "public"):
        if FEEDS[feed_id].columns[name].type != "text" or OVER_THE_DOOR.match(name):
            continue
        people, named = one(
            world,
            f"""select count(*), count(*) filter (contains(
                ' ' || regexp_replace(upper("{name}"::varchar), '[^A-Z]', ' ', 'g') || ' ',
                ' ' || regexp_replace(upper(p.family_name), '[^A-Z]', ' ', 'g') || ' '))
            from {table(feed_id, 0)} as s join person as p on p.person_id = s._person_id""",
        )
        if named > people / 100:
            told[name] = f"{named} of {people}"
    assert told == {}


THREADS = ("revenues/council_tax", "business_rates/accounts", "companies_house/officers")


def test_threads_change_nothing() -> None:
    found = []
    for threads in (1, 2):
        with made(threads=threads) as con:
            at_work = sender(con)
            held = []
            for feed_id in THREADS:
                at_work.hold(FEEDS[feed_id], TODAY)
                held.append(rows(con, "select * from sending order by _order"))
            found.append(held)
    assert found[0] == found[1]
    assert all(found[0])
