"""UK addresses through a gazetteer: each way a record finds its UPRN, what is vetoed, and what is left."""

from __future__ import annotations

import math
import random
from typing import Any

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.entities.gazetteer import gazetteer_feeds
from city_platform.entities.resolve import id_checks, take_in
from city_platform.feeds.declaration import Feed
from city_platform.publish.three_sixty import _at
from city_platform.rebuild import run_checks, sql_file
from city_platform.tables import fixed_tables
from city_platform_tests.entities.small_borough import CALLS, CITY, GAZETTEER, TAX, Borough, feed
from city_platform_tests.entities.small_town import partition

HIGH, STATION, CHURCH = "HIGH STREET", "STATION ROAD", "CHURCH LANE"


def borough() -> Borough:
    """12 High Street with three flats, Mill House with one, a farm, a range, a letter, and one address of the past."""
    b = Borough()
    b.address("1", HIGH, pao=12, use="PP")
    b.address("2", HIGH, pao=12, sao=1, parent="1", use="RD06", tax="T0002")
    b.address("3", HIGH, pao=12, sao_text="FLAT 2", parent="1", use="RD06", tax="T0003")
    b.address("4", HIGH, pao=12, sao_text="FIRST FLOOR FLAT", parent="1", use="RD06")
    b.address("5", STATION, "EM1 3AB", pao_text="MILL HOUSE", use="PP")
    b.address("6", STATION, "EM1 3AB", pao_text="MILL HOUSE", sao=3, parent="5", use="RD06")
    b.address("7", CHURCH, "EM2 3AB", pao_text="MANOR FARM", locality="LOWER EASTMERE")
    b.address("8", "MARKET PLACE", "EM1 3AX", pao=8, pao_end=10, use="CR07")
    b.address("9", HIGH, pao=14, pao_suffix="A", tax="T0009")
    b.address("10", CHURCH, "EM2 3AC", pao=30, status="8")
    b.address("11", HIGH, "EM1 2AC", pao=40, tax="T0011")
    b.address("11", HIGH, "EM1 2AC", pao_text="THE OLD BAKERY", status="3")
    b.address("11", "BACK LANE", "EM1 2AC", pao=2, status="8")
    return b


NUMBER = "street, number and flat"
FITS: list[tuple[str, str | None, str | None, str]] = [
    # text, UPRN of the site, UPRN or name of the unit, what agreed
    ("12 High St, Eastmere, EM1 2AB", "1", None, f"postcode, {NUMBER}"),
    ("12 High St", "1", None, NUMBER),
    ("12 Hihg Street, EM1 2AB", "1", None, "postcode, number and flat"),
    ("Flat 1, 12 High Street", "1", "2", NUMBER),
    ("12 High Street Flat 2, EM1 2AB", "1", "3", f"postcode, {NUMBER}"),
    ("1st floor flat 12 High Street", "1", "4", NUMBER),
    ("3 Mill House, Station Rd", "5", "6", "street, name and flat"),
    ("Flat 3, Mill House, EM1 3AB", "5", "6", "postcode, name and flat"),
    ("3 Mill House, EM1 3AB", "5", "6", "postcode, name and flat"),
    ("Manor Farm, Church Lane, Lower Eastmere", "7", None, "street, name and flat"),
    ("Manor Farm, Lower Eastmere EM2 3AB", "7", None, "postcode, name and flat"),
    ("8-10 Market Place", "8", None, NUMBER),
    ("10 Market Place", "8", None, NUMBER),
    ("14A High Street", "9", None, NUMBER),
    ("Flat A, 14 High Street", "9", None, NUMBER),
    ("30 Church Lane", "10", None, NUMBER),
    ("The Old Bakery, High Street", "11", None, "street, name and flat"),
    ("2 Back Lane", "11", None, NUMBER),
    ("Nelson's Chippy, 40 High Street", "11", None, NUMBER),
    ("Flat 9, 12 High Street", "1", "FLAT 9", f"building by {NUMBER}"),
    ("Flat 9, Mill House, Station Road", "5", "FLAT 9", "building by street, name and flat"),
    ("rear of 40 High Street", "11", "REAR", f"building by {NUMBER}"),
    ("99 Nowhere Road", None, None, "no other record"),
    ("12 Station Road", None, None, "no other record"),
    ("14 High Street", None, None, "no other record"),
    ("14B High Street", None, None, "no other record"),
    ("12 Church Lane, EM1 2AB", None, None, "no other record"),
]


