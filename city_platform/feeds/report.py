"""Report: what was wrong with the newest deliveries of an agency's feeds, as a page and a CSV that can be sent to it.

Belongs here: what such a report holds and how it is written. Does not belong here: finding what is wrong (load.py),
and sending it: a person does that.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from html import escape
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any, Literal

from city_platform.city import load_city
from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.feeds.freshness import Freshness, freshness, today
from city_platform.rebuild import prepare, sql_file
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

Reader = Literal["agency", "us"]
OURS = "_us"  # the file with what we have to mend; no agency's name can begin with _
WORST = 10
SHOWN = 200  # issues a feed on the page; the CSV has them all
SEVERITIES = ("error", "warning", "info")
RUNS_IN_A_SPREADSHEET = ("=", "+", "-", "@", "\t", "\r")
FATES = "read new changed unchanged repeated quarantined removed".split()
# What to do about a rule where its message does not ask for anything itself.
TO_DO = {
    "required": "Please give a value in every line.",
    "type": "Please write the values as agreed.",
    "values": "Please use the agreed values, or tell us which are new.",
    "range": "Please mend the values, or tell us that they are right.",
    "pattern": "Please write the text as agreed, or tell us how it is written now.",
    "key_missing": "Please fill in the columns that say which record it is.",
    "key_twice": "Please send each record once.",
    "repeat": "Please leave out lines that stand there already.",
    "blank_record": "Please leave out lines without values.",
    "line_rejected": "Please mend these lines and send the file again.",
    "not_received": "Please check that the file is where we fetch it, and that it can be read.",
    "added_column": "Declare it in the feed's defs.yaml, or ask the agency to leave it out.",
    "failed": "Mend the code; the run's log names the places.",
}
NOT_RECEIVED = "not_received"


@dataclass(frozen=True)
class Issue:
    """One thing wrong, as quality.issue has it."""

    file_name: str | None
    line: int | None
    column: str | None
    value: str | None  # masked where it is personal
    rule: str
    severity: str
    message: str


@dataclass(frozen=True)
class Kind:
    """All that is wrong with one column of a feed by one rule."""

    times: int
    example: Issue


@dataclass(frozen=True)
class FeedReport:
    """One feed's newest delivery, and what is wrong with it that the reader can mend."""

    feed: Feed
    file_name: str | None  # None: nothing was ever delivered
    taken_at: datetime | None
    status: str | None  # landed, loaded or held
    held_because: str | None
    fates: dict[str, int | None]
    fresh: Freshness
    kinds: list[Kind]
    issues: list[Issue]  # the first SHOWN of them

    def times(self, severity: str) -> int:
        return sum(k.times for k in self.kinds if k.example.severity == severity)


@dataclass(frozen=True)
class Report:
    """What one reader is told of some feeds."""

    reader: Reader
    name: str  # of its files
    about: str  # whose deliveries, for the heading
    city: str
    on: date
    feeds: list[FeedReport]


class ReportError(ValueError):
    """A report that cannot be written; the message says why, and what to do."""


def write_wanted(
    settings: Settings, what: str | None, out: Path, say: Callable[[str], None]
) -> list[tuple[Path, int]]:
    """Write the reports of everything, of one agency or of one feed; returns each page and how much it asks to mend.

    Takes the run's lock, and waits for whoever has it.
    """
    feeds = load_feeds(settings.city_folder)
    chosen = [f for f in feeds if what in (None, f.id, f.agency)]
    if not chosen:
        agencies = ", ".join(sorted({f.agency for f in feeds}))
        raise ReportError(f"There is no agency or feed {what}. These agencies send feeds: {agencies}.")
    if settings.catalog is None and not (settings.home / "warehouse.duckdb").is_file():
        raise ReportError(f"{settings.home}: nothing was loaded yet. `city-platform run` does it.")
    city, on = load_city(settings.city_folder).name, today(settings)
    with Warehouse(settings, say=say) as warehouse:
        prepare(warehouse)
        con = warehouse.con
        if what is None:
            return write_reports(con, feeds, city, on, out)
        name = what.replace("/", "__")
        return [write_report(con, collect(con, chosen, "agency", name, city, on), out)]


