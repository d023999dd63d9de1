"""Writing: what each format's own reader reads back is what was written, and the same rows give the same bytes."""

from __future__ import annotations

import csv
import json
import sqlite3
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import pytest
from python_calamine import CalamineWorkbook

from city_platform.feeds.declaration import Feed
from city_platform.synthetic.writing import (
    write_database,
    write_file,
    write_record_types,
    zip_with_password,
)

# A comma, a quotation mark, a line break, an umlaut of cp1252, letters that it lacks, nothing at all; a mark of XML.
NAMES = ["Smith, John", 'O"Brien', "two\nlines", "Zoë", "Wiśniewski", None, "<R & D>", "  spaced  ", "007"]
ROWS = [(n, name, date(2026, 1, n), n * 1000) for n, name in enumerate(NAMES, start=1)]
QUERY = "select id, name, seen, pence from sent order by id"


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute("create table sent (id bigint, name varchar, seen date, pence bigint)")
        con.executemany("insert into sent values (?, ?, ?, ?)", ROWS)
        yield con


def feed(
    dialect: dict[str, Any] | None = None,
    source: dict[str, Any] | None = None,
    names: tuple[str, ...] = ("id", "name", "seen", "pence"),
    widths: tuple[int, ...] = (),
    seen_as: str = "%d/%m/%Y",
    **given: Any,
) -> Feed:
    number, name, seen, pence = names
    columns: dict[str, dict[str, Any]] = {
        number: {"type": "integer", "required": True, "class": "public", "meaning": "Number"},
        name: {"class": "personal", "meaning": "Name"},
        seen: {"type": "date", "format": seen_as, "class": "public", "meaning": "Day"},
        pence: {"type": "integer", "class": "public", "meaning": "Amount"},
    }
    for column, width in zip(columns.values(), widths, strict=False):
        column["width"] = width
    return Feed.model_validate(
        {
            "agency": "kennels",
            "name": "dogs",
            "title": "Dogs",
            "owner": "team:kennels",
            "licence": "made up",
            "source": source or {"file": "dogs.csv"},
            "key": [number],
            "columns": columns,
            "dialect": dialect or {},
            **given,
        }
    )


