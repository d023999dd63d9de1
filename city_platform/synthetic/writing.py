"""Writing: puts a table of records into the file, or the database, that an agency would send.

Belongs here: formats, as the feed's own declaration states them. Does not belong here: what is in the records
(feeds/), which day they are sent (deliveries.py).

The same rows give the same bytes: archives and workbooks carry a fixed time.
"""

from __future__ import annotations

import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import Feed
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

CHUNK = 1 << 20
ROWS = 20_000  # fetched at a time
ZIP_TIME = (0 << 11 | 0 << 5, (2026 - 1980) << 9 | 1 << 5 | 1)  # midnight, 1 January 2026


def write_file(
    con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path, titles: Sequence[str] = ()
) -> None:
    """Write the rows of a query (one column a declared column, in order) to a file in the feed's format.

    titles: lines that stand above the header, as many as the feed's declaration skips.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    kind = feed.dialect.format
    if kind == "csv":
        _write_csv(con, feed, _as_text(feed, rows), part, titles)
    elif kind == "json_lines":
        _write_json_lines(con, feed, rows, part)
    elif kind == "fixed_width":
        _write_fixed_width(con, feed, _as_text(feed, rows), part)
    elif kind == "xml":
        _write_xml(con, feed, _as_text(feed, rows), part)
    else:
        _write_excel(con, feed, _as_text(feed, rows), part, titles)
    os.replace(part, path)


def write_record_types(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[tuple[Feed, str]], path: Path, header: str
) -> None:
    """Write the records of several feeds into the one file that holds them all, with its header and trailer.

    feeds: each with its query. The trailer counts the lines between itself and the header.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    piece = path.with_name(f".{path.name}.piece")
    count = 0
    with part.open("wb") as out:
        out.write(f"{header}\r\n".encode())
        for feed, rows in feeds:
            dialect = feed.dialect
            count += _copy(con, _as_text(feed, rows), piece, dialect.delimiter, has_header=False)
            with piece.open("rb") as lines:
                shutil.copyfileobj(lines, out, CHUNK)
        out.write(f"99,0,{count},2026-06-30,00:00:00\r\n".encode())
    piece.unlink()
    os.replace(part, path)


def write_database(con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, url: str) -> None:
    """Replace the feed's table in a database by the rows of a query."""
    import sqlalchemy as sa

    kinds: dict[str, Any] = {"integer": sa.BigInteger, "number": sa.Float, "date": sa.Date}
    engine = sa.create_engine(url)
    key = feed.key if feed.key != "content" else ()
    columns = [
        sa.Column(name, kinds.get(c.type, sa.Text)(), primary_key=name in key, autoincrement=False)
        for name, c in feed.columns.items()
    ]
    table = sa.Table(str(feed.source.table), sa.MetaData(), *columns)
    names = list(feed.columns)
    found = con.execute(rows)
    with engine.begin() as target:
        table.drop(target, checkfirst=True)
        table.create(target)
        while chunk := found.fetchmany(ROWS):
            target.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in chunk])
    engine.dispose()


def zip_with_password(path: Path, member: str, target: Path, password: str, salt: bytes) -> None:
    """Pack one file the way that agencies still lock them: PKWARE's old cipher, which every tool opens.

    It protects nothing (and that is why it is here); libraries that write it draw their twelve first bytes at random,
    which would make each file differ. salt: these twelve bytes.
    """
    content = path.read_bytes()
    checksum = zlib.crc32(content)
    packer = zlib.compressobj(6, zlib.DEFLATED, -15)
    packed = packer.compress(content) + packer.flush()
    locked = _lock(salt[:11] + bytes([checksum >> 24]) + packed, password.encode())
    name = member.encode()
    # version 2.0; flag 1: locked; method 8: deflated
    common = struct.pack(
        "<HHHHHIIIHH", 20, 1, 8, *ZIP_TIME, checksum, len(locked), len(content), len(name), 0
    )
    entry = struct.pack("<I", 0x04034B50) + common + name + locked
    listing = struct.pack("<IH", 0x02014B50, 20) + common + struct.pack("<HHHII", 0, 0, 0, 0, 0) + name
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(listing), len(entry), 0)
    target.write_bytes(entry + listing + end)


def _lock(content: bytes, password: bytes) -> bytes:
    """The cipher: three keys that turn with each byte. Written out in one loop, since each byte waits for the last."""
    table = []
    for n in range(256):
        for _ in range(8):
            n = n >> 1 ^ (0xEDB88320 if n & 1 else 0)
        table.append(n)
    a, b, c = 0x12345678, 0x23456789, 0x34567890
    for byte in password:
        a = table[(a ^ byte) & 255] ^ a >> 8
        b = (b + (a & 255)) * 134775813 + 1 & 0xFFFFFFFF
        c = table[(c ^ b >> 24) & 255] ^ c >> 8
    locked = bytearray(len(content))
    for place, byte in enumerate(content):
        mask = c & 0xFFFF | 2
        locked[place] = byte ^ (mask * (mask ^ 1) >> 8 & 255)
        a = table[(a ^ byte) & 255] ^ a >> 8
        b = (b + (a & 255)) * 134775813 + 1 & 0xFFFFFFFF
        c = table[(c ^ b >> 24) & 255] ^ c >> 8
    return bytes(locked)


