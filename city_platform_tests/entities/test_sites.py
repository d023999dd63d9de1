"""Which addresses are one site."""

from __future__ import annotations

import pytest

from city_platform_tests.entities.small_town import Partition, partition, resolved, visit


def sites(*addresses: str) -> Partition:
    """a is the record with the first address, b that with the second, …"""
    town = resolved(visit(key, address) for key, address in zip("abcdef", addresses, strict=False))
    return town.together("site")


@pytest.mark.parametrize(
    ("addresses", "expected"),
    [
        pytest.param(["101-109 N FERN AVE", "105 N FERN AVE"], ["ab"], id="a number within a range"),
        pytest.param(["101-105 N FERN AVE", "105-111 N FERN AVE"], ["ab"], id="ranges that touch"),
        pytest.param(
            ["101-105 N FERN AVE", "111 N FERN AVE", "105-111 N FERN AVE"], ["abc"], id="a chain of overlaps"
        ),
        pytest.param(["101-121 N FERN AVE", "103 N FERN AVE", "119 N FERN AVE"], ["abc"], id="one long range"),
        pytest.param(["101-105 N FERN AVE", "107-109 N FERN AVE"], ["a", "b"], id="ranges that do not overlap"),
        pytest.param(["101-109 N FERN AVE", "104 N FERN AVE"], ["a", "b"], id="other side of the street"),
        pytest.param(
            ["101-105 N FERN AVE", "100-120 N FERN AVE", "111 N FERN AVE"], ["a", "b", "c"],
            id="a range of the other side bridges nothing",
        ),
        pytest.param(["101 N FERN AVE", "101 S FERN AVE"], ["a", "b"], id="other direction"),
        pytest.param(
            ["101 N FERN ST", "101 N FERN PL", "101 N FERN AVE"], ["a", "b", "c"], id="St, Pl and Ave are apart"
        ),
        pytest.param(["101 N FERN AVE", "101 N Fern Avenue 2nd Fl"], ["ab"], id="units of one site"),
        pytest.param(["101 N FERN AVE", "101 N FERN"], ["ab"], id="a missing suffix, one street of the name"),
        pytest.param(
            ["101 N FERN AVE", "101 N FERN", "101 N FERN ST"], ["a", "b", "c"], id="a missing suffix, two of the name"
        ),
        pytest.param(
            ["101 N FERN AVE", "101 N FERN", "301 N FERN ST"], ["ab", "c"],
            id="a missing suffix, the other street has no such number",
        ),
        pytest.param(["101 N FERN AVE", "103 N FERN"], ["a", "b"], id="a missing suffix and another number"),
        pytest.param(["101 N BROADWAY", "101 N BROADWAY STE 4"], ["ab"], id="a street without suffix"),
        pytest.param(["101 N FERN AVE", "101 FERN AVE"], ["a", "b"], id="a missing direction joins nothing"),
    ],
)  # fmt: skip
def test_which_addresses_are_one_site(addresses: list[str], expected: list[str]) -> None:
    assert sites(*addresses) == partition(*expected)


def test_unit_is_part_of_its_site() -> None:
    town = resolved([visit("a", "101 N FERN AVE STE 4"), visit("b", "101 N FERN AVE STE 5")])
    assert town.together("site") == partition("ab")
    assert town.together("unit") == partition("a", "b")
    found = town.rows(
        "select u.label, s.label, s.level from entity.address u "
        "join entity.address s on s.address_id = u.parent_address_id where u.level = 'unit' order by 1"
    )
    assert found == [
        ("101 N FERN AVE UNIT 4", "101 N FERN AVE", "site"),
        ("101 N FERN AVE UNIT 5", "101 N FERN AVE", "site"),
    ]


def test_site_spans_the_numbers_of_its_records() -> None:
    town = resolved([visit("a", "101-105 N FERN AVE"), visit("b", "105-111 N FERN")])
    assert town.rows("select number, label from entity.address") == [("101-111", "101-111 N FERN AVE")]


def test_unreadable_address_makes_no_site_and_is_counted() -> None:
    town = resolved(
        [visit("a", "REDACTED"), visit("b", None), visit("c", "0 N FERN AVE"), visit("d", "1 N FERN AVE")]
    )
    assert town.together("site") == partition("d")
    [line] = [b for b in town.budget if b.step == "address read" and b.subject == "town/visits"]
    assert (line.rows_in, line.rows_out) == (4, 1)
