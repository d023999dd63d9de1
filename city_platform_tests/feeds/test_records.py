"""Reading records: whatever the bytes are, every line ends up in a record, in a rejected line, or in a message."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform.feeds import landing
from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import UnreadableError
from city_platform.feeds.records import LONGEST_RECORD
from city_platform_tests.feeds.small_feed import Bench, csv_text, new_bench, small_feed, write_row

NAMES = ["a", "b", "c"]
COLUMNS = {name: {"meaning": "Some text", "class": "public"} for name in NAMES}
LINE_END = re.compile("\r\n|\r|\n")
FEW = settings(
    max_examples=80, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
AWKWARD = "\"',;\t|\n\r \\#x1é€\ufeff\u2028\x0b\x1f\x85"
DIALECTS = st.builds(
    dict,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-16"]),
)


@dataclass
class Read:
    """What a file came to."""

    records: list[tuple[int, list[str]]]
    rejected: list[tuple[int, str, str]]
    rows: int
    problems: list[str]

    def covered(self) -> list[int]:
        """The physical lines that a record or a rejected line holds."""
        spans = [(n, "".join(fields)) for n, fields in self.records] + [(n, t) for n, t, _ in self.rejected]
        return [n + i for n, text in spans for i in range(len(LINE_END.findall(text)) + 1)]


class Reader:
    """Lands files of three text columns."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench
        self.path = bench.folder / "sent.csv"

    def read(self, content: bytes, **dialect: str) -> Read:
        self.path.write_bytes(content)
        feed: Feed = small_feed(key="content", columns=COLUMNS, dialect=dialect)
        landed = landing.land(self.bench.con, feed, self.bench.settings, "d_1", self.path)
        records = self.bench.rows(
            "select file_row_number + _line_shift, a, b, c "
            f"from read_parquet('{landed.records}', file_row_number = true) order by all"
        )
        rejected = []
        if landed.rejected:
            rejected = self.bench.rows(f"select _line, _text, _reason from '{landed.rejected}' order by all")
        assert landed.rows_rejected == len(rejected)
        return Read(
            [(n, [v or "" for v in fields]) for n, *fields in records],
            [(n, text, reason) for n, text, reason in rejected],
            landed.rows,
            [p.rule for p in landed.problems],
        )


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    with new_bench(tmp_path_factory.mktemp("records")) as bench:
        yield Reader(bench)


def fields(alphabet: str = AWKWARD) -> st.SearchStrategy[str]:
    return st.text(st.sampled_from(alphabet) | st.characters(exclude_categories=["Cs"]), max_size=8).filter(
        lambda text: "\0" not in text
    )


def tables(alphabet: str = AWKWARD) -> st.SearchStrategy[list[list[str]]]:
    return st.lists(st.lists(fields(alphabet), min_size=3, max_size=3), min_size=1, max_size=6)


@FEW
@given(
    rows=tables(),
    dialect=DIALECTS,
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    is_ended=st.booleans(),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    is_packed=st.booleans(),
)
def test_every_written_record_comes_back_exactly_with_its_physical_line(
    reader: Reader,
    rows: list[list[str]],
    dialect: dict[str, str],
    end: str,
    is_ended: bool,
    quoting: int,
    is_packed: bool,
) -> None:
    out = io.StringIO(newline="")
    expected = []
    write_row(out, NAMES, end, delimiter=dialect["delimiter"])
    for row in rows:
        expected.append((len(LINE_END.findall(out.getvalue())) + 1, row))
        write_row(out, row, end, quoting=quoting, delimiter=dialect["delimiter"])
    text = out.getvalue() if is_ended else out.getvalue().removesuffix(end)
    content = text.encode(dialect["encoding"])
    read = reader.read(gzip.compress(content) if is_packed else content, **dialect)
    assert read.records == expected
    assert read.rejected == []


@FEW
@given(rows=tables("\"',;\n\r éÀœ€ß"), delimiter=st.sampled_from([",", ";", "\t"]))
def test_a_windows_file_comes_back_exactly(reader: Reader, rows: list[list[str]], delimiter: str) -> None:
    rows = [[v.encode("cp1252", "replace").decode("cp1252") for v in row] for row in rows]
    content = csv_text(map(tuple, rows), NAMES, "\r\n", delimiter=delimiter).encode("cp1252")
    assert [f for _, f in reader.read(content, encoding="cp1252", delimiter=delimiter).records] == rows


SPOILS = st.lists(
    st.tuples(
        st.floats(0, 1),  # where
        st.sampled_from(['"', '""', '",', ',"', ",", "\n", "\r", "\r\n", '"\n', '\n"', "\0", " ", "", ""]),
        st.integers(0, 6),  # characters cut there
    ),
    min_size=1,
    max_size=5,
)


