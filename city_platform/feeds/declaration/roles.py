"""Roles: which of a feed's columns say which business, address, people and events a record is about.

Belongs here: the fields of `business`, `address`, `people` and `events`. Does not belong here: resolving them
(entities/).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from city_platform.feeds.declaration.parts import Part, plain_name

CROSS_REFERENCES = ("council_tax", "non_domestic_rates")  # what a gazetteer's cross references number


class Number(Part):
    """An identifier that a column holds."""

    scheme: str
    column: str
    placeholders: tuple[str, ...] = ()  # values that identify nothing

    _plain = field_validator("scheme")(plain_name)


class BusinessRole(Part):
    """Which columns say which business a record is about; without name, alias and number only whose it is."""

    name: str | None = None
    alias: str | None = None
    legal_name: str | None = None
    number: Number | None = None
    owner_number: Number | None = None
    relationships: tuple[
        str, ...
    ] = ()  # what the owner is to the record's address: owns, pays_for, landlord…
    valid_from: str | None = None
    valid_to: str | None = None

    @model_validator(mode="after")
    def _somebody(self) -> BusinessRole:
        if not (self.holds_unit or self.legal_name or self.owner_number):
            raise ValueError(
                "give a name or a number of the business, or a legal_name or owner_number of whose it is"
            )
        return self

    @property
    def holds_unit(self) -> bool:
        """Whether it tells a local unit, and not its owner alone, as a payment to a supplier does."""
        return bool(self.name or self.alias or self.number)


class AddressRole(Part):
    """Which columns say which address a record is about."""

    text: str | tuple[str, ...] = ()  # of several, those that hold something are joined with commas
    locality: str | None = None
    postcode: str | None = None
    ward: str | None = None
    lat: str | None = None
    lon: str | None = None
    easting: str | None = None  # British National Grid, metres
    northing: str | None = None
    x: str | None = None  # east and north in the coordinate system crs
    y: str | None = None
    crs: str | None = None  # such as EPSG:3435
    uprn: str | None = None
    parcel: Number | None = None  # of the lot: records of one are one site
    building: Number | None = None  # of the building on it
    reference: Number | None = None  # of council tax or non-domestic rates: the gazetteer may know it

    @model_validator(mode="after")
    def _fits(self) -> AddressRole:
        if not (self.text or self.uprn or self.reference or self.lat or self.easting or self.x):
            raise ValueError(
                "text: name one column or more, or where else the address is told: uprn, reference, coordinates"
            )
        if (self.easting is None) != (self.northing is None):
            raise ValueError("give both easting and northing, or neither")
        if self.easting and (self.lat or self.lon):
            raise ValueError("give easting and northing, or lat and lon, not both")
        if len({self.x is None, self.y is None, self.crs is None}) > 1:
            raise ValueError("give x, y and crs together, or none of them")
        if self.x and (self.easting or self.lat or self.lon):
            raise ValueError("give x and y, or easting and northing, or lat and lon, not several")
        if self.reference and self.reference.scheme not in CROSS_REFERENCES:
            raise ValueError(f"reference: its scheme has to be one of {', '.join(CROSS_REFERENCES)}")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of the address text, in order."""
        return (self.text,) if isinstance(self.text, str) else self.text


class ColumnIs(Part):
    """Something that holds of a record where a column has one of these values."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class PersonRole(Part):
    """Which columns say who a record is about, in one role; a record may name several people."""

    role: str
    title: str | None = None
    given_name: str | None = None
    middle_name: str | None = None
    family_name: str | None = None
    full_name: str | None = None  # the name in one column, in this order
    order: Literal["given_family", "family_given"] | None = None
    date_of_birth: str | None = None  # a date, or text: ISO, or the day first
    birth_month: str | None = None  # a number, where the day is not told
    birth_year: str | None = None
    date_of_death: str | None = None
    number: Number | None = None
    lives_here: bool | ColumnIs = True  # whether the record's address is where the person lives
    least_age: int = Field(default=0, ge=0)  # years, on the record's last day: who pays council tax is 18
    most_age: int | None = Field(
        default=None, gt=0
    )  # years, on the record's first day: a pupil is at most 19
    relationships: tuple[
        str, ...
    ] = ()  # what else the person is to it; of who lives elsewhere, the role if left out
    listed_once: bool = False  # the feed is a list in which each person stands once at a home, as electors do
    valid_from: str | None = None
    valid_to: str | None = None

    _plain = field_validator("role")(plain_name)

    @model_validator(mode="after")
    def _fits(self) -> PersonRole:
        parts = (self.given_name, self.middle_name, self.family_name)
        if not any((self.full_name, self.family_name, self.number)):
            raise ValueError("give a full_name, a family_name or a number")
        if self.full_name and any(parts):
            raise ValueError("give a full_name or its parts, not both")
        if bool(self.full_name) != (self.order is not None):
            raise ValueError(
                "a full_name needs an order, given_family or family_given, and an order a full_name"
            )
        if self.birth_month and not self.birth_year:
            raise ValueError("a birth_month needs a birth_year")
        if self.date_of_birth and self.birth_year:
            raise ValueError("give a date_of_birth or a birth_year, not both")
        return self

    def columns(self) -> list[tuple[str, str | None]]:
        """Each field that names a column, and the column."""
        own = (
            "role",
            "order",
            "number",
            "lives_here",
            "least_age",
            "most_age",
            "listed_once",
            "relationships",
        )
        return [(f, getattr(self, f)) for f in PersonRole.model_fields if f not in own]


class KnownTime(Part):
    """When something could first be known: a column of the record plus a lag."""

    column: str
    lag_days: int = Field(default=0, ge=0)


class Parent(Part):
    """The event of another feed that an event is part of; columns hold that feed's key."""

    feed: str
    event: str
    columns: tuple[str, ...]

    _plain = field_validator("event")(plain_name)


class EventDeclaration(Part):
    """One kind of event that a record tells."""

    type: str
    event_time: str
    known_time: KnownTime | None = None  # where empty: known when we got it
    outcome: str | None = None
    observer: str | None = None
    amount: str | None = None
    detail: tuple[str, ...] = ()  # further columns that are known at known_time
    parent: Parent | None = None

    _plain = field_validator("type")(plain_name)
