"""What is said of two records: why they are one, or are not, and what a person's word does to it."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from city_platform.entities.decide import DecideError, append, find_records, new_values
from city_platform.entities.explain import Explanation, draw, explain, show
from city_platform.entities.linked import NotLinkedError
from city_platform.entities.resolve import take_in
from city_platform.entities.review import worth_a_look
from city_platform.rebuild import sql_file
from city_platform.tables import fixed_tables
from city_platform_tests.entities.small_town import CITY, Town
from city_platform_tests.entities.test_people import FEEDS, HERE, OLD, REGISTER, THERE, YOUNG, person

ROWS = [
    person("a", "JANE SMITH", YOUNG, HERE, "QQ1"),
    person("b", "Jane Smith", YOUNG, THERE),
    person("c", "JANE SMITH", OLD, HERE),
    person("d", "MARY JONES", YOUNG, THERE),
    person("e", None, None, THERE),
]


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Town:
    """Five records, resolved."""
    made = Town(*FEEDS)
    for schema in ("quality", "risk"):
        made.con.execute(f"create schema if not exists {schema}")
    for table in fixed_tables().values():
        if table.label in ("quality.issue", "risk.worklist"):
            made.con.execute(table.ddl().replace("create table", "create table if not exists"))
    made.put(REGISTER, ROWS)
    made.path = tmp_path_factory.mktemp("home") / "decisions.csv"  # type: ignore[attr-defined]
    return _run(made)


def _run(town: Town) -> Town:
    path: Path = town.path  # type: ignore[attr-defined]
    take_in(town.con, CITY, FEEDS, f"run {path.exists()}", decisions=path)
    return town


def asked(town: Town, one: str, other: str) -> Explanation:
    return explain(town.con, f"town/register:{one}", f"town/register:{other}", "person")


def test_the_sum_is_what_the_run_made_of_the_pair(town: Town) -> None:
    found = asked(town, "a", "b")
    stored = town.rows(
        "select weight, levels from entity.compared where entity_type = 'person' and veto is null order by weight desc limit 1"
    )
    assert found.is_one and found.scored.weight == pytest.approx(stored[0][0])
    parts = sum(p.bits + p.rarity for p in found.scored.parts) + found.model.prior_weight
    assert parts == pytest.approx(found.scored.weight, abs=0.01)
    assert found.verdict == [
        f"They are joined directly; the weakest link weighs {found.scored.weight:.1f} bits."
    ]
    assert "family name and birth date" in {b.block.name for b in found.blocks if b.is_shared}


def test_a_veto_is_named(town: Town) -> None:
    found = asked(town, "a", "c")
    assert not found.is_one
    assert "Kept apart by the veto “dates of birth”, whatever they weigh." in found.verdict


def test_what_never_met_shows_no_common_block(town: Town) -> None:
    found = asked(town, "c", "d")
    assert not found.is_one and not any(b.is_shared for b in found.blocks) and not found.is_compared


def test_who_says_nothing_cannot_be_compared(town: Town) -> None:
    with pytest.raises((NotLinkedError, DecideError)):
        asked(town, "a", "e")


def test_it_is_shown_and_drawn(town: Town, tmp_path: Path) -> None:
    console = Console(record=True, width=150, file=open("/dev/null", "w"))  # noqa: SIM115
    found = asked(town, "a", "b")
    show(console, town.con, found)
    text = console.export_text()
    for wanted in (
        "They are one person",
        "town/register:a#person",
        f"at {HERE}",
        "before anything is",
        "█",
        "│",
    ):
        assert wanted in text, text
    path = draw(found, tmp_path / "why.png")
    assert path.read_bytes()[:4] == b"\x89PNG" and path.stat().st_mode & 0o077 == 0


def test_every_weighed_pair_stands_in_the_view_with_its_sum(town: Town) -> None:
    town.con.execute("drop view if exists entity.explained_link")
    town.con.execute(sql_file("publish/explained_link.sql"))
    found = asked(town, "a", "b")
    rows = town.rows(
        f"select comparison, label, bits from entity.explained_link where (node_a, node_b) in "
        f"(({found.scored.node_a}, {found.scored.node_b}), ({found.scored.node_b}, {found.scored.node_a})) order by place"
    )
    assert [(c, level) for c, level, _ in rows] == [
        (p.comparison.name, p.level.label) for p in found.scored.parts
    ]
    assert [b for *_, b in rows] == pytest.approx([p.bits for p in found.scored.parts])


def test_a_persons_word_is_obeyed_named_and_not_asked_for_again(town: Town) -> None:
    path: Path = town.path  # type: ignore[attr-defined]
    kind, a, b = find_records(town.con, ("town/register:a", "town/register:b"), "person")
    append(path, new_values(kind, a, b, "not-same", "A. Clerk", "cousins"))
    _run(town)
    found = asked(town, "a", "b")
    assert not found.is_one and "A. Clerk" in found.verdict[0] and "cousins" in found.verdict[0]
    after = {
        frozenset((str(i.a), str(i.b)))
        for i in worth_a_look(town.con, ["person"], 10, {frozenset((str(a), str(b)))})
    }
    assert frozenset((str(a), str(b))) not in after