def spoil(text: str, spoils: list[tuple[float, str, int]]) -> str:
    for where, inserted, cut in spoils:
        at = int(where * len(text))
        text = text[:at] + inserted + text[at + cut :]
    return text


@settings(FEW, max_examples=250)
@given(rows=tables('"",,\n\rx1 '), spoils=SPOILS, end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_in_a_spoilt_file_every_line_is_read_or_rejected_or_the_whole_is_refused(
    reader: Reader, rows: list[list[str]], spoils: list[tuple[float, str, int]], end: str
) -> None:
    header = ",".join(NAMES) + end
    body = spoil(csv_text(map(tuple, rows), NAMES, end).removeprefix(header), spoils)
    text = header + body
    try:
        read = reader.read(text.encode())
    except UnreadableError as error:
        # Only the middle of a line at the end is a reason; a fault of our own reader never is.
        assert error.problem.rule == "cut_short", error.problem.message
        assert not text.endswith(("\n", "\r"))
        return
    assert read.rows == len(read.records) + len(read.rejected)
    lines = list(io.StringIO(text, newline=""))
    covered = read.covered()
    assert len(set(covered)) == len(covered), "a line is held twice"
    filled = {n for n, line in enumerate(lines, start=1) if line.strip("\r\n") and n > 1}
    assert filled <= set(covered), "a line is lost"
    for n, values in read.records:
        span = range(n, n + len(LINE_END.findall("".join(values))) + 1)
        sent = "".join(lines[i - 1] for i in span)
        assert list(csv.reader(io.StringIO(sent, newline=""), strict=True)) == [values]


@settings(FEW, max_examples=150)
@given(
    content=st.binary(max_size=60)
    | st.text(st.sampled_from('abc,"\n\r\0;<é'), max_size=40).map(str.encode)
    | st.tuples(st.just(b"a,b,c\n"), st.binary(max_size=40)).map(b"".join)
    | st.tuples(st.just(b"\x1f\x8b"), st.binary(max_size=40)).map(b"".join),
    encoding=st.sampled_from(["utf-8", "cp1252", "utf-16", "latin-1"]),
)
def test_no_bytes_raise_anything_but_a_problem_in_words(
    reader: Reader, content: bytes, encoding: str
) -> None:
    try:
        reader.read(content, encoding=encoding)
    except UnreadableError as error:
        assert error.problem.message.endswith(".")
        assert error.problem.rule != "lines_unaccounted"


@pytest.mark.parametrize(
    "line",
    [
        'a,b",c,"d',  # two quotes, each beside a delimiter, and no record all the same
        'a,",b"c,d',
        'a,b","c"',
        '"a"b,c,d',
        'a,6" pipe,c',
        '"a,b,c',
        'a,b,"c',
    ],
)
def test_a_stray_quote_costs_its_own_line_and_no_other(reader: Reader, line: str) -> None:
    read = reader.read(f'a,b,c\n1,x,y\n{line}\n2,x,y\n3,"q",z\n'.encode())
    assert [n for n, _ in read.records] == [2, 4, 5]
    assert [(n, text) for n, text, _ in read.rejected] == [(3, line)]
    assert "quotation mark" in read.rejected[0][2]


def test_a_quote_left_open_does_not_swallow_the_file(reader: Reader) -> None:
    rows = [f"{n},x,y" for n in range(20_000)]
    rows[3] = '3,"x,y'
    read = reader.read("\n".join(["a,b,c", *rows, ""]).encode())
    assert len(read.records) == 19_999
    assert [n for n, _, _ in read.rejected] == [5]


@pytest.mark.parametrize(("length", "is_read"), [(LONGEST_RECORD - 200, True), (LONGEST_RECORD * 2, False)])
def test_a_record_over_many_lines_is_read_up_to_the_longest_and_rejected_whole_beyond(
    reader: Reader, length: int, is_read: bool
) -> None:
    value = ("x" * 99 + "\n") * (length // 100)
    read = reader.read(f'a,b,c\n1,"{value}",2\n3,4,5\n'.encode())
    breaks = value.count("\n")
    assert (read.records[-1]) == (breaks + 3, ["3", "4", "5"])
    assert (len(read.records) == 2) == is_read
    assert sorted(read.covered()) == list(range(2, breaks + 4))


@pytest.mark.parametrize("is_ended", [True, False])
@pytest.mark.parametrize("quote", ["", '"'])
def test_a_field_longer_than_pythons_own_limit_is_read(reader: Reader, quote: str, is_ended: bool) -> None:
    long = "x" * 200_000
    text = f"a,b,c\n1,2,{quote}{long}{quote}" + "\n" * is_ended
    assert reader.read(text.encode()).records == [(2, ["1", "2", long])]


def test_a_column_name_longer_than_pythons_own_limit_is_an_added_column(reader: Reader) -> None:
    read = reader.read(f"a,b,c,{'x' * 200_000}\n1,2,3,4\n".encode())
    assert read.records == [(2, ["1", "2", "3"])]
    assert read.problems == ["added_column"]


def test_a_record_longer_than_the_parser_takes_is_rejected_not_lost(reader: Reader) -> None:
    read = reader.read(b"a,b,c\n1,2," + b"x" * 17_000_000 + b"\n4,5,6\n")
    assert read.records == [(3, ["4", "5", "6"])]
    assert [n for n, _, _ in read.rejected] == [2]


def test_many_records_over_several_lines_keep_their_lines_in_a_large_file(reader: Reader) -> None:
    count = 60_000
    text = "a,b,c\n" + "".join(f'{n},"{"x" * 80}\n,""{n}""\r\n{"y" * 60}",z\n' for n in range(count))
    assert len(text) > 9_000_000  # more than one of the parser's threads reads at a time
    read = reader.read(text.encode())
    assert read.rejected == []
    assert [n for n, _ in read.records] == [2 + 3 * n for n in range(count)]


@pytest.mark.parametrize("line", ["1,LEE, ANN,", "1,2,3,,", '1,2,3,""', '"1","2","3",', '1,"LEE, ANN",3,""'])
def test_a_record_with_too_many_columns_is_rejected_also_where_the_last_are_empty(
    reader: Reader, line: str
) -> None:
    read = reader.read(f'a,b,c\n1,x,\n{line}\n2,x,""\n'.encode())
    assert [n for n, _ in read.records] == [2, 4]
    assert read.rejected == [(3, line, "too many columns")]


def test_a_nul_byte_costs_its_own_record(reader: Reader) -> None:
    read = reader.read(b'a,b,c\n1,2,"\0\n"\n2,3,4\n')
    assert read.records == [(4, ["2", "3", "4"])]
    assert read.rejected == [(2, '1,2,"\\0\n"', "a NUL byte")]


def test_a_line_break_in_a_column_name_is_part_of_the_header(reader: Reader) -> None:
    read = reader.read(b'a,b,c,"d\nd"\n1,2,3,4\n')
    assert read.records == [(3, ["1", "2", "3"])]


@pytest.mark.parametrize("start", ["\ufeff", "\n\n", "\ufeff\r\n"])
def test_a_byte_order_mark_and_empty_lines_may_stand_before_the_header(reader: Reader, start: str) -> None:
    read = reader.read(f"{start}a,b,c\n1,2,3\n".encode())
    assert [values for _, values in read.records] == [["1", "2", "3"]]


def test_a_declared_column_is_read_although_one_in_capitals_stands_before_it(reader: Reader) -> None:
    read = reader.read(b"B,a,b,c\nwrong,1,2,3\n")
    assert read.records == [(2, ["1", "2", "3"])]


@pytest.mark.parametrize(
    ("content", "encoding", "line", "column", "byte"),
    [
        (b"a,b,c\n1,2,3\n1,\xe9,3\n", "utf-8", 3, "b", "E9"),
        (b"a,b,c\r1,2,3\r1,2,\xe9\r", "utf-8", 3, "c", "E9"),
        (b'a,b,c\n1,"x\ny\xe9",3\n', "utf-8", 3, "b", "E9"),
        (b"\xef\xbb\xbfa,b,c\n\xe9,2,3\n", "utf-8", 2, "a", "E9"),
        (b"a;b;c\n1;\xe9;3\n1;\x81;3\n", "cp1252", 3, "b", "81"),
        ("a,b,c\n1,2,3\n".encode("utf-16-le") + b"1\0,\0\x00\xdc,\x003\0\n\0", "utf-16-le", 3, "b", "00"),
    ],
)
def test_a_byte_of_another_encoding_is_found_by_line_and_column(
    reader: Reader, content: bytes, encoding: str, line: int, column: str, byte: str
) -> None:
    delimiter = ";" if b";" in content else ","
    for sent in (content, gzip.compress(content)):
        with pytest.raises(UnreadableError) as error:
            reader.read(sent, encoding=encoding, delimiter=delimiter)
        problem = error.value.problem
        assert (problem.rule, problem.line, problem.column) == ("wrong_encoding", line, column)
        assert f"line {line}, column {column}: byte 0x{byte} is not {encoding.upper()}" in problem.message


def test_a_cut_packed_file_of_another_encoding_is_refused_in_words(reader: Reader) -> None:
    content = gzip.compress(b"a,b,c\n1,\xe9,3\n" + b"1,2,3\n" * 50_000)
    for share in (0.3, 0.9):
        with pytest.raises(UnreadableError):
            reader.read(content[: int(len(content) * share)])
