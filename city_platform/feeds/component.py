"""FeedComponent: one declared feed as Dagster assets.

Belongs here: what Dagster shows of a feed, and a run of one feed alone. Does not belong here: how a feed is loaded
(load.py).
"""

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, results, spec
from city_platform.feeds.backfill import BackfillError, days_between
from city_platform.feeds.declaration import PORTALS, Feed
from city_platform.feeds.freshness import IS_FRESH, Freshness, freshness, today
from city_platform.feeds.isolate import load_alone
from city_platform.feeds.load import ARRIVED, FeedBuilt
from city_platform.rebuild import code_version, count_rows
from city_platform.tables import Check

ROWS_ACCOUNTED_FOR = Check("every_row_is_accounted_for", "", "rows of a delivery are not accounted for")
NEWEST_LOADED = Check(
    ARRIVED, "", "the newest delivery is missing, held, or failed in our code, so that an older one stands"
)
# What Dagster has pictures for; others are shown as words.
KINDS = {"json_lines": "json", "fixed_width": "text", "geo": "geojson"}


class Days(dg.Config):
    """Which days of a source by day one launch loads; those that are due where neither is given."""

    first_day: str | None = None  # 2020-07-01; source.first_day where only the last is given
    last_day: str | None = None  # 2020-07-31; today where only the first is given


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
        code = code_version("feeds/**/*.py", "feeds/**/*.sql")
        raw, staging, history = feed.raw(), feed.staging(), feed.history()
        tags = {"agency": feed.agency[:63], "cadence": _cadence(feed)}
        raw_spec = spec(raw, group="feeds", owner=feed.owner, deps=(), code=code)
        specs = [
            raw_spec.replace_attributes(kinds={"parquet", _kind(feed)}).merge_attributes(
                metadata={"dagster/uri": address(feed)}
            ),
            spec(staging, group="feeds", owner=feed.owner, deps=[raw_spec.key], code=code),
            spec(history, group="feeds", owner=feed.owner, deps=[raw_spec.key], code=code),
        ]
        checks = [*check_specs(staging, [ROWS_ACCOUNTED_FOR, NEWEST_LOADED]), *check_specs(history)]
        if feed.cadence_days is not None:
            checks.append(
                dg.AssetCheckSpec(
                    IS_FRESH,
                    asset=asset_key(staging),
                    description=f"Fails when nothing new comes for {feed.cadence_days} days and {feed.late_after_days} more.",
                )
            )

        @dg.multi_asset(
            name=op_name(feed),
            specs=[
                s.replace_attributes(description=f"{s.description}\n\n{described(feed)}").merge_attributes(
                    tags=tags
                )
                for s in specs
            ],
            check_specs=checks,
            config_schema=Days.to_fields_dict() if feed.source.is_by_day else None,
        )
        def load(
            context: dg.AssetExecutionContext, warehouse: WarehouseResource
        ) -> Iterator[dg.MaterializeResult[None]]:
            opened = warehouse.open
            on = today(opened.settings)
            built = load_alone(opened, feed, _days(context, feed, on), context.log.error)
            if built.message:
                context.log.warning(built.message)
            built.note = _note(built)
            built.rows |= count_rows(opened.con, [raw])
            shown: dict[str, Any] = {f"rows_{fate}": n or 0 for fate, n in built.counts.items()}
            if built.message:
                shown["message"] = built.message
            fresh = freshness(opened.con, feed, on)
            shown["freshness"] = f"{fresh.state.replace('_', ' ')}: {fresh.message}"
            for result in results(
                opened,
                built,
                [raw, staging, history],
                {staging.label: {"status": built.status, **shown}},
            ):
                if result.asset_key == asset_key(staging) and feed.cadence_days is not None:
                    checked = [*(result.check_results or ()), _check(fresh, result.asset_key)]
                    result = result._replace(check_results=checked)
                yield result

        return dg.Definitions(assets=[load])