@pytest.fixture(scope="module")
def texts() -> dict[str, tuple[Any, ...]]:
    """Each text of FITS as one call: (site, unit, method, evidence)."""
    b = borough()
    b.put(CALLS, [{"key": text, "address": text} for text, *_ in FITS])
    return b.resolve().found()


@pytest.mark.parametrize(("text", "site", "unit", "evidence"), FITS, ids=[f[0] for f in FITS])
def test_text_finds_its_address(
    texts: dict[str, tuple[Any, ...]], text: str, site: str | None, unit: str | None, evidence: str
) -> None:
    assert texts[text] == (site, unit, "exact", evidence)


def test_text_that_fits_two_addresses_fits_none() -> None:
    b = borough()
    b.address("20", "GREEN LANE", "EM3 1AA", pao=5)
    b.address("21", "GREEN LANE", "EM4 1AA", pao=5)
    found = b.calls("5 Green Lane", "5 Green Lane, EM4 1AA").resolve().found()
    assert found["a"][0] is None
    assert found["b"][0] == "21"


def test_approved_address_goes_before_one_of_the_past() -> None:
    b = Borough()
    b.address("1", HIGH, pao=12, status="8")
    b.address("2", HIGH, pao=12)
    assert b.calls("12 High Street").resolve().found()["a"][0] == "2"


def test_cross_reference_goes_before_uprn_and_both_before_text() -> None:
    b = borough()
    b.taxed(T0002="High Street", T0009="14A High Street", T77="Flat 2, 12 High Street")
    b.calls("High Street", "Flat 1, 12 High Street", a="000000000007", b="3")
    assert b.resolve().found() == {
        "T0002": ("1", "2", "gazetteer", "cross-reference"),
        "T0009": ("9", None, "gazetteer", "cross-reference"),
        "T77": ("1", "3", "exact", NUMBER),
        "a": ("7", None, "identifier", "its own UPRN"),
        "b": ("1", "2", "exact", NUMBER),  # its flat contradicts the UPRN
    }


@pytest.mark.parametrize(
    ("text", "uprn", "site"),
    [
        pytest.param("12 High Street", "11", "1", id="other house number"),
        pytest.param("8 High Street", "1", None, id="other house number that nobody has"),
        pytest.param("14B High Street", "9", None, id="other letter"),
        pytest.param("14 High Street", "9", "9", id="no letter is no contradiction"),
        pytest.param("12 High Street", "3", "1", id="no flat is no contradiction"),
        pytest.param("Unreadable", "3", "1", id="no words, no contradiction"),
        pytest.param("First Floor Flat, 12 High Street", "3", "1", id="a floor is no other flat"),
        pytest.param("Flat 2, Room 5, 12 High Street", "3", "1", id="a room of the flat"),
        pytest.param("2 Back Lane", "11", "11", id="an address of the past"),
        pytest.param("The Old Bakery", "11", "11", id="another name for it"),
        pytest.param("10 Market Place", "8", "8", id="a number within the range"),
        pytest.param("12 High Street", "999", "1", id="a UPRN that nobody has"),
    ],
)
def test_number_or_flat_that_contradicts_every_lpi_is_a_veto(text: str, uprn: str, site: str | None) -> None:
    assert borough().calls(text, a=uprn).resolve().found()["a"][0] == site


