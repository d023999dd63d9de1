"""People leave the warehouse for the operator only, and there `360` finds them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from city_platform.entities.events import tell
from city_platform.publish.allow import AUDIENCES
from city_platform.publish.files import fill_catalog, permitted, publish, rows_for
from city_platform.publish.three_sixty import look_up
from city_platform.rebuild import prepare
from city_platform.settings import CITIES, Settings
from city_platform.tables import fixed_tables
from city_platform.warehouse import Warehouse
from city_platform_tests.entities.small_town import Row, Town
from city_platform_tests.entities.test_people import FEEDS, HERE, OLD, REGISTER, THERE, YOUNG, person
from city_platform_tests.runs import opened

ANALYST, OPERATOR = AUDIENCES
TABLES = fixed_tables("open")
MIXED = [t for t in TABLES.values() if t.personal_rows]
# Rows of each table that tells of people and of others: of these the first is about a person.
ROWS: dict[str, list[dict[str, Any]]] = {
    "entity.event": [{"is_personal": True}, {"is_personal": None}, {"is_personal": False}],
    "entity.relationship": [
        {"subject_type": "person", "object_type": "address"},
        {"subject_type": "business", "object_type": "person"},
        {"subject_type": "business", "object_type": "address"},
    ],
}
ROWS["entity.portfolio"] = [{"owner_type": t} for t in ("person", None, "business")]
OF_OTHERS: list[dict[str, Any]] = [
    {"entity_type": "person"},
    {"entity_type": None},
    {"entity_type": "business"},
]


def test_every_table_that_tells_what_a_row_is_about_says_which_rows_are_about_people() -> None:
    telling = {
        t.label
        for t in TABLES.values()
        if t.schema == "entity"
        and permitted([t], ANALYST)  # of others no row leaves
        and {c.name for c in t.columns} & {"entity_type", "subject_type", "owner_type", "is_personal"}
    }
    assert telling == {t.label for t in MIXED} and len(telling) == 8


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Files of a warehouse in which each mixed table has two rows that are, or may be, about people, and one that is not."""
    settings = Settings(CITIES / "chicago", tmp_path_factory.mktemp("mixed"), None)
    with Warehouse(settings) as warehouse:
        prepare(warehouse)
        for table in TABLES.values():
            warehouse.ensure_table(table)
        for table in MIXED:
            for n, row in enumerate(ROWS.get(table.label, OF_OTHERS)):
                key = {k: f"{k} {n}" for k in table.key if k not in row}
                names, values = zip(*{**key, **row}.items(), strict=True)
                listed, marks = ", ".join(names), ", ".join("?" for _ in names)
                warehouse.con.execute(
                    f"insert into {table.full_name} ({listed}) values ({marks})", list(values)
                )
        fill_catalog(warehouse.con, list(TABLES.values()), AUDIENCES, date(2014, 1, 1))
        for audience in AUDIENCES:
            built = publish(warehouse, f"publish/{audience.name}", "f", list(TABLES.values()), audience)
            assert [c.message for c in built.checks if not c.passed] == []
    return {a.name: settings.published / a.file for a in AUDIENCES}


@pytest.mark.parametrize("table", MIXED, ids=lambda t: t.label)
def test_rows_about_people_leave_for_the_operator_only(published: dict[str, Path], table: Any) -> None:
    # which feeds hold people is no table of a published file
    condition = table.personal_rows.replace("(select feed from entity.person_observation)", "('')")
    counts = {}
    for name, path in published.items():
        with opened(path) as con:
            counts[name] = con.execute(f"select count(*) from {table.full_name}").fetchone()[0]
            about_people = con.execute(
                f"select count(*) from {table.full_name} where {condition}"
            ).fetchone()[0]
            stated = con.execute("select rows from catalog.dataset where name = ?", [table.label]).fetchone()[
                0
            ]
            assert stated == counts[name]
            assert (about_people > 0) == (name == "operator")
    assert counts == {"analyst": 1, "operator": 3}


def test_tables_of_people_leave_for_the_operator_only(published: dict[str, Path]) -> None:
    held = {}
    for name, path in published.items():
        with opened(path) as con:
            rows = con.execute(
                "select table_name from duckdb_tables() where table_name like 'person%'"
            ).fetchall()
            held[name] = [r[0] for r in rows]
    assert held == {"analyst": [], "operator": ["person", "person_node"]}


