"""Recognise: what a column is about, by its values first and its name second.

Belongs here: one test for each thing that a column may hold, and which of them are personal. Does not belong here: types
(profile.py), which role a column then has (mapping.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from city_platform.feeds.drafting.profile import Profile
from city_platform.feeds.drafting.words import (
    BUSINESSES,
    FAMILY_NAMES,
    GIVEN_NAMES,
    PLACES,
    SITES,
    STREETS,
    TITLES,
)

PERSONAL = frozenset(
    "given_name middle_name family_name full_name person_title date_of_birth birth_year birth_month date_of_death nino phone email owner_name about_a_person".split()
)
SHOWN = {
    "given_name": "given name",
    "middle_name": "middle name",
    "family_name": "family name",
    "full_name": "person's name",
    "person_title": "person's title",
    "owner_name": "owner: business or person",
    "about_a_person": "about a person",
    "date_of_birth": "date of birth",
    "birth_year": "year of birth",
    "birth_month": "month of birth",
    "date_of_death": "date of death",
    "nino": "national insurance number",
    "company_number": "company number",
    "uprn": "UPRN",
    "usrn": "USRN",
    "business_name": "business name",
    "address": "address",
    "address_line": "line of an address",
    "place_name": "name of a place",
    "free_text": "free text",
    "x": "east, unknown system",
    "y": "north, unknown system",
}

POSTCODE = re.compile(
    r"(GIR ?0AA|[A-PR-UWYZ]([0-9]{1,2}|[A-HK-Y][0-9]([0-9]|[ABEHMNPRV-Y])?|[0-9][A-HJKPS-UW]) ?[0-9][ABD-HJLNP-UW-Z]{2})"
)
ZIP = re.compile(r"\d{5}(-?\d{4})?(\.0)?")
NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]?")
COMPANY = re.compile(
    r"\d{8}|(SC|NI|OC|SO|NC|LP|SL|NL|FC|SF|NF|GE|GN|GS|IP|SP|NP|RC|SR|NR|RS|NO|AC|SA|NA|IC|SI|CE|CS|PC|BR|ES)\d{6}|R0\d{6}|(IP|SP|RS)\d{5}R"
)
EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[A-Za-z]{2,}")
PHONE_GB = re.compile(r"(\+?44|0044|0)[1237]\d{8,9}")
PHONE_US = re.compile(r"(\+?1[-. ]?)?(\(\d{3}\) ?|\d{3}[-. ])\d{3}[-. ]\d{4}( ?(x|ext\.?) ?\d+)?")
URL = re.compile(r"https?://\S+|www\.\S+")
POINT = re.compile(
    r"\(?-?\d{1,3}\.\d+, ?-?\d{1,3}\.\d+\)?|POINT ?\(.*\)|\{.*\"(coordinates|latitude)\".*\}", re.S
)
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?", re.UNICODE)
_NAME_CHARACTERS = re.compile(r"[^\W\d_]+(?:[ .,'’&()/-]+[^\W\d_]+)*[.)]?", re.UNICODE)

BOX = {"GB": (49.0, 61.5, -9.0, 2.5), "US": (18.0, 72.0, -180.0, -65.0)}  # south, north, west, east


@dataclass(frozen=True)
class Look:
    """What a column looks like."""

    kind: str
    is_sure: bool = True  # so sure that a mapping may rest on it
    order: str | None = None  # of a person's whole name
    note: str = ""

    @property
    def is_personal(self) -> bool:
        return self.kind in PERSONAL

    @property
    def shown(self) -> str:
        text = SHOWN.get(self.kind, self.kind.replace("_", " "))
        return text if self.is_sure else f"{text}?"


def words_of(name: str) -> list[str]:
    """The words of a column's name: tradingName, TRADING_NAME and Trading name are the same."""
    spaced = re.sub(r"([a-z\d])([A-Z])", r"\1 \2", name)
    spaced = re.sub(r"([A-Z]+)([A-Z][a-z])", r"\1 \2", spaced)
    return re.findall(r"[a-z]+|\d+", spaced.lower())


