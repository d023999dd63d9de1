"""Which records are about one business, and about one owner."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.rebuild import sql_file
from city_platform_tests.entities.small_town import (
    LICENCES,
    Partition,
    Row,
    Town,
    partition,
    resolved,
    visit,
)  # fmt: skip

HERE, THERE = "101 N FERN AVE", "900 S OAK ST"


def businesses(*rows: tuple[str | None, str | None, str | None]) -> Partition:
    """(address, name, number) of the records a, b, c, …"""
    return resolved(visit(key, *row) for key, row in zip("abcdef", rows, strict=False)).together("business")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "OAK GRILL", "7")], ["ab"], id="number and site"),
        pytest.param([(HERE, "FERN DINER", "7"), (THERE, "Fern Diner Inc.", "7")], ["ab"], id="number and name"),
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "Fern Diner", "8")], ["ab"], id="name and site"),
        pytest.param([(HERE, "FERN DINER", None), (HERE, "FERN DINER", "8")], ["ab"], id="name and site, one number"),
        pytest.param([(HERE, "FERN DINER", "7"), (THERE, "OAK SCHOOL", "7")], ["a", "b"], id="number alone"),
        pytest.param([(HERE, "FERN DINER", None), (THERE, "FERN DINER", None)], ["a", "b"], id="name alone"),
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "OAK GRILL", "8")], ["a", "b"], id="site alone"),
        pytest.param([(HERE, "FERN DINER", "0"), (HERE, "OAK GRILL", "0")], ["a", "b"], id="placeholder and site"),
        pytest.param([(HERE, "FERN DINER", "0"), (THERE, "FERN DINER", "0")], ["a", "b"], id="placeholder and name"),
        pytest.param([(None, "FERN DINER", None), (None, "FERN DINER", None)], ["a", "b"], id="name, no address"),
        pytest.param([(None, "FERN DINER", "7"), (None, "FERN DINER", "7")], ["ab"], id="number and name, no address"),
        pytest.param([(HERE, None, None), (HERE, "---", "0")], [], id="no name and no number is no business"),
        pytest.param(
            [(HERE, "FERN DINER", "7"), (THERE, "FERN DINER", "7"), (THERE, "OAK GRILL", "7")], ["abc"],
            id="each joined with the next",
        ),
    ],
)  # fmt: skip
def test_which_records_are_one_business(rows: list[tuple[str | None, ...]], expected: list[str]) -> None:
    assert businesses(*rows) == partition(*expected)  # type: ignore[arg-type]


def test_record_without_name_and_number_is_counted_as_lost() -> None:
    town = resolved([visit("a", HERE), visit("b", HERE, "FERN DINER")])
    [line] = [b for b in town.budget if b.step == "linked to a business" and b.subject == "town/visits"]
    assert (line.rows_in, line.rows_out, line.reason) == (2, 1, "no business is named")


def test_alias_joins_as_a_name_does() -> None:
    rows = [visit("a", HERE, "FERN HOLDING", "7") | {"alias": "FERN DINER"}, visit("b", HERE, "FERN DINER")]
    assert resolved(rows).together("business") == partition("ab")


def test_number_that_disagrees_on_address_and_name_is_reported_as_a_collision() -> None:
    """A school's id equal to a licence number joins nothing, and is seen to prove nothing alone."""
    town = Town()
    town.put(LICENCES, [{"key": "licence", "name": "FERN DINER", "number": "7", "address": HERE}])
    town.put(
        town.feeds[1], [visit("school", THERE, "OAK SCHOOL", "7"), visit("diner", HERE, "FERN DINER", "8")]
    )
    town.resolve()
    assert town.together("business") == {frozenset({"licence", "diner"}), frozenset({"school"})}
    found = town.rows("select value, is_collision, count(*) from entity.identifier group by all order by all")
    assert found == [("7", True, 2), ("8", False, 1)]


def test_placeholder_is_no_identifier() -> None:
    town = resolved([visit("a", HERE, "FERN DINER", "0")])
    assert town.rows("select * from entity.identifier") == []


def test_many_businesses_of_one_address_are_not_merged() -> None:
    """An airport."""
    rows = [
        visit(f"{n} {year}", HERE, f"STAND {chr(65 + n)}", str(n + 1)) for n in range(20) for year in (1, 2)
    ]
    town = resolved(rows)
    assert town.together("business") == {frozenset({f"{n} 1", f"{n} 2"}) for n in range(20)}
    assert len(town.together("site")) == 1


def test_evidence_says_what_agreed_without_values() -> None:
    rows = [
        visit("a", HERE, "FERN DINER", "7"), visit("b", HERE, "OAK GRILL", "7"), visit("c", THERE, "ELM CAFE"),
        visit("d", THERE, "ELM CAFE", "9"),
    ]  # fmt: skip
    found = resolved(rows).rows(
        "select record_key, method, evidence from entity.link where role = 'business' order by 1"
    )
    told = [(key, method, evidence.rsplit(";", 1)[0]) for key, method, evidence in found]
    assert told == [
        ("a", "identifier", "same site, same number"),
        ("b", "identifier", "same site, same number"),
        ("c", "exact", "same site, same name"),
        ("d", "exact", "same site, same name"),
    ]


def licence(key: str, **values: str | None) -> Row:
    return {
        "key": key,
        "address": HERE,
        "name": f"SHOP {key}",
        "number": key,
        "legal": None,
        "account": None,
    } | values