def op_name(feed: Feed) -> str:
    """What a run's config calls the feed's load."""
    return f"load_{feed.table_name}"


def materialise(
    feed: Feed, instance: dg.DagsterInstance, first_day: str | None = None, last_day: str | None = None
) -> list[str]:
    """Load one feed in a run of its own, recorded in the instance; returns why it failed, nothing where it did not.

    The settings are read from the environment, as in every run.
    """
    days = {k: v for k, v in (("first_day", first_day), ("last_day", last_day)) if v}
    config: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    if days:
        config["ops"] = {op_name(feed): {"config": days}}
    definitions = FeedComponent(feed).build_defs(None)
    result = dg.materialize(
        list(definitions.assets or ()),  # type: ignore[arg-type]
        resources={"warehouse": WarehouseResource()},
        instance=instance,
        run_config=config,
        raise_on_error=False,
        tags={"city_platform/feed": feed.id},
    )
    errors = [e.step_failure_data.error for e in result.all_events if e.is_step_failure]
    return [] if result.success else [str(e.message).strip() for e in errors if e] or ["the run failed"]


def described(feed: Feed) -> str:
    """Whose the feed is and on what terms, as Markdown."""
    lines = [
        ("Feed", f"{feed.title} (`{feed.id}`)"),
        ("Source", f"`{address(feed)}`"),
        ("Publisher", feed.publisher),
        ("Licence", feed.licence),
        ("Legal basis", feed.legal_basis),
        ("Contact at the agency", feed.contact),
        ("Comes", f"{_cadence(feed).replace('_', ' ')} ({feed.delivery})"),
    ]
    return "\n".join(f"- {name}: {value}" for name, value in lines if value)


def address(feed: Feed) -> str:
    """Where the feed comes from, without user and password."""
    source = feed.source
    if source.kind == "url":
        parts = urlsplit(str(source.url))
        return parts._replace(netloc=parts.netloc.rsplit("@", 1)[-1]).geturl()
    if source.kind == "socrata":
        return "https://{}/d/{}".format(*str(source.socrata).rsplit("/", 1))
    if source.kind == "arcgis":
        return str(source.arcgis)
    if source.kind == "database":
        return f"database:{source.database}/{source.table or 'query'}"
    return f"{source.kind}:{getattr(source, source.kind)}"


def _kind(feed: Feed) -> str:
    if feed.source.kind == "database":
        return "database"
    if feed.source.kind in PORTALS:
        return "json"
    return KINDS.get(feed.dialect.format, feed.dialect.format)


def _cadence(feed: Feed) -> str:
    return f"every_{feed.cadence}_days" if isinstance(feed.cadence, int) else feed.cadence or "unknown"


def _days(context: dg.AssetExecutionContext, feed: Feed, on: date) -> Sequence[date]:
    given = context.op_execution_context.op_config or {} if feed.source.is_by_day else {}
    try:
        return days_between(feed, given.get("first_day"), given.get("last_day"), on)
    except BackfillError as error:
        raise dg.Failure(str(error), allow_retries=False) from None


def _check(found: Freshness, key: dg.AssetKey) -> dg.AssetCheckResult:
    """Lateness is shown and told; it stops nothing, since what stands is still the best there is."""
    return dg.AssetCheckResult(
        passed=found.state == "fresh",
        asset_key=key,
        check_name=IS_FRESH,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "message": found.message,
            "newest_new_at": str(found.newest_new_at or "never"),
            "content_until": str(found.content_until or "not told"),
            "due_on": str(found.due_on or "not assessable"),
        },
    )


def _note(built: FeedBuilt) -> str:
    if built.status == "loaded" and built.counts:
        c = built.counts
        text = f"loaded: {c['new']:,} new, {c['changed']:,} changed, {c['unchanged']:,} unchanged"
        for fate in ("repeated", "quarantined", "removed"):
            text += f", {c[fate]:,} {fate}" if c[fate] else ""
        return text
    return built.status.upper() if built.message else built.status
