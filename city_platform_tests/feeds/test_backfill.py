"""Backfill: a range of days of a feed that is sent day by day, in one run, from the command line and from the UI."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import dagster as dg
import pytest

from city_platform.feeds.backfill import BackfillError, days_between
from city_platform.feeds.one import load_one
from city_platform_tests.feeds.small_city import SmallCity
from city_platform_tests.feeds.small_feed import licence, small_feed
from city_platform_tests.runs import in_own_interpreter

BY_DAY = small_feed(source={"file": "dogs_{day}.csv"}, delivery="append")
JULY = [date(2020, 7, 1) + timedelta(days=n) for n in range(10)]


def by_day(town: SmallCity) -> None:
    """A feed that sends a file a day, and ten days of it."""
    town.declare("kennels", source={"file": "dogs_{day:%Y%m%d}.csv"}, delivery="append")
    for n, day in enumerate(JULY, start=1):
        town.put(f"dogs_{day:%Y%m%d}.csv", [licence(n, issued=str(day))])


def loaded(town: SmallCity) -> list[date]:
    return [r[0] for r in town.rows("select issued from staging.kennels__dogs order by issued")]


def test_days_from_the_first_to_the_last() -> None:
    days = days_between(BY_DAY, "2020-02-28", "2020-03-01", date(2026, 1, 1))
    assert [str(d) for d in days] == ["2020-02-28", "2020-02-29", "2020-03-01"]
    assert days_between(BY_DAY, None, None, date(2026, 1, 1)) == ()


def test_a_left_out_day_is_the_feeds_first_and_today() -> None:
    feed = small_feed(source={"file": "dogs_{day}.csv", "first_day": "2020-07-01"})
    assert days_between(feed, None, "2020-07-02", date(2026, 1, 1)) == (date(2020, 7, 1), date(2020, 7, 2))
    assert len(days_between(feed, "2020-07-01", None, date(2020, 7, 5))) == 5


@pytest.mark.parametrize(
    ("first", "last", "message"),
    [
        ("2020-02-30", None, "2020-02-30: give a day that exists as YYYY-MM-DD"),
        ("2020-07-02", "2020-07-01", "the first day, 2020-07-02, is after the last, 2020-07-01"),
        (None, "2020-07-01", "give the first day too, or declare source.first_day"),
    ],
)
def test_days_that_cannot_be_are_refused_in_a_sentence(first: str, last: str, message: str) -> None:
    with pytest.raises(BackfillError, match=message):
        days_between(BY_DAY, first, last, date(2026, 1, 1))


def test_a_feed_without_days_has_none_to_choose() -> None:
    with pytest.raises(BackfillError, match="is not sent day by day"):
        days_between(small_feed(), "2020-07-01", None, date(2026, 1, 1))


def test_one_command_loads_a_range_in_one_run_and_only_that_range(
    town: SmallCity, capsys: pytest.CaptureFixture[str]
) -> None:
    by_day(town)
    said: list[str] = []
    code = load_one(town.settings, "kennels/dogs", "2020-07-03", "2020-07-06", said.append)
    assert code == 0, said
    assert loaded(town) == JULY[2:6]
    assert said[0] == "kennels/dogs: 4 days, 2020-07-03 to 2020-07-06"
    assert "1 new" in capsys.readouterr().out  # the progress line, of the newest of them
    with dg.DagsterInstance.get() as instance:
        [run] = instance.get_runs()
        assert run.is_success and run.tags["city_platform/feed"] == "kennels/dogs"
        event = instance.get_latest_materialization_event(dg.AssetKey(["staging", "kennels__dogs"]))
        assert event and event.run_id == run.run_id
    # The range again, and one day more: only that day is loaded.
    assert load_one(town.settings, "kennels/dogs", "2020-07-03", "2020-07-07", said.append) == 0
    assert loaded(town) == JULY[2:7]
    assert town.rows("select count(*) from provenance.delivery where status = 'loaded'") == [(5,)]


def test_a_day_of_the_range_that_is_not_there_is_named_and_the_others_are_loaded(town: SmallCity) -> None:
    by_day(town)
    (town.inbox / "dogs_20200704.csv").unlink()
    said: list[str] = []
    assert load_one(town.settings, "kennels/dogs", "2020-07-03", "2020-07-05", said.append) == 3
    assert loaded(town) == [JULY[2], JULY[4]]
    assert "2020-07-04" in said[1]


def test_in_the_ui_a_range_is_the_runs_config(town: SmallCity) -> None:
    by_day(town)
    result = town.run(load_kennels__dogs={"first_day": "2020-07-01", "last_day": "2020-07-02"})
    assert result.success
    assert loaded(town) == JULY[:2]


def test_in_the_ui_a_day_that_cannot_be_fails_with_the_sentence(town: SmallCity) -> None:
    by_day(town)
    result = town.run(load_kennels__dogs={"first_day": "1 July"})
    [failure] = [e for e in result.all_events if e.is_step_failure]
    assert "1 July: give a day that exists" in str(failure.step_failure_data.user_failure_data or failure)


def test_in_the_ui_only_feeds_that_are_sent_day_by_day_have_days(town: SmallCity) -> None:
    town.declare("kennels")
    with pytest.raises(dg.DagsterInvalidConfigError):
        town.run(load_kennels__dogs={"first_day": "2020-07-01"})


def test_the_command_names_what_is_wrong_and_ends_with_1(town: SmallCity, tmp_path: Path) -> None:
    town.declare("kennels")
    place = ["--city", str(town.folder), "--home", str(town.base)]
    result = in_own_interpreter(["feed", "load", "kennels/cats", *place])
    assert (result.returncode, result.stderr) == (
        1,
        "Error: There is no feed kennels/cats. There are: kennels/dogs.\n",
    )
    missing = in_own_interpreter(["feed", "load", "kennels/dogs", *place])
    assert missing.returncode == 3
    assert "dogs.csv is not there" in missing.stdout and "Traceback" not in missing.stderr
    town.put("dogs.csv")
    done = in_own_interpreter(["feed", "load", "kennels/dogs", *place])
    assert done.returncode == 0, done.stderr
    assert "20 new" in done.stdout
