"""Scores, reasons and worklists: complete, explained, repeatable, and there in the smallest city too."""

from __future__ import annotations

import itertools
import re
from datetime import date, timedelta

import pandas as pd
import pytest

from city_platform.risk.scoring import score_case
from city_platform.risk.worklist import model_propensity
from city_platform_tests.risk.small_city import COOLING_OFF, contract, food_safety, make_city

AS_OF = date(2014, 9, 1)
TABLES = ("score", "reason", "worklist")


@pytest.fixture(scope="module")
def city():
    return make_city()


@pytest.fixture(scope="module")
def scored(city):
    return score_case(city, food_safety(), AS_OF, ["b/late", "a/late"])


@pytest.mark.parametrize("table", TABLES)
def test_columns_are_the_contracts(scored, table):
    assert list(getattr(scored, table).columns) == list(contract("risk")[table])


def test_every_score_is_ranked_once_and_banded(scored):
    score = scored.score
    assert list(score["rank"]) == list(range(1, len(score) + 1)) and score["unit_id"].is_unique
    assert score["score"].is_monotonic_decreasing and score["score"].between(0, 1).all()
    assert score["band"].iloc[0] == "high" and score["band"].iloc[-1] == "low"
    assert (score["match_confidence"] == 0.9).all() and (score["feeds_missing"] == "a/late b/late").all()
    assert score["model_version"].str.match(r"model-[0-9a-f]{12}$").all()


def test_the_worklist_is_full_with_a_random_share_and_its_propensity(scored):
    rows, eligible = scored.worklist, len(scored.score)
    assert len(rows) == 30 and rows["selection"].value_counts().to_dict() == {"model": 27, "random": 3}
    assert rows.loc[rows["selection"] == "random", "propensity"].unique() == [3 / eligible]
    assert list(rows["rank"]) == list(range(1, 31)) and rows["worklist_row_id"].is_unique
    assert rows["worklist_row_id"].str.match(r"w_[0-9a-f]{16}$").all()
    assert (rows["status"] == "open").all() and (rows["expires_on"] == AS_OF + timedelta(days=14)).all()
    assert rows["agency_reference"].str.match(r"1\d{3}$").all() and rows["area"].isin(list("01234")).all()
    scores = rows.merge(scored.score, on="unit_id")["score"]
    assert scores.is_monotonic_decreasing


def test_propensities_of_model_and_draw_agree_with_trying_every_draw():
    total, size, at_random = 7, 4, 2
    draws = list(itertools.combinations(range(1, total + 1), at_random))
    for rank in range(1, total + 1):
        on_list = sum(
            rank in [other for other in range(1, total + 1) if other not in draw][: size - at_random]
            for draw in draws
        )
        assert model_propensity(rank, total, size, at_random) == pytest.approx(on_list / len(draws))


def test_no_unit_canvassed_lately_is_listed(city, scored):
    lately = city.execute(
        "select distinct business_id from entity.event where event_type = 'food_inspection' "
        "and event_time >= ?::date - ? and known_time < ?",
        [AS_OF, COOLING_OFF, AS_OF],
    ).fetchall()
    assert lately and not {unit for (unit,) in lately} & set(scored.score["unit_id"])


def test_every_visit_has_reasons_in_plain_words_with_records_that_exist(city, scored):
    reason = scored.reason
    assert set(reason["unit_id"]) == set(scored.worklist["unit_id"])
    assert reason.groupby("unit_id")["position"].max().le(3).all()
    assert not reason["text"].str.contains(r"[{}]|nan", regex=True).any()
    assert reason["text"].str.contains("please", case=False).all()
    real = reason[reason["code"] != "nothing_stands_out"]
    assert len(real) and (real["points"] > 0).all() and (real["evidence"] != "").all()
    known = city.execute(
        "select feed || ':' || record_key from entity.event where known_time < ?", [AS_OF]
    ).fetchall()
    cited = {record for text in reason["evidence"] for record in text.split()}
    assert cited <= {record for (record,) in known}
    assert reason["evidence"].map(lambda text: len(text.split())).le(5).all()
    strongest_first = reason.groupby("unit_id")["points"].apply(lambda points: points.is_monotonic_decreasing)
    assert strongest_first.all()


def test_the_budget_counts_without_gaps(city, scored):
    steps = scored.budget
    inspections = city.execute(
        "select count(*) from entity.event where event_type = 'food_inspection' and known_time < ?", [AS_OF]
    ).fetchone()
    assert steps[0][1] == inspections[0]
    assert all(rows_in >= rows_out for _, rows_in, rows_out, _ in steps)
    units = [(rows_in, rows_out) for _, rows_in, rows_out, _ in steps[4:]]
    assert all(one[1] == other[0] for one, other in itertools.pairwise(units))
    assert units[-1][1] == len(scored.worklist)


def test_inspections_without_a_business_are_counted(city):
    other = make_city(10)
    other.execute("update entity.event set business_id = null where record_key like '0003-%'")
    lost = score_case(other, food_safety(), AS_OF, []).budget[0]
    assert lost[1] > lost[2] and lost[3] == "linked to no unit"


def test_neither_ids_nor_the_order_of_rows_matter(scored):
    other = score_case(make_city(prefix="b_z", shuffle=5), food_safety(), AS_OF, ["a/late", "b/late"])
    for table in TABLES:
        one, two = (getattr(result, table).drop(columns="unit_id") for result in (scored, other))
        pd.testing.assert_frame_equal(one, two)
    assert scored.budget == other.budget


def test_the_list_does_not_depend_on_what_is_known_later(city):
    as_of = date(2014, 1, 4)
    now = score_case(city, food_safety(), as_of, [])
    then = make_city()
    then.execute("delete from entity.event where known_time >= ?", [as_of])
    for table in TABLES:
        pd.testing.assert_frame_equal(
            getattr(now, table), getattr(score_case(then, food_safety(), as_of, []), table)
        )


def test_a_small_city_is_scored_by_the_scorecard():
    small = make_city(5)
    scored = score_case(small, food_safety(training__min_rows=500, training__min_positives=50), AS_OF, [])
    assert len(scored.score) and scored.score["model_version"].str.match(r"scorecard-[0-9a-f]{12}$").all()
    assert set(scored.worklist["unit_id"]) == set(scored.score["unit_id"]) == set(scored.reason["unit_id"])
    assert any("scorecard" in why for *_, why in scored.budget)


def test_a_unit_that_nothing_speaks_against_says_so():
    always = {"seen_within_days": 730, "cooling_off_days": 0}
    # One business alone is the average unit, so nothing raises it above the average.
    scored = score_case(make_city(1), food_safety(eligible__variables=always), AS_OF, [])
    assert list(scored.reason["code"]) == ["nothing_stands_out"] and list(scored.reason["points"]) == [0.0]


def test_a_city_where_nothing_happened_has_empty_tables():
    scored = score_case(make_city(0), food_safety(), AS_OF, [])
    for table in TABLES:
        assert getattr(scored, table).empty
        assert list(getattr(scored, table).columns) == list(contract("risk")[table])


def test_licences_without_inspections_still_give_a_list():
    city = make_city(8)
    city.execute("delete from entity.event where event_type <> 'licence_issued'")
    scored = score_case(city, food_safety(), date(2013, 9, 1), [])
    assert len(scored.worklist) == 8 and scored.reason["evidence"].map(bool).all()


def test_texts_speak_of_things_and_not_of_ids(scored):
    assert not scored.reason["text"].map(lambda text: re.search(r"\b[bao]_", text)).any()
