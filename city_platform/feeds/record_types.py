"""Record types: which lines of a file that holds several kinds of records are one feed's, and whether all arrived.

Such a file is BS7666's exchange format (DTF 7.3): the first field of a line says what the line is, and the last
line how many there are.

Belongs here: sorting records by their first field, and the trailer. Does not belong here: finding records (records.py).
"""

from __future__ import annotations

import csv
from collections.abc import Callable

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.problems import Problem, UnreadableError

UNKNOWN = "its first field is none of the file's record types"


class TypeSorter:
    """Told of every record in turn, it says which are the feed's, and counts all."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._known = frozenset(dialect.record_types)
        self._not_counted = frozenset(dialect.trailer.not_counted) if dialect.trailer else frozenset()
        self._counted = 0
        self._last_line = 0
        self._trailer: tuple[int, str] | None = None

    def is_ours(self, number: int, record: str, reject: Callable[[int, str, str], None]) -> bool:
        """Whether a record is the feed's; one that can be no feed's is rejected."""
        quote = self._dialect.quote
        kind = record.partition(self._dialect.delimiter)[0].rstrip("\r\n").strip(quote or "")
        self._last_line = number
        if self._known and kind not in self._known:
            reject(number, record, UNKNOWN)
        if self._dialect.trailer and kind == self._dialect.trailer.type:
            self._trailer = (number, record)
        elif kind not in self._not_counted:
            self._counted += 1
        return kind == self._dialect.record_type

    def check_trailer(self) -> None:
        """Raise UnreadableError where the trailer is missing or tells another number than was found."""
        trailer = self._dialect.trailer
        if trailer is None:
            return
        if self._trailer is None:
            raise UnreadableError(
                Problem(
                    "no_trailer",
                    f"the file ends at line {self._last_line} without its trailer (a line of type {trailer.type}), "
                    "so it may have been cut. Please send it again, whole.",
                    line=self._last_line,
                )
            )
        line, record = self._trailer
        fields = next(csv.reader([record], delimiter=self._dialect.delimiter, quotechar=self._dialect.quote))
        told = fields[trailer.count - 1].strip() if len(fields) >= trailer.count else ""
        number = int(told) if told.isascii() and told.isdigit() and len(told) < 19 else None
        if number != self._counted:
            says = "tells no number" if number is None else f"tells of {number:,} records"
            raise UnreadableError(
                Problem(
                    "trailer_count",
                    f"line {line}, field {trailer.count}: the trailer {says}, and the file holds {self._counted:,}. "
                    "Please send it again, whole.",
                    line=line,
                )
            )
