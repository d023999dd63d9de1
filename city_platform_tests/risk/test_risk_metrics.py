"""The metrics against examples worked by hand, against slow plain versions, and their properties."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.risk import metrics


def measure(score, label, day, capacity=2, counts=None, is_probability=False):
    tie = np.arange(len(day), dtype=float)
    visits = metrics.Visits(np.array(day), np.array(label, dtype=bool), tie)
    counts = np.ones((1, len(day)), dtype=int) if counts is None else np.array([counts])
    sums = metrics.sums(visits, np.array(score, dtype=float), counts, capacity, is_probability)
    return {name: float(metrics.values(sums, name)[0]) for name in sums}


def test_an_example_worked_by_hand():
    # Visits on days 1, 2, 3 and 4; the last two have the label. Scores put day 4 first and day 3 third.
    found = measure([0.2, 0.6, 0.4, 0.8], [0, 0, 1, 1], [1, 2, 3, 4], capacity=1, is_probability=True)
    # Day 4 comes on day 1 (3 earlier), day 3 stays on day 3.
    assert found["days_earlier"] == 1.5
    # Up to day 1, one of four visits was made: fewer than half. Up to day 2, two: not fewer.
    assert found["first_half"] == 0.5
    # Pairs: 4 over 1, 4 over 2, 3 over 1, but not 3 over 2.
    assert found["auc"] == 0.75
    assert found["precision_at_capacity"] == 1.0
    assert found["recall_at_capacity"] == 0.5
    assert math.isclose(found["brier"], (0.04 + 0.36 + 0.36 + 0.04) / 4)


def test_equal_scores_count_half_and_are_ordered_by_the_tie():
    found = measure([0, 0, 0, 0], [1, 0, 0, 1], [1, 2, 3, 4])
    assert found["auc"] == 0.5
    assert found["days_earlier"] == 0
    assert found["recall_at_capacity"] == 0.5


def test_the_actual_order_is_no_days_earlier():
    days = [5, 1, 1, 3, 9, 3]
    assert measure([-day for day in days], [1, 0, 1, 1, 0, 1], days)["days_earlier"] == 0


def test_without_a_visit_with_the_label_metrics_are_undefined():
    found = measure([1, 2], [0, 0], [1, 2])
    assert math.isnan(found["auc"]) and math.isnan(found["days_earlier"])


def slowly(score, label, day, capacity):
    """The definitions of the notes, written out visit by visit."""
    n = len(day)
    order = sorted(range(n), key=lambda i: (-score[i], i))
    simulated = dict(zip(order, sorted(day), strict=True))
    positive = [i for i in range(n) if label[i]]
    negative = [i for i in range(n) if not label[i]]
    pairs = [(score[p] > q) + (score[p] == q) / 2 for p in positive for q in (score[i] for i in negative)]
    first = order[:capacity]
    return {
        "auc": sum(pairs) / len(pairs),
        "days_earlier": sum(day[i] - simulated[i] for i in positive) / len(positive),
        "first_half": sum(sum(d <= simulated[i] for d in day) < n / 2 for i in positive) / len(positive),
        "precision_at_capacity": sum(label[i] for i in first) / len(first),
        "recall_at_capacity": sum(label[i] for i in first) / len(positive),
    }


window = st.lists(
    st.tuples(st.integers(0, 4), st.booleans(), st.integers(1, 6), st.integers(0, 2)), min_size=2, max_size=14
)


@settings(max_examples=150, deadline=None)
@given(window, st.integers(1, 8))
def test_agrees_with_the_plain_definitions_however_often_a_unit_is_drawn(visits, capacity):
    score, label, day, counts = (list(column) for column in zip(*visits, strict=True))
    drawn = [i for i, count in enumerate(counts) for _ in range(count)]
    labels = {label[i] for i in drawn}
    if len(labels) < 2:
        return
    found = measure(score, label, day, capacity, counts)
    again = [[values[i] for i in drawn] for values in (score, label, day)]
    for name, value in slowly(*again, capacity).items():
        assert math.isclose(found[name], value, abs_tol=1e-12), name


@settings(max_examples=60, deadline=None)
@given(window)
def test_only_the_order_of_scores_matters_and_no_order_beats_the_labels_own(visits):
    score, label, day, _ = (list(column) for column in zip(*visits, strict=True))
    if len(set(label)) < 2:
        return
    found = measure(score, label, day)
    assert found == measure([math.exp(value) for value in score], label, day)
    best = measure(label, label, day)
    assert best["auc"] == 1
    assert all(found[name] <= best[name] + 1e-12 for name in found)


def test_pooling_compares_visits_within_their_own_window_only():
    one = metrics.Visits(np.array([1, 2]), np.array([True, False]), np.zeros(2))
    counts = np.ones((1, 2), dtype=int)
    # The second window's scores are all higher; each window by itself is in perfect order.
    sums = [metrics.sums(one, np.array(score), counts, 1) for score in ([0.2, 0.1], [0.9, 0.8])]
    assert metrics.values(metrics.pooled(sums), "auc")[0] == 1


def test_draws_begin_with_the_sample_itself_and_keep_its_size():
    draws = metrics.unit_draws(50, 20, seed=3)
    assert draws.shape == (21, 50) and (draws[0] == 1).all() and (draws.sum(axis=1) == 50).all()
    assert (draws == metrics.unit_draws(50, 20, seed=3)).all()
