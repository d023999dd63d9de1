"""Numbering: whether a CSV file is so regular that DuckDB may read it as it stands, and on which line its records are.

records.py finds every record of any file, one line after the other. Most files need no such care: each line is a
record. This module makes sure of that in whole blocks of bytes, some ten times as fast, and leaves alone what is not
plainly so.

Belongs here: that judgement, and nothing that a file which fails it would need (records.py).
"""

from __future__ import annotations

import codecs
import csv
import gzip
import shutil
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.records import open_bytes

if TYPE_CHECKING:
    import numpy as np

BLOCK = 4 << 20  # bytes
LONGEST_LINE = 1 << 20  # bytes; a longer one is left to records.py, which bounds records
_UTF8 = ("utf-8", "utf8", "utf-8-sig", "ascii", "us-ascii")
# Encodings whose bytes below 128 are ASCII, so that a file of such bytes alone may be read as UTF-8.
_LIKE_ASCII = (
    "cp1252",
    "windows-1252",
    "latin-1",
    "latin1",
    "iso-8859-1",
    "iso8859-1",
    "iso-8859-15",
    "cp850",
    "cp437",
)


@dataclass(frozen=True)
class Regular:
    """A file of UTF-8 of which every line is one whole record, with as many line ends as records."""

    records: int
    open_ends: int  # delimiters at the ends of lines: columns left empty there


@dataclass(frozen=True)
class Start:
    """What a file that may be regular begins with."""

    path: Path  # the file itself, or its unpacked copy
    header: list[str]
    header_line: int  # the records begin on the next line
    line_end: str  # of every line, as DuckDB writes it: \\n or \\r\\n


def may_be_regular(path: Path, dialect: Dialect, unpacked: Path) -> Start | None:
    """How a file begins that may be regular; None for any other, which is no judgement on it.

    A packed file is unpacked into `unpacked` for it.
    """
    encoding = dialect.encoding.lower().replace("_", "-")
    is_simple = (
        dialect.format == "csv"
        and dialect.has_header
        and dialect.record_type is None
        and not dialect.ragged
        and not dialect.left_out
        and dialect.quote is not None
        and dialect.delimiter.isascii()
        and dialect.quote.isascii()
        and encoding in (*_UTF8, *_LIKE_ASCII)
    )
    if not is_simple:
        return None
    try:
        with open_bytes(path) as source:
            if isinstance(source, gzip.GzipFile):
                with unpacked.open("wb") as copy:
                    shutil.copyfileobj(source, copy, BLOCK)
                path = unpacked
        return _start(path, dialect)
    except (EOFError, zlib.error, gzip.BadGzipFile, UnicodeDecodeError, csv.Error, _Irregular):
        return None  # records.py says what is wrong, and where


def look_through(start: Start, dialect: Dialect) -> Regular | None:
    """What is known of the whole file if it is regular; None where it is not."""
    try:
        return _Look(start, dialect).through()
    except (UnicodeDecodeError, _Irregular):
        return None


class _Irregular(Exception):
    pass


def _start(path: Path, dialect: Dialect) -> Start:
    with path.open("rb") as source:
        lines = [source.readline(LONGEST_LINE) for _ in range(dialect.skip_lines + 1)]
    for line in lines:
        # A blank line above the header, or a web page, is for records.py to judge.
        text = line.removesuffix(b"\n").removesuffix(b"\r")
        if not line.endswith(b"\n") or not text.strip() or b"\r" in text or b"\0" in text:
            raise _Irregular
        if text.lstrip(b"\xef\xbb\xbf \t").startswith(b"<"):
            raise _Irregular
    header = text.decode("utf-8").removeprefix("\ufeff")
    mark = str(dialect.quote)
    names = next(csv.reader([header], delimiter=dialect.delimiter, quotechar=mark, strict=True))
    if header.count(mark) % 2 or len(names) < 2:
        raise _Irregular
    return Start(path, names, len(lines), "\\r\\n" if lines[0].endswith(b"\r\n") else "\\n")


