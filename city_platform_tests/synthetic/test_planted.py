"""Planted cases: as many as planted.yaml asks for, of whom it says, less what is left out for a stated reason."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest

from city_platform.synthetic import borough as borough_module
from city_platform.synthetic.borough import TODAY
from city_platform.yaml_files import load_documents

Con = duckdb.DuckDBPyConnection
(ASKED, _), *_rest = load_documents(Path(borough_module.__file__).parent / "planted.yaml")
RATES: dict[tuple[str, str | None], float] = {
    (case, None): given["rate"] for case, given in ASKED.items()
} | {
    (case, kind): look["rate"] for case, given in ASKED.items() for kind, look in given["look_alikes"].items()
}
# Hardly ever there in boroughs this small: too few to tell anything of their rate.
RARE = {("claims_by_the_dead", "same_name")}
DAY = f"date '{TODAY}'"
HOME = f"(select r.*, p.date_of_birth, p.died_on from residence as r join person as p using (person_id) where r.from_day <= {DAY} and r.to_day > {DAY})"
LIVED_IN = f"p.address_id in (select address_id from {HOME})"
LIVES_THERE = f"(p.person_id, p.address_id) in (select (person_id, address_id) from {HOME})"
GROWN = f"(select count(*) from {HOME} as h where h.stay_id = p.stay_id and h.date_of_birth <= {DAY} - interval 18 year)"
MEMBERS = f"(select count(*) from {HOME} as h where h.stay_id = p.stay_id)"
STUDENTS = f"(select count(*) from {HOME} as h where h.stay_id = p.stay_id and h.role = 'child' and h.date_of_birth <= {DAY} - interval 18 year and h.date_of_birth > {DAY} - interval 22 year)"
PERSON = "(select {} from person where person.person_id = p.person_id)"
CLAIM = (
    "(p.claim_id, p.person_id, p.address_id) in (select (claim_id, person_id, address_id) from benefit_claim)"
)
BUSINESS = "(select {} from business where business.business_id = p.business_id and business.address_id = p.address_id)"
OPEN = BUSINESS.format(f"opened_on <= {DAY} and coalesce(closed_on > {DAY}, true)")
SHARERS = "(select household_kind = 4 from household_stay where household_stay.stay_id = p.stay_id)"
DIED = PERSON.format("died_on")
# What has to be so of each planted row.
SHOWS: dict[tuple[str, str | None], str] = {
    (
        "empty_recorded_occupied",
        None,
    ): f"not {LIVED_IN} and p.stay_id is not null and p.from_day <= {DAY} - 180",
    ("empty_recorded_occupied", "away_working"): f"{LIVES_THERE} and {MEMBERS} = 1",
    (
        "empty_recorded_occupied",
        "probate",
    ): f"not {LIVED_IN} and abs({DIED} - p.from_day) <= 95 and {DIED} <= {DAY}",
    ("occupied_recorded_empty", None): f"{LIVES_THERE} and p.from_day < {DAY} - 120",
    ("occupied_recorded_empty", "being_renovated"): f"not {LIVED_IN} and p.from_day <= {DAY} - 180",
    ("spd_two_adults", None): f"{LIVES_THERE} and {GROWN} = 2",
    ("spd_two_adults", "student_away"): f"{LIVES_THERE} and {GROWN} = 2 and {STUDENTS} = 1",
    (
        "spd_two_adults",
        "carer",
    ): f"{LIVES_THERE} and {MEMBERS} = 1 and {PERSON.format('date_of_birth')} < {DAY} - interval 75 year",
    (
        "spd_two_adults",
        "just_left",
    ): f"{LIVES_THERE} and {GROWN} = 1 and p.from_day between {DAY} - 40 and {DAY}",
    ("claims_by_the_dead", None): f"{CLAIM} and {DIED} between {DAY} - 730 and {DAY} - 61",
    ("claims_by_the_dead", "just_died"): f"{CLAIM} and {DIED} between {DAY} - 21 and {DAY}",
    ("claims_by_the_dead", "same_name"): f"{CLAIM} and coalesce({DIED} > {DAY}, true)",
    (
        "nino_twice",
        None,
    ): f"{CLAIM} and p.other_person_id <> p.person_id and p.other_person_id in (select person_id from benefit_claim where from_day <= {DAY} and to_day > {DAY})",
    (
        "nino_twice",
        "former_name",
    ): f"{CLAIM} and (select count(*) from person_surname where person_surname.person_id = p.person_id) > 1",
    (
        "two_main_residences",
        None,
    ): f"{LIVES_THERE} and p.other_address_id <> p.address_id and p.other_address_id not in (select address_id from {HOME})",
    (
        "two_main_residences",
        "lawful_second_home",
    ): f"{LIVES_THERE} and p.other_address_id <> p.address_id and p.other_address_id not in (select address_id from {HOME})",
    ("two_main_residences", "just_moved"): f"{LIVES_THERE} and p.from_day between {DAY} - 45 and {DAY}",
    ("undeclared_hmo", None): f"{LIVES_THERE} and {GROWN} >= 5 and {SHARERS}",
    ("undeclared_hmo", "licensed"): f"{LIVES_THERE} and {GROWN} >= 5 and {SHARERS}",
    ("undeclared_hmo", "large_family"): f"{LIVES_THERE} and {MEMBERS} >= 6 and not {SHARERS}",
    (
        "works_without_permission",
        None,
    ): f"p.address_id in (select address_id from address where kind in ('house', 'named_house', 'farm')) and p.from_day < {DAY}",
    (
        "works_without_permission",
        "permitted_development",
    ): f"p.address_id in (select address_id from address where kind in ('house', 'named_house', 'farm')) and p.from_day < {DAY}",
    ("unregistered_food", None): f"{OPEN} and {BUSINESS.format('is_food')} and p.from_day < {DAY} - 60",
    ("unregistered_food", "sounds_like_food"): f"{OPEN} and not {BUSINESS.format('is_food')}",
    (
        "unregistered_food",
        "closed_since",
    ): f"{BUSINESS.format('is_food')} and {BUSINESS.format('closed_on')} between {DAY} - 365 and {DAY}",
    ("about_to_close", None): f"{BUSINESS.format('closed_on')} between {DAY} + 1 and {DAY} + 90",
    (
        "about_to_close",
        "pays_late",
    ): f"{OPEN} and coalesce({BUSINESS.format('closed_on')} > {DAY} + 90, true)",
    ("two_services_one_household", None): f"{LIVES_THERE} and p.from_day <= {DAY} - 40",
    ("two_services_one_household", "neighbours"): f"{LIVES_THERE} and p.from_day <= {DAY} - 40",
    ("two_services_one_household", "two_years_apart"): f"{LIVES_THERE} and p.from_day <= {DAY} - 40",
}
WHO = "case_id, look_alike, address_id, person_id, business_id, stay_id, claim_id, from_day"
each = pytest.mark.parametrize("case_id, look_alike", RATES, ids=lambda v: v or "itself")


def rows(con: Con, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def is_of(case_id: str, look_alike: str | None) -> str:
    return f"case_id = '{case_id}' and look_alike is not distinct from " + (
        f"'{look_alike}'" if look_alike else "null"
    )


def test_every_case_is_looked_at() -> None:
    assert set(SHOWS) == set(RATES)


@each
def test_as_many_are_drawn_as_asked_for(boroughs: list[Con], case_id: str, look_alike: str | None) -> None:
    could = drawn = 0
    for con in boroughs:
        ((some, hits, rates),) = rows(
            con,
            "select count(*), count(*) filter (is_drawn), list(distinct in_a_million) from planted_base "
            f"where {is_of(case_id, look_alike)}",
        )
        could, drawn = could + some, drawn + hits
        assert set(rates or []) <= {round(RATES[case_id, look_alike] * 1e6)}
    rate = RATES[case_id, look_alike]
    if (case_id, look_alike) in RARE:
        assert could < 30
        return
    assert could > 0
    assert abs(drawn - could * rate) <= 4 * (could * rate * (1 - rate)) ** 0.5


def test_nobody_could_be_drawn_twice(boroughs: list[Con]) -> None:
    for con in boroughs:
        twice = rows(
            con,
            "select case_id, look_alike, draw_id from planted_base group by all having count(*) > 1",
        )
        assert twice == []


def test_planted_is_what_was_drawn_less_what_is_left_out(boroughs: list[Con]) -> None:
    for con in boroughs:
        drawn = rows(con, f"select {WHO} from planted_base where is_drawn")
        planted = rows(con, f"select {WHO} from planted")
        assert max(Counter(planted).values()) == 1
        assert set(planted) <= set(drawn)
        # of two cases drawn at one address one stays
        cases = [row for row in planted if row[1] is None]
        assert max(Counter(row[2] for row in cases).values()) == 1
        # a look-alike stays where no case was drawn
        taken = {row[2] for row in drawn if row[1] is None}
        left = {row for row in drawn if row[1] is not None and row[2] not in taken}
        no_second_home = ("lawful_second_home",)  # which needs a dwelling that stands empty
        assert {row for row in planted if row[1] and row[1] not in no_second_home} == {
            row for row in left if row[1] not in no_second_home
        }
        # every address at which a case was drawn has one, unless it lacked an empty second home
        wanting = {row[2] for row in drawn if row[1] is None and row[0] != "two_main_residences"}
        assert wanting - {row[2] for row in drawn if row[0] == "two_main_residences"} <= {
            row[2] for row in cases
        }
        # who wants a second home gets one while there are any
        ((empty,),) = rows(
            con,
            "select count(*) from empty_now where address_id not in (select address_id from planted_base "
            "where is_drawn)",
        )
        second = rows(con, "select other_address_id from planted where other_address_id is not null")
        assert len(second) == len(set(second))
        wish = sum(row[0] == "two_main_residences" and row[1] != "just_moved" for row in drawn)
        if empty >= wish:
            assert {row for row in planted if row[1] == "lawful_second_home"} == {
                row for row in left if row[1] == "lawful_second_home"
            }


def test_homes_of_sharers_are_licensed_or_not(boroughs: list[Con]) -> None:
    for con in boroughs:
        neither = rows(
            con,
            "select draw_id from planted_base where case_id = 'undeclared_hmo' and look_alike is distinct from 'large_family' "
            "group by draw_id having count(*) filter (is_drawn) <> 1",
        )
        assert neither == []


@each
def test_a_planted_row_names_whom_it_must(boroughs: list[Con], case_id: str, look_alike: str | None) -> None:
    seen = 0
    for con in boroughs:
        seen += rows(con, f"select count(*) from planted where {is_of(case_id, look_alike)}")[0][0]
        wrong = rows(
            con,
            f"select {WHO} from planted as p where {is_of(case_id, look_alike)} "
            f"and ({SHOWS[case_id, look_alike]}) is not true",
        )
        assert wrong == []
    assert seen or (case_id, look_alike) in RARE
