"""Bad deliveries: each is held or its rows set aside, with a message that can be sent; the last good table stands."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import date

import pytest

from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.settings import CITIES
from city_platform_tests.feeds.small_feed import (
    COLUMNS,
    HEADER,
    Bench,
    csv_text,
    licence,
    licences,
    new_bench,
    small_feed,
)
from city_platform_tests.small_mirror import csv_bytes, make_rows

GOOD = licences(40)
MENDED = [*licences(41), licence(60, dog="Bello")]
PACKED = {"source": {"file": "dogs.csv.gz"}}
PAGE = "<!DOCTYPE html>\n<html><body>503 Service Unavailable</body></html>\n"
Make = Callable[[], bytes]


def text(rows: list[tuple[str, ...]], header: list[str] = HEADER) -> bytes:
    return csv_text(rows, header).encode()


def without(column: str, name: str | None = None) -> bytes:
    """The good file without a column, or with another name for it."""
    place = HEADER.index(column)
    if name:
        return text(GOOD, [name if c == column else c for c in HEADER])
    return text([r[:place] + r[place + 1 :] for r in GOOD], [c for c in HEADER if c != column])


# name: the file, the declaration's changes, the rule, the line, the column, what the message must hold
HELD: dict[str, tuple[Make, dict[str, object], str, int | None, str | None, list[str]]] = {
    "missing column": (
        lambda: without("issued"), {}, "missing_column", 1, "issued", ["line 1", "'issued' is missing"],
    ),
    "renamed column": (
        lambda: without("issued", "issued_on"), {}, "missing_column", 1, "issued",
        ["line 1", "'issued' is missing", "'issued_on' is new: was 'issued' renamed?", "--rename 'issued=issued_on'"],
    ),
    "missing header": (
        lambda: text(GOOD, list(licence(99))), {}, "missing_column", 1, "id",
        ["line 1", "Was the header line left out?"],
    ),
    "column twice": (
        lambda: text([(*r, "x") for r in GOOD], [*HEADER, "dog"]), {}, "column_twice", 1, "dog",
        ["line 1", "'dog' stands 2 times"],
    ),
    "cut in the middle of a line": (
        lambda: text(GOOD)[: text(GOOD).rindex(b"2015-")], {}, "cut_short", 41, None,
        ["line 41 has 5 of 6 columns and no line end"],
    ),
    "cut inside quotes in the last column": (
        lambda: text(GOOD)[:-3] + b'"2', {}, "cut_short", 41, None, ["line 41", "quotation mark left open"],
    ),
    "cut in half at a line end": (
        lambda: text(GOOD[:15]), {}, "rows_fell", None, None, ["15 rows", "the last one held 40"],
    ),
    "cut .gz": (
        lambda: gzip.compress(text(licences(4000)), mtime=0)[:9000], PACKED, "cut_short", None, None,
        ["cannot be unpacked to its end", "send it again"],
    ),
    "HTML error page": (
        PAGE.encode, {}, "not_csv", 1, None, ["line 1", "web page, not a CSV file"],
    ),
    "wrong encoding": (
        lambda: text([*GOOD[:9], licence(10, dog="Bébé")]).decode().encode("cp1252"), {}, "wrong_encoding", 11, "dog",
        ["line 11, column dog", "byte 0xE9 is not UTF-8"],
    ),
    "empty file": (lambda: b"", {}, "empty_file", None, None, ["the file is empty"]),
    "header only": (lambda: text([]), {}, "too_few_rows", None, None, ["holds 0 rows; at least 1"]),
    "a spreadsheet": (
        lambda: b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", {}, "not_csv", 1, None, ["line 1", "NUL bytes"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", HELD)
def test_a_delivery_that_cannot_be_loaded_is_held_and_the_mended_one_loads_as_if_first(
    bench: Bench, name: str
) -> None:
    make, changes, rule, line, column, words = HELD[name]
    feed = small_feed(**changes)
    pack = (lambda b: gzip.compress(b, mtime=0)) if changes else bytes
    assert bench.send(pack(text(GOOD)), feed).status == "loaded"
    good, versions = bench.staging(feed), bench.versions(feed)

    built = bench.send(make(), feed)

    start = f"Feed kennels/dogs, file {feed.source.file_name}: "
    assert built.status == "held"
    assert built.message.startswith(start)
    assert all(word in built.message for word in words), built.message
    assert bench.staging(feed) == good
    assert bench.versions(feed) == versions
    assert bench.statuses() == ["loaded", "held"]
    assert bench.deliveries(feed)[-1]["message"] == built.message
    assert bench.fates() == {}
    issues = bench.issues()
    assert [
        (i["rule"], i["line"], i["column_name"], i["value"], i["severity"], i["responsible"]) for i in issues
    ] == [(rule, line, column, None, "error", "agency")]
    assert issues[0]["message"] == built.message
    assert issues[0]["file_name"] == feed.source.file_name
    assert issues[0]["delivery_id"] == bench.deliveries(feed)[-1]["delivery_id"]
    assert [c.check for c in built.failed] == ["newest_delivery_is_loaded"]

    mended = bench.send(pack(text(MENDED)), feed)
    assert (mended.status, mended.message, mended.failed) == ("loaded", "", [])
    assert_as_if_first(bench, feed, pack(text(MENDED)))


def assert_as_if_first(bench: Bench, feed: Feed, content: bytes) -> None:
    with new_bench(bench.folder) as fresh:
        assert fresh.send(content, feed).status == "loaded"
        assert bench.content(feed) == fresh.content(feed)
        assert bench.red(feed) == []


# name: the rows beside the good ones, the issues as (rule, line, column, value, severity), words of the first message,
# fates beside the 40 unchanged, what staging then holds of record 41
SET_ASIDE: dict[
    str, tuple[list[tuple[str, ...]], list[tuple[object, ...]], str, dict[str, int], dict[str, object] | None]
]
SET_ASIDE = {
    "31 February in a required column": (
        [licence(41, issued="2014-02-31")], [("type", 42, "issued", "2014-02-31", "error")],
        'line 42, column issued: "2014-02-31" is not a date that exists', {"quarantined": 1}, None,
    ),
    "31 February in an optional column": (
        [licence(41, ended="2014-02-31")], [("type", 42, "ended", "2014-02-31", "warning")],
        'line 42, column ended: "2014-02-31" is not a date that exists', {"new": 1}, {"ended": None, "fee": 25},
    ),
    "12.7 in a whole number": (
        [licence(41, fee="12.7")], [("type", 42, "fee", "12.7", "warning")],
        'line 42, column fee: "12.7" is not a whole number', {"new": 1}, {"fee": None, "ended": date(2015, 3, 31)},
    ),
    "a value out of range": (
        [licence(41, fee="101")], [("range", 42, "fee", "101", "warning")],
        'line 42, column fee: "101" is not between 0 and 100', {"new": 1}, {"fee": None},
    ),
    "no value in a required column": (
        [licence(41, issued=" ")], [("required", 42, "issued", None, "error")],
        "line 42, column issued: no value is given", {"quarantined": 1}, None,
    ),
    "no key": (
        [licence(41, id="")], [("required", 42, "id", None, "error")],
        "line 42, column id: no value is given", {"quarantined": 1}, None,
    ),
    "an exact repeat": ([licence(40)], [], "", {"repeated": 1}, None),
    "one line in another record's middle": (
        [licence(41), ("42", "Rex")], [("line_rejected", 43, None, None, "error")],
        "line 43: cannot be read: too few columns", {"new": 1, "quarantined": 1}, {"fee": 25},
    ),
    "no values at all": (
        [licence(41), ("",) * 6], [("blank_record", 43, None, None, "error")],
        "line 43: holds no values", {"new": 1, "quarantined": 1}, {"fee": 25},
    ),
    "a line break inside quotes": (
        [licence(41, dog="Rex\nthe 41st"), licence(42, fee="-1")], [("range", 44, "fee", "-1", "warning")],
        'line 44, column fee: "-1" is not', {"new": 2}, {"dog": "Rex\nthe 41st"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SET_ASIDE)
def test_a_bad_value_costs_no_more_than_itself_and_each_row_has_its_fate(bench: Bench, name: str) -> None:
    rows, issues, words, fates, record = SET_ASIDE[name]
    bench.send(GOOD)
    built = bench.send([*GOOD, *rows])
    assert built.status == "loaded"
    assert bench.fates() == {"read": 40 + len(rows), "unchanged": 40} | fates
    found = bench.issues()
    assert [(i["rule"], i["line"], i["column_name"], i["value"], i["severity"]) for i in found] == issues
    assert all(i["message"].startswith(f"Feed kennels/dogs, file dogs.csv, {words}") for i in found)
    assert bench.red() == []
    staged = [r for r in bench.content() if r["record_key"] == "41"]
    assert [{k: r[k] for k in record or {}} for r in staged] == ([record] if record else [])

    assert bench.send(text(MENDED)).status == "loaded"
    assert_as_if_first(bench, small_feed(), text(MENDED))


def test_two_different_records_of_one_key_are_both_set_aside_and_the_good_version_stands(
    bench: Bench,
) -> None:
    feed = small_feed(expect={"quarantined_at_most": 0.1})
    bench.send(GOOD, feed)
    good = bench.staging(feed)
    built = bench.send([*GOOD, licence(7, dog="Other")], feed)
    assert built.status == "loaded"
    assert bench.fates() == {"read": 41, "unchanged": 39, "quarantined": 2}
    assert [(i["rule"], i["line"]) for i in bench.issues()] == [("key_twice", 8), ("key_twice", 42)]
    assert bench.staging(feed) == good
    assert bench.send(text(MENDED), feed).status == "loaded"
    assert_as_if_first(bench, feed, text(MENDED))


def test_keep_first_takes_the_first_of_two_records_of_one_key(bench: Bench) -> None:
    feed = small_feed(on_conflict="keep_first")
    bench.send([licence(1), licence(1, dog="Second"), licence(2)], feed)
    assert bench.fates() == {"read": 3, "new": 2, "quarantined": 1}
    assert [r["dog"] for r in bench.content(feed)] == ["Rex 1", "Rex 2"]


def test_an_added_column_is_kept_in_raw_and_said(bench: Bench) -> None:
    bench.send(GOOD)
    built = bench.send(text([(*r, "brown") for r in GOOD], [*HEADER, "coat"]))
    assert (built.status, bench.fates()) == ("loaded", {"read": 40, "unchanged": 40})
    (issue,) = bench.issues()
    assert (issue["rule"], issue["line"], issue["column_name"]) == ("added_column", 1, "coat")
    assert (issue["severity"], issue["responsible"], issue["value"]) == ("warning", "us", None)
    assert "file dogs.csv: line 1: column 'coat' is new" in issue["message"]
    raw = small_feed().raw().full_name
    assert bench.rows(f"select coat, count(*) from {raw} group by all order by 1") == [
        ("brown", 40),
        (None, 40),
    ]


def test_columns_in_another_order_are_matched_by_name(bench: Bench) -> None:
    bench.send(GOOD)
    before = bench.staging()
    built = bench.send(text([r[::-1] for r in GOOD], HEADER[::-1]))
    assert (built.status, bench.fates()) == ("loaded", {"read": 40, "unchanged": 40})
    assert bench.staging() == before
    assert [(i["rule"], i["severity"]) for i in bench.issues()] == [("column_order", "info")]


def test_too_many_bad_rows_hold_the_delivery_and_list_every_line(bench: Bench) -> None:
    bench.send(GOOD)
    good = bench.staging()
    built = bench.send([*GOOD[2:], licence(1, issued="soon"), licence(2, issued="2014-02-31")])
    assert built.status == "held"
    assert "file dogs.csv: 2 of 40 rows would have to be set aside, more than the 2%" in built.message
    assert bench.staging() == good
    assert [(i["rule"], i["line"], i["column_name"], i["value"]) for i in bench.issues() if i["line"]] == [
        ("type", 40, "issued", "soon"),
        ("type", 41, "issued", "2014-02-31"),
    ]
    assert bench.send(text(MENDED)).status == "loaded"
    assert_as_if_first(bench, small_feed(), text(MENDED))


def test_the_issues_of_a_held_delivery_are_its_own_and_not_of_what_was_loaded_before(bench: Bench) -> None:
    other = small_feed(name="cats", source={"file": "cats.csv"})
    bench.send([*GOOD, licence(41, issued="never")], other)
    assert bench.send([licence(n, issued="soon") for n in range(1, 4)]).status == "held"
    assert sorted((i["feed"], i["value"]) for i in bench.issues() if i["rule"] == "type") == [
        ("kennels/cats", "never"),
        *[("kennels/dogs", "soon")] * 3,
    ]


def test_a_missing_file_is_said_and_the_last_good_table_stands(bench: Bench) -> None:
    bench.send(GOOD)
    good = bench.staging()
    path = bench.mirror / "dogs.csv"
    path.unlink()
    for _ in range(2):
        built = bench.load()
        assert built.status == "missing"
        assert built.message.startswith(
            f"Feed kennels/dogs, file dogs.csv: nothing arrived: {path} is not there"
        )
    assert bench.staging() == good
    assert [(i["rule"], i["delivery_id"]) for i in bench.issues()] == [("not_received", None)]
    assert bench.statuses() == ["loaded"]
    assert bench.send(text(MENDED)).status == "loaded"
    assert bench.issues() == []
    assert_as_if_first(bench, small_feed(), text(MENDED))


def test_a_bad_first_delivery_leaves_an_empty_table_and_the_mended_one_loads(bench: Bench) -> None:
    assert bench.send(PAGE).status == "held"
    assert bench.staging() == []
    assert bench.send(GOOD).status == "loaded"
    assert_as_if_first(bench, small_feed(), text(GOOD))


@pytest.mark.parametrize(
    "name", ["problems", "fate", "occurrence", "is_valid", "is_blank", "change", "value"]
)
def test_a_column_may_be_called_what_the_platform_calls_its_own(bench: Bench, name: str) -> None:
    columns = {("dog" and name if c == "dog" else c): v for c, v in COLUMNS.items()}
    feed = small_feed(columns=columns)
    bench.send(csv_text([*GOOD, licence(41, issued="x")], list(columns)), feed)
    assert bench.fates() == {"read": 41, "new": 40, "quarantined": 1}
    assert {r[name] for r in bench.content(feed)} == {f"Rex {n}" for n in range(1, 41)}


SECRET = "Hidden"  # in every keeper's name


def everything_told(bench: Bench, feed: Feed) -> str:
    """All that may be seen: issues, deliveries, messages, file names, record keys."""
    staging = bench.staging(feed) + bench.versions(feed)
    return repr(
        [
            bench.issues(),
            bench.deliveries(feed),
            [str(p) for p in bench.settings.home.rglob("*")],
            [{k: v for k, v in row.items() if k != "keeper"} for row in staging],
        ]
    )


PERSONAL: dict[str, tuple[dict[str, object], bytes]] = {
    "key": ({"key": ["keeper"]}, text([*GOOD, licence(41, keeper="")])),
    "part of a key": ({"key": ["id", "keeper"]}, text([*GOOD, licence(41, issued="x")])),
    "content as key": ({"key": "content"}, text([*GOOD, licence(41, issued="x")])),
    "bad value": (
        {"columns": COLUMNS | {"keeper": COLUMNS["keeper"] | {"type": "integer", "required": True}}}, text(GOOD),
    ),
    "unclassified value": (
        {"columns": COLUMNS | {"keeper": {"meaning": "Name", "type": "date"}}}, text(GOOD),
    ),
    "value not allowed": (
        {"columns": COLUMNS | {"keeper": COLUMNS["keeper"] | {"values": ["nobody"]}}}, text(GOOD),
    ),
    "key twice": ({"key": ["keeper"]}, text([*GOOD, licence(41, keeper="Keeper1 Hidden")])),
    "ragged line": ({}, text([*GOOD, ("41", "Rex", "Keeper41 Hidden")])),
    "stray quote": ({}, text(GOOD) + b'41,Rex,"Keeper41 Hidden" Esq,2014-01-01,,25\n'),
    "missing header": (
        {"columns": {"keepers": COLUMNS["keeper"], "id": COLUMNS["id"]}, "key": ["id"]},
        b"Keeper1 Hidden,1\nKeeper2 Hidden,2\n",
    ),
    "missing header and wrong encoding": ({}, text(GOOD).split(b"\n", 1)[1] + b"41,Rex,\xe9 Hidden,2014-01-01,,25\n"),
    "wrong encoding": ({}, text(GOOD) + b"41,Rex,Keeper\xe9 Hidden,2014-01-01,,25\n"),
    "cut short": ({}, text(GOOD) + b"41,Rex,Keeper41 Hidden"),
    "cut inside quotes": ({}, text(GOOD) + b'41,Rex,"Keeper41 Hidden'),
    "a page": ({}, b"<html>Keeper1 Hidden</html>"),
}  # fmt: skip


KEPT = {
    "key",
    "part of a key",
    "content as key",
    "ragged line",
    "stray quote",
}  # whose good records are loaded


@pytest.mark.parametrize("name", PERSONAL)
def test_a_personal_value_is_told_nowhere(
    bench: Bench, name: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    changes, content = PERSONAL[name]
    feed = small_feed(**changes)
    built = bench.send(content, feed)
    told = everything_told(bench, feed) + repr(built) + "".join(capfd.readouterr()) + caplog.text
    assert SECRET not in told
    assert "kennels/dogs" in told  # the search finds what is there
    staged = repr([row["keeper"] for row in bench.table(feed.staging().full_name) if "keeper" in row])
    assert (SECRET in staged) == (name in KEPT)
    rejected = bench.rows(f"select _text from {feed.rejected().full_name}")
    assert bool(rejected) == (name in ("ragged line", "stray quote")), "whole lines are kept in raw only"


@pytest.mark.parametrize("key", [["keeper"], ["id", "keeper"], "content"], ids=str)
def test_a_personal_key_is_the_same_in_every_delivery_and_another_with_another_secret(
    bench: Bench, key: object
) -> None:
    feed = small_feed(key=key)
    bench.send(GOOD, feed)
    keys = {r["keeper"]: r["record_key"] for r in bench.staging(feed)}
    bench.send([*GOOD[1:], licence(41)], feed)
    again = {r["keeper"]: r["record_key"] for r in bench.staging(feed)}
    assert {k: again[k] for k in keys if k in again} == {k: v for k, v in keys.items() if k in again}
    assert bench.fates() == {"read": 40, "new": 1, "unchanged": 39, "removed": 1}
    with new_bench(bench.folder) as other:  # a secret is made at first use, so this one is another
        other.send(GOOD, feed)
        assert not {r["record_key"] for r in other.staging(feed)} & set(keys.values())


def test_the_shipped_legal_name_is_told_nowhere_but_in_its_own_column(bench: Bench) -> None:
    (feed,) = (f for f in load_feeds(CITIES / "chicago") if f.name == "business_licenses")
    rows = make_rows(businesses=30)["business_licenses.csv"]
    for n, row in enumerate(rows):
        row["legal_name"] = f"{SECRET} {n}"
    rows[3]["latitude"] = "99"
    bench.send(csv_bytes("business_licenses.csv", rows), feed)
    assert {i["rule"] for i in bench.issues()} == {"range"}
    rows[4]["license_id"] = ""
    built = bench.send(csv_bytes("business_licenses.csv", rows) + b'1,"Hidden" x,2\n', feed)
    assert built.status == "held"
    staging = [{k: v for k, v in r.items() if k != "legal_name"} for r in bench.staging(feed)]
    assert len(staging) == 60
    assert SECRET not in repr([staging, bench.issues(), bench.table("provenance.delivery"), built])
    assert {i["rule"] for i in bench.issues()} == {"range", "required", "line_rejected", "too_many_set_aside"}