@dataclass(frozen=True)
class _Column:
    """A column as the tests below ask about it."""

    profile: Profile
    country: str

    @property
    def name(self) -> str:
        return " " + " ".join(words_of(self.profile.name)) + " "

    @property
    def squeezed(self) -> str:
        return self.name.replace(" ", "")

    def named(self, *patterns: str) -> bool:
        """Whether the name holds one of these (regular expressions over its words, or over all of it run together)."""
        return any(re.search(rf"(?<![a-z])({p})(?![a-z])", self.name) for p in patterns) or any(
            re.fullmatch(p.replace(" ", ""), self.squeezed) for p in patterns
        )

    def called(self, *patterns: str) -> bool:
        """Whether the whole name is one of these."""
        return any(
            re.fullmatch(p, self.name.strip()) or re.fullmatch(p.replace(" ", ""), self.squeezed)
            for p in patterns
        )

    def share(self, test: Callable[[str], object]) -> float:
        """The share of rows whose value passes; of the values that were kept."""
        total = sum(n for _, n in self.profile.values)
        return sum(n for v, n in self.profile.values if test(v)) / total if total else 0.0

    def distinct_share(self, test: Callable[[str], object]) -> float:
        values = self.profile.values
        return sum(1 for v, _ in values if test(v)) / len(values) if values else 0.0

    @property
    def is_number(self) -> bool:
        return self.profile.type in ("integer", "number")

    @property
    def is_time(self) -> bool:
        return self.profile.type in ("date", "timestamp")

    def within(self, low: float, high: float, least: float = 0.95) -> bool:
        def fits(value: str) -> bool:
            try:
                return low <= float(value) <= high
            except ValueError:
                return False

        return self.is_number and self.share(fits) >= least


def recognise(profiles: Sequence[Profile], country: str) -> dict[str, Look]:
    """What each column looks like, by name; columns that look like nothing known are left out."""
    columns = [_Column(p, country) for p in profiles]
    found: dict[str, Look] = {}
    for column in columns:
        for test in _TESTS:
            look = test(column)
            if look:
                found[column.profile.name] = look
                break
    _pair_coordinates(columns, found)
    _settle_owners(columns, found)
    _beside_people(columns, found)
    return found


# --- numbers of things and people


def _email(c: _Column) -> Look | None:
    return Look("email") if c.share(EMAIL.fullmatch) >= 0.8 else None


def _url(c: _Column) -> Look | None:
    return Look("web_address") if c.share(URL.fullmatch) >= 0.8 else None


def _nino(c: _Column) -> Look | None:
    def squeezed(value: str) -> str:
        return re.sub(r"[\s-]", "", value.upper())

    share = c.share(lambda v: NINO.fullmatch(squeezed(v)))
    says = c.named("nino", "ni (no|num|number)", "national insurance( no| num| number)?")
    # Under its name, numbers of the same form are meant that were never given out, such as those of trials.
    form = c.share(lambda v: re.fullmatch(r"[A-Z]{2}\d{6}[A-Z]?", squeezed(v))) if says else 0.0
    if share >= 0.8 or form >= 0.8 or (share >= 0.4 and says):
        return Look("nino")
    if says or c.named("ssn", "social security( no| number)?"):
        return Look("about_a_person", is_sure=False)
    return None


def _postcode(c: _Column) -> Look | None:
    if c.is_time:
        return None
    share = c.share(lambda v: POSTCODE.fullmatch(re.sub(r"\s+", " ", v.upper()).strip()))
    says = c.named(
        "post ?code", "postal code", "pcode", "pcd", "pcds", "zip", "zip ?code", "postcode locator"
    )
    if share >= 0.8 or (share >= 0.4 and says):
        return Look("postcode")
    zips = c.share(ZIP.fullmatch)
    if says and zips >= 0.6:
        return Look("postcode")
    if (
        says
        and re.search(r"post|zip", c.squeezed)
        and c.distinct_share(lambda v: re.fullmatch(r"[\w -]{3,10}", v)) >= 0.8
    ):
        return Look("postcode", is_sure=share + zips >= 0.3)
    return None


