"""DTF: the record types of BS7666's exchange format, DTF 7.3, as feeds: their columns, names and meanings.

Two layouts are known: that of a council's own gazetteer (LLPG) and that of AddressBase Premium, which adds degrees and
orders some fields otherwise. Which one a file has is told by how many fields its records have.

Belongs here: the standard's facts. Does not belong here: finding such a file (dialects.py), what a gazetteer is used for
(entities/gazetteer.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

TYPES = ("10", "11", "12", "13", "14", "15", "21", "22", "23", "24", "28", "29", "30", "31", "32", "99")
TRAILER_COUNT = 3  # the trailer's field that tells how many records there are


@dataclass(frozen=True)
class RecordType:
    """One kind of record as a feed."""

    number: str
    feed: str  # its name, which the platform's gazetteer step looks for
    title: str
    key: tuple[str, ...]
    layouts: tuple[str, ...]  # names of columns in order; the first one whose length fits is a file's


_MANNER = "record_type change_type pro_order"
_DATES = "start_date end_date last_update_date entry_date"
_SAO_PAO = (
    "sao_start_number sao_start_suffix sao_end_number sao_end_suffix sao_text "
    "pao_start_number pao_start_suffix pao_end_number pao_end_suffix pao_text"
)
_LPI = f"{_MANNER} uprn lpi_key language logical_status {_DATES} {_SAO_PAO} usrn"
_BLPU = f"{_MANNER} uprn logical_status blpu_state blpu_state_date parent_uprn x_coordinate y_coordinate"
_CUSTODIANS = "custodian_one custodian_two can_key"
KNOWN = (
    RecordType(
        "11",
        "street_record",
        "Streets: their state and extent",
        ("usrn",),
        (
            f"{_MANNER} usrn street_record_type swa_org_ref_naming state state_date street_surface "
            "street_classification version record_entry_date last_update_date street_start_date street_end_date "
            "street_start_x street_start_y street_end_x street_end_y street_tolerance",
            f"{_MANNER} usrn street_record_type swa_org_ref_naming state state_date street_surface "
            "street_classification version street_start_date street_end_date last_update_date record_entry_date "
            "street_start_x street_start_y street_start_lat street_start_long street_end_x street_end_y street_end_lat "
            "street_end_long street_tolerance",
        ),
    ),
    RecordType(
        "15",
        "street",
        "Streets, as the gazetteer describes them",
        ("usrn", "language"),
        (
            f"{_MANNER} usrn street_descriptor locality_name town_name administrative_area language",
            f"{_MANNER} usrn street_descriptor locality_name town_name administrative_area language {_DATES}",
        ),
    ),
    RecordType(
        "21",
        "blpu",
        "Properties (basic land and property units)",
        ("uprn",),
        (
            f"{_BLPU} rpc local_custodian_code {_DATES} organisation ward_code",
            f"{_BLPU} rpc local_custodian_code {_DATES} organisation ward_code parish_code {_CUSTODIANS}",
            f"{_BLPU} rpc local_custodian_code {_DATES} organisation ward_code parish_code",
            f"{_MANNER} uprn logical_status blpu_state blpu_state_date blpu_class parent_uprn x_coordinate y_coordinate "
            f"rpc local_custodian_code {_DATES} organisation ward_code parish_code {_CUSTODIANS}",
            f"{_BLPU} latitude longitude rpc local_custodian_code country {_DATES} addressbase_postal postcode_locator "
            "multi_occ_count",
        ),
    ),
    RecordType(
        "23",
        "xref",
        "Cross-references to council tax, business rates and other registers",
        ("uprn", "xref_key"),
        (f"{_MANNER} uprn xref_key cross_reference version source {_DATES}",),
    ),
    RecordType(
        "24",
        "lpi",
        "Addresses (land and property identifiers)",
        ("uprn", "lpi_key"),
        (
            f"{_LPI} level postal_address postcode post_town official_flag",
            f"{_LPI} level postal_address postcode post_town official_flag {_CUSTODIANS}",
            f"{_LPI} usrn_match_indicator area_name level official_flag",
        ),
    ),
    RecordType(
        "28",
        "delivery_point",
        "Royal Mail's addresses",
        ("uprn", "udprn"),
        (
            f"{_MANNER} uprn udprn organisation_name department_name sub_building_name building_name building_number "
            "dependent_thoroughfare thoroughfare double_dependent_locality dependent_locality post_town postcode "
            "postcode_type delivery_point_suffix welsh_dependent_thoroughfare welsh_thoroughfare "
            "welsh_double_dependent_locality welsh_dependent_locality welsh_post_town po_box_number process_date "
            f"{_DATES}",
        ),
    ),
    RecordType(
        "30",
        "successor",
        "Which property took another one's place",
        ("uprn", "succ_key"),
        (f"{_MANNER} uprn succ_key {_DATES} successor",),
    ),
    RecordType(
        "31",
        "organisation",
        "Organisations at properties",
        ("uprn", "org_key"),
        (f"{_MANNER} uprn org_key organisation legal_name {_DATES}",),
    ),
    RecordType(
        "32",
        "classification",
        "What each property is used for",
        ("uprn", "class_key"),
        (
            # The two layouts have as many fields: which is which is told by where the dates stand.
            f"{_MANNER} uprn class_key classification_code {_DATES} class_scheme scheme_version",
            f"{_MANNER} uprn class_key classification_code class_scheme scheme_version {_DATES}",
        ),
    ),
)
GAZETTEER = ("street", "blpu", "lpi", "xref", "classification")  # what the platform's gazetteer step needs

MEANINGS = {
    "record_type": "Record type of BS7666 DTF 7.3",
    "change_type": "I inserted, U updated, D deleted",
    "pro_order": "Place of the record in the file",
    "uprn": "Unique property reference number",
    "usrn": "Unique street reference number",
    "street_record_type": "1 official, 2 as known, 3 numbered, 4 described, 9 for lighting",
    "swa_org_ref_naming": "Authority that named the street",
    "state": "1 under construction, 2 open, 4 permanently closed",
    "state_date": "Day of the state",
    "street_surface": "1 metalled, 2 unmetalled, 3 mixed",
    "street_classification": "4 pedestrian, 6 vehicular, 8 all, 9 restricted, 10 bridleway",
    "version": "Version",
    "record_entry_date": "Day it was entered",
    "street_start_date": "First day of the street",
    "street_end_date": "Last day of the street",
    "street_start_x": "Easting of its start, British National Grid",
    "street_start_y": "Northing of its start, British National Grid",
    "street_end_x": "Easting of its end, British National Grid",
    "street_end_y": "Northing of its end, British National Grid",
    "street_start_lat": "Latitude of its start",
    "street_start_long": "Longitude of its start",
    "street_end_lat": "Latitude of its end",
    "street_end_long": "Longitude of its end",
    "street_tolerance": "How exact its coordinates are",
    "street_descriptor": "Street name",
    "locality_name": "Locality",
    "town_name": "Town",
    "administrative_area": "Council",
    "language": "ENG or CYM",
    "logical_status": "1 approved, 3 alternative, 5 candidate, 6 provisional, 7 rejected, 8 historical, 9 rejected",
    "blpu_state": "1 under construction, 2 in use, 3 unoccupied, 4 demolished, 5 planned, 6 planning only",
    "blpu_state_date": "Day of the state",
    "blpu_class": "Use of the property",
    "parent_uprn": "Property that this one is part of",
    "x_coordinate": "Easting, British National Grid",
    "y_coordinate": "Northing, British National Grid",
    "latitude": "Latitude (ETRS89)",
    "longitude": "Longitude (ETRS89)",
    "rpc": "How exact the point is: 1 visual centre",
    "local_custodian_code": "Council's code",
    "country": "E England, W Wales, S Scotland, N Northern Ireland",
    "start_date": "First day",
    "end_date": "Last day",
    "last_update_date": "Day of the last change",
    "entry_date": "Day it was entered",
    "organisation": "Who occupies it, where known",
    "ward_code": "Ward",
    "parish_code": "Parish",
    "custodian_one": "First custodian",
    "custodian_two": "Second custodian",
    "can_key": "Key of its candidate",
    "addressbase_postal": "Whether the post delivers there",
    "postcode_locator": "Postcode",
    "multi_occ_count": "Units in it",
    "xref_key": "Key of the cross-reference",
    "cross_reference": "The other register's reference",
    "source": "Which register: 7666VC council tax, 7666VN business rates",
    "lpi_key": "Key of the address",
    "sao_start_number": "Flat or unit number, start",
    "sao_start_suffix": "Letter after it",
    "sao_end_number": "Flat or unit number, end",
    "sao_end_suffix": "Letter after it",
    "sao_text": "Flat or unit as text",
    "pao_start_number": "House number, start",
    "pao_start_suffix": "Letter after it",
    "pao_end_number": "House number, end",
    "pao_end_suffix": "Letter after it",
    "pao_text": "House, building or farm by name",
    "usrn_match_indicator": "Whether the address is on its street",
    "area_name": "Area",
    "level": "Floor",
    "postal_address": "Whether the post delivers there",
    "postcode": "Postcode",
    "post_town": "Post town",
    "official_flag": "Whether the council named it officially",
    "udprn": "Royal Mail's number of the delivery point",
    "succ_key": "Key of the succession",
    "successor": "Property that took its place",
    "org_key": "Key of the organisation",
    "legal_name": "Name under which it is registered",
    "class_key": "Key of the classification",
    "classification_code": "Use, such as RD06 flat or CR07 restaurant",
    "class_scheme": "Scheme",
    "scheme_version": "Its version",
}
INTEGERS = frozenset(
    "pro_order uprn usrn parent_uprn successor udprn sao_start_number sao_end_number pao_start_number pao_end_number "
    "multi_occ_count".split()
)
METRES = frozenset(
    "x_coordinate y_coordinate street_start_x street_start_y street_end_x street_end_y street_tolerance".split()
)
DEGREES = frozenset(
    "latitude longitude street_start_lat street_start_long street_end_lat street_end_long".split()
)


def layout_of(kind: RecordType, width: int, sample: Sequence[Sequence[str]]) -> list[str] | None:
    """The columns of records with so many fields; None where the standard has no such layout."""
    fitting = [layout.split() for layout in kind.layouts if len(layout.split()) == width]
    if not fitting:
        return None
    return max(fitting, key=lambda columns: sum(_fits(columns, row) for row in sample))


def _fits(columns: Sequence[str], row: Sequence[str]) -> bool:
    """Whether dates stand, where any do, in the columns of dates only."""
    for name, value in zip(columns, row, strict=False):
        is_date = len(value) == 10 and value[4:5] == "-" and value[7:8] == "-"
        if value and name.endswith("_date") != is_date:
            return False
    return True


def type_of(name: str) -> str:
    """A column's type in a feed."""
    if name.endswith("_date"):
        return "date"
    if name in INTEGERS:
        return "integer"
    return "number" if name in METRES or name in DEGREES else "text"


def meaning_of(name: str) -> str:
    return MEANINGS.get(name) or name.replace("_", " ").capitalize()