class _Look:
    """One pass over a file's bytes."""

    def __init__(self, start: Start, dialect: Dialect) -> None:
        self._start = start
        self._is_utf8 = dialect.encoding.lower().replace("_", "-") in _UTF8
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._delimiter = ord(dialect.delimiter)
        self._quote = ord(str(dialect.quote))
        self._line_end = b"\r\n" if start.line_end == "\\r\\n" else b"\n"
        self._records = 0
        self._open_ends = 0

    def through(self) -> Regular:
        rest = b""
        to_skip = self._start.header_line
        with self._start.path.open("rb") as source:
            while block := source.read(BLOCK):
                self._encoded(block)
                whole = rest + block
                while to_skip and (end := whole.find(b"\n") + 1):
                    whole, to_skip = whole[end:], to_skip - 1
                end = 0 if to_skip else whole.rfind(b"\n") + 1
                if not end and len(whole) > LONGEST_LINE:
                    raise _Irregular
                rest = whole[end:]
                if end:
                    self._lines(whole[:end])
        self._encoded(b"")
        if rest:  # a last line without an end: if it is cut, records.py can tell
            raise _Irregular
        return Regular(self._records, self._open_ends)

    def _encoded(self, block: bytes) -> None:
        if b"\0" in block:
            raise _Irregular
        if self._is_utf8:
            self._decoder.decode(block, final=not block)
        elif not block.isascii():
            raise _Irregular

    def _lines(self, block: bytes) -> None:
        """Whole lines: each has to be one record."""
        import numpy as np

        data = np.frombuffer(block, np.uint8)
        ends = np.flatnonzero(data == 10)  # line feeds
        if self._line_end == b"\r\n":
            if block.count(b"\r") != len(ends) or not (data[ends - 1] == 13).all():
                raise _Irregular
            ends = ends - 1
        elif b"\r" in block:
            raise _Irregular
        width = len(self._line_end)
        starts = np.concatenate(([0], ends[:-1] + width))
        lengths = ends - starts
        if (lengths == 0).any() or lengths.max() > LONGEST_LINE:  # blank lines are counted by records.py
            raise _Irregular
        self._quotes(data, ends)
        self._count_open_ends(data, starts, ends)
        self._records += len(ends)

    def _quotes(self, data: np.ndarray, ends: np.ndarray) -> None:
        """Quotation marks open and close values, or stand doubled inside; none is open at a line's end."""
        import numpy as np

        quotes = np.flatnonzero(data == self._quote)
        if not len(quotes):
            return
        if len(quotes) % 2 or (np.searchsorted(quotes, ends) % 2).any():
            raise _Irregular
        opening, closing = quotes[0::2], quotes[1::2]
        # In front of one that opens: a delimiter, a line's end, the file's start, or one that has just closed.
        before = data[np.maximum(opening, 1) - 1]
        opens = (before == self._delimiter) | (before == 10) | (opening == 0)
        opens[1:] |= opening[1:] - 1 == closing[:-1]
        after = data[np.minimum(closing + 1, len(data) - 1)]
        closes = (after == self._delimiter) | (after == 10) | (after == 13)
        closes[:-1] |= closing[:-1] + 1 == opening[1:]
        if not (opens.all() and closes.all()):
            raise _Irregular

    def _count_open_ends(self, data: np.ndarray, starts: np.ndarray, ends: np.ndarray) -> None:
        """How many delimiters stand at lines' ends: DuckDB drops surplus empty columns without a word."""
        if (data[ends - 1] == self._quote).any():
            doubled = ends[(ends - starts >= 2)]
            if ((data[doubled - 1] == self._quote) & (data[doubled - 2] == self._quote)).any():
                raise _Irregular  # a last column that is "" or ends with a quotation mark
        last, first = ends - 1, starts
        while len(last):
            is_open = (last >= first) & (data[last] == self._delimiter)
            last, first = last[is_open] - 1, first[is_open]
            self._open_ends += len(last)