def test_wrong_cross_reference_is_vetoed_and_one_of_two_addresses_proves_nothing() -> None:
    b = borough()
    b.address("20", "GREEN LANE", "EM3 1AA", pao=5, tax="T0001")
    b.address("21", "GREEN LANE", "EM4 1AA", pao=6, tax="T0001")
    b.taxed(T0002="Flat 2, 12 High Street", T0003="99 Green Lane", T0001="Green Lane")
    found = b.resolve().found()
    assert found["T0002"] == ("1", "3", "exact", NUMBER)
    assert found["T0003"][:3] == (None, None, "exact")
    assert "T0001" not in found, "no number, and a reference that leads to two"


def test_reference_that_is_over_counts_where_it_is_the_only_one() -> None:
    b = borough()
    b.address("20", "GREEN LANE", "EM3 1AA", pao=5, tax="T0002")
    b.gazetteer["xref"][-1]["end_date"] = "2013-01-01"
    b.gazetteer["xref"][1]["end_date"] = "2013-01-01"
    b.taxed(T0002="", T0003="")
    assert {k: v[1] for k, v in b.resolve().found().items()} == {"T0002": "2", "T0003": "3"}


def test_flat_in_the_text_goes_before_the_building_that_its_uprn_names() -> None:
    b = borough().calls("Flat 2, 12 High Street", "Flat 9, 12 High Street", "Shop", a="1", b="1", c="1")
    assert {k: v[:3] for k, v in b.resolve().found().items()} == {
        "a": ("1", "3", "identifier"),
        "b": ("1", "FLAT 9", "identifier"),
        "c": ("1", None, "identifier"),
    }


SCORED = [
    # what nobody wrote quite right, and the UPRN that it is
    ("Flat 1, 12 Hihg Streat, EM1 2AX", {"site": "uprn|1", "unit": "uprn|2"}),
    ("40 Hgh Street, Eastmere", {"site": "uprn|11"}),
    ("Mannor Farm, Church Lane", {"site": "uprn|7"}),
    ("Church Lane, Manor Farm, EM9 9ZZ", {"site": "uprn|7"}),
    ("Flat 3, Mil House, Station Road, EM1 3AB", {"site": "uprn|5", "unit": "uprn|6"}),
]


@pytest.mark.parametrize(("text", "place"), SCORED, ids=[s[0] for s in SCORED])
def test_careless_text_finds_its_address_by_score(scored: Borough, text: str, place: dict[str, str]) -> None:
    assert scored.places()[text] == place
    how = scored.rows(
        f"select distinct method, probability > 0.9 from entity.address_member where record_key = '{text}'"
    )
    assert how == [("model", True)]


@pytest.fixture(scope="module")
def scored() -> Borough:
    b = borough()
    b.put(CALLS, [{"key": text, "address": text} for text, _ in SCORED])
    return b.settle()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("Flat 9, 13 Hihg Street, EM1 2AB", id="other house number"),
        pytest.param("14B Hihg Street, EM1 2AB", id="other letter"),
        pytest.param("Flat 14C, 50 Hihg Street, EM1 2AB", id="other flat of a flat that stands alone"),
        pytest.param("Mill Farm, Church Lane, EM2 3AB", id="other name"),
        pytest.param("12 Church Lane, EM1 2AX", id="other street"),
        pytest.param("Church Lane, Lower Eastmere", id="a street alone"),
    ],
)
def test_score_never_goes_over_a_conflict(text: str) -> None:
    b = borough()
    b.address("31", HIGH, pao=50, sao=14, sao_suffix="A")
    place = b.calls(text).settle().places().get("a", {})
    assert not place.get("site", "").startswith("uprn|"), place


def test_text_that_fits_two_addresses_alike_fits_neither_by_score() -> None:
    b = borough()
    b.address("20", "GREEN LANE", "EM3 1AA", pao=5)
    b.address("21", "GREEN LANE", "EM4 1AA", pao=5)
    b.calls("5 Gren Lane", "5 Gren Lane, EM4 1AB").settle()
    assert b.places()["a"]["site"].startswith("own|")
    assert b.places()["b"] == {"site": "uprn|21"}


