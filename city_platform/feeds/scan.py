"""Scan: what a file held, as far as its reader has found.

Belongs here: that shape. Does not belong here: any reader (records.py, formats/).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from city_platform.feeds.problems import Problem


@dataclass
class Scan:
    """What a file holds: its header, and the records that were written out with their line numbers."""

    header: list[str]
    header_line: int
    records: int = 0  # written out
    rejected: list[tuple[int, str, str]] = field(default_factory=list)  # line, whole text, reason
    blank_lines: int = 0
    notes: list[Problem] = field(default_factory=list)  # that hold nothing up
    # How what was written out is delimited and quoted, where it is not as in the dialect.
    delimiter: str | None = None
    quote: str | None = None

    def reject(self, line: int, text: str, reason: str) -> None:
        """Set a line aside, whole; a NUL byte is shown as \\0, for no database holds one."""
        self.rejected.append((line, text.rstrip("\r\n").replace("\0", "\\0"), reason))
