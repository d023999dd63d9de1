"""Write YAML: a drafted feed as a person would have written it, one line a column.

Belongs here: text. Does not belong here: what a feed is to say (draft.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from city_platform.feeds.declaration import COMPONENT

WIDTH = 110


@dataclass(frozen=True)
class ColumnLine:
    """One column of the draft."""

    name: str
    fields: Mapping[str, Any]
    comment: str = ""


@dataclass
class FeedText:
    """A feed on its way to YAML, in the order in which it is written."""

    head: list[tuple[str, Any, str]]  # field, value, comment; a value of None is a commented line
    columns: list[ColumnLine]
    roles: list[tuple[str, Any, str]] = field(default_factory=list)  # with a comment: as commented lines
    remarks: list[str] = field(default_factory=list)  # above it all


def document(text: FeedText) -> str:
    """One YAML document."""
    lines = [f"# {line}" for remark in text.remarks for line in _wrapped(remark)]
    lines += [f"type: {COMPONENT}", "attributes:"]
    for name, value, comment in text.head:
        if value is None:
            lines.append(f"  # {name}: {comment}".rstrip())
        else:
            lines.append(_commented(f"  {name}: {flow(value)}", comment))
    lines.append("  columns:")
    for column in text.columns:
        lines.append(_commented(f"    {flow(column.name)}: {flow(dict(column.fields))}", column.comment))
    lines += _roles(text.roles)
    return "\n".join(lines) + "\n"


def _roles(roles: Sequence[tuple[str, Any, str]]) -> list[str]:
    lines: list[str] = []
    for name in ("business", "address"):
        for _, value, comment in (r for r in roles if r[0] == name):
            lines += (
                [f"  # {comment}", f"  # {name}: {flow(value)}"] if comment else [f"  {name}: {flow(value)}"]
            )
    for name in ("people", "events"):
        chosen = [r for r in roles if r[0] == name]
        sure = [flow(value) for _, value, comment in chosen if not comment]
        lines += [f"  {name}:"] if sure else []
        lines += [f"    - {value}" for value in sure]
        unsure = [(flow(value), comment) for _, value, comment in chosen if comment]
        if unsure:
            lines += [f"  # {comment}" for comment in dict.fromkeys(comment for _, comment in unsure)]
            lines += [] if sure else [f"  # {name}:"]
            lines += [f"  #   - {value}" for value, _ in unsure]
    return lines


def flow(value: Any) -> str:
    """A value on one line; what YAML would read as something else is quoted."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{flow(k)}: {flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(flow(v) for v in value) + "]"
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return _scalar(str(value))


def _scalar(text: str) -> str:
    is_plain = (
        bool(re.fullmatch(r"[A-Za-z0-9_%/£€$À-ɏ(][^\n\r\t#{}\[\],\"'&*!|>`@]*", text))
        and text == text.strip()
        and ": " not in text
        and not text.endswith(":")
        and "://" not in text
        and text.isprintable()
    )
    if is_plain:
        try:
            if yaml.safe_load(f"[{text}]") == [text] and yaml.safe_load(f"{{{text}: 1}}") == {text: 1}:
                return text
        except yaml.YAMLError:
            pass
    return _quoted(text)


def _quoted(text: str) -> str:
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    # JSON leaves some characters as they are that YAML does not take, or takes for line ends.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in quoted)


def _commented(line: str, comment: str) -> str:
    return f"{line}  # {comment}" if comment else line


def _wrapped(text: str) -> Iterable[str]:
    line = ""
    for word in text.split():
        if line and len(line) + len(word) + 1 > WIDTH - 2:
            yield line
            line = word
        else:
            line = f"{line} {word}".strip()
    if line:
        yield line