def test_street_of_a_name_that_stands_in_two_places_needs_its_place() -> None:
    b = Borough()
    b.address("1", "MILL ROAD", "EM1 2AB", pao=5, locality="UPPER MARSH")
    b.streets.clear()
    b.address("2", "MILL ROAD", "EM4 1AA", pao=7, locality="LOWER MARSH")
    b.gazetteer["street"][-1]["usrn"] = b.gazetteer["lpi"][-1]["usrn"] = "49999999"
    b.calls("5 Mill Road, Upper Marsh", "7 Mill Road, Lower Marsh, EM4 1AA").settle()
    assert {k: v["site"] for k, v in b.places().items()} == {"a": "uprn|1", "b": "uprn|2"}


def test_memo_gives_what_looking_everything_up_again_gives() -> None:
    """New, changed and gone addresses of the gazetteer, and a word that becomes common."""
    b = borough()
    b.put(CALLS, [{"key": text, "address": text} for text, _ in SCORED])
    b.settle()
    b.address("60", CHURCH, "EM2 3AB", pao_text="MANNOR FARM")
    b.address("61", "HIGHER STREET", "EM1 2AX", pao=12)
    b.gazetteer["blpu"][10]["change_type"] = "D"
    names = ("address_member", "address_not_linked", "address_settled", "place_match")
    b.settle()
    by_difference = {n: sorted(map(repr, b.rows(f"select * from entity.{n}"))) for n in names}
    for name in names:
        b.con.execute(f"delete from entity.{name}")
    b.settle()
    assert {n: sorted(map(repr, b.rows(f"select * from entity.{n}"))) for n in names} == by_difference
    assert b.places()["Mannor Farm, Church Lane"] == {"site": "uprn|60"}
    assert b.places()["40 Hgh Street, Eastmere"]["site"].startswith("own|")


def test_memo_is_not_looked_up_again_where_nothing_near_changed() -> None:
    b = borough()
    b.calls("40 Hgh Street, Eastmere", "Mannor Farm, Church Lane").settle()
    before = dict(b.rows("select stated_text, depends_on from entity.place_match"))
    b.address("70", "QUAYSIDE", "EM1 3AX", pao=4)
    b.gazetteer["street"][-1]["town_name"] = (
        "OTHERTON"  # in so small a place the town's own name is a rare word
    )
    b.settle()
    assert dict(b.rows("select stated_text, depends_on from entity.place_match")) == before


def test_building_stands_between_site_and_unit() -> None:
    b = Borough()
    b.address("1", "QUAY ROAD", pao_text="RIVERSIDE BUSINESS PARK", use="PP")
    b.address("2", "QUAY ROAD", pao_text="BEACON HOUSE", parent="1", use="PP")
    b.address("3", "QUAY ROAD", pao_text="BEACON HOUSE", sao_text="UNIT 4", parent="2", use="CO01")
    b.address("4", "QUAY ROAD", pao_text="RIVERSIDE BUSINESS PARK", sao_text="UNIT 9", parent="1", use="CO01")
    b.calls(
        "Unit 4, Beacon House, Quay Road", "Beacon House, Quay Road", "Unit 9, Riverside Business Park, Quay Road",
        "Unit 5, Beacon House, Quay Road", "Unit 2 Block B, Marsh Trading Estate, Marsh Road", "Units 4-6, Beacon House, Quay Road",
    ).settle()  # fmt: skip
    park, house = "uprn|1", "uprn|2"
    estate = "own|MARSH ROAD||name|MARSH TRADING ESTATE"
    assert b.places() == {
        "a": {"site": park, "building": house, "unit": "uprn|3"},
        "b": {"site": park, "building": house},
        "c": {"site": park, "unit": "uprn|4"},
        "d": {"site": park, "building": house, "unit": "uprn|2|UNIT 5"},
        "e": {"site": estate, "building": f"{estate}|BLOCK B", "unit": f"{estate}|BLOCK B UNIT 2"},
        "f": {"site": park, "building": house, "unit": "uprn|2|UNIT 4-6"},
    }