def write_reports(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], city: str, on: date, out: Path
) -> list[tuple[Path, int]]:
    """Write each agency's page and CSV, and those of what we have to mend; returns each page and how much it asks."""
    by_agency: dict[str, list[Feed]] = {}
    for feed in feeds:
        by_agency.setdefault(feed.agency, []).append(feed)
    reports = [collect(con, own, "agency", agency, city, on) for agency, own in by_agency.items()]
    reports.append(collect(con, feeds, "us", OURS, city, on))
    return [write_report(con, report, out) for report in reports]


def forget_others(written: Sequence[tuple[Path, int]], folder: Path) -> None:
    """Remove the reports of agencies that send nothing any more. Only of a folder that is ours alone."""
    wanted = {page.stem for page, _ in written}
    for path in [*folder.glob("*.html"), *folder.glob("*.csv")]:
        if path.stem not in wanted:
            path.unlink()


def collect(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], reader: Reader, name: str, city: str, on: date
) -> Report:
    """Read what the reader is told: an agency only of what it can mend, we of the rest."""
    about = "all agencies" if reader == "us" else _agency(feeds)
    return Report(reader, name, about, city, on, [_collect(con, f, reader, on) for f in feeds])


def write_report(con: duckdb.DuckDBPyConnection, report: Report, out: Path) -> tuple[Path, int]:
    """Write the page and the CSV beside it, each moved in whole; returns the page and how much it asks to mend."""
    out.mkdir(mode=0o700, parents=True, exist_ok=True)
    table, page = out / f"{report.name}.csv", out / f"{report.name}.html"
    building = table.with_name(f".{table.name}.building")
    # The mark at the start tells Excel that it is UTF-8.
    with building.open("w", encoding="utf-8-sig", newline="") as target:
        writer = csv.writer(target)
        writer.writerow("feed file line column value rule severity message".split())
        for of in report.feeds:
            for i in all_issues(con, of.feed, report.reader):
                row = (of.feed.id, i.file_name, i.line, i.column, i.value, i.rule, i.severity, i.message)
                writer.writerow([safe_cell(v) for v in row])
    os.replace(building, table)
    building = page.with_name(f".{page.name}.building")
    building.write_text(html(report), encoding="utf-8")
    os.replace(building, page)
    return page, sum(kind.times for of in report.feeds for kind in of.kinds)


def safe_cell(value: Any) -> Any:
    """Text that a spreadsheet would run as a formula is shown to it as text."""
    return f"'{value}" if isinstance(value, str) and value.startswith(RUNS_IN_A_SPREADSHEET) else value


def html(report: Report) -> str:
    """The page: one file that needs nothing else; every value is escaped."""
    template = Template(Path(__file__).with_suffix(".html").read_text(encoding="utf-8"))
    title = _title(report)
    body = "\n".join(
        [
            _head(report, title),
            _worst(report),
            _by_feed(report),
            *(_listed(f, report.name) for f in report.feeds if f.issues),
            "<footer><p>Lines are those of the file as it was sent; the first is line 1. Values of personal columns are "
            f"left out or masked. The file {escape(report.name)}.csv beside this page lists everything, for a spreadsheet."
            "</p></footer>",
        ]
    )
    return template.substitute(title=escape(title), body=body)


def _collect(con: duckdb.DuckDBPyConnection, feed: Feed, reader: Reader, on: date) -> FeedReport:
    newest = con.execute(
        f"select file_name, retrieved_at, status, message, {', '.join(f'rows_{f}' for f in FATES)} "
        "from provenance.delivery where feed = ? and status <> 'repeat' order by sequence desc limit 1",
        [feed.id],
    ).fetchone()
    file_name, taken_at, status, message, *rows = newest or (None, None, None, None, *(None for _ in FATES))
    return FeedReport(
        feed,
        file_name,
        taken_at,
        status,
        message if status == "held" else None,
        dict(zip(FATES, rows, strict=True)),
        freshness(con, feed, on),
        _kinds(con, feed, reader),
        list(all_issues(con, feed, reader, SHOWN)),
    )


def all_issues(
    con: duckdb.DuckDBPyConnection, feed: Feed, reader: Reader, most: int | None = None
) -> Iterator[Issue]:
    """What is wrong with the feed's newest delivery that the reader can mend, the worst first."""
    limit = "" if most is None else f" limit {most}"
    found = con.execute(sql_file("feeds/report.sql") + limit, {"feed": feed.id, "responsible": reader})
    while rows := found.fetchmany(10_000):
        for row in rows:
            yield _told(feed, Issue(*row), reader)


