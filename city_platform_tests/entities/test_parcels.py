"""Lots and buildings by number: New York's kind, on a made-up town."""

from __future__ import annotations

from collections.abc import Iterable

import duckdb
import pytest

from city_platform.rebuild import sql_file
from city_platform_tests.entities.small_town import Partition, Row, Town, feed, partition

LOTS = feed(
    "lots",
    columns=["address", "lot", "house"],
    address={
        "text": "address",
        "parcel": {"scheme": "bbl", "column": "lot", "placeholders": ["1000010001"]},
        "building": {"scheme": "bin", "column": "house"},
    },
)
LOT, OTHER = "1001230045", "1001230046"
UNIT, OTHER_UNIT, BILLING = "1001231001", "1001231002", "1001237501"
HOUSE, OTHER_HOUSE = "1012345", "1012346"
HERE, BESIDE, CORNER = "100 E 7TH ST", "102 E 7TH ST", "50 1ST AVE"


def town(*rows: tuple[str | None, str | None, str | None]) -> Town:
    """Records a, b, … with address, lot and building."""
    found = Town(LOTS)
    listed: Iterable[Row] = [
        {"key": key, "address": a, "lot": lot, "house": house}
        for key, (a, lot, house) in zip("abcdef", rows, strict=False)
    ]
    found.put(LOTS, listed)
    return found


def sites(*rows: tuple[str | None, str | None, str | None]) -> Partition:
    return town(*rows).settle_addresses().addresses("site")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(HERE, LOT, None), (CORNER, LOT, None)], ["ab"], id="one lot on two streets"),
        pytest.param([(HERE, LOT, None), (HERE, OTHER, None)], ["a", "b"], id="two lots with one text"),
        pytest.param([(HERE, LOT, None), (HERE, None, None)], ["ab"], id="a text that always comes with one lot"),
        pytest.param(
            [(HERE, LOT, None), (HERE, OTHER, None), (HERE, None, None)], ["a", "b", "c"], id="a text of two lots"
        ),
        pytest.param([(HERE, LOT, None), (CORNER, LOT, None), (CORNER, None, None)], ["abc"], id="text of the corner"),
        pytest.param([(None, LOT, None), (None, "1-123-45", None)], ["ab"], id="a lot in parts, without text"),
        pytest.param([(None, LOT, None), (None, LOT + ".00000000", None)], ["ab"], id="a lot kept as a fraction"),
        pytest.param([(HERE, "1000010001", None), (CORNER, "1000010001", None)], ["a", "b"], id="the feed's placeholder"),
        pytest.param([(HERE, "1000000000", None), (CORNER, "1000000000", None)], ["a", "b"], id="no block and no lot"),
        pytest.param([(HERE, "1001230000", None), (CORNER, "1001230000", None)], ["a", "b"], id="lot 0"),
        pytest.param([(HERE, None, "1000000"), (CORNER, None, "1000000")], ["a", "b"], id="the borough's placeholder"),
        pytest.param([(HERE, None, HOUSE), (CORNER, None, HOUSE)], ["ab"], id="one building"),
        pytest.param([(HERE, LOT, HOUSE), (CORNER, None, HOUSE)], ["ab"], id="a building on a lot"),
        pytest.param([(HERE, UNIT, HOUSE), (CORNER, BILLING, HOUSE)], ["ab"], id="unit lot and billing lot of a building"),
        pytest.param([(HERE, UNIT, None), (HERE, BILLING, None)], ["ab"], id="unit lot and billing lot with one text"),
        pytest.param([(HERE, UNIT, None), (HERE, OTHER_UNIT, None)], ["ab"], id="two unit lots with one text"),
        pytest.param([(None, UNIT, None), (None, OTHER_UNIT, None)], ["a", "b"], id="two unit lots and nothing else"),
        pytest.param(
            [(HERE, UNIT, None), (HERE, "1009997501", None)], ["a", "b"], id="a billing lot of another block bills nothing"
        ),
    ],
)  # fmt: skip
def test_which_records_are_one_site(
    rows: list[tuple[str | None, str | None, str | None]], expected: list[str]
) -> None:
    assert sites(*rows) == partition(*expected)


