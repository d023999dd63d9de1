"""The feeds step in Dagster: every declared feed, and what all of them together delivered and got wrong.

Belongs here: assets over all feeds. Does not belong here: one feed's (component.py).
"""

from collections.abc import Iterator, Sequence

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, picture, results, spec
from city_platform.feeds.component import FeedComponent
from city_platform.feeds.declaration import Feed
from city_platform.feeds.pictures import delivery_picture
from city_platform.rebuild import Budget, build, code_version
from city_platform.tables import fixed_tables

OWNER = "team:data-office"


def feed_definitions(feeds: Sequence[Feed]) -> dg.Definitions:
    """Every feed, and the records of deliveries and issues."""
    components = [FeedComponent(f).build_defs(None) for f in feeds]
    return dg.Definitions.merge(*components, dg.Definitions(assets=[_records(feeds)]))


def _records(feeds: Sequence[Feed]) -> dg.AssetsDefinition:
    tables = [fixed_tables()["provenance.delivery"], fixed_tables()["quality.issue"]]
    code = code_version("feeds/assets.py", "feeds/pictures.py")
    deps = [asset_key(f.staging()) for f in feeds]

    @dg.multi_asset(
        name="deliveries_and_issues",
        specs=[spec(t, group="feeds", owner=OWNER, deps=deps, code=code) for t in tables],
        check_specs=[c for t in tables for c in check_specs(t)],
    )
    def deliveries_and_issues(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        kept = opened.settings.pictures / "deliveries.png"

        def work(_: object) -> list[Budget]:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(delivery_picture(opened.con))
            return []

        # The loads wrote these tables; here they are checked and drawn, when any feed is no longer what it was.
        built = build(
            opened,
            "feeds/deliveries_and_issues",
            code=code,
            settings=feed_states(opened.con),
            inputs=[f.asset for f in feeds],
            tables=tables,
            work=work,
        )
        by_rule = opened.con.execute(
            "select rule, severity, responsible, count(*) from quality.issue group by all order by 4 desc limit 10"
        ).fetchall()
        listed = "\n".join(
            f"- {n:,} × {rule} ({severity}; {who} to mend)" for rule, severity, who, n in by_rule
        )
        shown = {
            "provenance.delivery": {
                "deliveries": picture(kept.read_bytes(), "rows of the newest deliveries")
            },
            "quality.issue": {"most frequent": dg.MetadataValue.md(listed or "none")},
        }
        yield from results(opened, built, tables, shown)

    return deliveries_and_issues


def feed_states(con: object) -> list[str]:
    """The newest delivery of each feed that is no repeat, and how it stands."""
    rows = con.execute(  # type: ignore[attr-defined]
        "select feed || ' ' || arg_max(delivery_id || ' ' || status, sequence) from provenance.delivery "
        "where status <> 'repeat' group by feed "
        "union all select table_name || ' ' || message from quality.check_result where not passed order by 1"
    ).fetchall()
    return [str(r[0]) for r in rows]
