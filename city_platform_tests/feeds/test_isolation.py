"""One failing agency stops nobody else: an error in our code, a source that cannot be reached, files of no feed."""

from __future__ import annotations

import socket
from collections.abc import Callable

import duckdb
import pytest

from city_platform import run
from city_platform.feeds import isolate
from city_platform.feeds.load import ARRIVED, FeedBuilt, feeds_missing, load_feed
from city_platform.feeds.one import load_one
from city_platform.feeds.sources import inbox
from city_platform.warehouse import Warehouse
from city_platform_tests.feeds.small_city import SmallCity
from city_platform_tests.feeds.small_feed import licences
from city_platform_tests.runs import Home, edit, opened, red_checks

SECRET = "Erika Private"


def breaks(agency: str, error: Callable[[Warehouse], None]) -> Callable[..., FeedBuilt]:
    """load_feed, with an error of code once this agency's feed is loaded, in the middle of a transaction."""

    def load(warehouse: Warehouse, feed: object, days: object = ()) -> FeedBuilt:
        built = load_feed(warehouse, feed, days)  # type: ignore[arg-type]
        if built.asset.split("/")[1] == agency:
            with warehouse.transaction():
                warehouse.con.execute(f"delete from staging.{agency}__dogs")
                error(warehouse)
        return built

    return load


def duckdb_error(warehouse: Warehouse) -> None:
    """DuckDB's own message quotes the value."""
    warehouse.con.execute(f"select cast('{SECRET}' as integer)")


def python_error(_: Warehouse) -> None:
    raise KeyError(SECRET)


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def three_agencies(town: SmallCity) -> None:
    """One whose load will break, one that nobody reaches, and one that is well; in the order in which they are run."""
    town.declare("broken", source={"file": "broken.csv"})
    town.declare("unreachable", source={"url": f"http://127.0.0.1:{closed_port()}/x.csv", "tries": 1})
    town.declare("well", source={"file": "well.csv"})
    for name in ("broken.csv", "well.csv"):
        town.put(name)


@pytest.mark.parametrize("error", [duckdb_error, python_error])
def test_an_error_in_code_and_an_unreachable_source_stop_no_other_feed(
    town: SmallCity,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    error: Callable[[Warehouse], None],
) -> None:
    three_agencies(town)
    monkeypatch.setattr(isolate, "load_feed", breaks("broken", error))
    result = town.run()

    # No step failed, so everything downstream ran; the checks say which feeds are not up to date.
    assert result.success
    red = {
        e.asset_key.to_user_string()
        for e in result.get_asset_check_evaluations()
        if e.check_name == ARRIVED and not e.passed
    }
    assert red == {"staging/broken__dogs", "staging/unreachable__dogs"}
    assert town.rows("select count(*) from staging.well__dogs") == [(20,)]
    assert town.rows("select feed, rule, responsible from quality.issue order by feed") == [
        ("broken/dogs", "failed", "us"), ("unreachable/dogs", "not_received", "agency"),
    ]  # fmt: skip
    # The run's report: exit code 1 for the broken one, which is ours; the other is missing.
    with Warehouse(town.settings) as warehouse:
        assert feeds_missing(warehouse.con, town.feeds) == ["broken/dogs", "unreachable/dogs"]
        assert run.report(warehouse) == (["feeds/unreachable/dogs"], ["feeds/broken/dogs"])
    shown = "".join(capfd.readouterr())
    assert "FAILED broken/dogs" in shown and "HELD OR MISSING unreachable/dogs" in shown
    # The log says what broke and where, and no value.
    assert "in duckdb_error" in shown or "in python_error" in shown
    assert ("ConversionException" if error is duckdb_error else "KeyError") in shown
    assert "feed load broken/dogs --debug" in shown
    for word in SECRET.split():
        assert word not in shown
        assert word not in str(town.rows("select * from quality.issue"))