def _uprn(c: _Column) -> Look | None:
    def fits(value: str) -> bool:
        text = value.removesuffix(".0")
        return text.isdigit() and 1 <= len(text.lstrip("0")) <= 12

    if c.named("uprn", "uprns", "unique property reference.*", "parent uprn") and c.share(fits) >= 0.8:
        return Look("uprn", is_sure=not c.named("parent uprn"))
    looks = c.share(lambda v: re.fullmatch(r"(10|20)\d{10}", v))
    if (
        looks >= 0.9
        and c.profile.distinct >= 0.3 * c.profile.filled
        and c.profile.filled >= 5
        and c.country == "GB"
    ):
        return Look("uprn", is_sure=False)
    if (
        c.named("usrn", "unique street reference.*")
        and c.share(lambda v: re.fullmatch(r"\d{5,8}(\.0)?", v)) >= 0.8
    ):
        return Look("usrn")
    return None


def _company_number(c: _Column) -> Look | None:
    if c.is_time:
        return None

    def squeezed(value: str) -> str:
        return value.upper().replace(" ", "")

    share = c.share(lambda v: COMPANY.fullmatch(squeezed(v)))
    with_letters = c.share(lambda v: COMPANY.fullmatch(squeezed(v)) and not v.strip().isdigit())
    with_zero = c.share(lambda v: re.fullmatch(r"0\d{7}", v))
    says = c.named(
        "company (no|num|number|reg.*|ref.*|house.*)",
        "companies house.*",
        "crn",
        "co (no|number)",
        "reg(istered|istration)? (company )?(no|number)",
        "company registration.*",
        "companynumber",
    )
    if (
        says
        and c.share(lambda v: COMPANY.fullmatch(squeezed(v)) or re.fullmatch(r"\d{5,8}", v.strip())) >= 0.7
    ):
        return Look("company_number", is_sure=c.country == "GB")
    if (
        share >= 0.9
        and c.country == "GB"
        and with_letters > 0.002
        and (with_letters > 0.3 or with_zero > 0.05)
    ):
        return Look("company_number", is_sure=with_zero > 0.05)
    return None


def _phone(c: _Column) -> Look | None:
    if c.profile.type == "number" or c.is_time:
        return None

    def gb(value: str) -> bool:
        return bool(PHONE_GB.fullmatch(re.sub(r"[\s()/.-]", "", re.sub(r"\(0\)", "", value))))

    says = c.named(
        "(tele)?phone.*",
        "tel( no| number)?",
        "mobile.*",
        "fax.*",
        "cell( phone)?",
        "contact (no|number)",
        ".* (tele)?phone( no| number)?",
    )
    if (
        c.country == "GB"
        and c.share(gb) >= 0.8
        and (says or c.profile.has_leading_zeros or c.share(lambda v: "+" in v or " " in v) > 0.3)
    ):
        return Look("phone")
    if c.share(PHONE_US.fullmatch) >= 0.8:
        return Look("phone")
    if says and c.share(lambda v: len(re.sub(r"\D", "", v)) in range(6, 16)) >= 0.6:
        return Look("phone")
    return None


# --- where


_LATITUDE = ("lat", "latitude", "lat( wgs.*)?", ".* latitude", "latitude .*", "geo lat", "y lat")
_LONGITUDE = ("lon", "long", "lng", "longitude", ".* longitude", "longitude .*", "geo lo?ng", "x long")


def _coordinates(c: _Column) -> Look | None:
    if POINT and c.share(POINT.fullmatch) >= 0.8:
        return Look("point")
    if not c.is_number:
        return None
    if c.named(*_LATITUDE) and c.within(-180, 180):
        return Look("latitude")
    if c.named(*_LONGITUDE) and c.within(-180, 180):
        return Look("longitude")
    if c.country == "GB" and c.within(0, 1_300_000, 0.9) and _is_grid(c):
        if c.named(
            "easting.*",
            "eastings?",
            "os east.*",
            "e os.*",
            ".* easting",
            "x ?coord.*",
            "oscoord e",
            "x",
            "geo x",
        ):
            return Look("easting")
        if c.named(
            "northing.*",
            "northings?",
            "os north.*",
            "n os.*",
            ".* northing",
            "y ?coord.*",
            "oscoord n",
            "y",
            "geo y",
        ):
            return Look("northing")
    if c.named("x ?coord.*", "x", "easting.*") and c.share(lambda v: abs(_float(v)) > 1000) >= 0.9:
        return Look("x", is_sure=False)
    if c.named("y ?coord.*", "y", "northing.*") and c.share(lambda v: abs(_float(v)) > 1000) >= 0.9:
        return Look("y", is_sure=False)
    return None