def test_one_lot_has_several_buildings() -> None:
    found = town((HERE, LOT, HOUSE), (BESIDE, LOT, OTHER_HOUSE), (HERE, LOT, HOUSE)).resolve()
    assert found.together("site") == partition("abc")
    assert found.together("building") == partition("ac", "b")
    assert found.rows(
        "select b.label, s.label from entity.address b join entity.address s on s.address_id = b.parent_address_id "
        "where b.level = 'building' order by 1"
    ) == [
        ("100 E 7TH ST BUILDING 1012345", "100-102 E 7TH ST"),
        ("102 E 7TH ST BUILDING 1012346", "100-102 E 7TH ST"),
    ]


def test_a_building_that_most_records_put_on_another_lot_is_not_told() -> None:
    found = town((HERE, LOT, HOUSE), (HERE, LOT, HOUSE), (HERE, OTHER, HOUSE)).settle_addresses()
    assert found.addresses("site") == partition("ab", "c")
    assert found.addresses("building") == partition("ab")


def test_a_units_levels_are_site_building_and_unit() -> None:
    found = town(
        (HERE + " APT 4", UNIT, HOUSE), (HERE, BILLING, HOUSE), (HERE + " APT 4", None, None)
    ).resolve()
    assert found.together("site") == partition("abc")
    assert found.together("building") == partition("ab")
    assert found.together("unit") == partition("ac")
    assert found.rows(
        "select u.label, b.level, s.level from entity.address u join entity.address b on b.address_id = u.parent_address_id "
        "join entity.address s on s.address_id = b.parent_address_id where u.level = 'unit'"
    ) == [("100 E 7TH ST UNIT 4", "building", "site")]


def test_a_unit_lot_without_text_is_called_by_its_lot() -> None:
    found = town((None, UNIT, HOUSE), (HERE, BILLING, HOUSE)).resolve()
    assert found.rows("select label from entity.address where level = 'unit'") == [("LOT 1001",)]


def test_links_say_what_they_rest_on() -> None:
    found = town((HERE, LOT, HOUSE), (HERE, None, None), (HERE, UNIT, HOUSE)).resolve()
    assert found.rows("select record_key, role, method, evidence from entity.link order by all") == [
        ("a", "building", "identifier", "same building"),
        ("a", "site", "identifier", "same parcel"),
        ("b", "site", "exact", "same street and overlapping number"),
        ("c", "building", "identifier", "same building"),
        ("c", "site", "identifier", "lot of the condominium"),
        ("c", "unit", "identifier", "same lot of a condominium"),
    ]


def test_numbers_stand_at_the_level_that_they_number() -> None:
    found = town((HERE, BILLING, HOUSE), (HERE, UNIT, HOUSE)).resolve()
    assert found.rows(
        "select a.level, i.scheme, i.value from entity.identifier i join entity.address a on a.address_id = i.entity_id "
        "where i.entity_type = 'address' order by all"
    ) == [("building", "bin", HOUSE), ("site", "bbl", BILLING), ("unit", "bbl", UNIT)]


@pytest.mark.parametrize(
    ("scheme", "value", "expected"),
    [
        ("bbl", LOT, "bbl:" + LOT),
        ("bbl", "5/1/1", "bbl:5000010001"),
        ("bbl", "6001230045", None),
        ("bbl", "100123004", None),
        ("bbl", "0", None),
        ("pin", "17-09-410-014", "pin:1709410014"),
        ("pin", "00-00", None),
        ("pin", None, None),
    ],
)
def test_how_a_parcels_number_is_read(scheme: str, value: str | None, expected: str | None) -> None:
    with duckdb.connect() as con:
        con.execute(sql_file("entities/parcels.sql"))
        assert con.execute("select standard_parcel(?, ?)", [scheme, value]).fetchall() == [(expected,)]


@pytest.mark.parametrize("value", ["2000000", "1000000.0", "0", "6000001", "123", ""])
def test_a_placeholder_of_a_building_is_none(value: str) -> None:
    with duckdb.connect() as con:
        con.execute(sql_file("entities/parcels.sql"))
        assert con.execute("select standard_building('bin', ?)", [value]).fetchall() == [(None,)]
