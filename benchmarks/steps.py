"""A city made, and some of its steps run, each in a process of its own: seconds by step, and that process's peak memory.

Belongs here: what the benchmarks that need a whole city share. Does not belong here: what is measured of it (entities.py).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

ROOT = Path(__file__).resolve().parent.parent


if TYPE_CHECKING:
    from city_platform.settings import Settings
    from city_platform.warehouse import Warehouse


@contextmanager
def empty_chicago(mirror: Path) -> Iterator[tuple[Settings, Warehouse]]:
    """A warehouse of Chicago in a temporary folder, with the tables of entities and no feed loaded yet."""
    from city_platform.rebuild import prepare
    from city_platform.settings import Settings
    from city_platform.tables import fixed_tables
    from city_platform.warehouse import Warehouse

    with tempfile.TemporaryDirectory() as home:
        settings = Settings.from_environment(
            {"CITY_PLATFORM_CITY": "chicago", "CITY_PLATFORM_HOME": home, "CITY_PLATFORM_MIRROR": str(mirror)}
        )
        with Warehouse(settings) as warehouse:
            prepare(warehouse)
            for table in fixed_tables().values():
                if table.schema == "entity":
                    warehouse.ensure_table(table)
            yield settings, warehouse


@dataclass(frozen=True)
class Ran:
    """What some steps took. seconds: by step, without starting Python and Dagster; wall: with them."""

    seconds: dict[str, float]
    wall: float
    peak_gb: float

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def environment(home: Path, memory_limit: str) -> dict[str, str]:
    """The settings of one run, whatever the settings of the shell that started the benchmark."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CITY_PLATFORM_")}
    return kept | {
        "PYTHONPATH": str(ROOT),
        "CITY_PLATFORM_CITY": "eastmere",
        "CITY_PLATFORM_HOME": str(home),
        "CITY_PLATFORM_MEMORY_LIMIT": memory_limit,
    }


def make_eastmere(home: Path, addresses: int, seed: int = 1) -> None:
    """Make the borough, unless it is there."""
    if (home / "eastmere" / "MADE").is_file():
        return
    options = ["--addresses", str(addresses), "--seed", str(seed)]
    run_python(["-m", "city_platform.cli", "synthesise", *options], environment(home, "8GB"))


def run_steps(home: Path, *groups: str, memory_limit: str = "4GB") -> Ran:
    """Materialise the assets of these groups, in order; raises where a step fails."""
    told = run_python([__file__, *groups], environment(home, memory_limit))
    return Ran(**json.loads(told.strip().splitlines()[-1]))


def run_python(arguments: list[str], env: dict[str, str], python: str = sys.executable) -> str:
    """What another Python process prints; raises with the end of what it said where it fails."""
    done = subprocess.run([python, *arguments], capture_output=True, text=True, env=env)
    if done.returncode:
        raise SystemExit(f"{' '.join(arguments)} failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


def _materialise(groups: list[str]) -> Ran:
    import resource
    import time
    import warnings

    import dagster as dg

    from city_platform.instance import prepare_instance
    from city_platform.settings import Settings

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    settings = Settings.from_environment()
    prepare_instance(settings)
    from city_platform.definitions import JOB, city_definitions

    began = time.monotonic()
    definitions = city_definitions(settings)
    keys = [s.key for s in definitions.resolve_all_asset_specs() if s.group_name in groups]
    if not keys:
        raise SystemExit(f"no asset is in {', '.join(groups)}")
    with dg.DagsterInstance.get() as instance:
        result = definitions.resolve_job_def(JOB).execute_in_process(
            instance=instance,
            asset_selection=keys,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            raise_on_error=False,
        )
        seconds: dict[str, float] = {}
        for event in result.all_events:
            if event.is_step_success:
                seconds[str(event.step_key)] = event.step_success_data.duration_ms / 1000
            elif event.is_step_failure and event.step_failure_data.error:
                cause = event.step_failure_data.error
                while cause.cause is not None:
                    cause = cause.cause
                raise SystemExit(f"{event.step_key}: {cause.message}")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return Ran(seconds, time.monotonic() - began, peak)


if __name__ == "__main__":
    print(json.dumps(vars(_materialise(sys.argv[1:]))))