def _as_text(feed: Feed, rows: str) -> str:
    """The same rows, each value as the text that the agency would write."""
    values = []
    for name, column in feed.columns.items():
        quoted = f'"{name}"'
        if column.formats:
            values.append(f"strftime({quoted}, {quote_text(column.formats[0])}) as {quoted}")
        else:
            values.append(f"{quoted}::varchar as {quoted}")
    return f"select {', '.join(values)} from ({rows})"


def _write_csv(
    con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path, titles: Sequence[str]
) -> None:
    dialect = feed.dialect
    plain = path.with_name(f"{path.name}.utf8")
    _copy(con, rows, plain, dialect.delimiter, has_header=dialect.has_header, quote=dialect.quote)
    with plain.open("rb") as source, path.open("wb") as target:
        for title in titles:
            target.write(f"{title}\r\n".encode(dialect.encoding, "replace"))
        if dialect.encoding.lower().startswith("utf"):
            shutil.copyfileobj(source, target, CHUNK)
        else:
            import codecs

            # A letter that the encoding does not hold is a question mark, as it is in the files that agencies send.
            for text in codecs.iterdecode(iter(lambda: source.read(CHUNK), b""), "utf-8"):
                target.write(text.encode(dialect.encoding, "replace"))
    plain.unlink()


def _copy(
    con: duckdb.DuckDBPyConnection,
    rows: str,
    path: Path,
    delimiter: str,
    has_header: bool,
    quote: str | None = '"',
) -> int:
    quote = quote or ""
    done = con.execute(
        f"copy ({rows}) to {quote_text(str(path))} (format csv, header {str(has_header).lower()}, "
        f"delimiter {quote_text(delimiter)}, quote {quote_text(quote)}, escape {quote_text(quote)}, nullstr '')"
    ).fetchone()
    return int(done[0]) if done else 0


def _write_json_lines(con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path) -> None:
    written = {
        name: f'strftime("{name}", {quote_text(c.formats[0])})' if c.formats else f'"{name}"'
        for name, c in feed.columns.items()
    }
    groups: dict[str, list[str]] = {}
    for name in feed.columns:
        groups.setdefault(name.split(".")[0], []).append(name)
    fields = []
    for group, names in groups.items():
        if names == [group]:
            fields.append(f'{written[group]} as "{group}"')
        else:
            inner = ", ".join(f'"{n.split(".", 1)[1]}" := {written[n]}' for n in names)
            fields.append(f'struct_pack({inner}) as "{group}"')
    con.execute(f"copy (select {', '.join(fields)} from ({rows})) to {quote_text(str(path))} (format json)")


def _write_fixed_width(con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path) -> None:
    line = " || ".join(
        f"rpad(left(coalesce(\"{name}\", ''), {c.width}), {c.width}, ' ')" for name, c in feed.columns.items()
    )
    encoding = feed.dialect.encoding
    with path.open("wb") as target:
        for row in _rows(con, f"select {line} from ({rows})"):
            target.write(f"{row[0]}\r\n".encode(encoding, "replace"))


def _write_xml(con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path) -> None:
    from xml.sax.saxutils import escape

    names = list(feed.columns)
    root = f"{feed.dialect.record}Collection"
    with path.open("w", encoding="utf-8", newline="") as out:
        out.write(f'<?xml version="1.0" encoding="utf-8"?>\n<{root}>\n')
        for row in _rows(con, rows):
            out.write(f"  <{feed.dialect.record}>\n")
            open_group = ""
            for name, value in zip(names, row, strict=True):
                group, _, field = name.rpartition(".")
                if group != open_group:
                    out.write(f"    </{open_group}>\n" if open_group else "")
                    out.write(f"    <{group}>\n" if group else "")
                    open_group = group
                if value is not None:
                    out.write(f"    <{field}>{escape(value)}</{field}>\n")
            out.write(f"    </{open_group}>\n" if open_group else "")
            out.write(f"  </{feed.dialect.record}>\n")
        out.write(f"</{root}>\n")


def _write_excel(
    con: duckdb.DuckDBPyConnection, feed: Feed, rows: str, path: Path, titles: Sequence[str]
) -> None:
    from datetime import datetime

    import xlsxwriter

    book = xlsxwriter.Workbook(str(path), {"constant_memory": True, "strings_to_numbers": False})
    book.set_properties({"created": datetime(2026, 1, 1)})
    sheet = book.add_worksheet(feed.dialect.sheet or "Sheet1")
    above = [*([t] for t in titles), list(feed.columns)]
    for n, row in enumerate(above):
        sheet.write_row(n, 0, row)
    for n, values in enumerate(_rows(con, rows), start=len(above)):
        for column, value in enumerate(values):
            if value is not None:
                sheet.write_string(n, column, value)
    book.close()


def _rows(con: duckdb.DuckDBPyConnection, sql: str) -> Iterable[tuple[Any, ...]]:
    found = con.execute(sql)
    while chunk := found.fetchmany(ROWS):
        yield from chunk
