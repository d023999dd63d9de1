"""A gazetteer in the exchange format of BS7666 (DTF 7.3) is added with no line written by hand."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from city_platform.city import load_city
from city_platform.cli import main
from city_platform.entities.gazetteer import gazetteer_feeds
from city_platform.feeds.declaration import load_feeds
from city_platform.feeds.drafting import dtf
from city_platform.feeds.drafting.check import check
from city_platform.feeds.drafting.draft import draft
from city_platform.feeds.drafting.errors import DraftError
from city_platform_tests.feeds.drafting.desk import Desk, csv_text

DATES = ("2007-10-01", "", "2019-05-02", "2007-10-01")
NAMES = {"street", "blpu", "xref", "lpi", "classification"}


def gazetteer(properties: int = 12, blpu_ends: tuple[str, ...] = (), told: int | None = None) -> str:
    """A made-up file: header, a street, and properties with an address, a reference and a class each; then the trailer."""
    rows: list[tuple[str, ...]] = [
        ("10", "OURTOWN COUNCIL", "4725", "2026-01-05", "1", "2026-01-05", "09.30.00", "7.3", "F")
    ]
    rows.append(("15", "I", "1", "20301122", "MILL LANE", "", "OURTOWN", "OURTOWN", "ENG"))
    for n in range(properties):
        uprn = f"10005010{n:04d}"
        grid = (f"{430000 + n}.00", f"{433000 + n}.00")
        rows.append(
            (
                "21",
                "I",
                str(10 + n),
                uprn,
                "1",
                "2",
                "2007-10-01",
                "",
                *grid,
                "1",
                "4725",
                *DATES,
                "",
                "E05001",
                *blpu_ends,
            )
        )
        rows.append(("23", "I", str(100 + n), uprn, f"4725X{n:09d}", f"7{n:06d}", "1", "7666VC", *DATES))
        sao_pao = ("", "", "", "", "", str(n + 1), "", "", "", "")
        rows.append(
            (
                "24",
                "I",
                str(200 + n),
                uprn,
                f"4725L{n:09d}",
                "ENG",
                "1",
                *DATES,
                *sao_pao,
                "20301122",
                "",
                "Y",
                "LS1 4AP",
                "OURTOWN",
                "Y",
            )
        )
        rows.append(
            ("32", "I", str(300 + n), uprn, f"4725C{n:09d}", "RD04", *DATES, "AddressBase Premium", "1.0")
        )
    count = len(rows) - 1 if told is None else told
    rows.append(("99", "0", str(count), "2026-01-05", "09.30.00"))
    return csv_text(rows)


def test_one_feed_is_drafted_for_each_record_type_and_would_be_loaded(desk: Desk) -> None:
    path = desk.file("gazetteer.csv", gazetteer())
    written = draft("custodian/gazetteer", str(path), desk.settings)
    assert {d.feed for d in written.drafts} == {f"custodian/{n}" for n in NAMES}
    city, feeds = load_city(desk.city), load_feeds(desk.city)
    # The platform's own gazetteer step takes them as they are.
    assert len(gazetteer_feeds(city, feeds)) == 5
    desk.settings.inbox.mkdir(parents=True)
    (desk.settings.inbox / "gazetteer.csv").write_bytes(path.read_bytes())
    found = {c.feed.partition("/")[2]: c for c in check(desk.settings)}
    assert {n: c.rows for n, c in found.items()} == {
        "street": 1,
        "blpu": 12,
        "xref": 12,
        "lpi": 12,
        "classification": 12,
    }
    assert {(c.status, c.set_aside) for c in found.values()} == {("would load", 0)}


def test_the_trailer_is_checked_by_what_was_drafted(desk: Desk) -> None:
    draft("custodian/gazetteer", str(desk.file("gazetteer.csv", gazetteer())), desk.settings)
    (found,) = check(desk.settings, "custodian/blpu", str(desk.file("cut.csv", gazetteer(told=7))))
    assert found.status == "would be held"
    assert found.broken[0].rule == "trailer_count"


def test_the_standard_s_longer_layout_is_known_by_its_fields(desk: Desk) -> None:
    draft(
        "custodian/gazetteer",
        str(desk.file("g.csv", gazetteer(blpu_ends=("E04001", "", "", "")))),
        desk.settings,
    )
    assert list(desk.feed("custodian/blpu").columns)[-4:] == [
        "parish_code",
        "custodian_one",
        "custodian_two",
        "can_key",
    ]


def test_a_layout_that_nobody_knows_is_told_and_drafts_nothing_for_its_type(desk: Desk) -> None:
    written = draft(
        "custodian/gazetteer", str(desk.file("g.csv", gazetteer(blpu_ends=("x", "y")))), desk.settings
    )
    assert "custodian/blpu" not in {d.feed for d in written.drafts}
    assert any("type 21" in n and "20 fields" in n for n in written.drafts[0].notes)
    assert written.city_lines == [] and load_city(desk.city).gazetteer is None


def test_it_is_not_added_twice(desk: Desk) -> None:
    path = str(desk.file("gazetteer.csv", gazetteer()))
    draft("custodian/gazetteer", path, desk.settings)
    before = desk.text("custodian"), (desk.city / "city.yaml").read_text(encoding="utf-8")
    with pytest.raises(DraftError, match="declared in .* already"):
        draft("custodian/gazetteer", path, desk.settings)
    assert before == (desk.text("custodian"), (desk.city / "city.yaml").read_text(encoding="utf-8"))


def test_the_command_says_what_it_made(desk: Desk) -> None:
    path = desk.file("gazetteer.csv", gazetteer())
    home = str(desk.folder / "home")
    result = CliRunner().invoke(
        main,
        ["feed", "new", "custodian/gazetteer", "--from", str(path), "--city", str(desk.city), "--home", home],
    )
    assert result.exit_code == 0, result.output
    assert "custodian/lpi: 12 rows, 27 columns, key: uprn, lpi_key" in result.output
    assert "gazetteer: {standard: bs7666, agency: custodian}" in result.output
    assert "class?" not in desk.text("custodian")


def test_every_column_of_the_standard_has_a_meaning() -> None:
    names = {name for kind in dtf.KNOWN for layout in kind.layouts for name in layout.split()}
    royal_mail = {n for n in next(k for k in dtf.KNOWN if k.number == "28").layouts[0].split()}
    assert names - set(dtf.MEANINGS) <= royal_mail  # whose names say what they are
    for kind in dtf.KNOWN:
        for layout in kind.layouts:
            assert set(kind.key) <= set(layout.split())


def test_where_the_dates_stand_tells_two_layouts_of_one_length_apart() -> None:
    kind = next(k for k in dtf.KNOWN if k.number == "32")
    council = ["32", "I", "1", "100", "4725C1", "RD04", *DATES, "AddressBase Premium", "1.0"]
    premium = ["32", "I", "1", "100", "4725C1", "RD04", "AddressBase Premium", "1.0", *DATES]
    layouts = [dtf.layout_of(kind, 12, [row]) for row in (council, premium)]
    assert [columns.index("class_scheme") for columns in layouts if columns] == [10, 6]