def _kinds(con: duckdb.DuckDBPyConnection, feed: Feed, reader: Reader) -> list[Kind]:
    fields = "file_name, line, column_name, value, rule, severity, message"
    rows = con.execute(
        f"select times, unnest(example) from (select count(*) as times, arg_min(struct_pack({fields}), "
        f"coalesce(line, 0)) as example from ({sql_file('feeds/report.sql')}) group by column_name, rule, severity)",
        {"feed": feed.id, "responsible": reader},
    ).fetchall()
    return [Kind(times, _told(feed, Issue(*row), reader)) for times, *row in rows]


def _told(feed: Feed, issue: Issue, reader: Reader) -> Issue:
    """Where nothing arrived, the message speaks of our folders and settings, which tell an agency nothing."""
    if issue.rule != NOT_RECEIVED or reader == "us":
        return issue
    text = f"Feed {feed.id}, file {issue.file_name}: nothing could be fetched when we last tried."
    return replace(issue, message=f"{text} {TO_DO[NOT_RECEIVED]}")


def _agency(feeds: Sequence[Feed]) -> str:
    """The agency's name for a heading."""
    name = feeds[0].agency.replace("_", " ")
    return name[:1].upper() + name[1:]


def _title(report: Report) -> str:
    if report.reader == "us":
        return f"{report.city}: what we have to mend ourselves"
    if len(report.feeds) == 1:
        return f"{report.about}: what was wrong with the newest delivery of “{report.feeds[0].feed.title}”"
    return f"{report.about}: what was wrong with your newest deliveries"


def _head(report: Report, title: str) -> str:
    contacts = sorted({f.feed.contact for f in report.feeds if f.feed.contact})
    people = "the data engineers" if report.reader == "us" else ", ".join(contacts)
    facts = [
        ("To", people or "(no contact is declared for these feeds)"),
        ("From", f"{report.city}, the team that loads the data"),
        ("As of", f"{report.on}, written {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"),
    ]
    counts = {s: sum(f.times(s) for f in report.feeds) for s in SEVERITIES}
    held = [f for f in report.feeds if f.status == "held"]
    late = [f for f in report.feeds if f.fresh.state == "late"]
    sums = [
        (counts["error"], "errors: a record or a file was set aside", "error"),
        (counts["warning"], "warnings: a value was left out", "warning"),
        (counts["info"], "remarks: nothing was lost", ""),
        (len(held), "feeds whose newest file is held", "held" if held else ""),
        (len(late), "feeds that are late", "late" if late else ""),
    ]
    if report.reader == "us":
        lead = "What stood in the way of loading that no agency can mend: declarations, settings, code."
    else:
        lead = (
            "We join what you send with what others send. Please mend what is named here in your own system, so that "
            "the next delivery is right; what needs no mending, please tell us. The ten that matter most come first."
        )
    if not any(counts.values()):
        lead = "Nothing is wrong that " + ("we have" if report.reader == "us" else "you have") + " to mend."
    return "\n".join(
        [
            "<header>",
            f"<h1>{escape(title)}</h1>",
            f"<p>{escape(lead)}</p>",
            "<dl>" + "".join(f"<dt>{escape(k)}</dt><dd>{escape(v)}</dd>" for k, v in facts) + "</dl>",
            "</header>",
            '<ul class="sums">'
            + "".join(
                f'<li><b class="{kind if n else ""}">{n:,}</b>{escape(text)}</li>' for n, text, kind in sums
            )
            + "</ul>",
        ]
    )


def _worst(report: Report) -> str:
    """The rules that most was lost to, by feed and column."""
    kinds = [(of.feed, kind) for of in report.feeds for kind in of.kinds]
    if not kinds:
        return ""
    kinds.sort(
        key=lambda k: (
            SEVERITIES.index(k[1].example.severity),
            -k[1].times,
            k[0].id,
            k[1].example.column or "",
            k[1].example.rule,
        )
    )
    rows = []
    for feed, kind in kinds[:WORST]:
        example = kind.example
        rows.append(
            _cells(
                (f"{kind.times:,}", "n"),
                (example.severity, example.severity),
                (feed.name if report.reader == "agency" else feed.id, ""),
                (example.column or "–", ""),
                (example.rule.replace("_", " "), ""),
                (
                    ("" if example.line is None else f"Line {example.line}: ")
                    + _text(feed.id, example, with_request=False),
                    "said",
                ),
                (to_do(example), "said"),
            )
        )
    more = (
        f'<p class="soft">{len(kinds) - WORST} more kinds are listed below.</p>' if len(kinds) > WORST else ""
    )
    head = _cells(
        ("Times", "n"), ("How bad", ""), ("Feed", ""), ("Column", ""), ("Rule", ""), ("Example", ""),
        ("What to do", ""), tag="th",
    )  # fmt: skip
    return f"<h2>What matters most</h2>\n{_table(head, rows)}\n{more}"


