"""A delivery that is not what was agreed, or unlike the one before it, is held; a person's decision loads it."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from city_platform.cli import main
from city_platform.feeds.accept import (
    AcceptError,
    FeedDecision,
    decide_release,
    decide_rename,
    read_decisions,
    record,
)
from city_platform.feeds.deliveries import deliveries
from city_platform_tests.feeds.small_feed import (
    HEADER,
    Bench,
    Row,
    csv_text,
    licence,
    licences,
    small_feed,
    with_column,
)

GOOD = licences(40)


def changed(place: str, value: Any, every: int = 1) -> list[Row]:
    """The good rows with one column changed in every so many of them."""
    at = HEADER.index(place)
    return [
        (*r[:at], value(r[at]) if callable(value) else value, *r[at + 1 :]) if n % every == 0 else r
        for n, r in enumerate(GOOD)
    ]


def rules(bench: Bench) -> set[str]:
    return {i["rule"] for i in bench.issues()}


def holds(bench: Bench, content: Any, rule: str, *words: str, **declared: Any) -> None:
    """That this is held for that reason after the good rows, which stand, and that the issue says these words."""
    feed = small_feed(**declared)
    assert bench.send(GOOD, feed).status == "loaded"
    before = bench.staging(feed)
    built = bench.send(content, feed)
    assert built.status == "held", built.counts
    assert bench.staging(feed) == before
    found = [i for i in bench.issues() if i["rule"] == rule]
    assert len(found) == 1 and found[0]["responsible"] == "agency"
    for word in words:
        assert word in found[0]["message"]


def test_a_column_that_is_gone_holds_it(bench: Bench) -> None:
    rows = [r[:3] + r[4:] for r in GOOD]
    holds(
        bench,
        csv_text(rows, [h for h in HEADER if h != "issued"]),
        "missing_column",
        "line 1",
        "'issued' is missing",
    )


def test_half_the_dates_broken_and_most_rows_missing_holds_it_and_names_the_lines(bench: Bench) -> None:
    rows = changed("ended", "31.03.2015", every=2)[:16]
    holds(bench, rows, "rows_fell", "holds 16 rows", "the last one held 40")
    lines = sorted(i["line"] for i in bench.issues() if i["rule"] == "type")
    assert lines == list(range(2, 18, 2))


def test_half_the_values_of_a_column_broken_holds_it_though_no_record_is_lost(bench: Bench) -> None:
    holds(
        bench,
        changed("ended", "31.03.2015", every=2),
        "values_left_out",
        "column ended",
        "20 values",
        "line 2",
    )


def test_ids_replaced_by_na_hold_it_and_name_the_lines(bench: Bench) -> None:
    holds(bench, changed("id", "N/A", every=3), "too_many_set_aside", "14 of 40 rows")
    assert sorted(i["line"] for i in bench.issues() if i["column_name"] == "id") == list(range(2, 42, 3))


def test_text_ids_replaced_by_na_hold_it_too(bench: Bench) -> None:
    columns = with_column("id", type="text", missing=["N/A"])
    holds(bench, changed("id", "N/A"), "too_many_set_aside", "40 of 40 rows", columns=columns)


def test_a_rise_beyond_the_bound_holds_it(bench: Bench) -> None:
    holds(bench, licences(90), "rows_rose", "holds 90 rows", expect={"rise_at_most": 1.0})


def test_a_category_that_collapsed_holds_it(bench: Bench) -> None:
    columns = with_column("dog")
    feed = small_feed(columns=columns, expect={"categories": {"dog": 0.5}})
    kinds = ["Terrier" if n % 2 else "Poodle" for n in range(40)]
    assert bench.send([licence(n, dog=k) for n, k in enumerate(kinds, 1)], feed).status == "loaded"
    few = ["Terrier" if n % 2 and n < 18 else "Poodle" for n in range(40)]
    built = bench.send([licence(n, dog=k) for n, k in enumerate(few, 1)], feed)
    assert built.status == "held"
    assert "9 rows are of 'Terrier'; the last delivery held 20" in built.message


@pytest.mark.parametrize(
    ("factor", "status"), [(1.0, "loaded"), (1.05, "loaded"), (0.01, "held"), (100, "held")]
)
def test_a_unit_that_jumped_holds_it_and_a_small_rise_does_not(
    bench: Bench, factor: float, status: str
) -> None:
    feed = small_feed(columns=with_column("fee", unit="GBP", type="number", range=None))
    fees = {n: 20 + n % 7 for n in range(1, 41)}
    bench.send([licence(n, fee=str(f)) for n, f in fees.items()], feed)
    built = bench.send([licence(n, fee=f"{f * factor:.2f}") for n, f in fees.items()], feed)
    assert built.status == status, built.message
    if status == "held":
        assert "column fee" in built.message and "still in GBP" in built.message


def test_a_likely_rename_is_proposed_and_one_decision_mends_it(bench: Bench) -> None:
    feed = small_feed()
    bench.send(GOOD, feed)
    built = bench.send(csv_text(licences(41), [*HEADER[:3], "issued_on", *HEADER[4:]]), feed)
    assert built.status == "held"
    assert "feed accept kennels/dogs --rename 'issued=issued_on'" in built.message
    record(bench.settings, decide_rename(feed, "issued", "issued_on", "a clerk", "new system"))
    built = bench.load(feed)
    assert (built.status, built.counts["unchanged"], built.counts["new"]) == ("loaded", 40, 1)
    assert (
        bench.send(csv_text(licences(42), [*HEADER[:3], "issued_on", *HEADER[4:]]), feed).status == "loaded"
    )
    assert bench.send(licences(43), feed).status == "loaded"  # the declared name is still understood
    kept = bench.table("provenance.feed_decision")
    assert [(d["kind"], d["old"], d["new"], d["decided_by"]) for d in kept] == [
        ("rename", "issued", "issued_on", "a clerk")
    ]


def test_a_release_loads_that_delivery_and_no_other(bench: Bench) -> None:
    feed = small_feed()
    bench.send(GOOD, feed)
    assert bench.send(GOOD[:10], feed).status == "held"
    held = deliveries(bench.con, feed)[-1]
    record(bench.settings, decide_release(feed, held, "a clerk", "the rest moved away"))
    built = bench.load(feed)
    assert (built.status, built.counts["removed"]) == ("loaded", 30)
    assert [d["accepted"] for d in bench.deliveries() if d["status"] == "loaded"] == [None, "release"]
    assert "rows_fell" in rules(bench)  # and is told as a warning
    assert bench.send(GOOD[:3], feed).status == "held"


def test_a_decision_that_makes_no_sense_is_refused() -> None:
    feed = small_feed()
    with pytest.raises(AcceptError, match="has no column 'cat'"):
        decide_rename(feed, "cat", "dogs", "x", "")
    with pytest.raises(AcceptError, match="already"):
        decide_rename(feed, "dog", "keeper", "x", "")
    with pytest.raises(AcceptError, match="not held"):
        decide_release(feed, None, "x", "")


def test_decisions_come_back_as_they_were_written(bench: Bench) -> None:
    decision = FeedDecision(
        "kennels/dogs", "rename", "a,b", 'c"d', "", "é", "2026-01-01 00:00:00", "two\nlines"
    )
    record(bench.settings, decision)
    record(bench.settings, decision)
    assert read_decisions(bench.settings) == [decision, decision]


def test_the_command_says_what_it_needs() -> None:
    found = CliRunner().invoke(main, ["feed", "accept", "a/b"])
    assert found.exit_code == 2 and "--rename OLD=NEW or --release" in found.output
