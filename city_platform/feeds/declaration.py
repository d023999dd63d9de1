"""A feed's declaration: what an agency sends, as its defs.yaml says.

Belongs here: the fields of that file, their sense, and the tables that follow from them. Does not belong here:
reading the feed's data (records.py, load.py) and Dagster (component.py).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

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


def _plain_name(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name}: use small letters, digits and _ only, a letter first")
    return name


PlainName = Annotated[str, AfterValidator(_plain_name)]


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
    delimiter: str = Field(default=",", min_length=1, max_length=1)
    quote: str = Field(default='"', min_length=1, max_length=1)


class Expect(Part):
    """What a delivery has to be like to be loaded."""

    rows_at_least: int = Field(default=1, ge=0)
    fall_at_most: float = Field(default=0.5, ge=0, le=1)  # share of the last delivery's rows that may be gone
    quarantined_at_most: float = Field(default=0.02, ge=0, le=1)  # share of the rows that may be set aside


class Number(Part):
    """An identifier that a column holds."""

    scheme: PlainName
    column: str
    placeholders: tuple[str, ...] = ()  # values that identify nothing


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
    event: PlainName
    columns: tuple[str, ...]


class EventDeclaration(Part):
    """One kind of event that a record tells."""

    type: PlainName
    event_time: str
    known_time: KnownTime | None = None  # where empty: known when we got it
    outcome: str | None = None
    observer: str | None = None
    amount: str | None = None
    detail: tuple[str, ...] = ()  # further columns that are known at known_time
    parent: Parent | None = None


class Feed(Part):
    """One table that an agency sends."""

    agency: PlainName = "agency"  # the folder's name
    name: PlainName
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

    @model_validator(mode="after")
    def _sense(self) -> Feed:
        used: list[tuple[str, str | None]] = []
        if self.key != "content":
            used += [("key", c) for c in self.key]
        if self.business:
            b = self.business
            used += [
                (f"business.{f}", getattr(b, f))
                for f in ("name", "alias", "legal_name", "valid_from", "valid_to")
            ]
            used += [("business.number", n.column) for n in (b.number, b.owner_number) if n]
        if self.address:
            used += [(f"address.{f}", getattr(self.address, f)) for f in AddressRole.model_fields]
        for event in self.events:
            where = f"events.{event.type}"
            used += [(where, c) for c in (event.event_time, event.outcome, event.observer, event.amount)]
            used += [(where, event.known_time.column)] if event.known_time else []
            used += [(where, c) for c in (*event.detail, *(event.parent.columns if event.parent else ()))]
            for shown in (*event.detail, event.outcome):
                if shown in self.columns and self.columns[shown].classification != "public":
                    raise ValueError(f"{where}: {shown} is not public, and an event's outcome and detail are")
            times = {"date", "timestamp"}
            if event.event_time in self.columns and self.columns[event.event_time].type not in times:
                raise ValueError(f"{where}: {event.event_time} has to be a date or a timestamp")
        for where, column in used:
            if column is not None and column not in self.columns:
                raise ValueError(f"{where}: there is no column {column}")
        if self.key != "content" and self.on_repeat == "keep":
            raise ValueError("on_repeat: keep needs key: content; a key names one record")
        lowered = [c.lower() for c in self.columns]
        if len(set(lowered)) != len(lowered):
            raise ValueError("columns: two names differ in capitals only, which DuckDB cannot keep apart")
        reserved = {c.name for t in feed_templates("staging").tables.values() for c in t.columns}
        for column in self.columns:
            if column in reserved:
                raise ValueError(f"columns: {column} is one of the platform's own names")
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
        return self.key != "content" and any(self.columns[c].classification == "personal" for c in self.key)

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
    for path in sorted((city_folder / "feeds").glob("*/defs.yaml")):
        for content, node in load_documents(path):
            line = node.start_mark.line + 1
            if content.get("type") != COMPONENT:
                raise DeclarationError(f"{path}, line {line}: type has to be {COMPONENT}.")
            attributes: dict[str, Any] = {"agency": path.parent.name, **(content.get("attributes") or {})}
            inner = (
                next(v for k, v in node.value if k.value == "attributes") if "attributes" in content else node
            )
            feeds.append(validate(Feed, attributes, inner, path))
    ids = [f.id for f in feeds]
    for twice in sorted({i for i in ids if ids.count(i) > 1}):
        raise DeclarationError(f"{city_folder}: feed {twice} is declared twice.")
    for feed in feeds:
        for event in feed.events:
            if event.parent and event.parent.feed not in ids:
                raise DeclarationError(
                    f"{city_folder}: feed {feed.id}: no feed {event.parent.feed} to be part of."
                )
    if not feeds:
        raise DeclarationError(f"{city_folder}: no feed is declared in feeds/<agency>/defs.yaml.")
    return feeds


def strictest_rights(feeds: list[Feed]) -> str:
    """The most restricted rights of any feed: what is derived from all of them carries it."""
    order = ("open", "licensed", "contract")
    return max((f.rights or "contract" for f in feeds), key=order.index)
