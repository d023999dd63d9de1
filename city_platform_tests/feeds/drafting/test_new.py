"""`feed new` end to end: made-up files of each kind become feeds that load, and what cannot be understood a sentence."""

from __future__ import annotations

import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Sequence
from pathlib import Path
from xml.sax.saxutils import escape

import duckdb
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from city_platform.cli import main
from city_platform.feeds.drafting.check import check
from city_platform.feeds.drafting.draft import draft
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.drafting.sample import Wanted
from city_platform_tests.feeds.drafting.desk import (
    FAMILY,
    GIVEN,
    Desk,
    csv_text,
    json_lines,
    objects,
    shops,
)

SHOPS = shops()
PLAIN = csv_text(SHOPS)


def expect_shops(desk: Desk, rows: int = 60) -> None:
    """What was drafted is the shops' register, and its file would be loaded whole."""
    feed = desk.feed()
    assert list(feed.columns) == list(SHOPS[0])
    assert feed.key == ("Ref No",)
    assert feed.columns["Opened"].type == "date"
    assert (feed.columns["Rent"].type, feed.columns["Rent"].unit) == ("number", "GBP")
    assert feed.columns["Band"].values == ("A", "B", "C")
    assert feed.business and feed.business.name == "Trading Name"
    assert feed.address and (feed.address.text, feed.address.postcode) == ("Address", "Postcode")
    assert feed.expect.rows_at_least == rows // 2


def expect_loads(desk: Desk, file: Path, rows: int = 60) -> None:
    (found,) = check(desk.settings, "office/things", str(file))
    serious = [b for b in found.broken if b.severity != "info"]
    assert (found.status, found.rows, found.set_aside, serious) == ("would load", rows, 0, [])


def workbook(rows: Sequence[Sequence[str]], above: int = 0) -> bytes:
    """A small .xlsx with two sheets, written by hand: the first one holds a remark."""

    def sheet(cells: Sequence[Sequence[str]]) -> str:
        body = "".join(
            f'<row r="{n}">'
            + "".join(
                f'<c r="{chr(65 + m)}{n}" t="inlineStr"><is><t>{escape(v)}</t></is></c>'
                for m, v in enumerate(row)
                if v
            )
            + "</row>"
            for n, row in enumerate(cells, start=1)
        )
        return f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{body}</sheetData></worksheet>'

    titles = [["Register of shops, June"]] + [["made for the council"]] * (above - 1) if above else []
    types = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"><Default Extension="rels" ContentType='
            '"application/vnd.openxmlformats-package.relationships+xml"/><Default Extension="xml" ContentType="application/xml"/>'
            f'<Override PartName="/xl/workbook.xml" ContentType="{types}.sheet.main+xml"/>'
            + "".join(
                f'<Override PartName="/xl/worksheets/sheet{n}.xml" ContentType="{types}.worksheet+xml"/>'
                for n in (1, 2)
            )
            + "</Types>",
        )
        packed.writestr(
            "_rels/.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
            f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        )
        packed.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" xmlns:r="{relations}"><sheets>'
            '<sheet name="Notes" sheetId="1" r:id="r1"/><sheet name="Shops" sheetId="2" r:id="r2"/></sheets></workbook>',
        )
        packed.writestr(
            "xl/_rels/workbook.xml.rels",
            '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
            + "".join(
                f'<Relationship Id="r{n}" Type="{relations}/worksheet" Target="worksheets/sheet{n}.xml"/>'
                for n in (1, 2)
            )
            + "</Relationships>",
        )
        packed.writestr("xl/worksheets/sheet1.xml", sheet([["Ask the licensing team"]]))
        packed.writestr("xl/worksheets/sheet2.xml", sheet([*titles, *rows]))
    return out.getvalue()


