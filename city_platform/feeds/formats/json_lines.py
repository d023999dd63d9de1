"""JSON lines: one object a line, whose keys are the columns.

Belongs here: objects to values by name. Does not belong here: bytes to lines (lines.py), which columns there are
(writing.py).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.lines import LINE_ENDS, cut_short, numbered_lines
from city_platform.feeds.formats.writing import Named, number_named
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import empty_file, refuse_web_page
from city_platform.feeds.scan import Scan


class KeyTwiceError(ValueError):
    pass


def number_objects(
    path: Path,
    dialect: Dialect,
    target: Path,
    declared: Sequence[str],
    absent_is_empty: bool = False,
    other_names: Mapping[str, str] | None = None,
) -> Scan:
    """Write the objects of path to target as numbered records."""
    names = frozenset(declared)
    opened = opened_names(declared)

    def read(scan: Scan) -> Iterator[Named]:
        is_first = True
        for number, line in numbered_lines(path, dialect):
            if not line.strip():
                scan.blank_lines += 1
                continue
            if is_first:
                _refuse_other_files(number, line)
                is_first = False
            try:
                found = decoder.decode(line)
                if isinstance(found, dict):
                    yield number, flatten(found, names, opened), line
                else:
                    scan.reject(number, line, "not a JSON object")
            except KeyTwiceError:
                scan.reject(number, line, "a key stands twice in one object")
            except (ValueError, RecursionError):
                if not line.endswith(LINE_ENDS):
                    raise cut_short(number, "is no whole JSON object") from None
                scan.reject(number, line, "not a JSON object")
        if is_first:
            raise UnreadableError(empty_file())

    return number_named(read, target, declared, absent_is_empty, other_names)


def opened_names(declared: Sequence[str]) -> frozenset[str]:
    """The names of objects in which a declared column lies."""
    return frozenset(n[:at] for n in declared for at, letter in enumerate(n) if letter == ".")


def flatten(found: dict[str, Any], names: Collection[str], opened: Collection[str]) -> dict[str, str]:
    """An object's values as text, by name; one inside a declared object has a dotted name."""
    if opened:
        return dict(_flat(found, names, opened, ""))
    return {key: value if isinstance(value, str) else _text(value) for key, value in found.items()}


def _flat(
    found: dict[str, Any], names: Collection[str], opened: Collection[str], within: str
) -> Iterator[tuple[str, str]]:
    """Values by name; an object is opened where a declared column lies inside, its other keys then have dots too."""
    for key, value in found.items():
        name = within + key
        if name in opened and isinstance(value, dict):
            yield from _flat(value, names, opened, name + ".")
            if name not in names:
                continue
        elif name in opened and value is None and name not in names:
            continue
        yield name, _text(value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=float)


def _unlike(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise KeyTwiceError
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


# Numbers keep the digits they were sent with.
decoder = json.JSONDecoder(object_pairs_hook=_unlike, parse_float=Decimal, parse_constant=_refuse_constant)


def _refuse_other_files(number: int, line: str) -> None:
    refuse_web_page(number, line, "not_json_lines", "a file of JSON lines")
    if line.lstrip().startswith("["):
        raise UnreadableError(
            Problem(
                "not_json_lines",
                f"line {number} begins with a square bracket: this is one JSON array, not one object a line. "
                "Please send JSON lines (each object on a line of its own, no brackets and commas around them).",
                line=number,
            )
        )
