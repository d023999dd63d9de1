"""A feed's declaration: what an agency sends, as its defs.yaml says.

Belongs here: the fields of that file, their sense, and the tables that follow from them. Does not belong here:
reading the feed's data (records.py, load.py) and Dagster (component.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from city_platform.tables import Column, Table, feed_templates
from city_platform.yaml_files import DeclarationError, load_documents, validate

COMPONENT = "city_platform.feeds.component.FeedComponent"
TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}
# What staging and the judging of records (judge.py, fate.sql) call their own columns.
OWN_NAMES = {c.name for t in feed_templates("staging").tables.values() for c in t.columns} | set(
    "_key_missing _is_blank _problems _is_valid _occurrence _is_contested _first_hash _fate".split()
)
CROSS_REFERENCES = ("council_tax", "non_domestic_rates")  # what a gazetteer's cross references number
Place = tuple[str | int, ...]


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name}: use small letters, digits and _ only, a letter first")
    return name


def _encoding(name: str) -> str:
    try:
        "".encode(name)
    except (LookupError, UnicodeError, ValueError):
        raise ValueError(f"{name}: there is no such encoding; utf-8 and cp1252 are usual") from None
    return name


def _mark(mark: str) -> str:
    if len(mark) != 1 or mark.isalnum() or mark in "\r\n\0":
        raise ValueError("give one mark that is no letter, digit or line end")
    return mark


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class FeedColumn(Part):
    """One column as the agency sends it."""

    type: Literal["text", "integer", "number", "date", "timestamp", "boolean"] = "text"
    meaning: str = Field(min_length=3)
    classification: Literal["public", "official", "personal"] | None = Field(default=None, alias="class")
    rights: Literal["open", "licensed", "contract"] | None = None  # the feed's where empty
    required: bool = False  # a record cannot exist without it
    unit: str | None = None
    values: tuple[str, ...] = ()
    range: tuple[float | None, float | None] | None = None
    format: str | None = None  # of a date or timestamp, in strptime's letters; ISO where empty
    width: int | None = Field(default=None, ge=1)  # characters, where the file is of fixed width

    @model_validator(mode="after")
    def _fits_type(self) -> FeedColumn:
        if self.range and self.type not in ("integer", "number"):
            raise ValueError(f"a range needs type: integer or number, not {self.type}")
        if self.format and self.type not in ("date", "timestamp"):
            raise ValueError(f"a format needs type: date or timestamp, not {self.type}")
        if self.values and self.type != "text":
            raise ValueError(f"values need type: text, not {self.type}")
        return self


class Source(Part):
    """Where the feed comes from: an address, a file of this name in the mirror or the inbox, or a database."""

    url: str | None = None
    file: str | None = None
    member: str | None = None  # of a zip: the one file in it, such as *.csv
    password: str | None = None  # of a zip: the name of a secret, never the password itself
    database: str | None = None  # a name; Settings knows its address
    table: str | None = None
    query: str | None = None
    timeout_s: float = 60.0
    at_most_mb: float = 2000.0

    @field_validator("password", "database")
    @classmethod
    def _plain(cls, name: str | None) -> str | None:
        return name if name is None else _plain_name(name)

    @model_validator(mode="after")
    def _one(self) -> Source:
        if not (self.url or self.file or self.database):
            raise ValueError("give a url, or the name of a file, or of a database")
        if self.database and (self.url or self.file or self.member):
            raise ValueError("a database has no url, file or member")
        if bool(self.database) != (self.table is not None or self.query is not None):
            raise ValueError("a database needs a table or a query, and these need a database")
        if self.table and self.query:
            raise ValueError("give a table or a query, not both")
        if self.password and not self.member:
            raise ValueError("a password needs a member: which file of the zip is to be read, such as *.csv")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{self.url}: give an address that starts with http:// or https://")
        return self

    @property
    def file_name(self) -> str:
        if self.database:
            return f"{self.database}_{self.table or 'query'}.csv".replace("/", "_")
        return self.file or str(self.url).split("?")[0].rstrip("/").rsplit("/", 1)[-1]


class Trailer(Part):
    """The last line of a file of several record types, which says how many records the file holds."""

    type: str
    count: int = Field(ge=2)  # which field holds the number, the first one being 1
    not_counted: tuple[str, ...] = (
        "10",
    )  # types of lines that the number leaves out, beside the trailer itself


# What may be given of a dialect beside its format.
_OPTIONS = {
    "csv": "encoding delimiter quote header skip_lines record_type record_types trailer",
    "excel": "header skip_lines sheet",
    "json_lines": "encoding",
    "xml": "record",
    "fixed_width": "encoding header skip_lines",
}


class Dialect(Part):
    """How the file is written. Nothing is guessed."""

    format: Literal["csv", "excel", "json_lines", "xml", "fixed_width"] = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'
    header: bool | None = None  # whether a line names the columns; where empty: yes, save for fixed_width
    skip_lines: int = Field(default=0, ge=0)  # title lines above the header or the first record
    record_type: str | None = None  # only lines whose first field is this are records of the feed
    record_types: tuple[
        str, ...
    ] = ()  # every type the file may hold, the header's and the trailer's among them
    trailer: Trailer | None = None
    sheet: str | None = None  # the first one where empty
    record: str | None = None  # the XML element that is one record

    _known = field_validator("encoding")(_encoding)
    _one_mark = field_validator("delimiter", "quote")(_mark)

    @model_validator(mode="after")
    def _sense(self) -> Dialect:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote have to differ")
        strange = self.model_fields_set - {"format", *_OPTIONS[self.format].split()}
        if strange:
            raise ValueError(f"format {self.format} has no {', '.join(sorted(strange))}")
        if self.format == "xml" and not self.record:
            raise ValueError("format xml needs record: the name of the element that is one record")
        if self.record_type is None and (self.record_types or self.trailer):
            raise ValueError("record_types and trailer need a record_type")
        if self.record_type is not None and self.has_header:
            raise ValueError("a record_type needs header: false")
        named = {self.record_type, self.trailer.type if self.trailer else None}
        if self.record_types and not named <= {*self.record_types, None}:
            raise ValueError("record_types has to name record_type and the trailer's type too")
        return self

    @property
    def has_header(self) -> bool:
        return self.format != "fixed_width" if self.header is None else self.header


class Expect(Part):
    """What a delivery has to be like to be loaded."""

    rows_at_least: int = Field(default=1, ge=0)
    fall_at_most: float = Field(default=0.5, ge=0, le=1)  # share of the last delivery's rows that may be gone
    quarantined_at_most: float = Field(default=0.02, ge=0, le=1)  # share of the rows that may be set aside


class Number(Part):
    """An identifier that a column holds."""

    scheme: str
    column: str
    placeholders: tuple[str, ...] = ()  # values that identify nothing

    _plain = field_validator("scheme")(_plain_name)


class BusinessRole(Part):
    """Which columns say which business a record is about; without name, alias and number only whose it is."""

    name: str | None = None
    alias: str | None = None
    legal_name: str | None = None
    number: Number | None = None
    owner_number: Number | None = None
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

    text: str | tuple[str, ...]  # of several, those that hold something are joined with commas
    locality: str | None = None
    postcode: str | None = None
    ward: str | None = None
    lat: str | None = None
    lon: str | None = None
    easting: str | None = None  # British National Grid, metres
    northing: str | None = None
    uprn: str | None = None
    reference: Number | None = None  # of council tax or non-domestic rates: the gazetteer may know it

    @model_validator(mode="after")
    def _fits(self) -> AddressRole:
        if not self.text:
            raise ValueError("text: name one column or more")
        if (self.easting is None) != (self.northing is None):
            raise ValueError("give both easting and northing, or neither")
        if self.easting and (self.lat or self.lon):
            raise ValueError("give easting and northing, or lat and lon, not both")
        if self.reference and self.reference.scheme not in CROSS_REFERENCES:
            raise ValueError(f"reference: its scheme has to be one of {', '.join(CROSS_REFERENCES)}")
        return self

    @property
    def texts(self) -> tuple[str, ...]:
        """The columns of the address text, in order."""
        return (self.text,) if isinstance(self.text, str) else self.text


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
    lives_here: bool = True  # whether the record's address is where the person lives
    valid_from: str | None = None
    valid_to: str | None = None

    _plain = field_validator("role")(_plain_name)

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
        own = ("role", "order", "number", "lives_here")
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

    _plain = field_validator("event")(_plain_name)


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

    _plain = field_validator("type")(_plain_name)


def _form_faults(source: Source, dialect: Dialect, columns: dict[str, FeedColumn]) -> list[tuple[Place, str]]:
    """What does not go together of where a feed comes from, how it is written and its columns."""
    faults: list[tuple[Place, str]] = []
    is_fixed = dialect.format == "fixed_width"
    for name, column in columns.items():
        if is_fixed and column.width is None:
            faults.append((("columns", name), "format fixed_width needs the width of each column"))
        elif column.width is not None and not is_fixed:
            faults.append((("columns", name, "width"), "a width needs dialect: {format: fixed_width}"))
    if source.database and dialect != Dialect():
        faults.append((("dialect",), "what comes from a database has no dialect"))
    return faults


def _person_faults(
    n: int, person: PersonRole, before: tuple[PersonRole, ...], columns: dict[str, FeedColumn]
) -> list[tuple[Place, str]]:
    """What does not go together of one of a feed's people and the feed's columns."""
    faults: list[tuple[Place, str]] = []
    if person.role in {p.role for p in before}:
        faults.append(
            (
                ("people", n, "role"),
                f"{person.role} stands twice; each role of a feed needs a name of its own",
            )
        )
    for field_name in ("valid_from", "valid_to", "date_of_death"):
        column = columns.get(getattr(person, field_name) or "")
        if column and column.type not in ("date", "timestamp"):
            faults.append(
                (("people", n, field_name), f"{getattr(person, field_name)} has to be a date or a timestamp")
            )
    return faults


class Feed(Part):
    """One table that an agency sends."""

    agency: str = "agency"  # the folder's name
    name: str
    title: str
    owner: str  # as Dagster writes owners: team:… or an e-mail address
    licence: str
    rights: Literal["open", "licensed", "contract"] | None = None
    source: Source
    dialect: Dialect = Dialect()
    delivery: Literal["snapshot", "append"] = "snapshot"
    key: tuple[str, ...] | Literal["content"]
    on_repeat: Literal["keep", "collapse", "quarantine"] = "collapse"
    on_conflict: Literal["quarantine", "keep_first"] = "quarantine"
    expect: Expect = Expect()
    columns: dict[str, FeedColumn]
    business: BusinessRole | None = None
    address: AddressRole | None = None
    people: tuple[PersonRole, ...] = ()
    events: tuple[EventDeclaration, ...] = ()

    _plain = field_validator("agency", "name")(_plain_name)

    @model_validator(mode="after")
    def _sense(self) -> Feed:
        faults: list[tuple[Place, str]] = []
        used: list[tuple[Place, str | None]] = []
        if self.key != "content":
            used += [(("key", n), c) for n, c in enumerate(self.key)]
        if self.business:
            b = self.business
            used += [
                (("business", f), getattr(b, f))
                for f in ("name", "alias", "legal_name", "valid_from", "valid_to")
            ]
            used += [
                (("business", f, "column"), n.column)
                for f, n in (("number", b.number), ("owner_number", b.owner_number))
                if n
            ]
        if self.address:
            a = self.address
            used += [(("address", "text"), c) for c in a.texts]
            used += [
                (("address", f), getattr(a, f))
                for f in AddressRole.model_fields
                if f not in ("text", "reference")
            ]
            if a.reference:
                used.append((("address", "reference", "column"), a.reference.column))
        for n, person in enumerate(self.people):
            used += [(("people", n, f), c) for f, c in person.columns()]
            if person.number:
                used.append((("people", n, "number", "column"), person.number.column))
            faults += _person_faults(n, person, self.people[:n], self.columns)
        for n, event in enumerate(self.events):
            where: Place = ("events", n)
            used += [
                ((*where, f), getattr(event, f)) for f in ("event_time", "outcome", "observer", "amount")
            ]
            if event.known_time:
                used.append(((*where, "known_time", "column"), event.known_time.column))
            if event.parent:
                used += [((*where, "parent", "columns", i), c) for i, c in enumerate(event.parent.columns)]
            details: list[tuple[Place, str | None]] = [
                ((*where, "detail", i), c) for i, c in enumerate(event.detail)
            ]
            used += details
            for place, shown in (*details, ((*where, "outcome"), event.outcome)):
                if shown in self.columns and self.columns[shown].classification != "public":
                    faults.append((place, f"{shown} is not public, and an event's outcome and detail are"))
            times = {"date", "timestamp"}
            if event.event_time in self.columns and self.columns[event.event_time].type not in times:
                faults.append(((*where, "event_time"), f"{event.event_time} has to be a date or a timestamp"))
        faults += [
            (place, f"there is no column {c}") for place, c in used if c is not None and c not in self.columns
        ]
        faults += _form_faults(self.source, self.dialect, self.columns)
        if self.key != "content" and self.on_repeat == "keep":
            faults.append((("on_repeat",), "keep needs key: content; a key names one record"))
        lowered: set[str] = set()
        for column in self.columns:
            if column.lower() in lowered:
                faults.append(
                    (
                        ("columns", column),
                        "two names differ in capitals only, which DuckDB cannot keep apart",
                    )
                )
            if column.lower() in OWN_NAMES or column.lower().startswith("_sent "):
                faults.append((("columns", column), f"{column} is one of the platform's own names"))
            if '"' in column:
                faults.append((("columns", column), "a name cannot hold a quotation mark"))
            lowered.add(column.lower())
        if faults:
            raise ValidationError.from_exception_data(
                type(self).__name__,
                [
                    InitErrorDetails(
                        type=PydanticCustomError("feed", "{text}", {"text": t}), loc=p, input=None
                    )
                    for p, t in faults
                ],
            )
        return self

    @property
    def id(self) -> str:
        """agency/feed"""
        return f"{self.agency}/{self.name}"

    @property
    def table_name(self) -> str:
        return f"{self.agency}__{self.name}"

    @property
    def asset(self) -> str:
        return f"feeds/{self.id}"

    @property
    def has_personal_key(self) -> bool:
        """Whether record_key would tell personal values, those that nobody classified among them."""
        key = self.columns if self.key == "content" else self.key
        return any(self.columns[c].classification in (None, "personal") for c in key)

    def staging(self) -> Table:
        return self._table("current", typed=True)

    def history(self) -> Table:
        return self._table("history", typed=True)

    def raw(self) -> Table:
        return self._table("delivered", typed=False)

    def rejected(self) -> Table:
        return self._table("rejected", typed=False)

    def _table(self, kind: str, typed: bool) -> Table:
        templates = feed_templates("staging" if typed else "raw")
        template = templates.tables[kind]
        rights = self.rights if typed else None
        columns = [
            Column(
                name=name,
                type=TYPES[column.type] if typed else "VARCHAR",
                meaning=column.meaning,
                classification=column.classification,
                rights=column.rights or rights if typed else None,
                required=column.required and typed,
                unit=column.unit,
                values=column.values if typed else (),
                range=column.range if typed else None,
            )
            for name, column in self.columns.items()
        ]
        own = tuple(Column(**{**vars(c), "rights": rights}) if typed else c for c in template.columns)
        return Table(
            schema=templates.schema,
            name=self.table_name + templates.suffixes[kind],
            grain=f"{template.grain}: {self.title}",
            key=template.key,
            columns=own if kind == "rejected" else (*own, *columns),
            order_by=template.key,
            lineage=self.id,
        )


def load_feeds(city_folder: Path) -> list[Feed]:
    """Every feed of a city, by feeds/<agency>/defs.yaml; raises DeclarationError with file, line and field."""
    feeds: list[Feed] = []
    places: list[str] = []  # where each one begins
    for path in sorted((city_folder / "feeds").glob("*/defs.yaml")):
        for content, node in load_documents(path):
            line = node.start_mark.line + 1
            if content.get("type") != COMPONENT:
                raise DeclarationError(f"{path}, line {line}: type has to be {COMPONENT}.")
            given = content.get("attributes") or {}
            if not isinstance(given, dict):
                raise DeclarationError(f"{path}, line {line}: attributes: give fields and values here.")
            attributes: dict[str, Any] = {"agency": path.parent.name, **given}
            inner = (
                next(v for k, v in node.value if k.value == "attributes") if "attributes" in content else node
            )
            feeds.append(validate(Feed, attributes, inner, path))
            places.append(f"{path}, line {inner.start_mark.line + 1}")
    ids = [f.id for f in feeds]
    for n, feed in enumerate(feeds):
        if feed.id in ids[:n]:
            first = places[ids.index(feed.id)]
            raise DeclarationError(f"{places[n]}: name: feed {feed.id} is declared twice, first in {first}.")
        for i, event in enumerate(feed.events):
            if event.parent and event.parent.feed not in ids:
                raise DeclarationError(
                    f"{places[n]}: events.{i}.parent.feed: there is no feed {event.parent.feed}."
                )
    if not feeds:
        raise DeclarationError(f"{city_folder}: no feed is declared in feeds/<agency>/defs.yaml.")
    return feeds


def strictest_rights(feeds: list[Feed]) -> str:
    """The most restricted rights of any feed: what is derived from all of them carries it."""
    order = ("open", "licensed", "contract")
    return max((f.rights or "contract" for f in feeds), key=order.index)
