"""Dialects: how a file is written, found by looking at it, so that its declaration can say it.

Belongs here: encoding, delimiter, quote, title rows and header of delimited text; the record path of JSON and XML; what
kind of file one is. Does not belong here: reading records (feeds/records.py, feeds/formats/), opening addresses
(sample.py).
"""

from __future__ import annotations

import codecs
import csv
import io
import json
import re
import zipfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from xml.parsers import expat

from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.records import open_bytes

LOOKED_AT = 1 << 20  # characters of a file from which its dialect is found
RECORDS = 2000  # of them, at the most
TITLE_ROWS = 30  # above a header, at the most
ENOUGH_ROWS = 5  # for anything to be told from them
LEFT_OUT = 3  # columns that short rows leave out in their middle, at the most
MANY_SHORT = 0.05  # of a file's rows: then short rows are how it is written, and no fault
JSON_MB = 300.0
DELIMITERS = ",\t;|*^~"
QUOTES = ('"', "'", None)
_EMPTY = ("", None)
# A value that names no column: a number, a date, a postcode.
_VALUE = re.compile(
    r"[+-]?[£$€]?[\d,]*\.?\d+%?|\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([ T].*)?|[A-Z]{1,2}\d[A-Z\d]? \d[A-Z]{2}"
)


@dataclass(frozen=True)
class Written:
    """How a delimited file is written."""

    dialect: dict[str, Any]
    header: list[str]  # made up where the file has none
    notes: list[str] = field(default_factory=list)
    record_types: list[str] = field(default_factory=list)  # of a file of several, in order of their numbers


def kind_of(path: Path) -> str:
    """What a file is by its bytes: csv, excel, json, json_lines, geo, xml, parquet, or zip. Raises DraftError."""
    with open_bytes(path) as source:
        start = source.read(4096)
    if not start:
        raise DraftError(f"{path.name} is empty. Ask for it again, with its rows.")
    if start.startswith(b"PAR1"):
        return "parquet"
    if start.startswith(b"SQLite format 3"):
        return "geo" if b"GPKG" in start[:100] or path.suffix.lower() == ".gpkg" else "sqlite"
    if start.startswith(b"\xd0\xcf\x11\xe0"):
        return "excel"
    if start.startswith(b"PK"):
        return _kind_of_zip(path)
    if start.startswith(b"%PDF"):
        raise DraftError(
            f"{path.name} is a PDF: nothing can be read from it reliably. Ask for the table as CSV or Excel."
        )
    text = start.decode("utf-8-sig", "replace").lstrip()
    lowered = text.lower()
    if lowered.startswith(("<!doctype html", "<html", "<head", "<body")):
        raise DraftError(
            f"{path.name} is a web page, often an error or a log-in page saved under the file's name. Get the file itself."
        )
    if lowered.startswith("<"):
        return "xml"
    if text.startswith(("{", "[")):
        return _kind_of_json(path, text)
    return "csv"


def _kind_of_zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as packed:
            names = [m.lower() for m in packed.namelist()]
    except zipfile.BadZipFile:
        raise DraftError(f"{path.name} is a zip that was cut. Get it again, whole.") from None
    if any(n.startswith(("xl/", "[content_types]")) for n in names):
        return "excel"
    return "geo" if any(n.endswith(".shp") for n in names) else "zip"


def _kind_of_json(path: Path, start: str) -> str:
    if re.search(r'"type"\s*:\s*"FeatureCollection"', start):
        return "geo"
    if start.startswith("{"):
        with open_bytes(path) as source:
            first, second = source.readline(1 << 20), source.readline(1 << 20)
        try:
            if isinstance(json.loads(first.decode("utf-8-sig")), dict) and second.lstrip()[:1] == b"{":
                return "json_lines"
        except ValueError:
            pass
    return "json"


