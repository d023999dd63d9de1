"""The borough: nobody lives before birth, after death or in two places; what is numbered is numbered once."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pytest

from city_platform.rebuild import sql_file
from city_platform.settings import CITIES
from city_platform.synthetic.borough import TODAY, YEARS
from city_platform.synthetic.people import NOT_YET, QUARTER, simulate
from city_platform.yaml_files import load_documents

from .conftest import ADDRESSES, made

Con = duckdb.DuckDBPyConnection
KINDS = set(
    "house named_house farm converted flat_converted block flat_block shop_with_flat flat_above shop office pub "
    "business_unit".split()
)
# What must not be: each query finds the rows that break the law.
NEVER = {
    "an address's parent exists and comes first": """
        select a.address_id from address as a left join address as p on p.address_id = a.parent_id
        where a.parent_id is not null and (p.address_id is null or p.address_id >= a.address_id)""",
    "a part lies in a building": "select address_id from address where (level = 'unit') <> (parent_id is not null)",
    "a namesake's father is a man, and older": """
        select l.person_id from life_person as l left join life_person as f on f.person_id = l.namesake
        where l.namesake >= 0 and (f.person_id is null or f.sex <> 0 or f.date_of_birth > l.date_of_birth - interval 16 year)""",
    "a child is younger than the head of its household": """
        select c.person_id from life_membership as c join life_membership as h using (household_id)
        join life_person as cp on cp.person_id = c.person_id join life_person as hp on hp.person_id = h.person_id
        where c.role = 'child' and h.role = 'head' and hp.date_of_birth > cp.date_of_birth - interval 16 year""",
    "a dwelling never holds two households": """
        select a.stay_id from household_stay as a join household_stay as b using (address_id)
        where a.stay_id <> b.stay_id and a.from_day <= b.from_day and a.to_day > b.from_day""",
    "a household never lives in two dwellings": """
        select a.stay_id from household_stay as a join household_stay as b using (household_id)
        where a.stay_id <> b.stay_id and a.from_day <= b.from_day and a.to_day > b.from_day""",
    "households live in dwellings": """
        select stay_id from household_stay join address using (address_id) where not is_dwelling""",
    "nobody lives where nothing stands": """
        select stay_id from household_stay join address using (address_id)
        where from_day < built_on or (to_day > demolished_on and to_day < '9999-12-31') or (to_day = '9999-12-31' and demolished_on <= today())""".replace(
        "today()", f"date '{TODAY}'"
    ),
    "a stay lasts a day": "select stay_id from household_stay where to_day <= from_day",
    "a residence lasts a day": "select residence_id from residence where to_day <= from_day",
    "nobody lives at two places at once": """
        select a.residence_id from residence as a join residence as b using (person_id)
        where a.residence_id <> b.residence_id and a.from_day <= b.from_day and a.to_day > b.from_day""",
    "nobody lives before birth": """
        select residence_id from residence join person using (person_id) where from_day < date_of_birth""",
    "nobody lives on after death": """
        select residence_id from residence join person using (person_id) where to_day > died_on + 1""",
    "nobody dies before birth": "select person_id from person where died_on < date_of_birth",
    "a residence lies within its stay": """
        select residence_id from residence as r join household_stay as h using (stay_id)
        where r.from_day < h.from_day or r.to_day > h.to_day or r.address_id <> h.address_id""",
    "a household has one head": """
        select household_id from life_membership group by household_id having count(*) filter (role = 'head') <> 1""",
    "a household has at most one partner of its head at a time": """
        select a.household_id from life_membership as a join life_membership as b using (household_id)
        where a.role = 'partner' and b.role = 'partner' and a.person_id < b.person_id
            and a.from_day < b.to_day and b.from_day < a.to_day""",
    "in every stay somebody lives from the first day, and till the quarter of its end": f"""
        select h.stay_id from household_stay as h left join residence as r using (stay_id) group by h.stay_id, h.from_day, h.to_day
        having min(r.from_day) is distinct from h.from_day or max(r.to_day) < least(h.to_day, getvariable('horizon')) - {QUARTER}""",
    "no child keeps house alone": f"""
        select h.stay_id from household_stay as h join residence as r using (stay_id) join person as p using (person_id)
        where r.from_day <= date '{TODAY}' and r.to_day > date '{TODAY}'
        group by h.stay_id having bool_and(p.date_of_birth > date '{TODAY}' - interval 18 year)""",
    "everybody has one surname a day": """
        select person_id from person_surname group by person_id, from_day having count(*) > 1""",
    "everybody has a surname": "select person_id from person where family_name is null or given_name is null",
    "businesses do not overlap at an address": """
        select a.business_id from business as a join business as b using (address_id)
        where a.business_id <> b.business_id and a.opened_on <= b.opened_on
            and coalesce(a.closed_on, date '9999-12-31') > b.opened_on""",
    "a business closes after it opens": "select business_id from business where closed_on <= opened_on",
    "a business has an owner on its first day": """
        select b.business_id from business as b left join business_owner as o on o.business_id = b.business_id and o.from_day = b.opened_on
        group by b.business_id having count(o.business_id) <> 1""",
    "a business has a name": "select business_id from business where trading_name is null",
    "an organisation has a name": "select organisation_id from organisation where name is null",
    "an owner exists": "select business_id from business_owner anti join organisation using (organisation_id)",
    "a business that moved is in its forerunner's trade": """
        select b.business_id from business as b left join business as p on p.business_id = b.predecessor_id
        where b.predecessor_id is not null and (p.business_id is null or p.trade <> b.trade)""",
    "an officer is somebody": "select person_id from officer anti join person using (person_id)",
    "a landlord is somebody": "select person_id from landlord anti join person using (person_id)",
    "landlords let what is let": "select address_id from landlord join address using (address_id) where tenure <> 'private'",
    "a claimant lives where the claim says": """
        select claim_id from benefit_claim as c anti join residence as r
        on r.person_id = c.person_id and r.address_id = c.address_id and r.from_day <= c.from_day and r.to_day >= c.to_day""",
}
ONCE = {
    "address": ["address_id", "uprn"],
    "street": ["street_id", "usrn"],
    "ward": ["ward_id", "ward_code", "ward"],
    "person": ["person_id", "nino"],
    "household_stay": ["stay_id"],
    "residence": ["residence_id"],
    "organisation": ["organisation_id", "company_number"],
    "business": ["business_id"],
    "landlord": ["address_id"],
    "benefit_claim": ["claim_id"],
    "planted": ["planted_id"],
}
TABLES = [*ONCE, "person_surname", "officer", "business_owner", "planted_base"]


def rows(con: Con, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def whole(con: Con, table: str) -> list[tuple[Any, ...]]:
    return rows(con, f"select * from {table} order by all")


@pytest.mark.parametrize("law", NEVER)
def test_laws(boroughs: list[Con], law: str) -> None:
    assert [rows(con, f"{NEVER[law]} limit 3") for con in boroughs] == [[]] * len(boroughs)


@pytest.mark.parametrize("table, column", [(t, c) for t, columns in ONCE.items() for c in columns])
def test_numbers_stand_once(boroughs: list[Con], table: str, column: str) -> None:
    for con in boroughs:
        held, different = rows(con, f"select count({column}), count(distinct {column}) from {table}")[0]
        assert held == different > 0


def test_addresses_are_as_many_as_asked_for(boroughs: list[Con]) -> None:
    assert [rows(con, "select count(*) from address") for con in boroughs] == [[(ADDRESSES,)]] * len(boroughs)


def test_every_kind_of_address_is_there(boroughs: list[Con]) -> None:
    kinds = {r[0] for con in boroughs for r in rows(con, "select distinct kind from address")}
    assert kinds == KINDS
    forms = rows(
        boroughs[0],
        "select count(pao_suffix), count(pao_number_end), count(other_name), count(former_number), count(built_on), "
        "count(demolished_on), count(sao_text), count(pao_text) from address",
    )[0]
    assert all(forms)


def test_the_borough_lies_in_its_box(borough: Con) -> None:
    (content, _), *_ = load_documents(CITIES / "eastmere" / "city.yaml")
    box = content["box"]
    borough.execute(
        "create or replace temp table grid_point as select distinct x::double as easting, y::double as northing from address"
    )
    borough.execute(sql_file("entities/national_grid.sql"))
    south, north, west, east = rows(borough, "select min(lat), max(lat), min(lon), max(lon) from grid_place")[
        0
    ]
    assert box["south"] < south < north < box["north"]
    assert box["west"] < west < east < box["east"]


def test_twins(borough: Con) -> None:
    twins = rows(
        borough,
        "select a.person_id from residence as a join residence as b using (stay_id) join person as p on p.person_id = a.person_id "
        "join person as q on q.person_id = b.person_id where a.role = 'child' and b.role = 'child' "
        "and a.person_id < b.person_id and p.date_of_birth = q.date_of_birth",
    )
    assert len(twins) >= 5


def test_fathers_and_sons_of_one_name(borough: Con) -> None:
    names = rows(
        borough,
        "select f.given_name = s.given_name, f.date_of_birth < s.date_of_birth from life_person as l "
        "join person as s using (person_id) join person as f on f.person_id = l.namesake",
    )
    assert len(names) >= 5
    assert set(names) == {(True, True)}


def test_people_change_their_surname(borough: Con) -> None:
    changed = rows(
        borough,
        "select person_id from person_surname group by person_id having count(distinct family_name) > 1",
    )
    assert len(changed) >= 20
    # to that of whom they live with
    strange = rows(
        borough,
        "select r.person_id from life_surname as r left join life_person as h on h.person_id = r.line "
        "where h.person_id is null",
    )
    assert strange == []


def test_people_have_the_surname_of_the_day(borough: Con) -> None:
    later = rows(
        borough,
        f"select p.person_id from person as p join person_surname as s using (person_id) where s.from_day <= date '{TODAY}' "
        "group by p.person_id, p.family_name having arg_max(s.family_name, s.from_day) <> p.family_name",
    )
    assert later == []


def test_a_business_that_moved_keeps_its_name(boroughs: list[Con]) -> None:
    names = [
        row
        for con in boroughs
        for row in rows(
            con,
            "select b.trading_name, p.trading_name from business as b join business as p on p.business_id = b.predecessor_id",
        )
    ]
    assert len(names) >= 20
    assert [(mine, theirs) for mine, theirs in names if mine != theirs] == []


def test_some_businesses_move(boroughs: list[Con]) -> None:
    moved = [
        rows(con, "select count(*) from business where predecessor_id is not null")[0][0] for con in boroughs
    ]
    assert all(moved)


def test_the_same_seed_gives_the_same_rows(borough: Con) -> None:
    with made(threads=1) as again:
        for table in TABLES:
            assert whole(borough, table) == whole(again, table), table


def test_another_seed_gives_other_rows(boroughs: list[Con]) -> None:
    for table in set(TABLES) - {"person_surname"}:
        assert whole(boroughs[0], table) != whole(boroughs[1], table), table


@pytest.fixture(scope="module")
def longer() -> Any:
    with made(days=200) as con:
        yield con


def horizon(con: Con) -> date:
    return rows(con, "select getvariable('horizon')")[0][0]


# What a longer history says up to the end of the shorter one, each as query of {end} and {people}; what ends later has not ended.
BEGINNINGS = {
    "address": "select * from address order by address_id",
    "people": "select person_id, sex, culture, birth_line, namesake, date_of_birth, "
    "case when died_on < {end} then died_on end from life_person where person_id < {people} order by person_id",
    "memberships": "select person_id, household_id, role, from_day, "
    "case when to_day < {end} then to_day end from life_membership where from_day < {end} order by all",
    "stays": "select household_id, address_id, from_day, case when to_day < {end} then to_day end "
    "from household_stay where from_day < {end} order by all",
    "residence": "select person_id, household_id, address_id, role, from_day, case when to_day < {end} then to_day end "
    "from residence where from_day < {end} order by all",
    "surnames": "select person_id, from_day, family_name from person_surname where from_day < {end} "
    "and person_id < {people} order by all",
    "names": "select person_id, given_name, middle_name, family_name, nino from person where person_id < {people} order by all",
}


@pytest.mark.parametrize("what", BEGINNINGS)
def test_a_longer_history_begins_as_the_shorter_does(borough: Con, longer: Con, what: str) -> None:
    end = horizon(borough)
    assert end <= horizon(longer)
    # what is done in the last quarter may end a day after it
    people = rows(borough, "select count(*) from life_person")[0][0]  # who comes later has a later number
    sql = BEGINNINGS[what].format(end=f"date '{end - timedelta(days=1)}'", people=people)
    assert rows(borough, sql) == rows(longer, sql)


# The same, of what is numbered over all that the history holds: nothing later may change a number or a draw.
BY_NUMBER = {
    "stay ids": "select household_id, address_id, from_day, stay_id from household_stay where from_day < {end} order by all",
    "businesses": "select address_id, opened_on, case when closed_on < {end} then closed_on end, business_id, trading_name "
    "from business where opened_on < {end} order by all",
    "claims": "select address_id, person_id, from_day from benefit_claim where from_day < {end} order by all",
    "landlords": "select address_id, person_id from landlord order by all",
    "planted": "select case_id, look_alike, address_id, person_id from planted order by all",
}


@pytest.mark.parametrize("what", BY_NUMBER)
def test_a_longer_history_plants_the_same(borough: Con, longer: Con, what: str) -> None:
    sql = BY_NUMBER[what].format(end=f"date '{TODAY}'")
    assert rows(borough, sql) == rows(longer, sql)


def test_the_history_reaches_back(borough: Con) -> None:
    start = TODAY - timedelta(days=YEARS * 365)
    for table, column in (("household_stay", "from_day"), ("business", "opened_on"), ("person", "died_on")):
        first, last = rows(borough, f"select min({column}), max({column}) from {table}")[0]
        assert first < start + timedelta(days=QUARTER)
        assert last > TODAY - timedelta(days=QUARTER)


def test_more_quarters_only_add_what_happens_later() -> None:
    """Of the simulation itself: make_borough always lives through as many quarters."""
    homes = 600
    dwelling = {
        "address_id": np.arange(homes) + 1,
        "tenure": np.arange(homes) % 4,
        "is_flat": np.arange(homes) % 3 == 0,
        "built": np.zeros(homes, dtype=np.int64),
        "gone": np.full(homes, NOT_YET),
    }
    start, shorter, longer = 18_000, 8, 12
    end = start + shorter * QUARTER

    def until(quarters: int, people: int) -> tuple[list[Any], ...]:
        lives = simulate(dwelling, [700, 300], 5, start, quarters)
        person = [
            (*row[:-1], row[-1] if row[-1] < end else NOT_YET)
            for row in zip(
                *(lives.person[k].tolist() for k in ("sex", "birth", "culture", "namesake", "died")),
                strict=True,
            )
        ]
        spans = []
        for table, keys in (
            (lives.membership, ("person", "household", "role")),
            (lives.household, ("household", "address_id")),
        ):
            columns = (table[k].tolist() for k in (*keys, "since", "until"))
            spans.append(
                sorted(
                    (*row[:-1], row[-1] if row[-1] < end else NOT_YET)
                    for row in zip(*columns, strict=True)
                    if row[-2] < end - 1  # what is done on the last day may end a day after it
                )
            )
        return person[:people] if people else person, *spans

    first = until(shorter, 0)
    assert len(first[0]) > 1000
    assert until(longer, len(first[0])) == first
    assert any(row[-1] < NOT_YET for row in first[2])
