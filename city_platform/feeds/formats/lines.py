"""Lines: the numbered lines of a text file, for formats of one record a line.

Belongs here: bytes to lines, and the line of a byte that is no text. Does not belong here: what a line says.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import MARK, not_text, open_text, undecodable

LINE_ENDS = ("\n", "\r")


def numbered_lines(path: Path, dialect: Dialect) -> Iterator[tuple[int, str]]:
    """Every line with its number and its end."""
    try:
        with open_text(path, dialect) as text:
            for number, line in enumerate(text, start=1):
                yield number, line.removeprefix("\ufeff") if number == 1 else line
    except UnicodeDecodeError:
        raise UnreadableError(_find_undecodable(path, dialect)) from None


def cut_short(line: int, what: str) -> UnreadableError:
    """For a last line without a line end that is no whole record."""
    return UnreadableError(
        Problem(
            "cut_short",
            f"the file stops in the middle of its last line: line {line} {what} and has no line end. "
            "Please send it again, whole.",
            line=line,
        )
    )


def _find_undecodable(path: Path, dialect: Dialect) -> Problem:
    with open_text(path, dialect, "city_platform.mark") as text:
        for number, line in enumerate(text, start=1):
            if MARK in line:
                return undecodable(dialect, number, line)
    return not_text(dialect, "it stops in the middle of a character")
