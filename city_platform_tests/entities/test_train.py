"""Claims about weights: that ours are Splink's sum, and what training teaches, keeps and refuses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest

from city_platform.entities import train
from city_platform.entities.linking import nodes
from city_platform.entities.linking.cluster import cluster
from city_platform.entities.linking.compare import compare
from city_platform.entities.linking.model import LINKED, EntityType, Model, as_json, load_model, pairs_sql
from city_platform.entities.linking.nodes import (
    ensure_frequencies,
    node_columns,
    node_table,
    with_frequencies,
)
from city_platform.entities.linking.versions import write_version
from city_platform.entities.train import NotTrainedError, Trained, retrain, score_pairs, splink_linker
from city_platform_tests.entities.made_up_nodes import database, put_nodes, random_nodes

PEOPLE = 1200
MODEL = Model.model_validate(
    {
        "entity_type": "person",
        "prior": 0.0005,
        "link_from": 3,
        "keep_from": -3,
        "blocks": [
            {"name": "name", "key": ["given", "family"]},
            {"name": "family name and birth", "key": ["family", "birth_date"]},
            {"name": "given name and birth", "key": ["given", "birth_date"]},
        ],
        "comparisons": [
            {
                "name": "given name",
                "levels": [
                    {"label": "unknown", "sql": "given_l is null or given_r is null", "missing": True},
                    {"label": "same", "sql": "given_l = given_r", "m": 0.5, "u": 0.02, "tf": "given"},
                    {"label": "alike", "sql": "levenshtein(given_l, given_r) <= 1", "m": 0.3, "u": 0.02},
                    {"label": "different", "otherwise": True, "m": 0.2, "u": 0.96},
                ],
            },
            {
                "name": "birth",
                "levels": [
                    {"label": "unknown", "sql": "birth_date_l is null or birth_date_r is null", "missing": True},
                    {"label": "same", "sql": "birth_date_l = birth_date_r", "m": 0.6, "u": 0.001},
                    {"label": "same day of another year", "sql": "left(strftime(birth_date_l, '%d%m'), 4) = "
                     "strftime(birth_date_r, '%d%m')", "m": 0.1, "u": 0.002},
                    {"label": "different", "otherwise": True, "m": 0.3, "u": 0.997},
                ],
            },
            {
                "name": "place",
                "levels": [
                    {"label": "unknown", "sql": "place_l is null or place_r is null", "missing": True},
                    {"label": "same", "sql": "place_l = place_r", "m": 0.5, "u": 0.01},
                    {"label": "different", "otherwise": True, "m": 0.5, "u": 0.99},
                ],
            },
        ],
    }
)  # fmt: skip


@pytest.mark.parametrize("kind", LINKED)
def test_our_weight_is_splinks(kind: EntityType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "FEWEST", 1)  # so that frequencies count
    model = load_model(kind)
    con = database(kind)
    put_nodes(con, kind, random_nodes(model, 120, seed=1))
    table = node_table(kind)
    ensure_frequencies(con, model, table)
    with_frequencies(con, model, table, "node_tf")
    con.execute(
        f"create table pair as select a.node as node_a, b.node as node_b, 0 as rules from {table} a join {table} b on a.node < b.node"
    )
    exact = pairs_sql(model, node_columns(kind), "pair", "node_tf").replace(
        ", 4) as weight", ", 12) as weight"
    )
    con.execute(f"create table ours as {exact}")
    con.execute(f"create table content as select node as unique_id, * exclude (node) from {table}")
    linker = splink_linker(con, "content", model)
    for column in model.tf_columns():
        con.execute(
            f'create table tf_of_{column} as select distinct "{column}", "tf_{column}" from node_tf where "{column}" is not null'
        )
        lookup = linker._db_api.register(f"tf_of_{column}")
        linker.table_management.register_term_frequency_lookup(lookup, column)
    splinks = score_pairs(linker, con, "pair")
    row = con.execute(
        f"""select count(*), max(abs(o.weight - s.match_weight)), count(distinct o.weight)
        from ours o join {splinks} s on o.node_a = s.unique_id_l and o.node_b = s.unique_id_r"""
    ).fetchone()
    assert row is not None and row[0] == 120 * 119 / 2
    assert row[1] < 1e-6
    assert row[2] > 15  # weights that differ, not one that says nothing


def people(slips: float, moved: float) -> list[dict[str, Any]]:
    """Some with one record and some with two, of which so many have a slip in the given name, and so many moved."""
    dice = random.Random(7)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    given = ["".join(dice.sample(letters, 6)) for _ in range(60)]
    family = ["".join(dice.sample(letters, 7)) for _ in range(300)]
    rows = []
    for _ in range(PEOPLE):
        name, birth = dice.choice(given), date(1940, 1, 1) + timedelta(days=dice.randrange(20_000))
        row = {
            "given": name,
            "family": dice.choice(family),
            "birth_date": birth,
            "place": f"p{dice.randrange(400)}",
        }
        rows.append(row)
        if dice.random() < 0.8:
            again = dict(row)
            if dice.random() < slips:
                again["given"] = name[:-1] + "_"
            if dice.random() < moved:
                again["place"] = f"p{dice.randrange(400)}"
            again["middle"] = "M"  # two records that say the same are one node
            rows.append(again)
    return rows


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bounds for a thousand people, and a small sample, so that a test takes a second."""
    monkeypatch.setattr(train, "LEAST_CONTENTS", 1000)
    monkeypatch.setattr(train, "SAMPLE", 700)
    monkeypatch.setattr(nodes, "FEWEST", 1000)


