"""Dialect: how a feed's file is written, as its declaration says. Nothing is guessed.

Belongs here: the fields of `dialect`, and what goes together. Does not belong here: reading (feeds/formats/).
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator, model_validator

from city_platform.feeds.declaration.parts import Part

Format = Literal["csv", "excel", "json", "json_lines", "geo", "xml", "fixed_width", "parquet"]
# What may be given of a dialect beside its format.
_OPTIONS: dict[str, str] = {
    "csv": "encoding delimiter quote header skip_lines ragged left_out record_type record_types trailer",
    "excel": "header skip_lines sheet",
    "json": "record encoding",
    "json_lines": "encoding",
    "geo": "layer crs encoding",
    "xml": "record",
    "fixed_width": "encoding header skip_lines",
    "parquet": "",
}


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


class Trailer(Part):
    """The last line of a file of several record types, which says how many records the file holds."""

    type: str
    count: int = Field(ge=2)  # which field holds the number, the first one being 1
    # types of lines that the number leaves out, beside the trailer itself
    not_counted: tuple[str, ...] = ("10",)


class Dialect(Part):
    """How the file is written."""

    format: Format = "csv"
    encoding: str = "utf-8"
    delimiter: str = ","
    quote: str | None = '"'  # null where the file has none, so that a quotation mark is a letter like others
    header: bool | None = None  # whether a line names the columns; where empty: yes, save for fixed_width
    skip_lines: int = Field(default=0, ge=0)  # title lines above the header or the first record
    ragged: bool = False  # rows may leave out empty columns at their end, or have more of them
    left_out: tuple[
        str, ...
    ] = ()  # columns that a row which is short by one or more leaves out, the first first
    record_type: str | None = None  # only lines whose first field is this are records of the feed
    # every type the file may hold, the header's and the trailer's among them
    record_types: tuple[str, ...] = ()
    trailer: Trailer | None = None
    sheet: str | None = None  # the first one where empty
    record: str | None = None  # XML: the element that is one record, alone or with those around it (a/b/c);
    #                            JSON: where the list of records is (result.records), the whole where empty
    layer: str | None = None  # of a GeoPackage; the first one where empty
    crs: str | None = None  # the coordinate system, such as EPSG:27700, where the file does not say it

    _known = field_validator("encoding")(_encoding)
    _one_mark = field_validator("delimiter")(_mark)

    @field_validator("quote")
    @classmethod
    def _quote(cls, mark: str | None) -> str | None:
        return mark if mark is None else _mark(mark)

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
