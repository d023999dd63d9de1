"""Assets: how a step's outcome is shown in Dagster. Every step's assets.py uses it.

Belongs here: the warehouse as a Dagster resource, metadata, check results and progress lines. Does not belong here:
what the steps do.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import dagster as dg

from city_platform.rebuild import Built, CheckResult, prepare
from city_platform.settings import Settings
from city_platform.tables import Check, Table
from city_platform.warehouse import Warehouse

PROGRESS = "CITY_PLATFORM_PROGRESS"  # set by `city-platform run`: a line for each asset
PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 8
CELL = 40  # characters
AS_DECLARED = "as_declared"  # the check of all that a table's columns ask for


class WarehouseResource(dg.ConfigurableResource):
    """The city's warehouse, open for as long as a run goes on; the first step to need it takes the run's lock."""

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        # Settings are read again in the process that runs: one code location serves the UI and every run.
        settings = Settings.from_environment()
        run_id = context.run_id or ""
        if context.instance is not None and run_id and context.instance.has_run(run_id):
            context.instance.add_run_tags(run_id, {PID_TAG: process_mark(os.getpid())})
        log = context.log
        self._warehouse = Warehouse(settings, run_id, log.warning if log else print)
        prepare(self._warehouse)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        self._warehouse.close()

    @property
    def open(self) -> Warehouse:
        return self._warehouse


PID_TAG = "city_platform/process"


def process_mark(pid: int) -> str:
    """A process's number and start time, so that a number used again is not taken for it; empty start if it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as handle:
            fields = handle.read().rsplit(")", 1)[1].split()
    except (OSError, IndexError):
        return f"{pid}@"
    is_gone = fields[0] == "Z"  # ended, and not yet collected by its parent
    return f"{pid}@" if is_gone else f"{pid}@{fields[19]}"


def asset_key(table: Table) -> dg.AssetKey:
    return dg.AssetKey([table.schema, table.name])


def spec(table: Table, *, group: str, owner: str, deps: Iterable[dg.AssetKey], code: str) -> dg.AssetSpec:
    """One table as an asset."""
    return dg.AssetSpec(
        asset_key(table),
        deps=list(deps),
        group_name=group,
        owners=[owner],
        kinds={"duckdb", "sql"},
        description=f"One row is {table.grain}.",
        code_version=code,
        metadata={"dagster/table_name": table.label, "dagster/column_schema": column_schema(table)},
    )


def check_specs(table: Table, extra: Iterable[Check] = ()) -> list[dg.AssetCheckSpec]:
    """One check for all that a table's columns ask for, and those beside it.

    Every check costs three of Dagster's events, so what one file declares is one; quality.check_result has each apart.
    """
    declared = "Fails when " + "; or ".join(c.offence for c in table.checks()) + "."
    return [
        dg.AssetCheckSpec(AS_DECLARED, asset=asset_key(table), description=declared),
        *(
            dg.AssetCheckSpec(c.name, asset=asset_key(table), description=f"Fails when {c.offence}.")
            for c in extra
        ),
    ]


def column_schema(table: Table) -> dg.TableSchema:
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                c.name,
                type=c.type,
                description=c.meaning + (f" [{c.unit}]" if c.unit else ""),
                constraints=dg.TableColumnConstraints(nullable=not c.required),
                tags={"classification": c.classification or "unclassified"},
            )
            for c in table.columns
        ]
    )


def results(
    warehouse: Warehouse,
    built: Built,
    tables: Sequence[Table],
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
) -> Iterator[dg.MaterializeResult[None]]:
    """What became of a step's tables, one result a table; prints a progress line where one is wanted."""
    say_progress(built)
    for table in tables:
        shown: dict[str, Any] = {
            "dagster/row_count": built.rows.get(table.label, 0),
            "rebuilt": built.rebuilt,
            "seconds": round(built.seconds, 3),
            "preview": dg.MetadataValue.md(preview(warehouse, table)),
            **((metadata or {}).get(table.label, {})),
        }
        yield dg.MaterializeResult(
            asset_key=asset_key(table),
            metadata=shown,
            data_version=dg.DataVersion(built.fingerprint),
            check_results=list(_check_results(built, table)),
        )


def _check_results(built: Built, table: Table) -> Iterator[dg.AssetCheckResult]:
    by_columns = {c.name for c in table.checks()}
    own = [c for c in built.checks if c.table == table.label]
    declared = [c for c in own if c.check in by_columns]
    if declared:
        yield _check_result(table, AS_DECLARED, declared)
    for check in own:
        if check.check not in by_columns:
            yield _check_result(table, check.check, [check])


def _check_result(table: Table, name: str, results: Sequence[CheckResult]) -> dg.AssetCheckResult:
    red = [f"{r.check}: {r.message}" for r in results if not r.passed]
    return dg.AssetCheckResult(
        passed=not red,
        asset_key=asset_key(table),
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={"message": "; ".join(red)} if red else {},
    )


def say_progress(built: Built) -> None:
    if os.environ.get(PROGRESS):
        # Of a feed the records that stand; of a step that writes several tables, all their rows.
        standing = [n for table, n in built.rows.items() if table.startswith("staging.")]
        is_feed = built.asset.startswith("feeds/") and standing
        rows = standing[0] if is_feed else sum(built.rows.values())
        what = built.note or ("rebuilt" if built.rebuilt else "unchanged")
        print(f"  {built.asset:<52} {rows:>10,} rows {built.seconds:>7.2f} s  {what}", flush=True)


def preview(warehouse: Warehouse, table: Table) -> str:
    """The first rows of a table as Markdown, without columns that are personal or that nobody classified."""
    columns = [c.name for c in table.columns if c.classification in ("public", "official")][:PREVIEW_COLUMNS]
    if not columns:
        return "(no column may be shown)"
    listed = ", ".join(f'"{c}"' for c in columns)
    rows = warehouse.con.execute(f"select {listed} from {table.full_name} limit {PREVIEW_ROWS}").fetchall()
    lines = ["| " + " | ".join(columns) + " |", "|" + " --- |" * len(columns)]
    for row in rows:
        cells = ("" if v is None else str(v).replace("|", "\\|").replace("\n", " ")[:CELL] for v in row)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def picture(png: bytes, alt: str) -> dg.MarkdownMetadataValue:
    """A PNG that the Dagster UI shows in an asset's metadata."""
    return dg.MetadataValue.md(f"![{alt}](data:image/png;base64,{base64.b64encode(png).decode()})")
