"""Records: finds the records of a delimited file and the physical line on which each one starts.

DuckDB parses the fields; it cannot say on which line a record stood. So each record is handed to it with its
line number as a first field, in UTF-8, and what is no record at all is set aside here.

Belongs here: bytes to numbered records, of delimited text. Does not belong here: other formats (formats/), fields,
types and rules (load.py).
"""

from __future__ import annotations

import codecs
import csv
import gzip
import io
import re
import zlib
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.writing import RecordWriter
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.record_types import TypeSorter
from city_platform.feeds.scan import Scan

LONGEST_RECORD = 1 << 16  # characters; a quote left open must not swallow the file
MARK = "\udfff"  # stands before the two hex digits of a byte that is no text; no encoding yields it
csv.field_size_limit(1 << 30)  # a field may be longer than the 131,072 characters of Python's own limit


def number_records(path: Path, dialect: Dialect, target: Path, declared: Sequence[str] = ()) -> Scan:
    """Write path's records to target, each after its line number; raises UnreadableError for what is no such file.

    declared: the names that a message may show; where the header is missing, its place holds values. A file that
    has no header by its dialect has these.
    """
    with open_text(path, dialect) as text, target.open("w", encoding="utf-8", newline="") as out:
        try:
            return _scan(text, dialect, out, declared)
        except UnicodeDecodeError:
            raise UnreadableError(_find_undecodable(path, dialect, declared)) from None


def _scan(text: IO[str], dialect: Dialect, out: IO[str], declared: Sequence[str]) -> Scan:
    if dialect.quote is None or dialect.ragged or dialect.left_out:
        return _scan_anew(text, dialect, out, declared)
    quote, delimiter = dialect.quote, dialect.delimiter
    whole_record, cut_record = _record_patterns(delimiter, quote)
    empty_ends = (delimiter, delimiter + quote + quote)
    lines = _Lines(text)
    scan = _header(lines, dialect, whole_record, declared)
    sorter = TypeSorter(dialect) if dialect.record_type is not None else None
    fields = len(scan.header)
    last_line, last_text, ended = scan.header_line, "", True
    for number, line in lines:
        if quote in line:
            if not whole_record.fullmatch(line.rstrip("\r\n")):
                joined = _join(line, lines, whole_record)
                if joined is None:
                    if sorter is None or sorter.is_ours(number, line, scan.reject):
                        scan.reject(number, line, "a quotation mark inside a field, or one left open")
                        last_line, last_text, ended = number, line, line.endswith(("\n", "\r"))
                    continue
                line = joined
        elif line in ("\n", "\r\n", "\r"):
            scan.blank_lines += 1
            continue
        if sorter and not sorter.is_ours(number, line, scan.reject):
            continue
        ended = line.endswith(("\n", "\r"))
        last_line, last_text = number, line
        if "\0" in line:
            scan.reject(number, line, "a NUL byte")
            continue
        record = line.rstrip("\r\n")
        if record.endswith(empty_ends) and _count_fields(record, dialect) > fields:
            # DuckDB drops empty columns beyond the last, so that a record shifted by one would pass.
            scan.rejected.append((number, record, "too many columns"))
            continue
        out.write(f"{number}{delimiter}{record}\n")
        scan.records += 1
    found = _count_fields(last_text, dialect)
    if not ended and (found < fields or cut_record.fullmatch(last_text)):
        what = f"{found} of {fields} columns" if found < fields else "a quotation mark left open"
        raise UnreadableError(
            Problem(
                "cut_short",
                f"the file stops in the middle of its last line: line {last_line} has {what} and no line end. "
                "Please send it again, whole.",
                line=last_line,
            )
        )
    if sorter:
        sorter.check_trailer()
    return scan


