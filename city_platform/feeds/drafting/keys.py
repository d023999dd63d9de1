"""Keys: which columns name a record, found by trying those that are likely.

Belongs here: one column, pairs and triples that are unique and without gaps. Does not belong here: what a key means to
loading (feeds/judge.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from city_platform.feeds.drafting.profile import Profile
from city_platform.feeds.drafting.recognise import Look, words_of
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

COLUMNS = 12  # that are tried in pairs
IN_TRIPLES = 8
FEW = 5  # in fewer rows than these anything may look like a key
# What may be part of a key, best first; what looks like nothing known comes after them.
_LIKELY = "identifier uprn company_number usrn nino email business_name postcode address address_line full_name family_name given_name date_of_birth phone town".split()
_ALONE = ("identifier", "uprn", "company_number", "usrn", "nino")
_OF_THE_FILE = (
    "ogcfid",
    "fid",
    "objectid",
    "gid",
    "id0",
    "rowid",
    "rownumber",
    "row",
    "index",
)  # may be another one next time
_NEVER = ("latitude", "longitude", "easting", "northing", "x", "y", "point", "free_text", "amount")


@dataclass(frozen=True)
class Key:
    """What names a record."""

    columns: tuple[str, ...]  # none: nothing does, and the record's content is its key
    repeats: int = 0  # records that equal an earlier one in every column
    note: str = ""


def find_key(
    con: duckdb.DuckDBPyConnection,
    records: str,
    profiles: Sequence[Profile],
    looks: Mapping[str, Look],
    given: Sequence[str] = (),
) -> Key:
    """The best key of all records of a Parquet file, exact repeats aside; given: what the source says that it is."""
    columns = ", ".join(_quoted(p.name) for p in profiles)
    con.execute(
        f"create or replace temp table distinct_record as select distinct {columns} "
        f"from read_parquet({quote_text(records)})"
    )
    total = _count(con, f"select count(*) from read_parquet({quote_text(records)})")
    rows = _count(con, "select count(*) from distinct_record")
    repeats = total - rows
    if given and _is_key(con, given, rows):
        return Key(tuple(given), repeats)
    if rows < FEW:
        return Key((), repeats, "too few rows to tell what names a record")
    candidates = _candidates(profiles, looks)
    for column in candidates:
        if (
            _may_stand_alone(column, looks)
            and column.filled == column.rows
            and _is_key(con, [column.name], rows)
        ):
            return Key((column.name,), repeats)
    whole = [c for c in candidates if c.filled == c.rows]
    for size, width in ((2, COLUMNS), (3, IN_TRIPLES)):
        for chosen in combinations(whole[:width], size):
            # So few combinations cannot name so many records.
            if min(1e18, _product(c.distinct for c in chosen)) < 0.5 * chosen[0].rows:
                continue
            names = [c.name for c in chosen]
            if _is_key(con, names, rows):
                ordered = sorted(chosen, key=lambda c: c.position)
                return Key(tuple(c.name for c in ordered), repeats)
    return Key((), repeats, _nearest(con, candidates, looks, rows))


def _product(numbers: object) -> float:
    product = 1.0
    for number in numbers:  # type: ignore[attr-defined]
        product *= number
    return product


def _candidates(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> list[Profile]:
    def rank(p: Profile) -> tuple[int, int]:
        kind = looks[p.name].kind if p.name in looks else ""
        if p.name.startswith((":", "_")) or "".join(words_of(p.name)) in _OF_THE_FILE:
            return len(_LIKELY), p.position
        if kind in _LIKELY:
            return _LIKELY.index(kind), p.position
        return len(_LIKELY) + (0 if p.type in ("date", "timestamp", "text") else 1), p.position

    possible = [
        p
        for p in profiles
        if p.distinct > 1
        and p.type != "boolean"
        and p.type != "number"
        and p.longest <= 200
        and (looks[p.name].kind if p.name in looks else "") not in _NEVER
    ]
    return sorted(possible, key=rank)


def _may_stand_alone(p: Profile, looks: Mapping[str, Look]) -> bool:
    kind = looks[p.name].kind if p.name in looks else ""
    if kind in _ALONE:
        return True
    # A place or a category that happens to be unique, such as a ward in a table of wards.
    return (
        kind in ("ward", "place_name", "town", "postcode", "")
        and p.type in ("text", "date")
        and p.longest <= 60
        and (bool({"code", "name", "ward", "area", "date", "postcode"} & set(words_of(p.name))))
    )


def _is_key(con: duckdb.DuckDBPyConnection, names: Sequence[str], rows: int) -> bool:
    listed = ", ".join(_quoted(n) for n in names)
    gaps = " or ".join(f"coalesce(trim({_quoted(n)}), '') = ''" for n in names)
    return _count(
        con, f"select count(*) from (select distinct {listed} from distinct_record)"
    ) == rows and not _count(con, f"select count(*) from distinct_record where {gaps}")


def _nearest(
    con: duckdb.DuckDBPyConnection, candidates: Sequence[Profile], looks: Mapping[str, Look], rows: int
) -> str:
    """What comes nearest to being a key, and what keeps it from that."""
    for p in candidates[:4]:
        if not _may_stand_alone(p, looks):
            continue
        column = _quoted(p.name)
        several = _count(
            con,
            f"select coalesce(sum(n), 0) from (select count(*) as n from distinct_record where {column} <> '' group by {column} "
            "having n > 1)",
        )
        gaps = _count(con, f"select count(*) from distinct_record where coalesce(trim({column}), '') = ''")
        if several + gaps <= 0.2 * rows:
            return (
                f"{p.name} comes nearest: {several:,} of {rows:,} different records share one"
                + (f", {gaps:,} have none" if gaps else "")
                + "; as a key, those would be set aside"
            )
    return "no column, pair or triple of likely columns is unique and without gaps"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _count(con: duckdb.DuckDBPyConnection, sql: str) -> int:
    row = con.execute(sql).fetchone()
    return int(row[0]) if row else 0