def encoding_of(path: Path) -> tuple[str, list[str]]:
    """The encoding of a whole file, and what is to be said of it."""
    with open_bytes(path) as source:
        start = source.read(4096)
        if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16", []
        if start.startswith(codecs.BOM_UTF8):
            return "utf-8-sig", []
        zeros = Counter(n % 2 for n, byte in enumerate(start) if not byte)
        if sum(zeros.values()) > len(start) / 4:
            return ("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"), []
    decoders = {name: codecs.getincrementaldecoder(name)() for name in ("utf-8", "cp1252")}
    with open_bytes(path) as source:
        while decoders:
            block = source.read(1 << 20)
            for name in list(decoders):
                try:
                    decoders[name].decode(block, final=not block)
                except UnicodeDecodeError:
                    del decoders[name]
            if not block:
                break
    if "utf-8" in decoders:
        return "utf-8", []
    if "cp1252" in decoders:
        return "cp1252", [
            "It is not UTF-8; it was read as cp1252, which is usual on Windows. Look at names with accents."
        ]
    return "latin-1", [
        "It is neither UTF-8 nor cp1252; it was read as latin-1, which takes any byte. Ask what it is."
    ]


def delimited(path: Path) -> Written:
    """How a delimited file is written. Raises DraftError where it is none that can be understood."""
    encoding, notes = encoding_of(path)
    text = _start_of(path, encoding)
    if not text.strip():
        raise DraftError(f"{path.name} holds no record. Ask for it again, with its rows.")
    delimiter, quote = _marks(text)
    dialect: dict[str, Any] = {"format": "csv", "encoding": encoding, "delimiter": delimiter, "quote": quote}
    rows = _rows(text, delimiter, quote)
    types = _record_types(rows)
    if types:
        return Written(dialect | {"header": False}, [], notes, _all_types(path, dialect))
    lines = _first_lines(text, delimiter, quote)
    at = header_row(rows)
    width = len(rows[at])
    if at:
        dialect["skip_lines"] = lines[at] - 1
        notes.append(f"{lines[at] - 1} title line(s) stand above the header.")
    has_header, header = names_of(rows[at], rows[at + 1 :])
    dialect["header"] = has_header
    if not has_header:
        notes.append("No line names the columns: they are matched by place, under names made up here.")
    if width < 2 and _is_fixed_width(text):
        raise DraftError(
            f"{path.name} has no delimiter, and all its lines are of one length: it is of fixed width. Write its feed by "
            "hand, with a width for each column (docs/how-to/add-a-feed.md)."
        )
    _short_rows(rows[at + 1 :], header, dialect, notes)
    return Written(dialect, header, notes)


def _short_rows(
    rows: Sequence[Sequence[str]], header: Sequence[str], dialect: dict[str, Any], notes: list[str]
) -> None:
    """Say in the dialect what short rows leave out: columns in their middle, which are found, or those at their end.

    A few short rows of which nothing is found are faults, and have to be told.
    """
    width = len(header)
    left_out: list[str] = []
    if dialect["header"]:
        for missing in range(1, LEFT_OUT + 1):
            of = [row for row in rows if len(row) == width - missing]
            name = _left_out(rows, of, header, left_out) if len(of) >= ENOUGH_ROWS else None
            if name is None:
                break
            left_out.append(name)
    if left_out:
        dialect["left_out"] = left_out
        notes.append(
            f"Short rows leave out {' and '.join(left_out)} in their middle, as far as their other values tell "
            "(dialect.left_out). Look at a few of them."
        )
    shorter = sum(1 < len(row) < width - len(left_out) for row in rows)
    if shorter and shorter >= MANY_SHORT * len(rows):
        dialect["ragged"] = True
        notes.append("Rows are ragged: some leave out columns at their end.")


