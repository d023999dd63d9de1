"""What a feed's columns may declare is done to its values: each piece of the contract, on a small file."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from city_platform.feeds.declaration import Feed
from city_platform_tests.feeds.small_feed import Bench, small_feed

ANY = {"quarantined_at_most": 1, "left_out_at_most": 1, "fall_at_most": 1}
WORD = {"class": "public", "meaning": "A word"}


def feed_of(column: dict[str, Any], **declared: Any) -> Feed:
    columns = {"id": {"required": True, **WORD}, "value": {**WORD, **column}}
    return small_feed(columns=columns, expect=ANY, **declared)


def read(bench: Bench, sent: str, **column: Any) -> Any:
    """What becomes of one value, sent in quotes."""
    feed = feed_of(column)
    quoted = sent.replace('"', '""')
    built = bench.send(f'id,value\n1,"{quoted}"\n', feed)
    assert built.status in ("loaded", "unchanged"), built.message
    return bench.staging(feed)[0]["value"]


@pytest.mark.parametrize(
    ("column", "sent", "meant"),
    [
        ({"lookups": {"CCHICAGO": "CHICAGO"}}, " CCHICAGO ", "CHICAGO"),
        ({"lookups": {"Y": "true", "N": "false"}, "type": "boolean"}, "N", False),
        ({"lookups": {"none": ""}}, "none", None),
        ({"missing": ["N/A", "-"]}, "N/A", None),
        ({"missing": ["N/A"], "type": "date"}, "N/A", None),
        ({"type": "number", "strip": "£,"}, "£1,234.50", 1234.5),
        ({"type": "number", "decimal": ",", "strip": "."}, "1.234,50", 1234.5),
        ({"type": "number", "brackets": "negative", "strip": "£,"}, "(£1,234.50)", -1234.5),
        ({"type": "integer"}, "12.0", 12),
        ({"type": "integer"}, "007", 7),
        ({"type": "integer"}, "+5", 5),
        ({"type": "date", "format": "%d/%m/%Y"}, "01/02/2026", date(2026, 2, 1)),
        ({"type": "date", "format": ["%d/%m/%Y", "%d-%b-%y"]}, "01-Feb-26", date(2026, 2, 1)),
        ({"pattern": "[0-9]{8}|SC[0-9]{6}"}, "SC123456", "SC123456"),
        ({"type": "integer", "range": [0, None]}, "0", 0),
    ],
)
def test_a_value_is_read_as_declared(bench: Bench, column: dict[str, Any], sent: str, meant: Any) -> None:
    assert read(bench, sent, **column) == meant
    assert [i for i in bench.issues() if i["severity"] != "info"] == []


@pytest.mark.parametrize(
    ("column", "sent", "rule"),
    [
        ({"type": "integer"}, "12.7", "type"),
        ({"type": "integer"}, "1e3", "type"),
        ({"type": "integer"}, "1_000", "type"),
        ({"type": "integer"}, "99999999999999999999", "type"),
        ({"type": "number"}, "1,5", "type"),
        ({"type": "number"}, "inf", "type"),
        ({"type": "date"}, "2026-02-30", "type"),
        ({"type": "date", "format": ["%d/%m/%Y", "%d-%b-%y"]}, "2026-01-01", "type"),
        ({"pattern": "[0-9]{8}"}, "AB123456C", "pattern"),
        ({"values": ["A", "B"], "lookups": {"a": "A"}}, "c", "values"),
        ({"type": "integer", "range": [0, 10]}, "11", "range"),
    ],
)
def test_a_value_that_is_not_as_declared_is_left_out_and_told(
    bench: Bench, column: dict[str, Any], sent: str, rule: str
) -> None:
    assert read(bench, sent, **column) is None
    (issue,) = bench.issues()
    assert (issue["rule"], issue["line"], issue["column_name"], issue["value"]) == (rule, 2, "value", sent)
    assert bench.staging(feed_of(column))[0]["_issues"] == 1


def test_a_column_is_known_under_its_other_names(bench: Bench) -> None:
    feed = feed_of({"was": ["Value ", "val"]})
    assert bench.send('id,"Value "\n1,a\n', feed).status == "loaded"
    assert bench.send("val,id\nb,1\n", feed).status == "loaded"
    assert bench.staging(feed)[0]["value"] == "b"


def test_columns_that_are_values_become_records(bench: Bench) -> None:
    columns = {
        "ward": {"required": True, **WORD},
        "month": {"type": "date", "format": "%b-%y", **WORD},
        "homes": {"type": "integer", **WORD},
    }
    unpivot = {"columns": "[A-Z][a-z]{2}-[0-9]{2}", "name": "month", "value": "homes"}
    feed = small_feed(columns=columns, key=["ward", "month"], unpivot=unpivot, expect=ANY)
    built = bench.send("ward,Dec-06,Jan-07,note\nHeadingley,5,,x\nArmley,7,many,y\n", feed)
    assert (built.status, built.counts["new"]) == ("loaded", 3)  # an empty cell is no record
    found = {(r["ward"], r["month"], r["homes"], r["_line"]) for r in bench.staging(feed)}
    assert found == {
        ("Headingley", date(2006, 12, 1), 5, 2),
        ("Armley", date(2006, 12, 1), 7, 3),
        ("Armley", date(2007, 1, 1), None, 3),
    }
    assert [(i["line"], i["column_name"]) for i in bench.issues() if i["rule"] == "type"] == [(3, "homes")]
    assert bench.send("ward,note\nArmley,y\n", feed).status == "held"  # none of the months is there


def test_one_text_becomes_records_and_what_does_not_fit_is_set_aside(bench: Bench) -> None:
    columns = {
        "id": {"required": True, **WORD},
        "code": {"type": "integer", "required": True, **WORD},
        "text": WORD,
    }
    split = {"column": "all", "by": " | ", "pattern": r"(?P<code>[0-9]+)\. (?P<text>.*)"}
    feed = small_feed(columns=columns, key=["id", "code"], split=split, expect=ANY)
    sent = 'id,all\n1,"3. Hot, | 18. ""Cold"""\n2,\n3,14. Dirt | nonsense\n'
    built = bench.send(sent, feed)
    assert (built.status, built.counts["new"], built.counts["quarantined"]) == ("loaded", 3, 1)
    found = {(r["id"], r["code"], r["text"], r["_line"]) for r in bench.staging(feed)}
    assert found == {("1", 3, "Hot,", 2), ("1", 18, '"Cold"', 2), ("3", 14, "Dirt", 4)}
    assert [(i["line"], i["rule"], i["column_name"]) for i in bench.issues() if i["severity"] == "error"] == [
        (4, "pattern", "all")
    ]
    assert "1 lines hold none" in " ".join(i["message"] for i in bench.issues())
    assert bench.red(feed) == []


