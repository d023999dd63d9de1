"""What columns look like: each recogniser on values it has to know and on values it must not take for them.

All values are made up. Names of columns are neutral where the values alone have to tell.
"""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.feeds.drafting.recognise import pattern, words_of
from city_platform_tests.feeds.drafting.desk import FAMILY, GIVEN, looks_of

NINOS = ["AB123456C", "JG 10 37 59 A", "ce654321d", "PX000001B", "KA987654"]
LATS = [f"53.{n:04d}" for n in range(7000, 7060)]
LONS = [f"-1.{n:04d}" for n in range(5000, 5060)]
WHOLE = [f"{GIVEN[n % 12]} {FAMILY[n % 11]}" for n in range(40)]


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        ("email", "c1", ["ann@example.org", "b.o'neil@council.example.gov.uk"]),
        ("nino", "c1", NINOS),
        ("nino", "NI Number", ["QQ123456C", "DD654321A"]),  # of the form, but never given out
        ("postcode", "c1", ["LS1 4AP", "bd16 1pu", "SW1A 1AA", "M11AE", "GIR 0AA"]),
        ("postcode", "PCD", ["LS1 4AP", "", "unknown", "HX7 8AD"]),
        ("phone", "c1", ["01274 555 123", "+44 7700 900123", "(0113) 496 0001"]),
        ("company_number", "c1", ["01234567", "SC123456", "00445790", "OC301234", "NI012345"]),
        ("company_number", "Company Reg No", ["01234567", "445790", "12345678"]),
        ("uprn", "UPRN", ["100050123456", "10002345", "72"]),
        ("uprn", "c1", [f"1000501{n:05d}" for n in range(20)]),
        ("usrn", "usrn", ["12345678", "20301122"]),
        ("person_title", "c1", ["Mr", "Mrs", "Dr.", "Ms"]),
        ("given_name", "c1", GIVEN),
        ("given_name", "FORENAME", ["Xanthe", "Ngozi", "Wei"]),
        ("family_name", "SurName", ["Featherstonehaugh", "Okonkwo", "Li"]),
        ("family_name", "c1", "Smith Jones Taylor Brown Wilson Khan Patel Hussain Walker White".split()),
        ("full_name", "c1", WHOLE),
        ("full_name", "c1", ["Mr P Sutcliffe", "Mrs Aisha Khan", "Dr Naylor"]),
        ("date_of_birth", "DOB", ["01/02/1950", "17/11/1988", "28/02/2001"]),
        ("date_of_birth", "tenant_date_of_birth", ["1950-02-01", "1988-11-17"]),
        (
            "owner_name",
            "Ratepayer",
            ["Acme Ltd", "J Sutcliffe", "Boots Uk Limited", "The Occupier", "Mrs Shah"],
        ),
        ("business_name", "c1", [f"{f}'s {k}" for f in FAMILY for k in ("Cafe", "Garage", "Pizza Ltd")]),
        ("business_name", "Trading Name", ["Xoco", "Blue Door", "No. 7", "Ember", "Zest", "The Hive", "Fin"]),
        (
            "address",
            "c1",
            ["12 Mill Lane, Ourtown", "Flat 2, 7 High Street", "Unit 4 Moor Road", "1A Church Close"],
        ),
        ("address_line", "Address Line 2", ["Ourtown", "Nr Keighley", "Mill Lane"]),
        ("town", "Post Town", ["Bingley", "Otley", "Heckmondwike"]),
        ("town", "c1", ["Leeds", "Bradford", "Halifax", "Leeds"] * 10),
        ("ward", "WARD_NAME", ["Keighley East", "Ilkley"]),
        ("amount", "Net amount (£)", ["12.50", "1000", "7.99"]),
        ("identifier", "licence_no", ["L1001", "L1002", "L1003", "L1004"]),
        ("identifier", "c1", [f"PRM{n:05d}" for n in range(30)]),
        (
            "free_text",
            "Officer notes",
            [f"The owner said on visit {n} that the door would be mended soon" for n in range(30)],
        ),
        ("about_a_person", "Ethnicity", ["White British", "Pakistani", "Chinese"]),
    ],
)
def test_a_column_is_recognised(kind: str, name: str, values: list[str]) -> None:
    assert looks_of({name: values})[name].kind == kind


