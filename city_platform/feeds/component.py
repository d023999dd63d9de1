"""FeedComponent: one declared feed as Dagster assets.

Belongs here: what Dagster shows of a feed. Does not belong here: how a feed is loaded (load.py).
"""

from collections.abc import Iterator
from typing import Any

import dagster as dg

from city_platform.assets import WarehouseResource, check_specs, results, spec
from city_platform.feeds.declaration import Feed
from city_platform.feeds.load import ARRIVED, FeedBuilt, load_feed
from city_platform.rebuild import code_version, count_rows
from city_platform.tables import Check

ROWS_ACCOUNTED_FOR = Check("every_row_is_accounted_for", "", "rows of a delivery are not accounted for")
NEWEST_LOADED = Check(ARRIVED, "", "the newest delivery is missing or held, so that an older one stands")


class FeedComponent(dg.Component):
    """A feed: its YAML attributes are those of Feed; it becomes raw, staging and history assets with their checks."""

    def __init__(self, feed: Feed) -> None:
        self.feed = feed

    @classmethod
    def get_model_cls(cls) -> type[Feed]:
        """Dagster reads the attributes as this model, which knows nothing of Dagster."""
        return Feed

    @classmethod
    def load(cls, attributes: Any, context: dg.ComponentLoadContext) -> "FeedComponent":
        return cls(attributes)

    def build_defs(self, context: dg.ComponentLoadContext | None) -> dg.Definitions:
        feed = self.feed
        code = code_version("feeds/**/*.py", "feeds/*.sql")
        raw, staging, history = feed.raw(), feed.staging(), feed.history()
        raw_spec = spec(raw, group="feeds", owner=feed.owner, deps=(), code=code)
        specs = [
            raw_spec.replace_attributes(kinds={"parquet", "csv"}),
            spec(staging, group="feeds", owner=feed.owner, deps=[raw_spec.key], code=code),
            spec(history, group="feeds", owner=feed.owner, deps=[raw_spec.key], code=code),
        ]

        @dg.multi_asset(
            name=f"load_{feed.table_name}",
            specs=specs,
            check_specs=[*check_specs(staging, [ROWS_ACCOUNTED_FOR, NEWEST_LOADED]), *check_specs(history)],
        )
        def load(
            context: dg.AssetExecutionContext, warehouse: WarehouseResource
        ) -> Iterator[dg.MaterializeResult[None]]:
            open_warehouse = warehouse.open
            built = load_feed(open_warehouse, feed)
            if built.message:
                context.log.warning(built.message)
            built.note = _note(built)
            built.rows |= count_rows(open_warehouse.con, [raw])
            shown: dict[str, Any] = {f"rows_{fate}": n or 0 for fate, n in built.counts.items()}
            if built.message:
                shown["message"] = built.message
            yield from results(
                open_warehouse,
                built,
                [raw, staging, history],
                {staging.label: {"status": built.status, **shown}},
            )

        return dg.Definitions(assets=[load])


def _note(built: FeedBuilt) -> str:
    if built.status == "loaded" and built.counts:
        c = built.counts
        text = f"loaded: {c['new']:,} new, {c['changed']:,} changed, {c['unchanged']:,} unchanged"
        for fate in ("repeated", "quarantined", "removed"):
            text += f", {c[fate]:,} {fate}" if c[fate] else ""
        return text
    return built.status.upper() if built.message else built.status