def test_changes_only_leave_the_rest_and_take_away_what_is_told_to_be_gone(bench: Bench) -> None:
    columns = {"id": {"required": True, **WORD}, "kind": {"values": ["I", "U", "D"], **WORD}, "value": WORD}
    deleted = {"column": "kind", "values": ["D"]}
    feed = small_feed(columns=columns, delivery="upsert", deleted=deleted, expect=ANY)
    bench.send("id,kind,value\n1,I,a\n2,I,b\n3,I,c\n", feed)
    built = bench.send("id,kind,value\n2,U,B\n3,D,\n4,I,d\n5,D,\n", feed)
    c = built.counts
    assert (c["read"], c["new"], c["changed"], c["unchanged"], c["removed"]) == (4, 1, 2, 1, 1)
    assert {(r["id"], r["value"]) for r in bench.staging(feed)} == {("1", "a"), ("2", "B"), ("4", "d")}
    assert bench.send("id,kind,value\n3,I,again\n", feed).counts["new"] == 1
    assert [(v["valid_from"], v["valid_to"]) for v in bench.told(feed) if v["record_key"] == "3"] == [
        (1, 2),
        (3, None),
    ]
    assert bench.red(feed) == []


def test_rows_that_leave_out_a_column_in_their_middle_get_it_back(bench: Bench) -> None:
    columns = {n: WORD for n in ("id", "a", "b", "c")}
    feed = small_feed(columns=columns, dialect={"left_out": ["b", "a"]}, expect=ANY)
    bench.send("id,a,b,c\n1,x,y,z\n2,x,z\n3,z\n4\n", feed)
    found = [(r["id"], r["a"], r["b"], r["c"]) for r in bench.staging(feed)]
    assert sorted(found) == [("1", "x", "y", "z"), ("2", "x", None, "z"), ("3", None, None, "z")]
    assert [(i["line"], i["rule"]) for i in bench.issues()] == [(5, "line_rejected")]


