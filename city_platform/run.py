"""Run: materialises everything of a city in this process, and says what came of it.

Belongs here: the run that `city-platform run` makes, and its report. Does not belong here: the assets themselves.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from city_platform.assets import PROGRESS
from city_platform.city import City, load_city
from city_platform.instance import fail_dead_runs, prepare_instance
from city_platform.publish.allow import AUDIENCES
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse, hold_run_lock

if TYPE_CHECKING:
    import duckdb

HELD = 3
LINES = 8  # of what was lost that are shown
LISTED_FEEDS = 12  # of more the sum is shown


def run_city(settings: Settings) -> int:
    """Materialise everything; returns the exit code: 0, 1 where something failed, 3 where a feed is held or missing.

    A city that does not exist is made first, and its later days arrive one by one, each with a run of its own.
    """
    started = time.monotonic()
    settings.home.mkdir(parents=True, exist_ok=True)
    hold_run_lock(settings.home, settings.lock_wait_s, "", lambda text: print(text, flush=True))
    prepare_instance(settings)
    os.environ[PROGRESS] = "1"
    city = load_city(settings.city_folder)
    print(f"{city.name}: {settings.home}", flush=True)
    make_city(settings, city, lambda text: print(text, flush=True))
    code = 0
    for day in _days(settings, city):
        if day is not None:
            from city_platform.synthetic.synthesise import let_arrive

            print(f"\n{day}: {let_arrive(settings.home, day)} files arrive", flush=True)
            os.environ["CITY_PLATFORM_AS_OF"] = str(day)
            settings = replace(settings, as_of=day)
        code = _materialise(settings)
    print(f"\n{time.monotonic() - started:.1f} s", flush=True)
    return code


def make_city(settings: Settings, city: City, say: Callable[[str], None]) -> None:
    """Make a city that does not exist, unless it has been made or its files are read from elsewhere."""
    if city.synthetic is None or settings.mirror is not None:
        return
    from city_platform.synthetic.borough import Size
    from city_platform.synthetic.synthesise import is_made, synthesise

    if is_made(settings.home):
        return
    size = Size(city.synthetic.addresses, city.synthetic.seed)
    say(f"{city.name} does not exist yet: making {size.addresses:,} addresses and what its agencies send …")
    made = synthesise(settings, size, lambda _: None)
    say(f"  {made.records:,} records of {made.feeds} feeds in {made.seconds:.1f} s")


def _days(settings: Settings, city: City) -> list[date | None]:
    """The days to run one after the other; one run, of no day in particular, where none is waiting."""
    until = settings.as_of or city.as_of
    if city.synthetic is None or settings.mirror is not None or until is None:
        return [None]
    from city_platform.synthetic.synthesise import days_to_come

    days: list[date | None] = list(days_to_come(settings.home, until))
    is_first_run = not settings.landing.exists()  # what came first is loaded before anything replaces it
    return [None, *days] if is_first_run or not days else days


def _materialise(settings: Settings) -> int:
    import dagster as dg

    warnings.filterwarnings("ignore", category=dg.BetaWarning)
    from city_platform.definitions import JOB, city_definitions

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
        held, red = report(warehouse)
    if failures or red or not result.success:
        return 1
    return HELD if held else 0


def report(warehouse: Warehouse) -> tuple[list[str], list[str]]:
    """Print what was loaded, held, late, set aside, lost, scored and published.

    Returns the feeds that are held or missing, and what failed: feeds whose load broke in our code, and the other
    checks that are red. A late feed is told and is neither: all that has come was loaded.
    """
    from city_platform.entities.metrics import ALARMS
    from city_platform.feeds.load import ARRIVED

    con = warehouse.con
    _report_feeds(con)
    _report_lost(con)
    counts = (
        con.execute(
            "select (select count(*) from entity.address where level = 'site'), (select count(*) from entity.business), "
            "(select count(*) from entity.organisation), (select count(*) from entity.person), "
            "(select count(*) from entity.event)"
        ).fetchone()
        if warehouse.columns("entity", "event")
        else None
    )
    if counts:
        print(
            f"\nJoined: {counts[0]:,} sites, {counts[1]:,} businesses, {counts[2]:,} owners, {counts[3]:,} people, "
            f"{counts[4]:,} events"
        )
    if warehouse.columns("risk", "score"):
        for case, as_of, scored, listed in con.execute(
            "select case_id, max(as_of) as newest, count(*) filter (as_of = latest), "
            "(select count(*) from risk.worklist w where w.case_id = s.case_id and w.as_of = max(s.as_of)) "
            "from (select *, max(as_of) over (partition by case_id) as latest from risk.score) s "
            "group by case_id order by case_id"
        ).fetchall():
            print(f"Scored: {case} as of {as_of}: {scored:,} units; worklist of {listed:,} visits")
    if warehouse.columns("evaluation", "metric"):
        _report_truth(con)
    issues = con.execute("select severity, count(*) from quality.issue group by all order by all").fetchall()
    if issues:
        print("Issues: " + ", ".join(f"{n:,} {severity}" for severity, n in issues) + "  (quality.issue)")
    failed = con.execute(
        "select asset, table_name, check_name, message from quality.check_result where not passed order by all"
    ).fetchall()
    broken = _broken_feeds(con)
    held = [(a, message) for a, _, check, message in failed if check == ARRIVED and a not in broken]
    red = [
        (f"{table} {check}", message)
        for _, table, check, message in failed
        if check != ARRIVED and check not in ALARMS
    ]
    for asset, message in held:
        print(f"\nHELD OR MISSING {asset.removeprefix('feeds/')}\n  {message}")
        print("  The last good table stands; the worklist names this feed.")
    for asset, message in broken.items():
        print(f"\nFAILED {asset.removeprefix('feeds/')}\n  {message}")
        print("  The last good table stands; the worklist names this feed. Every other feed was loaded.")
    _report_late(con)
    for _, table, check, message in failed:
        if check in ALARMS:
            print(
                f"\nLOOK AT {table} {check}: {message}\n  Nothing is held back for it; Dagster shows which."
            )
    for name, message in red:
        print(f"\nRED CHECK {name}: {message}")
    if warehouse.settings.reports.is_dir():
        print(
            f"To send to the agencies: what was wrong with their deliveries, in {warehouse.settings.reports}"
        )
    _report_withheld(warehouse.settings)
    files = sorted(warehouse.settings.published.glob("*.duckdb"))
    if files:
        print("\nOpen, with any DuckDB client, read-only")
        meanings = {a.file: a.meaning for a in AUDIENCES}
        for path in files:
            print(f"  {path}  ({path.stat().st_size / 1e6:.0f} MB: {meanings.get(path.name, '')})")
        _suggest(con, warehouse.settings)
    return [asset for asset, _ in held], [*broken, *(name for name, _ in red)]


def _broken_feeds(con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """The feeds whose load failed in our code, as feeds/<agency>/<feed>, and what is known of it."""
    from city_platform.feeds.isolate import FAILED

    rows = con.execute(
        "select feed, message from quality.issue where delivery_id is null and rule = ? order by feed",
        [FAILED],
    ).fetchall()
    return {f"feeds/{feed}": message for feed, message in rows}


def _report_late(con: duckdb.DuckDBPyConnection) -> None:
    """Feeds of which nothing new came in time, and files that no feed takes."""
    from city_platform.feeds.unclaimed import INBOX

    for feed, message in con.execute(
        "select feed, message from quality.freshness where state = 'late' order by feed"
    ).fetchall():
        print(f"\nLATE {feed}\n  {message}")
    unclaimed = con.execute(
        "select message from quality.issue where feed = ? order by message", [INBOX]
    ).fetchall()
    if unclaimed:
        print(f"\nIN NO FEED {len(unclaimed):,} file(s) of the inbox")
        for (message,) in unclaimed[:LINES]:
            print(f"  {message}")


def _report_feeds(con: duckdb.DuckDBPyConnection) -> None:
    """What each feed's newest loaded delivery held; of many feeds the sum, and those that lost something."""
    columns = "rows_read rows_new rows_changed rows_unchanged rows_repeated rows_quarantined".split()
    rows = con.execute(
        f"select feed, {', '.join(columns)} from provenance.delivery where status = 'loaded' "
        "qualify row_number() over (partition by feed order by sequence desc) = 1 order by feed"
    ).fetchall()
    print("\nFeeds, newest loaded delivery")
    if len(rows) > LISTED_FEEDS:
        agencies = len({str(r[0]).split("/")[0] for r in rows})
        sums = [sum(r[n] for r in rows) for n in range(1, 7)]
        rows = [(f"{len(rows)} feeds of {agencies} agencies", *sums), *(r for r in rows if r[6])]
    for name, read, new, changed, unchanged, repeated, quarantined in rows:
        print(
            f"  {name:<46} {read:>8,} read = {new:,} new + {changed:,} changed + {unchanged:,} unchanged "
            f"+ {repeated:,} repeated + {quarantined:,} set aside"
        )


