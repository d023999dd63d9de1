"""What leaves the warehouse, and for whom: deny by default, described, sorted, counted."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from city_platform.publish.allow import AUDIENCES, Audience, allowed_columns, is_allowed, unlawful
from city_platform.tables import CLASSIFICATIONS, RIGHTS, Column, Table, fixed_tables
from city_platform_tests.conftest import Undisturbed
from city_platform_tests.runs import opened

ANALYST, OPERATOR = AUDIENCES
CITY_TABLES = fixed_tables("open")


def a_column(name: str, classification: str | None = "public", rights: str | None = "open") -> Column:
    return Column(name, "VARCHAR", "A column", classification, rights)


def a_table(*columns: Column, schema: str = "entity", key: tuple[str, ...] = ("id",)) -> Table:
    return Table(schema, "t", "one thing", key, columns)


# The rule


def test_each_audience_sees_what_is_classified_and_permitted_for_it_and_nothing_else() -> None:
    seen = {
        audience.name: {
            (c, r)
            for c in (None, *CLASSIFICATIONS, "secret")
            for r in (None, *RIGHTS, "stolen")
            if is_allowed(a_column("x", c, r), audience)
        }
        for audience in AUDIENCES
    }
    assert seen["analyst"] == {(c, r) for c in ("public", "official") for r in ("open", "licensed")}
    assert seen["operator"] == {(c, r) for c in CLASSIFICATIONS for r in RIGHTS}


@pytest.mark.parametrize("audience", AUDIENCES, ids=lambda a: a.name)
@pytest.mark.parametrize(
    "column", [a_column("x", None), a_column("x", "public", None)], ids=["class", "rights"]
)
def test_what_nobody_classified_is_left_out_and_found_where_it_slipped_in(
    audience: Audience, column: Column
) -> None:
    table = a_table(a_column("id"), column)
    assert [c.name for c in allowed_columns(table, audience)] == ["id"]
    assert unlawful([("entity.t", "id"), ("entity.t", "x")], [table], audience) == ["entity.t.x"]


def test_table_whose_key_may_not_leave_does_not_leave() -> None:
    table = a_table(a_column("id", "personal"), a_column("x"))
    assert allowed_columns(table, ANALYST) == ()
    assert [c.name for c in allowed_columns(table, OPERATOR)] == ["id", "x"]


def test_column_that_no_declaration_knows_is_unlawful() -> None:
    table = a_table(a_column("id"))
    assert unlawful([("entity.t", "added"), ("entity.u", "id")], [table], OPERATOR) == [
        "entity.t.added",
        "entity.u.id",
    ]


def test_raw_never_leaves() -> None:
    for audience in AUDIENCES:
        assert allowed_columns(replace(a_table(a_column("id")), schema="raw"), audience) == ()


# The files


@pytest.fixture(params=AUDIENCES, ids=lambda a: a.name)
def audience(request: pytest.FixtureRequest) -> Audience:
    found: Audience = request.param
    return found


@pytest.fixture
def path(undisturbed: Undisturbed, audience: Audience) -> Path:
    return undisturbed.saved / "published" / audience.file


@pytest.fixture
def con(path: Path) -> Iterator[Any]:
    with opened(path) as found:
        yield found


def columns_in(con: Any) -> dict[str, list[tuple[str, str, str | None]]]:
    """Table → its columns: name, type and comment."""
    tables: dict[str, list[tuple[str, str, str | None]]] = {}
    for schema, table, *column in con.execute(
        "select schema_name, table_name, column_name, data_type, comment from duckdb_columns() "
        "where database_name = current_database() and not internal and (schema_name, table_name) in "
        "(select (schema_name, table_name) from duckdb_tables()) order by schema_name, table_name, column_index"
    ).fetchall():
        tables.setdefault(f"{schema}.{table}", []).append(tuple(column))
    return tables


def test_file_holds_every_permitted_column_and_no_other(con: Any, audience: Audience) -> None:
    found = {
        (t, c[0]) for t, columns in columns_in(con).items() for c in columns if not t.startswith("catalog.")
    }
    wanted = {
        (t.label, c.name)
        for t in CITY_TABLES.values()
        for c in t.columns
        if c.classification in audience.classifications and c.rights in audience.rights
    }
    fixed = {(t, c) for t, c in found if t in CITY_TABLES}
    assert fixed <= wanted
    # Links, identifiers and events of addresses and businesses are among them, whole.
    for name in ("address", "business", "organisation", "link", "identifier", "event", "relationship"):
        label = f"entity.{name}"
        assert {c for t, c in found if t == label} == {c for t, c in wanted if t == label}
    assert {t for t, _ in found} >= {
        "risk.score",
        "risk.reason",
        "risk.worklist",
        "risk.backtest",
        "quality.issue",
    }


def test_only_the_operator_sees_names_of_persons(con: Any, audience: Audience) -> None:
    names = {f"{t}.{c[0]}" for t, columns in columns_in(con).items() for c in columns}
    private = {"entity.organisation.private_name", "entity.attribute.private_value"}
    assert private <= names if audience is OPERATOR else not private & names


def test_file_has_its_mode_and_nothing_lies_beside_it(path: Path, audience: Audience) -> None:
    assert path.stat().st_mode & 0o777 == {"analyst": 0o444, "operator": 0o600}[audience.name]
    assert sorted(p.name for p in path.parent.iterdir()) == ["analyst.duckdb", "operator.duckdb"]


def test_every_table_and_column_is_described_as_declared(con: Any) -> None:
    for table, columns in columns_in(con).items():
        declared = CITY_TABLES.get(table)
        schema, name = table.split(".")
        (comment,) = con.execute(
            "select comment from duckdb_tables() where database_name = current_database() "
            "and schema_name = ? and table_name = ?",
            [schema, name],
        ).fetchone()
        assert comment and comment.startswith("One row is ")
        for column, _, text in columns:
            assert text, f"{table}.{column} has no comment"
            if declared:
                meaning = next(c.meaning for c in declared.columns if c.name == column)
                assert text.startswith(meaning)


def test_catalog_states_the_tables_columns_and_rows_that_the_file_has(con: Any, audience: Audience) -> None:
    actual = {t: columns for t, columns in columns_in(con).items() if not t.startswith("catalog.")}
    datasets = con.execute(
        "select file, name, rows, as_of::varchar from catalog.dataset order by name"
    ).fetchall()
    counts = {t: con.execute(f"select count(*) from {t}").fetchone()[0] for t in actual}
    assert datasets == [(audience.file, t, counts[t], "2014-09-01") for t in sorted(actual)]
    stated = con.execute(
        "select table_name, name, type from catalog.column_info order by table_name, position"
    ).fetchall()
    assert stated == [(t, name, type_) for t in sorted(actual) for name, type_, _ in actual[t]]
    unclear = con.execute(
        "select count(*) from catalog.column_info where classification is null or rights is null or length(meaning) < 3 "
        "or length(lineage) < 3"
    ).fetchone()
    assert unclear == (0,)


@pytest.mark.parametrize(
    "label", ["entity.address", "entity.event", "entity.link", "entity.identifier", "risk.worklist"]
)
def test_rows_lie_in_the_declared_order(con: Any, label: str) -> None:
    """A look-up reads only the blocks that it needs; DuckDB keeps the order of insertion in a file's rows."""
    columns = [c[0] for c in columns_in(con)[label]]
    order = [f'"{c}"' for c in CITY_TABLES[label].order_by if c in columns]
    wrong = con.execute(
        f"select count(*) from (select row_number() over (order by rowid) as stored, "
        f"rank() over (order by {', '.join(order)}) as sorted, "
        f"count(*) over (partition by {', '.join(order)}) as ties from {label}) "
        "where stored not between sorted and sorted + ties - 1"
    ).fetchone()
    assert con.execute(f"select count(*) > 5 from {label}").fetchone() == (True,)
    assert wrong == (0,)
