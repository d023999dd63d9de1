"""Definitions: the Dagster code location of the chosen city: its feeds, then entities, risk and publish.

Belongs here: putting the steps together, the nightly schedule, the sensor, the executor. Does not belong here: any step's work.
"""

from __future__ import annotations

import dagster as dg

from city_platform.assets import WarehouseResource
from city_platform.city import load_city
from city_platform.entities.assets import entity_definitions
from city_platform.entities.quality_assets import ONLY_WHEN_ASKED, linking_definitions
from city_platform.evaluation.assets import CAVEAT, evaluation_definitions
from city_platform.feeds.assets import feed_definitions
from city_platform.feeds.declaration import load_feeds
from city_platform.feeds.sensors import file_sensor
from city_platform.publish.assets import publish_definitions
from city_platform.risk.assets import risk_definitions
from city_platform.risk.case import load_cases
from city_platform.settings import Settings

JOB = "nightly"


def city_definitions(settings: Settings) -> dg.Definitions:
    """Everything of one city."""
    city = load_city(settings.city_folder)
    feeds = load_feeds(settings.city_folder)
    cases = load_cases(settings.city_folder / "risk")
    about = f"Everything of {city.name}, in order." + (f" {CAVEAT}" if city.synthetic else "")
    nightly = dg.AssetSelection.all() - dg.AssetSelection.assets(*ONLY_WHEN_ASKED)
    job = dg.define_asset_job(JOB, selection=nightly, description=about)
    schedule = dg.ScheduleDefinition(
        name="every_night",
        job=job,
        cron_schedule=city.schedule,
        execution_timezone=city.time_zone,
        default_status=dg.DefaultScheduleStatus.STOPPED,
        description="Takes what the agencies have sent and brings everything up to it.",
    )
    return dg.Definitions.merge(
        feed_definitions(feeds),
        entity_definitions(city, feeds),
        linking_definitions(city, feeds),
        risk_definitions(city, feeds, cases),
        evaluation_definitions(city, feeds, cases),
        publish_definitions(city, feeds),
        dg.Definitions(
            jobs=[job],
            schedules=[schedule],
            sensors=[file_sensor(feeds, job)],
            # One process writes: steps run one after another in the run's own process (see warehouse.py).
            executor=dg.in_process_executor,
            resources={"warehouse": WarehouseResource()},
        ),
    )


defs = city_definitions(Settings.from_environment())
