"""What happened, when it was known, and where: as the feeds' declarations say."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

import pytest

from city_platform.entities.events import tell
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import Budget
from city_platform_tests.entities.small_town import LICENCES, RECEIVED, Town, feed

HERE = "101 N FERN AVE"
INSPECTIONS = feed(
    "inspections",
    columns=["name", "number", "address", "open_day", "close_day", "result", "kind", "secret", "inspector", "fine"],
    business={"name": "name", "number": {"scheme": "licence", "column": "number"}},
    address={"text": "address"},
    events=[
        {
            "type": "opened", "event_time": "open_day", "known_time": {"column": "open_day", "lag_days": 3},
            "detail": ["kind"], "observer": "inspector",
        },
        {
            "type": "closed", "event_time": "close_day", "known_time": {"column": "close_day"}, "outcome": "result",
            "amount": "fine",
        },
        {"type": "reported", "event_time": "open_day"},
    ],
)  # fmt: skip
FINDINGS = feed(
    "findings",
    columns=["part", "inspection", "day"],
    events=[
        {
            "type": "finding", "event_time": "day", "known_time": {"column": "day"},
            "parent": {"feed": "town/inspections", "event": "opened", "columns": ["inspection"]},
        }
    ],
)  # fmt: skip
INSPECTED = {
    "key": "i1", "name": "FERN DINER", "number": "7", "address": HERE, "open_day": "2013-05-01",
    "close_day": "2013-06-01", "result": "Fail", "kind": "Canvass", "secret": "word", "inspector": "green", "fine": "12.5",
}  # fmt: skip
FOUND = {"key": "f1", "inspection": "i1", "day": "2013-05-02"}


def told(*rows: tuple[Feed, list[dict[str, Any]]]) -> tuple[Town, dict[tuple[str, str], Budget]]:
    """The town after a run over these feeds' rows, and its budget by step and feed."""
    town = Town(LICENCES, INSPECTIONS, FINDINGS)
    for a_feed, held in rows:
        town.put(a_feed, held)
    town.resolve()
    return town, {(b.step, b.subject): b for b in tell(town.con, town.feeds)}


def events(town: Town, columns: str, where: str = "true") -> list[tuple[Any, ...]]:
    return town.rows(f"select {columns} from entity.event where {where} order by all")


def day(month: int, number: int) -> datetime:
    return datetime(2013, month, number)


def test_one_record_tells_every_event_it_declares() -> None:
    town, _ = told((INSPECTIONS, [INSPECTED]))
    assert events(town, "event_type, event_time, known_time, feed, record_key") == [
        ("closed", day(6, 1), day(6, 1), "town/inspections", "i1"),
        ("opened", day(5, 1), day(5, 4), "town/inspections", "i1"),
        ("reported", day(5, 1), RECEIVED, "town/inspections", "i1"),
    ]


def test_event_whose_known_date_is_empty_is_known_from_when_we_got_it() -> None:
    fines = feed(
        "fines",
        columns=["day", "sent_day"],
        events=[{"type": "fined", "event_time": "day", "known_time": {"column": "sent_day", "lag_days": 2}}],
    )
    town = Town(LICENCES, fines)
    sent = {"key": "a", "day": "2013-05-01", "sent_day": "2013-05-20"}
    town.put(fines, [sent, {"key": "b", "day": "2013-05-01", "sent_day": None}])
    town.resolve()
    tell(town.con, town.feeds)
    assert events(town, "record_key, known_time") == [("a", day(5, 22)), ("b", RECEIVED)]


def test_event_shows_the_declared_columns_and_no_others() -> None:
    town, _ = told((INSPECTIONS, [INSPECTED]))
    shown = events(town, "event_type, outcome, amount, observer, detail")
    assert [(*e[:4], json.loads(e[4]) if e[4] else None) for e in shown] == [
        ("closed", "Fail", 12.5, None, None),
        ("opened", None, None, "green", {"kind": "Canvass"}),
        ("reported", None, None, None, None),
    ]
    assert not [e for e in events(town, "*") if "word" in map(str, e)]


def test_outcome_is_not_known_before_it_is_one() -> None:
    """Law 4: what is known when a case is opened holds nothing of how it was closed."""
    town, _ = told((INSPECTIONS, [INSPECTED]))
    assert events(town, "outcome", "known_time < '2013-06-01'") == [(None,)]


