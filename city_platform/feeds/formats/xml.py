"""XML: one record for each element of a name, its columns the elements inside.

Belongs here: elements to values by name, and refusing what XML can do beside holding data. Does not belong here:
which columns there are (writing.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.parsers import expat

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.writing import Named, number_named
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.feeds.records import empty_file, open_bytes
from city_platform.feeds.scan import Scan

CHUNK = 1 << 16  # bytes
DEEPEST = 50  # elements inside one another in one record


def number_elements(path: Path, dialect: Dialect, target: Path, declared: Sequence[str]) -> Scan:
    """Write the record elements of path to target as numbered records."""
    record = str(dialect.record)
    # An element that holds others when it holds anything, such as <Scores/>, is no column of its own when empty.
    groups = {name.rpartition(".")[0] for name in declared if "." in name}

    def read(scan: Scan) -> Iterator[Named]:
        last = moved = 0
        for line, values in _elements(path, record):
            # A record is known by its line: those that share one are numbered on from it.
            moved += line <= last
            last = max(line, last + 1)
            empty = [name for name in groups if not values.get(name, "-").strip()]
            yield last, {name: v for name, v in values.items() if name not in empty} if empty else values, ""
        if moved:
            scan.notes.append(
                Problem(
                    "several_on_a_line",
                    f"{moved:,} records begin on a line on which another one stands; each was given the next free "
                    "line number.",
                    severity="info",
                )
            )
        if not last:
            raise UnreadableError(
                Problem(
                    "no_record",
                    f"holds no element {record}, of which each would be a record. Please check that it is the right "
                    "file, and whole.",
                )
            )

    return number_named(read, target, declared)


def _elements(path: Path, record: str) -> Iterator[tuple[int, dict[str, str]]]:
    builder = _Builder(record)
    parser = builder.parser
    is_last = False
    with open_bytes(path) as source:
        try:
            while not is_last:
                chunk = source.read(CHUNK)
                is_last = not chunk
                parser.Parse(chunk, is_last)
                yield from builder.done
                builder.done.clear()
        except expat.ExpatError as error:
            raise UnreadableError(_broken(error, is_last, builder)) from None


def _broken(error: expat.ExpatError, is_last: bool, builder: _Builder) -> Problem:
    line, column = error.lineno, error.offset + 1
    if is_last and not builder.has_begun and builder.parser.CurrentByteIndex <= 0:
        return empty_file()
    if is_last:
        return Problem(
            "cut_short",
            f"the file stops at line {line}, column {column}, before its elements are closed. "
            "Please send it again, whole.",
            line=line,
        )
    return Problem(
        "not_xml",
        f"line {line}, column {column}: this is not XML ({expat.ErrorString(error.code)}). "
        "Please mend it and send it again.",
        line=line,
    )


class _Builder:
    """Told by the parser what it meets, it gathers whole records, each with its line, in `done`."""

    def __init__(self, record: str) -> None:
        self.done: list[tuple[int, dict[str, str]]] = []
        self.has_begun = False
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.StartDoctypeDeclHandler = self._doctype
        self._record = record
        self._line = 0
        self._values: dict[str, str] = {}
        self._repeated: dict[str, list[str]] = {}
        self._paths: list[str] = []  # of the elements that are open, from the record's own
        self._texts: list[str] = []  # in each of them, until now
        self._leaf = False  # whether the innermost one holds no element

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        local = name.rpartition(":")[2]
        if not self._paths:
            if not self.has_begun:
                self.has_begun = True
                if local.lower() == "html":
                    self._refuse_web_page()
            if local != self._record:
                return
            self._line = self.parser.CurrentLineNumber
            path = ""
        else:
            if len(self._paths) > DEEPEST:
                self._refuse(
                    "too_deep", f"more than {DEEPEST} elements stand inside one another in one record"
                )
            above = self._paths[-1]
            path = f"{above}.{local}" if above else local
        self._paths.append(path)
        self._texts.append("")
        self._leaf = True
        for key, value in attributes.items():
            space, _, attribute = key.rpartition(":")
            if space not in ("xmlns", "xsi") and key != "xmlns":
                self._add(f"{path}@{attribute}", value)

    def _characters(self, text: str) -> None:
        if self._paths:
            self._texts[-1] += text

    def _end(self, name: str) -> None:
        if not self._paths:
            return
        path, text = self._paths.pop(), self._texts.pop()
        if self._leaf or text.strip():
            self._add(path or self._record, text)
        self._leaf = False
        if not self._paths:
            for repeated, values in self._repeated.items():
                self._values[repeated] = json.dumps(values, ensure_ascii=False)
            self.done.append((self._line, self._values))
            self._values = {}
            if self._repeated:
                self._repeated = {}

    def _add(self, path: str, text: str) -> None:
        """Elements of one name are given together, as a JSON list."""
        if path in self._values:
            self._repeated.setdefault(path, [self._values[path]]).append(text)
        else:
            self._values[path] = text

    def _doctype(self, name: str, *_: object) -> None:
        if name.lower() == "html":
            self._refuse_web_page()
        self._refuse(
            "doctype",
            "a document type (<!DOCTYPE …>) is declared, which may call for other files or swell without end",
            "Please send the file without it.",
        )

    def _refuse_web_page(self) -> None:
        self._refuse(
            "not_xml",
            "this is a web page, not the data (often an error or a log-in page saved under the file's name)",
            "Please send the file itself.",
        )

    def _refuse(self, rule: str, what: str, please: str = "Please send it in a flatter form.") -> None:
        line = self.parser.CurrentLineNumber
        raise UnreadableError(Problem(rule, f"line {line}: {what}. {please}", line=line))
