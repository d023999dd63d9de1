"""The feeds step in Dagster: every declared feed, and what all of them together delivered and got wrong.

Belongs here: assets over all feeds. Does not belong here: one feed's (component.py).
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, picture, results, spec
from city_platform.city import load_city
from city_platform.feeds.component import FeedComponent
from city_platform.feeds.declaration import Feed
from city_platform.feeds.freshness import freshness, record_freshness, today
from city_platform.feeds.pictures import delivery_picture
from city_platform.feeds.report import forget_others, write_reports
from city_platform.feeds.unclaimed import INBOX, record_unclaimed, set_aside
from city_platform.rebuild import Budget, build, code_version
from city_platform.tables import fixed_tables

OWNER = "team:data-office"


def feed_definitions(feeds: Sequence[Feed]) -> dg.Definitions:
    """Every feed, and the records of deliveries and issues."""
    components = [FeedComponent(f).build_defs(None) for f in feeds]
    return dg.Definitions.merge(*components, dg.Definitions(assets=[_records(feeds)]))


def _records(feeds: Sequence[Feed]) -> dg.AssetsDefinition:
    tables = [fixed_tables()[name] for name in ("provenance.delivery", "quality.issue", "quality.freshness")]
    code = code_version(*(f"feeds/{f}.py" for f in "assets freshness pictures report unclaimed".split()))
    code += code_version("feeds/report.sql", "feeds/report.html")
    deps = [asset_key(f.staging()) for f in feeds]

    @dg.multi_asset(
        name="deliveries_and_issues",
        specs=[spec(t, group="feeds", owner=OWNER, deps=deps, code=code) for t in tables],
        check_specs=[c for t in tables for c in check_specs(t)],
    )
    def deliveries_and_issues(
        context: dg.AssetExecutionContext, warehouse: WarehouseResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        settings = opened.settings
        kept = settings.pictures / "deliveries.png"
        on = today(settings)
        found = [freshness(opened.con, f, on) for f in feeds]
        for message in set_aside(settings, feeds):
            context.log.warning(message)
        record_unclaimed(opened)

        def work(_: object) -> list[Budget]:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(delivery_picture(opened.con))
            record_freshness(opened.con, found)
            city = load_city(settings.city_folder).name
            forget_others(write_reports(opened.con, feeds, city, on, settings.reports), settings.reports)
            return []

        # The loads wrote the first two; here all are checked, drawn and told, when any feed is no longer what it was.
        built = build(
            opened,
            "feeds/deliveries_and_issues",
            code=code,
            settings=[feed_states(opened.con), [(f.feed, f.message, f.state) for f in found]],
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
        shown: dict[str, dict[str, Any]] = {
            "provenance.delivery": {
                "deliveries": picture(kept.read_bytes(), "rows of the newest deliveries")
            },
            "quality.issue": {
                "most frequent": dg.MetadataValue.md(listed or "none"),
                "reports": dg.MetadataValue.md(_links(settings.reports)),
            },
            "quality.freshness": {
                "late": dg.MetadataValue.md(
                    "\n".join(f"- {f.message}" for f in found if f.state == "late") or "none"
                ),
                "not assessable": sum(f.state == "not_assessable" for f in found),
            },
        }
        yield from results(opened, built, tables, shown)

    return deliveries_and_issues


def _links(folder: Path) -> str:
    """The reports, to be opened on the machine that made them; browsers follow such links only when they are copied."""
    return "\n".join(f"- [{p.stem}]({p.as_uri()}) `{p}`" for p in sorted(folder.glob("*.html"))) or "none"


def feed_states(con: object) -> list[str]:
    """The newest delivery of each feed that is no repeat, how it stands, and what no feed takes."""
    rows = con.execute(  # type: ignore[attr-defined]
        "select feed || ' ' || arg_max(delivery_id || ' ' || status, sequence) from provenance.delivery "
        "where status <> 'repeat' group by feed "
        "union all select table_name || ' ' || message from quality.check_result where not passed "
        f"union all select message from quality.issue where feed = '{INBOX}' order by 1"
    ).fetchall()
    return [str(r[0]) for r in rows]