def test_box_is_no_place_and_every_record_without_a_place_says_why() -> None:
    b = borough().calls(
        "PO Box 12, Eastmere, EM1 2AB", "EM1 2AB", "High Street, Eastmere", "Sea View", "PO Box 12, 12 High Street"
    )  # fmt: skip
    b.settle()
    assert b.lost() == {
        "a": "a PO box is no place",
        "b": "a postcode or a town alone",
        "c": "neither house number nor name",
        "d": "neither street nor postcode",
    }
    assert b.places() == {"e": {"site": "uprn|1"}}
    [budget] = [x for x in b.budget if x.subject == "contact/calls" and x.step == "linked to an address"]
    assert (budget.rows_in, budget.rows_out) == (5, 1)
    assert "a PO box is no place: 1" in budget.reason


def test_uprn_alone_links_and_coordinates_alone_do_not() -> None:
    b = borough()
    b.put(
        CALLS,
        [
            {"key": "a", "uprn": "7"},
            {"key": "b", "uprn": "999"},
            {"key": "c", "easting": 600001.0, "northing": 300000.0},
        ],
    )
    b.settle()
    assert b.places() == {"a": {"site": "uprn|7"}}
    assert b.lost() == {
        "b": "a UPRN or reference that the gazetteer does not hold, and no text",
        "c": "coordinates alone",
    }


def test_address_may_be_told_without_text() -> None:
    told = feed("contact", "points", ["key", "uprn"], key=["key"], address={"uprn": "uprn"})
    assert told.address is not None and told.address.texts == ()


def test_how_each_feed_came_to_its_addresses_is_counted() -> None:
    b = borough()
    b.taxed(T0002="Flat 1, 12 High Street")
    b.calls(
        "12 High Street",
        "40 Hgh Street, Eastmere",
        "9 New Road",
        "9 New Rd",
        "7 New Road",
        "EM1 2AB",
        "x",
        g="7",
    )
    b.settle()
    assert b.rows("select feed, way, records, is_lost from entity.address_settled order by all") == [
        ("contact/calls", "a postcode or a town alone", 1, True),
        ("contact/calls", "among themselves", 2, False),
        ("contact/calls", "identifier", 1, False),
        ("contact/calls", "no other record", 1, False),
        ("contact/calls", "text", 1, False),
        ("contact/calls", "text by score and margin", 1, False),
        ("revenues/council_tax", "cross-reference", 1, False),
    ]


def test_slash_is_a_range_only_where_the_gazetteer_has_that_range() -> None:
    b = Borough()
    b.address("1", HIGH, pao=3)
    b.address("2", HIGH, pao=3, sao=5, parent="1")
    b.address("3", STATION, "EM1 3AB", pao=3, pao_end=5)
    b.calls("3/5 High Street", "3/5 Station Road", "3-5 High Street").settle()
    assert b.places() == {
        "a": {"site": "uprn|1", "unit": "uprn|2"},
        "b": {"site": "uprn|3"},
        "c": {"site": "uprn|1"},
    }


def test_text_tells_which_flat_where_its_reference_leads_to_another_part() -> None:
    b = borough()
    b.address("12", HIGH, pao=12, sao_text="SHOP", parent="1", use="CR08", tax="T0012")
    b.taxed(T0012="First Floor Flat, 12 High Street").settle()
    assert b.places()["T0012"] == {"site": "uprn|1", "unit": "uprn|4"}


def test_records_that_the_gazetteer_does_not_hold_are_joined_among_themselves() -> None:
    b = Borough().calls(
        "5 New Road, EM1 2AB", "5 New Rd, EM1 2AZ", "5 New Road", "5, EM1 2AB", "5 New Road, EM9 2AB",
        "Flat 1, 5 New Road", "Flat 2, 5 New Road, EM1 2AB", "5A New Road",
    )  # fmt: skip
    b.resolve()
    # of two New Roads nobody can say which one c and f mean
    assert b.together("site") == partition("abdg", "cf", "e", "h")
    assert b.together("unit") == partition("f", "g")