def zipped(members: dict[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, text in members.items():
            packed.writestr(name, text)
    return out.getvalue()


def as_xml(rows: Sequence[Sequence[str]]) -> str:
    names = [n.replace(" ", "") for n in rows[0]]
    records = "".join(
        "<shop>" + "".join(f"<{n}>{escape(v)}</{n}>" for n, v in zip(names, row, strict=True)) + "</shop>\n"
        for row in rows[1:]
    )
    return f"<?xml version='1.0'?>\n<register><made><by>us</by></made><shops>\n{records}</shops></register>"


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("shops.csv", PLAIN.encode(), {"encoding": "utf-8", "delimiter": ","}),
        ("shops.csv", csv_text(SHOPS, delimiter=";").encode("utf-8-sig"), {"encoding": "utf-8-sig", "delimiter": ";"}),
        ("shops.tsv", csv_text(SHOPS, delimiter="\t").encode("utf-16"), {"encoding": "utf-16", "delimiter": "\t"}),
        ("shops.txt", csv_text(SHOPS, delimiter="|", end="\r\n").encode("cp1252"), {"encoding": "cp1252", "delimiter": "|"}),
        ("shops.csv.gz", gzip.compress(PLAIN.encode()), {"delimiter": ","}),
        ("shops.csv", f"Register of shops,,,,,,\nmade in June\n\n{PLAIN}".encode(), {"skip_lines": 3}),
        ("shops.csv", csv_text(SHOPS, quoting=1, quotechar="'").encode(), {"quote": "'"}),
        ("shops.xlsx", workbook(SHOPS), {"format": "excel", "sheet": "Shops", "skip_lines": 0}),
        ("shops.xlsx", workbook(SHOPS, above=2), {"format": "excel", "sheet": "Shops", "skip_lines": 2}),
        ("shops.json", json.dumps(objects(SHOPS)).encode(), {"format": "json", "record": None}),
        ("shops.json", json.dumps({"meta": {"n": 1}, "result": {"records": objects(SHOPS)}}).encode(), {"record": "result.records"}),
        ("shops.jsonl", json_lines(SHOPS).encode(), {"format": "json_lines"}),
        ("shops.zip", zipped({"read me.txt": "hello", "shops.csv": PLAIN}), {"delimiter": ","}),
    ],
)  # fmt: skip
def test_a_file_of_each_kind_is_drafted_and_would_be_loaded_whole(
    desk: Desk, name: str, content: bytes, said: dict[str, object]
) -> None:
    path = desk.file(name, content)
    desk.new(path)
    expect_shops(desk)
    dialect = desk.feed().dialect
    assert {field: getattr(dialect, field) for field in said} == said
    expect_loads(desk, path)


def test_xml_is_drafted_by_the_element_that_is_a_record(desk: Desk) -> None:
    path = desk.file("shops.xml", as_xml(SHOPS))
    feed = desk.drafted(path)
    assert (feed.dialect.format, feed.dialect.record, feed.key) == ("xml", "shop", ("RefNo",))
    expect_loads(desk, path)


def test_parquet_and_geojson_are_drafted(desk: Desk) -> None:
    path = desk.files / "shops.parquet"
    table = "select i::bigint as ref_no, 'Shop ' || i as trading_name, date '2014-01-01' + i::int as opened from range(50) t(i)"
    duckdb.sql(f"copy ({table}) to '{path}' (format parquet)")
    feed = desk.drafted(path)
    assert (feed.dialect.format, feed.key, feed.columns["opened"].type) == ("parquet", ("ref_no",), "date")
    expect_loads(desk, path, 50)
    features = [
        {
            "type": "Feature",
            "properties": {"ref_no": f"T{n}", "kind": "oak"},
            "geometry": {"type": "Point", "coordinates": [-1.5 - n / 1000, 53.7 + n / 1000]},
        }
        for n in range(20)
    ]
    path = desk.file("trees.geojson", json.dumps({"type": "FeatureCollection", "features": features}))
    desk.new(path, "parks/trees")
    feed = desk.feed("parks/trees")
    assert (feed.dialect.format, feed.key) == ("geo", ("ref_no",))
    assert feed.columns["latitude"].type == "number"


def test_what_lies_inside_json_objects_is_a_column_of_its_own(desk: Desk) -> None:
    records = [
        {"id": f"P{n}", "place": {"postcode": "LS1 4AP", "lat": 53.7 + n / 1000, "lon": -1.5}}
        for n in range(20)
    ]
    path = desk.file("places.json", json.dumps(records))
    feed = desk.drafted(path)
    assert list(feed.columns) == ["id", "place.postcode", "place.lat", "place.lon"]
    expect_loads(desk, path, 20)


