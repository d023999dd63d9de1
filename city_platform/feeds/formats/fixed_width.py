"""Fixed width: text whose columns each take so many characters of a line.

Belongs here: lines to values by the declared widths. Does not belong here: bytes to lines (lines.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from pathlib import Path

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.lines import LINE_ENDS, cut_short, numbered_lines
from city_platform.feeds.formats.writing import RecordWriter
from city_platform.feeds.problems import UnreadableError
from city_platform.feeds.records import empty_file, refuse_web_page
from city_platform.feeds.scan import Scan


def number_lines(
    path: Path, dialect: Dialect, target: Path, declared: Sequence[str], widths: Sequence[int]
) -> Scan:
    """Write the lines of path to target as numbered records.

    A line may be shorter than all widths together where its last columns are empty and their spaces were left out.
    """
    total = sum(widths)
    places = [slice(end - width, end) for end, width in zip(accumulate(widths), widths, strict=True)]
    scan: Scan | None = None
    with target.open("w", encoding="utf-8", newline="") as out:
        for number, line in numbered_lines(path, dialect):
            text = line.rstrip("\r\n")
            if scan is None and text.strip():
                refuse_web_page(number, line, "not_fixed_width", "a file of columns of fixed width")
            if number <= dialect.skip_lines or (scan is None and not text.strip()):
                continue
            if scan is None:
                scan = Scan(list(declared), number)
                writer = RecordWriter(out, scan)
                if dialect.has_header:
                    scan.header = [text[place].strip() for place in places]
                    continue
            if not text:
                scan.blank_lines += 1
            elif len(text) > total and text[total:].strip(" "):
                scan.reject(number, text, f"longer than {total:,} characters")
            elif len(text) < total and text.endswith(" "):
                scan.reject(number, text, f"shorter than {total:,} characters")
            elif len(text) <= total - widths[-1] and not line.endswith(LINE_ENDS):
                raise cut_short(number, f"has {len(text):,} of {total:,} characters")
            else:
                writer.write(number, [text[place].rstrip(" ") for place in places], text)
    if scan is None:
        raise UnreadableError(empty_file())
    return scan
