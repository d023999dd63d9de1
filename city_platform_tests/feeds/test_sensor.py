"""The sensor: a file that has arrived starts one run, of its feed and of all that is built from it."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest

from city_platform.definitions import city_definitions
from city_platform.feeds.sensors import file_sensor
from city_platform.settings import Settings
from city_platform_tests.feeds.small_city import SmallCity
from city_platform_tests.feeds.small_feed import licences

JOB = dg.define_asset_job("everything", selection=dg.AssetSelection.all())


def later() -> float:
    """A minute from now, when every file that is there is whole."""
    return time.time() + 60


def ask(
    town: SmallCity, cursor: str | None = None, clock: Callable[[], float] = later
) -> tuple[list[dg.RunRequest], str | None, str | None]:
    """One evaluation: the runs that it asks for, its cursor, and why it asks for none."""
    feeds = town.feeds
    sensor = file_sensor(feeds, JOB, clock)
    definitions = dg.Definitions.merge(town.definitions(), dg.Definitions(jobs=[JOB], sensors=[sensor]))
    context = dg.build_sensor_context(
        instance=dg.DagsterInstance.ephemeral(),
        cursor=cursor,
        repository_def=definitions.get_repository_def(),
    )
    found = sensor.evaluate_tick(context)
    return list(found.run_requests or ()), found.cursor, found.skip_message


def keys(request: dg.RunRequest) -> set[str]:
    return {k.to_user_string() for k in request.asset_selection or ()}


def two_feeds(town: SmallCity) -> None:
    town.declare("cats", source={"file": "cats.csv"})
    town.declare("dogs", source={"file": "dogs_*.csv"})


def test_a_file_asks_for_a_run_of_its_feed_and_all_that_is_built_from_it(town: SmallCity) -> None:
    two_feeds(town)
    town.put("cats.csv")
    [request], _, _ = ask(town)
    assert keys(request) == {
        "raw/cats__dogs", "staging/cats__dogs", "staging/cats__dogs__history",
        "provenance/delivery", "quality/issue", "quality/freshness",
    }  # fmt: skip
    assert request.tags["city_platform/feeds"] == "cats/dogs"


def test_one_file_starts_one_run_however_often_it_is_seen(town: SmallCity) -> None:
    two_feeds(town)
    town.put("cats.csv")
    [first], cursor, _ = ask(town)
    again, cursor, why = ask(town, cursor)
    assert again == [] and why == "No new file for any feed."
    # Seen without what is remembered, such as after a reset: the same file asks for the same run.
    [reset], _, _ = ask(town)
    assert reset.run_key == first.run_key
    # Changed: another run.
    town.put("cats.csv", licences(21))
    [changed], _, _ = ask(town, cursor)
    assert changed.run_key != first.run_key


def test_a_second_file_starts_a_run_of_its_own_feed_alone(town: SmallCity) -> None:
    two_feeds(town)
    town.put("cats.csv")
    _, cursor, _ = ask(town)
    town.put("dogs_july.csv")
    [request], _, _ = ask(town, cursor)
    assert request.tags["city_platform/feeds"] == "dogs/dogs"
    assert not any("cats" in key for key in keys(request))


def test_files_that_came_together_are_one_run(town: SmallCity) -> None:
    two_feeds(town)
    for name in ("cats.csv", "dogs_july.csv", "dogs_august.csv"):
        town.put(name)
    [request], _, _ = ask(town)
    assert request.tags["city_platform/feeds"] == "cats/dogs,dogs/dogs"


def test_a_file_that_is_still_written_waits(town: SmallCity) -> None:
    two_feeds(town)
    path = town.put("cats.csv")
    written_at = path.stat().st_ctime
    requests, cursor, why = ask(town, clock=lambda: written_at + 4)
    assert requests == [] and why
    assert len(ask(town, cursor, clock=lambda: written_at + 6)[0]) == 1


def test_a_file_of_no_feed_asks_for_nothing(town: SmallCity) -> None:
    two_feeds(town)
    town.put("holidays.csv")
    assert ask(town)[0] == []


def test_a_file_at_its_declared_path_outside_the_inbox_asks_for_a_run(
    town: SmallCity, tmp_path: Path
) -> None:
    outside = tmp_path / "share" / "dogs.csv"
    outside.parent.mkdir()
    town.declare("kennels", source={"file": str(outside)})
    assert ask(town)[0] == []
    town.put("dogs.csv").rename(outside)
    assert len(ask(town)[0]) == 1


def test_with_a_mirror_no_file_is_waited_for(town: SmallCity, monkeypatch: pytest.MonkeyPatch) -> None:
    two_feeds(town)
    town.put("cats.csv")
    monkeypatch.setenv("CITY_PLATFORM_MIRROR", str(town.inbox))
    requests, _, why = ask(town)
    assert requests == [] and why and "no file is waited for" in why


def test_the_cursor_tells_no_file_names(town: SmallCity) -> None:
    town.declare("kennels", source={"file": "*.csv"})
    town.put("Erika Private.csv")
    [request], cursor, _ = ask(town)
    assert "Erika" not in str(cursor) + str(request)


def test_the_run_that_is_asked_for_loads_the_file(town: SmallCity) -> None:
    """For real: evaluated, executed as asked for, and the rows are there; what the other feed has stays as it was."""
    two_feeds(town)
    town.put("cats.csv", licences(5))
    town.put("dogs_june.csv", licences(3))
    with dg.DagsterInstance.ephemeral() as instance:
        assert town.run(instance).success
        _, cursor, _ = ask(town)
        town.put("cats.csv", licences(6))
        [request], _, _ = ask(town, cursor)
        job = dg.Definitions.merge(town.definitions(), dg.Definitions(jobs=[JOB])).resolve_job_def(
            "everything"
        )
        result = job.execute_in_process(
            instance=instance,
            run_config=request.run_config,
            tags=request.tags,
            asset_selection=request.asset_selection,
        )
        assert result.success
        ran = {e.asset_key.to_user_string() for e in result.get_asset_materialization_events() if e.asset_key}
        assert ran == keys(request)
    assert town.rows("select count(*) from staging.cats__dogs") == [(6,)]
    assert town.rows("select count(*) from staging.dogs__dogs") == [(3,)]


def test_every_city_has_the_sensor_and_it_is_stopped_until_somebody_starts_it() -> None:
    definitions = city_definitions(Settings.from_environment({"CITY_PLATFORM_CITY": "chicago"}))
    sensor = definitions.resolve_sensor_def("files_arrive")
    assert sensor.default_status == dg.DefaultSensorStatus.STOPPED
    assert sensor.job_name == "nightly"
