"""How US street addresses are read. All addresses are made up; the town is Chicago where one is named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.rebuild import sql_file


class Parsed(NamedTuple):
    low: int | None
    high: int | None
    direction: str | None
    street: str
    suffix: str | None = None
    unit: str | None = None
    zip: str | None = None
    town: str | None = None


def parse(texts: Iterable[str], town: str = "CHICAGO") -> dict[str, Parsed | None]:
    """What is read from each text; None where no number and street can be told."""
    found: dict[str, Parsed | None] = dict.fromkeys(texts)
    with duckdb.connect() as con:
        con.execute("set variable city_name = ?", [town])
        con.execute("create temp table address_string (address_text varchar)")
        con.execute("insert into address_string select unnest(?::varchar[])", [list(found)])
        con.execute(sql_file("entities/address_us.sql"))
        rows = con.execute(
            "select address_text, number_low, number_high, direction, street, suffix, unit, zip, locality from parsed_address"
        ).fetchall()
    assert len(rows) == len({r[0] for r in rows}), "an address is read twice"
    return found | {r[0]: Parsed(*r[1:]) for r in rows}


def one(number: int, *rest: str | None) -> Parsed:
    return Parsed(number, number, *rest)  # type: ignore[arg-type]


FERN = ("N", "FERN", "AVE")
KNOWN = {
    # numbers
    "3813 N FERN AVE": one(3813, *FERN),
    "3813-15 N FERN AVE": Parsed(3813, 3815, *FERN),
    "3813-3815 N FERN AVE": Parsed(3813, 3815, *FERN),
    "3813 - 3815 N FERN AVE": Parsed(3813, 3815, *FERN),
    "3813/15 N FERN AVE": Parsed(3813, 3815, *FERN),
    "3813 TO 3815 N FERN AVE": Parsed(3813, 3815, *FERN),
    "3898-02 N FERN AVE": one(3898, *FERN),
    "3801-05 N FERN AVE": Parsed(3801, 3805, *FERN),
    "3813-05 N FERN AVE": one(3813, *FERN),
    "3815-3813 N FERN AVE": one(3815, *FERN),
    "3813-9813 N FERN AVE": one(3813, *FERN),
    "100-200 N FERN AVE": Parsed(100, 200, *FERN),
    "100-202 N FERN AVE": one(100, *FERN),
    "00040 N FERN AVE": one(40, *FERN),
    "2800B N FERN AVE": one(2800, *FERN),
    "2800-B N FERN AVE": one(2800, *FERN),
    "2800 B N FERN AVE": one(2800, *FERN),
    "2800A-2802A N FERN AVE": Parsed(2800, 2802, *FERN),
    "1046-1/2 N FERN AVE": one(1046, *FERN),
    "1046 1/2 N FERN AVE": one(1046, *FERN),
    "1046-48 1/2 N FERN AVE": Parsed(1046, 1048, *FERN),
    "10, 12 N FERN AVE": one(10, *FERN),
    "10 & 12 N FERN AVE": one(10, *FERN),
    # directions
    "1600 W NORTH AVE": one(1600, "W", "NORTH", "AVE"),
    "1600 NORTH AVE": one(1600, None, "NORTH", "AVE"),
    "1600 W NORTH": one(1600, "W", "NORTH"),
    "1600 North Fern Ave": one(1600, *FERN),
    "1600 N. FERN AVE.": one(1600, *FERN),
    "1600 E NORTH WATER ST": one(1600, "E", "NORTH WATER", "ST"),
    "1600 FERN AVE": one(1600, None, "FERN", "AVE"),
    # streets
    "4700 S ST LAWRENCE AVE": one(4700, "S", "ST LAWRENCE", "AVE"),
    "4700 S SAINT LAWRENCE AVE": one(4700, "S", "ST LAWRENCE", "AVE"),
    "4700 S ST LAWRENCE": one(4700, "S", "ST LAWRENCE"),
    "4700 ST LAWRENCE AVE": one(4700, None, "ST LAWRENCE", "AVE"),
    "10500 S AVENUE O": one(10500, "S", "AVENUE O"),
    "10500 S AVE O": one(10500, "S", "AVENUE O"),
    "10500 S AVE O 1ST FL": one(10500, "S", "AVENUE O", None, "FLOOR 1"),
    "3500 S DR MARTIN LUTHER KING JR DR": one(3500, "S", "DR MARTIN LUTHER KING JR", "DR"),
    "3500 S DR MARTIN LUTHER KING JR DRIVE STE 4": one(3500, "S", "DR MARTIN LUTHER KING JR", "DR", "UNIT 4"),
    "500 E 63RD ST": one(500, "E", "63RD", "ST"),
    "500 E 63 ST": one(500, "E", "63RD", "ST"),
    "500 E 63 RD ST": one(500, "E", "63RD", "ST"),
    "500 E 63RD": one(500, "E", "63RD"),
    "18 W 18 TH ST": one(18, "W", "18TH", "ST"),
    "18 W 112 PL": one(18, "W", "112TH", "PL"),
    "18 W 21 ST": one(18, "W", "21ST", "ST"),
    "18 W 22 ND PL": one(18, "W", "22ND", "PL"),
    "12 N BROADWAY": one(12, "N", "BROADWAY"),
    "12 W COURT PL": one(12, "W", "COURT", "PL"),
    "12 N RIVER PLAZA DR": one(12, "N", "RIVER PLZ", "DR"),
    "12 N FERN AVENUE AVE": one(12, *FERN),
    "12 N O'LEARY ST": one(12, "N", "OLEARY", "ST"),
    "12 N O’LEARY ST": one(12, "N", "OLEARY", "ST"),
    "12 N CAFÉ ST": one(12, "N", "CAFE", "ST"),
    "12 N FERN (2200W) AVE": one(12, *FERN),
    "12 N FERN (2200W)": one(12, "N", "FERN"),
    "12 N FERN BOULEVARD": one(12, "N", "FERN", "BLVD"),
    # units
    "12 N FERN AVE 1ST": one(12, *FERN, "FLOOR 1"),
    "12 N FERN AVE 1ST FL": one(12, *FERN, "FLOOR 1"),
    "12 N FERN AVE, FL 1st": one(12, *FERN, "FLOOR 1"),
    "12 N FERN AVE FLOOR 1": one(12, *FERN, "FLOOR 1"),
    "12 N FERN AVE 1F": one(12, *FERN, "FLOOR 1"),
    "12 N FERN AVE 12TH FLOOR": one(12, *FERN, "FLOOR 12"),
    "12 N FERN AVE STE 200": one(12, *FERN, "UNIT 200"),
    "12 N FERN AVE, SUITE #200": one(12, *FERN, "UNIT 200"),
    "12 N FERN AVE #30": one(12, *FERN, "UNIT 30"),
    "12 N FERN AVE # 30": one(12, *FERN, "UNIT 30"),
    "12 N FERN AVE BSMT": one(12, *FERN, "BSMT"),
    "12 N BROADWAY STE 4": one(12, "N", "BROADWAY", None, "UNIT 4"),
    "12 N BROADWAY 2ND FL": one(12, "N", "BROADWAY", None, "FLOOR 2"),
    "500 E 63RD 2ND FL": one(500, "E", "63RD", None, "FLOOR 2"),
    # one line with town, state and ZIP code
    "12 N FERN AVE CHICAGO, IL 60699": one(12, *FERN, None, "60699"),
    "12 N FERN AVE CHICAGO , IL 60699-1234": one(12, *FERN, None, "60699"),
    "12 N FERN AVE STE 4 CHICAGO, IL 60699": one(12, *FERN, "UNIT 4", "60699"),
    "12 N FERN AVE CHICAGO IL": one(12, *FERN),
    "12 N FERN AVE CHICAGO": one(12, *FERN),
    "12 N FERN ST 60699": one(12, "N", "FERN", "ST", None, "60699"),
    "12 N FERN CT CHICAGO CT 60699": one(12, "N", "FERN", "CT", None, "60699"),
    "12 N FERN CT 60699": one(12, "N", "FERN", "CT", None, "60699"),
    "12 N BROADWAY CHICAGO, IL 60699": one(12, "N", "BROADWAY", None, None, "60699"),
    "12 W CHICAGO": one(12, "W", "CHICAGO"),
    "12 W CHICAGO CHICAGO, IL 60699": one(12, "W", "CHICAGO", None, None, "60699"),
    "12 W CHICAGO AVE CHICAGO, IL 60699": one(12, "W", "CHICAGO", "AVE", None, "60699"),
    "12 N FERN AVE, CHICAGO, IL 60699": one(12, *FERN, None, "60699", "CHICAGO"),
    "12 N FERN AVE, CHICAGO, 60699": one(12, *FERN, None, "60699"),
    # another town
    "12 N FERN AVE, SKOKIE, IL 60699": one(12, *FERN, None, "60699", "SKOKIE"),
    "12 N FERN AVE SKOKIE, IL 60699": one(12, *FERN, None, "60699", "SKOKIE"),
    "12 N FERN AVE STE 4 ELK GROVE VILLAGE, IL 60699": one(12, *FERN, "UNIT 4", "60699", "ELK GROVE VILLAGE"),
    "12 S FERN ST EAST OAK PARK, IL 60699": one(12, "S", "FERN", "ST", None, "60699", "EAST OAK PARK"),
    "12 N BROADWAY, SKOKIE, IL": one(12, "N", "BROADWAY", None, None, None, "SKOKIE"),
    "12 N FERN AVE FRONT, IL 60699": one(12, *FERN, "FRONT", "60699"),
    "12, N FERN AVE, IL 60699": one(12, *FERN, None, "60699"),
    "12 N FERN AVE IL": one(12, *FERN),
    # directions of two letters, and after the street
    "222 7TH ST SE": one(222, None, "7TH", "ST SE"),
    "222 7th Street Southeast": one(222, None, "7TH", "ST SE"),
    "222 7TH ST NW STE 4": one(222, None, "7TH", "ST NW", "UNIT 4"),
    "222 NE 7TH ST": one(222, "NE", "7TH", "ST"),
    "222 Southwest Fern Ave": one(222, "SW", "FERN", "AVE"),
    "44 W 29TH ST N": one(44, "W", "29TH", "ST N"),
    "44 N FERN AVE N": one(44, *FERN, "N"),
    "4140 W 5400 S": one(4140, "W", "5400", "S"),
    "123 W 5TH NORTH": one(123, "W", "5TH", "N"),
    "1600 NORTH AVE STE 4": one(1600, None, "NORTH", "AVE", "UNIT 4"),
    "6100 N NORTHWEST HWY": one(6100, "N", "NORTHWEST", "HWY"),
    # roads with numbers
    "7104 HIGHWAY 62 W": one(7104, None, "HIGHWAY 62", "W"),
    "7104 N HWY 62": one(7104, "N", "HIGHWAY 62"),
    "7104 U.S. HWY. NO. 62 STE 4": one(7104, None, "US HIGHWAY 62", None, "UNIT 4"),
    "7104 US-62": one(7104, None, "US HIGHWAY 62"),
    "7104 ST RTE 62": one(7104, None, "STATE ROUTE 62"),
    "7104 STATE RT 62": one(7104, None, "STATE ROUTE 62"),
    "7104 SR 62": one(7104, None, "STATE ROUTE 62"),
    "7104 CO RD Y": one(7104, None, "COUNTY ROAD Y"),
    "7104 IH35": one(7104, None, "INTERSTATE 35"),
    "7104 OHIO HWY 62": one(7104, None, "OHIO HIGHWAY 62"),
    # further streets
    "12 FIRST AVE": one(12, None, "1ST", "AVE"),
    "12 COURT HOUSE SQ": one(12, None, "COURT HOUSE", "SQ"),
    "12 FERN PLAZA CIRCLE STE 4": one(12, None, "FERN PLZ", "CIR", "UNIT 4"),
    "12 N FERN AVE STREET LEVEL": one(12, *FERN, "STREET LEVEL"),
    "12 N FERN AVE TER 3": one(12, *FERN, "TER 3"),
    "12 N FERN ST FOOD CT": one(12, "N", "FERN", "ST", "FOOD CT"),
    # one number with a hyphen
    "94-210 FERN ST": one(94210, None, "FERN", "ST"),
    "41-05 FERN ST": one(4105, None, "FERN", "ST"),
    # two addresses of one building: the first; a box beside a street
    "800 N FERN / 10 E OAK ST": one(800, "N", "FERN"),
    "800 N FERN AVE AND 10 E OAK ST": one(800, *FERN),
    "12 N FERN AVE PO BOX 5": one(12, *FERN),
    # what stands before the number
    "REAR OF 12 N FERN AVE": one(12, *FERN, "REAR"),
    "REAR 12 N FERN AVE": one(12, *FERN, "REAR"),
    "SUITE 4, 12 N FERN AVE": one(12, *FERN, "UNIT 4"),
    "OAK BUSINESS PARK, 12 N FERN AVE BLDG 5": one(12, *FERN, "BLDG 5"),
    "OAK BUSINESS PARK, 12 FERN AVE": one(12, None, "FERN", "AVE"),
    "12 N FERN AVE STE": one(12, *FERN),
    "12 N FERN AVE 1 & 2": one(12, *FERN, "1 AND 2"),
    # nothing to be told
    "PO BOX 12": None,
    "P.O. Box 12, CHICAGO, IL 60699": None,
    "RR 2 BOX 15": None,
    "HIGHWAY 59 NORTH": None,
    "": None,
    "   ": None,
    "12": None,
    "FERN AVE": None,
    "REDACTED FOR PRIVACY": None,
    "[REDACTED FOR PRIVACY] CHICAGO, IL 60699": None,
    "0 N FERN AVE": None,
    "63RD ST": None,
    "1234567 N FERN AVE": None,
    "北京市 12": None,
    "\x00\n": None,
}


@pytest.fixture(scope="module")
def read() -> dict[str, Parsed | None]:
    """All known addresses at once, as a run reads them."""
    return parse(KNOWN)


@pytest.mark.parametrize("text", KNOWN)
def test_address_is_read_as_expected(read: dict[str, Parsed | None], text: str) -> None:
    assert read[text] == KNOWN[text]


def test_capitals_and_extra_spaces_make_no_difference(read: dict[str, Parsed | None]) -> None:
    for changed in (
        {t: t.lower() for t in KNOWN},
        {t: "  " + t.replace(" ", "   ") + "\t" for t in KNOWN},
    ):
        again = parse(changed.values())
        assert {t: again[c] for t, c in changed.items()} == read


def test_town_with_punctuation_in_its_name_is_cut_off() -> None:
    text = "12 N FERN AVE ST. JOHN'S, MO 60699"
    assert parse([text], town="ST. JOHN'S") == {text: one(12, *FERN, None, "60699")}


@pytest.mark.parametrize(
    "text",
    [
        "FERN AVE & 63RD ST",
        "63rd St. and Fern Avenue",
        "CORNER OF N FERN AVE AND E 63 ST",
        "SE CORNER 63RD ST / FERN AVE",
        "FERN AVE @ 63RD ST CHICAGO, IL",
    ],
)
def test_corner_of_two_streets_is_told_in_either_order(text: str) -> None:
    assert parse([text])[text] == Parsed(None, None, None, "63RD ST & FERN AVE")


@pytest.mark.parametrize(
    "text", ["FERN AVE AND FERN AVE", "BETWEEN FERN AND OAK", "FERN AVE AND", "1 & 2", "N/A"]
)
def test_what_is_no_corner(text: str) -> None:
    assert parse([text])[text] is None


@pytest.mark.parametrize(
    ("text", "letter"), [("12B N FERN AVE", "B"), ("12 1/2 N FERN AVE", "1/2"), ("T703 N FERN AVE", "T")]
)
def test_letter_or_fraction_of_a_number_is_kept_beside_it(text: str, letter: str) -> None:
    with duckdb.connect() as con:
        con.execute("set variable city_name = 'CHICAGO'")
        con.execute("create temp table address_string as select ? as address_text", [text])
        con.execute(sql_file("entities/address_us.sql"))
        assert con.execute("select number_suffix from parsed_address").fetchall() == [(letter,)]


def test_what_was_read_is_read_the_same_again(read: dict[str, Parsed | None]) -> None:
    """An address written out from its parts has those parts."""
    written = {}
    for parsed in filter(None, read.values()):
        number = str(parsed.low) if parsed.low == parsed.high else f"{parsed.low}-{parsed.high}"
        parts = [number, parsed.direction, parsed.street, parsed.suffix, parsed.unit]
        written[" ".join(p for p in parts if p)] = parsed._replace(zip=None, town=None)
    assert parse(written) == written


WORDS = [
    "12", "0", "3813-15", "1/2", "63RD", "18", "TH", "N", "S", "WEST", "NORTH", "AVE", "AVENUE", "ST", "STREET",
    "CT", "DR", "O", "B", "FERN", "ST LAWRENCE", "STE", "#4", "FL", "1ST", "CHICAGO", "IL", "60699", "-", "/", "(",
    ")", "'", ",", "É", "ß", "\u3000", "999999", "-999999", "\n",
]  # fmt: skip
TEXT = st.one_of(st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join), st.text(max_size=30))


@settings(derandomize=True, deadline=None, max_examples=10, phases=(Phase.explicit, Phase.generate))
@given(st.lists(TEXT.map(lambda t: t.replace("\x00", "")), min_size=40, max_size=60))
def test_anything_is_read_without_error_and_in_order(texts: list[str]) -> None:
    for text, parsed in parse(texts).items():
        if parsed is None:
            continue
        if parsed.low is None or parsed.high is None:
            assert " & " in parsed.street, text
            continue
        assert 0 < parsed.low <= parsed.high <= parsed.low + 100, text
        assert parsed.street and parsed.street == parsed.street.strip(), text
        assert parsed.direction in (None, "N", "S", "E", "W", "NE", "NW", "SE", "SW"), text
        assert "" not in parsed, text


def test_very_long_text_is_read_in_bounded_time() -> None:
    """Regular expressions here need time in proportion to the text: 200,000 characters are no trouble."""
    long = {"12 N " + "FERN " * 40_000 + "AVE", "1" * 200_000, "12 N FERN AVE " + "A" * 200_000}
    read = parse(long)
    assert {p.street[:4] for p in read.values() if p} == {"FERN"}