def _report_withheld(settings: Settings) -> None:
    """Which feeds' rights keep from analysts what is joined from all of them."""
    from city_platform.feeds.declaration import load_feeds

    feeds = load_feeds(settings.city_folder)
    for audience in AUDIENCES:
        closed = [
            f"{f.id} ({f.rights or 'rights not given'})"
            for f in feeds
            if (f.rights or "contract") not in audience.rights
        ]
        if closed and "entity" in audience.schemas:
            more = f" and {len(closed) - LINES} more" if len(closed) > LINES else ""
            print(
                f"\nNOT IN {audience.file}: all that is joined from every feed (entity, risk), for the rights of "
                f"{', '.join(closed[:LINES])}{more}. Say open or licensed in their defs.yaml where that is so."
            )


def _report_lost(con: duckdb.DuckDBPyConnection) -> None:
    """Where rows were lost, the largest shares first; what did not happen, or is shown with its feed, is no loss."""
    lost = con.execute(
        "select step, subject, rows_lost, rows_in, reason from quality.row_budget where rows_lost > 0 "
        "and step <> 'accepted' and not contains(reason, 'has not happened') "
        "order by rows_lost / rows_in desc, step, subject"
    ).fetchall()
    print("\nLost on the way")
    for step, subject, number, total, reason in lost[:LINES]:
        print(f"  {step}, {subject}: {number:,} of {total:,} ({reason})")
    if len(lost) > LINES:
        print(
            f"  … and {len(lost) - LINES} more steps that lost something  (quality.row_budget has them all)"
        )
    if not lost:
        print("  nothing")


