"""How names are made comparable, and which legal names show a company."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.rebuild import sql_file


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        connection.execute(sql_file("entities/standardise.sql"))
        yield connection


def key(con: duckdb.DuckDBPyConnection, name: str | None) -> str | None:
    [row] = con.execute("select name_key(?::varchar)", [name]).fetchall()
    return row[0]


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param(["Fern's Diner", "FERNS DINER", "FERN’S DINER", "fern s diner"], "FERNSDINER", id="apostrophes"),
        pytest.param(["FERNS DINER #12", "Ferns Diner No. 12", "Ferns Diner No 12"], "FERNSDINER", id="store number"),
        pytest.param(
            ["Ferns Diner, Inc.", "THE FERNS DINER LLC", "Ferns Diner L.L.C.", "FERNS DINER CORPORATION"],
            "FERNSDINER", id="legal form",
        ),
        pytest.param(["FERN & SON", "FERN AND SON", "Fern &Son"], "FERNANDSON", id="and"),
        pytest.param(["CAFÉ FERN", "CAFE FERN", "Cafe-Fern"], "CAFEFERN", id="accents"),
        pytest.param(["7 FERNS"], "7FERNS", id="a number that is a name"),
        pytest.param(["COFFEE CORNER"], "COFFEECORNER", id="CO and CORP only as words"),
        pytest.param(["Ферн", "ФЕРН"], "ФЕРН", id="another alphabet"),
        pytest.param(["", " ", "Inc.", "---", None], None, id="nothing left"),
    ],
)  # fmt: skip
def test_names_written_in_different_ways_have_one_key(
    con: duckdb.DuckDBPyConnection, names: list[str | None], expected: str | None
) -> None:
    assert {name: key(con, name) for name in names} == dict.fromkeys(names, expected)


def test_different_names_have_different_keys(con: duckdb.DuckDBPyConnection) -> None:
    names = ["FERN DINER", "FERN DINER 2", "FERN GRILL", "FIRN DINER", "FERN"]
    assert len({key(con, n) for n in names}) == len(names)


@settings(derandomize=True, deadline=None, max_examples=60)
@given(text=st.text(st.characters(codec="utf-8", exclude_characters="\x00"), max_size=30))
def test_key_ignores_capitals_and_spaces_around_and_is_never_empty_text(
    con: duckdb.DuckDBPyConnection, text: str
) -> None:
    found = key(con, text)
    assert found != ""
    if text.isascii():
        assert key(con, f"  {text.lower()} ") == found == key(con, text.upper())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("FERN FOODS INC", True),
        ("Fern Foods, Inc.", True),
        ("FERN FOODS L.L.C.", True),
        ("FERN FOODS LLC.", True),
        ("FERN & COMPANY", True),
        ("FERN CO.", True),
        ("FERN LIMITED", True),
        ("Fern plc", True),
        ("EASTMERE BOROUGH COUNCIL", True),
        ("FERN TRUST", False),
        ("MARIA EXAMPLE", False),
        ("VINCENT COLTD", False),
        ("INCA FERN", False),
        ("MARCO LIMA", False),
        ("", False),
        (None, None),
    ],
)
def test_only_a_company_form_as_a_word_of_its_own_shows_a_company(
    con: duckdb.DuckDBPyConnection, name: str | None, expected: bool | None
) -> None:
    """Law 8: without one the name may be a person's."""
    assert con.execute("select shows_company(?::varchar)", [name]).fetchone() == (expected,)


@pytest.mark.parametrize(
    ("name", "trading", "holder"),
    [
        ("A. Fern t/a Fern's Diner", "Fern's Diner", "A. Fern"),
        ("Fern Ltd (trading as Oak)", "Oak", "Fern Ltd"),
        ("FERN DBA OAK", "OAK", "FERN"),
        ("DBA Oak", "Oak", "DBA Oak"),
        ("FERN TABLE", "FERN TABLE", "FERN TABLE"),
        (None, None, None),
    ],
)
def test_who_trades_as_what(
    con: duckdb.DuckDBPyConnection, name: str | None, trading: str | None, holder: str | None
) -> None:
    found = con.execute("select trading_part($1::varchar), holder_part($1::varchar)", [name]).fetchone()
    assert found == (trading, holder)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mr John A. Fern", "JOHN FERN"),
        ("JOHN FERN", "JOHN FERN"),
        ("Fern Foods Ltd", "FERN FOODS"),
        ("J Fern & Sons", "J FERN AND SONS"),
        ("THE ACCOUNT HOLDER", None),
        ("REDACTED PERSONAL DATA", None),
        ("Ферн", "ФЕРН"),
        ("", None),
        (None, None),
    ],
)
def test_words_of_a_holder_are_a_body_s_or_given_and_family_name(
    con: duckdb.DuckDBPyConnection, name: str | None, expected: str | None
) -> None:
    assert con.execute("select holder_words(?::varchar)", [name]).fetchone() == (expected,)