def _left_out(
    rows: Sequence[Sequence[str]], short: Sequence[Sequence[str]], header: Sequence[str], known: Sequence[str]
) -> str | None:
    """The column that these rows leave out beside the known ones; None where it is at their end, or not clear."""
    width = len(header)
    forms: dict[int, set[str]] = {}
    for n in range(width):
        usual = Counter(_shape(row[n].strip()) for row in rows if len(row) == width and row[n].strip())
        common = {form for form, times in usual.items() if times >= 0.05 * usual.total()}
        if usual.total() >= ENOUGH_ROWS and sum(usual[form] for form in common) >= 0.9 * usual.total():
            forms[n] = common
    taken = [list(header).index(name) for name in known]

    def fit(place: int) -> float:
        """The share of values that look as they do in whole rows, where this column is put in."""
        good = all_ = 0
        for row in short[:200]:
            values = list(row)
            for position in sorted([*taken, place]):
                values.insert(position, "")
            for n, common in forms.items():
                if n < len(values) and values[n].strip():
                    all_ += 1
                    good += _shape(values[n].strip()) in common
        return good / all_ if all_ else 0.0

    fits = {n: fit(n) for n in range(width) if n not in taken}
    best = max(fits, key=lambda n: (round(fits[n], 3), n))
    is_clear = fits[best] >= 0.95 and fits[best] >= fits[max(fits)] + 0.02
    # Columns beside it that are mostly empty would do as well: the first one is told by nothing but being alone.
    return (
        header[best] if is_clear and header[best].strip() and list(header).count(header[best]) == 1 else None
    )


def _start_of(path: Path, encoding: str) -> str:
    with open_bytes(path) as source:
        text = io.TextIOWrapper(source, encoding=encoding, errors="replace", newline="").read(LOOKED_AT)
    return text.removeprefix("\ufeff")


def _reader(text: str, delimiter: str, quote: str | None) -> Any:
    if quote is None:
        return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=csv.QUOTE_NONE)
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quotechar=quote)


def _rows(text: str, delimiter: str, quote: str | None) -> list[list[str]]:
    """Records of the start of a file, without blank ones; the last is left out where it may be cut."""
    rows: list[list[str]] = []
    try:
        for row in _reader(text, delimiter, quote):
            rows.append(row)
            if len(rows) > RECORDS:
                break
    except csv.Error:  # a NUL byte: the reader will say where
        pass
    if len(text) >= LOOKED_AT and len(rows) <= RECORDS:
        rows = rows[:-1] or rows
    return [row for row in rows if row]


def _first_lines(text: str, delimiter: str, quote: str | None) -> list[int]:
    """The physical line on which each of the first records begins, blank ones left out."""
    reader = _reader(text, delimiter, quote)
    found, before = [], 0
    try:
        for row in reader:
            if row:
                found.append(before + 1)
            before = reader.line_num
            if len(found) > TITLE_ROWS:
                break
    except csv.Error:
        pass
    return found


def _marks(text: str) -> tuple[str, str | None]:
    """Delimiter and quote under which most records have the same number of columns."""
    best: tuple[float, str, str | None] = (0.0, ",", '"')
    for delimiter in DELIMITERS:
        if delimiter not in text:
            continue
        for quote in QUOTES:
            if quote and quote not in text and quote != '"':
                continue
            if quote is None and not _breaks_quotes(text, delimiter):
                continue
            rows = _rows(text, delimiter, quote)
            if quote == "'" and not _wraps(text, delimiter, quote):
                continue
            width, share = _usual_width(rows)
            if width < 2:
                continue
            # A quote that wraps whole values is right where it makes records agree; more columns count a little.
            score = share + min(width, 20) / 200 - DELIMITERS.index(delimiter) / 1000
            score += 0.05 * (quote == "'") - 0.02 * (quote is None)
            if score > best[0]:
                best = (score, delimiter, quote)
    return best[1], best[2]


def _wraps(text: str, delimiter: str, quote: str) -> bool:
    """Whether values stand within these quotes, at both ends."""
    d, q = re.escape(delimiter), re.escape(quote)
    wrapped = re.findall(rf"(?:^|{d}){q}[^{q}\n]*{q}(?={d}|\r?$)", text, re.MULTILINE)
    return len(wrapped) >= max(3, text.count("\n") / 2)


def _breaks_quotes(text: str, delimiter: str) -> bool:
    """Whether quotation marks stand inside values, and none around whole ones."""
    return '"' in text and not re.search(
        rf'(?:^|{re.escape(delimiter)})"[^"\n]*"(?={re.escape(delimiter)}|\r?$)', text, re.M
    )


