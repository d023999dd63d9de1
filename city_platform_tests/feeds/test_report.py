"""The report to an agency: it tells what that agency can mend, the worst first, and runs nothing on who opens it."""

from __future__ import annotations

import csv
import os
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from city_platform.feeds.cli import feed
from city_platform.feeds.report import SHOWN, safe_cell
from city_platform_tests.feeds.small_city import SmallCity
from city_platform_tests.feeds.small_feed import COLUMNS, HEADER, csv_text, licence, licences, with_column
from city_platform_tests.runs import in_own_interpreter

LENIENT = {"quarantined_at_most": 1.0, "left_out_at_most": 1.0}
SCRIPT = "<script>alert('x')</script>&"
# Elements that hold or fetch anything, and attributes that run or fetch.
LOADING = {"script", "img", "link", "iframe", "object", "embed", "video", "audio", "form", "base", "svg"}


class Page(HTMLParser):
    """A page's elements, attributes and tables."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.tables: list[list[list[str]]] = []
        self._cell: list[str] | None = None
        self.text = path.read_text()
        self.feed(self.text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = []

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append("".join(self._cell))
            self._cell = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def listed(town: SmallCity, name: str = "kennels") -> list[dict[str, str]]:
    with (town.settings.reports / f"{name}.csv").open(encoding="utf-8-sig", newline="") as source:
        return list(csv.DictReader(source))


def page(town: SmallCity, name: str = "kennels") -> Page:
    return Page(town.settings.reports / f"{name}.html")


def ask(*arguments: str) -> Result:
    """`city-platform feed report`, in this process: it holds the lock of the runs that it made."""
    return CliRunner().invoke(feed, ["report", *arguments])


def environment() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if k.startswith("CITY_PLATFORM")}


def test_the_page_has_the_worst_first_then_feeds_then_issues(town: SmallCity) -> None:
    town.declare("kennels", expect=LENIENT)
    rows = licences(20)
    rows[2] = licence(3, issued="31 June 2014")
    rows[5:9] = [licence(n, fee="1000") for n in range(6, 10)]
    town.put("dogs.csv", rows)
    assert town.run().success
    worst, feeds, issues = page(town).tables
    assert worst[0] == ["Times", "How bad", "Feed", "Column", "Rule", "Example", "What to do"]
    assert worst[1:] == [
        ["1", "error", "dogs", "issued", "type",
         'Line 4: "31 June 2014" is not a date that exists, written as 2014-09-01; the record was set aside.',
         "Please mend it and send it again."],
        ["4", "warning", "dogs", "fee", "range",
         'Line 7: "1000" is not between 0 and 100; the value was left out, the record kept.', "Please mend it."],
    ]  # fmt: skip
    assert feeds[1][0] == "Dog licences"
    assert feeds[1][3:] == ["loaded", "20", "19", "0", "0", "0", "1", "0", "not assessable"]
    assert [row[:5] for row in issues[1:]] == [
        ["4", "issued", "31 June 2014", "type", "error"],
        *([str(line), "fee", "1000", "range", "warning"] for line in (7, 8, 9, 10)),
    ]
    assert "To" in page(town).text and "kennels@example.org" in page(town).text


def test_the_csv_has_every_issue_and_the_page_the_first_of_them(town: SmallCity) -> None:
    town.declare("kennels", expect=LENIENT)
    count = SHOWN + 50
    town.put("dogs.csv", [licence(n, fee="1000") for n in range(1, count + 1)])
    assert town.run().success
    assert len(listed(town)) == count
    assert listed(town)[0] | {"message": ""} == {
        "feed": "kennels/dogs", "file": "dogs.csv", "line": "2", "column": "fee", "value": "1000",
        "rule": "range", "severity": "warning", "message": "",
    }  # fmt: skip
    assert len(page(town).tables[2]) == SHOWN + 1
    assert f"The first {SHOWN} of {count}" in page(town).text


def test_only_the_ten_worst_rules_come_first(town: SmallCity) -> None:
    columns = COLUMNS | {
        f"n{n}": {"type": "integer", "class": "public", "meaning": "A number"} for n in range(12)
    }
    town.declare("kennels", columns=columns, expect=LENIENT)
    rows = [(*licence(1), *["x"] * 12), *((*licence(n), *["1"] * 12) for n in range(2, 20))]
    (town.inbox / "dogs.csv").write_text(csv_text(rows, header=[*HEADER, *(f"n{n}" for n in range(12))]))
    assert town.run().success
    assert len(page(town).tables[0]) == 1 + 10
    assert "2 more kinds are listed below." in page(town).text


def test_values_from_the_file_are_text_and_nothing_is_fetched(town: SmallCity) -> None:
    town.declare("kennels", title=f"Dogs {SCRIPT}", expect=LENIENT)
    town.put("dogs.csv", [licence(1, fee=SCRIPT), *licences(10, start=2)])
    assert town.run().success
    for name in ("kennels", "_us"):
        shown = page(town, name)
        assert not LOADING & set(shown.tags)
        assert not {a for a, _ in shown.attributes if a.startswith("on") or a in ("src", "href", "style")}
        assert not re.search(r"url\(|@import", shown.text)
    shown = page(town)
    assert shown.tables[2][1][2] == SCRIPT  # the control: it is there, as text
    assert shown.tables[1][1][0] == f"Dogs {SCRIPT}"


@pytest.mark.parametrize("text", ["=2+5", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_a_spreadsheet_runs_no_cell(text: str) -> None:
    assert safe_cell(text) == "'" + text


def test_a_spreadsheet_runs_no_cell_of_the_file(town: SmallCity) -> None:
    town.declare("kennels", expect=LENIENT)
    town.put("dogs.csv", [licence(1, fee='=HYPERLINK("x")'), licence(2, fee="-5"), *licences(10, start=3)])
    assert town.run().success
    assert [row["value"] for row in listed(town)] == ['\'=HYPERLINK("x")', "'-5"]
    assert not any(str(v).startswith(("=", "+", "-", "@")) for row in listed(town) for v in row.values())


def test_personal_values_are_in_no_report(town: SmallCity) -> None:
    columns = with_column("fee", **{"class": "personal"})
    town.declare("kennels", columns=columns, expect=LENIENT)
    town.put("dogs.csv", [licence(1, fee="Erika Private"), *licences(10, start=2)])
    assert town.run().success
    assert listed(town)[0]["value"] == "(masked)"
    for path in town.settings.reports.iterdir():
        assert "Erika" not in path.read_text() and "Hidden" not in path.read_text(), path


def test_the_agency_is_told_what_it_can_mend_and_we_the_rest(town: SmallCity) -> None:
    town.declare("kennels", expect=LENIENT)
    town.declare("cats", source={"file": "cats.csv"})
    town.put("dogs.csv", [licence(1, fee="1000"), *licences(10, start=2)])
    path = town.put("cats.csv")
    path.write_text(path.read_text().replace("\n", ",brown\n").replace("fee,brown", "fee,colour"))
    assert town.run().success
    assert [row["rule"] for row in listed(town)] == ["range"]
    assert listed(town, "cats") == []
    assert "Nothing is wrong that you have to mend." in page(town, "cats").text
    assert [(row["feed"], row["rule"]) for row in listed(town, "_us")] == [("cats/dogs", "added_column")]
    for ours in ("added_column", "cats"):
        assert ours not in page(town).text


def test_where_nothing_came_the_agency_is_not_told_of_our_folders(town: SmallCity) -> None:
    town.declare("kennels")
    assert town.run().success
    assert str(town.base) not in page(town).text + str(listed(town))
    assert "nothing could be fetched when we last tried" in listed(town)[0]["message"]
    assert str(town.base) in listed(town, "_us")[0]["message"]  # we need to know where


def test_held_and_late_feeds_are_told_with_their_reason(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    town.declare("kennels", cadence="daily")
    town.put("dogs.csv", licences(100))
    assert town.run().success
    town.put("dogs.csv", licences(5))
    monkeypatch.setenv("CITY_PLATFORM_AS_OF", "2100-01-01")
    assert town.run().success
    feeds = page(town).tables[1]
    assert (feeds[1][3], feeds[1][-1]) == ("held", "late")
    assert "A fall of more than 50% is not loaded." in page(town).text
    assert "the next was due on" in page(town).text


def test_issues_of_older_deliveries_are_not_told_again(town: SmallCity) -> None:
    town.declare("kennels", expect=LENIENT)
    town.put("dogs.csv", [licence(1, fee="1000"), *licences(10, start=2)])
    assert town.run().success
    assert len(listed(town)) == 1
    town.put("dogs.csv", [licence(1, fee="100"), *licences(10, start=2)])
    assert town.run().success
    assert listed(town) == []
    assert town.rows("select count(*) from quality.issue") == [(1,)]  # the record of it stays


def test_dagster_shows_where_the_reports_are(town: SmallCity) -> None:
    town.declare("kennels")
    town.put("dogs.csv")
    result = town.run()
    shown = {
        e.asset_key.to_user_string(): e.materialization.metadata
        for e in result.get_asset_materialization_events()
        if e.asset_key
    }
    links = str(shown["quality/issue"]["reports"].value)
    assert str(town.settings.reports / "kennels.html") in links and "file://" in links


def test_reports_of_an_agency_that_left_are_removed_and_nothing_else_ever_is(
    town: SmallCity, tmp_path: Path
) -> None:
    town.declare("kennels")
    town.declare("cats", source={"file": "cats.csv"})
    for name in ("dogs.csv", "cats.csv"):
        town.put(name)
    assert town.run().success
    assert (town.settings.reports / "cats.html").exists()
    (town.folder / "feeds" / "cats" / "defs.yaml").unlink()
    town.put("dogs.csv", licences(21))
    assert town.run().success
    assert sorted(p.name for p in town.settings.reports.iterdir()) == [
        "_us.csv", "_us.html", "kennels.csv", "kennels.html",
    ]  # fmt: skip
    other = tmp_path / "out"
    other.mkdir()
    (other / "mine.csv").write_text("mine")
    assert ask("--out", str(other)).exit_code == 0
    assert (other / "mine.csv").read_text() == "mine"
    assert (other / "kennels.html").exists()


def test_the_command_writes_one_agencys_or_one_feeds_report(town: SmallCity, tmp_path: Path) -> None:
    out = tmp_path / "out"
    town.declare("kennels", expect=LENIENT)
    early = ask("--out", str(out))
    assert early.exit_code == 1 and "nothing was loaded yet. `city-platform run` does it." in early.output
    town.put("dogs.csv", [licence(1, fee="1000"), *licences(10, start=2)])
    assert town.run().success
    result = ask("kennels/dogs", "--out", str(out))
    assert result.exit_code == 0, result.output
    assert f"1 to mend  {out / 'kennels__dogs.html'}" in result.output
    assert sorted(p.name for p in out.iterdir()) == ["kennels__dogs.csv", "kennels__dogs.html"]
    assert ask("kennels", "--out", str(out)).exit_code == 0
    assert (out / "kennels.html").exists()
    wrong = ask("dogs", "--out", str(out))
    assert wrong.exit_code == 1
    assert wrong.output == "Error: There is no agency or feed dogs. These agencies send feeds: kennels.\n"


def test_the_command_waits_for_a_run_and_says_for_whom(town: SmallCity) -> None:
    town.declare("kennels")
    town.put("dogs.csv")
    assert town.run().success  # this process holds the run's lock until it ends
    result = in_own_interpreter(["feed", "report"], **environment(), CITY_PLATFORM_LOCK_WAIT="0.5")
    assert result.returncode == 1
    assert "Waiting for run" in result.stdout and f"process {os.getpid()}" in result.stdout
    assert "Waited 0.5 s" in result.stderr and "Traceback" not in result.stderr
