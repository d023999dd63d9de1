"""The tables: what tables/*.yaml declare is what the warehouse holds, and their checks catch what they are for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from city_platform.entities.resolve import (
    ADDRESSES,
    CLUSTERS,
    COMPARED,
    DECISION,
    FROZEN,
    OBSERVATION,
    WRITES,
)
from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.publish.allow import AUDIENCES
from city_platform.publish.files import permitted
from city_platform.rebuild import PACKAGE, run_checks
from city_platform.settings import CITIES
from city_platform.tables import (
    CLASSIFICATIONS,
    RIGHTS,
    Column,
    Table,
    feed_templates,
    fixed_tables,
    schemas,
)  # fmt: skip
from city_platform_tests.runs import opened

FEEDS = load_feeds(CITIES / "chicago")
FIXED = list(fixed_tables().values())
OF_FEEDS = [t for f in FEEDS for t in (f.staging(), f.history())]
DECLARED = [*FIXED, *OF_FEEDS]
# Chicago exists: nothing there is compared with a truth.
BUILT = [t for t in DECLARED if t.schema != "evaluation"]
ON_THE_WAY = {
    f"entity.{name}"
    for name in (
        *(n for step in (OBSERVATION, DECISION, ADDRESSES, COMPARED, CLUSTERS) for n in WRITES[step]),
        *FROZEN, "entity", "settled_decision", "settled_model", "link_metric",
    )
}  # fmt: skip
# Of these an operator reads, to explain a link and to review it; all of them are personal, so that nobody else does.
EXPLAINED = {f"entity.{name}" for name in (*WRITES[COMPARED], *WRITES[CLUSTERS], *WRITES[DECISION], *FROZEN)}
SQL_FILES = sorted(PACKAGE.rglob("*.sql"))


def label(table: Table) -> str:
    return table.label


def relative(path: Path) -> str:
    return str(path.relative_to(PACKAGE))


@pytest.fixture(scope="module")
def warehouse(undisturbed: Any) -> Iterator[duckdb.DuckDBPyConnection]:
    """What one run over the small mirror left."""
    with opened(undisturbed.home.warehouse) as con:
        yield con


# What the warehouse holds


@pytest.mark.parametrize("table", BUILT, ids=label)
def test_table_has_exactly_the_declared_columns_and_types(
    warehouse: duckdb.DuckDBPyConnection, table: Table
) -> None:
    found = warehouse.execute(
        "select column_name, data_type from duckdb_columns() where database_name = current_database() "
        "and schema_name = ? and table_name = ? order by column_index",
        [table.schema, table.name],
    ).fetchall()
    assert found == [(c.name, c.type) for c in table.columns]


@pytest.mark.parametrize("table", BUILT, ids=label)
def test_comments_stand_in_the_warehouse(warehouse: duckdb.DuckDBPyConnection, table: Table) -> None:
    of_table = warehouse.execute(
        "select comment from (select schema_name, table_name, comment from duckdb_tables() "
        "union all select schema_name, view_name, comment from duckdb_views()) where schema_name = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchall()
    assert of_table == [(f"One row is {table.grain}",)]
    of_columns = warehouse.execute(
        "select column_name, comment from duckdb_columns() where schema_name = ? and table_name = ?",
        [table.schema, table.name],
    ).fetchall()
    expected = {c.name: c.meaning + (f" [{c.unit}]" if c.unit else "") for c in table.columns}
    assert dict(of_columns) == expected


def test_every_table_in_the_warehouse_is_declared(warehouse: duckdb.DuckDBPyConnection) -> None:
    found = warehouse.execute(
        "select schema_name || '.' || table_name from duckdb_tables() where schema_name <> 'raw' "
        "and database_name = current_database() and not temporary"
    ).fetchall()
    assert {name for (name,) in found} <= {t.label for t in (*DECLARED, *(f.past() for f in FEEDS))}


@pytest.mark.parametrize("feed", FEEDS, ids=lambda f: f.id)
def test_raw_view_has_the_lines_as_text(warehouse: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    raw = feed.raw()
    found = dict(
        warehouse.execute(
            "select column_name, data_type from duckdb_columns() where schema_name = 'raw' and table_name = ?",
            [raw.name],
        ).fetchall()
    )
    assert {c.name: c.type for c in raw.columns}.items() <= found.items()
    assert {type_ for name, type_ in found.items() if not name.startswith("_")} == {"VARCHAR"}


@pytest.mark.parametrize("table", BUILT, ids=label)
def test_checks_of_every_table_pass_and_can_be_run(
    warehouse: duckdb.DuckDBPyConnection, table: Table
) -> None:
    assert [(c.check, c.message) for c in run_checks(warehouse, [table]) if not c.passed] == []


# What is declared


@pytest.mark.parametrize("table", DECLARED, ids=label)
def test_every_column_has_a_meaning_a_classification_and_rights(table: Table) -> None:
    assert len(table.grain) > 5
    for column in table.columns:
        assert len(column.meaning) >= 3, column.name
        assert column.classification in CLASSIFICATIONS, column.name
        # What is only a step on the way has no rights, and so leaves in no published file but the operators'.
        is_inside = table.label in ON_THE_WAY - EXPLAINED or table not in BUILT
        assert column.rights in (("none",) if is_inside else RIGHTS), column.name


def test_what_explains_links_leaves_for_operators_only() -> None:
    held = {a.name: {t.label for t in permitted(FIXED, a)} & EXPLAINED for a in AUDIENCES}
    assert held == {"analyst": set(), "operator": EXPLAINED} and len(EXPLAINED) >= 10


@pytest.mark.parametrize("table", DECLARED, ids=label)
def test_key_order_and_references_name_columns_that_are_there(table: Table) -> None:
    columns = {c.name: c for c in table.columns}
    assert set(table.key) <= columns.keys()
    assert set(table.order_by) <= columns.keys()
    targets = {f"{t.label}.{c.name}" for t in FIXED for c in t.columns}
    assert {c.references for c in table.columns if c.references} <= targets


def test_no_column_or_table_of_ours_is_a_reserved_word() -> None:
    reserved = {
        word for (word,) in duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'")
        .fetchall()
    }  # fmt: skip
    assert "select" in reserved
    templates = [t for s in ("raw", "staging") for t in feed_templates(s).tables.values()]
    names = {n for t in (*FIXED, *templates) for n in (t.schema, t.name, *(c.name for c in t.columns))}
    assert names & reserved == set()


def test_schemas_are_those_of_the_design() -> None:
    assert schemas() == [
        "catalog", "entity", "evaluation", "provenance", "quality", "raw", "risk", "staging",
    ]  # fmt: skip


def test_rights_of_what_is_derived_follow_the_strictest_feed() -> None:
    for rights in RIGHTS:
        derived = fixed_tables(rights)["entity.business"]
        assert {c.rights for c in derived.columns} == {rights}
        assert {c.rights for c in fixed_tables(rights)["quality.issue"].columns} == {"open"}


def test_a_persons_name_is_personal_wherever_it_stands() -> None:
    """Law 8: a legal name may be a person's."""
    found = {
        (t.label, c.name): c.classification
        for t in FIXED
        for c in t.columns
        if c.name
        in ("private_name", "private_value", "legal_key", "given_name", "family_name", "date_of_birth")
        or (t.label == "entity.observation" and c.name == "legal_name")
    }
    assert len(found) >= 8
    assert set(found.values()) == {"personal"}


