"""Outcomes: plays the officers who answer a worklist, and writes what they find into their own system.

Belongs here: the visits to food businesses of the newest worklist, as the next rows of environmental health's file of
inspections, under its own references. Does not belong here: reading them back (they arrive like any other delivery).

What was played is kept in truth/, and put into later deliveries of the file too: the agency's system forgets nothing.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.rebuild import sql_file
from city_platform.settings import Settings
from city_platform.tables import quote_text

CASE = "food_safety"
FEED = "environmental_health/food_inspections"
REGISTER = "environmental_health/food_registrations"
PLAYED = "played_visits.csv"  # rows of the agency's file, as it writes them
FIRST_ID = 900_000_000  # above every number that the agency's system has given
WORKING_DAYS = 20
# The interval to the next visit by the score that was given, and the rating that follows.
CATEGORY = {0: "E", 5: "D", 10: "C", 15: "B", 20: "A"}
DAYS_TO_NEXT = {"A": 182, "B": 365, "C": 548, "D": 730, "E": 1095}
RATING = {0: 5, 5: 5, 10: 3, 15: 1, 20: 0}


@dataclass(frozen=True)
class Played:
    """How the visits of one worklist came out."""

    as_of: date
    results: dict[str, int]  # inspected, misjudged, no_access, closed
    bad: int  # not broadly compliant, of those inspected or misjudged
    path: Path


def play(settings: Settings, seed: int = 1) -> Played:
    """Visit everything on the newest worklist of the case, and add the visits to the agency's file in the inbox.

    Raises FileNotFoundError where nothing was made or published yet. The same worklist gives the same visits; visits
    that were played before are replaced.
    """
    import duckdb

    home = settings.home
    feed, register = (
        next(f for f in load_feeds(settings.city_folder) if f.id == n) for n in (FEED, REGISTER)
    )
    operator = settings.published / "operator.duckdb"
    truth = home / "truth"
    for path in (truth / "business.parquet", operator, home / "inbox" / feed.source.file_name):
        if not path.is_file():
            raise FileNotFoundError(
                f"{path} is not there. Run `city-platform run` first: it makes the city and publishes a worklist."
            )
    with duckdb.connect() as con:
        for name, value in (("seed", seed), ("days", WORKING_DAYS), ("first_id", FIRST_ID)):
            con.execute(f"set variable {name} = ?", [value])
        con.execute(sql_file("synthetic/dice.sql"))
        con.execute(f"attach {quote_text(str(operator))} as operator (read_only)")
        con.execute(
            "create temp table listed as select worklist_row_id, agency_reference as reference, rank, as_of "
            "from operator.risk.worklist where case_id = $1 and status = 'open' "
            "and as_of = (select max(as_of) from operator.risk.worklist where case_id = $1)",
            [CASE],
        )
        con.execute(
            f"create temp table business as from read_parquet({quote_text(str(truth / 'business.parquet'))})"
        )
        _know_businesses(con, home, truth, feed, register)
        con.execute(sql_file("synthetic/outcomes.sql"))
        visits = con.execute("select * from played_visit order by inspection_id").fetchall()
        names = [str(d[0]) for d in con.description or []]
        row = con.execute("select max(as_of) from listed").fetchone()
    played = [dict(zip(names, v, strict=True)) for v in visits]
    lines = [_row(feed, v) for v in played]
    as_of = row[0] if row and row[0] else date.min
    _keep(truth / PLAYED, feed, lines, as_of)
    path = home / "inbox" / feed.source.file_name
    add_played(home, feed)
    results: dict[str, int] = {}
    for v in played:
        results[v["result"]] = results.get(v["result"], 0) + 1
    return Played(as_of, results, sum(v["score"] is not None and v["score"] > 10 for v in played), path)


def add_played(home: Path, feed: Feed) -> None:
    """Put every visit that was played into the file in the inbox, once; a later delivery would lack them."""
    kept = home / "truth" / PLAYED
    if not kept.is_file():
        return
    path = home / "inbox" / feed.source.file_name
    sent = path.read_text(encoding="utf-8").splitlines(keepends=True)
    lines = [line for line in sent if not _is_played(line)]
    rows = list(csv.reader(io.StringIO(kept.read_text(encoding="utf-8"))))
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(r[1:] for r in rows)
    path.write_text("".join(lines) + text.getvalue(), encoding="utf-8")


def _is_played(line: str) -> bool:
    number = line.split(",", 1)[0]
    return number.isdigit() and int(number) > FIRST_ID


def _know_businesses(con: Any, home: Path, truth: Path, feed: Feed, register: Feed) -> None:
    """Which business each reference stands for, and how the register writes it."""
    record = quote_text(str(truth / "record" / register.table_name / "*.parquet"))
    written = quote_text(str(home / "inbox" / register.source.file_name))
    con.execute(
        f"""create temp table known_business as
        select r.record_key as reference, any_value(r.business_id) as business_id, any_value(w.trading_name) as named,
            any_value(w.address_1) as address_1, any_value(w.address_2) as address_2,
            any_value(w.address_3) as address_3, any_value(w.postcode) as postcode
        from read_parquet({record}) as r
        left join read_csv({written}, header = true, all_varchar = true) as w on w.reference = r.record_key
        group by r.record_key"""
    )


def _row(feed: Feed, visit: dict[str, Any]) -> list[str]:
    """A visit as the agency's file has it."""
    score = visit["score"]
    values = {name: visit[name] for name in visit if name in feed.columns}
    values["inspected_on"] = visit["visited_on"].strftime(str(feed.columns["inspected_on"].format))
    values["visit_type"] = "programmed"
    if score is None:
        values["action"] = "no access" if visit["result"] == "no_access" else "found closed"
    else:
        category = CATEGORY[score]
        due = date.fromordinal(visit["visited_on"].toordinal() + DAYS_TO_NEXT[category])
        values |= {
            "hygiene_score": score,
            "structural_score": score,
            "confidence_score": min(score, 20) if score != 15 else 20,
            "total_score": 2 * score + (min(score, 20) if score != 15 else 20),
            "rating": RATING[score],
            "broadly_compliant": "yes" if RATING[score] >= 3 else "no",
            "risk_category": category,
            "next_due_on": due.strftime(str(feed.columns["next_due_on"].format)),
            "action": "none" if score <= 5 else "letter" if score == 10 else "improvement notice",
        }
    return ["" if values.get(name) is None else str(values[name]) for name in feed.columns]


def _keep(path: Path, feed: Feed, lines: list[list[str]], as_of: date) -> None:
    """Keep the visits, each with its worklist's date; what the same worklist gave before is replaced."""
    before = list(csv.reader(io.StringIO(path.read_text(encoding="utf-8")))) if path.is_file() else []
    kept = [row for row in before if row[0] != str(as_of)]
    # numbers go on from what was kept
    first = max((int(row[1]) for row in kept), default=FIRST_ID)
    place = list(feed.columns).index("inspection_id")
    rows = kept + [
        [str(as_of), *line[:place], str(first + n), *line[place + 1 :]]
        for n, line in enumerate(lines, start=1)
    ]
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out, lineterminator="\n").writerows(rows)