def test_a_file_without_a_header_gets_names_that_are_made_up(desk: Desk) -> None:
    path = desk.file("shops.csv", csv_text(SHOPS[1:]))
    feed = desk.drafted(path)
    assert feed.dialect.header is False
    assert list(feed.columns) == [f"column_{n}" for n in range(1, 8)]
    expect_loads(desk, path)


def test_ragged_rows_are_read_whole_and_a_few_short_ones_stay_faults(desk: Desk) -> None:
    rows = [tuple(row[:-1]) if n % 2 else row for n, row in enumerate(SHOPS)]
    path = desk.file("ragged.csv", csv_text(rows))
    assert desk.drafted(path).dialect.ragged is True
    expect_loads(desk, path)
    few = [tuple(row[:-1]) if n == 30 else row for n, row in enumerate(SHOPS)]
    drafted = desk.new(desk.file("few.csv", csv_text(few)), "office/few")
    assert desk.feed("office/few").dialect.ragged is False
    assert any("1 of 60 lines" in note for note in drafted.notes)


def test_a_column_that_short_rows_leave_out_in_their_middle_is_found(desk: Desk) -> None:
    rows = [(*row[:4], *row[5:]) if n and n % 3 == 0 else row for n, row in enumerate(shops(90))]
    path = desk.file("shifted.csv", csv_text(rows))
    feed = desk.drafted(path)
    assert (feed.dialect.left_out, feed.dialect.ragged) == (("Opened",), False)
    assert feed.columns["Rent"].type == "number"
    expect_loads(desk, path, 90)


marks = st.sampled_from(",;\t|*^~")
value = st.text(st.characters(codec="cp1252", exclude_categories=["Cc", "Cs"]), max_size=12)


@given(
    delimiter=marks,
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "cp1252"]),
    end=st.sampled_from(["\n", "\r\n", "\r"]),
    texts=st.lists(value, min_size=12, max_size=12),
    titles=st.integers(0, 3),
)
@example(delimiter="|", encoding="cp1252", end="\r", texts=["é, ü"] * 12, titles=2)
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_random_dialect_is_found_and_read_back_completely(
    desk: Desk, delimiter: str, encoding: str, end: str, texts: list[str], titles: int
) -> None:
    rows = [("id", "remark", "started", "fee")]
    rows += [(f"A{n}", texts[n % 12], f"2014-01-{n + 1:02d}", str(7 * n)) for n in range(24)]
    text = "".join(f"Title {n}{end}" for n in range(titles)) + csv_text(rows, end=end, delimiter=delimiter)
    path = desk.file("random.csv", text, encoding)
    with desk.sample(path) as (found, read):
        assert found.dialect["delimiter"] == delimiter
        assert found.dialect.get("skip_lines", 0) == titles
        # What only ASCII is in is the same in both.
        plain = encoding == "cp1252" and text.isascii()
        assert found.dialect["encoding"] == ("utf-8" if plain else encoding)
        assert [tuple(v or "" for v in row) for row in read] == rows[1:]
        assert found.columns == list(rows[0])


# --- people


def people(count: int = 50) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = [
        ("Tenancy Ref", "Forename", "Surname", "DOB", "NI Number", "Email", "Remarks", "Start Date")
    ]
    for n in range(count):
        rows.append(
            (
                f"T{n:04d}",
                GIVEN[n % 12],
                FAMILY[(n * 7) % 12],
                f"{1 + n % 28:02d}/0{1 + n % 9}/{1940 + n}",
                f"JG{100000 + n}A",
                f"someone{n}@example.org",
                f"Neighbours of {GIVEN[n % 12]} say that the bin number {n} is never out on the day",
                f"2015-0{1 + n % 9}-01",
            )
        )
    return rows


def test_what_is_personal_is_declared_so_and_mapped(desk: Desk) -> None:
    feed = desk.drafted(desk.file("tenants.csv", csv_text(people())))
    # The records are about people: whatever they say is.
    assert {column.classification for column in feed.columns.values()} == {"personal"}
    (person,) = feed.people
    assert (person.given_name, person.family_name, person.date_of_birth) == ("Forename", "Surname", "DOB")
    assert person.number and person.number.scheme == "nino"