def linked(rows: list[dict[str, Any]], model: Model = MODEL) -> duckdb.DuckDBPyConnection:
    """A database in which the rows were compared and clustered once."""
    con = database("person")
    put_nodes(con, "person", rows)
    con.execute("delete from entity.node_cluster")
    ensure_frequencies(con, model, "entity.person_node")
    write_version(con, model, None, "shipped")
    con.execute("create temp table new_node as select node from entity.person_node")
    con.execute("create temp table gone_node as select * from entity.person_node limit 0")
    con.execute(
        "create temp table decided_pair (entity_type varchar, feed_a varchar, record_key_a varchar, role_a varchar, "
        "feed_b varchar, record_key_b varchar, role_b varchar, judgement varchar, decision_id varchar)"
    )
    compare(con, model)
    cluster(con, model)
    return con


@pytest.fixture(scope="module")
def learnt() -> Iterator[tuple[duckdb.DuckDBPyConnection, Trained]]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(train, "LEAST_CONTENTS", 1000)
        patch.setattr(train, "SAMPLE", 700)
        con = linked(people(slips=0.2, moved=0.3))
        yield con, train.train(con, MODEL)


def values(trained: Trained, comparison: str, which: str) -> list[float | None]:
    [found] = [c for c in trained.model.comparisons if c.name == comparison]
    return [getattr(level, which) for level in found.levels if not level.missing]


def test_training_finds_how_often_matches_agree(learnt: Any) -> None:
    _, trained = learnt
    given = values(trained, "given name", "m")
    assert given[0] == pytest.approx(0.8, abs=0.05)  # a slip in one of five
    assert given[1] == pytest.approx(0.2, abs=0.05)
    assert values(trained, "place", "m")[0] == pytest.approx(0.7, abs=0.06)  # three of ten moved


def test_training_finds_how_often_others_agree_by_chance(learnt: Any) -> None:
    _, trained = learnt
    assert values(trained, "given name", "u")[0] == pytest.approx(1 / 60, rel=0.2)
    assert values(trained, "place", "u")[0] == pytest.approx(1 / 400, rel=0.2)


def test_what_too_few_pairs_speak_for_stays_and_is_named(learnt: Any) -> None:
    _, trained = learnt
    assert "birth: same day of another year (m)" in trained.kept
    assert values(trained, "birth", "m")[1] == 0.1
    assert "birth: same day of another year (m)" in trained.note