# What the checks catch


CHECKED = Table(
    schema="entity",
    name="checked",
    grain="one thing",
    key=("id", "part"),
    columns=(
        Column("id", "VARCHAR", "Id", required=True),
        Column("part", "INTEGER", "Part", range=(1, 9)),
        Column("kind", "VARCHAR", "Kind", values=("new", "it's old")),
        Column("share", "DOUBLE", "Share", range=(0, None)),
        Column("parent", "VARCHAR", "Parent", references="entity.checked.id"),
    ),
)
GOOD = ("a", 1, "new", 0.5, None)


@pytest.mark.parametrize(
    ("row", "failed"),
    [
        pytest.param(("b", 1, "it's old", 0.0, "a"), set(), id="a good row"),
        pytest.param(("b", None, None, None, None), set(), id="empty where nothing is required"),
        pytest.param(("a", 2, "new", 1.0, "a"), set(), id="another part of the key"),
        pytest.param(GOOD, {"key_is_unique"}, id="a doubled key"),
        pytest.param((None, 1, "new", 1.0, None), {"values_are_valid"}, id="a missing required value"),
        pytest.param(("b", 0, "new", 1.0, None), {"values_are_valid"}, id="below the range"),
        pytest.param(("b", 10, "new", 1.0, None), {"values_are_valid"}, id="above the range"),
        pytest.param(("b", 1, "new", -0.1, None), {"values_are_valid"}, id="below a range open above"),
        pytest.param(("b", 1, "New", 1.0, None), {"values_are_valid"}, id="a value that is not allowed"),
        pytest.param(("b", 1, "new", 1.0, "z"), {"parent_exists"}, id="a dangling reference"),
    ],
)
def test_checks_catch_what_they_are_for(row: tuple[Any, ...], failed: set[str]) -> None:
    with duckdb.connect() as con:
        con.execute("create schema entity")
        con.execute(CHECKED.ddl())
        for held in (GOOD, row):
            con.execute("insert into entity.checked values (?, ?, ?, ?, ?)", held)
        results = run_checks(con, [CHECKED])
    assert {c.check for c in results} == {"key_is_unique", "values_are_valid", "parent_exists"}
    assert {c.check for c in results if not c.passed} == failed
    assert all(c.message.startswith("1 ") for c in results if not c.passed)


