"""Which addresses are one site."""

from __future__ import annotations

import pytest

from city_platform_tests.entities.small_town import VISITS, Partition, Town, feed, partition, resolved, visit


def sites(*addresses: str) -> Partition:
    """a is the record with the first address, b that with the second, …"""
    town = Town()
    town.put(VISITS, [visit(key, address) for key, address in zip("abcdef", addresses, strict=False)])
    return town.settle_addresses().addresses("site")


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
        pytest.param(["FERN AVE & OAK ST", "CORNER OF OAK ST AND FERN AVE"], ["ab"], id="a corner in either order"),
        pytest.param(["FERN AVE & OAK ST", "FERN AVE & OAK AVE"], ["a", "b"], id="two corners"),
        pytest.param(["REAR OF 101 N FERN AVE", "101 N FERN AVE"], ["ab"], id="the rear is part of its site"),
        pytest.param(["101 1/2 N FERN AVE", "101 N FERN AVE"], ["ab"], id="a half is part of its site"),
        pytest.param(["101 7TH ST SE", "101 7TH ST NW"], ["a", "b"], id="other direction after the street"),
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


HERE, PLACE = (41.8800, -87.6300), (41.8809, -87.6300)  # 100 m apart, as a street and the place beside it
POINTS = feed(
    "points",
    columns=["address", "town", "zip", "lat", "lon"],
    address={"text": "address", "locality": "town", "postcode": "zip", "lat": "lat", "lon": "lon"},
)
for column in ("lat", "lon"):
    POINTS.columns[column] = POINTS.columns[column].model_copy(update={"type": "number"})


def slips(*rows: tuple[str, str | None, tuple[float, float] | None], times: int = 99) -> Partition:
    """Which of these are one site, on a street on which that many other records have the suffix AVE, at 101 too."""
    usual = [("101 N FERN AVE", "60601", HERE)] + [
        (f"{n} N FERN AVE", "60601", HERE) for n in range(301, 301 + times)
    ]
    town = Town(POINTS)
    town.put(
        POINTS,
        [
            {"key": key, "address": a, "zip": z, "lat": p and p[0], "lon": p and p[1]}
            for key, (a, z, p) in [
                *zip("abcdef", rows, strict=False),
                *((f"u{i}", r) for i, r in enumerate(usual)),
            ]
        ],
    )
    found = town.settle_addresses().addresses("site")
    asked = {*"abcdef", "u0"}
    return {keys & asked for keys in found} - {frozenset()}


@pytest.mark.parametrize(
    ("rows", "is_slip"),
    [
        pytest.param([("101 N FERN ST", "60601", None)], True, id="same postcode, nowhere else"),
        pytest.param([("101 N FERN ST", None, HERE)], True, id="same point"),
        pytest.param([("101 N FERN ST", "60602", None)], False, id="another postcode"),
        pytest.param([("101 N FERN ST", None, None)], False, id="nothing tells"),
        pytest.param([("101 N FERN PL", None, PLACE)], False, id="the place beside it"),
        pytest.param([("101 N FERN ST", "60601", None), ("201 N FERN ST", "60601", None)], False, id="has other numbers"),
    ],
)  # fmt: skip
def test_a_rare_suffix_is_a_slip_only_where_something_else_agrees(
    rows: list[tuple[str, str | None, tuple[float, float] | None]], is_slip: bool
) -> None:
    assert (frozenset({"a", "u0"}) in slips(*rows)) is is_slip


def test_a_suffix_that_is_not_rare_is_no_slip() -> None:
    assert frozenset({"a", "u0"}) not in slips(("101 N FERN ST", "60601", HERE), times=3)


def test_a_missing_suffix_goes_with_a_slip() -> None:
    assert frozenset({"a", "b", "u0"}) in slips(("101 N FERN ST", "60601", HERE), ("101 N FERN", None, None))


def test_a_slip_does_not_name_the_site() -> None:
    town = resolved([visit(str(n), "101 N FERN AVE") for n in range(30)] + [visit("x", "101 N FERN ST")])
    assert ("101 N FERN AVE",) in town.rows("select label from entity.address")


def test_a_text_of_another_town_is_another_site() -> None:
    town = Town(POINTS)
    rows = [
        ("a", "CHICAGO", "60601"),
        ("b", "SKOKIE", "60077"),
        ("c", "CCHICAGO", "60601"),
        ("d", None, "60077"),
    ]
    rows += [("e", "SKOKIE", "60601"), ("f", "CHICAGO", "60601")]
    town.put(POINTS, [{"key": k, "address": "101 N FERN AVE", "town": t, "zip": z} for k, t, z in rows])
    assert town.settle_addresses().addresses("site") == partition("acef", "bd")


def test_a_box_at_a_post_office_is_no_place() -> None:
    town = resolved([visit("a", "PO BOX 12"), visit("b", "REDACTED")])
    assert town.together("site") == set()
    assert town.rows("select * exclude (feed) from entity.address_not_linked order by all") == [
        ("a", "a PO box is no place"),
        ("b", "no house number and street can be told"),
    ]


def test_records_that_come_later_give_the_same_as_all_at_once() -> None:
    """Law 6 for sites: a slip is only seen once the street is known; what was joined before changes with it."""
    rows = [
        ("a", "101 N FERN ST"),
        ("b", "101 N FERN"),
        *((f"u{n}", f"{n} N FERN AVE") for n in range(101, 161)),
    ]
    listed = [{"key": k, "address": a, "zip": "60601"} for k, a in rows]
    grown, whole = Town(POINTS), Town(POINTS)
    grown.put(POINTS, listed[:2])
    grown.settle_addresses()
    grown.put(POINTS, listed)
    grown.settle_addresses()
    whole.put(POINTS, listed)
    whole.settle_addresses()
    assert grown.addresses("site") == whole.addresses("site")
    assert frozenset({"a", "b", "u101"}) in whole.addresses("site")