def to_do(issue: Issue) -> str:
    """What the message asks for; else what is to be done about such a rule."""
    asked = issue.message.find("Please ")
    if asked >= 0:
        return issue.message[asked:]
    return TO_DO.get(issue.rule, "See the example.")


def _by_feed(report: Report) -> str:
    rows, notes = [], []
    for of in report.feeds:
        fresh = of.fresh
        rows.append(
            _cells(
                (of.feed.title if report.reader == "agency" else of.feed.id, ""),
                (of.file_name or "–", ""),
                (f"{of.taken_at:%Y-%m-%d}" if of.taken_at else "–", "whole"),
                (of.status or "nothing yet", of.status or "held"),
                *((_number(of.fates[f]), "n") for f in FATES),
                (fresh.state.replace("_", " "), fresh.state),
            )
        )
        if of.held_because:
            notes.append(
                f'<p class="note">{escape(of.held_because)} The last good delivery stays in use.</p>'
            )
        if fresh.state == "late":
            notes.append(f'<p class="note">{escape(fresh.message)}</p>')
    head = _cells(
        ("Feed", ""), ("Newest file", ""), ("Taken", ""), ("State", ""), ("Read", "n"), ("New", "n"),
        ("Changed", "n"), ("Unchanged", "n"), ("Repeated", "n"), ("Set aside", "n"), ("Gone", "n"), ("In time?", ""),
        tag="th",
    )  # fmt: skip
    about = (
        '<p class="soft">Rows read = new + changed + unchanged + exact repeats + set aside. Gone: records of before '
        "that this file no longer holds. Held: the file was not loaded. In time: by how often it is agreed to come.</p>"
    )
    return "\n".join(
        ["<h2>Every feed, by what became of its rows</h2>", *notes, _table(head, rows, "wide dense"), about]
    )


def _listed(of: FeedReport, name: str) -> str:
    rows = [
        _cells(
            (_number(i.line), "n"),
            (i.column or "–", ""),
            (i.value or "", "value"),
            (i.rule.replace("_", " "), ""),
            (i.severity, i.severity),
            (_text(of.feed.id, i), "said"),
        )
        for i in of.issues[:SHOWN]
    ]
    head = _cells(
        ("Line", "n"), ("Column", ""), ("Value", ""), ("Rule", ""), ("How bad", ""), ("What is wrong", ""), tag="th"
    )  # fmt: skip
    total = sum(k.times for k in of.kinds)
    told = (
        f"The first {SHOWN} of {total:,}, the worst first; {name}.csv has them all."
        if total > SHOWN
        else f"{total:,} in all."
    )
    file = f", file {of.issues[0].file_name}" if of.issues[0].file_name else ""
    return (
        f"<h3>{escape(of.feed.title)}{escape(file)}</h3>\n"
        f'<p class="soft">{escape(told)}</p>\n{_table(head, rows)}'
    )


def _text(feed_id: str, issue: Issue, with_request: bool = True) -> str:
    """The message without the feed, file, line and column that stand beside it, and without what it asks for."""
    text = issue.message.removeprefix(f"Feed {feed_id}, file {issue.file_name}")
    text = (
        text.removeprefix(f", line {issue.line}").removeprefix(f", column {issue.column}").removeprefix(": ")
    )
    text = text.removeprefix(f"line {issue.line}: ")
    asked = text.find("Please ")
    if not with_request and asked > 0:
        text = text[:asked].rstrip()
    return text[:1].upper() + text[1:]


def _number(value: int | None) -> str:
    return "–" if value is None else f"{value:,}"


def _cells(*cells: tuple[str, str], tag: str = "td") -> str:
    """A row; each cell is its text and its class."""
    return "<tr>" + "".join(f'<{tag} class="{kind}">{escape(text)}</{tag}>' for text, kind in cells) + "</tr>"


def _table(head: str, rows: Iterable[str], kind: str = "wide") -> str:
    return (
        f'<div class="{kind}"><table><thead>{head}</thead><tbody>\n'
        + "\n".join(rows)
        + "\n</tbody></table></div>"
    )