def test_blocks_prior_and_thresholds_stay(learnt: Any) -> None:
    _, trained = learnt
    for name in ("prior", "blocks", "link_from", "keep_from", "vetoes"):
        assert getattr(trained.model, name) == getattr(MODEL, name)


def test_the_same_records_give_the_same_weights(learnt: Any, small: None) -> None:
    con, trained = learnt
    con.execute(
        "create or replace temp table turned as select * from entity.person_node order by hash(node, 'x')"
    )
    con.execute("delete from entity.person_node")
    con.execute("insert into entity.person_node select * from turned")
    assert as_json(train.train(con, MODEL).model) == as_json(trained.model)


def test_too_few_records_are_refused_and_nothing_changes(small: None) -> None:
    con = linked(people(0.2, 0.3)[:400])
    before = (
        con.execute("select * from entity.model").fetchall(),
        con.execute("select * from entity.term_frequency").fetchall(),
    )
    with pytest.raises(
        NotTrainedError, match="400 different records are too few to train on \\(1,000 are needed\\)"
    ):
        retrain(con, "person")
    assert before == (
        con.execute("select * from entity.model").fetchall(),
        con.execute("select * from entity.term_frequency").fetchall(),
    )


def test_too_few_matches_are_refused(small: None) -> None:
    alone = [row for row in people(0.2, 0.3) if "middle" not in row]
    con = linked(alone)
    with pytest.raises(NotTrainedError, match="pairs of records are expected to match, too few"):
        train.train(con, MODEL)


def test_weights_of_pairs_in_blocks_are_not_learnt_from_pairs_at_random() -> None:
    with pytest.raises(NotTrainedError, match="of pairs that a block brings together \\(prior 0.5\\)"):
        train.train(database("person"), MODEL.model_copy(update={"prior": 0.5}))


def test_an_agreement_that_weighs_no_more_than_a_difference_is_refused() -> None:
    def turned(m_same: float, m_different: float) -> Model:
        made = as_json(MODEL)
        made["comparisons"][2]["levels"][1]["m"] = m_same
        made["comparisons"][2]["levels"][2]["m"] = m_different
        return Model.model_validate(made)

    train._judge(MODEL, turned(0.4, 0.6))
    with pytest.raises(NotTrainedError, match="`same` of place would weigh -3.3 bits and `different` \\+0.0"):
        train._judge(MODEL, turned(0.001, 0.999))


def test_a_weight_that_turns_into_its_contrary_is_refused() -> None:
    made = as_json(MODEL)
    made["comparisons"][0]["levels"][2]["u"] = 0.6  # alike was +3.9 bits
    with pytest.raises(
        NotTrainedError, match="`alike` of given name would weigh -1.0 bits instead of \\+3.9"
    ):
        train._judge(MODEL, Model.model_validate(made))


def test_what_reads_another_comparison_is_not_trained() -> None:
    made = as_json(MODEL)
    made["comparisons"][0]["levels"].insert(
        2, {"label": "at home", "sql": "place_l = place_r and given_l > given_r", "m": 0.1, "u": 0.1}
    )
    model = Model.model_validate(made)
    estimated: list[list[float | None]] = [[0.5] * len(c.levels) for c in model.comparisons]
    counts = [[1000.0] * len(c.levels) for c in model.comparisons]
    assert train._proven(model, estimated, counts)[0] == [0.5, 0.5, None, None, None]


def test_weights_and_frequencies_are_frozen_together(small: None) -> None:
    con = linked(people(0.2, 0.3))
    con.execute("update entity.term_frequency set frequency = frequency / 2")  # as if it were of long ago
    version, trained = retrain(con, "person")
    assert con.execute(
        "select version, trained_on, note from entity.model order by trained_at desc limit 1"
    ).fetchone() == (version, trained.contents, trained.note)
    row = con.execute(
        "select sum(frequency) from entity.term_frequency where column_name = 'given' and value_hash is not null"
    ).fetchone()
    assert row is not None and row[0] == pytest.approx(1, abs=0.02)
