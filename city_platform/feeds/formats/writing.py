"""Writing: the numbered CSV, and what holds records that are no text yet.

Belongs here: one record to one line of text, values to text, records whose values have names. Does not belong here:
reading any format (its own module).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from city_platform.feeds.scan import Scan

Named = tuple[int, dict[str, str], str]  # line, values by name, the text as sent where there is one


def as_text(value: Any) -> str:
    """A typed value as an agency would have written it in a CSV file; nothing where there is none."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, timedelta):
        minutes, seconds = divmod(int(value.total_seconds()), 60)
        return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    return str(value)


class RecordWriter:
    """Writes records for DuckDB, each after its line number; what no database can hold is rejected."""

    def __init__(self, out: IO[str], scan: Scan) -> None:
        self._out = out
        self._scan = scan

    def write(self, line: int, values: Iterable[str], sent: str = "") -> None:
        """sent: the record as it was sent, which is kept where it has to be rejected."""
        # Quotes around every value: then commas, line ends of any kind and quotes may stand inside.
        record = ",".join(['"' + v.replace('"', '""') + '"' if v else "" for v in values])
        if "\0" in record:
            self._scan.reject(line, sent or record, "a NUL byte")
            return
        try:
            self._out.write(f"{line},{record}\n")
        except UnicodeEncodeError:  # half of a pair of surrogates, which JSON can spell
            text = (sent or record).encode("utf-8", "backslashreplace").decode()
            self._scan.reject(line, text, "half a character")
            return
        self._scan.records += 1


def number_named(
    read: Callable[[Scan], Iterator[Named]],
    target: Path,
    declared: Sequence[str],
    absent_is_empty: bool = False,
    other_names: Mapping[str, str] | None = None,
) -> Scan:
    """Write records whose values have names: a column for each that is declared, then for each other that is met.

    A second reading is needed where one is met that is not declared. A declared one that no record has is no column, unless what is
    sent leaves out what is empty (absent_is_empty), as portals do, and does not have it under one of other_names: names as
    sent that stand for declared columns.
    """
    columns = list(declared)
    while True:
        scan = Scan(columns, 0)
        met: dict[str, str] = {}
        with target.open("w", encoding="utf-8", newline="") as out:
            writer = RecordWriter(out, scan)
            for line, values, sent in read(scan):
                scan.header_line = scan.header_line or line
                met.update(values)
                writer.write(line, [values.get(c, "") for c in columns], sent)
        added = [name for name in met if name not in columns]
        if not added:
            scan.header = [c for c in columns if c in met] if met and not absent_is_empty else columns
            return scan
        replaced = {(other_names or {}).get(name) for name in added} - met.keys()
        columns = [*(c for c in columns if c not in replaced), *added]
