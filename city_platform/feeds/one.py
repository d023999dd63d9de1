"""One: loads one feed now, in a Dagster run of its own or after a person's decision, and says what came of it.

Belongs here: what `city-platform feed load` and `feed accept` do. Does not belong here: options and exit codes' meaning to the shell
(cli.py), the run of everything (run.py).
"""

from __future__ import annotations

import getpass
import os
import warnings
from collections.abc import Callable, Sequence
from datetime import date

from city_platform.assets import PROGRESS
from city_platform.feeds.accept import AcceptError, decide_release, decide_rename, record
from city_platform.feeds.backfill import BackfillError, days_between
from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.feeds.deliveries import deliveries
from city_platform.feeds.freshness import today
from city_platform.feeds.isolate import FAILED
from city_platform.feeds.load import ARRIVED, FeedBuilt, load_feed
from city_platform.instance import fail_dead_runs, prepare_instance
from city_platform.rebuild import prepare
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse, hold_run_lock

HELD = 3


def load_one(
    settings: Settings,
    name: str,
    first_day: str | None,
    last_day: str | None,
    say: Callable[[str], None],
    debug: bool = False,
) -> int:
    """Returns the exit code: 0, 1 where it failed, 3 where the feed is held or missing.

    debug: load it outside Dagster, which would keep it, and let an error of our code go through whole.
    """
    feeds = load_feeds(settings.city_folder)
    feed = next((f for f in feeds if f.id == name), None)
    if feed is None:
        raise BackfillError(f"There is no feed {name}. There are: {', '.join(f.id for f in feeds)}.")
    days = days_between(feed, first_day, last_day, today(settings))
    settings.home.mkdir(parents=True, exist_ok=True)
    hold_run_lock(settings.home, settings.lock_wait_s, "", say)
    if days:
        say(f"{feed.id}: {len(days)} days, {days[0]} to {days[-1]}")
    if debug:
        return _load_openly(settings, feed, days, say)
    prepare_instance(settings)
    os.environ[PROGRESS] = "1"
    warnings.filterwarnings("ignore", message=".*beta.*")
    import dagster as dg

    from city_platform.feeds.component import materialise

    with dg.DagsterInstance.get() as instance:
        fail_dead_runs(instance)
        failures = materialise(
            feed, instance, str(days[0]) if days else None, str(days[-1]) if days else None
        )
    with Warehouse(settings) as warehouse:
        return _tell(warehouse, feed, failures, say)


def _load_openly(settings: Settings, feed: Feed, days: Sequence[date], say: Callable[[str], None]) -> int:
    with Warehouse(settings, say=say) as warehouse:
        prepare(warehouse)
        built = load_feed(warehouse, feed, days)
        say(f"{feed.id}: {built.status}. {built.message}".strip())
    return 0 if built.status in ("loaded", "unchanged") else HELD


def _tell(warehouse: Warehouse, feed: Feed, failures: Sequence[str], say: Callable[[str], None]) -> int:
    """What stands in the warehouse of the feed now, and the exit code that it means."""
    con = warehouse.con
    found = con.execute(
        "select message from quality.check_result where asset = ? and check_name = ? and not passed",
        [feed.asset, ARRIVED],
    ).fetchone()
    has_failed = con.execute(
        "select 1 from quality.issue where feed = ? and delivery_id is null and rule = ?", [feed.id, FAILED]
    ).fetchone()
    if found:
        say(str(found[0]))
    for failure in failures:
        say(f"FAILED {failure}")
    if has_failed or failures:
        return 1
    say("`city-platform run` brings what depends on it up to it.")
    return HELD if found else 0


def accept_and_load(
    settings: Settings, name: str, old: str, new: str, by: str | None, reason: str
) -> FeedBuilt:
    """Record one decision about a feed (a rename where old is given, else the release of what is held), and load it."""
    feeds = {f.id: f for f in load_feeds(settings.city_folder)}
    if name not in feeds:
        raise AcceptError(f"There is no feed {name}. There are: {', '.join(sorted(feeds))}.")
    feed, who = feeds[name], by or getpass.getuser()
    with Warehouse(settings) as warehouse:
        prepare(warehouse)
        if old:
            decision = decide_rename(feed, old, new, who, reason)
        else:
            newest = deliveries(warehouse.con, feed)[-1:]
            held = newest[0] if newest and newest[0].status == "held" else None
            decision = decide_release(feed, held, who, reason)
        record(settings, decision)
        return load_feed(warehouse, feed)