def test_missing_postcode_or_street_is_filled_where_only_one_fits() -> None:
    b = Borough().calls(
        "5 New Road, EM1 2AB", "5 New Road", "Sea View, EM1 2AB", "Sea View, New Road, EM1 2AB", "Sea View"
    )
    assert b.resolve().together("site") == partition("ab", "cd")
    assert {v[3] for k, v in b.found().items() if k != "e"} == {
        "same street and number",
        "same street and name",
    }


def test_flat_a_is_never_flat_c() -> None:
    b = borough()
    b.address("30", HIGH, pao=50)
    b.address("31", HIGH, pao=50, sao=14, sao_suffix="A", parent="30", tax="T0031")
    b.calls("Flat 14A, 50 High Street", "Flat 14C, 50 High Street", "14C/50 High Street", c="31", b="31")
    found = b.resolve().found()
    assert found["a"][:2] == ("30", "31")
    assert found["b"][:2] == ("30", "FLAT 14C")


def test_every_blpu_is_an_address_with_the_gazetteers_own_values() -> None:
    b = borough()
    b.gazetteer["blpu"][6]["logical_status"] = "6"
    b.resolve()
    shown = b.rows(
        """select a.uprn, a.level, p.uprn, a.label, a.number, a.unit, a.premises, a.class, a.lifecycle, a.ward, a.located_by
        from entity.address a left join entity.address p on p.address_id = a.parent_address_id order by a.uprn::int"""
    )
    at = "E1", "gazetteer"
    assert shown == [
        ("1", "site", None, "12 High Street, EM1 2AB", "12", None, None, "PP", "current", *at),
        ("2", "unit", "1", "Flat 1, 12 High Street, EM1 2AB", "12", "FLAT 1", None, "RD06", "current", *at),
        ("3", "unit", "1", "Flat 2, 12 High Street, EM1 2AB", "12", "FLAT 2", None, "RD06", "current", *at),
        ("4", "unit", "1", "First Floor Flat, 12 High Street, EM1 2AB", "12", "FIRST FLOOR FLAT", None, "RD06", "current", *at),
        ("5", "site", None, "Mill House, Station Road, EM1 3AB", None, None, "MILL HOUSE", "PP", "current", *at),
        ("6", "unit", "5", "Flat 3, Mill House, Station Road, EM1 3AB", None, "FLAT 3", "MILL HOUSE", "RD06", "current", *at),
        ("7", "site", None, "Manor Farm, Church Lane, EM2 3AB", None, None, "MANOR FARM", "RD04", "provisional", *at),
        ("8", "site", None, "8-10 Market Place, EM1 3AX", "8-10", None, None, "CR07", "current", *at),
        ("9", "site", None, "14A High Street, EM1 2AB", "14A", None, None, "RD04", "current", *at),
        ("10", "site", None, "30 Church Lane, EM2 3AC", "30", None, None, "RD04", "historical", *at),
        ("11", "site", None, "40 High Street, EM1 2AC", "40", None, None, "RD04", "current", *at),
    ]  # fmt: skip
    assert b.rows("select count(*), bool_or(is_collision) from entity.identifier where scheme = 'uprn'") == [
        (11, False)
    ]
    checks = [(t.label, c) for t in fixed_tables().values() if t.schema == "entity" for c in t.checks()]
    assert [r for r in run_checks(b.con, [], [*checks, *id_checks()]) if not r.passed] == []


