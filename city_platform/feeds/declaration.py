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
    """Where the feed comes from: an address, or a file of this name in the mirror or the inbox."""

    url: str | None = None
    file: str | None = None
    timeout_s: float = 60.0
    at_most_mb: float = 2000.0

    @model_validator(mode="after")
    def _one(self) -> Source:
        if not (self.url or self.file):
            raise ValueError("give a url, or the name of a file")
        if self.url and not self.url.startswith(("http://", "https://")):
            raise ValueError(f"{self.url}: give an address that starts with http:// or https://")
        return self

    @property
    def file_name(self) -> str:
        return self.file or str(self.url).split("?")[0].rstrip("/").rsplit("/", 1)[-1]


class Dialect(Part):
    """How the file is written. Nothing is guessed."""

    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str = '"'

    _known = field_validator("encoding")(_encoding)
    _one_mark = field_validator("delimiter", "quote")(_mark)

    @model_validator(mode="after")
    def _differ(self) -> Dialect:
        if self.delimiter == self.quote:
            raise ValueError("delimiter and quote have to differ")
        return self


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
    """Which columns say which business a record is about."""

    name: str
    alias: str | None = None
    legal_name: str | None = None
    number: Number | None = None
    owner_number: Number | None = None
    valid_from: str | None = None
    valid_to: str | None = None


class AddressRole(Part):
    """Which columns say which address a record is about."""

    text: str
    locality: str | None = None
    postcode: str | None = None
    ward: str | None = None
    lat: str | None = None
    lon: str | None = None


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
            used += [(("address", f), getattr(self.address, f)) for f in AddressRole.model_fields]
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
