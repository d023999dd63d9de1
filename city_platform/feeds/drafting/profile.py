"""Profile: what is in each column of a sample: type, gaps, placeholders, how many values, and how they are written.

Belongs here: facts that hold for any data. Does not belong here: what a column is about (recognise.py), what is written
from it (write_yaml.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

ROWS = 200_000  # that are looked at, spread over the file
VALUES = 4000  # distinct ones that are looked at one by one
CATEGORIES = 12  # distinct values of a column whose values are listed
ENOUGH = 0.98  # of a column's values have to be of a type for it to be the column's
PLACEHOLDERS = frozenset(
    "n/a na n.a. n\\a #n/a nan none null nil - -- --- . .. ? unknown unspecified tbc tba x xx xxx (blank) (null) <null> "
    "missing #null! #ref! #value!".split()
) | {
    "not known",
    "not applicable",
    "not available",
    "not stated",
    "not specified",
    "not given",
    "not recorded",
}
NO_DATES = (
    "1900-01-01",
    "1899-12-30",
    "1899-12-31",
    "9999-12-31",
    "0001-01-01",
    "01/01/1900",
    "31/12/9999",
    "30/12/1899",
)
DATES = {
    "GB": ("%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y", "%m/%d/%Y", "%m-%d-%Y"),
    "US": ("%m/%d/%Y", "%m-%d-%Y", "%d/%m/%Y", "%d-%m-%Y", "%d.%m.%Y"),
}
OTHER_DATES = (
    "%d %B %Y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d-%b-%y",
    "%d %b %y",
    "%b %d, %Y",
    "%B %d, %Y",
    "%Y%m%d",
)
SHORT_DATES = {"GB": ("%d/%m/%y", "%d-%m-%y", "%m/%d/%y"), "US": ("%m/%d/%y", "%m-%d-%y", "%d/%m/%y")}
TIMES = ("%H:%M", "%H:%M:%S", "%I:%M %p", "%I:%M:%S %p")
_NUMBER = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?"
_MONEY = r"\(?[+-]?\s*[£$€]?\s*[+-]?\d{1,3}(,\d{3})+(\.\d+)?\s*[%£$€]?\)?|[+-]?\s*[£$€]\s*[+-]?\d+(\.\d+)?|[+-]?\d+(\.\d+)?\s*[%£€]"
_COMMA = r"[+-]?\s*€?\s*(\d{1,3}(\.\d{3})+|\d+),\d+\s*€?"
_PAIRS = ({"y", "n"}, {"yes", "no"}, {"true", "false"}, {"t", "f"})
_ISO_DATE = r"\d{4}-\d{2}-\d{2}"
_ISO_TIME = r"\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?"


@dataclass
class Profile:
    """One column."""

    name: str
    position: int
    rows: int
    filled: int  # rows that hold something that is no placeholder
    distinct: int
    type: str = "text"
    formats: tuple[str, ...] = ()
    strip: str = ""
    decimal: str = "."
    placeholders: tuple[str, ...] = ()  # as they stand, most frequent first
    not_of_type: int = 0  # filled rows that are not of the type
    is_ambiguous: bool = False  # dates whose day could be the month
    low: str | None = None  # the least and the greatest value, as typed
    high: str | None = None
    values: tuple[tuple[str, int], ...] = field(default=(), repr=False)  # the most frequent, and how often
    longest: int = 0
    has_leading_zeros: bool = False

    @property
    def missing(self) -> float:
        return 1 - self.filled / self.rows if self.rows else 0.0

    @property
    def unit(self) -> str | None:
        """Where the name, or a mark beside the values, says it."""
        if self.type not in ("integer", "number"):
            return None
        name = self.name.lower()
        if "£" in self.strip or "£" in name or re.search(r"\bgbp\b|\bpounds\b", name):
            return "GBP"
        if "$" in self.strip or "$" in name or re.search(r"\busd\b|\bdollars\b", name):
            return "USD"
        if "€" in self.strip or "€" in name or re.search(r"\beur(o|os)?\b", name):
            return "EUR"
        if (
            "%" in self.strip
            or "%" in name
            or re.search(r"(^|[^a-z])(percent|percentage|pct)([^a-z]|$)", name)
        ):
            return "%"
        if re.search(r"\(m\)|(^|[^a-z])(metres|meters)([^a-z]|$)", name):
            return "m"
        if re.search(r"(^|[^a-z])(degrees|deg|latitude|longitude|lat|lon|lng)([^a-z]|$)", name):
            return "degrees"
        return None

    @property
    def _is_prose(self) -> bool:
        """Whether it is notes or a description, which may say something new tomorrow."""
        return bool(re.search(r"note|comment|remark|descri|detail|reason|text", self.name.lower()))

    @property
    def categories(self) -> tuple[str, ...]:
        """The values, where they are few, short, and each stands more than once."""
        is_few = 1 < self.distinct <= CATEGORIES and self.filled >= 5 * self.distinct
        if (
            self.type != "text"
            or not is_few
            or any(n < 2 or len(v) > 40 for v, n in self.values)
            or self._is_prose
        ):
            return ()
        return tuple(sorted(v for v, _ in self.values))


def take_sample(con: duckdb.DuckDBPyConnection, records: str, rows: int) -> int:
    """Make temp table drafted of up to ROWS records, spread evenly over all of them; returns how many."""
    step = max(1, -(-rows // ROWS))
    con.execute(
        "create or replace temp table drafted as select * exclude (_delivery_id, _line_shift, file_row_number) "
        f"from read_parquet({quote_text(records)}, file_row_number = true) where file_row_number % {step} = 0"
    )
    row = con.execute("select count(*) from drafted").fetchone()
    return int(row[0]) if row else 0


def profile(con: duckdb.DuckDBPyConnection, name: str, position: int, country: str) -> Profile:
    """What is in a column of temp table drafted."""
    column = '"' + name.replace('"', '""') + '"'
    con.execute(
        f"create or replace temp table looked_at as select trim({column}) as v, count(*) as n from drafted "
        f"where trim({column}) <> '' group by 1"
    )
    rows = _one(con, "select count(*) from drafted")[0]
    placeholders = [
        str(r[0])
        for r in con.execute(
            "select v from looked_at where lower(v) in (select unnest(?)) or v in (select unnest(?)) "
            "or (v[:10] in (select unnest(?)) and regexp_full_match(v[11:], '[ T]00:00.*')) order by n desc, v limit 12",
            [sorted(PLACEHOLDERS), list(NO_DATES), list(NO_DATES)],
        ).fetchall()
    ]
    # Where nothing else stands, a placeholder is all that is known: it is a value then.
    others = _one(con, "select count(*) from looked_at where v not in (select unnest(?))", [placeholders])[0]
    if not others:
        placeholders = []
    con.execute("delete from looked_at where v in (select unnest(?))", [placeholders])
    filled, distinct, longest, zeros = _one(
        con,
        "select coalesce(sum(n), 0), count(*), coalesce(max(length(v)), 0), "
        "coalesce(bool_or(regexp_full_match(v, '0\\d+')), false) from looked_at",
    )
    found = Profile(
        name,
        position,
        rows,
        int(filled),
        distinct,
        placeholders=tuple(placeholders),
        longest=longest,
        has_leading_zeros=zeros,
    )
    # The most frequent, and of the others some from everywhere, the same ones every time.
    found.values = tuple(
        (str(v), int(n))
        for v, n in con.execute(
            f"(select v, n from looked_at order by n desc, v limit {VALUES // 4}) union "
            f"(select v, n from looked_at order by hash(v) limit {VALUES}) order by n desc, v limit {VALUES}"
        ).fetchall()
    )
    if filled:
        _find_type(con, found, country)
    if found.type != "date" and found.type != "timestamp":
        # A day that means none is one only among days.
        kept = tuple(p for p in found.placeholders if p.lower() in PLACEHOLDERS)
        if kept != found.placeholders:
            found.filled += _one(
                con,
                f"select count(*) from drafted where trim({column}) in (select unnest(?))",
                [[p for p in found.placeholders if p not in kept]],
            )[0]
            found.placeholders = kept
    return found


def _find_type(con: duckdb.DuckDBPyConnection, found: Profile, country: str) -> None:
    total = found.filled
    tests = (
        "regexp_full_match(v, '[+-]?\\d{1,18}')",
        f"regexp_full_match(v, {quote_text(_NUMBER)}) and isfinite(try_cast(v as double))",
        f"regexp_full_match(v, {quote_text(_MONEY)})",
        f"regexp_full_match(v, {quote_text(_COMMA)})",
        f"regexp_full_match(v, '{_ISO_DATE}') and try_cast(v as date) is not null",
        f"regexp_full_match(v, '{_ISO_TIME}') and try_cast(v as timestamp) is not null",
        "regexp_full_match(v, '[+-]?\\d{16,}')",
    )
    counts = ", ".join(f"coalesce(sum(n) filter ({t}), 0)" for t in tests)
    integers, numbers, money, comma, iso, iso_time, long = _one(con, f"select {counts} from looked_at")
    lowered = {v.lower() for v, _ in found.values}
    if len(found.values) <= 2 and any(lowered == pair for pair in _PAIRS):
        found.type = "boolean"
    elif iso >= ENOUGH * total:
        found.type, found.not_of_type = "date", total - iso
    elif iso + iso_time >= ENOUGH * total:
        midnight = _one(
            con,
            "select coalesce(sum(n) filter (try_cast(v as timestamp) = try_cast(v as date) "
            f"or regexp_full_match(v, '{_ISO_DATE}')), 0) from looked_at",
        )[0]
        found.type = "date" if midnight == iso + iso_time else "timestamp"
        found.not_of_type = total - iso - iso_time
    elif (
        _find_dates(con, found, country)
        or money
        and numbers + money >= ENOUGH * total
        and not found.has_leading_zeros
        and _strip(con, found)
    ):
        pass
    elif (
        integers >= ENOUGH * total
        and not found.has_leading_zeros
        and not long
        and not _is_code(found, integers)
    ):
        found.type, found.not_of_type = "integer", total - integers
    elif (
        numbers >= ENOUGH * total
        and not found.has_leading_zeros
        and not long
        and not _is_code(found, numbers)
    ):
        found.type, found.not_of_type = "number", total - numbers
    elif comma and comma + integers >= ENOUGH * total and not found.has_leading_zeros:
        found.type, found.decimal = "number", ","
        marks = {m for v, _ in found.values for m in v if m in "€."}
        found.strip, found.not_of_type = "".join(sorted(marks)), total - comma - integers
    if found.type != "text":
        found.low, found.high = _bounds(con, found)


def _is_code(found: Profile, good: int) -> bool:
    """Whether what look like numbers are names of something: then the few that are no numbers are right too."""
    return good < found.filled and bool(
        re.search(r"code|number|\bno\b|\bnum\b|ref|(^|_| )id$|Id$|ID$|key", found.name, re.IGNORECASE)
    )


def _strip(con: duckdb.DuckDBPyConnection, found: Profile) -> bool:
    """Of numbers with marks: which marks to take out; returns whether numbers are left."""
    total = found.filled
    marks = "".join(m for m in "£$€%," if any(m in v for v, _ in found.values))
    marks += " " if any(re.search(r"[£$€] | [%£€]", v) for v, _ in found.values) else ""
    good, whole = _one(
        con,
        "select coalesce(sum(n) filter (try_cast(translate(v, ?, '') as double) is not null), 0), "
        "coalesce(sum(n) filter (regexp_full_match(translate(v, ?, ''), '[+-]?\\d+')), 0) from looked_at",
        [marks, marks],
    )
    if good >= ENOUGH * total:
        found.type = "integer" if whole == good else "number"
        found.strip, found.not_of_type = marks, total - good
        return True
    return False


def _find_dates(con: duckdb.DuckDBPyConnection, found: Profile, country: str) -> bool:
    """Try the ways in which days and times are written; returns whether most values are written so."""
    if not any(re.search(r"\d", v) and len(v) <= 30 for v, _ in found.values[:50]):
        return False
    days: tuple[str, ...] = (
        DATES.get(country, DATES["GB"]) + OTHER_DATES + SHORT_DATES.get(country, SHORT_DATES["GB"])
    )
    if all(re.fullmatch(r"\d+", v) for v, _ in found.values[:200]):
        # Eight digits are a number unless the name says that they are a day.
        days = ("%Y%m%d",) if re.search(r"date|day|dob|_on$|_at$", found.name.lower()) else ()
    likely = [day for day in days if _is_likely(day, found)]
    tried = {day: _good(con, [day]) for day in likely}
    if max(tried.values(), default=0) < found.filled and any(":" in v for v, _ in found.values):
        at_times = [f"{day} {time}" for day in days for time in TIMES]
        tried |= {way: _good(con, [way]) for way in at_times if _is_likely(way, found)}
    order = list(tried)
    best = max(order, key=lambda f: (tried[f], -order.index(f)), default=None)
    if best is None or not tried[best]:
        return False
    chosen, good = [best], tried[best]
    while good < found.filled and len(chosen) < 4:
        more = {f: _good(con, [*chosen, f]) for f in order if f not in chosen and _agrees(f, chosen)}
        nearest = max(more, key=lambda f: (more[f], -order.index(f)), default=None)
        if nearest is None or more[nearest] < good + max(1, 0.005 * found.filled):
            break
        chosen, good = [*chosen, nearest], more[nearest]
    if good < ENOUGH * found.filled:
        return False
    found.formats = tuple(chosen)
    found.type = "timestamp" if any(":" in f or "%H" in f for f in chosen) else "date"
    found.not_of_type = found.filled - good
    other = best.replace("%d", "#").replace("%m", "%d").replace("#", "%m")
    found.is_ambiguous = (
        other != best and tried.get(other, 0) == tried[best] and "%m" in best and "%Y%m" not in best
    )
    return True


def _is_likely(way: str, found: Profile) -> bool:
    """Whether any of the values that are looked at first is written so: most ways need no look at all of them."""
    step = max(1, len(found.values) // 200)
    return any(_is_written(value, way) for value, _ in (*found.values[:100], *found.values[::step]))


def _is_written(value: str, way: str) -> bool:
    try:
        datetime.strptime(value, way)
    except ValueError:
        return False
    return True


def _agrees(new: str, chosen: list[str]) -> bool:
    """Whether two ways of writing days do not read one value as two days."""
    return all(("%d/%m" in new) == ("%d/%m" in c) or "/%" not in new or "/%" not in c for c in chosen)


def _good(con: duckdb.DuckDBPyConnection, formats: list[str]) -> int:
    listed = "[" + ", ".join(quote_text(f) for f in formats) + "]"
    return int(
        _one(
            con,
            f"select coalesce(sum(n) filter (year(try_strptime(v, {listed})) between 1000 and 9999), 0) from looked_at",
        )[0]
    )


def _bounds(con: duckdb.DuckDBPyConnection, found: Profile) -> tuple[str | None, str | None]:
    if found.formats:
        listed = "[" + ", ".join(quote_text(f) for f in found.formats) + "]"
        typed = f"try_strptime(v, {listed})"
    elif found.type in ("date", "timestamp", "boolean"):
        typed = f"try_cast(v as {found.type})"
    else:
        text = f"translate(v, {quote_text(found.strip)}, '')" if found.strip else "v"
        text = f"replace({text}, ',', '.')" if found.decimal == "," else text
        typed = f"try_cast({text} as {'bigint' if found.type == 'integer' else 'double'})"
    low, high = _one(con, f"select min({typed})::varchar, max({typed})::varchar from looked_at")
    return low, high


def _one(con: duckdb.DuckDBPyConnection, sql: str, values: list[Any] | None = None) -> tuple[Any, ...]:
    row = con.execute(sql, values or []).fetchone()
    return row if row else ()
