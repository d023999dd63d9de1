"""Instance: the city's own Dagster instance: its folder, its dagster.yaml, and runs that died.

Belongs here: what Dagster keeps between runs. Does not belong here: assets (the steps' assets.py).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from city_platform.assets import PID_TAG, process_mark
from city_platform.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

DAGSTER_YAML = """\
# Written by city-platform where it is missing; yours to change.
telemetry:
  enabled: false
nux:
  enabled: false  # no sign-up dialogue in the UI
concurrency:
  runs:
    max_concurrent_runs: 1  # one process writes the warehouse at a time
run_monitoring:
  enabled: true
  max_runtime_seconds: 7200  # a run that hangs is ended
"""


def prepare_instance(settings: Settings) -> None:
    """Make the city's Dagster folder and point DAGSTER_HOME at it."""
    home = settings.dagster_home
    home.mkdir(parents=True, exist_ok=True)
    if not (home / "dagster.yaml").exists():
        (home / "dagster.yaml").write_text(DAGSTER_YAML)
    os.environ["DAGSTER_HOME"] = str(home)


def fail_dead_runs(instance: dg.DagsterInstance) -> list[str]:
    """Mark runs whose process is gone as failed: else a killed run stays "started" for ever. Returns their ids."""
    import dagster as dg

    started = instance.get_runs(filters=dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED]))
    dead = []
    for run in started:
        mark = run.tags.get(PID_TAG)
        if mark and process_mark(int(mark.split("@")[0])) != mark:
            instance.report_run_failed(run, f"Its process ({mark.split('@')[0]}) ended before the run did.")
            dead.append(run.run_id)
    return dead
