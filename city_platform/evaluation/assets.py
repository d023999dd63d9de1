"""The evaluation in Dagster, only where a city was made up.

Belongs here: its asset. Does not belong here: what is measured (measure.py) and drawn (pictures.py).
"""

from collections.abc import Iterator, Sequence
from typing import Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, picture, results, spec
from city_platform.city import City
from city_platform.entities.resolve import ENTITIES
from city_platform.evaluation.measure import dropped, measure
from city_platform.evaluation.pictures import links_picture
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import Budget, build, code_version
from city_platform.risk.assets import SCORES
from city_platform.risk.case import Case
from city_platform.tables import fixed_tables

EVALUATION = "evaluation/metric"
PICTURE = "evaluation_links.png"
CAVEAT = (
    "This city was made up, and its truth is known. Skill here is not skill in a real city: it checks the machinery "
    "and lets people learn it."
)


def evaluation_definitions(city: City, feeds: Sequence[Feed], cases: Sequence[Case]) -> dg.Definitions:
    """Links and cases against the truth; nothing, where the city exists."""
    if city.synthetic is None:
        return dg.Definitions()
    tables = fixed_tables()
    metric = tables["evaluation.metric"]
    code = code_version("evaluation/*.py", "evaluation/*.sql")
    deps = [asset_key(tables["entity.link"]), asset_key(tables["risk.score"])]
    agency = city.gazetteer.agency if city.gazetteer else None
    described = spec(metric, group="evaluation", owner="team:data-office", deps=deps, code=code)

    @dg.multi_asset(
        name="evaluation",
        specs=[described.replace_attributes(description=f"{described.description} {CAVEAT}")],
        check_specs=check_specs(metric, [dropped()]),
    )
    def evaluation(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        made = opened.settings.home / "truth" / "sent_delivery.parquet"
        kept = opened.settings.pictures / PICTURE

        def work(con: Any) -> list[Budget]:
            kept.unlink(missing_ok=True)
            if measure(con, opened.settings, feeds, cases, agency):
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(links_picture(con.execute("select * from evaluation.metric").df()))
            return []

        built = build(
            opened,
            EVALUATION,
            code=code,
            settings=made.stat().st_mtime if made.is_file() else None,
            inputs=[ENTITIES, SCORES],
            tables=[metric],
            work=work,
            checks=[(metric.label, dropped())],
        )
        shown: dict[str, Any] = {"made up": CAVEAT}
        if kept.is_file():
            shown["against the truth"] = picture(kept.read_bytes(), "links against the truth")
        yield from results(opened, built, [metric], {metric.label: shown})

    return dg.Definitions(assets=[evaluation])
