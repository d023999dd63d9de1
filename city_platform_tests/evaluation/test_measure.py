"""Claims about the arithmetic of the evaluation, on tables small enough to be counted by hand."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.evaluation.pictures import links_picture
from city_platform.rebuild import sql_file

Row = tuple[str, str, int, list[str]]  # feed, cluster, truth, dirt


def link_metrics(rows: list[Row], not_measured: str = "") -> dict[tuple[str, str], tuple[float, int]]:
    con = duckdb.connect()
    con.execute(
        "create temp table judged (feed varchar, cluster varchar, truth_id bigint, dirt varchar[], is_linked boolean, "
        "is_measured boolean)"
    )
    for feed, cluster, truth, dirt in rows:
        con.execute(
            "insert into judged values (?, ?, ?, ?, ?, ?)",
            [feed, cluster, truth, dirt, not cluster.startswith("unlinked"), feed != not_measured],
        )
    con.execute(sql_file("evaluation/links.sql"))
    found = con.execute("select slice, metric, value, records from link_metric").fetchall()
    return {(str(s), str(m)): (float(v), int(n)) for s, m, v, n in found}


def test_links_that_are_all_right() -> None:
    found = link_metrics([("a", "x", 1, []), ("b", "x", 1, []), ("a", "y", 2, [])])
    assert {m for (_, _), (m, _) in found.items()} == {1.0}


def test_one_cluster_of_two_people() -> None:
    found = link_metrics([("a", "x", 1, []), ("a", "x", 1, []), ("a", "x", 2, [])])
    # of the three records' fellows: 2/3, 2/3 and 1/3 are right; none is missing
    assert found["all", "bcubed_precision"] == (pytest.approx(5 / 9), 3)
    assert found["all", "bcubed_recall"] == (1.0, 3)
    # of three pairs one is true
    assert found["all", "pair_precision"][0] == pytest.approx(1 / 3)
    assert found["all", "pair_recall"][0] == 1.0


def test_one_person_in_two_clusters() -> None:
    found = link_metrics([("a", "x", 1, []), ("a", "x", 1, []), ("a", "y", 1, [])])
    assert found["all", "bcubed_precision"][0] == 1.0
    assert found["all", "bcubed_recall"][0] == pytest.approx(5 / 9)
    assert found["all", "pair_recall"][0] == pytest.approx(1 / 3)


def test_slices_are_of_their_own_records_and_clusters_of_all() -> None:
    found = link_metrics(
        [("a", "x", 1, []), ("b", "x", 1, ["nickname"]), ("b", "y", 1, ["nickname", "typo"])]
    )
    assert found["feed:a", "bcubed_recall"] == (pytest.approx(2 / 3), 1)
    assert found["dirt:nickname", "bcubed_recall"] == (pytest.approx((2 / 3 + 1 / 3) / 2), 2)
    assert found["dirt:typo", "bcubed_recall"] == (pytest.approx(1 / 3), 1)
    assert found["dirt:none", "bcubed_recall"] == (pytest.approx(2 / 3), 1)


def test_the_gazetteer_is_a_fellow_but_not_measured() -> None:
    found = link_metrics([("gazetteer", "x", 1, []), ("a", "x", 1, []), ("a", "y", 1, [])], "gazetteer")
    assert found["all", "bcubed_recall"] == (pytest.approx((2 / 3 + 1 / 3) / 2), 2)
    assert ("feed:gazetteer", "bcubed_recall") not in found


def test_what_is_linked_to_nothing_is_counted() -> None:
    found = link_metrics([("a", "unlinked 1", 1, []), ("a", "x", 1, [])])
    assert found["all", "linked"] == (0.5, 2)


@given(st.lists(st.tuples(st.sampled_from("wxyz"), st.integers(1, 4)), min_size=2, max_size=12), st.randoms())
@settings(max_examples=30, deadline=None)
def test_order_changes_nothing_and_all_lie_between_0_and_1(pairs: list[tuple[str, int]], random: Any) -> None:
    rows: list[Row] = [("a", cluster, truth, []) for cluster, truth in pairs]
    found = link_metrics(rows)
    assert all(0 <= value <= 1 + 1e-12 for value, _ in found.values())
    random.shuffle(rows)
    assert link_metrics(rows) == {k: (pytest.approx(v), n) for k, (v, n) in found.items()}


def case_metrics(
    scored: list[tuple[str, float, bool]],
    truth: dict[str, int],
    planted: dict[int, bool],
    latent: dict[int, int],
) -> dict[str, tuple[float, int]]:
    con = duckdb.connect()
    con.execute("create temp table scored (unit_id varchar, score double, is_listed boolean)")
    con.execute("create temp table unit_truth (unit_id varchar, truth_id bigint)")
    con.execute("create temp table planted_truth (truth_id bigint, is_planted boolean)")
    con.execute("create temp table latent (truth_id bigint, badness integer)")
    for table, rows in (
        ("scored", scored),
        ("unit_truth", list(truth.items())),
        ("planted_truth", list(planted.items())),
        ("latent", list(latent.items())),
    ):
        for row in rows:
            con.execute(f"insert into {table} values ({', '.join('?' for _ in row)})", list(row))
    con.execute(sql_file("evaluation/case.sql"))
    return {str(m): (v, n) for m, v, n in con.execute("from case_metric").fetchall()}


SCORED = [("u1", 0.9, True), ("u2", 0.8, True), ("u3", 0.4, False), ("u4", 0.1, False)]
TRUTH = {"u1": 1, "u2": 2, "u3": 3, "u4": 4}


def test_a_case_against_what_was_planted() -> None:
    found = case_metrics(SCORED, TRUTH, {1: True, 2: False, 4: True}, {})
    assert found["listed"] == (2, 4)
    assert found["planted_eligible"][0] == 2
    assert found["planted_listed"] == (1, 2)
    assert found["look_alikes_listed"] == (1, 2)
    # of four pairs of a planted and another unit two are in the right order
    assert found["auc"][0] == 0.5
    assert "rank_correlation" not in found


def test_a_case_against_what_drives_it() -> None:
    assert case_metrics(SCORED, TRUTH, {}, {1: 40, 2: 30, 3: 20, 4: 10})["rank_correlation"] == (
        pytest.approx(1.0),
        4,
    )
    assert case_metrics(SCORED, TRUTH, {}, {1: 10, 2: 20, 3: 30, 4: 40})["rank_correlation"][
        0
    ] == pytest.approx(-1)


def test_a_picture_is_drawn() -> None:
    import pandas as pd

    rows = [("person", "all", m, 0.9, 10) for m in ("bcubed_precision", "bcubed_recall", "bcubed_f1")] + [
        ("person", "dirt:nickname", "bcubed_f1", 0.8, 3),
        ("person", "dirt:none", "bcubed_f1", 1.0, 7),
    ]
    frame = pd.DataFrame(rows, columns=["subject", "slice", "metric", "value", "records"])
    assert links_picture(frame).startswith(b"\x89PNG")
