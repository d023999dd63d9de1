"""Column: one column of a feed as the agency sends it, and what turns columns into records where they are not.

Belongs here: a column's type, meaning and rules; unpivot and split. Does not belong here: which columns are an
address or a business (roles.py), and judging values (feeds/judge.py).
"""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from city_platform.feeds.declaration.parts import Part

TYPES = {
    "text": "VARCHAR",
    "integer": "BIGINT",
    "number": "DOUBLE",
    "date": "DATE",
    "timestamp": "TIMESTAMP",
    "boolean": "BOOLEAN",
}


class FeedColumn(Part):
    """One column as the agency sends it."""

    type: Literal["text", "integer", "number", "date", "timestamp", "boolean"] = "text"
    meaning: str = Field(min_length=3)
    classification: Literal["public", "official", "personal"] | None = Field(default=None, alias="class")
    rights: Literal["open", "licensed", "contract"] | None = None  # the feed's where empty
    required: bool = False  # a record cannot exist without it
    unit: str | None = None
    values: tuple[str, ...] = ()  # what is allowed, after the lookups
    range: tuple[float | None, float | None] | None = None
    # of a date or timestamp, in strptime's letters, one or several to try in turn; ISO where empty
    format: str | tuple[str, ...] | None = None
    missing: tuple[str, ...] = ()  # values that say that there is none, such as N/A
    lookups: dict[str, str] = {}  # value fixes: as sent, as meant
    strip: str = ""  # marks taken out of a number before it is read, such as £ and the thousands' comma
    brackets: Literal["negative"] | None = None  # what a number in brackets is
    pattern: str | None = None  # a regular expression that the whole text fits
    decimal: Literal[".", ","] = "."
    was: tuple[str, ...] = ()  # other names it is, or was, sent under
    width: int | None = Field(default=None, ge=1)  # characters, where the file is of fixed width

    @model_validator(mode="after")
    def _fits_type(self) -> FeedColumn:
        if self.range and self.type not in ("integer", "number"):
            raise ValueError(f"a range needs type: integer or number, not {self.type}")
        if (self.strip or self.brackets or self.decimal != ".") and self.type not in ("integer", "number"):
            raise ValueError(f"strip, brackets and decimal need type: integer or number, not {self.type}")
        if self.format and self.type not in ("date", "timestamp"):
            raise ValueError(f"a format needs type: date or timestamp, not {self.type}")
        for field in ("values", "pattern"):
            if getattr(self, field) and self.type != "text":
                raise ValueError(
                    f"{field} need type: text, not {self.type}".replace("pattern need", "pattern needs")
                )
        if self.pattern:
            _regular(self.pattern)
        return self

    @property
    def formats(self) -> tuple[str, ...]:
        """Of a date or timestamp, in the order in which they are tried; none for ISO."""
        return (self.format,) if isinstance(self.format, str) else self.format or ()


class Unpivot(Part):
    """Columns that are values, such as one a month: each becomes a record of its own."""

    columns: str  # a regular expression that the whole name of each of them fits
    name: str  # the declared column that takes their names
    value: str  # the declared column that takes their values

    @field_validator("columns")
    @classmethod
    def _pattern(cls, pattern: str) -> str:
        return _regular(pattern)


class Split(Part):
    """One column of text that holds several records, such as all violations of a visit: each becomes a record."""

    column: str  # as sent; it need not be declared
    by: str  # what stands between two of them
    pattern: str  # a regular expression whose named groups are declared columns
    on_mismatch: Literal["quarantine", "skip"] = "quarantine"  # what a part is that does not fit the pattern

    @field_validator("pattern")
    @classmethod
    def _pattern(cls, pattern: str) -> str:
        return _regular(pattern)

    @property
    def groups(self) -> tuple[str, ...]:
        """The columns that it makes, in order."""
        found = re.compile(self.pattern).groupindex
        return tuple(sorted(found, key=found.__getitem__))


def _regular(pattern: str) -> str:
    try:
        re.compile(pattern)
    except re.error as error:
        raise ValueError(f"{pattern}: not a regular expression ({error})") from None
    return pattern