def _report_truth(con: duckdb.DuckDBPyConnection) -> None:
    """How links and cases compare with the truth of a city that was made up."""
    rows = con.execute(
        """pivot (
            select subject, metric, value, max(records) over (partition by subject) as records
            from evaluation.metric where slice = 'all' and metric like 'bcubed_%'
        ) on metric in ('bcubed_precision', 'bcubed_recall', 'bcubed_f1') using any_value(value) order by subject"""
    ).fetchall()
    if not rows:
        return
    print(
        "\nAgainst the truth (this city is made up: it checks the machinery, and is no skill in a real one)"
    )
    for subject, records, precision, recall, f1 in rows:
        print(
            f"  {subject:<14} {records:>9,} records: B-cubed precision {precision:.3f}, recall {recall:.3f}, F1 {f1:.3f}"
        )
    for subject, correlation, units in con.execute(
        "select subject, value, records from evaluation.metric where metric = 'rank_correlation' order by subject"
    ).fetchall():
        name = subject.removeprefix("case:")
        print(
            f"  {name:<14} {units:>9,} units: rank correlation of the score with what drives it {correlation:.3f}"
        )


def _suggest(con: duckdb.DuckDBPyConnection, settings: Settings) -> None:
    """What to type next."""
    row = con.execute(
        "select address from risk.worklist where address is not null order by as_of desc, rank limit 1"
    ).fetchone()
    city = settings.city_option
    print("\nNext")
    if row:
        print(
            f'  .venv/bin/city-platform 360{city} "{row[0]}"   all that is known about the first address on the worklist'
        )
    print(f"  .venv/bin/city-platform ui{city}   the graph, the checks and the pictures (or: make ui)")