def test_empty_date_makes_no_event_and_is_counted() -> None:
    town, budget = told((INSPECTIONS, [INSPECTED, INSPECTED | {"key": "i2", "close_day": None}]))
    assert events(town, "record_key", "event_type = 'closed'") == [("i1",)]
    closed = budget["event closed", "town/inspections"]
    assert (closed.rows_in, closed.rows_out, closed.reason) == (
        2,
        1,
        "close_day is empty: it has not happened",
    )
    opened = budget["event opened", "town/inspections"]
    assert (opened.rows_in, opened.rows_out) == (2, 2)


def test_part_takes_over_where_and_whose_from_what_it_is_part_of() -> None:
    licence = {
        "key": "l",
        "name": "FERN DINER",
        "number": "7",
        "address": HERE,
        "account": "3",
        "legal": "FERN INC",
    }
    town, budget = told((LICENCES, [licence]), (INSPECTIONS, [INSPECTED]), (FINDINGS, [FOUND]))
    places = "address_id, business_id, organisation_id"
    [whole] = events(town, f"event_id, {places}", "event_type = 'opened'")
    assert None not in whole, "the inspection's owner is that of its business"
    assert events(town, f"parent_event_id, {places}", "event_type = 'finding'") == [whole]
    within = budget["finding within opened", "town/findings"]
    assert (within.rows_in, within.rows_out) == (1, 1)


def test_part_of_nothing_is_kept_and_counted() -> None:
    town, budget = told(
        (INSPECTIONS, [INSPECTED]), (FINDINGS, [FOUND, FOUND | {"key": "f2", "inspection": "i9"}])
    )
    assert events(
        town, "record_key, parent_event_id is null, business_id is null", "event_type = 'finding'"
    ) == [
        ("f1", False, False),
        ("f2", True, True),
    ]
    within = budget["finding within opened", "town/findings"]
    assert (within.rows_in, within.rows_out) == (2, 1)
    assert within.reason == "no opened of town/inspections has its key"
    placed = budget["finding at a business", "town/findings"]
    assert (placed.rows_in, placed.rows_out) == (2, 1)


def test_event_without_a_business_is_kept_and_counted() -> None:
    nameless = INSPECTED | {"key": "i2", "name": None, "number": None}
    town, budget = told((INSPECTIONS, [INSPECTED, nameless]))
    assert len(events(town, "*")) == 6
    placed = budget["opened at a business", "town/inspections"]
    assert (placed.rows_in, placed.rows_out) == (2, 1)


def test_event_id_derives_from_feed_record_and_type_alone() -> None:
    """So that it lasts, whatever else changes."""
    before, _ = told((INSPECTIONS, [INSPECTED]))
    changed = INSPECTED | {"open_day": "2013-05-09", "name": "OAK GRILL", "address": "900 S OAK ST"}
    after, _ = told((INSPECTIONS, [INSPECTED | {"key": "i0"}, changed]))
    columns = "event_id, event_type, record_key"
    assert events(before, columns) == events(after, columns, "record_key = 'i1'")
    assert events(after, "count(distinct event_id), count(*)") == [(6, 6)]


def test_telling_again_replaces_what_was_told() -> None:
    town, _ = told((INSPECTIONS, [INSPECTED]))
    town.put(INSPECTIONS, [])
    town.resolve("run 2")
    tell(town.con, town.feeds)
    assert events(town, "*") == []


def test_part_of_a_feed_without_a_key_is_refused() -> None:
    """Its records cannot be named by another feed."""
    town = Town(INSPECTIONS.model_copy(update={"key": "content"}), FINDINGS)
    with pytest.raises(ValueError, match="town/findings: town/inspections has no key"):
        tell(town.con, town.feeds)


def test_events_that_nothing_changed_are_not_written_again() -> None:
    """Neither its record nor what it is linked to: the row itself stands."""
    town, _ = told((INSPECTIONS, [INSPECTED, INSPECTED | {"key": "i2"}]))
    before = set(events(town, "rowid, record_key, event_type, outcome"))
    town.put(INSPECTIONS, [INSPECTED, INSPECTED | {"key": "i2", "result": "Pass"}])
    town.resolve("run 2")
    tell(town.con, town.feeds)
    after = set(events(town, "rowid, record_key, event_type, outcome"))
    assert {row[1:] for row in before - after} == {("i2", "closed", "Fail")}
    assert {row[1:] for row in after - before} == {("i2", "closed", "Pass")}
