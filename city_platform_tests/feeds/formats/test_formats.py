"""Formats: what other programs write comes back exactly, every line has its fate, and what is wrong is said."""

from __future__ import annotations

import base64
import gzip
import io
import json
import re
import struct
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import date, datetime
from datetime import time as clock
from typing import Any
from xml.etree import ElementTree

import pytest
import pyzipper
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city_platform.feeds import landing
from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError, UnreadableError
from city_platform.settings import Settings, SettingsError
from city_platform_tests.feeds.small_feed import Bench, csv_text, licences, new_bench, small_feed

NAMES = ["a", "b", "c"]
FEW = settings(
    max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
Records = list[tuple[int, list[str]]]
Rejected = list[tuple[int, str, str]]


class Read:
    """What a file came to."""

    def __init__(self, bench: Bench, landed: landing.Landed, names: list[str]) -> None:
        listed = ", ".join(f'"{n}"' for n in names)
        rows = bench.rows(
            f"select file_row_number + _line_shift as _line, {listed} "
            f"from read_parquet('{landed.records}', file_row_number = true) order by _line"
        )
        self.records: Records = [(n, [v or "" for v in values]) for n, *values in rows]
        self.rejected: Rejected = []
        if landed.rejected:
            found = bench.rows(f"select _line, _text, _reason from '{landed.rejected}' order by _line")
            self.rejected = [(n, text, reason) for n, text, reason in found]
        self.problems = [p.rule for p in landed.problems]
        assert landed.rows == len(self.records) + len(self.rejected), "a row is not accounted for"


class Reader:
    """Lands files of three text columns."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.path = bench.folder / "sent"

    def read(
        self,
        content: bytes | str,
        names: list[str] | None = None,
        shown: list[str] | None = None,
        source: dict[str, Any] | None = None,
        width: int | None = None,
        **dialect: Any,
    ) -> Read:
        self.path.write_bytes(content.encode() if isinstance(content, str) else content)
        columns = {n: {"meaning": "Text", "class": "public", "width": width} for n in names or NAMES}
        feed = small_feed(
            key="content", columns=columns, dialect=dialect, source={"file": "dogs"} | (source or {})
        )
        landed = landing.land(self.bench.con, feed, self.bench.settings, "d_1", self.path)
        return Read(self.bench, landed, shown or names or NAMES)

    def refused(self, content: bytes | str, **how: Any) -> tuple[str, int | None, str]:
        with pytest.raises(UnreadableError) as error:
            self.read(content, **how)
        problem = error.value.problem
        assert problem.message.endswith((".", ").")), problem.message
        return problem.rule, problem.line, problem.message


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with new_bench(tmp_path_factory.mktemp("formats")) as bench:
        yield Reader(bench)


def texts(without: str = "\0", max_size: int = 8) -> st.SearchStrategy[str]:
    return st.text(
        st.sampled_from("\"',;\n\r \\#1é€<>&]{}[:.\u2028\x85")
        | st.characters(exclude_categories=["Cs"], exclude_characters=without),
        max_size=max_size,
    ).filter(lambda text: not set(text) & set(without))


def tables(
    values: st.SearchStrategy[str], width: int = 3, min_size: int = 1
) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(values, min_size=width, max_size=width), min_size=min_size, max_size=5)


# Delimited text without a header, with titles


def test_without_a_header_columns_are_matched_by_place(reader: Reader) -> None:
    read = reader.read("1,2,3\n4,5\n\n6,7,8,9\n6,7,8,\n7,8,9", header=False)
    assert read.records == [(1, ["1", "2", "3"]), (6, ["7", "8", "9"])]
    assert read.rejected == [
        (2, "4,5", "too few columns"),
        (4, "6,7,8,9", "too many columns"),
        (5, "6,7,8,", "too many columns"),
    ]
    assert read.problems == ["blank_lines"]


@FEW
@given(
    rows=tables(texts()),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    titles=st.integers(0, 3),
    named=st.booleans(),
)
def test_titles_are_skipped_and_lines_stay_physical(
    reader: Reader, rows: list[list[str]], end: str, titles: int, named: bool
) -> None:
    rows[0][0] += "x"  # an empty line before the first record is none
    body = csv_text(map(tuple, rows), NAMES, end)
    if not named:
        body = body.removeprefix(",".join(NAMES) + end)
    line = titles + named + 1
    expected = []
    for row in rows:
        expected.append((line, row))
        line += 1 + sum(len(re.findall("\r\n|\r|\n", v)) for v in row)
    content = ('Dogs, "all of them' + end) * titles + body
    read = reader.read(content, header=named, skip_lines=titles)
    assert (read.records, read.rejected) == (expected, [])


def test_a_byte_order_mark_before_a_first_record_is_no_value(reader: Reader) -> None:
    for encoding, mark in (("utf-8", "\ufeff"), ("utf-16-le", "\ufeff"), ("utf-16", "")):
        content = f"{mark}1,2,3\n".encode(encoding)
        assert reader.read(content, header=False, encoding=encoding).records == [(1, ["1", "2", "3"])]


@pytest.mark.parametrize("header", [True, False])
def test_a_wrong_byte_is_found_below_titles(reader: Reader, header: bool) -> None:
    names = b"a,b,c\n" if header else b""
    content = b'Title "x\n\n' + names + b"1,\xe9,3\n"
    rule, line, message = reader.refused(content, header=header, skip_lines=2)
    assert (rule, line) == ("wrong_encoding", 3 + header)
    assert f"line {line}, column b: byte 0xE9 is not UTF-8" in message
    assert reader.refused(b"Titl\xe9\n" + content, header=header, skip_lines=3)[1] == 1


@pytest.mark.parametrize("content", ["", "\n\n", "Title\n", "Title\n\n\n"])
def test_titles_alone_are_an_empty_file(reader: Reader, content: str) -> None:
    assert reader.refused(content, header=False, skip_lines=1)[0] == "empty_file"


def test_a_web_page_is_no_title(reader: Reader) -> None:
    assert reader.refused("<html>\n<body>\n", header=False, skip_lines=1)[:2] == ("not_csv", 1)


# Several record types in one file

DTF: dict[str, Any] = {
    "header": False,
    "record_type": "21",
    "record_types": ["10", "11", "21", "24", "99"],
    "trailer": {"type": "99", "count": 3},
}
GAZETTEER = '10,"Town",1\n11,I,7,8,9\n21,I,100\n24,"two\n21,lines",1\n21,"I",200\n99,0,4,2014-01-01\n'


def test_only_lines_of_the_type_are_records_and_the_trailer_is_checked(reader: Reader) -> None:
    read = reader.read(GAZETTEER, **DTF)
    assert read.records == [(3, ["21", "I", "100"]), (6, ["21", "I", "200"])]
    assert (read.rejected, read.problems) == ([], [])


def test_a_line_of_no_known_type_is_kept_and_said_and_another_feeds_is_not(reader: Reader) -> None:
    spoilt = GAZETTEER.replace("11,I,7,8,9", '77,I\n11,"torn').replace(",4,", ",5,")
    read = reader.read(spoilt, **DTF)
    assert read.rejected == [(2, "77,I", "its first field is none of the file's record types")]
    assert [n for n, _ in read.records] == [4, 7]
    free = {k: v for k, v in DTF.items() if k != "record_types"}
    assert reader.read(spoilt, **free).rejected == []
    torn = reader.read(GAZETTEER.replace("21,I,100", '21,I,"100'), **DTF)
    assert [(n, text) for n, text, _ in torn.rejected] == [(3, '21,I,"100')]


@pytest.mark.parametrize(
    ("old", "new", "rule", "line", "words"),
    [
        ("99,0,4,2014-01-01\n", "", "no_trailer", 6, "the file ends at line 6 without its trailer (a line of type 99)"),
        ("21,I,100\n", "", "trailer_count", 6, "line 6, field 3: the trailer tells of 4 records, and the file holds 3"),
        ("99,0,4", "99,0,four", "trailer_count", 7, "the trailer tells no number, and the file holds 4"),
        ("99,0,4,2014-01-01\n", "99,0", "trailer_count", 7, "tells no number"),
        ("99,0,4", f"99,0,{'9' * 5000}", "trailer_count", 7, "tells no number"),
        ("2014-01-01\n", "2014-01-01\n21,I,300\n", "trailer_count", 7, "tells of 4 records, and the file holds 5"),
    ],
)  # fmt: skip
def test_a_file_that_its_trailer_belies_is_refused(
    reader: Reader, old: str, new: str, rule: str, line: int, words: str
) -> None:
    found = reader.refused(GAZETTEER.replace(old, new), **DTF)
    assert found[:2] == (rule, line)
    assert words in found[2]


def test_a_trailer_without_a_line_end_is_whole(reader: Reader) -> None:
    assert len(reader.read(GAZETTEER.rstrip("\n"), **DTF).records) == 2


@FEW
@given(
    kinds=st.lists(st.sampled_from(["11", "21", "24", "77"]), min_size=1, max_size=12),
    value=texts(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_line_of_every_type_is_read_by_one_feed_or_rejected(
    reader: Reader, kinds: list[str], value: str, end: str
) -> None:
    rows = [("10", "", ""), *((k, str(n), value) for n, k in enumerate(kinds)), ("99", "0", str(len(kinds)))]
    content = csv_text(rows, ["x"], end).removeprefix("x" + end)
    taken: list[str] = []
    for kind in ("11", "21", "24"):
        read = reader.read(content, **(DTF | {"record_type": kind}))
        assert {v[2] for _, v in read.records} <= {value}
        taken += [v[1] for _, v in read.records]
        assert len(read.rejected) == kinds.count("77")
    assert sorted(taken) == sorted(str(n) for n, k in enumerate(kinds) if k != "77")


# Excel


def workbook(rows: list[list[Any]], sheet: str = "Dogs", before: str | None = None) -> bytes:
    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        if before:
            book.add_worksheet(before).write_row(0, 0, ["other"])
        page = book.add_worksheet(sheet)
        days = book.add_format({"num_format": "dd/mm/yyyy"})
        times = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        clocks = book.add_format({"num_format": "hh:mm"})
        for y, row in enumerate(rows):
            for x, value in enumerate(row):
                if isinstance(value, str):
                    page.write_string(y, x, value)
                elif isinstance(value, datetime):
                    page.write_datetime(y, x, value, times)
                elif isinstance(value, date):
                    page.write_datetime(y, x, value, days)
                elif isinstance(value, clock):
                    page.write_datetime(y, x, value, clocks)
                else:
                    page.write(y, x, value)
    return out.getvalue()


def test_cells_become_the_text_that_a_csv_file_would_hold(reader: Reader) -> None:
    rows: list[list[Any]] = [
        ["All dogs"], [], NAMES,
        [1, 2.5, True], [date(2014, 3, 1), datetime(2014, 3, 1, 13, 30), datetime(2014, 3, 1)],
        [None, None, None], [clock(13, 30), "=1+1", "00012"], [123456789012, 1e22, -0.125], [None, "x", None],
    ]  # fmt: skip
    read = reader.read(workbook(rows), format="excel", skip_lines=1)
    assert read.records == [
        (4, ["1", "2.5", "true"]),
        (5, ["2014-03-01", "2014-03-01 13:30:00", "2014-03-01"]),
        (7, ["13:30:00", "=1+1", "00012"]),
        (8, ["123456789012", "10000000000000000000000", "-0.125"]),
        (9, ["", "x", ""]),
    ]
    assert (read.rejected, read.problems) == ([], ["blank_lines"])


# xlsxwriter strips nothing; XML itself turns \r into \n, and Excel spells control characters as _x0001_.
@FEW
@given(rows=tables(texts("\0\r").map(lambda t: "".join(c for c in t if c >= " " or c in "\n\t"))))
def test_every_text_of_a_workbook_comes_back_with_its_row(reader: Reader, rows: list[list[str]]) -> None:
    rows = [[v.replace("_x", "").replace("\ufffe", "").replace("\uffff", "") for v in row] for row in rows]
    read = reader.read(workbook([NAMES, *rows]), format="excel")
    assert read.records == [(n, r) for n, r in enumerate(rows, start=2) if any(r)]
    assert read.rejected == []


def test_a_value_beyond_the_last_column_costs_its_own_row(reader: Reader) -> None:
    content = workbook([NAMES, [1, 2, 3], [4, 5, 6, None, "note"], [7]])
    read = reader.read(content, format="excel")
    assert read.records == [(2, ["1", "2", "3"]), (4, ["7", "", ""])]
    assert read.rejected == [(3, "4,5,6,,note", "too many columns")]
    bare = reader.read(content, format="excel", header=False)
    assert [n for n, _ in bare.records] == [1, 2, 4]


def test_the_named_sheet_is_read_and_rows_are_those_of_the_sheet(reader: Reader) -> None:
    content = workbook([[], [], [None, "x", "y"], [None, 1, 2]], before="Notes")
    read = reader.read(content, ["x", "y"], format="excel", sheet="Dogs")
    assert read.records == [(4, ["1", "2"])]
    assert read.problems == ["added_column"]  # the column left of it has no name
    rule, _, message = reader.refused(content, format="excel", sheet="Cats")
    assert rule == "no_sheet"
    assert "holds no sheet 'Cats'; it holds: Notes, Dogs." in message
    assert "column 'a' is" in reader.refused(workbook([["b", "c"], [1, 2]]), format="excel")[2]


@pytest.mark.parametrize(
    ("make", "rule", "words"),
    [
        (lambda: b"", "empty_file", "the file is empty"),
        (lambda: workbook([]), "empty_file", "the file is empty"),
        (lambda: b"a,b,c\n", "not_excel", "this is not an Excel workbook"),
        (lambda: b"\xd0\xcf\x11\xe0" + bytes(600), "cut_short", "the workbook cannot be opened"),
        (lambda: workbook([NAMES, [1, 2, 3]])[:-900], "cut_short", "the workbook cannot be opened"),
        (lambda: zip_of({"a.txt": b"x"}), "cut_short", "the workbook cannot be opened"),
    ],
    ids=["nothing", "an empty sheet", "text", "old", "cut", "another zip"],
)  # fmt: skip
def test_what_is_no_workbook_is_said(
    reader: Reader, make: Callable[[], bytes], rule: str, words: str
) -> None:
    found = reader.refused(make(), format="excel")
    assert found[0] == rule
    assert words in found[2]


def test_a_workbook_that_swells_is_not_unpacked(reader: Reader) -> None:
    content = workbook([NAMES, *[["x" * 30_000, "", ""]] * 300])
    rule, _, message = reader.refused(content, format="excel", source={"at_most_mb": 0.01})
    assert rule == "too_large"
    assert "source.at_most_mb" in message


@FEW
@given(where=st.floats(0, 1), put=st.binary(max_size=4), cut=st.integers(0, 40))
def test_a_spoilt_workbook_is_read_or_refused_in_words(
    reader: Reader, where: float, put: bytes, cut: int
) -> None:
    whole = workbook([NAMES, [1, "two", 3.5]])
    at = int(where * len(whole))
    try:
        reader.read(whole[:at] + put + whole[at + cut :], format="excel")
    except UnreadableError as error:
        assert error.problem.rule != "lines_unaccounted"


# JSON lines

JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**20), 10**20) | texts(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(texts(), inner, max_size=2),
    max_leaves=4,
)


def json_text(value: Any) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


@FEW
@given(
    rows=st.lists(st.fixed_dictionaries(dict.fromkeys(NAMES, JSON_VALUES)), min_size=1, max_size=5),
    is_packed=st.booleans(),
    is_ascii=st.booleans(),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_every_json_value_comes_back_as_its_text(
    reader: Reader, rows: list[dict[str, Any]], is_packed: bool, is_ascii: bool, end: str
) -> None:
    content = "".join(json.dumps(row, ensure_ascii=is_ascii) + end for row in rows).encode()
    read = reader.read(gzip.compress(content) if is_packed else content, format="json_lines")
    assert read.rejected == []
    assert read.records == [(n, [json_text(row[c]) for c in NAMES]) for n, row in enumerate(rows, 1)]


def test_numbers_keep_their_digits(reader: Reader) -> None:
    read = reader.read('{"a": 0.10, "b": 12345678901234567890.12345, "c": 7}\n', format="json_lines")
    assert read.records == [(1, ["0.10", "12345678901234567890.12345", "7"])]


def test_keys_inside_are_named_with_dots_and_what_is_not_declared_stays_in_raw(reader: Reader) -> None:
    lines = [
        {"id": 1, "vehicle": {"registration": "AB12 CDE", "maker": {"name": "X"}}, "tags": ["x", {"y": 1.5}]},
        {"id": 2, "vehicle": None},
        {"id": 3, "vehicle": "none", "extra": False},
        {"id": 4, "vehicle": {"maker": None, "colour": "red"}},
    ]
    read = reader.read(
        "\n".join(map(json.dumps, lines)),
        ["id", "vehicle.registration", "vehicle.maker.name", "tags"],
        shown=[
            "id",
            "vehicle.registration",
            "vehicle.maker.name",
            "tags",
            "vehicle",
            "extra",
            "vehicle.colour",
        ],
        format="json_lines",
    )
    assert [values for _, values in read.records] == [
        ["1", "AB12 CDE", "X", '["x",{"y":1.5}]', "", "", ""],
        ["2", "", "", "", "", "", ""],
        ["3", "", "", "", "none", "false", ""],
        ["4", "", "", "", "", "", "red"],
    ]
    assert read.problems == ["added_column"] * 3


def test_a_key_that_some_lines_have_is_null_in_the_others_and_one_that_none_has_is_missing(
    reader: Reader,
) -> None:
    read = reader.read('\n{"a": 1}\n{"b": 2, "c": 3}\n', format="json_lines")
    assert read.records == [(2, ["1", "", ""]), (3, ["", "2", "3"])]
    rule, line, message = reader.refused('\n{"a": 1}\n{"b": 2, "cc": 1}\n', format="json_lines")
    assert (rule, line) == ("missing_column", 2)
    assert "line 2: column 'c' is missing. Column 'cc' is new: was 'c' renamed?" in message


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("[1, 2]", "not a JSON object"),
        ("7", "not a JSON object"),
        ('{"a": 1', "not a JSON object"),
        ('{"a": NaN}', "not a JSON object"),
        ("{'a': 1}", "not a JSON object"),
        ('{"a":' + "[" * 100_000, "not a JSON object"),
        ('{"a": ' + "9" * 5000 + "}", "not a JSON object"),
        ('{"a": 1, "a": 2}', "a key stands twice in one object"),
        ('{"a": {"x": 1, "x": 2}}', "a key stands twice in one object"),
        ('{"a": "\\u0000"}', "a NUL byte"),
        ('{"a": "\\ud800"}', "half a character"),
        ('{"a": "x\0"}', "not a JSON object"),
    ],
)
def test_a_line_that_is_no_object_is_rejected_whole_with_a_reason(
    reader: Reader, line: str, reason: str
) -> None:
    good = '{"a": 1, "b": 2, "c": 3}'
    read = reader.read(f"{good}\n{line}\n{good}\n", format="json_lines")
    assert read.rejected == [(2, line.replace("\0", "\\0"), reason)]
    assert [n for n, _ in read.records] == [1, 3]


@pytest.mark.parametrize(
    ("content", "rule", "line", "words"),
    [
        (b"", "empty_file", None, "the file is empty"),
        (b"\n \n", "empty_file", None, "the file is empty"),
        (
            b'[\n{"a": 1},\n{"a": 2}\n]\n',
            "not_json_lines",
            1,
            "this is one JSON array, not one object a line",
        ),
        (b"<!DOCTYPE html>\n", "not_json_lines", 1, "web page, not a file of JSON lines"),
        (b'{"a": 1}\n{"a": ', "cut_short", 2, "line 2 is no whole JSON object and has no line end"),
        (b'{"a": 1}\n{"a": "\xe9"}\n', "wrong_encoding", 2, "line 2: byte 0xE9 is not UTF-8"),
        (
            gzip.compress(b'{"a": 1}\n' * 9000)[:60],
            "cut_short",
            None,
            ".gz file cannot be unpacked to its end",
        ),
    ],
)
def test_what_are_no_json_lines_is_said(
    reader: Reader, content: bytes, rule: str, line: int | None, words: str
) -> None:
    found = reader.refused(content, format="json_lines")
    assert found[:2] == (rule, line)
    assert words in found[2]


# XML

XML_TEXT = texts("\0").map(
    lambda t: "".join(c for c in t if c in "\t\n" or (c >= " " and c not in "\ufffe\uffff"))
)


@FEW
@given(
    rows=tables(XML_TEXT),
    encoding=st.sampled_from(["utf-8", "utf-16", "iso-8859-1"]),
    is_packed=st.booleans(),
)
def test_every_text_of_xml_comes_back(
    reader: Reader, rows: list[list[str]], encoding: str, is_packed: bool
) -> None:
    root = ElementTree.Element("Dogs")
    for row in rows:
        dog = ElementTree.SubElement(root, "Dog")
        for name, value in zip(NAMES, row, strict=True):
            ElementTree.SubElement(dog, name).text = value
        dog.tail = "\n"
    content = ElementTree.tostring(root, encoding, xml_declaration=True)
    read = reader.read(gzip.compress(content) if is_packed else content, format="xml", record="Dog")
    assert [values for _, values in read.records] == rows
    lines = [n for n, _ in read.records]
    assert lines == sorted(set(lines))
    assert read.problems == []


FOOD = """<?xml version="1.0"?>
<r:Food xmlns:r="urn:x" xmlns:xsi="urn:y">
  <Header><Count>3</Count></Header>
  <r:Place id="7">
    <Name lang="en">Caf\u00e9 &amp; <![CDATA[<Bar>]]></Name>
    <Scores>
      <Hygiene>5</Hygiene>
      <Line>x</Line><Line>y, "z"</Line>
    </Scores>
    <Closed xsi:nil="true"/>
  </r:Place>
  <r:Place id="8"><Name>Two</Name><Scores/></r:Place><r:Place id="9"><Name>Three</Name></r:Place>
  <r:Place id="10"><Name>Four</Name></r:Place>
</r:Food>
"""


def test_elements_are_columns_with_dots_below_and_attributes_and_repeats_are_kept(reader: Reader) -> None:
    read = reader.read(
        FOOD,
        ["Name", "Scores.Hygiene", "Closed"],
        shown=["Name", "Scores.Hygiene", "Scores.Line", "Closed", "@id", "Name@lang"],
        format="xml",
        record="Place",
    )
    assert read.records == [
        (4, ["Caf\u00e9 & <Bar>", "5", '["x", "y, \\"z\\""]', "", "7", "en"]),
        (12, ["Two", "", "", "", "8", ""]),
        (13, ["Three", "", "", "", "9", ""]),  # it stands on line 12 too, which is taken
        (14, ["Four", "", "", "", "10", ""]),
    ]
    # an empty <Scores/> is no column of its own where a declared one lies below it
    assert read.problems == ["several_on_a_line", *["added_column"] * 3]


def test_all_on_one_line_every_record_has_a_line_of_its_own(reader: Reader) -> None:
    dog = "<Dog><a>1</a><b>2</b><c>3</c></Dog>"
    read = reader.read(f"<x>{dog * 3}</x>", format="xml", record="Dog")
    assert [n for n, _ in read.records] == [1, 2, 3]
    assert read.problems == ["several_on_a_line"]
    assert reader.read("<a>7</a>", ["a"], format="xml", record="a").records == [(1, ["7"])]


@pytest.mark.parametrize(
    ("content", "rule", "line", "words"),
    [
        (b"", "empty_file", None, "the file is empty"),
        (b"<x>\n<Dog><a>1</a>\n", "cut_short", 3, "the file stops at line 3, column 1, before its elements are closed"),
        (b"<x>\n<Dog><a>1</a", "cut_short", 2, "the file stops at line 2"),
        (b"<x>\n<Dog><a>1</b></Dog></x>", "not_xml", 2, "line 2, column 12: this is not XML (mismatched tag)"),
        (b"<x>\n<Dog><a>\xe9</a></Dog></x>", "not_xml", 2, "not XML (not well-formed (invalid token))"),
        (b"a,b,c\n1,2,3\n", "not_xml", 1, "line 1, column 1: this is not XML"),
        (b"<x>&nbsp;</x>", "not_xml", 1, "undefined entity"),
        (b"<x>\n<Cat/></x>", "no_record", None, "holds no element Dog"),
        (b"<!DOCTYPE html>\n<html></html>", "not_xml", 1, "this is a web page"),
        (b"<HTML><p/></HTML>", "not_xml", 1, "this is a web page"),
        (b"<x><Dog>" + b"<y>" * 5000, "too_deep", 1, "more than 50 elements stand inside one another"),
        (gzip.compress(b"<x>" + b"<Dog/>" * 9000)[:50], "cut_short", None, ".gz file cannot be unpacked"),
    ],
)  # fmt: skip
def test_what_is_no_whole_xml_is_said(
    reader: Reader, content: bytes, rule: str, line: int | None, words: str
) -> None:
    found = reader.refused(content, format="xml", record="Dog")
    assert found[:2] == (rule, line)
    assert words in found[2]


@pytest.mark.parametrize(
    "doctype",
    [
        '<!DOCTYPE x SYSTEM "http://127.0.0.1:1/x.dtd">',
        '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>',
        "<!DOCTYPE x>",
    ],
)
def test_a_document_type_is_refused(reader: Reader, doctype: str) -> None:
    content = f"<?xml version='1.0'?>\n{doctype}\n<x><Dog><a>&y;</a></Dog></x>"
    rule, line, message = reader.refused(content, format="xml", record="Dog")
    assert (rule, line) == ("doctype", 2)
    assert "Please send the file without it." in message


@FEW
@given(
    where=st.floats(0, 1),
    put=st.sampled_from(["<", ">", "&", "</Place>", "<Place>", "\0", '"', ""]),
    cut=st.integers(0, 9),
)
def test_spoilt_xml_is_read_or_refused_in_words(reader: Reader, where: float, put: str, cut: int) -> None:
    at = int(where * len(FOOD))
    try:
        reader.read(FOOD[:at] + put + FOOD[at + cut :], ["Name"], format="xml", record="Place")
    except UnreadableError as error:
        assert error.problem.message.endswith((".", ")."))
        assert error.problem.rule != "lines_unaccounted"


# Fixed width


@FEW
@given(
    rows=tables(texts("\0\r\n", max_size=4).map(lambda t: t.rstrip(" "))),
    is_stripped=st.booleans(),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)
def test_every_text_of_fixed_width_comes_back(
    reader: Reader, rows: list[list[str]], is_stripped: bool, end: str, encoding: str
) -> None:
    rows = [["x" + r[0][:3], *r[1:]] for r in rows]
    lines = ["".join(v.ljust(4) for v in row) for row in rows]
    content = "".join((line.rstrip(" ") if is_stripped else line) + end for line in lines)
    read = reader.read(content.encode(encoding), format="fixed_width", width=4, encoding=encoding)
    assert read.records == [(n, row) for n, row in enumerate(rows, 1)]
    assert read.rejected == []


def test_a_line_of_another_length_is_rejected_and_an_empty_one_is_none(reader: Reader) -> None:
    content = "Title\na   b   c   \n1   2   3\n\n1   2   3   4\n1   2     \n1   2   3      \n1\n"
    read = reader.read(content, format="fixed_width", width=4, skip_lines=1, header=True)
    assert read.records == [(3, ["1", "2", "3"]), (7, ["1", "2", "3"]), (8, ["1", "", ""])]
    assert read.rejected == [
        (5, "1   2   3   4", "longer than 12 characters"),
        (6, "1   2     ", "shorter than 12 characters"),
    ]
    assert read.problems == ["blank_lines"]


@pytest.mark.parametrize(
    ("content", "rule", "line", "words"),
    [
        (b"", "empty_file", None, "the file is empty"),
        (b"<html>", "not_fixed_width", 1, "web page, not a file of columns of fixed width"),
        (b"1   2   3\n1   2", "cut_short", 2, "line 2 has 5 of 12 characters and has no line end"),
        (b"1   2   3\n1   \xe9", "wrong_encoding", 2, "line 2: byte 0xE9 is not UTF-8"),
    ],
)
def test_what_is_not_of_fixed_width_is_said(
    reader: Reader, content: bytes, rule: str, line: int | None, words: str
) -> None:
    found = reader.refused(content, format="fixed_width", width=4)
    assert found[:2] == (rule, line)
    assert words in found[2]


def test_a_last_line_without_an_end_is_whole_where_it_reaches_the_last_column(reader: Reader) -> None:
    read = reader.read("1   2   3\n1   2   x", format="fixed_width", width=4)
    assert read.records == [(1, ["1", "2", "3"]), (2, ["1", "2", "x"])]


def test_a_byte_order_mark_is_no_text_of_the_first_line(reader: Reader) -> None:
    fixed = "\ufeff1   2   3   \n".encode("utf-16-le")
    read = reader.read(fixed, format="fixed_width", width=4, encoding="utf-16-le")
    assert read.records == [(1, ["1", "2", "3"])]
    lines = '\ufeff{"a": 1, "b": 2, "c": 3}\n'.encode("utf-16-le")
    assert reader.read(lines, format="json_lines", encoding="utf-16-le").records == [(1, ["1", "2", "3"])]


def test_a_nul_byte_costs_its_own_line(reader: Reader) -> None:
    read = reader.read("1   2   3\n1   \0   3\n", format="fixed_width", width=4)
    assert read.rejected == [(2, "1   \\0   3", "a NUL byte")]


# Zip

# Written by Info-ZIP 3.0 as `zip -P woof dogs.zip dogs.csv`; it holds six licences.
ZIP_CRYPTO = base64.b64decode(
    "UEsDBBQACQAIAOQSeV1heNMDgwAAAD8BAAAIABwAZG9ncy5jc3ZVVAkAA4tGBmuLRgZrdXgLAAEEAAAAAAQAAAAAGdjM4I9g3Bl3uLffJu7YQLA9"
    "ML2y//tQaWraRs+s9T/CYIoFl/XLGNANqf/o102Tci+Gc6NOB2RG4enjL90Kp3mPuYk3Iqv06FRLuPwXZT+jyO7TdoL2MHbRAFXB14EQ8QvtTG5y"
    "IyFJqdl8I+0GoOPzKD8XYZeHLhPQ6elLXahHO5pQSwcIYXjTA4MAAAA/AQAAUEsBAh4DFAAJAAgA5BJ5XWF40wODAAAAPwEAAAgAGAAAAAAAAQAA"
    "AKSBAAAAAGRvZ3MuY3N2VVQFAAOLRgZrdXgLAAEEAAAAAAQAAAAAUEsFBgAAAAABAAEATgAAANUAAAAAAA=="
)
WRONG = ["meow", "wrong38", "wrong1402"]  # the second passes the first look, the third all but the checksum
ZIP = {"file": "dogs.zip", "member": "*.csv"}


def zip_of(members: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return out.getvalue()


def aes_zip(content: bytes, password: str) -> bytes:
    out = io.BytesIO()
    with pyzipper.AESZipFile(
        out, "w", compression=pyzipper.ZIP_DEFLATED, encryption=pyzipper.WZ_AES
    ) as packed:
        packed.setpassword(password.encode())
        packed.writestr("folder/dogs.csv", content)
    return out.getvalue()


def zip_feed(**source: Any) -> Feed:
    return small_feed(source=ZIP | source)


@pytest.mark.parametrize("is_aes", [False, True])
@pytest.mark.parametrize("kept", ["variable", "file"])
def test_a_zip_with_a_password_is_loaded_and_kept_as_sent(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, is_aes: bool, kept: str
) -> None:
    content = aes_zip(csv_text(licences(6)).encode(), "woof") if is_aes else ZIP_CRYPTO
    feed = zip_feed(password="kennel")
    missing = bench.send(content, feed)
    assert missing.status == "missing"
    assert (
        "The secret kennel is not set: set CITY_PLATFORM_SECRET_KENNEL, or write it into" in missing.message
    )
    secret = bench.settings.home / "secrets" / "kennel"
    secret.parent.mkdir()
    for wrong in WRONG[:1] if is_aes else WRONG:
        secret.write_text(wrong)
        built = bench.load(feed)
        assert built.status == "missing"
        assert "the secret kennel is not the zip's password, or the zip is damaged" in built.message
        assert wrong not in built.message
    if kept == "file":
        secret.write_text("woof\n")
    else:
        monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNEL", "woof")
    assert bench.load(feed).status == "loaded"
    with new_bench(bench.folder) as plain:
        plain.send(licences(6))
        assert bench.content(feed) == plain.content()
    (sent,) = bench.kept(feed)
    assert sent.read_bytes() == content
    assert sent.suffix == ".zip"
    assert "woof" not in repr([bench.issues(), bench.deliveries(feed), bench.settings])


def test_bytes_kept_under_an_older_password_are_said_when_they_are_read_again(bench: Bench) -> None:
    secret = bench.settings.home / "secrets" / "kennel"
    secret.parent.mkdir(parents=True)
    secret.write_text("woof")
    assert bench.send(ZIP_CRYPTO, zip_feed(password="kennel")).status == "loaded"
    secret.write_text("meow")
    content = aes_zip(csv_text(licences(9)).encode(), "meow")
    anew = small_feed(source=ZIP | {"password": "kennel"}, title="Dogs")
    built = bench.send(content, anew)
    assert built.status == "loaded"
    held = bench.deliveries(anew)[0]
    assert held["status"] == "held"
    assert "the secret kennel is not the password of this zip, or the zip is damaged" in held["message"]


@FEW
@given(content=st.binary(max_size=200), name=st.sampled_from(["x.csv", "a/b/x.csv", "é.csv"]))
def test_any_member_is_unpacked_exactly(
    tmp_path_factory: pytest.TempPathFactory, content: bytes, name: str
) -> None:
    from city_platform.feeds.formats.zipped import unpack_member

    folder = tmp_path_factory.mktemp("zip")
    path = folder / "x.zip"
    made = Settings(city_folder=folder, home=folder)
    path.write_bytes(zip_of({name: content, "read me.txt": b"x", "__MACOSX/._x.csv": b"x", "d.csv/": b""}))
    source = zip_feed(member="*.csv").source
    assert unpack_member(source, made, path, folder / "out").read_bytes() == content


def damaged(content: bytes) -> bytes:
    at = content.index(b"dogs.csv") + 30
    return content[:at] + bytes(b ^ 0xFF for b in content[at : at + 8]) + content[at + 8 :]


def deflate64(content: bytes) -> bytes:
    """The same zip, its member's method changed to one that nobody here knows."""
    packed = bytearray(content)
    struct.pack_into("<H", packed, 8, 9)
    struct.pack_into("<H", packed, packed.index(b"PK\x01\x02") + 10, 9)
    return bytes(packed)


PLAIN = csv_text(licences(60)).encode()


@pytest.mark.parametrize(
    ("make", "source", "rule", "words"),
    [
        (lambda: zip_of({"a.txt": b"", "b.pdf": b""}), {}, "no_member", "holds no file that *.csv fits; it holds: a.txt, b.pdf."),
        (lambda: zip_of({}), {}, "no_member", "it holds: nothing."),
        (lambda: zip_of({"a.csv": b"", "b.csv": b""}), {}, "several_members", "holds 2 files that *.csv fits: a.csv, b.csv."),
        (lambda: PLAIN, {}, "not_zip", "this is not a zip"),
        (lambda: zip_of({"dogs.csv": PLAIN})[:-60], {}, "cut_short", "the zip has no end"),
        (lambda: damaged(zip_of({"dogs.csv": PLAIN})), {}, "cut_short", "the zip cannot be unpacked"),
        (lambda: deflate64(zip_of({"dogs.csv": PLAIN})), {}, "cut_short", "the zip cannot be unpacked"),
        (lambda: zip_of({"dogs.csv": bytes(3_000_000)}), {"at_most_mb": 1}, "too_large", "larger than 1 MB, the most this feed"),
        (lambda: ZIP_CRYPTO, {}, "no_password", "behind a password: name its secret (source.password"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_zip_is_said(
    bench: Bench, make: Callable[[], bytes], source: dict[str, Any], rule: str, words: str
) -> None:
    built = bench.send(make(), zip_feed(**source))
    assert built.status == "held"
    assert words in built.message
    assert [i["rule"] for i in bench.issues()] == [rule]


def test_a_zip_whose_secret_is_gone_is_said_when_it_is_read(bench: Bench) -> None:
    from city_platform.feeds.formats.zipped import check_zip_password, unpack_member

    path = bench.folder / "x.zip"
    path.write_bytes(ZIP_CRYPTO)
    source = zip_feed(password="kennel").source
    with pytest.raises(UnreadableError, match="the zip needs a password. The secret kennel is not set"):
        unpack_member(source, bench.settings, path, bench.folder / "out")
    with pytest.raises(NotReceivedError, match="the zip needs a password. The secret kennel is not set"):
        check_zip_password(source, bench.settings, path)
    with pytest.raises(SettingsError, match="CITY_PLATFORM_SECRET_KENNEL"):
        bench.settings.secret("kennel")


# All formats, and their declarations


def test_every_format_of_the_same_rows_comes_to_the_same_table(bench: Bench) -> None:
    rows = licences(40)
    names = list(small_feed().columns)
    named = [dict(zip(names, row, strict=True)) for row in rows]
    widths = {
        n: c.model_dump(exclude_none=True, by_alias=True) | {"width": 20}
        for n, c in small_feed().columns.items()
    }
    elements = "".join(
        "<dog>" + "".join(f"<{k}>{v}</{k}>" for k, v in row.items()) + "</dog>\n" for row in named
    )
    sent: list[tuple[bytes, dict[str, Any]]] = [
        (csv_text(rows).encode(), {}),
        (csv_text(rows, ["All dogs"]).encode(), {"dialect": {"header": False, "skip_lines": 1}}),
        (workbook([names, *map(list, rows)]), {"dialect": {"format": "excel"}}),
        ("\n".join(map(json.dumps, named)).encode(), {"dialect": {"format": "json_lines"}}),
        (f"<dogs>\n{elements}</dogs>".encode(), {"dialect": {"format": "xml", "record": "dog"}}),
        (
            "".join("".join(v.ljust(20) for v in row) + "\n" for row in rows).encode(),
            {"dialect": {"format": "fixed_width"}, "columns": widths},
        ),
        (zip_of({"dogs.csv": csv_text(rows).encode()}), {"source": {"file": "dogs.csv", "member": "dogs.*"}}),
    ]
    seen = []
    for n, (content, changes) in enumerate(sent):
        feed = small_feed(name=f"dogs_{n}", **changes)
        assert bench.send(content, feed).status == "loaded", changes
        assert bench.red(feed) == []
        seen.append(bench.content(feed))
    assert all(table == seen[0] and len(table) == 40 for table in seen)
    assert bench.issues() == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"dialect": {"sheet": "x"}}, "format csv has no sheet"),
        ({"dialect": {"format": "excel", "delimiter": ";"}}, "format excel has no delimiter"),
        ({"dialect": {"format": "xml", "record": "x", "encoding": "utf-8"}}, "format xml has no encoding"),
        ({"dialect": {"format": "xml"}}, "format xml needs record"),
        ({"dialect": {"record_type": "21"}}, "a record_type needs header: false"),
        (
            {"dialect": {"header": False, "record_types": ["21"]}},
            "record_types and trailer need a record_type",
        ),
        (
            {"dialect": {"header": False, "record_type": "21", "record_types": ["11"]}},
            "has to name record_type",
        ),
        ({"dialect": {"format": "fixed_width"}}, "needs the width of each column"),
        ({"columns": {"id": {"meaning": "Key", "width": 3}}}, "a width needs dialect"),
        ({"dialect": {"skip_lines": -1}}, "greater than or equal to 0"),
        ({"source": {"database": "x"}}, "a database needs a table or a query"),
        ({"source": {"file": "x", "table": "y"}}, "a database needs a table or a query"),
        ({"source": {"database": "x", "table": "y", "query": "z"}}, "not both"),
        ({"source": {"database": "x", "table": "y", "file": "z"}}, "a database has no url, file or member"),
        ({"source": {"database": "X-1", "table": "y"}}, "small letters"),
        ({"source": {"file": "x", "password": "y"}}, "a password needs a member"),
        ({"source": {"database": "x", "table": "y"}, "dialect": {"delimiter": ";"}}, "has no dialect"),
    ],
)
def test_what_does_not_go_together_is_not_declared(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        small_feed(**({"key": "content"} | changes))


@pytest.mark.parametrize("name", ["json_lines", "fixed_width", "xml"])
def test_fifty_thousand_rows_take_no_more_than_a_few_seconds(reader: Reader, name: str) -> None:
    rows = [[f"{n}", "some text", "2014-01-01"] for n in range(50_000)]
    how: dict[str, Any] = {"format": name}
    if name == "json_lines":
        content = "\n".join(json.dumps(dict(zip(NAMES, row, strict=True))) for row in rows)
    elif name == "xml":
        content = "<x>" + "\n".join(f"<r><a>{a}</a><b>{b}</b><c>{c}</c></r>" for a, b, c in rows) + "</x>"
        how["record"] = "r"
    else:
        content = "\n".join("".join(v.ljust(10) for v in row) for row in rows)
        how["width"] = 10
    started = time.monotonic()
    assert len(reader.read(content, **how).records) == 50_000
    assert time.monotonic() - started < 8
