"""One JSON document: the list of records is found, each has its line, and what is none is said."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform_tests.feeds.small_feed import HEADER, Bench, licences, small_feed

RECORDS = [dict(zip(HEADER, r, strict=True)) for r in licences(8)]


def feed(record: str | None = "result.records") -> object:
    return small_feed(
        source={"file": "dogs.json"}, dialect={"format": "json", **({"record": record} if record else {})}
    )


def document(records: object = RECORDS, indent: int | None = 1) -> str:
    return json.dumps(
        {"success": True, "result": {"total": [1, {"a": "]"}], "records": records}}, indent=indent
    )


@pytest.mark.parametrize("indent", [None, 1, 4])
def test_the_records_at_a_path_are_read(bench: Bench, indent: int | None) -> None:
    built = bench.send(document(indent=indent), feed())
    assert (built.status, built.counts["new"]) == ("loaded", 8)


def test_a_document_that_is_the_list_needs_no_path(bench: Bench) -> None:
    assert bench.send(json.dumps(RECORDS), feed(None)).counts["new"] == 8


def test_each_record_has_the_line_on_which_it_starts(bench: Bench) -> None:
    text = document()
    bench.send(text, feed())
    starts = [n for n, line in enumerate(text.splitlines(), 1) if line == "   {"][1:]  # one is in total
    assert [r["_line"] for r in bench.staging(feed())] == starts


def test_records_on_one_line_are_numbered_on(bench: Bench) -> None:
    bench.send(document(indent=None), feed())
    assert sorted(r["_line"] for r in bench.staging(feed())) == list(range(1, 9))


@pytest.mark.parametrize(
    ("text", "rule", "words"),
    [
        ("", "empty_file", "is empty"),
        ("<html>", "not_json", "web page"),
        (document()[:-40], "cut_short", "before its brackets are closed"),
        ('{"result": {"rows": []}}', "no_record", "result.records is not there; there are: rows"),
        ('{"result": {"records": {}}}', "no_record", "is no list"),
        ('{"result": {"records": [{"id": 1, "id": 2}]}}', "not_json", "stands twice"),
        ('{"result": {"records": [{"id": NaN}]}}', "not_json", "NaN"),
        ('{"result": {"records": [{"id": 1} {"id": 2}]}}', "not_json", "line 1, column 35"),
        ('{"result": {"records": []}}', "empty_file", "is empty"),
    ],
)
def test_what_is_no_such_document_is_said(bench: Bench, text: str, rule: str, words: str) -> None:
    built = bench.send(text, feed())
    assert built.status == "held"
    assert words in built.message
    assert [i["rule"] for i in bench.issues()] == [rule]


def test_an_item_that_is_no_object_is_set_aside_with_its_line(bench: Bench) -> None:
    built = bench.send(document([*RECORDS, 7]), small_feed(
        source={"file": "dogs.json"}, dialect={"format": "json", "record": "result.records"},
        expect={"quarantined_at_most": 0.5},
    ))  # fmt: skip
    assert (built.counts["new"], built.counts["quarantined"]) == (8, 1)
    assert any("not a JSON object" in i["message"] for i in bench.issues())


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(at=st.integers(0, 1200), piece=st.sampled_from(["", '"', "{", "]", ",", "\n", "\\", "[[", "1e999"]))
def test_whatever_comes_is_loaded_or_held(bench: Bench, at: int, piece: str) -> None:
    text = document()
    built = bench.send(text[:at] + piece + text[at + 1 :], feed())
    assert built.status in ("loaded", "unchanged", "held") and (built.status != "held" or built.message)
