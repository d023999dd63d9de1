"""The publish step in Dagster.

Belongs here: its assets, and the one blocking check of the platform. Does not belong here: what may leave (allow.py)
and how it is written (files.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, results, say_progress, spec
from city_platform.city import City
from city_platform.entities.metrics import ALARMS
from city_platform.entities.resolve import ENTITIES, EVENTS, OBSERVATION
from city_platform.feeds.assets import feed_states
from city_platform.feeds.declaration import Feed, strictest_rights
from city_platform.feeds.load import ARRIVED
from city_platform.publish.allow import AUDIENCES, Audience
from city_platform.publish.files import ONLY_PERMITTED, fill_catalog, publish
from city_platform.rebuild import build, code_version, fingerprint, input_fingerprints
from city_platform.risk.assets import BACKTEST, SCORES, run_date
from city_platform.tables import Check, Table, fixed_tables

OWNER = "team:data-office"
CATALOG = "publish/catalog"
STEPS = ("feeds/deliveries_and_issues", OBSERVATION, ENTITIES, EVENTS, BACKTEST, SCORES)
# Feeds hold bad deliveries themselves, and an alarm says that something changed, not that it is wrong; a red check of
# anything else must not reach a reader.
ALL_GREEN = Check(
    "every_check_is_green",
    # What the catalog's own checks said last time is no longer so, and would keep this one red for ever.
    f"select count(*) from quality.check_result where not passed and asset <> '{CATALOG}' "
    f"and check_name not in {(ARRIVED, ONLY_PERMITTED, *ALARMS)}",
    "checks of the tables to be published are red (see quality.check_result)",
)


def publish_definitions(city: City, feeds: Sequence[Feed]) -> dg.Definitions:
    """The catalog with the blocking check, then one file for each audience."""
    rights = strictest_rights(list(feeds))
    fixed = fixed_tables(rights)
    tables = [*(t for t in fixed.values()), *(t for f in feeds for t in (f.staging(), f.history()))]
    catalog = [fixed["catalog.dataset"], fixed["catalog.column_info"]]
    code = code_version("publish/*.py", "publish/*.sql", "warehouse.py")
    deps = [asset_key(t) for t in fixed.values() if t.schema in ("entity", "risk")]
    deps += [asset_key(fixed["provenance.delivery"]), asset_key(fixed["quality.issue"])]

    @dg.multi_asset(
        name="catalog",
        specs=[spec(t, group="publish", owner=OWNER, deps=deps, code=code) for t in catalog],
        check_specs=[
            *check_specs(catalog[0]),
            *check_specs(catalog[1]),
            dg.AssetCheckSpec(
                ALL_GREEN.name,
                asset=asset_key(catalog[0]),
                blocking=True,
                description="Stops publishing when any check of a table is red; what was published before stays.",
            ),
        ],
    )
    def catalogue(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        as_of = run_date(opened.settings, city)
        for table in tables:
            if table.schema in ("catalog", "entity"):  # of a city without people, say, some were never made
                opened.ensure_table(table)
        built = build(
            opened,
            CATALOG,
            code=code,
            settings=[
                as_of,
                feed_states(opened.con),
                [(t.label, str(t.columns), t.personal_rows) for t in tables],
            ],
            inputs=[*STEPS, *(f.asset for f in feeds)],
            tables=catalog,
            work=lambda con: fill_catalog(con, tables, AUDIENCES, as_of),
            checks=[("catalog.dataset", ALL_GREEN)],
        )
        yield from results(opened, built, catalog)

    files = [_file(audience, tables, catalog, code) for audience in AUDIENCES]
    return dg.Definitions(assets=[catalogue, *files])


def _file(
    audience: Audience, tables: Sequence[Table], catalog: Sequence[Table], code: str
) -> dg.AssetsDefinition:
    key = dg.AssetKey(["published", audience.name])

    @dg.multi_asset(
        name=f"published_{audience.name}",
        specs=[
            dg.AssetSpec(
                key,
                deps=[asset_key(t) for t in catalog],
                group_name="publish",
                owners=[OWNER],
                kinds={"duckdb", "file"},
                code_version=code,
                description=f"{audience.file}: {audience.meaning}. Open it read-only with any DuckDB client.",
            )
        ],
        check_specs=[
            dg.AssetCheckSpec(
                ONLY_PERMITTED,
                asset=key,
                description="Fails when a column would leave that nobody permitted.",
            )
        ],
    )
    def published(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        asset = f"publish/{audience.name}"
        inputs = input_fingerprints(opened.con, asset, [CATALOG])
        built = publish(opened, asset, fingerprint(asset, code, inputs), tables, audience)
        say_progress(built)
        path = opened.settings.published / audience.file
        metadata: dict[str, Any] = {"rebuilt": built.rebuilt, "path": dg.MetadataValue.path(path)}
        if path.is_file():
            metadata["bytes"] = path.stat().st_size
        yield dg.MaterializeResult(
            asset_key=key,
            metadata=metadata,
            data_version=dg.DataVersion(built.fingerprint),
            check_results=[
                dg.AssetCheckResult(
                    passed=c.passed,
                    asset_key=key,
                    check_name=c.check,
                    metadata={"message": c.message} if c.message else {},
                )
                for c in built.checks
            ],
        )

    return published
