"""Source: where a feed comes from, as its declaration says.

Belongs here: the fields of `source`, and what goes together. Does not belong here: reaching it (feeds/sources/).
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field, field_validator, model_validator

from city_platform.feeds.declaration.parts import Part, plain_name_or_none

Kind = Literal["file", "url", "socrata", "ckan", "arcgis", "ratings", "database"]
KINDS: tuple[Kind, ...] = ("file", "url", "socrata", "ckan", "arcgis", "ratings", "database")
PORTALS: tuple[Kind, ...] = ("socrata", "ckan", "arcgis", "ratings")
DAY = "{day"  # a file or url that holds this is one delivery a day: {day} or {day:%Y%m%d}
# What may be given beside each kind; time-outs, bounds and the like go with all of them.
_OPTIONS: dict[Kind, str] = {
    "file": "member password first_day",
    "url": "member password token first_day",
    "socrata": "token where select cursor full_every_days page_rows",
    "ckan": "token where cursor full_every_days page_rows",
    "arcgis": "token where cursor full_every_days page_rows",
    "ratings": "page_rows",
    "database": "table query cursor full_every_days page_rows",
}
_ALWAYS = "timeout_s at_most_mb tries per_second"


class Source(Part):
    """Where the feed comes from: exactly one of the kinds, and how it is asked."""

    # One of these.
    file: str | None = None  # a name or pattern in the mirror or the inbox, or an absolute path or pattern
    url: str | None = None  # http(s)://…, or any other address that fsspec knows: sftp://, s3://, az://
    socrata: str | None = None  # HOST/ID, such as data.cityofchicago.org/4ijn-s7e5
    ckan: str | None = None  # HOST/RESOURCE_ID
    arcgis: str | None = None  # the address of a layer: …/FeatureServer/0
    ratings: str | None = None  # HOST/AUTHORITY of the ratings API v2: api.ratings.food.gov.uk/404
    database: str | None = None  # a name; Settings knows its address

    # What of it.
    member: str | None = None  # of a zip: the one file in it, such as *.csv
    table: str | None = None
    query: str | None = None
    where: str | None = None  # which rows, in the portal's own words (SoQL, CKAN filters as JSON, SQL-92)
    select: str | None = None  # which columns, in SoQL
    first_day: date | None = None  # of a file or url with {day}: where a backfill may begin

    # What is new of it: rows whose cursor is beyond the last one that was loaded; all of it every so many days.
    cursor: str | None = None
    full_every_days: int | None = Field(default=None, ge=1)

    # How it is asked. Secrets are named here and set outside (docs/reference/settings.md).
    password: str | None = None  # of a zip or a workbook
    token: str | None = (
        None  # that the portal or server asks for; `user:password` for http's basic authentication
    )
    page_rows: int | None = Field(default=None, ge=1)
    timeout_s: float = Field(default=60.0, gt=0)
    at_most_mb: float = Field(default=2000.0, gt=0)
    tries: int = Field(default=5, ge=1, le=20)
    per_second: float | None = Field(default=None, gt=0)  # requests, at the most

    _plain = field_validator("password", "token", "database")(plain_name_or_none)

    @model_validator(mode="after")
    def _one(self) -> Source:
        given = [k for k in KINDS if getattr(self, k)]
        if not given:
            raise ValueError("give a url, or the name of a file, or of a database, or a portal's address")
        if self.database and {"url", "file", "member"} & self.model_fields_set:
            raise ValueError("a database has no url, file or member")
        # A url may have a file beside it: its name in the mirror.
        if len(given) > 1 and set(given) != {"file", "url"}:
            raise ValueError(f"give one of {', '.join(given)}, not several")
        kind = self.kind
        options = {*_OPTIONS[kind].split(), *_ALWAYS.split(), kind, *given}
        strange = sorted(self.model_fields_set - options)
        if (kind == "database") != (self.table is not None or self.query is not None):
            raise ValueError("a database needs a table or a query, and these need a database")
        if strange:
            raise ValueError(f"a source of kind {kind} has no {', '.join(strange)}")
        if self.table and self.query:
            raise ValueError("give a table or a query, not both")
        if self.url and "://" not in self.url:
            raise ValueError(f"{self.url}: give an address that starts with http:// or https://")
        if self.full_every_days and not self.cursor and kind != "socrata":
            raise ValueError("full_every_days needs a cursor: without one, all is read every time")
        if self.first_day and not self.is_by_day:
            raise ValueError("first_day needs a file or url with {day} in it")
        return self

    @property
    def kind(self) -> Kind:
        """Which of the sources it is."""
        if self.url:
            return "url"
        return next(k for k in KINDS if getattr(self, k))

    @property
    def is_by_day(self) -> bool:
        """Whether every day is a delivery of its own."""
        return DAY in (self.url or self.file or "")

    @property
    def file_name(self) -> str:
        """The name of its file in a mirror, and of the bytes that are kept."""
        if self.database:
            return f"{self.database}_{self.table or 'query'}.parquet".replace("/", "_")
        if self.kind in PORTALS:
            tail = str(getattr(self, self.kind)).split("?")[0].rstrip("/").rsplit("/", 2)[-2:]
            return "_".join(tail[-1:] if self.kind != "arcgis" else tail) + ".jsonl"
        if self.file:
            return self.file.rstrip("/").rsplit("/", 1)[-1]
        return str(self.url).split("?")[0].rstrip("/").rsplit("/", 1)[-1]