def _scan_anew(text: IO[str], dialect: Dialect, out: IO[str], declared: Sequence[str]) -> Scan:
    """Of a file without quotation marks, or whose rows leave out columns: each record is taken apart and written anew."""
    pattern = _record_patterns(dialect.delimiter, dialect.quote)[0] if dialect.quote else None
    lines = _Lines(text)
    scan = _header(lines, dialect, pattern, declared)
    scan.delimiter, scan.quote = ",", '"'
    sorter = TypeSorter(dialect) if dialect.record_type is not None else None
    writer = RecordWriter(out, scan)
    fields = len(scan.header)
    left_out = [scan.header.index(c) for c in dialect.left_out if c in scan.header]
    last = (scan.header_line, fields, True)  # line, columns, whether it has an end
    for number, line in lines:
        if not line.strip("\r\n"):
            scan.blank_lines += 1
            continue
        if pattern and dialect.quote and dialect.quote in line and not pattern.fullmatch(line.rstrip("\r\n")):
            joined = _join(line, lines, pattern)
            if joined is None:
                scan.reject(number, line, "a quotation mark inside a field, or one left open")
                continue
            line = joined
        if sorter and not sorter.is_ours(number, line, scan.reject):
            continue
        values = split_record(line.rstrip("\r\n") if pattern is None else line, dialect)
        short = fields - len(values)
        if 0 < short <= len(left_out):
            for place in sorted(left_out[:short]):
                values.insert(place, "")
        last = (number, len(values), line.endswith(("\n", "\r")))
        if dialect.ragged:
            while len(values) > fields and not values[-1].strip():
                values.pop()
            values += [""] * (fields - len(values))
        if len(values) != fields:
            scan.reject(number, line, f"too {'many' if len(values) > fields else 'few'} columns")
        else:
            writer.write(number, values, line.rstrip("\r\n"))
    number, found, has_end = last
    if not has_end and found < fields and not dialect.ragged:
        raise UnreadableError(
            Problem(
                "cut_short",
                f"the file stops in the middle of its last line: line {number} has {found} of {fields} columns and no "
                "line end. Please send it again, whole.",
                line=number,
            )
        )
    if sorter:
        sorter.check_trailer()
    return scan


def _header(
    lines: _Lines, dialect: Dialect, whole_record: re.Pattern[str] | None, declared: Sequence[str]
) -> Scan:
    for number, line in lines:
        if not line.strip():
            continue
        refuse_web_page(number, line, "not_csv", "a CSV file")
        if "\0" in line:
            raise UnreadableError(
                Problem(
                    "not_csv",
                    f"line {number} holds NUL bytes: this is not text in {dialect.encoding}. Please send a CSV file.",
                    line=number,
                )
            )
        if number <= dialect.skip_lines:
            continue
        if not dialect.has_header:
            lines.put_back(number, line.removeprefix("\ufeff"))
            return Scan(list(declared), number)
        if whole_record and not whole_record.fullmatch(line.rstrip("\r\n")):
            line = _join(line, lines, whole_record) or line
        header = split_record(line, dialect)
        return Scan([h.removeprefix("\ufeff") for h in header], number)
    raise UnreadableError(empty_file())


def refuse_web_page(number: int, line: str, rule: str, wanted: str) -> None:
    """Raise UnreadableError where a file's first line is that of a web page."""
    start = line.lstrip("\ufeff \t").lower()
    if start.startswith(("<!doctype", "<html", "<?xml", "<head", "<body")):
        raise UnreadableError(
            Problem(
                rule,
                f"line {number} begins with {start[:15].strip()!r}: this is a web page, not {wanted} "
                "(often an error or a log-in page saved under the file's name). Please send the file itself.",
                line=number,
                value=line[:80].strip(),
            )
        )


def empty_file() -> Problem:
    return Problem("empty_file", "the file is empty. Please send it again with its rows.")


def _join(line: str, lines: _Lines, whole_record: re.Pattern[str]) -> str | None:
    """The whole of a record that begins on this line and has line breaks inside quotes; None where it is no record."""
    for reach in (LONGEST_RECORD >> 4, LONGEST_RECORD):  # most records are short
        text = line + lines.look_ahead(reach)
        found = whole_record.match(text)
        end = found.end() if found else 0
        if end >= len(line) and text[end : end + 1] in ("\n", "\r", ""):
            taken = len(line)
            while taken < end:
                taken += len(next(lines)[1])
            return text[:taken]
    return None


class _Lines:
    """The numbered lines of a file, with a look ahead."""

    def __init__(self, text: IO[str]) -> None:
        self._numbered = enumerate(text, start=1)
        self._ahead: deque[tuple[int, str]] = deque()

    def __iter__(self) -> Iterator[tuple[int, str]]:
        while True:
            while self._ahead:
                yield self._ahead.popleft()
            for numbered in self._numbered:
                yield numbered
                if self._ahead:
                    break
            else:
                if not self._ahead:
                    return

    def __next__(self) -> tuple[int, str]:
        return self._ahead.popleft() if self._ahead else next(self._numbered)

    def put_back(self, number: int, line: str) -> None:
        self._ahead.appendleft((number, line))

    def look_ahead(self, characters: int) -> str:
        """The next lines, up to so many characters; they are still to come."""
        parts: list[str] = []
        found = 0
        for _, line in self._ahead:
            if found >= characters:
                break
            parts.append(line)
            found += len(line)
        while found < characters:
            numbered = next(self._numbered, None)
            if numbered is None:
                break
            self._ahead.append(numbered)
            parts.append(numbered[1])
            found += len(numbered[1])
        return "".join(parts)


