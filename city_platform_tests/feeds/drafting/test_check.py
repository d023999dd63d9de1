"""`feed check`: what is wrong with YAML and data is told with its line, and nothing is loaded."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from city_platform.cli import main
from city_platform.feeds.drafting.check import check, warnings_of
from city_platform.feeds.drafting.errors import DraftError
from city_platform_tests.feeds.drafting.desk import Desk, csv_text, shops

SHOPS = shops()


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The feed of shops as it is drafted."""
    desk = Desk(tmp_path_factory.mktemp("drafted"))
    desk.new(desk.file("shops.csv", csv_text(SHOPS)))
    return desk.text()


@pytest.fixture
def drafted(desk: Desk, text: str) -> Desk:
    """A city with one feed of shops, as drafted."""
    path = desk.city / "feeds" / "office" / "defs.yaml"
    path.parent.mkdir()
    path.write_text(text, encoding="utf-8")
    return desk


def command(desk: Desk, *arguments: str) -> Result:
    return CliRunner().invoke(
        main, ["feed", "check", *arguments, "--city", str(desk.city), "--home", str(desk.folder / "home")]
    )


def edit(desk: Desk, old: str, new: str) -> None:
    path = desk.city / "feeds" / "office" / "defs.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_good_data_would_load_and_nothing_is_left_behind(drafted: Desk) -> None:
    inbox = drafted.settings.inbox
    inbox.mkdir(parents=True)
    (inbox / "shops.csv").write_text(csv_text(SHOPS), encoding="utf-8")
    before = sorted(drafted.folder.rglob("*"))
    result = command(drafted)
    assert result.exit_code == 0, result.output
    assert "office/things: would load; 60 rows, 0 set aside" in result.output
    assert sorted(drafted.folder.rglob("*")) == before


def test_a_fault_in_the_yaml_is_told_with_file_line_and_field(drafted: Desk) -> None:
    edit(drafted, "type: date", "type: dates")
    line = next(n for n, text in enumerate(drafted.text().splitlines(), start=1) if "dates" in text)
    result = command(drafted)
    assert result.exit_code == 1
    assert f"{drafted.city}/feeds/office/defs.yaml, line {line}: columns.Opened.type" in result.stderr


def test_each_broken_rule_is_told_with_its_first_lines(drafted: Desk) -> None:
    rows = [list(row) for row in SHOPS]
    rows[4][4], rows[9][4], rows[20][6] = "31/02/2014", "soon", "Z"
    rows[30][0] = ""  # no key
    rows[41][0] = rows[40][0]  # one key twice
    result = command(drafted, "office/things", "--from", str(drafted.file("june.csv", csv_text(rows))))
    for line in (5, 10, 21, 31, 41, 42):
        assert f"line {line}" in result.output, line
    assert "warning: type, column Opened: 2" in result.output
    assert "warning: values, column Band: 1" in result.output
    assert "error: key_twice: 2" in result.output
    assert "would be held" in result.output and result.exit_code == 1  # 3 of 60 rows set aside are too many


def test_a_column_that_is_missing_holds_it_and_one_that_is_new_is_told(drafted: Desk) -> None:
    gone = [row[:5] + row[6:] for row in SHOPS]
    result = command(drafted, "office/things", "--from", str(drafted.file("gone.csv", csv_text(gone))))
    assert result.exit_code == 1 and "column 'Rent' is missing" in result.output
    more = [(*row, "x") for row in SHOPS]
    result = command(drafted, "office/things", "--from", str(drafted.file("more.csv", csv_text(more))))
    assert result.exit_code == 0 and "column 'x' is new" in result.output


def test_too_few_rows_hold_it(drafted: Desk) -> None:
    result = command(drafted, "office/things", "--from", str(drafted.file("few.csv", csv_text(SHOPS[:6]))))
    assert result.exit_code == 1 and "holds 5 rows; at least 30 are expected" in result.output


def test_personal_values_are_masked(drafted: Desk) -> None:
    edit(drafted, "Opened: {type: date,", "Opened: {type: date, required: true,")
    edit(drafted, "class: official, meaning: Opened", "class: personal, meaning: Opened")
    rows = [list(row) for row in SHOPS]
    rows[7][4] = "Hidden Person"
    result = command(drafted, "office/things", "--from", str(drafted.file("june.csv", csv_text(rows))))
    assert "line 8" in result.output and "Hidden" not in result.output


def test_without_data_the_declaration_is_judged_alone(drafted: Desk) -> None:
    result = command(drafted)
    assert result.exit_code == 0
    assert "declared without fault; no data at hand" in result.output


def test_a_remote_source_is_asked_only_by_name(drafted: Desk) -> None:
    edit(drafted, "source: {file: shops.csv}", 'source: {url: "http://127.0.0.1:9/shops.csv", tries: 1}')
    (found,) = check(drafted.settings)
    assert found.status == "not read"
    (asked,) = check(drafted.settings, "office/things")
    assert asked.status == "missing" and "127.0.0.1" in asked.message
    (given,) = check(drafted.settings, "office/things", str(drafted.file("june.csv", csv_text(SHOPS))))
    assert given.status == "would load"


def test_what_to_think_of_is_warned_of(drafted: Desk) -> None:
    told = warnings_of(drafted.feed())
    assert [w.split(":")[0] for w in told] == ["licence", "rights", "cadence"]
    edit(drafted, "# cadence: daily", "cadence: monthly  # daily")
    edit(drafted, "licence: TODO", "licence: OGL\n  rights: open")
    assert warnings_of(drafted.feed()) == []
    edit(drafted, "Band: {values: [A, B, C], class: official,", "Band: {values: [A, B, C],")
    edit(drafted, "postcode: Postcode", "locality: Postcode")
    edit(drafted, "class: official, meaning: Rent", "class: personal, meaning: Rent")
    edit(drafted, "expect: {rows_at_least: 30}", "expect: {}")
    names = [w.split(":")[0] for w in warnings_of(drafted.feed())]
    assert names == ["Band", "legal_basis", "retention", "expect.rows_at_least", "address"]


def test_an_unknown_feed_or_file_gets_a_sentence(drafted: Desk) -> None:
    with pytest.raises(DraftError, match="There is no feed office/nothing .* office/things"):
        list(check(drafted.settings, "office/nothing"))
    with pytest.raises(DraftError, match="is not there"):
        list(check(drafted.settings, "office/things", str(Path("nowhere.csv"))))
