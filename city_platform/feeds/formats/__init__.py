"""Formats: whatever an agency sends becomes the numbered CSV that landing hands to DuckDB.

Belongs here: which reader reads a feed's bytes. Does not belong here: how each one reads (the modules of this folder,
and records.py for delimited text), types and rules (judge.py).
"""

from __future__ import annotations

from pathlib import Path

from city_platform.feeds.declaration import Feed
from city_platform.feeds.records import Scan, number_records, refusing_cut_files
from city_platform.settings import Settings


def read_records(feed: Feed, settings: Settings, sent: Path, target: Path) -> Scan:
    """Write the records of a feed's bytes to target, each after its line number, in the feed's dialect.

    Raises UnreadableError for what is not what is declared. What is unpacked on the way stands beside target.
    """
    dialect, declared = feed.dialect, list(feed.columns)
    if feed.source.member:
        from city_platform.feeds.formats.zipped import unpack_member

        sent = unpack_member(feed.source, settings, sent, target.with_name("member"))
    with refusing_cut_files(dialect):
        if dialect.format == "excel":
            from city_platform.feeds.formats.excel import number_rows

            return number_rows(sent, dialect, target, declared, feed.source.at_most_mb)
        if dialect.format == "json_lines":
            from city_platform.feeds.formats.json_lines import number_objects

            return number_objects(sent, dialect, target, declared)
        if dialect.format == "xml":
            from city_platform.feeds.formats.xml import number_elements

            return number_elements(sent, dialect, target, declared)
        if dialect.format == "fixed_width":
            from city_platform.feeds.formats.fixed_width import number_lines

            widths = [column.width or 0 for column in feed.columns.values()]
            return number_lines(sent, dialect, target, declared, widths)
        return number_records(sent, dialect, target, declared)
