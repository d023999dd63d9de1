"""The entities step in Dagster.

Belongs here: its assets. Does not belong here: how entities are made (resolve.py, events.py and the SQL).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, results, spec
from city_platform.city import City
from city_platform.entities.events import tell
from city_platform.entities.gazetteer import gazetteer_feeds
from city_platform.entities.observe import observe
from city_platform.entities.people import observe_people, person_checks
from city_platform.entities.resolve import KEPT_OVER_RUNS, OBSERVED, READ, RESOLVED, id_checks, resolve
from city_platform.feeds.declaration import Feed, strictest_rights
from city_platform.rebuild import build, code_version, fingerprint
from city_platform.tables import fixed_tables

OWNER = "team:data-office"
OBSERVATION = "entities/observation"
ENTITIES = "entities/resolved"
EVENTS = "entities/event"


def entity_definitions(city: City, feeds: Sequence[Feed]) -> dg.Definitions:
    """Observations, then entities with their links and ids in one transaction, then events."""
    tables = fixed_tables(strictest_rights(list(feeds)))
    code = code_version("entities/*.py", "entities/*.sql", "feeds/declaration/*.py")
    holding = [f for f in feeds if f.business or f.address or f.people]
    telling = [f for f in feeds if f.events]
    observed = [tables[f"entity.{name}"] for name in (*OBSERVED, *READ)]
    resolved = [tables[f"entity.{name}"] for name in (*RESOLVED, *KEPT_OVER_RUNS)]
    event = tables["entity.event"]
    place = city.model_dump(mode="json", include={"name", "locale", "box", "gazetteer"})
    gazetteer = gazetteer_feeds(city, feeds)
    made = fingerprint(code, place)

    @dg.multi_asset(
        specs=[
            spec(
                t,
                group="entities",
                owner=OWNER,
                deps=[asset_key(f.staging()) for f in (*holding, *gazetteer)],
                code=code,
            )
            for t in observed
        ],
        check_specs=[s for t in observed for s in check_specs(t)],
    )
    def observations(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        built = build(
            warehouse.open,
            OBSERVATION,
            code=code,
            settings=place,
            inputs=[f.asset for f in (*holding, *gazetteer)],
            tables=observed,
            work=lambda con: [*observe(con, city, holding, made), *observe_people(con, holding, made)],
        )
        yield from results(warehouse.open, built, observed)

    own_checks = [*id_checks(), *person_checks()]

    @dg.multi_asset(
        specs=[
            spec(
                t,
                group="entities",
                owner=OWNER,
                deps=[*(asset_key(o) for o in observed), *(asset_key(f.staging()) for f in gazetteer)],
                code=code,
            )
            for t in resolved
        ],
        check_specs=[
            s for t in resolved for s in check_specs(t, [c for label, c in own_checks if label == t.label])
        ],
    )
    def entities(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open

        def work(con: object) -> object:
            rows = opened.con.execute("select count(*) from entity.id_history").fetchone()
            return resolve(opened.con, fingerprint(code, rows), city)

        built = build(
            opened,
            ENTITIES,
            code=code,
            settings=place,
            inputs=[OBSERVATION, *(f.asset for f in gazetteer)],
            tables=resolved,
            work=work,  # type: ignore[arg-type]
            checks=own_checks,
        )
        yield from results(opened, built, resolved)

    @dg.multi_asset(
        specs=[
            spec(
                event,
                group="entities",
                owner=OWNER,
                deps=[asset_key(tables["entity.link"]), *(asset_key(f.staging()) for f in telling)],
                code=code,
            )
        ],
        check_specs=check_specs(event),
    )
    def events(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        built = build(
            warehouse.open,
            EVENTS,
            code=code,
            settings=[f.model_dump(mode="json") for f in telling],
            inputs=[ENTITIES, *(f.asset for f in telling)],
            tables=[event],
            work=lambda con: tell(con, telling),
        )
        yield from results(warehouse.open, built, [event])

    return dg.Definitions(assets=[observations, entities, events])
