"""The code location as Dagster sees it: assets, checks, owners, schedule; and a run's metadata."""

from __future__ import annotations

import sqlite3
from typing import Any

import dagster as dg
import pytest
from dagster.components.testing import create_defs_folder_sandbox

from city_platform.assets import preview
from city_platform.definitions import JOB, city_definitions
from city_platform.feeds.component import FeedComponent
from city_platform.feeds.declaration import COMPONENT
from city_platform.settings import Settings
from city_platform.tables import Column, Table
from city_platform.warehouse import Warehouse
from city_platform_tests.conftest import Typed

ORDER = ["feeds", "entities", "risk", "publish"]


@pytest.fixture(scope="module")
def definitions() -> dg.Definitions:
    return city_definitions(Settings.from_environment({"CITY_PLATFORM_CITY": "chicago"}))


def specs(definitions: dg.Definitions) -> list[dg.AssetSpec]:
    return list(definitions.resolve_all_asset_specs())


def test_every_asset_has_group_owner_kinds_description_and_columns(definitions: dg.Definitions) -> None:
    for spec in specs(definitions):
        assert spec.group_name in ORDER, spec.key
        assert spec.owners and spec.kinds and spec.description and spec.code_version, spec.key
        if spec.key.path[0] != "published":
            schema = spec.metadata["dagster/column_schema"]
            assert all(c.description for c in schema.columns), spec.key


def test_the_graph_reads_from_feeds_to_publish(definitions: dg.Definitions) -> None:
    group = {s.key: str(s.group_name) for s in specs(definitions)}
    for spec in specs(definitions):
        for dep in spec.deps:
            assert ORDER.index(group[dep.asset_key]) <= ORDER.index(group[spec.key]), (
                dep.asset_key,
                spec.key,
            )


def test_each_feed_is_raw_staging_and_history(definitions: dg.Definitions) -> None:
    keys = {"/".join(s.key.path) for s in specs(definitions)}
    for feed in ("public_health__food_inspections", "weather_service__weather"):
        assert {f"raw/{feed}", f"staging/{feed}", f"staging/{feed}__history"} <= keys


def test_only_the_check_before_publishing_blocks(definitions: dg.Definitions) -> None:
    checks = definitions.resolve_asset_graph().asset_check_keys
    nodes = [definitions.resolve_asset_graph().get_check_spec(k) for k in checks]
    assert {(c.asset_key.to_user_string(), c.name) for c in nodes if c.blocking} == {
        ("catalog/dataset", "every_check_is_green")
    }


def test_every_table_has_the_check_of_its_declaration_and_the_laws_theirs(
    definitions: dg.Definitions,
) -> None:
    checks = {
        (k.asset_key.to_user_string(), k.name) for k in definitions.resolve_asset_graph().asset_check_keys
    }
    for spec in specs(definitions):
        key = spec.key.to_user_string()
        if key.split("/")[0] not in ("raw", "published"):
            assert (key, "as_declared") in checks, key
    assert {
        ("staging/weather_service__weather", "every_row_is_accounted_for"),
        ("staging/weather_service__weather", "newest_delivery_is_loaded"),
        ("entity/id_history", "ids_are_never_used_again"),
        ("entity/link_metric", "no_cluster_explodes"),
        ("entity/link_metric", "feeds_still_match"),
        ("entity/link_metric", "links_are_as_right_as_last_run"),
        ("entity/link_metric", "term_frequencies_hold"),
        ("risk/score", "nothing_from_the_future"),
        ("published/analyst", "only_permitted_columns"),
    } <= checks


def test_the_nightly_schedule_is_in_the_citys_time(definitions: dg.Definitions) -> None:
    schedule = definitions.resolve_schedule_def("every_night")
    assert (schedule.cron_schedule, schedule.execution_timezone) == ("0 2 * * *", "America/Chicago")
    assert schedule.job_name == JOB


def test_no_night_retrains_the_weights_of_linking(definitions: dg.Definitions) -> None:
    keys = {s.key.to_user_string() for s in specs(definitions)}
    nightly = {k.to_user_string() for k in definitions.resolve_job_def(JOB).asset_layer.executable_asset_keys}
    assert keys - nightly == {"entity/model", "entity/term_frequency"}


def test_runs_use_one_process(definitions: dg.Definitions) -> None:
    assert definitions.resolve_job_def(JOB).executor_def.name == "in_process"


def test_dagsters_own_loader_makes_assets_of_a_defs_yaml() -> None:
    attributes = {
        "agency": "licensing",
        "name": "stalls",
        "title": "Stalls",
        "owner": "team:licensing",
        "licence": "none",
        "source": {"file": "stalls.csv"},
        "key": ["stall"],
        "columns": {"stall": {"required": True, "class": "public", "meaning": "Number"}},
    }
    with create_defs_folder_sandbox() as sandbox:
        path = sandbox.scaffold_component(
            component_cls=FeedComponent, defs_yaml_contents={"type": COMPONENT, "attributes": attributes}
        )
        with sandbox.load_component_and_build_defs(defs_path=path) as (component, definitions):
            assert isinstance(component, FeedComponent)
            keys = {key.to_user_string() for spec in definitions.assets or () for key in spec.keys}
    assert keys == {
        "raw/licensing__stalls",
        "staging/licensing__stalls",
        "staging/licensing__stalls__history",
    }


def test_a_preview_shows_no_personal_and_no_unclassified_column(tmp_path: Any) -> None:
    settings = Settings(city_folder=tmp_path, home=tmp_path)
    columns = (
        Column("number", "INTEGER", "Number", "public", "open"),
        Column("holder", "VARCHAR", "Holder", "personal", "open"),
        Column("unsaid", "VARCHAR", "Nobody classified it", None, "open"),
    )
    table = Table("staging", "stalls", "stall", ("number",), columns)
    with Warehouse(settings) as warehouse:
        warehouse.ensure_table(table)
        warehouse.con.execute("insert into staging.stalls values (7, 'Erika Private', 'Secret')")
        shown = preview(warehouse, table)
    assert "7" in shown and "number" in shown
    for hidden in ("Erika", "Secret", "holder", "unsaid"):
        assert hidden not in shown


def test_a_run_leaves_rows_columns_preview_and_pictures_in_dagster(typed: Typed) -> None:
    assert typed.code == 0, typed.err
    stored = ""
    for path in typed.home.home.glob("dagster/history/runs/*.db"):
        with sqlite3.connect(path) as con:
            stored += "".join(str(row[0]) for row in con.execute("select event from event_logs"))
    for wanted in ("dagster/row_count", "preview", "rows_quarantined", "data:image/png;base64"):
        assert wanted in stored, wanted