def _usual_width(rows: Sequence[Sequence[str]]) -> tuple[int, float]:
    """How many columns most records have, and the share of records that have about as many.

    Rows that are shorter count half: they may leave out what is empty at their end.
    """
    widths = Counter(len(row) for row in rows)
    if not widths:
        return 0, 0.0
    width = max(widths, key=lambda w: (widths[w], w))
    shorter = sum(n for w, n in widths.items() if 1 < w < width)
    return width, (widths[width] + shorter / 2) / len(rows)


def header_row(rows: Sequence[Sequence[Any]]) -> int:
    """Which of the first rows names the columns, or is the first record: the first that is filled as most are."""
    if not rows:
        return 0
    filled = [sum(str(v).strip() not in _EMPTY and v is not None for v in row) for row in rows]
    usual = sorted(filled[: TITLE_ROWS * 4])[len(filled[: TITLE_ROWS * 4]) // 2]
    widest = max(filled[:TITLE_ROWS])
    for n, count in enumerate(filled[:TITLE_ROWS]):
        if count >= 2 and count >= 0.7 * max(usual, 2) and (count >= 0.5 * widest):
            return n
    return 0


def names_of(first: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[bool, list[str]]:
    """Whether a row names the columns, and the names; made-up ones where it does not."""
    made_up = [f"column_{n}" for n in range(1, len(first) + 1)]
    names = [str(v) for v in first]
    filled = [n for n in names if n.strip()]
    if len(set(filled)) < len(filled) and len(set(filled)) < 0.7 * len(filled):
        return False, made_up
    for_it = against = 0
    for position, name in enumerate(names):
        values = [
            row[position].strip() for row in rows[:500] if position < len(row) and row[position].strip()
        ]
        text = name.strip()
        if not text or not values:
            continue
        looks_like_value = bool(_VALUE.fullmatch(text)) or len(text) > 80
        usual = Counter(_shape(v) for v in values).most_common(1)[0]
        if looks_like_value:
            against += _shape(text) == usual[0] or usual[1] < 0.5 * len(values)
            for_it += _shape(text) != usual[0] and usual[1] >= 0.8 * len(values)
        elif sum(bool(_VALUE.fullmatch(v)) for v in values) >= 0.8 * len(values):
            for_it += 2
        elif text in values:
            against += 1
        elif usual[1] >= 0.8 * len(values) and _shape(text) != usual[0] and len(usual[0]) < 12:
            for_it += 1
    return (True, names) if for_it >= against else (False, made_up)


def _shape(text: str) -> str:
    """What a value is made of: letters, digits, marks."""
    return re.sub(r"(.)\1+", r"\1", re.sub(r"\d", "9", re.sub(r"[A-Z]", "A", re.sub(r"[^\W\d_]", "A", text))))


def _is_fixed_width(text: str) -> bool:
    lengths = Counter(len(line) for line in text.splitlines() if line)
    return len(lengths) == 1 and sum(lengths.values()) > 1 and next(iter(lengths)) >= 20


def _record_types(rows: Sequence[Sequence[str]]) -> list[str]:
    """The record types of a file in the exchange format of BS7666 (DTF 7.3); none for any other file."""
    from city_platform.feeds.drafting.dtf import TYPES

    if len(rows) < 2 or rows[0][0].strip() != "10" or len(rows[0]) < 5:
        return []
    seen = Counter(row[0].strip() for row in rows)
    if len(seen) < 2 or any(kind not in TYPES for kind in seen):
        return []
    return sorted(seen)


def _all_types(path: Path, dialect: dict[str, Any]) -> list[str]:
    """The record types that stand anywhere in the file; what is none of the standard's is left to the reader."""
    from city_platform.feeds.drafting.dtf import TYPES

    seen = set()
    with open_bytes(path) as source:
        text = io.TextIOWrapper(source, encoding=dialect["encoding"], errors="replace", newline="")
        for line in text:
            seen.add(line.partition(dialect["delimiter"])[0].strip().strip(dialect["quote"] or ""))
    return sorted(seen & set(TYPES))


# --- JSON


def json_path(path: Path) -> tuple[str | None, str]:
    """Where a JSON file's list of records is (None: the whole file), and its encoding. Raises DraftError."""
    encoding, _ = encoding_of(path)
    if path.stat().st_size > JSON_MB * 1e6:
        raise DraftError(
            f"{path.name} is one JSON document of more than {JSON_MB:,.0f} MB. Ask for JSON lines or CSV."
        )
    try:
        with open_bytes(path) as source:
            found = json.loads(source.read().decode(encoding if encoding != "utf-8" else "utf-8-sig"))
    except (ValueError, RecursionError) as error:
        where = (
            f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        )
        raise DraftError(
            f"{path.name} begins like JSON and is none{where}. Ask for it again, whole."
        ) from None
    if _is_records(found):
        return None, encoding
    best = _json_path(found)
    if best is None:
        raise DraftError(
            f"{path.name} is JSON without a list of records in it. Ask for the records themselves."
        )
    return best, encoding


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(v, dict) for v in value[:100])


def _json_path(document: Any) -> str | None:
    """The way to the longest list of objects inside objects."""
    best: tuple[int, str | None] = (0, None)
    open_: list[tuple[str, Any, int]] = [("", document, 0)]
    while open_:
        way, value, depth = open_.pop()
        if not isinstance(value, dict) or depth > 6:
            continue
        for key, inner in value.items():
            here = f"{way}.{key}" if way else key
            if _is_records(inner) and len(inner) > best[0] and "." not in key:
                best = (len(inner), here)
            elif isinstance(inner, dict):
                open_.append((here, inner, depth + 1))
    return best[1]


def json_names(records: Iterable[dict[str, Any]]) -> list[str]:
    """The names of the values of records, with dots where they lie inside objects."""
    names: dict[str, bool] = {}

    def look(found: dict[str, Any], within: str, depth: int) -> None:
        for key, value in found.items():
            if isinstance(value, dict) and value and depth < 4 and "." not in key:
                look(value, f"{within}{key}.", depth + 1)
            else:
                names.setdefault(within + key, True)

    for record in records:
        if isinstance(record, dict):
            look(record, "", 0)
    # What is an object here and nothing there is known by what is inside it.
    return [n for n in names if not any(other.startswith(n + ".") for other in names)]


# --- XML


def xml_record(path: Path) -> str:
    """The element of which each is one record: the outermost that stands many times with others in it. Raises DraftError."""
    counts: Counter[str] = Counter()
    holds_values: dict[str, int] = defaultdict(int)
    open_: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        above = "/".join(open_)
        open_.append(local)
        counts["/".join(open_)] += 1
        if above:
            holds_values[above] += 1
        if attributes:
            holds_values["/".join(open_)] += len(attributes)

    def end(name: str) -> None:
        open_.pop()

    parser = expat.ParserCreate()
    parser.StartElementHandler, parser.EndElementHandler = start, end
    read = 0
    try:
        with open_bytes(path) as source:
            while (block := source.read(1 << 16)) and read < 64 << 20:
                read += len(block)
                parser.Parse(block, False)
    except expat.ExpatError as error:
        raise DraftError(
            f"{path.name}, line {error.lineno}: begins like XML and is none ({expat.ErrorString(error.code)}). "
            "Ask for it again, whole."
        ) from None
    leaves = {p for p in counts if p not in holds_values}
    groups = [p for p in counts if p in holds_values and counts[p] >= 2]
    # A page that holds rows is no record: it has hardly any values of its own.
    records = [
        p
        for p in groups
        if sum(1 for leaf in leaves if leaf.rpartition("/")[0] == p) >= 1
        or _has_attributes(p, counts, holds_values)
    ]
    if not records:
        single = [
            p for p in counts if p in holds_values and any(leaf.rpartition("/")[0] == p for leaf in leaves)
        ]
        if not single:
            raise DraftError(f"{path.name} is XML without an element that could be a record.")
        records = single
    depth = min(p.count("/") for p in records)
    chosen = max((p for p in records if p.count("/") == depth), key=lambda p: counts[p])
    name = chosen.rpartition("/")[2]
    return name if sum(p.rpartition("/")[2] == name for p in counts) == 1 else chosen


def _has_attributes(path: str, counts: Counter[str], holds: dict[str, int]) -> bool:
    inside = sum(n for p, n in counts.items() if p.rpartition("/")[0] == path)
    return holds[path] > inside