def _is_grid(c: _Column) -> bool:
    return c.share(lambda v: 1000 <= _float(v) <= 1_300_000) >= 0.8


def _float(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return 0.0


def _pair_coordinates(columns: Sequence[_Column], found: dict[str, Look]) -> None:
    """Degrees that no name tells are known by each other; those that stand the wrong way round by where they lie."""
    country = columns[0].country if columns else "GB"
    south, north, west, east = BOX.get(country, (-90.0, 90.0, -180.0, 180.0))

    def exact(c: _Column) -> bool:
        return c.profile.type == "number" and c.share(lambda v: len(v.partition(".")[2]) >= 3) >= 0.6

    free = [c for c in columns if c.profile.name not in found and exact(c)]
    lats = [c for c in free if c.within(south, north)]
    lons = [c for c in free if c.within(west, east) and c.share(lambda v: _float(v) == 0) < 0.5]
    for lat in lats:
        beside = [c for c in lons if c is not lat and abs(c.profile.position - lat.profile.position) == 1]
        if beside and not any(look.kind in ("latitude", "longitude") for look in found.values()):
            found[lat.profile.name] = Look("latitude")
            found[beside[0].profile.name] = Look("longitude")
            break
    by_name = {c.profile.name: c for c in columns}
    named_lat = [by_name[n] for n, look in found.items() if look.kind == "latitude"]
    named_lon = [by_name[n] for n, look in found.items() if look.kind == "longitude"]
    for lat, lon in zip(named_lat, named_lon, strict=False):
        if (
            lat.within(west, east, 0.9)
            and lon.within(south, north, 0.9)
            and not lat.within(south, north, 0.5)
        ):
            note = "axes swapped: it holds the {}, so the mapping takes it for that"
            found[lat.profile.name] = Look("longitude", note=note.format("longitude"))
            found[lon.profile.name] = Look("latitude", note=note.format("latitude"))
    eastings = [by_name[n] for n, look in found.items() if look.kind == "easting"]
    northings = [by_name[n] for n, look in found.items() if look.kind == "northing"]
    for lone in [*eastings, *northings] if len(eastings) != len(northings) else ():  # one alone is no place
        found[lone.profile.name] = Look("x" if lone in eastings else "y", is_sure=False)
    for easting, northing in zip(eastings, northings, strict=False):
        # No easting of Great Britain is beyond 700,000.
        if easting.share(lambda v: _float(v) > 700_000) > 0.5 and northing.within(0, 700_000, 0.9):
            note = "axes swapped: it holds the {}, so the mapping takes it for that"
            found[easting.profile.name] = Look("northing", note=note.format("northing"))
            found[northing.profile.name] = Look("easting", note=note.format("easting"))
        elif easting.share(lambda v: _float(v) > 700_000) > 0.5:  # another system's
            found[easting.profile.name] = Look("x", is_sure=False)
            found[northing.profile.name] = Look("y", is_sure=False)


def _address(c: _Column) -> Look | None:
    if c.profile.type != "text":
        return None

    def words(value: str) -> list[str]:
        return re.findall(r"[a-z]+|\d+[a-z]?", value.lower())

    def is_address(value: str) -> bool:
        found = words(value)
        has_number = any(w[0].isdigit() for w in found)
        has_street = any(w in STREETS for w in found[1:])
        has_site = any(w in SITES for w in found)
        has_end = bool(POSTCODE.search(value.upper()))
        return (
            2 <= len(found) <= 25
            and len(value) <= 200
            and ((has_number and has_street) or (has_street and has_site) or (has_end and len(found) >= 4))
        )

    share = c.distinct_share(is_address)
    line = c.named(
        "address",
        "addr",
        ".*address.*",
        "addr(ess)? ?(line)? ?\\d+",
        "line ?\\d+",
        "street",
        "street (name|address|1|2)",
        "road",
        "thoroughfare",
        "house (name|number|no)",
        "house",
        "building( name| number)?",
        "flat",
        "premises? address",
        "location",
        "site",
        "property address",
        "add ?\\d",
    )
    is_line = c.named(
        "(.* )?addr(ess)?( line)? ?[1-9]",
        "(.* )?line ?[1-9]",
        "(.* )?add [1-9]",
        "(.* )?(street|house|building|flat|road)( name| number| no)?",
        "thoroughfare.*",
        "(pre|post)?(direction|dir)",
        "street (type|direction)",
    )
    if is_line and not c.named("e ?mail.*") and c.profile.longest <= 120:
        is_whole = share >= 0.7 and c.called("(.* )?street( address)?")
        is_sure = share >= 0.2 or c.named("(.* )?addr(ess)?( line)? ?[1-9]", "line ?[1-9]")
        return Look("address" if is_whole else "address_line", is_sure=is_sure)
    if (
        share >= 0.5
        and c.distinct_share(lambda v: len(v) <= 120) >= 0.9
        and not c.named(".*(comment|note|narrative|description|violation).*")
    ):
        return Look("address")
    if line and share >= 0.15 and not c.named("e ?mail.*"):
        return Look("address")
    if line and c.named("address", ".* address", "location address") and c.profile.longest <= 200:
        return Look("address", is_sure=False)
    return None


def _place(c: _Column) -> Look | None:
    if c.is_time or c.profile.type == "number":
        return None
    if c.named("ward", "wards?( name| code)?", ".* ward( name| code)?"):
        return Look("ward")
    if c.profile.type != "text":
        return None
    is_plain = c.distinct_share(lambda v: re.fullmatch(r"[^\W\d_]+([ .,'’/-]+[^\W\d_]+){0,4}", v)) >= 0.8
    known = c.share(lambda v: (m := _WORD.findall(v.lower())) and len(m) <= 3 and m[0] in PLACES)
    if (
        c.named(
            "(post(al)? )?town( name)?",
            "city( name)?",
            "suburb",
            "locality( name)?",
            "village",
            "(.* )?(town|city|locality|suburb)",
        )
        and is_plain
    ):
        return Look("town")
    if c.called(
        "county",
        "district",
        "borough",
        "area",
        "region",
        "parish",
        "state",
        "country",
        "local ?authority( name)?",
        "authority( name)?",
        "administrative area",
        "neighbou?rhood",
        "community.*",
    ):
        return Look("place_name", is_sure=False)
    if is_plain and known >= 0.5 and c.profile.distinct <= 0.3 * max(c.profile.filled, 1):
        return Look("town", is_sure=known >= 0.7)
    return None


# --- people and businesses


def _person_title(c: _Column) -> Look | None:
    if c.share(lambda v: v.lower().strip(". ") in TITLES) >= 0.8:
        return Look("person_title")
    return None


def _birth(c: _Column) -> Look | None:
    says = c.named(
        "dob",
        "d o b",
        "date of birth",
        "birth ?date",
        "born( on)?",
        "(.* )?(dob|born|birth ?date|date of birth)( .*)?",
        "birthday",
    )
    if c.is_time and says:
        return Look("date_of_birth")
    if says and c.share(lambda v: re.search(r"\d", v)) >= 0.8:
        return Look(
            "date_of_birth",
            is_sure=c.profile.type == "text"
            and c.share(lambda v: re.search(r"\d{4}", v)) >= 0.8
            or c.within(1.8e7, 2.1e7),
        )
    if c.named("year of birth", "birth year", "yob", "(.* )?birth year") and c.within(1880, 2100):
        return Look("birth_year")
    if c.named("month of birth", "birth month", "mob", "(.* )?birth month") and c.within(1, 12):
        return Look("birth_month")
    if c.is_time and c.named("dod", "date of death", "death date", "died( on)?", "deceased (date|on)"):
        return Look("date_of_death")
    return None


_MIXED = "(.* )?(owner|ratepayer|rate payer|payee|supplier|vendor|landlord|licen[cs]ee|licen[cs]e holder|holder|proprietor|operator|lessee|leaseholder|freeholder|account name|account holder|beneficiary|contractor|liable (party|person)|party|registrant|responsible (party|person))( name)?"
_PEOPLE = "(.* )?(tenant|occupier|occupant|applicant|claimant|manager|keeper|person|client|customer|resident|patient|child|pupil|student|parent|guardian|contact|contact name|officer|agent|inspector|carer|complainant|liable (party|person)|joint tenant|partner|spouse|employee|staff|director|secretary|user)( full)?( name| s name| details)?"


def _alphabetic(c: _Column) -> float:
    return c.distinct_share(lambda v: _NAME_CHARACTERS.fullmatch(v))


def _names(c: _Column) -> Look | None:
    """Given, middle, family and whole names."""
    if c.profile.type != "text" or c.profile.longest > 120:
        return None
    given_says = c.named(
        "(.* )?(forenames?|first ?names?|fore ?name|given ?names?|christian name|fname)( .*)?"
    )
    middle_says = c.named("(.* )?(middle ?names?|middle initial|second forename|initials?)( .*)?")
    family_says = c.named("(.* )?(surname|last ?name|family ?name|lname|sur name|maiden name)( .*)?")
    if not (given_says or middle_says or family_says) and _alphabetic(c) < 0.7:
        return None
    if middle_says:
        return Look("middle_name")
    single = c.distinct_share(lambda v: len(v.split()) <= 2) >= 0.9
    given = c.share(lambda v: _first(v) in GIVEN_NAMES)
    family = c.share(lambda v: _last(v) in FAMILY_NAMES and len(v.split()) <= 2)
    only_given = c.share(lambda v: _first(v) in GIVEN_NAMES and len(_WORD.findall(v)) <= 2)
    business = c.distinct_share(lambda v: _is_business(v) or re.search(r"\d", v))
    if given_says and business < 0.3:
        return Look("given_name")
    if family_says and business < 0.3:
        return Look("family_name")
    if business > 0.25 or c.named(
        "business.*",
        "trading.*",
        "company.*",
        "shop.*",
        "premises.*",
        "(.* )?(street|road|town|city|place|ward|month|day|product|model|breed|dog|pet|animal|school|ward|species)( name)?",
    ):
        return None
    one_word = c.distinct_share(lambda v: len(_WORD.findall(v)) == 1 and len(v.split()) == 1) >= 0.85
    if one_word and single:
        if c.profile.distinct < 5:  # Green and White are colours too
            return None
        if only_given >= 0.4 and only_given > family:
            return Look("given_name", is_sure=only_given >= 0.6)
        if family >= 0.4 or (family >= 0.25 and c.profile.distinct >= 30):
            return Look("family_name", is_sure=family >= 0.5)
        return None
    whole = c.share(_is_whole_name)
    if whole >= 0.4 and business <= 0.15:
        return Look("full_name", is_sure=whole >= 0.5, order=_order(c))
    if whole >= 0.15 and business <= 0.15 and c.called(_PEOPLE, _MIXED, "name", "full name"):
        return Look("full_name", is_sure=c.called(_PEOPLE), order=_order(c))
    if (
        c.called(_PEOPLE)
        and business <= 0.1
        and c.distinct_share(lambda v: 2 <= len(v.split()) <= 5) >= 0.7
        and c.profile.distinct > 5
        and given > 0
    ):
        return Look("full_name", is_sure=False, order=_order(c))
    return None


def _parts(value: str) -> list[str]:
    found = [w.lower() for w in _WORD.findall(value)]
    while found and found[0] in TITLES:
        found = found[1:]
    return found


def _first(value: str) -> str:
    parts = _parts(value)
    return parts[0] if parts else ""


def _last(value: str) -> str:
    parts = _parts(value)
    return parts[-1] if parts else ""


def _is_business(value: str) -> bool:
    found = {w.lower().strip(".'’") for w in re.findall(r"[\w'’&.]+", value)}
    return bool(found & BUSINESSES) or ("&" in value and not found & TITLES)


def _is_whole_name(value: str) -> bool:
    raw = [w.lower().strip(".,") for w in value.split()]
    has_title = bool(raw) and raw[0] in TITLES
    parts = _parts(value)
    if not 1 <= len(parts) <= 5 or (len(parts) == 1 and not has_title):
        return False
    if has_title:
        return True
    return any(p in GIVEN_NAMES for p in parts) and not _is_business(value)


def _order(c: _Column) -> str:
    """Which comes first in a whole name."""
    if c.share(lambda v: "," in v) >= 0.5:
        return "family_given"
    forward = c.share(lambda v: _first(v) in GIVEN_NAMES)
    backward = c.share(lambda v: _last(v) in GIVEN_NAMES and _first(v) not in GIVEN_NAMES)
    forward += 0.5 * c.share(lambda v: _last(v) in FAMILY_NAMES)
    backward += 0.5 * c.share(lambda v: _first(v) in FAMILY_NAMES)
    return "family_given" if backward > forward else "given_family"


def _owner(c: _Column) -> Look | None:
    """A column that names whoever has to do with a place: companies, and people among them."""
    if c.profile.type != "text" or not c.called(_MIXED):
        return None
    if c.distinct_share(lambda v: _WORD.search(v) and len(v) <= 120) < 0.8 or c.named(
        ".* (type|code|status|ref.*|id|no|number)"
    ):
        return None
    if c.profile.distinct <= 3:
        return None
    return Look("owner_name")


def _business(c: _Column) -> Look | None:
    if c.profile.type != "text" or c.profile.longest > 200:
        return None
    if c.named(
        ".* (type|code|status|category|class|ref|reference|id|number|no|description|desc|activity|address)( .*)?"
    ):
        return None
    business = c.distinct_share(_is_business)
    says = c.called(
        "(.* )?(business|trading|company|organi[sz]ation|supplier|vendor|premises?|establishment|firm|employer|shop|store|facility|restaurant|site|merchant|outlet|trade|corporate|registered|legal|body|provider|school|creditor|beneficiary)( (trading|legal|registered))?( name| as)( .*)?",
        "dba( name)?",
        "aka( name)?",
        "doing business as.*",
        "business",
        "company",
        "organi[sz]ation",
        "supplier",
        "vendor",
        "trading as",
        "establishment",
        "creditor",
    )
    mostly_new = c.profile.distinct >= 0.05 * c.profile.filled and c.profile.distinct > 5
    if says and mostly_new and c.distinct_share(lambda v: _WORD.search(v)) >= 0.8:
        return Look("business_name")
    is_short = c.distinct_share(lambda v: len(v) <= 60) >= 0.9
    forms = c.distinct_share(lambda v: re.search(r"\b(ltd|limited|plc|llp|llc|inc|corp)\b", v.lower()))
    if (
        mostly_new
        and is_short
        and c.profile.distinct >= 0.2 * c.profile.filled
        and (business >= 0.35 or forms >= 0.2)
        and not c.named(".*(comment|note|narrative|description|violation|desc|address|item|purpose).*")
    ):
        return Look("business_name", is_sure=business >= 0.5 or forms >= 0.3 or c.named("name"))
    if c.named("name", "title") and business >= 0.15 and mostly_new:
        return Look("business_name")
    return None


# --- the rest


def _sensitive(c: _Column) -> Look | None:
    if c.named(
        "soc(ial)? sec.*",
        "gender",
        "sex",
        "ethnic.*",
        "(.* )?ethnicity",
        "religion",
        "(.* )?disab(led|ility).*",
        "nationality",
        "marital.*",
        "sexual.*",
        "health.*condition.*",
        "(.* )?diagnosis",
        "pregnan.*",
        "age",
        "age (at|in|on).*",
        "nhs (no|number)",
        "passport.*",
        "driving licen[cs]e.*",
        "bank account.*",
        "sort code",
        "iban",
        "benefit(s)? (type|received|claim.*)?",
        "immigration.*",
        "(.* )?vrm",
        "vehicle registration.*",
        "next of kin.*",
    ):
        return Look("about_a_person", is_sure=False)
    return None


def _amount(c: _Column) -> Look | None:
    if (
        c.is_number
        and not c.named("number", "no", "count", "num", "id", "code", "ref.*", "year")
        and (
            c.profile.unit in ("GBP", "USD", "EUR")
            or c.named(
                "(.* )?(amount|amt|cost|price|fee|fees|value|paid|payment|charge|rent|salary|total|balance|spend|income|debt|arrears|net|gross|vat|budget|grant|liability)( .*)?"
            )
        )
    ):
        return Look("amount")
    return None


def _identifier(c: _Column) -> Look | None:
    if c.is_time or c.profile.type in ("boolean",):
        return None
    says = c.named(
        "(.* )?(id|ids|uid|guid|uuid|fid|gid|objectid|ref|refs|reference|number|no|num|nr|account|acct|key|licen[cs]e|permit|case|serial|row id|rec id)( (no|num|number|id))?"
    ) or bool(re.search(r"(ref|reference|number|_id|Id|ID|No)$", c.profile.name.strip()))
    is_code = (
        c.distinct_share(
            lambda v: re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9/_.:{} -]{0,39}", v) and re.search(r"\d", v)
        )
        >= 0.9
    )
    mostly_new = c.profile.distinct >= 0.5 * max(c.profile.filled, 1)
    if is_code and (
        (says and c.profile.distinct > 2)
        or (
            mostly_new
            and c.profile.type == "text"
            and c.profile.longest <= 40
            and c.profile.distinct > 5
            and c.distinct_share(lambda v: " " not in v) > 0.9
        )
    ):
        return Look("identifier")
    return None