def test_site_of_a_flat_within_a_flat_is_the_topmost_and_a_circle_of_parents_does_no_harm() -> None:
    b = borough()
    b.address("30", HIGH, pao=12, sao_text="ROOM 1 FLAT 2", parent="3")
    b.address("40", HIGH, pao=60, parent="41")
    b.address("41", HIGH, pao=60, sao=1, parent="40")
    b.address("50", HIGH, pao=70, parent="4711")
    b.resolve()
    parents = dict(
        b.rows(
            "select a.uprn, p.uprn from entity.address a left join entity.address p on p.address_id = a.parent_address_id"
        )
    )
    assert parents["30"] == "1"
    assert (parents["40"], parents["41"], parents["50"]) == (None, None, None)


def test_deleted_addresses_are_gone() -> None:
    b = borough()
    b.gazetteer["blpu"][7]["change_type"] = "D"
    b.calls("8 Market Place")
    assert b.resolve().found()["a"][0] is None


def test_ids_stay_when_the_gazetteer_and_the_records_change() -> None:
    """New flats, new records and a changed text leave every id; the records' order plays no part."""
    b = borough().calls("Flat 1, 12 High Street", "99 Nowhere Road").resolve()
    before = dict(b.rows("select label, address_id from entity.address"))
    b.address("31", HIGH, pao=12, sao=7, parent="1")
    b.calls("12 High Street Flat 1", "99 Nowhere Rd, EM7 7ZZ", "40 High Street")
    for rows in b.gazetteer.values():
        random.Random(1).shuffle(rows)
    b.resolve("run 2")
    after = dict(b.rows("select label, address_id from entity.address"))
    after["99 Nowhere Road"] = after.pop("99 Nowhere Road, EM7 7ZZ")
    assert {label: after[label] for label in before} == before
    changes = b.rows("select kind, count(*) from entity.id_history where run_id = 'run 2' group by all")
    assert changes == [("create", 1)]
    tables = b.tables()
    b.resolve("run 3")
    assert b.tables() == tables, "nothing changes where nothing changed"


def test_city_without_a_gazetteer_joins_its_records_among_themselves() -> None:
    b = Borough()
    b.calls("Flat 1, 12 High Street, Eastmere", "12 High St", "Manor Farm")
    city = CITY.model_copy(update={"gazetteer": None})
    take_in(b.con, city, [CALLS], "run 1")
    assert b.together("site") == partition("ab")
    assert b.rows("select label from entity.address order by level") == [
        ("12 High Street",),
        ("Flat 1, 12 High Street",),
    ]


FLATS = st.lists(
    st.tuples(st.sampled_from(["1", "2", "3", "14A", "14C", "A", "B"]), st.integers(0, 4)),
    min_size=2,
    max_size=7,
)
WAYS = ["Flat {}, 12 High Street", "12 High St, Flat {}", "Apt {} 12 High Street, EM1 2AB", "FLAT {} 12 HIGH STREET EASTMERE", "flat {},12 high st,em12ab"]  # fmt: skip


@settings(derandomize=True, deadline=None, max_examples=5, phases=(Phase.explicit, Phase.generate))
@given(FLATS, st.sets(st.sampled_from(["1", "2", "14A"])))
def test_two_flats_never_share_a_unit(flats: list[tuple[str, int]], held: set[str]) -> None:
    """However they are written, and whether the gazetteer holds them or not."""
    b = Borough()
    b.address("1", HIGH, pao=12)
    for n, flat in enumerate(sorted(held)):
        b.address(str(10 + n), HIGH, pao=12, sao_text=f"FLAT {flat}", parent="1")
    b.calls(*(WAYS[way].format(flat) for flat, way in flats)).resolve()
    keys = dict(zip("abcdefgh", (flat for flat, _ in flats), strict=False))
    units = {frozenset(keys[k] for k in unit if k in keys) for unit in b.together("unit")} - {frozenset()}
    assert units == {frozenset({flat}) for flat, _ in flats}


