"""Tables: reads tables/*.yaml, the one place where a table's grain, key and columns are written.

Belongs here: definitions, comments and checks made from those files. Does not belong here: running them
(warehouse.py, rebuild.py), and a feed's own columns, which its declaration holds (feeds/declaration/
adds them to the templates of raw.yaml and staging.yaml).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

FOLDER = Path(__file__).parent
CLASSIFICATIONS = ("public", "official", "personal")
RIGHTS = ("open", "licensed", "contract")  # from the least to the most restricted


@dataclass(frozen=True)
class Column:
    """One column: what it holds, who may see it, and what is checked."""

    name: str
    type: str  # a DuckDB type
    meaning: str
    classification: str | None = None  # None: nobody classified it, so it is published nowhere
    rights: str | None = None  # None: nobody said, so it is published nowhere
    required: bool = False
    unit: str | None = None
    values: tuple[str, ...] = ()
    range: tuple[float | None, float | None] | None = None
    references: str | None = None  # schema.table.column


@dataclass(frozen=True)
class Table:
    """One table of the warehouse."""

    schema: str
    name: str
    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    order_by: tuple[str, ...] = ()
    lineage: str = ""
    personal_rows: str = ""  # SQL: which rows are about people, whatever columns they show

    @property
    def full_name(self) -> str:
        return f'{self.schema}."{self.name}"'

    @property
    def label(self) -> str:
        """schema.table, for people and for Dagster."""
        return f"{self.schema}.{self.name}"

    def ddl(self) -> str:
        """The statement that creates it. Keys are checks, not constraints: DuckLake has none."""
        columns = ", ".join(f'"{c.name}" {c.type}' for c in self.columns)
        return f"create table {self.full_name} ({columns})"

    def comments(self) -> list[str]:
        """COMMENT ON statements for the table and each of its columns."""
        statements = [f"comment on table {self.full_name} is {quote_text('One row is ' + self.grain)}"]
        for column in self.columns:
            text = column.meaning + (f" [{column.unit}]" if column.unit else "")
            statements.append(f'comment on column {self.full_name}."{column.name}" is {quote_text(text)}')
        return statements

    def checks(self) -> list[Check]:
        """The checks that its columns ask for; each one's SQL returns the number of offending rows."""
        checks = []
        if self.key:
            key = ", ".join(f'"{k}"' for k in self.key)
            checks.append(
                Check(
                    "key_is_unique",
                    f"select count(*) from (select {key} from {self.full_name} group by all having count(*) > 1)",
                    f"keys ({', '.join(self.key)}) stand more than once",
                )
            )
        conditions = [c for column in self.columns for c in _conditions(column)]
        if conditions:
            checks.append(
                Check(
                    "values_are_valid",
                    f"select count(*) from {self.full_name} where " + " or ".join(conditions),
                    "rows break required, allowed values or range",
                )
            )
        for column in self.columns:
            if column.references:
                schema, table, target = column.references.split(".")
                checks.append(
                    Check(
                        f"{column.name}_exists",
                        f'select count(*) from {self.full_name} t where t."{column.name}" is not null and not exists '
                        f'(select 1 from {schema}."{table}" r where r."{target}" = t."{column.name}")',
                        f"values of {column.name} are not in {column.references}",
                    )
                )
        return checks


@dataclass(frozen=True)
class Check:
    """One check of one table: SQL that counts what offends, and what those are."""

    name: str
    sql: str
    offence: str


@dataclass(frozen=True)
class FeedTemplates:
    """The columns that every feed's tables begin with, by name of the table's kind."""

    schema: str
    rights: str | None
    tables: dict[str, Table] = field(default_factory=dict)
    suffixes: dict[str, str] = field(default_factory=dict)


def quote_text(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _conditions(column: Column) -> list[str]:
    name = f'"{column.name}"'
    conditions = []
    if column.required:
        conditions.append(f"{name} is null")
    if column.values:
        conditions.append(f"{name} not in ({', '.join(quote_text(v) for v in column.values)})")
    if column.range:
        low, high = column.range
        if low is not None:
            conditions.append(f"{name} < {low}")
        if high is not None:
            conditions.append(f"{name} > {high}")
    return conditions


def _column(name: str, spec: dict[str, Any], rights: str | None) -> Column:
    allowed = {"type", "meaning", "class", "rights", "required", "unit", "values", "range", "references"}
    unknown = set(spec) - allowed
    if unknown:
        raise ValueError(f"tables/: column {name} has unknown settings {sorted(unknown)}")
    bounds = spec.get("range")
    return Column(
        name=name,
        type=spec["type"],
        meaning=spec["meaning"],
        classification=spec.get("class"),
        rights=spec.get("rights", rights),
        required=spec.get("required", False),
        unit=spec.get("unit"),
        values=tuple(spec.get("values", ())),
        range=(bounds[0], bounds[1]) if bounds else None,
        references=spec.get("references"),
    )


def _table(schema: str, name: str, spec: dict[str, Any], rights: str | None) -> Table:
    return Table(
        schema=schema,
        name=name,
        grain=spec["grain"],
        key=tuple(spec["key"]),
        columns=tuple(_column(n, c, spec.get("rights", rights)) for n, c in spec["columns"].items()),
        order_by=tuple(spec.get("order_by", spec["key"])),
        personal_rows=spec.get("personal_rows", ""),
    )


def _read(schema: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((FOLDER / f"{schema}.yaml").read_text())
    return content


@cache
def fixed_tables(feed_rights: str = "open") -> dict[str, Table]:
    """Every table that is the same in all cities, by schema.table.

    feed_rights: the most restricted rights of any of the city's feeds; what is derived from feeds carries it.
    """
    tables = {}
    for path in sorted(FOLDER.glob("*.yaml")):
        content = _read(path.stem)
        rights = feed_rights if content.get("rights") == "feeds" else content.get("rights")
        for name, spec in content.get("tables", {}).items():
            table = _table(content["schema"], name, spec, rights)
            tables[table.label] = table
    return tables


@cache
def feed_templates(schema: str) -> FeedTemplates:
    """What every feed's tables in `raw` or `staging` begin with."""
    content = _read(schema)
    templates = FeedTemplates(schema, content.get("rights"))
    for name, spec in content["per_feed"].items():
        templates.tables[name] = _table(schema, name, spec, content.get("rights"))
        templates.suffixes[name] = spec["suffix"]
    return templates


def schemas() -> list[str]:
    """The warehouse's schemas."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))
