"""A step is rebuilt if and only if its code, its settings or something that it reads has changed."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_platform.entities.resolve import WRITES
from city_platform_tests.conftest import Undisturbed
from city_platform_tests.runs import Home, builds, edit, rebuilt_since

WEATHER = "feeds/weather_service/weather"
INSPECTIONS = "feeds/public_health/food_inspections"
VIOLATIONS = "feeds/public_health/food_inspection_violations"
FEEDS = {
    WEATHER, INSPECTIONS, VIOLATIONS, "feeds/public_health/sanitarian_visits",
    "feeds/business_affairs/business_licenses", "feeds/streets_and_sanitation/sanitation_complaints",
}  # fmt: skip
RECORDS = {"feeds/deliveries_and_issues"}
EVENTS = {"entities/event"}
JOINED = {*WRITES, "entities/link_metric"} - EVENTS
RISK = {"risk/backtest", "risk/scores"}
PUBLISHED = {"publish/catalog", "publish/analyst", "publish/operator"}
EVERYTHING = FEEDS | RECORDS | JOINED | EVENTS | RISK | PUBLISHED


def rebuilt_by(home: Home) -> set[str]:
    before = builds(home.warehouse)
    home.run()
    return rebuilt_since(before, home.warehouse)


def test_first_run_builds_every_step(undisturbed: Undisturbed) -> None:
    """Else the tests below could miss a step that none of them names."""
    found = {asset.removesuffix("#declaration") for asset in builds(undisturbed.home.warehouse)}
    assert found == EVERYTHING


def test_nothing_new_rebuilds_nothing_and_leaves_published_files_untouched(home: Home) -> None:
    files = sorted((home.home / "published").iterdir())
    before = [(f.name, f.stat().st_ino, f.stat().st_mtime_ns) for f in files]
    assert len(before) == 2
    assert rebuilt_by(home) == set()
    after = sorted((home.home / "published").iterdir())
    assert [(f.name, f.stat().st_ino, f.stat().st_mtime_ns) for f in after] == before


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        pytest.param(
            "weather.csv", "8.5,0.5,2014-08-03", "9.5,0.5,2014-08-03", {WEATHER} | RECORDS | PUBLISHED, id="weather"
        ),
        pytest.param(
            "food_inspections.csv", "Risk 1 (High)", "Risk 3 (Low)",
            {INSPECTIONS} | RECORDS | JOINED | EVENTS | RISK | PUBLISHED, id="inspections",
        ),
        # Violations name no address and no business; they are events of inspections.
        pytest.param(
            "food_inspection_violations.csv", ",2012-", ",2011-",
            {VIOLATIONS} | RECORDS | EVENTS | RISK | PUBLISHED, id="violations",
        ),
    ],
)  # fmt: skip
def test_changed_bytes_rebuild_the_feed_and_what_depends_on_it(
    home: Home, file: str, old: str, new: str, expected: set[str]
) -> None:
    edit(home.mirror / file, old, new)
    assert rebuilt_by(home) == expected
    assert rebuilt_by(home) == set()


def test_copied_city_rebuilds_nothing(home: Home, city: Path) -> None:
    assert rebuilt_by(home.but(city=str(city))) == set()


def test_changed_feed_yaml_rebuilds_the_feed_and_what_depends_on_it(home: Home, city: Path) -> None:
    edit(
        city / "feeds" / "weather_service" / "defs.yaml", "meaning: Wind speed", "meaning: Speed of the wind"
    )
    assert rebuilt_by(home.but(city=str(city))) == {WEATHER} | RECORDS | PUBLISHED


def test_changed_sql_of_a_case_rebuilds_risk_and_what_depends_on_it(home: Home, city: Path) -> None:
    edit(city / "risk" / "food_safety_features.sql", "730.0", "731.0")
    assert rebuilt_by(home.but(city=str(city))) == RISK | PUBLISHED


def test_changed_yaml_of_a_case_rebuilds_risk_and_what_depends_on_it(home: Home, city: Path) -> None:
    edit(city / "risk" / "food_safety.yaml", "capacity: 250", "capacity: 5")
    assert rebuilt_by(home.but(city=str(city))) == RISK | PUBLISHED


def test_another_as_of_date_rebuilds_scores_and_what_depends_on_them(home: Home) -> None:
    assert rebuilt_by(home.but(as_of="2014-08-01")) == {"risk/scores"} | PUBLISHED


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        pytest.param("feeds/fate.sql", EVERYTHING, id="sql of feeds"),
        pytest.param("entities/sites.sql", JOINED | EVENTS | RISK | PUBLISHED, id="sql of entities"),
        pytest.param("risk/unit_key.sql", RISK | PUBLISHED, id="sql of risk"),
        pytest.param("risk/metrics.py", RISK | PUBLISHED, id="code of risk"),
        pytest.param("publish/files.py", PUBLISHED, id="code of publish"),
    ],
)
def test_changed_code_rebuilds_its_step_and_what_depends_on_it(
    home: Home, file: str, expected: set[str]
) -> None:
    path = home.package / "city_platform" / file
    comment = "-- " if path.suffix == ".sql" else "# "
    path.write_text(path.read_text(encoding="utf-8") + f"\n{comment}edited\n", encoding="utf-8")
    assert rebuilt_by(home) == expected