def test_unknown_setting_of_a_column_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import city_platform.tables as tables

    (tmp_path / "entity.yaml").write_text(
        "schema: entity\ntables: {t: {grain: g, key: [a], columns: {a: {type: VARCHAR, meaning: A, klass: public}}}}\n"
    )
    monkeypatch.setattr(tables, "FOLDER", tmp_path)
    tables.fixed_tables.cache_clear()
    try:
        with pytest.raises(ValueError, match="column a has unknown settings .'klass'."):
            tables.fixed_tables()
    finally:
        tables.fixed_tables.cache_clear()


# The SQL files


NOT_IN_DUCKLAKE = {
    "primary key": r"\bprimary\s+key\b",
    "unique": r"\bunique\s*\(",
    "create index": r"\bcreate\s+(unique\s+)?index\b",
    "on conflict": r"\bon\s+conflict\b|\binsert\s+or\s+(replace|ignore)\b",
    "returning": r"\breturning\b",
    "create sequence": r"\bcreate\s+(or\s+replace\s+)?(temp\w*\s+)?sequence\b|\bnextval\s*\(",
    "enum": r"\benum\b",
    "create type": r"\bcreate\s+type\b",
}


def statements(sql: str) -> str:
    """SQL without comments and without what stands in quotes."""
    return re.sub(r"'(?:[^']|'')*'", "''", re.sub(r"--[^\n]*", "", sql)).lower()


@pytest.mark.parametrize("path", SQL_FILES, ids=relative)
def test_sql_keeps_to_what_ducklake_has(path: Path) -> None:
    sql = statements(path.read_text())
    assert [name for name, pattern in NOT_IN_DUCKLAKE.items() if re.search(pattern, sql)] == []


def test_lint_sees_what_it_looks_for() -> None:
    bad = [
        "create table t (a int PRIMARY KEY)", "create table t (a int, unique (a))", "CREATE UNIQUE INDEX i on t (a)",
        "insert into t values (1) ON CONFLICT do nothing", "delete from t returning a", "create sequence s",
        "select a::enum('x')", "create type mood as int",
    ]  # fmt: skip
    for line, (name, pattern) in zip(bad, NOT_IN_DUCKLAKE.items(), strict=True):
        assert re.search(pattern, statements(line)), name
        assert not re.search(pattern, statements(f"select 1 -- {line}")), name


@pytest.mark.parametrize("path", SQL_FILES, ids=relative)
def test_sql_file_says_its_grain_and_its_key(path: Path) -> None:
    lines = path.read_text().splitlines()
    header = lines[: next(n for n, line in enumerate(lines) if not line.startswith("--"))]
    if "nothing is read or written" in "\n".join(header).lower():  # macros only
        text = "\n".join(line for line in lines if not line.startswith("--")).lower()
        assert not re.search(r"\bcreate (or replace )?(temp )?(table|view)\b|\binsert into\b", text)
        return
    text = " ".join(line.removeprefix("--").strip() for line in header)
    assert re.search(r"\bGrain: ", text), "the header does not say what one row is"
    assert re.search(r"\bKeys?: ", text), "the header does not say what tells rows apart"
