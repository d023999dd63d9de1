"""Formats: whatever an agency sends becomes text records that landing hands to DuckDB.

Belongs here: which reader reads a feed's bytes. Does not belong here: how each one reads (the modules of this folder,
and records.py for delimited text), types and rules (judge.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import PORTALS, Dialect, Feed
from city_platform.feeds.formats.relation import Relation
from city_platform.feeds.headers import other_names
from city_platform.feeds.records import number_records, refusing_cut_files
from city_platform.feeds.scan import Scan
from city_platform.settings import Settings

if TYPE_CHECKING:
    import duckdb

RELATIONS = ("geo", "parquet")  # formats that DuckDB reads itself: they are no text


def format_of(feed: Feed, sent: Path) -> str:
    """The format of a delivery's kept bytes: what its source hands over, or what the feed declares."""
    if feed.source.kind in PORTALS and sent.suffix == ".jsonl":
        return "json_lines"
    if feed.source.kind == "database" and sent.suffix == ".parquet":
        return "parquet"
    return feed.dialect.format


def read_relation(
    feed: Feed, settings: Settings, con: duckdb.DuckDBPyConnection, sent: Path, working: Path
) -> Relation:
    """The records of bytes that are no text, as a select of text columns in the order of the file.

    Raises UnreadableError for what is not what is declared. What is unpacked on the way stands in working.
    """
    sent = _member(feed, settings, sent, working / "member")
    if format_of(feed, sent) == "geo":
        from city_platform.feeds.formats.geo import read_features

        return read_features(con, feed, sent, working)
    from city_platform.feeds.formats.parquet import read_rows

    return read_rows(con, sent)


def read_records(
    feed: Feed, settings: Settings, sent: Path, target: Path, renames: Mapping[str, str] | None = None
) -> Scan:
    """Write the records of a feed's bytes to target, each after its line number, in the feed's dialect.

    Raises UnreadableError for what is not what is declared. What is unpacked on the way stands beside target.
    """
    form = format_of(feed, sent)
    # What a portal hands over has no dialect of its own, and leaves out what is empty.
    dialect = feed.dialect if form == feed.dialect.format else Dialect(format="json_lines")
    declared = list(feed.sent_columns())
    sent = _member(feed, settings, sent, target.with_name("member"))
    with refusing_cut_files(dialect):
        if form == "excel":
            from city_platform.feeds.formats.excel import number_rows

            return number_rows(
                _unlocked(feed, settings, sent, target), dialect, target, declared, feed.source.at_most_mb
            )
        if form == "json":
            from city_platform.feeds.formats.json_document import number_items

            return number_items(sent, dialect, target, declared)
        if form == "json_lines":
            from city_platform.feeds.formats.json_lines import number_objects

            return number_objects(
                sent,
                dialect,
                target,
                declared,
                absent_is_empty=form != feed.dialect.format,
                other_names=other_names(feed, renames or {}),
            )
        if form == "xml":
            from city_platform.feeds.formats.xml import number_elements

            return number_elements(sent, dialect, target, declared)
        if form == "fixed_width":
            from city_platform.feeds.formats.fixed_width import number_lines

            widths = [column.width or 0 for column in feed.columns.values()]
            return number_lines(sent, dialect, target, declared, widths)
        return number_records(sent, dialect, target, declared)


def _member(feed: Feed, settings: Settings, sent: Path, target: Path) -> Path:
    if not feed.source.member:
        return sent
    from city_platform.feeds.formats.zipped import unpack_member

    return unpack_member(feed.source, settings, sent, target)


def _unlocked(feed: Feed, settings: Settings, sent: Path, target: Path) -> Path:
    """The workbook itself, where it is behind a password; with a member, the password is the zip's."""
    if feed.source.member or not feed.source.password:
        return sent
    from city_platform.feeds.formats.locked import unlock

    return unlock(feed.source, settings, sent, target.with_name("unlocked"))