def expected(encoding: str = "utf-8") -> list[list[str]]:
    """What a text format holds: a missing value is nothing, a letter that the encoding lacks is a question mark."""
    return [
        [str(n), (name or "").encode(encoding, "replace").decode(encoding), f"{day:%d/%m/%Y}", str(pence)]
        for n, name, day, pence in ROWS
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", "*", "\t"])
def test_csv(con: duckdb.DuckDBPyConnection, tmp_path: Path, encoding: str, delimiter: str) -> None:
    path = tmp_path / "dogs.csv"
    write_file(con, feed({"encoding": encoding, "delimiter": delimiter}), QUERY, path)
    with path.open(encoding=encoding, newline="") as lines:
        header, *found = list(csv.reader(lines, delimiter=delimiter))
    assert header == ["id", "name", "seen", "pence"]
    assert found == expected(encoding)


def test_cp1252_replaces_what_it_cannot_hold(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.csv"
    write_file(con, feed({"encoding": "cp1252"}), QUERY, path)
    content = path.read_bytes()
    assert b"Zo\xeb" in content
    assert b"Wi?niewski" in content


def test_letters_survive_the_border_of_a_chunk(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("city_platform.synthetic.writing.CHUNK", 7)
    path = tmp_path / "dogs.csv"
    con.execute("update sent set name = repeat('ë', 50)")
    write_file(con, feed({"encoding": "cp1252"}), QUERY, path)
    assert path.read_bytes().count(b"\xeb" * 50) == len(ROWS)


def test_csv_without_header_and_with_titles(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.csv"
    write_file(
        con, feed({"header": False, "skip_lines": 2}), QUERY, path, ["Dogs of Eastmere", "by the warden"]
    )
    with path.open(encoding="utf-8", newline="") as lines:
        found = list(csv.reader(lines))
    assert found[:2] == [["Dogs of Eastmere"], ["by the warden"]]
    assert found[2:] == expected()


def test_json_lines(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.jsonl"
    dogs = feed({"format": "json_lines"}, names=("id", "keeper.name", "keeper.seen", "pence"))
    query = 'select id, name as "keeper.name", seen as "keeper.seen", pence from sent order by id'
    write_file(con, dogs, query, path)
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert found == [
        {"id": n, "keeper": {"name": name, "seen": day.strftime("%d/%m/%Y")}, "pence": pence}
        for n, name, day, pence in ROWS
    ]


def test_json_lines_write_dates_as_declared(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.jsonl"
    write_file(con, feed({"format": "json_lines"}), QUERY, path)
    found = [json.loads(line)["seen"] for line in path.read_text("utf-8").splitlines()]
    assert found == [row[2] for row in expected()]


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_fixed_width(con: duckdb.DuckDBPyConnection, tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "dogs.txt"
    con.execute("update sent set name = replace(name, chr(10), ' ')")  # a line break would end the record
    write_file(con, feed({"format": "fixed_width", "encoding": encoding}, widths=(4, 8, 10, 6)), QUERY, path)
    lines = path.read_bytes().decode(encoding).split("\r\n")
    assert lines.pop() == ""
    assert {len(line) for line in lines} == {28}
    found = [[line[:4], line[4:12], line[12:22], line[22:]] for line in lines]
    assert [[f.rstrip(" ") for f in row] for row in found] == [
        [n, name.replace("\n", " ")[:8].rstrip(" "), day, pence] for n, name, day, pence in expected(encoding)
    ]


def test_xml(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.xml"
    dogs = feed({"format": "xml", "record": "Dog"}, names=("id", "Keeper.Name", "Keeper.Seen", "pence"))
    query = 'select id, name as "Keeper.Name", seen as "Keeper.Seen", pence from sent order by id'
    write_file(con, dogs, query, path)
    root = ElementTree.parse(path).getroot()
    assert root.tag == "DogCollection"
    found = []
    for dog in root:
        assert dog.tag == "Dog"
        assert [child.tag for child in dog] == ["id", "Keeper", "pence"]
        texts = [dog.findtext(p) for p in ("id", "Keeper/Name", "Keeper/Seen", "pence")]
        found.append([t or "" for t in texts])
    assert found == expected()
    missing = root[NAMES.index(None)]
    assert missing.find("Keeper/Name") is None  # nothing known: no element


def test_excel(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "dogs.xlsx"
    dogs = feed({"format": "excel", "sheet": "Register", "skip_lines": 1})
    write_file(con, dogs, QUERY, path, ["Dogs of Eastmere"])
    book = CalamineWorkbook.from_path(path)
    assert book.sheet_names == ["Register"]
    title, header, *found = book.get_sheet_by_name("Register").to_python()
    assert title[0] == "Dogs of Eastmere"
    assert header == ["id", "name", "seen", "pence"]
    assert found == expected()  # as text: no zero in front is lost
    with zipfile.ZipFile(path) as parts:
        core = parts.read("docProps/core.xml").decode()
    assert core.count("2026-01-01T00:00:00Z") == 2  # made and changed: no clock was read


@pytest.mark.parametrize(
    "dialect, widths",
    [
        ({}, ()),
        ({"encoding": "cp1252", "delimiter": "*"}, ()),
        ({"format": "json_lines"}, ()),
        ({"format": "fixed_width"}, (4, 30, 10, 6)),
        ({"format": "xml", "record": "Dog"}, ()),
        ({"format": "excel"}, ()),
    ],
)
def test_the_same_rows_give_the_same_bytes(
    con: duckdb.DuckDBPyConnection,
    tmp_path: Path,
    dialect: dict[str, Any],
    widths: tuple[int, ...],
) -> None:
    first, second = tmp_path / "a", tmp_path / "b"
    write_file(con, feed(dialect, widths=widths), QUERY, first)
    con.execute("set threads = 1")
    write_file(con, feed(dialect, widths=widths), QUERY, second)
    assert first.read_bytes() == second.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b"]  # nothing half-written is left


def test_record_types(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "gazetteer.csv"
    both = [
        (
            feed({"header": False, "record_type": kind, "encoding": "utf-8"}, name=f"type_{kind}"),
            f"select id, name, seen, pence from sent where id % 2 = {n} order by id",
        )
        for n, kind in enumerate(("21", "24"))
    ]
    write_record_types(con, both, path, '10,"EASTMERE"')
    with path.open(encoding="utf-8", newline="") as lines:
        found = list(csv.reader(lines))
    assert found[0] == ["10", "EASTMERE"]
    assert found[-1][0] == "99"
    assert int(found[-1][2]) == len(ROWS) == len(found) - 2
    assert sorted(found[1:-1], key=lambda row: int(row[0])) == expected()
    assert [p.name for p in tmp_path.iterdir()] == ["gazetteer.csv"]


def test_zip_opens_with_its_password_only(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.csv", tmp_path / "packed.zip"
    content = b"".join(b"%d,a line of the fraud exercise\r\n" % n for n in range(3000))
    plain.write_bytes(content)
    zip_with_password(plain, "housing benefit.csv", packed, "correct horse", b"twelve bytes")
    with zipfile.ZipFile(packed) as archive:
        assert archive.namelist() == ["housing benefit.csv"]
        assert archive.getinfo("housing benefit.csv").flag_bits & 1
        assert archive.read("housing benefit.csv", pwd=b"correct horse") == content
        for wrong in (b"correct hors", b"Correct horse", b"battery staple", b""):
            with pytest.raises((RuntimeError, zipfile.BadZipFile, zlib.error)):
                archive.read("housing benefit.csv", pwd=wrong)
    assert b"fraud exercise" not in packed.read_bytes()
    again = tmp_path / "again.zip"
    zip_with_password(plain, "housing benefit.csv", again, "correct horse", b"twelve bytes")
    assert again.read_bytes() == packed.read_bytes()


def test_an_empty_file_can_be_locked(tmp_path: Path) -> None:
    plain, packed = tmp_path / "plain.csv", tmp_path / "packed.zip"
    plain.write_bytes(b"")
    zip_with_password(plain, "empty.csv", packed, "x", b"twelve bytes")
    with zipfile.ZipFile(packed) as archive:
        assert archive.read("empty.csv", pwd=b"x") == b""


def test_a_database_table_is_replaced(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = tmp_path / "kennels.sqlite"
    dogs = feed(source={"database": "kennels", "table": "dog"})

    def held() -> list[tuple[Any, ...]]:
        with sqlite3.connect(path) as reader:
            return reader.execute("select id, name, seen, pence from dog order by id").fetchall()

    write_database(con, dogs, QUERY, f"sqlite:///{path}")
    assert held() == [(n, name, day.isoformat(), pence) for n, name, day, pence in ROWS]
    write_database(
        con, dogs, "select id, name, seen, pence + 1 as pence from sent where id < 3", f"sqlite:///{path}"
    )
    assert [(row[0], row[3]) for row in held()] == [(1, 1001), (2, 2001)]
    with sqlite3.connect(path) as reader:
        assert reader.execute("select name from sqlite_master where type = 'table'").fetchall() == [("dog",)]
        with pytest.raises(sqlite3.IntegrityError):
            reader.execute("insert into dog (id) values (1)")  # the feed's key is the table's
