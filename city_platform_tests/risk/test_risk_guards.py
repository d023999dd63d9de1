"""Features at a date depend on nothing known later; and the guard sees it where they do."""

from __future__ import annotations

from datetime import date

import pytest

from city_platform.risk.asof import feature_rows, prepare, set_variable
from city_platform.risk.guards import leaked_features
from city_platform_tests.risk.small_city import food_safety, make_city, with_sql

AS_OF = date(2013, 11, 5)


@pytest.fixture(scope="module")
def city():
    return make_city(40)


def test_chicagos_features_do_not_leak(city):
    assert leaked_features(city, food_safety(), AS_OF) == []


def test_a_planted_leak_is_caught(city):
    case = food_safety()
    honest = case.sql("features")
    # The first filter by known_time is that of the canvass inspections; the licences keep theirs.
    leaking = honest.replace("e.known_time < d.as_of", "e.known_time < d.as_of + 200", 1)
    assert leaking != honest
    leaked = leaked_features(city, with_sql(case, features=leaking), AS_OF)
    assert {"visits", "critical_excess"} <= set(leaked) and "licence_age" not in leaked


def test_an_event_known_on_the_day_itself_counts_as_later(city):
    case = food_safety()
    honest = case.sql("features")
    leaking = honest.replace("e.known_time < d.as_of", "e.known_time <= d.as_of")
    days = city.execute(
        "select distinct known_time::date from entity.event where event_type = 'violation'"
    ).fetchall()
    assert any(leaked_features(city, with_sql(case, features=leaking), day) for (day,) in sorted(days)[80:90])


def test_eligibility_that_looks_ahead_is_caught(city):
    case = food_safety()
    leaking = case.sql("eligible").replace("known_time < getvariable('as_of') and", "")
    assert leaked_features(city, with_sql(case, eligible=leaking), AS_OF) == ["eligible"]


def test_the_guard_leaves_all_events_readable(city):
    leaked_features(city, food_safety(), AS_OF)
    known = city.execute("select count(*) from known_event").fetchone()
    assert known == city.execute("select count(*) from entity.event").fetchone()


def test_sql_that_gives_a_unit_two_rows_is_refused(city):
    import pandas as pd

    case = food_safety()
    prepare(city, case)
    set_variable(city, "as_of", AS_OF)
    unit = city.execute("select min(unit_id) from unit_key").fetchone()[0]
    twice = case.sql("features") + "; insert into feature select * from feature;"
    with pytest.raises(ValueError, match="exactly one row"):
        feature_rows(
            city, with_sql(case, features=twice), pd.DataFrame({"unit_id": [unit], "as_of": [AS_OF]})
        )