def test_no_value_of_a_row_that_may_be_shifted_is_shown_where_a_feed_names_people(bench: Bench) -> None:
    columns = {
        "id": {"required": True, **WORD},
        "born": {"type": "date", **WORD},
        "who": {"class": "personal", "meaning": "Who"},
    }
    feed = small_feed(columns=columns, dialect={"ragged": True}, expect=ANY)
    bench.send("id,born,who\n1,Ann Hidden\n", feed)
    assert [i["value"] for i in bench.issues()] == ["(masked)"]
    assert "Hidden" not in str(bench.issues())


def test_a_day_that_comes_after_a_later_one_does_not_put_back_what_changed(bench: Bench) -> None:
    feed = feed_of({}, source={"file": "dogs_{day}.csv"})
    (bench.mirror / "dogs_2026-01-02.csv").write_text("id,value\n1,new\n")
    assert bench.load(feed).status == "loaded"
    (bench.mirror / "dogs_2026-01-01.csv").write_text("id,value\n1,old\n")
    built = bench.load(feed)
    assert (
        built.status == "held" and "is of 2026-01-01, and that of 2026-01-02 has been loaded" in built.message
    )
    assert bench.staging(feed)[0]["value"] == "new"
    (bench.mirror / "dogs_2026-01-03.csv").write_text("id,value\n1,newest\n")
    assert bench.load(feed).status == "loaded"
    assert bench.staging(feed)[0]["value"] == "newest"


@pytest.mark.parametrize(
    ("declared", "words"),
    [
        ({"split": {"column": "x", "by": "|", "pattern": "["}}, "not a regular expression"),
        ({"split": {"column": "x", "by": "|", "pattern": "(?P<other>.)"}}, "there is no column other"),
        ({"unpivot": {"columns": "id", "name": "value", "value": "value"}}, "turns into records"),
        ({"deleted": {"column": "value", "values": ["D"]}}, "snapshot leaves out what is gone"),
        ({"delivery": "upsert", "key": "content"}, "a key that names a record"),
        ({"cadence": "sometimes"}, "give one of daily"),
        ({"dated_by": "value"}, "has to be a date"),
        ({"expect": {"categories": {"other": 0.5}}}, "there is no column other"),
        ({"address": {"text": "value", "x": "id"}}, "give x, y and crs together"),
    ],
)
def test_what_makes_no_sense_together_is_refused(declared: dict[str, Any], words: str) -> None:
    columns = {"id": {"required": True, **WORD}, "value": WORD}
    with pytest.raises(ValidationError, match=words):
        small_feed(columns=columns, **declared)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.integers(-(10**18), 10**18) | st.floats(allow_nan=False, allow_infinity=False, width=32),
        min_size=1,
        max_size=20,
    )
)
def test_numbers_come_back_as_they_were_written(bench: Bench, values: list[float]) -> None:
    feed = feed_of({"type": "number"})
    built = bench.send("id,value\n" + "".join(f"{n},{v!r}\n" for n, v in enumerate(values)), feed)
    assert built.status in ("loaded", "unchanged"), built.message
    assert [r["value"] for r in sorted(bench.staging(feed), key=lambda r: int(r["id"]))] == [
        float(v) for v in values
    ]


def test_a_record_of_very_many_wrong_values_is_counted_as_far_as_the_count_goes(bench: Bench) -> None:
    numbers = {f"n{i}": {"type": "integer", **WORD} for i in range(300)}
    feed = small_feed(columns={"id": {"required": True, **WORD}, **numbers}, expect=ANY)
    text = ",".join(["id", *numbers]) + "\n" + ",".join(["1", *["x"] * 300]) + "\n"
    assert bench.send(text, feed).status == "loaded"
    assert bench.staging(feed)[0]["_issues"] == 255
    assert len([i for i in bench.issues() if i["rule"] == "type"]) == 300
