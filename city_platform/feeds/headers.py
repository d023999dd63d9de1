"""Headers: the columns that a file has, held against those that were agreed.

Belongs here: names as sent to names as declared, what is missing, new or there twice, and what may have been renamed.
Does not belong here: reading the header (records.py, formats/), values.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import Problem, UnreadableError


@dataclass(frozen=True)
class Names:
    """The columns of a file, in its order, as DuckDB gets them: declared ones under their declared names."""

    sent: list[str]
    notes: list[Problem]  # that hold nothing up


def compare_header(feed: Feed, header: Sequence[str], line: int, renames: Mapping[str, str]) -> Names:
    """Names for a file's columns; raises UnreadableError where one that was agreed is missing, or there twice.

    renames: names as sent that stand for declared columns, by decision of a person.
    """
    agreed = feed.sent_columns()
    other = other_names(feed, renames)
    # A name that is declared stays itself; an older or newer one counts where the declared one is not there.
    read = [n if n in agreed or other.get(n) in header else other.get(n, n) for n in header]
    pattern = re.compile(feed.unpivot.columns) if feed.unpivot else None
    unpivoted = [n for n in read if pattern and pattern.fullmatch(n)]
    missing = [c for c in agreed if c not in read]
    added = [c for c in read if c not in agreed and c not in unpivoted]
    if missing:
        raise UnreadableError(_missing(feed, missing, added, line))
    if pattern and not unpivoted:
        raise UnreadableError(
            Problem(
                "missing_column",
                f"line {line}: no column fits {pattern.pattern}, and each that does would be a value. "
                "Please send the file with these columns.",
                line=line,
            )
        )
    for twice in agreed:
        if read.count(twice) > 1:
            raise UnreadableError(
                Problem(
                    "column_twice",
                    f"line {line}: column {twice!r} stands {read.count(twice)} times, so it is not clear "
                    "which is meant. Please send it once.",
                    line=line,
                    column=twice,
                )
            )
    notes = [
        Problem(
            "added_column",
            f"line {line}: column {c!r} is new. It is kept in raw and used nowhere until it is declared.",
            line=line,
            column=c,
            severity="warning",
            responsible="us",
        )
        for c in added
    ]
    if not added and not unpivoted and tuple(read) != agreed:
        notes.append(
            Problem(
                "column_order",
                f"line {line}: the columns stand in another order than agreed. They were matched by name.",
                line=line,
                severity="info",
            )
        )
    return Names(_distinct(read, (*agreed, *unpivoted)), notes)


def other_names(feed: Feed, renames: Mapping[str, str]) -> dict[str, str]:
    """The names as sent that stand for declared columns, by decision of a person or by declaration."""
    return {**renames, **{was: name for name, column in feed.columns.items() for was in column.was}}


def likely_rename(missing: Sequence[str], added: Sequence[str]) -> tuple[str, str] | None:
    """The declared column that is most likely to have a new name, and that name; None where nothing is likely."""
    for old in missing:
        near = difflib.get_close_matches(old, added, n=1, cutoff=0.5)
        if near:
            return old, near[0]
    return (missing[0], added[0]) if len(missing) == len(added) == 1 else None


def _missing(feed: Feed, missing: list[str], added: list[str], line: int) -> Problem:
    agreed = feed.sent_columns()
    # Where no name is right the header itself may be missing, and what stands there are values.
    is_header = len(missing) < len(agreed)
    found = likely_rename(missing, added) if is_header else None
    hint = "" if is_header else " Was the header line left out?"
    if found:
        old, new = found
        hint = (
            f" Column {new!r} is new: was {old!r} renamed? If so, `city-platform feed accept {feed.id} "
            f"--rename '{old}={new}'` takes it."
        )
    what = f"column {missing[0]!r} is" if len(missing) == 1 else f"columns {', '.join(missing)} are"
    return Problem(
        "missing_column",
        f"line {line}: {what} missing.{hint} Please send the file with all {len(agreed)} agreed columns.",
        line=line,
        column=missing[0],
    )


def _distinct(header: Sequence[str], kept: Sequence[str]) -> list[str]:
    """The header's names, a number added where DuckDB could not tell two apart or there is none.

    A declared column always keeps its name: what reads it must not find another one under it.
    """
    names: list[str] = []
    taken = {"_line", "_line_shift", "_delivery_id", "file_row_number"} | {d.lower() for d in kept}
    for position, name in enumerate(header, start=1):
        if name in kept:
            names.append(name)
            continue
        base = (name or f"column_{position}").replace('"', "'")
        candidate, n = base, 1
        while candidate.lower() in taken:
            candidate, n = f"{base}_{n}", n + 1
        taken.add(candidate.lower())
        names.append(candidate)
    return names
