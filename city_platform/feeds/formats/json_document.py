"""JSON: one document that holds a list of objects, whose keys are the columns.

Belongs here: finding the list and, in it, on which line each object starts. Does not belong here: an object's values
(json_lines.py), which columns there are (writing.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.json_lines import KeyTwiceError, decoder, flatten, opened_names
from city_platform.feeds.formats.writing import Named, number_named
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import empty_file, not_text, open_text, refuse_web_page
from city_platform.feeds.scan import Scan

_SPACE = re.compile(r"[ \t\r\n]*")


def number_items(path: Path, dialect: Dialect, target: Path, declared: Sequence[str]) -> Scan:
    """Write the objects of the list at dialect.record to target as numbered records."""
    try:
        with open_text(path, dialect) as source:
            text = source.read().removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        raise UnreadableError(not_text(dialect, error.reason)) from None
    if not text.strip():
        raise UnreadableError(empty_file())
    refuse_web_page(1, text[:200].lstrip(), "not_json", "a JSON document")
    start = _find_list(text, (dialect.record or "").split(".") if dialect.record else [])
    names, opened = frozenset(declared), opened_names(declared)

    def read(scan: Scan) -> Iterator[Named]:
        last = 0
        for line, found, sent in _items(text, start):
            # A record is known by its line: those that share one are numbered on from it.
            last = max(line, last + 1)
            if isinstance(found, dict):
                yield last, flatten(found, names, opened), sent
            else:
                scan.reject(last, sent, "not a JSON object")
        if not last:
            raise UnreadableError(empty_file())

    return number_named(read, target, declared)


def _items(text: str, at: int) -> Iterator[tuple[int, object, str]]:
    """Each item of the list that begins at this place, with the line on which it starts."""
    at = _skip(text, at + 1)
    line, counted = text.count("\n", 0, at) + 1, at
    while text[at : at + 1] != "]":
        line, counted = line + text.count("\n", counted, at), at
        found, end = _decode(text, at, line)
        yield line, found, text[at:end]
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
        elif text[at : at + 1] != "]":
            raise _broken(text, at)


def _decode(text: str, at: int, line: int) -> tuple[object, int]:
    try:
        return decoder.raw_decode(text, at)
    except KeyTwiceError:
        raise UnreadableError(
            Problem("not_json", f"line {line}: a key stands twice in one object. Please mend it.", line=line)
        ) from None
    except json.JSONDecodeError as error:
        is_cut = error.msg.startswith("Unterminated string") and not text.rstrip().endswith("}")
        raise _broken(text, len(text) if is_cut else error.pos) from None
    except (ValueError, RecursionError) as error:
        raise UnreadableError(
            Problem("not_json", f"line {line}: this is not JSON ({error}). Please mend it.", line=line)
        ) from None


def _find_list(text: str, path: list[str]) -> int:
    """Where the list begins that lies at a path of keys."""
    at = _skip(text, 0)
    for n, key in enumerate(path):
        if text[at : at + 1] != "{":
            raise _no_list(path[:n], "is no object")
        at, keys = _enter(text, at, key)
        if at < 0:
            raise _no_list(path[: n + 1], f"is not there; there are: {', '.join(keys) or 'none'}")
    if text[at : at + 1] != "[":
        raise _no_list(path, "is no list of records")
    return at


def _enter(text: str, at: int, wanted: str) -> tuple[int, list[str]]:
    """Where the value of a key of the object at this place begins, or -1; and the keys that came before."""
    keys: list[str] = []
    at = _skip(text, at + 1)
    while text[at : at + 1] == '"':
        key, end = _decode(text, at, text.count("\n", 0, at) + 1)
        at = _skip(text, end)
        if text[at : at + 1] != ":":
            raise _broken(text, at)
        at = _skip(text, at + 1)
        if key == wanted:
            return at, keys
        keys.append(str(key))
        _, end = _decode(text, at, text.count("\n", 0, at) + 1)
        at = _skip(text, end)
        if text[at : at + 1] == ",":
            at = _skip(text, at + 1)
    return -1, keys


def _skip(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    return found.end() if found else at


def _no_list(path: list[str], what: str) -> UnreadableError:
    name = ".".join(path) or "the document"
    return UnreadableError(
        Problem(
            "no_record",
            f"{name} {what}. Please check that it is the right file, or tell us where its records are (dialect.record in "
            "the feed's defs.yaml).",
        )
    )


def _broken(text: str, at: int) -> UnreadableError:
    line = text.count("\n", 0, at) + 1
    column = at - text.rfind("\n", 0, at)
    if not text[at:].strip():
        what = f"the file stops at line {line}, before its brackets are closed. Please send it again, whole."
        return UnreadableError(Problem("cut_short", what, line=line))
    return UnreadableError(
        Problem(
            "not_json",
            f"line {line}, column {column}: this is not JSON. Please mend it and send it again.",
            line=line,
        )
    )