def test_points_come_from_the_national_grid() -> None:
    """Ordnance Survey's worked example (its WGS 84 place as other converters give it), and points that are none."""
    with duckdb.connect() as con:
        con.execute(
            "create temp table grid_point as select * from (values (651409.903, 313177.270), (400000, 100000), "
            "(-1, 5), (null, null), (9e9, 5)) t(easting, northing)"
        )
        con.execute(sql_file("entities/national_grid.sql"))
        found = {
            round(e): (lat, lon)
            for e, lat, lon in con.execute("select easting, lat, lon from grid_place").fetchall()
        }
    assert found.keys() == {651410, 400000}
    lat, lon = found[651410]
    assert math.hypot((lat - 52.657977) * 111195, (lon - 1.716038) * 111195 * math.cos(math.radians(lat))) < 5


def test_record_is_placed_by_its_own_easting_and_northing() -> None:
    b = Borough()
    b.put(
        CALLS,
        [
            {"key": "a", "address": "99 Nowhere Road", "easting": 600001.0, "northing": 300000.0},
            {"key": "b", "address": "98 Nowhere Road", "easting": 1.0, "northing": 1.0},
        ],
    )
    b.resolve()
    found = b.rows("select round(lat, 3), round(lon, 3), located_by from entity.address order by number")
    assert found == [(None, None, "none"), (52.561, 0.949, "records")]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("12 High Street", ["12 High Street, EM1 2AB"]),
        ("Flat 3, 12 High Street", ["12 High Street, EM1 2AB"]),
        ("Flat 1, 12 high st", ["Flat 1, 12 High Street, EM1 2AB", "12 High Street, EM1 2AB"]),
        ("EM2 3AB", ["Manor Farm, Church Lane, EM2 3AB"]),
        ("12 High Street, EM9 9ZZ", []),
        ("10 Market Place, Eastmere", ["8-10 Market Place, EM1 3AX"]),
        ("Manor Farm", ["Manor Farm, Church Lane, EM2 3AB"]),
        ("High Street", []),
        ("Golden Dragon", []),
    ],
)
def test_360_finds_an_address(asked: str, expected: list[str], resolved_borough: Borough) -> None:
    ids = _at(resolved_borough.con, "en_GB", "Eastmere", asked)
    labels = dict(resolved_borough.rows("select address_id, label from entity.address"))
    assert [labels[i] for i in ids] == expected


@pytest.fixture(scope="module")
def resolved_borough() -> Borough:
    return borough().resolve()


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ([GAZETTEER["blpu"], TAX], "no feed custodian/lpi is declared"),
        (
            [feed("custodian", "blpu", ["uprn"], key=["uprn"])],
            "custodian/blpu: a BS7666 gazetteer needs columns change_type, entry_date",
        ),
    ],
)
def test_gazetteer_that_lacks_something_is_told(feeds: list[Feed], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        gazetteer_feeds(CITY, feeds)


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ({"text": ["address", "town"]}, "there is no column town"),
        ({"text": []}, "text: name one column or more"),
        ({"postcode": "address"}, "text: name one column or more"),
        ({"text": "address", "easting": "easting"}, "give both easting and northing"),
        (
            {"text": "address", "easting": "easting", "northing": "northing", "lat": "name"},
            "easting and northing, or lat and lon, not both",
        ),
        ({"text": "address", "uprn": "number"}, "there is no column number"),
        (
            {"text": "address", "reference": {"scheme": "council_tax", "column": "account"}},
            "there is no column account",
        ),
        (
            {"text": "address", "reference": {"scheme": "rent", "column": "key"}},
            "reference: its scheme has to be one of council_tax, non_domestic_rates",
        ),
    ],
)
def test_fault_in_an_address_role_is_told(address: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        feed("contact", "calls", CALLS.columns, key=["key"], address=address)


def test_empty_parts_of_an_address_in_several_columns_leave_no_trace() -> None:
    b = Borough()
    b.put(
        TAX,
        [{"account": "a", "line_1": "Flat 1", "line_2": "12 High Street"}, {"account": "b", "line_1": " "}],
    )
    b.resolve()
    found = b.rows("select record_key, address_text from entity.observation order by 1")
    assert found == [("a", "Flat 1, 12 High Street"), ("b", None)]