@pytest.mark.parametrize(
    ("kind", "name", "values"),
    [
        (
            "nino",
            "c1",
            ["BG123456C", "GB123456A", "AO123456B", "QQ123456C", "AB12345C"],
        ),  # prefixes that are none
        ("postcode", "c1", ["A1B2C3", "LS1", "QX1 1AA", "LS1 4CV"]),
        ("phone", "c1", [f"{n}" for n in range(10_000_000, 10_000_040)]),
        ("company_number", "c1", [f"{n}" for n in range(20_190_101, 20_190_130)]),  # days without marks
        ("company_number", "usrn", ["12345678", "20301122"]),
        ("uprn", "amount", ["100", "250", "99"]),
        ("given_name", "c1", ["Red", "Green", "Blue", "Black"]),
        ("given_name", "breed", ["Rex", "Rosie", "Ruby", "Max"]),
        ("family_name", "Street", ["King", "Church", "Mill", "Hall"]),
        ("full_name", "c1", ["Shop and premises", "Office and premises", "Workshop"]),
        ("full_name", "Town", ["Hebden Bridge", "Sowerby Bridge", "Robin Hood"]),
        ("full_name", "c1", [f"{f}'s {k}" for f in GIVEN for k in ("Cafe", "Garage Ltd", "Pizza")]),
        ("date_of_birth", "Opened", ["01/02/1950", "17/11/1988", "28/02/2001"]),
        ("address", "description", ["Shop and premises", "Road sweeper", "Office"]),
        ("business_name", "c1", WHOLE),
        ("business_name", "Property type", ["Restaurant", "Shop", "School"] * 20),
        ("amount", "Account number", ["1001", "1002", "1003"]),
        (
            "owner_name",
            "license_description",
            ["Retail Food Establishment", "Tavern", "Limited Business License"] * 9,
        ),
        ("email", "c1", ["none", "n/a@", "@home"]),
    ],
)
def test_a_column_is_not_taken_for_what_it_is_not(kind: str, name: str, values: list[str]) -> None:
    look = looks_of({name: values}).get(name)
    assert look is None or look.kind != kind


def test_coordinates_are_known_by_name_and_by_each_other() -> None:
    named = looks_of({"Latitude": LATS, "Long": LONS})
    assert [named[n].kind for n in ("Latitude", "Long")] == ["latitude", "longitude"]
    neutral = looks_of({"c1": LATS, "c2": LONS})
    assert [neutral[n].kind for n in ("c1", "c2")] == ["latitude", "longitude"]


def test_swapped_axes_are_noticed() -> None:
    found = looks_of({"latitude": LONS, "longitude": LATS})
    assert [found[n].kind for n in ("latitude", "longitude")] == ["longitude", "latitude"]
    assert "swapped" in found["latitude"].note
    grid = looks_of({"Easting": ["812345", "810022"], "Northing": ["312345", "312000"]})
    assert [grid[n].kind for n in ("Easting", "Northing")] == ["northing", "easting"]


def test_a_grid_that_is_not_the_british_one_is_left_to_a_person() -> None:
    grid = {"x_coordinate": ["1166137.9", "1160000.1"], "y_coordinate": ["1860813.6", "1861000.2"]}
    assert {look.kind for look in looks_of(grid).values()} == {"x", "y"}
    assert not any(look.is_sure for look in looks_of(grid, "US").values())
    british = looks_of({"x_coordinate": ["429900", "430100"], "y_coordinate": ["433500", "433900"]})
    assert [look.kind for look in british.values()] == ["easting", "northing"]


def test_american_forms_are_known_in_american_cities() -> None:
    found = looks_of(
        {
            "zip": ["60614", "60601-1234"],
            "c2": ["(312) 555-0123", "773-555-0188"],
            "c3": ["1 N STATE ST", "5 W LAKE AVE"],
        },
        "US",
    )
    assert [look.kind for look in found.values()] == ["postcode", "phone", "address"]


def test_the_order_of_a_whole_name_is_found() -> None:
    assert looks_of({"c1": WHOLE})["c1"].order == "given_family"
    assert (
        looks_of({"c1": [f"{v.split()[1].upper()}, {v.split()[0]}" for v in WHOLE]})["c1"].order
        == "family_given"
    )
    assert looks_of({"c1": [f"{v.split()[1]} {v.split()[0]}" for v in WHOLE]})["c1"].order == "family_given"


def test_days_beside_names_that_spread_over_a_life_are_personal() -> None:
    days = [f"{1930 + n}-03-0{1 + n % 9}" for n in range(60)]
    assert looks_of({"c1": WHOLE, "c2": days})["c2"].is_personal
    assert "c2" not in looks_of({"c1": ["Red", "Green"], "c2": days})


@given(st.from_regex(r"[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]", fullmatch=True))
@settings(max_examples=25, deadline=None)
def test_what_has_the_form_of_a_number_is_one_whatever_its_digits(number: str) -> None:
    expected = number[:2] not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ")
    look = looks_of({"c1": [number]}).get("c1")
    assert (look is not None and look.kind == "nino") == expected


@given(st.text(max_size=80))
@settings(max_examples=100, deadline=None)
def test_a_pattern_tells_no_letter_and_no_digit(value: str) -> None:
    shown = pattern(value)
    assert len(shown) == len(value[:60])
    assert not {c for c in shown if c.isalpha() and c.isascii()} - set("Aa")
    assert not {c for c in shown if c.isdigit() and c.isascii()} - set("9")


def test_words_of_a_name_are_found_however_it_is_written() -> None:
    for name in ("tradingName", "TRADING_NAME", "Trading name", "Trading-Name "):
        assert words_of(name) == ["trading", "name"]
