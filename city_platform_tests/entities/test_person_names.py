"""How people's names are read: short forms, other letters, order, titles, and that no text makes it fail."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.entities.people import observe_people
from city_platform.rebuild import sql_file
from city_platform_tests.entities.small_town import Town, feed

MEMBERS = feed(
    "members",
    columns=["name", "status", "from_day", "to_day"],
    people=[
        {"role": "member", "full_name": "name", "order": "given_family", "least_age": 18, "most_age": 30, "valid_from": "from_day",
         "valid_to": "to_day", "lives_here": {"column": "status", "values": ["LIVES"]}},
    ],
)  # fmt: skip


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(MEMBERS)


def read(town: Town, columns: str, *names: str | None, **others: Any) -> list[tuple[Any, ...]]:
    """These columns of person_observation, of a member with each name."""
    town.put(MEMBERS, [{"key": f"{n:03d}", "name": name, **others} for n, name in enumerate(names)])
    observe_people(town.con, [MEMBERS])
    return town.rows(f"select {columns} from entity.person_observation order by record_key")


def test_parts_of_names(town: Town) -> None:
    names = {
        "Cllr Zoë O'Neil-Hay OBE": ("ZOE", None, "ONEILHAY"),
        "Major John Smith": ("JOHN", None, "SMITH"),
        "Smith, John Paul": ("JOHN", "PAUL", "SMITH"),
        "Li-Na Chan": ("LI", "NA", "CHAN"),
        "Иван Петров": ("IVAN", None, "PETROV"),
        "Γιώργος Παππάς": ("GIORGOS", None, "PAPPAS"),
    }
    assert read(town, "given_key, middle_key, family_key", *names) == list(names.values())


def test_short_forms_share_a_root(town: Town) -> None:
    [bill], [will], [gosia], [gosias], [jane] = read(
        town, "given_roots", "Bill Lee", "William Lee", "Gosia Lee", "Małgorzata Lee", "Jane Lee"
    )
    assert set(bill) & set(will) and set(gosia) & set(gosias) and not set(bill) & set(jane)


def test_parts_of_a_compound_surname(town: Town) -> None:
    [(parts,), (single,)] = read(town, "family_parts", "Ann Smith-Jones", "Ann Smith")
    assert set(parts) == {"SMITH", "JONES", "SMITHJONES"} and single == ["SMITH"]


def test_role_tells_between_which_days_somebody_was_born(town: Town) -> None:
    [(by, since)] = read(
        town, "born_by::varchar, born_from::varchar", "Ann Lee", from_day="2000-02-01", to_day="2010-02-01"
    )
    assert (by, since) == ("1992-02-01", "1969-02-01")


def test_column_says_who_lives_there(town: Town) -> None:
    assert read(town, "lives_here", "Ann Lee", status="LIVES") == [(True,)]
    assert read(town, "lives_here", "Ann Lee", status="EMPTY") == [(False,)]
    assert read(town, "lives_here", "Ann Lee", status=None) == [(False,)]


@settings(deadline=None, derandomize=True, max_examples=60)
@given(name=st.text(max_size=40))
def test_any_text_is_read_and_reading_again_changes_nothing(town: Town, name: str) -> None:
    town.con.execute(sql_file("entities/person_standardise.sql"))
    name = name.replace("\x00", "")
    row = town.con.execute("select person_words(?), person_words(upper(?))", [name, name]).fetchone()
    assert row is not None
    words = row[0]
    assert town.con.execute("select person_words(?)", [words]).fetchone() == (words,)


@pytest.mark.parametrize("title", ["Mr ", "MRS. ", "dr ", "Prof. ", "Cllr "])
def test_title_and_case_make_no_difference(town: Town, title: str) -> None:
    columns = "given_key, middle_key, family_key, given_roots"
    plain, titled, capital = read(town, columns, "Ann Mary Lee", f"{title}Ann Mary Lee", "ANN MARY LEE")
    assert plain == titled == capital