def _record_patterns(delimiter: str, quote: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """A whole record, and one that ends inside quotes."""
    d, q = re.escape(delimiter), re.escape(quote)
    opened = f"{q}[^{q}]*+(?:{q}{q}[^{q}]*+)*+"
    value = f"(?:{opened}{q}|[^{q}{d}\r\n]*+)"
    return re.compile(f"{value}(?:{d}{value})*+"), re.compile(f"(?:{value}{d})*+{opened}")


def _count_fields(text: str, dialect: Dialect) -> int:
    return len(split_record(text, dialect))


def split_record(text: str, dialect: Dialect) -> list[str]:
    """The values of one whole record."""
    if dialect.quote is None:
        return text.rstrip("\r\n").split(dialect.delimiter)
    return next(csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote), [])


@contextmanager
def refusing_cut_files(dialect: Dialect) -> Iterator[None]:
    """Says in a sentence what reading packed bytes, or text, raises."""
    try:
        yield
    except UnicodeError as error:  # such as a missing byte order mark
        raise UnreadableError(not_text(dialect, str(error))) from None
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(
            Problem(
                "cut_short",
                f"the .gz file cannot be unpacked to its end ({error}). Please send it again, whole.",
            )
        ) from None


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as plain:
        if plain.read(2) == b"\x1f\x8b":
            with gzip.open(path, "rb") as unpacked:
                yield unpacked  # type: ignore[misc]
        else:
            plain.seek(0)
            yield plain


@contextmanager
def open_text(path: Path, dialect: Dialect, errors: str = "strict") -> Iterator[IO[str]]:
    encoding = (
        "utf-8-sig" if dialect.encoding.lower().replace("_", "-") in ("utf-8", "utf8") else dialect.encoding
    )
    # newline="" keeps line ends as they are and takes \n, \r\n and \r alone for one.
    with (
        open_bytes(path) as source,
        io.TextIOWrapper(source, encoding=encoding, errors=errors, newline="") as text,
    ):
        yield text


def _mark_undecodable(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return f"{MARK}{error.object[error.start]:02X}", error.end


codecs.register_error("city_platform.mark", _mark_undecodable)


def _find_undecodable(path: Path, dialect: Dialect, declared: Collection[str]) -> Problem:
    """Where the first byte stands that is not in the declared encoding."""
    with open_text(path, dialect, "city_platform.mark") as text:
        header = [] if dialect.has_header else list(declared)
        skipped = dialect.skip_lines
        for number in range(1, skipped + 1):
            if MARK in (title := text.readline()):
                return undecodable(dialect, number, title)
        lines_before = 0
        reader = csv.reader(
            text,
            delimiter=dialect.delimiter,
            quotechar=dialect.quote,
            quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        )
        for record in reader:
            place = next((n for n, value in enumerate(record) if MARK in value), None)
            if place is None:
                header = header or record
                lines_before = reader.line_num
                continue
            before, _, after = record[place].partition(MARK)
            line = (
                skipped + lines_before + 1 + len(re.findall("\r\n|\r|\n", "".join(record[:place]) + before))
            )
            column = header[place] if place < len(header) and header[place] in declared else None
            return undecodable(dialect, line, MARK + after, column, place + 1)
    return not_text(dialect, "it stops in the middle of a character")


def undecodable(
    dialect: Dialect, line: int, marked: str, column: str | None = None, place: int | None = None
) -> Problem:
    """The byte that is marked first in this text, as a problem of this line."""
    encoding = dialect.encoding.upper()
    where = f", column {column or place}" if column or place else ""
    return Problem(
        "wrong_encoding",
        f"line {line}{where}: byte 0x{marked.partition(MARK)[2][:2]} is not {encoding}. "
        f"Please send the file as {encoding}, or tell us which encoding it has "
        "(dialect.encoding in the feed's defs.yaml; cp1252 is usual on Windows).",
        line=line,
        column=column,
    )


def not_text(dialect: Dialect, reason: str) -> Problem:
    encoding = dialect.encoding.upper()
    return Problem(
        "wrong_encoding", f"the file is not {encoding} ({reason}). Please send it as {encoding}, whole."
    )
