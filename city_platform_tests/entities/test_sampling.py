"""Samples: what is drawn, and what people's judgement of it says of the links."""

from __future__ import annotations

import random

import duckdb
import pytest

from city_platform.entities.linking.model import Model
from city_platform.entities.sampling import SAMPLE, Drawn, Judged, draw, measure
from city_platform.tables import fixed_tables

MODEL = Model.model_validate(
    {
        "entity_type": "person",
        "prior": 0.001,
        "link_from": 6,
        "keep_from": 0,
        "blocks": [{"name": "name", "key": ["family"]}],
        "comparisons": [
            {
                "name": "name",
                "levels": [
                    {"label": "same", "sql": "family_l = family_r", "m": 0.9, "u": 0.1},
                    {"label": "different", "otherwise": True, "m": 0.1, "u": 0.9},
                ],
            }
        ],
    }
)
# Band, whether linked: pairs, and how many of them truly are the same.
TRUTH = {
    ("3..6", False): (800, 80),
    ("6..9", True): (600, 480),
    ("14..", True): (4000, 3990),
    ("..3", False): (3000, 3),
}


@pytest.fixture
def con() -> duckdb.DuckDBPyConnection:
    """1,000 pairs of weight 0 to 19.98; those from 6 on are of one cluster."""
    opened = duckdb.connect()
    opened.execute("create schema entity")
    for name in ("entity.compared", "entity.node_cluster"):
        opened.execute(fixed_tables()[name].ddl())
    opened.execute(
        "insert into entity.compared by name select 'person' as entity_type, 2 * i as node_a, 2 * i + 1 as node_b, "
        "i * 0.02 as weight, 0 as levels, 1 as rules from range(1000) t(i)"
    )
    opened.execute(
        "insert into entity.node_cluster select entity_type, unnest([node_a, node_b]), "
        "unnest([node_a, case when weight >= 6 then node_a else node_b end]) from entity.compared"
    )
    return opened


def test_every_band_is_drawn_from(con: duckdb.DuckDBPyConnection) -> None:
    drawn = draw(con, MODEL, 25, 1)
    assert {(d.band, d.population, d.is_linked) for d in drawn} == {
        ("..3", 150, False),
        ("3..6", 150, False),
        ("6..9", 150, True),
        ("9..14", 250, True),
        ("14..", 300, True),
    }
    assert {4, 5, 6} >= {
        sum(d.band == band for d in drawn) for band in ("..3", "3..6", "6..9", "9..14", "14..")
    }


def test_the_same_seed_draws_the_same_and_more_of_the_same(con: duckdb.DuckDBPyConnection) -> None:
    few, many = draw(con, MODEL, 10, 1), draw(con, MODEL, 40, 1)
    assert few == draw(con, MODEL, 10, 1) == many[:10]
    assert {(d.node_a, d.node_b) for d in draw(con, MODEL, 40, 2)} != {(d.node_a, d.node_b) for d in many}


def test_what_is_drawn_is_written_as_it_is_read() -> None:
    found = SAMPLE.fullmatch(str(Drawn(1, 2, 7.25, True, "6..9", 1203, 4)))
    assert found and found.groupdict() == {
        "seed": "4", "band": "6..9", "linked": "yes", "population": "1203", "weight": "7.25"
    }  # fmt: skip


def judged(each: int, dice: random.Random) -> list[Judged]:
    """So many of each band, judged as they are in truth."""
    return [
        Judged(
            "person",
            frozenset((band, str(n))),
            "same" if n < same else "not_same",
            band,
            linked,
            pairs,
            "2026",
        )
        for (band, linked), (pairs, same) in TRUTH.items()
        for n in dice.sample(range(pairs), each)
    ]


def test_intervals_hold_the_truth() -> None:
    """Of forty samples, hardly more than two of either figure may miss it."""
    linked = sum(same for (_, is_linked), (_, same) in TRUTH.items() if is_linked)
    truth = {
        "precision": linked / sum(pairs for (_, is_linked), (pairs, _) in TRUTH.items() if is_linked),
        "recall": linked / sum(same for _, same in TRUTH.values()),
    }
    missed = {"precision": 0, "recall": 0}
    for seed in range(40):
        for found in measure(judged(30, random.Random(seed))):
            missed[found.metric] += not found.low <= truth[found.metric] <= found.high
    assert max(missed.values()) <= 5, missed


def test_estimates_weigh_bands_by_their_pairs() -> None:
    whole = [
        Judged(
            "person",
            frozenset((band, str(n))),
            "same" if n < same / pairs * 100 else "not_same",
            band,
            linked,
            pairs,
            "2026",
        )
        for (band, linked), (pairs, same) in TRUTH.items()
        for n in range(100)
    ]
    precision, recall = measure(whole)
    assert precision.value == pytest.approx((600 * 0.8 + 4000 * 1.0) / 4600, abs=0.003)
    assert (precision.n, precision.pairs, recall.n, recall.pairs) == (200, 4600, 400, 8400)


def test_a_band_of_which_none_was_judged_widens_the_interval_and_is_said() -> None:
    some = [j for j in judged(30, random.Random(1)) if j.band != "6..9"]
    unsure = [Judged("person", frozenset("xy"), "unsure", "6..9", True, 600, "2026")]
    [without, _], [whole, _] = measure([*some, *unsure]), measure(judged(30, random.Random(1)))
    assert without.unsure == 1 and without.not_judged == pytest.approx(600 / 8400)
    assert without.high - without.low > 1.3 * (whole.high - whole.low)
    assert whole.not_judged == 0


def test_nothing_but_unsure_gives_no_estimate() -> None:
    [precision, recall] = measure([Judged("person", frozenset("xy"), "unsure", "6..9", True, 600, "2026")])
    assert precision.value is None and recall.value is None and precision.n == 0
