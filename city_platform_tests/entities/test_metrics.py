"""Claims about how the linking is measured, what is alarming between two runs, and what the pictures show."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest

from city_platform.entities import metrics
from city_platform.entities.linking import nodes
from city_platform.entities.linking.model import load_model
from city_platform.entities.metrics import (
    AS_RIGHT,
    DRIFT,
    EXPLODES,
    MATCHES,
    alarm_checks,
    changed_ids,
    numbers,
)
from city_platform.entities.pictures import (
    LevelWeight,
    ids_picture,
    methods_picture,
    model_picture,
    unmatched_picture,
)
from city_platform.evaluation.measure import dropped
from city_platform.rebuild import count
from city_platform.tables import fixed_tables
from city_platform_tests.entities.made_up_nodes import put_nodes, random_nodes

PNG = b"\x89PNG"


class Runs:
    """A warehouse in which links are put as they please, and measured."""

    def __init__(self) -> None:
        self.con = duckdb.connect(config={"threads": 2})
        self.con.execute("create schema entity")
        for table in fixed_tables().values():
            if table.schema == "entity":
                self.con.execute(table.ddl())

    def people(self, feed: str, ids: list[int | None]) -> None:
        """The records of a feed, one a person's name, each linked to the person of that number or to nothing."""
        self.con.execute("delete from entity.person_observation where feed = ?", [feed])
        self.con.execute("delete from entity.link where feed = ?", [feed])
        for n, number in enumerate(ids):
            self.con.execute(
                "insert into entity.person_observation by name select ? as feed, ? as record_key, 'person' as role, "
                "timestamp '2026-01-01' as known_time, true as lives_here, false as is_placeholder, 'Ada' as given_name",
                [feed, str(n)],
            )
            if number is not None:
                self.con.execute(
                    "insert into entity.link by name select ? as feed, ? as record_key, 'person' as entity_type, "
                    "'person' as role, ? as entity_id, 1 as probability, 'model' as method, "
                    "timestamp '2026-01-01' as known_time",
                    [feed, str(n), f"p_{number}"],
                )

    def measure(self) -> dict[str, int]:
        """Measure a run; returns how many alarms each check counts."""
        metrics.measure_links(self.con, "run")
        return {c.name: count(self.con, c.sql) for _, c in alarm_checks() if count(self.con, c.sql)}


@pytest.fixture
def runs() -> Runs:
    made = Runs()
    made.people("tax/homes", list(range(100)))
    made.people("library/members", list(range(60)))
    return made


def test_a_first_run_alarms_nobody(runs: Runs) -> None:
    runs.people("library/members", [0] * 300)
    assert runs.measure() == {}


def test_two_equal_runs_alarm_nobody(runs: Runs) -> None:
    runs.measure()
    assert runs.measure() == {}


def test_records_are_counted_by_what_became_of_them(runs: Runs) -> None:
    runs.people("tax/homes", [1, 1, 2, 3, None])
    runs.people("library/members", [3])
    runs.measure()
    found = numbers(runs.con)
    of_tax = [found["person", "tax/homes", m, ""] for m in ("records", "linked", "alone", "matched")]
    assert of_tax == [5, 4, 1, 1]  # 2 is alone, 3 has a fellow in the library, 1 holds two of its own
    assert found["person", "", "entities", ""] == 3
    assert found["person", "", "entities_of_size", "2"] == 2


def test_a_person_of_many_records_explodes(runs: Runs) -> None:
    runs.measure()
    runs.people("tax/homes", [0] * 70 + list(range(70, 100)))
    assert runs.measure()[EXPLODES] == 1
    assert dict(metrics.find_alarms(runs.con))[EXPLODES] == (
        "The largest person has 71 records; the largest of the last run had 2."
    )


def test_what_is_usual_of_a_type_is_no_explosion(runs: Runs) -> None:
    runs.measure()
    runs.people("tax/homes", [0] * 55 + list(range(55, 100)))
    assert EXPLODES not in runs.measure()


def test_a_feed_that_links_to_nothing_any_more_is_seen(runs: Runs) -> None:
    runs.measure()
    runs.people("library/members", [*range(40), *[None] * 20])  # a third less
    found = runs.measure()
    assert found[MATCHES] >= 1
    assert any("library/members" in text for name, text in metrics.find_alarms(runs.con) if name == MATCHES)