def test_file_with_a_row_too_many_is_not_published(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The copy forgets its condition: the check that follows it does not."""
    import city_platform.publish.files as files

    settings = Settings(CITIES / "chicago", tmp_path, None)
    whole = files._copy
    monkeypatch.setattr(
        files,
        "_copy",
        lambda con, alias, table, where="": whole(con, alias, table, where * ("file" in where)),
    )
    with Warehouse(settings) as warehouse:
        prepare(warehouse)
        for table in TABLES.values():
            warehouse.ensure_table(table)
        warehouse.con.execute("insert into entity.redirect values ('person', 'p_1', null)")
        built = publish(warehouse, "publish/analyst", "f", list(TABLES.values()), ANALYST)
    assert ["entity.redirect must not leave" in c.message for c in built.checks] == [True]
    assert not (settings.published / ANALYST.file).exists()


def test_operator_sees_all_rows() -> None:
    assert {rows_for(t, OPERATOR) for t in TABLES.values()} == {""}
    assert {t.label for t in TABLES.values() if rows_for(t, ANALYST)} == {t.label for t in MIXED}


ROWS_OF_360: list[Row] = [
    person("a", "Jane Smith", YOUNG, HERE, "QQ1", from_day="2012-01-01", to_day="2013-03-04"),
    person("b", "JANE SMITH", YOUNG, THERE, from_day="2013-03-05"),
    person("c", "JANE SMITH", OLD, HERE, from_day="2011-01-01"),
    person("d", None, OLD, HERE, died_day="2013-12-24") | {"given": "JOHN", "family": "VAN BERG"},
]
Ask = Callable[[str], str]


@pytest.fixture(scope="module")
def file_of_operator(tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Town]:
    home = tmp_path_factory.mktemp("home")
    settings = Settings(CITIES / "chicago", home, None)
    settings.published.mkdir(parents=True)
    town = Town(*FEEDS)
    town.put(REGISTER, ROWS_OF_360)
    town.resolve()
    tell(town.con, FEEDS)
    town.con.execute(f"attach '{settings.published / 'operator.duckdb'}' as o")
    town.con.execute("create schema o.entity")
    for table in TABLES.values():
        if table.schema == "entity":
            town.con.execute(f"create table o.{table.full_name} as from {table.full_name}")
    town.con.execute("detach o")
    return settings, town


@pytest.fixture
def ask(file_of_operator: tuple[Settings, Town], capsys: pytest.CaptureFixture[str]) -> Ask:
    def asked(what: str) -> str:
        look_up(file_of_operator[0], what, 5)
        return capsys.readouterr().out

    return asked


def test_360_of_an_address_shows_who_is_known_there(ask: Ask) -> None:
    shown = ask(HERE)
    for wanted in (
        "People known here (3)",
        "JANE SMITH",
        "1980",
        "2013-03-04",
        "town/register",
        "JOHN VAN BERG",
        "2013-12-24",
    ):
        assert wanted in shown, shown
    assert YOUNG not in shown, "the year is enough"


def test_360_of_a_person_by_id_number_and_name_is_the_same_person(
    ask: Ask, file_of_operator: tuple[Settings, Town]
) -> None:
    [(person_id,)] = file_of_operator[1].rows(
        "select entity_id from entity.link where record_key = 'a' and role = 'person'"
    )
    for what in (person_id, "qq 1", f"jane smith {YOUNG}", f"Smith, Jane {YOUNG}"):
        shown = ask(what)
        for wanted in (
            person_id,
            f"born {YOUNG}",
            "lives at 900 S OAK ST",
            "QQ1",
            "same date of birth",
            "registered",
        ):
            assert wanted in shown, (what, shown)


def test_360_of_a_name_lists_who_bears_it(ask: Ask) -> None:
    shown = ask("Jane Smith")
    assert "2 match" in shown and f"born {YOUNG}" in shown and f"born {OLD}" in shown
    for name in ("John van Berg", "van Berg John", "van Berg"):
        assert "JOHN VAN BERG" in ask(name), name
    assert "Nothing is known" in ask(f"Jane Smith {date(1999, 1, 1)}")