def test_people_beside_the_subject_leave_it_official_and_free_text_to_a_person(desk: Desk) -> None:
    rows = [(*row, f"{GIVEN[n % 12]} {FAMILY[n % 11]}", f"The manager said on visit {n} that the door is mended soon")
            for n, row in enumerate(SHOPS)]  # fmt: skip
    rows[0] = (*SHOPS[0], "Manager", "Notes")
    feed = desk.drafted(desk.file("shops.csv", csv_text(rows)))
    classes = {name: column.classification for name, column in feed.columns.items()}
    assert (classes["Manager"], classes["Notes"], classes["Trading Name"]) == ("personal", None, "official")
    assert next(line for line in desk.text().splitlines() if "    Notes:" in line).endswith("# class?")
    assert feed.people == ()  # whether the record is about the manager, a person has to say
    assert "full_name: Manager" in desk.text()


def test_personal_values_are_neither_printed_nor_written(desk: Desk) -> None:
    rows = people()
    path = desk.file("tenants.csv", csv_text(rows))
    result = CliRunner().invoke(
        main,
        [
            "feed",
            "new",
            "office/things",
            "--from",
            str(path),
            "--city",
            str(desk.city),
            "--home",
            str(desk.folder / "home"),
        ],
    )
    assert result.exit_code == 0, result.output
    shown = result.output + desk.text()
    personal = {v for row in rows[1:] for v in row[:7]}
    assert not [v for v in personal if v in shown]
    assert "Aaaaaaaa" in result.output  # a name's pattern
    assert "99/99/9999" in result.output


def test_a_public_licence_makes_harmless_columns_public_and_no_other(desk: Desk) -> None:
    desk.new(desk.file("shops.csv", PLAIN))
    assert {c.classification for c in desk.feed().columns.values()} == {"official"}
    assert desk.feed().rights is None


# --- what is asked for


def test_a_feed_of_the_name_is_never_overwritten_and_another_is_added(desk: Desk) -> None:
    path = desk.file("shops.csv", PLAIN)
    desk.new(path)
    before = desk.text()
    with pytest.raises(DraftError, match="office/things is declared in .* already"):
        desk.new(path)
    assert desk.text() == before
    desk.new(path, "office/more")
    assert desk.text().startswith(before.rstrip("\n"))
    assert desk.feed("office/more").key == desk.feed("office/things").key


def test_a_name_is_needed_for_the_agency_and_has_to_be_plain(desk: Desk) -> None:
    path = desk.file("shops.csv", PLAIN)
    for name in ("things", "Office/things", "office/my things", "office/"):
        with pytest.raises(DraftError):
            desk.new(path, name)
    assert not list((desk.city / "feeds").glob("*/defs.yaml"))


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.csv", b"", "is empty"),
        ("blank.csv", b"\n\n\n", "holds no record"),
        ("page.csv", b"<!DOCTYPE html><html><body>Log in</body></html>", "is a web page"),
        ("letter.pdf", b"%PDF-1.7 ...", "is a PDF"),
        ("cut.zip", b"PK\x03\x04 half of it", "is a zip that was cut"),
        ("cut.json", b'{"a": [1, 2', "begins like JSON and is none"),
        ("numbers.json", b'{"a": [1, 2]}', "without a list of records"),
        ("cut.xml", b"<a><b>1</b></c>", "begins like XML and is none"),
        ("header.csv", b"id,name,fee\n", "holds no record that can be read"),
        ("fixed.txt", b"0001ACME LIMITED        100\n0002BAKERY OF OURTOWN   200\n", "of fixed width"),
        ("old.xls", b"\xd0\xcf\x11\xe0" + b"\0" * 600, "cannot be opened as a workbook"),
    ],
)
def test_a_file_that_cannot_be_understood_gets_a_sentence(
    desk: Desk, name: str, content: bytes, sentence: str
) -> None:
    with pytest.raises(DraftError, match=sentence) as error:
        desk.new(desk.file(name, content))
    assert name in str(error.value)
    assert not list((desk.city / "feeds").glob("*/defs.yaml"))


