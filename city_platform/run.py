"""Run: materialises everything of a city in this process, and says what came of it.

Belongs here: the run that `city-platform run` makes, and its report. Does not belong here: the assets themselves.
"""

from __future__ import annotations

import os
import time
import warnings

from city_platform.assets import PROGRESS
from city_platform.instance import fail_dead_runs, prepare_instance
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse, hold_run_lock

HELD = 3


def run_city(settings: Settings) -> int:
    """Materialise everything; returns the exit code: 0, 1 where something failed, 3 where a feed is held or missing."""
    started = time.monotonic()
    settings.home.mkdir(parents=True, exist_ok=True)
    hold_run_lock(settings.home, settings.lock_wait_s, "", lambda text: print(text, flush=True))
    prepare_instance(settings)
    os.environ[PROGRESS] = "1"
    import dagster as dg

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    from city_platform.definitions import JOB, city_definitions

    print(f"{settings.city_folder.name}: {settings.home}", flush=True)
    with dg.DagsterInstance.get() as instance:
        for run_id in fail_dead_runs(instance):
            print(f"  run {run_id} had died; it is marked as failed", flush=True)
        job = city_definitions(settings).resolve_job_def(JOB)
        quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
        result = job.execute_in_process(instance=instance, run_config=quiet, raise_on_error=False)
        failures = [
            (e.step_key, e.step_failure_data.error)
            for e in result.all_events
            if e.is_step_failure and e.step_failure_data.error
        ]
    for step, error in failures:
        cause = error
        while cause.cause is not None:
            cause = cause.cause
        print(f"\nFAILED {step}: {cause.message.strip()}", flush=True)
    with Warehouse(settings) as warehouse:
        late, red = report(warehouse)
    print(f"\n{time.monotonic() - started:.1f} s", flush=True)
    if failures or red or not result.success:
        return 1
    return HELD if late else 0


def report(warehouse: Warehouse) -> tuple[list[str], list[str]]:
    """Print what was loaded, held, set aside, lost, scored and published.

    Returns the feeds that are held or missing, and the other checks that are red.
    """
    from city_platform.feeds.load import ARRIVED

    con = warehouse.con
    print("\nFeeds, newest loaded delivery")
    for row in con.execute(
        "select feed, rows_read, rows_new, rows_changed, rows_unchanged, rows_repeated, rows_quarantined "
        "from provenance.delivery where status = 'loaded' "
        "qualify row_number() over (partition by feed order by sequence desc) = 1 order by feed"
    ).fetchall():
        feed, read, new, changed, unchanged, repeated, quarantined = row
        print(
            f"  {feed:<46} {read:>8,} read = {new:,} new + {changed:,} changed + {unchanged:,} unchanged "
            f"+ {repeated:,} repeated + {quarantined:,} set aside"
        )
    lost = con.execute(
        "select step, subject, rows_lost, rows_in, reason from quality.row_budget where rows_lost > 0 order by all"
    ).fetchall()
    print("\nLost on the way")
    for step, subject, count, total, reason in lost:
        print(f"  {step}, {subject}: {count:,} of {total:,} ({reason})")
    if not lost:
        print("  nothing")
    counts = (
        con.execute(
            "select (select count(*) from entity.address where level = 'site'), (select count(*) from entity.business), "
            "(select count(*) from entity.organisation), (select count(*) from entity.event)"
        ).fetchone()
        if warehouse.columns("entity", "event")
        else None
    )
    if counts:
        print(
            f"\nJoined: {counts[0]:,} sites, {counts[1]:,} businesses, {counts[2]:,} owners, {counts[3]:,} events"
        )
    if warehouse.columns("risk", "score"):
        for case, as_of, scored, listed in con.execute(
            "select case_id, max(as_of) as newest, count(*) filter (as_of = latest), "
            "(select count(*) from risk.worklist w where w.case_id = s.case_id and w.as_of = max(s.as_of)) "
            "from (select *, max(as_of) over (partition by case_id) as latest from risk.score) s "
            "group by case_id order by case_id"
        ).fetchall():
            print(f"Scored: {case} as of {as_of}: {scored:,} units; worklist of {listed:,} visits")
    issues = con.execute("select severity, count(*) from quality.issue group by all order by all").fetchall()
    if issues:
        print("Issues: " + ", ".join(f"{n:,} {severity}" for severity, n in issues) + "  (quality.issue)")
    failed = con.execute(
        "select asset, table_name, check_name, message from quality.check_result where not passed order by all"
    ).fetchall()
    late = [(asset, message) for asset, _, check, message in failed if check == ARRIVED]
    red = [(f"{table} {check}", message) for _, table, check, message in failed if check != ARRIVED]
    for asset, message in late:
        print(f"\nHELD OR MISSING {asset.removeprefix('feeds/')}\n  {message}")
        print("  The last good table stands; the worklist names this feed.")
    for name, message in red:
        print(f"\nRED CHECK {name}: {message}")
    files = sorted(warehouse.settings.published.glob("*.duckdb"))
    if files:
        print("\nOpen")
        for path in files:
            print(f"  {path}  ({path.stat().st_size / 1e6:.0f} MB)")
    return [asset for asset, _ in late], [name for name, _ in red]
