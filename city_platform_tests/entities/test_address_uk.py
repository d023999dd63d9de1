"""How UK addresses are read. All addresses are made up; the places are Eastmere and Lower Eastmere where none is said."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.entities.parsed import read_addresses


class Parsed(NamedTuple):
    low: int | None = None
    high: int | None = None
    letter: str | None = None
    street: str | None = None
    unit: str | None = None
    premises: str | None = None
    postcode: str | None = None


def parse(
    texts: Iterable[str], places: Sequence[str] = ("Eastmere", "Lower Eastmere"), streets: Sequence[str] = ()
) -> dict[str, Parsed]:
    """What is read from each text."""
    wanted = list(dict.fromkeys(texts))
    with duckdb.connect() as con:
        con.execute("create temp table place_name as select unnest(?::varchar[]) as name", [list(places)])
        con.execute(
            "create temp table known_street as select unnest(?::varchar[]) as street", [list(streets)]
        )
        con.execute(
            "create temp table address_string as select unnest(?::varchar[]) as address_text", [wanted]
        )
        read_addresses(con, "en_GB")
        rows = con.execute(
            "select address_text, number_low, number_high, number_suffix, street, unit, premises, zip "
            "from parsed_address"
        ).fetchall()
    assert len(rows) == len(wanted), "every address is read, and once"
    return {r[0]: Parsed(*r[1:]) for r in rows}


def door(number: int, street: str, unit: str | None = None, **rest: str | int | None) -> Parsed:
    return Parsed(number, number, street=street, unit=unit)._replace(**rest)


def named(premises: str, street: str | None = None, unit: str | None = None, **rest: str | None) -> Parsed:
    return Parsed(premises=premises, street=street, unit=unit)._replace(**rest)


HIGH = "HIGH STREET"
KNOWN = {
    # numbers
    "12 High Street": door(12, HIGH),
    "12, High Street": door(12, HIGH),
    "12 HIGH ST.": door(12, HIGH),
    "No. 12 High Street": door(12, HIGH),
    "12A High Street": door(12, HIGH, letter="A"),
    "12 a High Street": door(12, HIGH, letter="A"),
    "012 High Street": door(12, HIGH),
    "8-10 Market Place": door(8, "MARKET PLACE", high=10),
    "8 - 10 Market Place": door(8, "MARKET PLACE", high=10),
    "8 to 10 Market Place": door(8, "MARKET PLACE", high=10),
    "8/10 Market Place": door(8, "MARKET PLACE", high=10),
    "10-8 Market Place": door(10, "MARKET PLACE"),
    # flats, each way of writing one
    "FLAT 3, 12 HIGH STREET, EASTMERE, EM1 2AB": door(12, HIGH, "FLAT 3", postcode="EM1 2AB"),
    "12/3 High St": door(12, HIGH, "FLAT 3"),
    "Flat 3 12 High Street": door(12, HIGH, "FLAT 3"),
    "Flat 3, 12, High Street": door(12, HIGH, "FLAT 3"),
    "Flat No. 3, 12 High Street": door(12, HIGH, "FLAT 3"),
    "Apartment 3, 12 High Street": door(12, HIGH, "FLAT 3"),
    "F3 12 High St": door(12, HIGH, "FLAT 3"),
    "12 High Street Flat 3": door(12, HIGH, "FLAT 3"),
    "12 High Street, Flat 3, Eastmere": door(12, HIGH, "FLAT 3"),
    "3, 12 High Street": door(12, HIGH, "FLAT 3"),
    "Flat A, 12 High Street": door(12, HIGH, "FLAT A"),
    "FLAT 14A, 12 HIGH STREET": door(12, HIGH, "FLAT 14A"),
    "FLAT 14C, 12 HIGH STREET": door(12, HIGH, "FLAT 14C"),
    "FLAT 14 A, 12 HIGH STREET": door(12, HIGH, "FLAT 14A"),
    "Flat 14 High Street": door(14, HIGH, "FLAT"),
    "The Flat, 12 High Street": door(12, HIGH, "FLAT"),
    "Flat above 12 High Street": door(12, HIGH, "FLAT ABOVE"),
    "Room 2, Flat 3, 12 High Street": door(12, HIGH, "FLAT 3 ROOM 2"),
    "Flat 3, Room 2, 12 High Street": door(12, HIGH, "FLAT 3 ROOM 2"),
    "Flat 3, Flat 3, 12 High Street": door(12, HIGH, "FLAT 3"),
    # floors
    "First Floor Flat, 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "First Floor Flat 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "Flat, First Floor, 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "1st Floor Flat, 8 Mill Ln": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "FFF 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "Flat 1st Floor, 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR FLAT"),
    "1st Fl, 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR"),
    "8 Mill Lane, Ground Floor": door(8, "MILL LANE", "GROUND FLOOR"),
    "Top Flat 8 Mill Lane": door(8, "MILL LANE", "TOP FLOOR FLAT"),
    "Basement Flat, 8 Mill Lane": door(8, "MILL LANE", "BASEMENT FLAT"),
    "First Floor Rear Flat, 8 Mill Lane": door(8, "MILL LANE", "FIRST FLOOR REAR FLAT"),
    "Basement Flat": Parsed(unit="BASEMENT FLAT"),
    "Flat 2, First Floor, 8 Mill Lane": door(8, "MILL LANE", "FLAT 2"),
    # buildings
    "3 Mill House, 10 Station Road": door(10, "STATION ROAD", "FLAT 3", premises="MILL HOUSE"),
    "Flat 3,Mill House,10 Station Road": door(10, "STATION ROAD", "FLAT 3", premises="MILL HOUSE"),
    "3 Mill House, Station Road": named("MILL HOUSE", "STATION ROAD", "FLAT 3"),
    "3 Mill House Station Road": named("MILL HOUSE", "STATION ROAD", "FLAT 3"),
    "Flat 2 Mill House Station Road": named("MILL HOUSE", "STATION ROAD", "FLAT 2"),
    "Flat 2, Mill Hse, Station Rd.": named("MILL HOUSE", "STATION ROAD", "FLAT 2"),
    "12 Beech Court, Station Road": named("BEECH COURT", "STATION ROAD", "FLAT 12"),
    "12 Beech Court, Eastmere": door(12, "BEECH COURT"),
    "12 Mill House Lane": door(12, "MILL HOUSE LANE"),
    "Unit 4 Riverside Business Park, Quay Road": named("RIVERSIDE BUSINESS PARK", "QUAY ROAD", "UNIT 4"),
    "4 Riverside Bus. Park, Quay Road": named("RIVERSIDE BUS PARK", "QUAY ROAD", "UNIT 4"),
    "Suite 4, Riverside Ind. Est., Quay Road": named("RIVERSIDE INDUSTRIAL ESTATE", "QUAY ROAD", "UNIT 4"),
    "Unit 3E/F, Quay Works, Quay Road": named("QUAY WORKS", "QUAY ROAD", "UNIT 3E/F"),
    "Unit 7A Quay Road": door(7, "QUAY ROAD", letter="A"),
    # names
    "Manor Farm, Church Lane, Lower Eastmere": named("MANOR FARM", "CHURCH LANE"),
    "Manor Farm Church Lane": named("MANOR FARM", "CHURCH LANE"),
    "The Old Rectory, Church Lane, Lower Eastmere, Eastmere": named("OLD RECTORY", "CHURCH LANE"),
    "The Old Rectory, Lower Eastmere EM2 3CD": named("OLD RECTORY", postcode="EM2 3CD"),
    "Rose and Crown Bridge Street": named("ROSE AND CROWN", "BRIDGE STREET"),
    "The Golden Dragon, 5 High Street": door(5, HIGH, premises="GOLDEN DRAGON"),
    "GOLDEN DRAGON 5 HIGH STREET": door(5, HIGH, premises="GOLDEN DRAGON"),
    "Kelly's & Sons, 5 High Street": door(5, HIGH, premises="KELLYS AND SONS"),
    "Church Lane, Lower Eastmere": Parsed(street="CHURCH LANE"),
    # beside and behind
    "rear of 21 High Street": door(21, HIGH, "REAR"),
    "R/O 21 High Street": door(21, HIGH, "REAR"),
    "Land adjacent to 21 High Street": door(21, HIGH, "LAND ADJACENT"),
    "Annexe at 21 High Street": door(21, HIGH, "ANNEXE"),
    "Land to the rear of 21 High Street": door(21, HIGH, "LAND REAR"),
    "Rear of the Crown, High Street": named("CROWN", HIGH, "REAR"),
    "Behind 21 High Street": door(21, HIGH, "REAR"),
    "Flat at rear of 21 High Street": door(21, HIGH, "FLAT REAR"),
    "Corner of Mill Lane and High Street": named("CORNER OF HIGH STREET AND MILL LANE", HIGH),
    "1 High Street/2 Mill Lane": door(1, HIGH),
    # parts that are shops, or flats in short
    "Shop, 12 High Street": door(12, HIGH, "UNIT"),
    "Sunnyside, F40 3 High Street": door(3, HIGH, "FLAT 40", premises="SUNNYSIDE"),
    "FC 24 High Street": door(24, HIGH, "FLAT C"),
    "Units 4-6 Riverside Business Park, Quay Road": named("RIVERSIDE BUSINESS PARK", "QUAY ROAD", "UNIT 4-6"),
    "Unit 4 Block B, Riverside Business Park, Quay Road": named("RIVERSIDE BUSINESS PARK", "QUAY ROAD", "BLOCK B UNIT 4"),
    # boxes
    "PO Box 123, Eastmere EM1 2AB": named("PO BOX 123", postcode="EM1 2AB"),
    "P.O. Box 77, 5 High Street": door(5, HIGH),
    "BFPO 12": named("BFPO 12"),
    # streets
    "9 St Mary's Rd": door(9, "SAINT MARYS ROAD"),
    "9 Saint Marys Road": door(9, "SAINT MARYS ROAD"),
    "9 Old St Marys Road": door(9, "OLD SAINT MARYS ROAD"),
    "9 High St Hadleigh": door(9, HIGH),
    "9 High Street Hadleigh Suffolk": door(9, HIGH),
    "9 The Green, Eastmere": door(9, "THE GREEN"),
    "9 Mill Hill Lane": door(9, "MILL HILL LANE"),
    "9 1st Avenue": door(9, "FIRST AVENUE"),
    "9 Broadway": door(9, "BROADWAY"),
    "9 Eastmere Road, Eastmere": door(9, "EASTMERE ROAD"),
    "9 Café Lane": door(9, "CAFE LANE"),
    "9 High Street\nEastmere\nem12ab": door(9, HIGH, postcode="EM1 2AB"),
    "9 High Street, Eastmere EM1 2AB, UK": door(9, HIGH, postcode="EM1 2AB"),
    # nothing, or little, to be told
    "EM1 2AB": Parsed(postcode="EM1 2AB"),
    "em12ab": Parsed(postcode="EM1 2AB"),
    "Eastmere": Parsed(),
    "Lower Eastmere, Eastmere": Parsed(),
    "12": Parsed(12, 12),
    "12A, EM1 2AB": Parsed(12, 12, "A", postcode="EM1 2AB"),
    "Flat 3, 12": Parsed(12, 12, unit="FLAT 3"),
    "": Parsed(),
    " , , ": Parsed(),
    "北京市 12": Parsed(12, 12),
}  # fmt: skip


@pytest.fixture(scope="module")
def read() -> dict[str, Parsed]:
    """All known addresses at once, as a run reads them."""
    return parse(KNOWN)


@pytest.mark.parametrize("text", KNOWN)
def test_address_is_read_as_expected(read: dict[str, Parsed], text: str) -> None:
    assert read[text] == KNOWN[text]


def test_capitals_and_extra_spaces_make_no_difference(read: dict[str, Parsed]) -> None:
    for changed in (
        {t: t.lower() for t in KNOWN},
        {t: "  " + t.replace(" ", "   ") + "\t" for t in KNOWN},
        {t: t.upper() + " ," for t in KNOWN},
    ):
        again = parse(changed.values())
        assert {t: again[c] for t, c in changed.items()} == read


def test_known_street_is_found_where_the_words_alone_do_not_tell() -> None:
    texts = ["3 The Saltings Upper Marsh", "Sea View The Saltings", "Wickham Bishops Road"]
    found = parse(texts, streets=["THE SALTINGS", "WICKHAM BISHOPS ROAD"])
    assert found == {
        texts[0]: door(3, "THE SALTINGS"),
        texts[1]: named("SEA VIEW", "THE SALTINGS"),
        texts[2]: Parsed(street="WICKHAM BISHOPS ROAD"),
    }


def test_place_with_marks_in_its_name_is_cut_off() -> None:
    found = parse(["9 High Street, Stoke-on-Mere", "9 High Street St. Ives"], ["Stoke on Mere", "St. Ives"])
    assert set(found.values()) == {door(9, HIGH)}


WAYS = [
    "Flat {flat}, {number} {street}", "FLAT {flat} {number} {street}", "{number} {street}, Flat {flat}",
    "{number} {street} flat {flat}", "Apt. {flat}, {number}, {street}", "Apartment {flat} {number} {street}",
    "Flat no {flat}, {number} {street}", "flt {flat},{number} {street}", "{number}, {street}, FLAT {flat}",
]  # fmt: skip
STREETS = {
    HIGH: ["High Street", "HIGH ST", "High St."],
    "SAINT MARYS ROAD": ["St Mary's Road", "SAINT MARYS RD", "St. Marys Rd."],
    "MILL HILL LANE": ["Mill Hill Lane", "MILL HILL LN"],
    "THE GREEN": ["The Green", "the grn"],
    "BEECH CRESCENT": ["Beech Cres", "BEECH CRESCENT"],
}
ENDS = ["", ", Eastmere", " LOWER EASTMERE", ", Lower Eastmere, Eastmere, EM1 2AB", " em12ab"]
NUMBER = st.builds("{}{}".format, st.integers(1, 300), st.sampled_from(["", "", "A", "C"]))
FLAT = st.one_of(NUMBER, st.sampled_from("ABCD"))


@st.composite
def written_flat(draw: st.DrawFn) -> tuple[str, tuple[str, str, str]]:
    """A flat as somebody might write it, and which flat it is."""
    flat, number, street = draw(FLAT), draw(NUMBER), draw(st.sampled_from(sorted(STREETS)))
    way = draw(st.sampled_from(WAYS))
    text = way.format(flat=flat, number=number, street=draw(st.sampled_from(STREETS[street])))
    return text + draw(st.sampled_from(ENDS)), (flat, number, street)


@settings(derandomize=True, deadline=None, max_examples=10, phases=(Phase.explicit, Phase.generate))
@given(st.lists(written_flat(), min_size=60, max_size=80))
def test_any_way_of_writing_a_flat_gives_its_key_and_no_other(
    written: list[tuple[str, tuple[str, str, str]]],
) -> None:
    found = parse(text for text, _ in written)
    for text, (flat, number, street) in written:
        p = found[text]
        assert (p.unit, f"{p.low}{p.letter or ''}", p.street) == (f"FLAT {flat}", number, street), text
        assert p.high == p.low and p.premises is None, text


TEXT = st.one_of(
    st.lists(
        st.sampled_from(
            [
                "12",
                "0",
                "8-10",
                "12/3",
                "12A",
                "FLAT",
                "F3",
                "A",
                "UNIT",
                "ST",
                "STREET",
                "RD",
                "LANE",
                "THE",
                "MILL",
                "HOUSE",
                "FIRST",
                "FLOOR",
                "BASEMENT",
                "REAR OF",
                "EASTMERE",
                "EM1",
                "2AB",
                ",",
                "-",
                "/",
                "'",
                "(",
                "&",
                "É",
                "ß",
                "\n",
                "99999",
                "~",
                "COURT",
                "COURT,",
            ]  # fmt: skip
        ),
        max_size=9,
    ).map(" ".join),
    st.text(max_size=30),
)


@settings(derandomize=True, deadline=None, max_examples=10, phases=(Phase.explicit, Phase.generate))
@given(st.lists(TEXT.map(lambda t: t.replace("\x00", "")), min_size=40, max_size=60))
def test_anything_is_read_without_error_and_in_order(texts: list[str]) -> None:
    for text, parsed in parse(texts).items():
        assert "" not in parsed, text
        assert (parsed.low is None) == (parsed.high is None), text
        if parsed.low is not None and parsed.high is not None:
            assert 0 < parsed.low <= parsed.high <= parsed.low + 50, text
        for part in (parsed.street, parsed.unit, parsed.premises):
            assert part is None or part == part.strip(" ,"), text


def test_very_long_text_is_read_in_bounded_time() -> None:
    """Regular expressions here need time in proportion to the text."""
    long = {"12 " + "FERN " * 20_000 + "ROAD", "1" * 100_000, "FLAT 3 " * 20_000, "A, " * 20_000}
    assert len(parse(long)) == len(long)