def test_a_feed_that_matches_only_itself_any_more_is_seen(runs: Runs) -> None:
    runs.measure()
    runs.people("library/members", list(range(1000, 1060)))  # linked, but to nobody whom another feed knows
    assert runs.measure()[MATCHES] >= 1
    assert (
        "library/members: of its records that name a person, 0% are one with a record of another feed; 100% were at the "
        "last run." in [text for _, text in metrics.find_alarms(runs.con)]
    )


def test_a_small_feed_jumps_by_chance(runs: Runs) -> None:
    runs.people("school/pupils", list(range(30)))
    runs.measure()
    runs.people("school/pupils", [None] * 30)
    assert runs.measure() == {}


def test_precision_that_drops_is_seen(runs: Runs) -> None:
    for value in (0.98, 0.95):
        runs.measure()
        runs.con.execute(
            "insert into entity.link_metric select max(run_number), 'run', timestamp '2026-01-01', 'person', '', "
            "'precision', '', ? from entity.link_metric",
            [value],
        )
    found = metrics.find_alarms(runs.con)
    assert found == [
        (
            AS_RIGHT,
            "By people's decisions the precision of person links is 0.950; it was 0.980 at the last run.",
        )
    ]


def test_links_less_right_than_the_truth_said_last_time_are_seen() -> None:
    con = duckdb.connect()
    con.execute("create schema evaluation")
    con.execute(fixed_tables()["evaluation.metric"].ddl())
    con.execute("insert into evaluation.metric values ('person', 'all', 'bcubed_f1', 0.95, 10)")
    con.execute("create temp table metric_before as select * from evaluation.metric")
    assert count(con, dropped().sql) == 0
    con.execute("update evaluation.metric set value = 0.92")
    assert count(con, dropped().sql) == 1
    con.execute("delete from metric_before")  # a first run
    assert count(con, dropped().sql) == 0


def test_values_that_drift_ask_for_new_weights(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nodes, "FEWEST", 100)
    model = load_model("person")
    put_nodes(runs.con, "person", random_nodes(model, 300, seed=1))
    nodes.ensure_frequencies(runs.con, model, "entity.person_node")
    assert {drift for _, drift in metrics.drifts(runs.con, "person")} == {0.0}
    assert runs.measure() == {}
    runs.con.execute("update entity.person_node set given = 'NEW' where node % 5 = 0 and given is not null")
    drift = dict(metrics.drifts(runs.con, "person"))
    assert drift["given"] == pytest.approx(0.2, abs=0.06) and drift["place"] == 0.0
    assert runs.measure() == {DRIFT: 1}


def test_ids_changed_are_those_since_the_run_before(runs: Runs) -> None:
    def change(kind: str, new_id: str) -> None:
        runs.con.execute(
            "insert into entity.id_history by name select 'r' as run_id, ? as kind, 'person' as entity_type, '' as old_id, "
            "? as new_id, 'data' as cause",
            [kind, new_id],
        )

    change("create", "p_1")
    change("create", "p_2")
    runs.measure()
    assert changed_ids(runs.con) == {("person", "create", "data"): 2}
    change("create", "p_3")
    change("merge", "p_1")
    runs.measure()
    assert changed_ids(runs.con) == {("person", "create", "data"): 1, ("person", "merge", "data"): 1}


def test_runs_of_long_ago_are_forgotten(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "RUNS_KEPT", 2)
    for _ in range(4):
        runs.measure()
    kept = runs.con.execute("select distinct run_number from entity.link_metric order by all").fetchall()
    assert kept == [(3,), (4,)]


def test_no_persons_id_is_told(runs: Runs) -> None:
    assert {shown for kind, shown, *_ in metrics.largest(runs.con) if kind == "person"} == {"(a person)"}


@pytest.mark.parametrize("is_empty", [False, True])
def test_pictures_are_drawn_and_are_the_same_twice(runs: Runs, is_empty: bool) -> None:
    if is_empty:
        runs = Runs()
    runs.measure()
    found: Any = numbers(runs.con)
    levels = [LevelWeight("name", "same", 5.0, True), LevelWeight("name", "different", -4.0, False)]
    for draw in (
        lambda: model_picture("person", found, levels, 3.0),
        lambda: model_picture("address", found, [], None),
        lambda: unmatched_picture(found),
        lambda: methods_picture(found),
        lambda: ids_picture(changed_ids(runs.con)),
    ):
        first = draw()
        assert first.startswith(PNG) and first == draw()
