"""How well the linking went, in Dagster; and training its weights anew, which no night does by itself.

Belongs here: the assets of entity.link_metric, and of entity.model and entity.term_frequency. Does not belong here: what is
measured (metrics.py), drawn (pictures.py) and trained (train.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, picture, results, spec
from city_platform.city import City
from city_platform.entities.linking.model import LINKED
from city_platform.entities.linking.versions import newest_version, trained_versions
from city_platform.entities.metrics import (
    alarm_checks,
    changed_ids,
    find_alarms,
    largest,
    measure_links,
    numbers,
)
from city_platform.entities.pictures import (
    LevelWeight,
    ids_picture,
    methods_picture,
    model_picture,
    unmatched_picture,
)
from city_platform.entities.resolve import (
    ADDRESSES,
    CLUSTERS,
    COMPARED,
    DECISION,
    ENTITIES,
    FROZEN,
    OBSERVATION,
    WRITES,
)
from city_platform.entities.train import RETRAINED, retrain_types
from city_platform.feeds.declaration import Feed, strictest_rights
from city_platform.rebuild import Budget, Built, build, code_version, count_rows, fingerprint
from city_platform.tables import fixed_tables
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

OWNER = "team:data-office"
QUALITY = "entities/link_metric"
READS = (OBSERVATION, DECISION, ADDRESSES, COMPARED, CLUSTERS, ENTITIES)
# Made only when somebody asks for it: new weights change links everywhere, and a person should look at what they do.
ONLY_WHEN_ASKED = tuple(dg.AssetKey(["entity", name]) for name in FROZEN)
TYPES = ("address", *LINKED)
PICTURES = {
    **{kind: f"weights, scores and sizes: {kind}" for kind in TYPES},
    "unmatched": "unmatched by feed",
    "methods": "how each feed was settled",
    "ids": "ids changed in this run",
}


def linking_definitions(city: City, feeds: Sequence[Feed]) -> dg.Definitions:
    """How the linking stands after each run, with pictures and alarms; and the training of its weights."""
    tables = fixed_tables(strictest_rights(list(feeds)))
    metric = tables["entity.link_metric"]
    frozen = [tables[f"entity.{name}"] for name in FROZEN]
    code = code_version("entities/*.py", "entities/*.sql", "entities/linking/*.py", "entities/models/*.yaml")

    @dg.multi_asset(
        name="link_metric",
        specs=[
            spec(
                metric,
                group="entities",
                owner=OWNER,
                deps=[asset_key(tables[f"entity.{name}"]) for step in READS for name in WRITES[step]],
                code=code,
            )
        ],
        check_specs=check_specs(metric, [check for _, check in alarm_checks()]),
    )
    def link_metric(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open

        def work(con: Any) -> list[Budget]:
            measure_links(con, opened.run_id)
            draw(con, opened.settings.pictures)
            return []

        built = build(
            opened,
            QUALITY,
            code=code,
            settings=trained_versions(opened.con),
            inputs=READS,
            tables=[metric],
            work=work,
            checks=alarm_checks(),
        )
        yield from results(opened, built, [metric], {metric.label: shown(opened)})

    @dg.multi_asset(
        name="retrain",
        specs=[
            spec(
                t,
                group="entities",
                owner=OWNER,
                deps=[asset_key(tables[f"entity.{name}"]) for name in WRITES[OBSERVATION]],
                code=code,
            ).merge_attributes(tags={"city_platform/only_when_asked": "true"})
            for t in frozen
        ],
        check_specs=[s for t in frozen for s in check_specs(t)],
    )
    def retrain(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        said, checks = retrain_types(opened, LINKED)
        built = Built(
            RETRAINED,
            True,
            fingerprint(trained_versions(opened.con)),
            0.0,
            count_rows(opened.con, frozen),
            checks,
            note="; ".join(said),
        )
        told = {"what came of it": dg.MetadataValue.md("\n".join(f"- {text}" for text in said))}
        yield from results(opened, built, frozen, {t.label: told for t in frozen})

    return dg.Definitions(assets=[link_metric, retrain])


def draw(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Draw the newest run's numbers, so that a run that links nothing anew need not."""
    found = numbers(con)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in TYPES:
        levels, link_from = level_weights(con, kind)
        (folder / f"linking_{kind}.png").write_bytes(model_picture(kind, found, levels, link_from))
    (folder / "linking_unmatched.png").write_bytes(unmatched_picture(found))
    (folder / "linking_methods.png").write_bytes(methods_picture(found))
    (folder / "linking_ids.png").write_bytes(ids_picture(changed_ids(con)))


def shown(warehouse: Warehouse) -> dict[str, Any]:
    """What the asset shows: pictures, the largest entities, and what is alarming."""
    drawn: dict[str, Any] = {}
    for name, title in PICTURES.items():
        path = warehouse.settings.pictures / f"linking_{name}.png"
        if path.is_file():
            drawn[title] = picture(path.read_bytes(), title)
    rows = ["| type | id | records | feeds |", "| --- | --- | --- | --- |"]
    rows += [f"| {t} | {i} | {n:,} | {f} |" for t, i, n, f in largest(warehouse.con)]
    drawn["largest entities"] = dg.MetadataValue.md("\n".join(rows))
    alarms = find_alarms(warehouse.con)
    drawn["alarms"] = dg.MetadataValue.md("\n".join(f"- {message}" for _, message in alarms) or "none")
    return drawn


def level_weights(con: duckdb.DuckDBPyConnection, kind: str) -> tuple[list[LevelWeight], float | None]:
    """What each level of the model in force weighs, and from which weight pairs are linked; nothing of addresses."""
    newest = newest_version(con, kind)
    if newest is None:
        return [], None
    model = newest.model
    levels = [
        LevelWeight(comparison.name, level.label, level.weight, level.tf is not None)
        for comparison in model.comparisons
        for level in comparison.levels
        if not level.missing
    ]
    return levels, model.link_from