@pytest.mark.parametrize(
    "address", ["nowhere.csv", "socrate:host/abcd", "database:x", "database:housing/tenancy"]
)
def test_an_address_that_leads_nowhere_gets_a_sentence(desk: Desk, address: str) -> None:
    with pytest.raises(DraftError, match=r"\.$"):
        desk.new(address)


def test_a_zip_behind_a_password_is_drafted_with_the_name_of_its_secret(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import pyzipper

    path = desk.files / "nfi.zip"
    with pyzipper.AESZipFile(path, "w", encryption=pyzipper.WZ_AES) as packed:
        packed.setpassword(b"hush hush")
        packed.writestr("shops.csv", PLAIN)
    with pytest.raises(DraftError, match="--password NAME"):
        desk.new(path)
    monkeypatch.setenv("CITY_PLATFORM_SECRET_NFI", "hush hush")
    desk.new(path, wanted=Wanted(password="nfi"))
    expect_shops(desk)
    assert desk.feed().source.password == "nfi"
    assert "hush" not in desk.text()


def test_a_table_of_a_database_is_drafted_with_its_own_types_and_key(desk: Desk) -> None:
    desk.settings.inbox.mkdir(parents=True)
    con = sqlite3.connect(desk.settings.inbox / "housing.sqlite")
    con.execute(
        "create table tenancy (code text, part integer, began date, rent numeric, primary key (code, part))"
    )
    con.executemany(
        "insert into tenancy values (?, ?, ?, ?)", [(f"A{n // 2}", n % 2, "2014-01-01", n) for n in range(30)]
    )
    con.commit()
    con.close()
    desk.new("database:housing/tenancy")
    feed = desk.feed()
    assert feed.key == ("code", "part")
    assert {n: c.type for n, c in feed.columns.items()} == {
        "code": "text",
        "part": "integer",
        "began": "date",
        "rent": "number",
    }
    (found,) = check(desk.settings, "office/things")
    assert (found.status, found.rows) == ("would load", 30)


def test_a_file_in_the_inbox_needs_no_copying(desk: Desk) -> None:
    desk.settings.inbox.mkdir(parents=True)
    path = desk.settings.inbox / "shops.csv"
    path.write_text(PLAIN, encoding="utf-8")
    common = ["--city", str(desk.city), "--home", str(desk.folder / "home")]
    runner = CliRunner()
    first = runner.invoke(main, ["feed", "new", "office/things", "--from", str(path), *common])
    assert first.exit_code == 0, first.output
    assert "cp " not in first.output and f"feed check office/things --city {desk.city}" in first.output
    second = runner.invoke(
        main, ["feed", "new", "office/more", "--from", str(desk.file("more.csv", PLAIN)), *common]
    )
    assert f"cp {desk.files / 'more.csv'} {desk.settings.inbox}/more.csv" in second.output
    assert path.exists()


def test_content_is_the_key_where_nothing_names_a_record_and_it_is_told(desk: Desk) -> None:
    rows = [
        ("colour", "count"),
        *[("red", "1"), ("blue", "2"), ("red", "1"), ("red", "3"), ("blue", "3"), ("green", "3")] * 3,
    ]
    drafted = desk.new(desk.file("counts.csv", csv_text(rows)))
    assert desk.feed().key in ("content", ("colour", "count"))
    assert drafted.key in ("content", "colour, count")
    several = [("ref_no", "fee"), *[(f"R{n}", str(n)) for n in range(40)], ("R1", "99")]
    told = desk.new(desk.file("refs.csv", csv_text(several)), "office/refs")
    assert desk.feed("office/refs").key in ("content", ("ref_no", "fee"))
    assert "2 of 41 different records share one" in " ".join(told.notes) or told.key == "ref_no, fee"


def test_exact_repeats_do_not_hide_a_key(desk: Desk) -> None:
    assert desk.drafted(desk.file("twice.csv", csv_text([*SHOPS, SHOPS[1], SHOPS[2]]))).key == ("Ref No",)


def test_draft_says_what_it_wrote(desk: Desk) -> None:
    written = draft("office/things", str(desk.file("shops.csv", PLAIN)), desk.settings)
    assert written.path == desk.city / "feeds" / "office" / "defs.yaml"
    assert written.source == {"file": "shops.csv"}
    assert (written.drafts[0].rows, written.drafts[0].looked_at) == (60, 60)
