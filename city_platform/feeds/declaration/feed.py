"""Feed: one table that an agency sends, as its defs.yaml says.

Belongs here: the fields of a feed, what goes together among them, and the tables that follow. Does not belong here:
the pieces it is made of (the modules beside this one), reading the feed's data, and Dagster (feeds/component.py).
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_core import InitErrorDetails, PydanticCustomError

from city_platform.feeds.declaration.column import TYPES, FeedColumn, Split, Unpivot
from city_platform.feeds.declaration.dialect import Dialect
from city_platform.feeds.declaration.expect import CADENCES, Expect
from city_platform.feeds.declaration.parts import Fault, Part, Place, plain_name
from city_platform.feeds.declaration.roles import AddressRole, BusinessRole, EventDeclaration, PersonRole
from city_platform.feeds.declaration.source import PORTALS, Source
from city_platform.tables import Column, Table, feed_templates

# What staging and the judging of records (judge.py, fate.sql) call their own columns.
OWN_NAMES = {c.name for t in feed_templates("staging").tables.values() for c in t.columns} | set(
    "_row _line_shift _part _key_missing _is_blank _problems _occurrence _fate".split()
)


class Deleted(Part):
    """What says that a record is gone at the agency, where a delivery tells changes only."""

    column: str
    values: tuple[str, ...] = Field(min_length=1)


class Feed(Part):
    """One table that an agency sends."""

    # Whose it is, and on what terms we have it.
    agency: str = "agency"  # the folder's name
    name: str
    title: str
    owner: str  # with us, as Dagster writes owners: team:… or an e-mail address
    contact: str | None = None  # at the agency: who is told what is wrong
    publisher: str | None = None
    licence: str
    rights: Literal["open", "licensed", "contract"] | None = None
    legal_basis: str | None = None  # on which we hold it
    retention: str | None = None  # for how long, and why
    trust: int = 0  # where feeds contradict each other, what the more trusted one says is shown

    # How it comes.
    source: Source
    dialect: Dialect = Dialect()
    delivery: Literal["snapshot", "append", "upsert"] = "snapshot"
    deleted: Deleted | None = None
    cadence: str | int | None = None  # a word of CADENCES, a number of days, or once; empty: nobody knows
    late_after_days: int = Field(default=2, ge=0)  # beyond the cadence
    dated_by: str | None = None  # the column whose newest date says how far the content reaches
    key: tuple[str, ...] | Literal["content"]
    on_repeat: Literal["keep", "collapse", "quarantine"] = "collapse"
    on_conflict: Literal["quarantine", "keep_first"] = "quarantine"
    expect: Expect = Expect()

    # What it holds.
    columns: dict[str, FeedColumn]
    unpivot: Unpivot | None = None
    split: Split | None = None
    business: BusinessRole | None = None
    address: AddressRole | None = None
    people: tuple[PersonRole, ...] = ()
    events: tuple[EventDeclaration, ...] = ()

    _plain = field_validator("agency", "name")(plain_name)

    @field_validator("cadence")
    @classmethod
    def _cadence(cls, given: str | int | None) -> str | int | None:
        if isinstance(given, int) and given < 1:
            raise ValueError("give a number of days of at least 1")
        if isinstance(given, str) and given not in (*CADENCES, "once"):
            raise ValueError(f"{given}: give one of {', '.join((*CADENCES, 'once'))}, or a number of days")
        return given

    @model_validator(mode="after")
    def _sense(self) -> Feed:
        faults = [
            *_missing_columns(self),
            *_form_faults(self),
            *_reshape_faults(self),
            *_event_faults(self),
            *_name_faults(self.columns),
        ]
        for n, person in enumerate(self.people):
            faults += _person_faults(n, person, self.people[:n], self.columns)
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
    def cadence_days(self) -> int | None:
        """How many days may pass between two deliveries; None where nobody knows, or it came once."""
        return self.cadence if isinstance(self.cadence, int) else CADENCES.get(self.cadence or "")

    @property
    def has_personal_key(self) -> bool:
        """Whether record_key would tell personal values, those that nobody classified among them."""
        key = self.columns if self.key == "content" else self.key
        return any(self.columns[c].classification in (None, "personal") for c in key)

    @property
    def is_reshaped(self) -> bool:
        """Whether one line as sent may be several records."""
        return self.unpivot is not None or self.split is not None

    def sent_columns(self) -> tuple[str, ...]:
        """The columns that have to be in the file: those that no unpivot or split makes."""
        made: set[str] = set()
        needed = list(self.columns)
        if self.unpivot:
            made |= {self.unpivot.name, self.unpivot.value}
        if self.split:
            made |= set(self.split.groups)
            needed += [self.split.column] if self.split.column not in self.columns else []
        return tuple(c for c in needed if c not in made)

    def staging(self) -> Table:
        """The table of current records."""
        return self._table("current", typed=True)

    def past(self) -> Table:
        """The table of versions that no longer stand."""
        return self._table("past", typed=True)

    def history(self) -> Table:
        """The view of all versions, current ones among them."""
        return self._table("history", typed=True)

    def raw(self) -> Table:
        """The view of every delivered line, as text."""
        return self._table("delivered", typed=False)

    def rejected(self) -> Table:
        """The view of lines that no parser accepts."""
        return self._table("rejected", typed=False)

    def _table(self, kind: str, typed: bool) -> Table:
        templates = feed_templates("staging" if typed else "raw")
        template = templates.tables[kind]
        rights = self.rights if typed else None
        declared = (
            self.columns if typed else {n: self.columns.get(n, _UNDECLARED) for n in self.sent_columns()}
        )
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
            for name, column in declared.items()
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


_UNDECLARED = FeedColumn(meaning="Split into records; not declared itself")


def _missing_columns(feed: Feed) -> list[Fault]:
    """Names of columns, anywhere in the declaration, that no column has."""
    used: list[tuple[Place, str | None]] = []
    if feed.key != "content":
        used += [(("key", n), c) for n, c in enumerate(feed.key)]
    used.append((("dated_by",), feed.dated_by))
    if feed.deleted:
        used.append((("deleted", "column"), feed.deleted.column))
    used += [(("expect", "categories", c), c) for c in feed.expect.categories]
    if feed.unpivot:
        used += [(("unpivot", f), getattr(feed.unpivot, f)) for f in ("name", "value")]
    if feed.split:
        used += [(("split", "pattern"), c) for c in feed.split.groups]
    if feed.business:
        b = feed.business
        used += [
            (("business", f), getattr(b, f))
            for f in ("name", "alias", "legal_name", "valid_from", "valid_to")
        ]
        used += [
            (("business", f, "column"), n.column)
            for f, n in (("number", b.number), ("owner_number", b.owner_number))
            if n
        ]
    if feed.address:
        a = feed.address
        used += [(("address", "text"), c) for c in a.texts]
        used += [
            (("address", f), getattr(a, f))
            for f in type(a).model_fields
            if f not in ("text", "parcel", "building", "reference", "crs")
        ]
        for field in ("parcel", "building", "reference"):
            if number := getattr(a, field):
                used.append((("address", field, "column"), number.column))
    for n, person in enumerate(feed.people):
        used += [(("people", n, f), c) for f, c in person.columns()]
        if person.number:
            used.append((("people", n, "number", "column"), person.number.column))
        if not isinstance(person.lives_here, bool):
            used.append((("people", n, "lives_here", "column"), person.lives_here.column))
    for n, event in enumerate(feed.events):
        where: Place = ("events", n)
        used += [((*where, f), getattr(event, f)) for f in ("event_time", "outcome", "observer", "amount")]
        if event.known_time:
            used.append(((*where, "known_time", "column"), event.known_time.column))
        if event.parent:
            used += [((*where, "parent", "columns", i), c) for i, c in enumerate(event.parent.columns)]
        used += [((*where, "detail", i), c) for i, c in enumerate(event.detail)]
    return [
        (place, f"there is no column {c}") for place, c in used if c is not None and c not in feed.columns
    ]


def _form_faults(feed: Feed) -> list[Fault]:
    """What does not go together of where a feed comes from, how it is written and its columns."""
    faults: list[Fault] = []
    source, dialect = feed.source, feed.dialect
    is_fixed = dialect.format == "fixed_width"
    for name, column in feed.columns.items():
        if is_fixed and column.width is None:
            faults.append((("columns", name), "format fixed_width needs the width of each column"))
        elif column.width is not None and not is_fixed:
            faults.append((("columns", name, "width"), "a width needs dialect: {format: fixed_width}"))
    if source.database and dialect != Dialect():
        faults.append((("dialect",), "what comes from a database has no dialect"))
    # A resource of CKAN that is in no datastore is a file of whatever kind.
    if source.kind in PORTALS and source.kind != "ckan" and dialect != Dialect():
        faults.append((("dialect",), f"what comes from {source.kind} has no dialect"))
    if source.password and not source.member and dialect.format != "excel":
        faults.append(
            (
                ("source", "password"),
                "a password needs a member: which file of the zip is to be read, such as *.csv",
            )
        )
    if source.cursor and source.kind == "database" and source.cursor not in feed.columns:
        faults.append((("source", "cursor"), f"there is no column {source.cursor}"))
    if feed.key != "content" and feed.on_repeat == "keep":
        faults.append((("on_repeat",), "keep needs key: content; a key names one record"))
    if feed.key == "content" and feed.delivery == "upsert":
        faults.append((("delivery",), "upsert needs a key that names a record"))
    if feed.key == "content" and source.cursor:
        faults.append((("source", "cursor"), "a cursor needs a key that names a record"))
    if feed.deleted and feed.delivery == "snapshot":
        faults.append((("deleted",), "a snapshot leaves out what is gone; deleted needs delivery: upsert"))
    times = ("date", "timestamp")
    if feed.dated_by in feed.columns and feed.columns[feed.dated_by].type not in times:
        faults.append((("dated_by",), f"{feed.dated_by} has to be a date or a timestamp"))
    return faults


def _reshape_faults(feed: Feed) -> list[Fault]:
    faults: list[Fault] = []
    if feed.unpivot and feed.split:
        faults.append((("split",), "give unpivot or split, not both"))
    if feed.split and not feed.split.groups:
        faults.append(
            (("split", "pattern"), "name its groups after the columns they make, as in (?P<code>[0-9]+)")
        )
    if feed.unpivot:
        pattern = re.compile(feed.unpivot.columns)
        faults += [
            (("columns", c), f"{c} is one of the columns that unpivot turns into records; leave it out")
            for c in feed.sent_columns()
            if pattern.fullmatch(c)
        ]
    return faults


def _event_faults(feed: Feed) -> list[Fault]:
    faults: list[Fault] = []
    for n, event in enumerate(feed.events):
        where: Place = ("events", n)
        shown_in: list[tuple[Place, str | None]] = [
            ((*where, "detail", i), c) for i, c in enumerate(event.detail)
        ]
        for place, shown in (*shown_in, ((*where, "outcome"), event.outcome)):
            if shown in feed.columns and feed.columns[shown].classification != "public":
                faults.append((place, f"{shown} is not public, and an event's outcome and detail are"))
        if event.event_time in feed.columns and feed.columns[event.event_time].type not in (
            "date",
            "timestamp",
        ):
            faults.append(((*where, "event_time"), f"{event.event_time} has to be a date or a timestamp"))
    return faults


def _name_faults(columns: dict[str, FeedColumn]) -> list[Fault]:
    faults: list[Fault] = []
    lowered: set[str] = set()
    for column in columns:
        if column.lower() in lowered:
            faults.append(
                (("columns", column), "two names differ in capitals only, which DuckDB cannot keep apart")
            )
        if column.lower() in OWN_NAMES or column.lower().startswith("_sent "):
            faults.append((("columns", column), f"{column} is one of the platform's own names"))
        if '"' in column:
            faults.append((("columns", column), "a name cannot hold a quotation mark"))
        lowered.add(column.lower())
    return faults


def _person_faults(
    n: int, person: PersonRole, before: tuple[PersonRole, ...], columns: dict[str, FeedColumn]
) -> list[Fault]:
    """What does not go together of one of a feed's people and the feed's columns."""
    faults: list[Fault] = []
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
