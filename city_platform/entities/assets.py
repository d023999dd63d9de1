"""The entities step in Dagster: the order of work, one asset a table.

Belongs here: the assets, what they read, and when they are made anew. Does not belong here: the work of each step
(resolve.py and what it calls), how well it went (quality_assets.py).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, results, spec
from city_platform.city import City
from city_platform.entities import resolve as work
from city_platform.entities.decisions import decisions_path, decisions_state, read_decisions
from city_platform.entities.events import tell
from city_platform.entities.gazetteer import gazetteer_feeds
from city_platform.entities.linking.versions import trained_versions
from city_platform.entities.people import person_checks
from city_platform.entities.resolve import (
    ADDRESSES,
    CLUSTERS,
    COMPARED,
    DECISION,
    ENTITIES,
    EVENTS,
    OBSERVATION,
)
from city_platform.feeds.declaration import Feed, strictest_rights
from city_platform.rebuild import Budget, build, code_version, fingerprint
from city_platform.tables import Check, fixed_tables
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

OWNER = "team:data-office"
Work = Callable[["duckdb.DuckDBPyConnection"], Iterable[Budget]]


def entity_definitions(city: City, feeds: Sequence[Feed]) -> dg.Definitions:
    """Standardise, decisions, addresses, compare, cluster, resolve, events: each one transaction, written by difference."""
    tables = fixed_tables(strictest_rights(list(feeds)))
    code = code_version(
        "entities/*.py",
        "entities/*.sql",
        "entities/*.yaml",
        "entities/*.csv",
        "entities/*/*.py",
        "entities/*/*.yaml",
        "feeds/declaration/*.py",
    )
    holding = [f for f in feeds if f.business or f.address or f.people]
    telling = [f for f in feeds if f.events]
    gazetteer = gazetteer_feeds(city, feeds)
    place = city.model_dump(mode="json", exclude={"synthetic", "as_of", "schedule"})
    made = fingerprint(code, place)

    def step(
        asset: str,
        reads: Sequence[str],
        of_feeds: Sequence[Feed],
        do: Callable[[Warehouse], Work],
        settings: Callable[[Warehouse], Any] = lambda _: place,
        checks: Sequence[tuple[str, Check]] = (),
    ) -> dg.AssetsDefinition:
        """reads: the steps before it; of_feeds: whose staging tables it reads beside."""
        written = [tables[f"entity.{name}"] for name in work.WRITES[asset]]
        deps = [asset_key(f.staging()) for f in of_feeds]
        deps += [asset_key(tables[f"entity.{name}"]) for read in reads for name in work.WRITES[read]]

        @dg.multi_asset(
            name=asset.replace("/", "_"),
            specs=[spec(t, group="entities", owner=OWNER, deps=deps, code=code) for t in written],
            check_specs=[
                s for t in written for s in check_specs(t, [c for label, c in checks if label == t.label])
            ],
        )
        def assets(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
            opened = warehouse.open
            built = build(
                opened,
                asset,
                code=code,
                settings=settings(opened),
                inputs=[*reads, *(f.asset for f in of_feeds)],
                tables=written,
                work=do(opened),
                checks=checks,
            )
            yield from results(opened, built, written)

        return assets

    def resolving(con: duckdb.DuckDBPyConnection) -> Iterable[Budget]:
        # The history of ids names this rebuild by what stood in it before.
        rows = con.execute("select count(*) from entity.id_history").fetchone()
        return work.resolve(con, fingerprint(code, rows), city, feeds, made)

    def frozen(warehouse: Warehouse) -> Any:
        for name in work.FROZEN:  # retraining writes them, which no run waits for
            warehouse.ensure_table(tables[f"entity.{name}"])
        return [place, trained_versions(warehouse.con)]

    return dg.Definitions(
        assets=[
            step(
                OBSERVATION,
                [],
                [*holding, *gazetteer],
                lambda _: lambda con: work.standardise(con, city, holding, made),
            ),
            step(
                DECISION,
                [OBSERVATION],
                [],
                lambda w: lambda con: read_decisions(con, decisions_path(w.settings)),
                lambda w: decisions_state(decisions_path(w.settings)),
            ),
            step(
                ADDRESSES,
                [OBSERVATION, DECISION],
                gazetteer,
                lambda _: lambda con: work.settle_addresses(con, city),
            ),
            step(
                COMPARED,
                [OBSERVATION, DECISION, ADDRESSES],
                [],
                lambda _: lambda con: work.compare(con, made),
                frozen,
            ),
            step(CLUSTERS, [COMPARED], [], lambda _: work.cluster),
            step(
                ENTITIES,
                [OBSERVATION, ADDRESSES, CLUSTERS],
                gazetteer,
                lambda _: resolving,
                checks=[*work.id_checks(), *person_checks()],
            ),
            step(
                EVENTS,
                [ENTITIES],
                telling,
                lambda _: lambda con: tell(con, telling),
                lambda _: [f.model_dump(mode="json") for f in telling],
            ),
        ]
    )
