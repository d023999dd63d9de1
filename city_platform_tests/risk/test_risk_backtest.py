"""Backtests learn from the past only, show every baseline, and depend on no id and no order of rows."""

from __future__ import annotations

import itertools
from datetime import date

import pandas as pd
import pytest

from city_platform.risk.backtest import backtest, window_scores
from city_platform.risk.case import BASELINES
from city_platform.risk.pictures import backtest_picture
from city_platform_tests.risk.small_city import contract, food_safety, make_city

FIRST, END = date(2013, 3, 10), date(2014, 9, 1)


@pytest.fixture(scope="module")
def table():
    return backtest(make_city(), food_safety())


def test_rows_have_the_contracts_columns_and_a_unique_key(table):
    assert list(table.columns) == list(contract("risk")["backtest"])
    key = ["model", "config_id", "slice", "window_start", "window_end", "metric", "compared_with"]
    assert not table.duplicated(key).any()


def test_nine_consecutive_windows_and_all_together(table):
    windows = sorted(set(zip(table["window_start"], table["window_end"], strict=True)))
    assert len(windows) == 10 and (FIRST, END) in windows
    single = [window for window in windows if window != (FIRST, END)]
    assert single[0][0] == FIRST and single[-1][1] == END
    assert all(
        one[1] == other[0] and (one[1] - one[0]).days == 60 for one, other in itertools.pairwise(single)
    )


def test_every_baseline_stands_beside_the_model_with_an_interval(table):
    pooled = table[(table["window_start"] == FIRST) & (table["window_end"] == END)]
    own = pooled[pooled["compared_with"] == ""]
    assert set(own["model"]) == {"model", *BASELINES}
    assert own["n"].nunique() == 1 and own["positives"].nunique() == 1
    differences = pooled[pooled["compared_with"] != ""]
    assert set(differences["model"]) == {"model"}
    assert set(differences.loc[differences["metric"] == "auc", "compared_with"]) == set(BASELINES)
    assert (pooled["low"] <= pooled["value"] + 1e-9).all() and (
        pooled["value"] <= pooled["high"] + 1e-9
    ).all()
    auc = own[own["metric"] == "auc"].set_index("model")["value"]
    gain = differences[(differences["metric"] == "auc") & (differences["compared_with"] == "random")]
    assert gain["value"].iloc[0] == pytest.approx(auc["model"] - auc["random"])
    # A third of the businesses are much worse, which is easily learnt.
    assert auc["model"] > 0.65 and gain["low"].iloc[0] > 0


def test_the_actual_order_is_the_zero_of_days_earlier(table):
    actual = table[(table["model"] == "business_as_usual") & (table["metric"] == "days_earlier")]
    assert (actual["value"] == 0).all()


def test_what_is_found_in_a_window_or_later_changes_no_score_in_it():
    start, end = date(2013, 11, 5), date(2014, 1, 4)
    before = window_scores(make_city(), food_safety())
    city = make_city()
    city.execute(f"delete from entity.event where event_type = 'violation' and known_time >= date '{start}'")
    after = window_scores(city, food_safety())
    models = list(food_safety().models)
    same = [scores[scores["window_end"] <= end].reset_index(drop=True) for scores in (before, after)]
    pd.testing.assert_frame_equal(same[0][models], same[1][models])
    assert (same[0]["label"] != same[1]["label"]).any()
    later = [scores[scores["as_of"] == end].reset_index(drop=True) for scores in (before, after)]
    assert (later[0]["model"] != later[1]["model"]).any()


def test_a_label_known_late_is_not_learnt_from_before():
    start = date(2013, 11, 5)
    city = make_city()
    # All of the window before becomes known one day too late to be used.
    city.execute(
        f"update entity.event set known_time = timestamp '{start}' "
        f"where event_time >= date '{start}' - 60 and known_time < date '{start}'"
    )
    late = window_scores(city, food_safety())
    city.execute(
        f"delete from entity.event where known_time = timestamp '{start}' and event_time < date '{start}'"
    )
    never = window_scores(city, food_safety())
    keys = ["unit_key", "model", "plain_logistic", "scorecard", "last_result"]
    pd.testing.assert_frame_equal(
        late.loc[late["as_of"] == start, keys].reset_index(drop=True),
        never.loc[never["as_of"] == start, keys].reset_index(drop=True),
    )


def test_neither_ids_nor_the_order_of_rows_matter(table):
    other = backtest(make_city(prefix="b_z", shuffle=5), food_safety())
    pd.testing.assert_frame_equal(table, other)


def test_a_city_with_too_little_to_learn_from_shows_baselines_only():
    table = backtest(make_city(6), food_safety(training__min_rows=500))
    assert not set(table["model"]) & {"model", "plain_logistic"}
    assert (table["compared_with"] == "").all()


def test_a_city_without_inspections_has_an_empty_backtest():
    table = backtest(make_city(0), food_safety())
    assert table.empty and list(table.columns) == list(contract("risk")["backtest"])
    assert backtest_picture(table).startswith(b"\x89PNG")


def test_the_picture_is_the_same_each_time(table):
    picture = backtest_picture(table)
    assert picture.startswith(b"\x89PNG") and len(picture) < 200_000
    assert picture == backtest_picture(table)