def test_the_last_good_table_stands_and_all_is_well_once_the_code_is_mended(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_agencies(town)
    assert town.run().success
    with monkeypatch.context() as patched:
        patched.setattr(isolate, "load_feed", breaks("broken", duckdb_error))
        town.put("broken.csv", licences(21))
        assert town.run().success
    # What was deleted in the transaction that broke is back.
    assert town.rows("select count(*) from staging.broken__dogs") == [(21,)]
    assert town.rows("select message from quality.check_result where not passed and asset like '%broken%'")
    assert town.run().success
    assert town.rows("select * from quality.check_result where not passed and asset like '%broken%'") == []
    assert town.rows("select * from quality.issue where rule = 'failed'") == []


def test_an_error_of_the_whole_warehouse_is_no_feeds_and_goes_on(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot even be recorded fails the asset."""
    three_agencies(town)

    def disk_is_full(*_: object) -> FeedBuilt:
        raise OSError("No space left on device")

    monkeypatch.setattr(isolate, "load_feed", disk_is_full)
    monkeypatch.setattr(isolate, "record_problems", disk_is_full)
    result = town.run()
    assert not result.success


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (KeyError(SECRET), "KeyError"),
        (ValueError(f"Unknown string format: {SECRET}"), "ValueError: Unknown string format …"),
        (ValueError(f"Expected 3 columns, got 4: 7,{SECRET}"), "ValueError: Expected …"),
        (duckdb.ConversionException(f"Conversion Error: Could not convert string '{SECRET}' to INT32"),
         "ConversionException: Could not convert string …"),
        (RuntimeError(""), "RuntimeError"),
    ],
)  # fmt: skip
def test_of_an_errors_message_only_what_stands_before_any_value_is_told(error: Exception, told: str) -> None:
    assert isolate.what(error) == told


def test_debug_shows_the_whole_error_and_nothing_keeps_it(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch
) -> None:
    three_agencies(town)
    monkeypatch.setattr("city_platform.feeds.one.load_feed", breaks("broken", duckdb_error))
    with pytest.raises(duckdb.ConversionException, match=SECRET):
        load_one(town.settings, "broken/dogs", None, None, print, debug=True)
    assert not (town.settings.home / "dagster").exists()
    assert town.rows("select * from quality.issue") == []


def test_files_of_no_feed_are_set_aside_and_told_without_their_names(
    town: SmallCity, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(inbox, "SETTLED_S", -60.0)
    town.declare("kennels")
    town.put("dogs.csv")
    town.put("Erika Private.pdf")
    town.put("DOGS.CSV")
    for _ in range(2):  # told until somebody takes them away
        assert town.run().success
        issues = town.rows(
            "select rule, severity, responsible, message from quality.issue where feed = 'inbox'"
        )
        assert [i[:3] for i in issues] == [("no_feed_takes_it", "warning", "us")] * 2
    assert (town.inbox / "dogs.csv").exists()
    assert (town.inbox / "unclaimed" / "Erika Private.pdf").exists()
    with Warehouse(town.settings) as warehouse:
        assert run.report(warehouse) == ([], [])
    shown = "".join(capfd.readouterr()) + str(issues)
    assert "IN NO FEED 2 file(s) of the inbox" in shown
    assert "differs from what kennels/dogs takes (dogs.csv) in capitals only" in shown
    assert "Erika" not in shown
    (town.inbox / "unclaimed" / "Erika Private.pdf").unlink()
    (town.inbox / "unclaimed" / "DOGS.CSV").unlink()
    assert town.run().success
    assert town.rows("select * from quality.issue where feed = 'inbox'") == []


def test_a_city_is_joined_scored_and_published_without_the_feed_whose_load_broke(new_home: Home) -> None:
    """The whole pipeline, an error planted in the code: one feed breaks in it, another has no file."""
    edit(
        new_home.package / "city_platform" / "feeds" / "load.py",
        '    started = time.monotonic()\n    con, settings = warehouse.con, warehouse.settings\n    declaration',
        '    started = time.monotonic()\n    if feed.id == "weather_service/weather":\n'
        f'        raise KeyError("{SECRET}")\n    con, settings = warehouse.con, warehouse.settings\n    declaration',
    )  # fmt: skip
    (new_home.mirror / "sanitation_complaints.csv.gz").unlink()
    result = new_home.run(expect=1)
    assert "FAILED weather_service/weather" in result.out
    assert "HELD OR MISSING streets_and_sanitation/sanitation_complaints" in result.out
    assert "Every other feed was loaded." in result.out
    assert SECRET not in result.out + result.err and "Traceback" not in result.out
    assert {check for _, check in red_checks(new_home.warehouse)} == {ARRIVED}
    with opened(new_home.analyst) as con:
        loaded = {
            r[0]
            for r in con.execute("select feed from provenance.delivery where status = 'loaded'").fetchall()
        }
        assert len(loaded) == 4
        [missing] = con.execute("select distinct feeds_missing from risk.worklist").fetchall()
        assert missing[0].split() == [
            "streets_and_sanitation/sanitation_complaints",
            "weather_service/weather",
        ]
    assert (new_home.home / "reports" / "business_affairs.html").is_file()