def _free_text(c: _Column) -> Look | None:
    if c.profile.type != "text":
        return None
    many_words = c.distinct_share(lambda v: len(v.split()) >= 8)
    says = c.named(
        "(.* )?(comments?|notes?|narrative|remarks?|details?|free ?text|observations?|message|reason|summary|violations?)"
    )
    if many_words >= 0.3 and c.profile.distinct > 12:
        return Look("free_text", is_sure=False)
    if says and c.profile.distinct > 12 and many_words > 0.02:
        return Look("free_text", is_sure=False)
    return None


_TESTS: tuple[Callable[[_Column], Look | None], ...] = (
    _email,
    _url,
    _nino,
    _birth,
    _postcode,
    _uprn,
    _company_number,
    _phone,
    _coordinates,
    _person_title,
    _sensitive,
    _amount,
    _address,
    _names,
    _owner,
    _place,
    _free_text,
    _business,
    _identifier,
)


def _settle_owners(columns: Sequence[_Column], found: dict[str, Look]) -> None:
    """A supplier's or owner's name is a business's where hardly anything in it could be a person."""
    for c in columns:
        look = found.get(c.profile.name)
        if (
            look
            and look.kind == "owner_name"
            and c.called("(.* )?(supplier|vendor|contractor|creditor|operator)( name)?")
        ):
            people = c.distinct_share(lambda v: _is_whole_name(v) and not _is_business(v))
            if people < 0.01:
                found[c.profile.name] = Look("business_name")


