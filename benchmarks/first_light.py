"""Chicago from empty to published: time and memory by step, beside a bare DuckDB client, and Dagster's share.

    .venv/bin/python benchmarks/first_light.py ../shared/data/chicago

Three measurements in one go:
1. `city-platform run` as a process of its own: wall seconds, peak memory, seconds by step.
2. Every SQL statement that feeds executed, written down with its values, then executed again in the same
   order by a bare DuckDB client into an empty file. The ratio compares the steps' seconds (Python, files, checks and
   all) with the bare client's. Work on files that are gone by then (the numbered CSV) is kept aside for the replay.
3. The job's seconds in Dagster less the steps' own, an asset.
"""

from __future__ import annotations

import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

AS_OF = "2014-09-01"


def whole_run(mirror: Path, home: Path) -> None:
    started = time.monotonic()
    command = [sys.executable, "-m", "city_platform.cli", "run", "--city", "chicago"]
    command += ["--home", str(home), "--mirror", str(mirror), "--as-of", AS_OF]
    output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    wall = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    steps = [
        (m[1], float(m[2]))
        for m in re.finditer(r"^  (\S+) +[\d,]+ rows +([\d.]+) s ", output, flags=re.MULTILINE)
    ]
    print(
        f"1. city-platform run, empty to published: {wall:.1f} s (aim: 45), peak {peak:,.0f} MB (aim: 2,048)"
    )
    for name, seconds in steps:
        print(f"     {name:<52} {seconds:6.2f} s")
    print(f"     {'importing, Dagster, report':<52} {wall - sum(s for _, s in steps):6.2f} s")
    started = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    print(f"   the same again, nothing new: {time.monotonic() - started:.1f} s")


class Recorder:
    """A DuckDB connection that writes down what it is asked to do."""

    def __init__(self, con: Any, log: list[tuple[str, str, Any]], aside: Path) -> None:
        self._con, self._log, self._aside = con, log, aside

    def execute(self, sql: str, values: Any = None) -> Any:
        self._write_down("execute", sql, values)
        return self._con.execute(sql) if values is None else self._con.execute(sql, values)

    def executemany(self, sql: str, values: Any = None) -> Any:
        self._write_down("executemany", sql, values)
        return self._con.executemany(sql, values)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._con, name)

    def _write_down(self, kind: str, sql: str, values: Any) -> None:
        numbered = re.search(r"'([^']*numbered\.csv)'", sql)
        if numbered:
            kept = self._aside / f"{len(self._log)}.csv"
            shutil.copyfile(numbered[1], kept)
            sql = sql.replace(numbered[1], str(kept))
        written = re.search(r"to '([^']*\.working/[^']*)'", sql)
        if written:
            sql = sql.replace(written[1], str(self._aside / f"{len(self._log)}.parquet"))
        self._log.append((kind, sql, values))


def feeds_beside_bare_client(mirror: Path, home: Path) -> None:
    from city_platform import warehouse as warehouse_module
    from city_platform.feeds.declaration import load_feeds
    from city_platform.feeds.load import load_feed
    from city_platform.rebuild import prepare
    from city_platform.settings import Settings

    settings = Settings.from_environment(
        {
            "CITY_PLATFORM_CITY": "chicago",
            "CITY_PLATFORM_HOME": str(home),
            "CITY_PLATFORM_MIRROR": str(mirror),
        }
    )
    feeds = load_feeds(settings.city_folder)
    log: list[tuple[str, str, Any]] = []
    aside = home / "aside"
    aside.mkdir(parents=True)
    with warehouse_module.Warehouse(settings) as opened:
        prepare(opened)
        prelude = len(log)
        opened.con = Recorder(opened.con, log, aside)
        feed_seconds = 0.0
        for feed in feeds:
            feed_seconds += load_feed(opened, feed).seconds
    bare_settings = Settings(settings.city_folder, home / "bare", mirror)
    with warehouse_module.Warehouse(bare_settings) as bare:
        prepare(bare)
        con = bare.con
        started = time.monotonic()
        for kind, sql, values in log[prelude:]:
            result = getattr(con, kind)(sql, values) if values is not None else con.execute(sql)
            if result.description:
                result.fetchall()
        bare_seconds = time.monotonic() - started
    print("2. Feeds beside a bare client that executes the same statements (aim: at most 2.00)")
    print(f"     {feed_seconds:6.2f} s beside {bare_seconds:6.2f} s: ratio {feed_seconds / bare_seconds:.2f}")


def dagster_share(mirror: Path, home: Path) -> None:
    os.environ |= {
        "CITY_PLATFORM_CITY": "chicago",
        "CITY_PLATFORM_HOME": str(home),
        "CITY_PLATFORM_MIRROR": str(mirror),
        "CITY_PLATFORM_AS_OF": AS_OF,
    }
    import dagster as dg

    from city_platform.definitions import JOB, city_definitions
    from city_platform.instance import prepare_instance
    from city_platform.settings import Settings

    settings = Settings.from_environment()
    prepare_instance(settings)
    spent = 0.0
    import city_platform.assets as assets
    import city_platform.publish.assets as publish_assets

    def count(built: Any) -> None:
        nonlocal spent
        spent += built.seconds

    assets.say_progress = publish_assets.say_progress = count
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with dg.DagsterInstance.get() as instance:
        job = city_definitions(settings).resolve_job_def(JOB)
        for what in ("everything built", "nothing new"):
            spent = 0.0
            started = time.monotonic()
            result = job.execute_in_process(instance=instance, run_config=quiet)
            wall = time.monotonic() - started
            made = sum(1 for e in result.all_events if e.is_step_materialization)
            steps = sum(1 for e in result.all_events if e.is_step_success)
            share = wall - spent
            print(
                f"3. Dagster's share, {what}: {wall:.1f} s less the steps' {spent:.1f} s is {share:.1f} s: "
                f"{1000 * share / made:.0f} ms an asset (aim: 150; {made} assets in {steps} steps)"
            )


def main() -> None:
    mirror = Path(sys.argv[1] if len(sys.argv) > 1 else "../shared/data/chicago").absolute()
    if not mirror.is_dir():
        sys.exit(f"There is no folder {mirror}. Name the folder that holds Chicago's files.")
    with tempfile.TemporaryDirectory() as folder:
        whole_run(mirror, Path(folder) / "whole")
        feeds_beside_bare_client(mirror, Path(folder) / "beside")
        dagster_share(mirror, Path(folder) / "dagster")


if __name__ == "__main__":
    main()