def test_owner_is_known_by_number_or_by_name() -> None:
    rows = [
        licence("a", account="1", legal="FERN INC"),
        licence("b", account="1", legal="FERN FOODS INC"),
        licence("c", legal="OAK LLC"),
        licence("d", legal="Oak, L.L.C."),
        licence("e", legal="MARIA EXAMPLE"),
        licence("f", account="0"),
        licence("g", legal="THE ACCOUNT HOLDER"),
        licence("h", legal="Ms Maria J Example"),
    ]
    assert resolved(rows, LICENCES).together("owner") == partition("ab", "cd", "eh")


def test_name_of_a_person_who_trades_stands_in_personal_columns_only() -> None:
    """Law 8."""
    town = resolved(
        [licence("a", account="1", legal="MARIA EXAMPLE"), licence("b", account="2", legal="FERN INC")],
        LICENCES,
    )
    names = "select legal_name, private_name from entity.business order by name"
    assert town.rows(names) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]
    owners = "select name, private_name from entity.organisation order by name nulls first"
    assert town.rows(owners) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]
    claims = (
        "select value, private_value from entity.attribute where attribute = 'legal_name' order by record_key"
    )
    assert town.rows(claims) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]


def test_common_name_of_a_person_at_many_sites_is_many_owners() -> None:
    rows = [licence(str(n), legal="MARIA EXAMPLE", address=f"{n}00 N FERN AVE") for n in range(1, 9)]
    assert len(resolved(rows, LICENCES).together("owner")) == 8


def test_company_at_many_sites_is_one_owner_of_many_businesses() -> None:
    """A chain."""
    rows = [
        licence(str(n), legal="FERN INC", name="FERN DINER", address=f"{n}00 N FERN AVE") for n in range(1, 9)
    ]
    town = resolved(rows, LICENCES)
    assert (len(town.together("owner")), len(town.together("business"))) == (1, 8)


def test_owners_with_different_numbers_are_never_one() -> None:
    rows = [licence("a", account="1", legal="FERN INC"), licence("b", account="2", legal="FERN INC")]
    assert resolved(rows, LICENCES).together("owner") == partition("a", "b")


def term(key: str, name: str, legal: str, first: str, last: str, address: str = HERE) -> Row:
    return licence(key, name=name, number=None, legal=legal, first_day=first, last_day=last, address=address)


def together(terms: list[Row], visits: list[Row]) -> Partition:
    town = Town()
    town.put(LICENCES, terms)
    town.put(town.feeds[1], visits)
    return town.resolve().together("business")


def test_visit_belongs_to_the_only_holder_of_its_day() -> None:
    """The register shows today's name only: who was visited under another is told by the term in force."""
    terms = [term("t", "OAK GRILL", "ELM INC", "2013-01-01", "2013-12-31")]
    assert together(terms, [visit("v", HERE, "FERN DINER")]) == {frozenset("tv")}


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([term("t", "OAK GRILL", "ELM INC", "2012-01-01", "2013-04-30")], id="term over by then"),
        pytest.param(
            [
                term("t", "OAK GRILL", "ELM INC", "2013-01-01", "2013-12-31"),
                term("u", "ASH CAFE", "YEW INC", "2013-01-01", "2013-12-31"),
            ],
            id="two holders",
        ),
    ],
)
def test_visit_under_another_name_stands_alone_where_the_holder_is_not_known(others: list[Row]) -> None:
    assert frozenset("v") in together(others, [visit("v", HERE, "FERN DINER")])


def test_name_of_the_holder_is_the_business() -> None:
    terms = [term("t", "FERN DINER", "ELM FOODS INC", "2010-01-01", "2010-12-31")]
    assert together(terms, [visit("v", HERE, "Elm Foods")]) == {frozenset("tv")}


def test_like_names_of_different_holders_are_two_businesses() -> None:
    terms = [
        term("t", "FERN DINER AND GRILL", "ELM INC", "2010-01-01", "2010-12-31"),
        term("u", "FERN DINER", "YEW INC", "2011-01-01", "2011-12-31"),
    ]
    assert together(terms, []) == partition("t", "u")


@pytest.mark.parametrize(
    "other", ["FERN DINERS", "FERN DINNER", "FERN-DINER", "Fern Diner & Bar", "Elm Ltd t/a Fern Diner"]
)
def test_name_written_otherwise_at_one_site_is_one_business(other: str) -> None:
    assert businesses((HERE, "FERN DINER", None), (HERE, other, None)) == partition("ab")


@pytest.fixture(scope="module")
def macros() -> Iterator[duckdb.DuckDBPyConnection]:
    """The macros that the models compare names with."""
    with duckdb.connect() as con:
        con.execute(sql_file("entities/standardise.sql"))
        for statement in sql_file("entities/business_node.sql").split("\n;\n"):
            if "temp macro" in statement:
                con.execute(statement)
        yield con


WORDS = st.lists(st.text("ABCDE", min_size=1, max_size=6), min_size=1, max_size=4).map(" ".join)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(one=WORDS, other=WORDS)
def test_names_are_compared_alike_from_both_sides(
    macros: duckdb.DuckDBPyConnection, one: str, other: str
) -> None:
    """Which of two nodes is the left one is chance; and a name is always like itself."""
    names = ("same_words", "within_words", "nearly_words", "like_words", "shared_words")
    both = ", ".join(f"{n}($1, $2) = {n}($2, $1)" for n in names)
    assert set(macros.execute(f"select {both}", [one, other]).fetchall()[0]) == {True}
    itself = "same_words($1, $1), nearly_words($1, $1), like_words($1, $1)"
    assert set(macros.execute(f"select {itself}", [one]).fetchall()[0]) == {True}