def _beside_people(columns: Sequence[_Column], found: dict[str, Look]) -> None:
    """Beside people's names, days that spread over a long life are taken for personal."""
    if not any(look.kind in ("full_name", "family_name", "given_name", "nino") for look in found.values()):
        return
    for c in columns:
        p = c.profile
        if p.name in found or not c.is_time or not (p.low and p.high):
            continue
        if int(p.high[:4]) - int(p.low[:4]) >= 40 and p.low[:4] < "1970" and p.distinct >= 0.3 * p.filled:
            found[p.name] = Look(
                "about_a_person", is_sure=False, note="days spread over a life, beside people's names"
            )


# Whom a table of people is about; others only have to do with what it is about.
_SUBJECTS = frozenset(
    "tenant occupier occupant resident claimant client customer patient child pupil student elector voter member person "
    "carer borrower parent guardian complainant passenger offender victim employee donor".split()
)


def is_of_people(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> bool:
    """Whether the records are about people, so that whatever they say is personal."""
    for p in profiles:
        kind = looks[p.name].kind if p.name in looks else ""
        if kind in ("date_of_birth", "birth_year", "date_of_death", "nino", "given_name", "family_name"):
            return True
        if kind == "full_name" and _SUBJECTS & set(words_of(p.name)):
            return True
    return False


def pattern(value: str) -> str:
    """What a value looks like, without telling it: Aaaaa 99."""
    shown = re.sub(r"[A-ZÀ-Þ]", "A", value[:60])
    shown = re.sub(r"[^\W\d_A]", "a", shown)
    return re.sub(r"\d", "9", shown)
