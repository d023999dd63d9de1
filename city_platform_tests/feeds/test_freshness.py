"""Freshness: what counts as something new, when a feed is late, and that what nobody can tell is never fresh."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from city_platform import run
from city_platform.feeds.freshness import IS_FRESH, Freshness, freshness, today
from city_platform.warehouse import Warehouse
from city_platform_tests.feeds.small_city import SmallCity
from city_platform_tests.feeds.small_feed import Bench, licence, licences, small_feed, with_column

TODAY = datetime.now(UTC).date()


def day(bench: Bench) -> date:
    """The day of the newest delivery, whatever the clock says by now."""
    found: date | None = bench.rows("select max(retrieved_at)::date from provenance.delivery")[0][0]
    return found or TODAY


def at(bench: Bench, days_later: int, **feed: Any) -> Freshness:
    return freshness(bench.con, small_feed(**feed), day(bench) + timedelta(days=days_later))


def taken(bench: Bench, sequence: int, days_ago: int) -> None:
    """As if a delivery had been taken some days ago."""
    bench.con.execute(
        "update provenance.delivery set retrieved_at = retrieved_at - to_days(?) where sequence = ?",
        [days_ago, sequence],
    )


def test_fresh_until_the_cadence_and_the_grace_are_over_late_from_the_next_day(bench: Bench) -> None:
    bench.send(licences(20))
    weekly = {"cadence": "weekly", "late_after_days": 2}
    on_time = at(bench, 9, **weekly)
    assert (on_time.state, on_time.due_on) == ("fresh", day(bench) + timedelta(days=7))
    late = at(bench, 10, **weekly)
    assert late.state == "late"
    assert late.message == (
        f"Feed kennels/dogs: something new was loaded last on {day(bench)}; the next was due on {late.due_on} "
        "(late after 2 days more)."
    )
    assert at(bench, 10, cadence=8, late_after_days=2).state == "fresh"


def test_the_same_bytes_and_the_same_records_in_another_order_are_no_news(bench: Bench) -> None:
    bench.send(licences(20))
    bench.send(licences(20))
    bench.send(list(reversed(licences(20))))
    assert bench.statuses() == ["loaded", "repeat", "loaded"]
    taken(bench, 1, days_ago=30)
    assert at(bench, 0, cadence="weekly").state == "late"
    bench.send([*licences(19), licence(20, dog="Bello")])  # the control: one changed record is
    assert at(bench, 0, cadence="weekly").state == "fresh"


def test_a_delivery_that_is_held_is_no_news(bench: Bench) -> None:
    bench.send(licences(20))
    taken(bench, 1, days_ago=30)
    assert bench.send("no,such,columns\n1,2,3\n").status == "held"
    assert at(bench, 0, cadence="weekly").state == "late"


def test_a_delivery_that_only_takes_records_away_is_news(bench: Bench) -> None:
    bench.send(licences(20))
    taken(bench, 1, days_ago=30)
    bench.send(licences(19))
    assert at(bench, 0, cadence="weekly").state == "fresh"


def test_content_that_ends_long_ago_makes_a_file_of_today_late(bench: Bench) -> None:
    issued = {"columns": with_column("issued"), "dated_by": "issued", "cadence": "monthly"}
    bench.send([licence(n, issued="2014-03-05") for n in range(1, 21)])
    found = at(bench, 0, **issued)
    assert (found.state, found.content_until, found.due_on) == ("late", date(2014, 3, 5), date(2014, 4, 5))
    assert "its content (issued) reaches until 2014-03-05" in found.message
    recent = [licence(n, issued=str(TODAY - timedelta(days=3))) for n in range(1, 21)]
    bench.send(recent)
    assert at(bench, 0, **issued).state == "fresh"


def test_a_date_that_has_not_come_makes_nothing_fresh(bench: Bench) -> None:
    bench.send([licence(1, issued="2099-01-01"), licence(2, issued="2014-03-05")])
    found = at(bench, 0, dated_by="issued", cadence="monthly")
    assert (found.state, found.content_until) == ("late", date(2014, 3, 5))


def test_a_run_as_of_a_day_in_the_past_judges_by_the_content_of_that_day(bench: Bench) -> None:
    bench.send([licence(n, issued=f"2014-03-{n:02d}") for n in range(1, 21)])
    feed = small_feed(dated_by="issued", cadence="weekly")
    assert freshness(bench.con, feed, date(2014, 3, 12)).content_until == date(2014, 3, 12)
    assert freshness(bench.con, feed, date(2014, 3, 25)).state == "fresh"
    assert freshness(bench.con, feed, date(2014, 4, 1)).state == "late"
    # Without a date in the content, nothing is known of such a day.
    assert freshness(bench.con, small_feed(cadence="weekly"), date(2014, 3, 12)).state == "not_assessable"


@pytest.mark.parametrize("cadence", [None, "once"])
def test_without_a_cadence_nothing_is_assessable_and_so_never_fresh(
    bench: Bench, cadence: str | None
) -> None:
    bench.send(licences(20))
    found = at(bench, 0, cadence=cadence)
    assert (found.state, found.cadence_days, found.due_on) == ("not_assessable", None, None)
    assert found.newest_new_at is not None


def test_a_cadence_that_nobody_knows_is_refused() -> None:
    # New York's board compared with 'Biannually ' and counted data of 2015 as fresh.
    with pytest.raises(ValueError, match="Biannually : give one of daily, weekly"):
        small_feed(cadence="Biannually ")


def test_nothing_ever_loaded_of_a_feed_with_a_cadence_is_late(bench: Bench) -> None:
    bench.load()
    found = at(bench, 0, cadence="weekly")
    assert (found.state, found.newest_new_at) == ("late", None)
    assert "nothing has ever been loaded" in found.message


def test_a_personal_date_is_not_shown_as_the_end_of_the_content(bench: Bench) -> None:
    personal = {"columns": with_column("issued", **{"class": "personal"}), "dated_by": "issued"}
    bench.send(licences(20), small_feed(**personal))
    found = at(bench, 0, cadence="weekly", **personal)
    assert found.content_until is None and "2014" not in found.message


def check_of(result: dg.ExecuteInProcessResult, feed: str) -> dg.AssetCheckEvaluation | None:
    key = dg.AssetKey(["staging", feed])
    found = [
        e for e in result.get_asset_check_evaluations() if (e.asset_key, e.check_name) == (key, IS_FRESH)
    ]
    return found[0] if found else None


def test_in_dagster_late_is_a_warning_that_stops_nothing_and_unknown_has_no_check(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for agency, cadence in (("late", "daily"), ("fresh", "yearly"), ("unknown", None)):
        town.declare(agency, cadence=cadence, source={"file": f"{agency}.csv"})
        town.put(f"{agency}.csv")
    assert town.run().success
    monkeypatch.setenv("CITY_PLATFORM_AS_OF", str(TODAY + timedelta(days=20)))
    result = town.run()
    assert result.success
    late, fresh = check_of(result, "late__dogs"), check_of(result, "fresh__dogs")
    assert late and not late.passed and late.severity == dg.AssetCheckSeverity.WARN
    assert fresh and fresh.passed
    assert check_of(result, "unknown__dogs") is None
    [shown] = result.asset_materializations_for_node("load_unknown__dogs")[1:2]
    assert str(shown.metadata["freshness"].value).startswith("not assessable: ")
    assert town.rows("select feed, state from quality.freshness order by feed") == [
        ("fresh/dogs", "fresh"), ("late/dogs", "late"), ("unknown/dogs", "not_assessable"),
    ]  # fmt: skip
    # It is no red check of the tables, so publishing goes on, and the run's exit code stays 0.
    assert town.rows("select * from quality.check_result where not passed") == []
    with Warehouse(town.settings) as warehouse:
        assert run.report(warehouse) == ([], [])
    out = capsys.readouterr().out
    assert "LATE late/dogs\n  Feed late/dogs: something new was loaded last on" in out
    assert "LATE fresh" not in out and "LATE unknown" not in out


def test_the_day_is_the_one_of_the_run(town: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_PLATFORM_AS_OF", "2014-09-01")
    assert today(town.settings) == date(2014, 9, 1)
