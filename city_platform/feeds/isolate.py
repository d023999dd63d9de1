"""Isolate: an error in our code while one feed is loaded stops that feed, and nobody else.

Belongs here: what is kept and said of such an error, without values that may be personal. Does not belong here: bad
data, which never raises (load.py), and Dagster (component.py).
"""

from __future__ import annotations

import re
import time
import traceback
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

from city_platform.feeds import landing
from city_platform.feeds.declaration import Feed
from city_platform.feeds.deliveries import record_problems
from city_platform.feeds.load import ARRIVED, FeedBuilt, load_feed, refresh_history, standing_checks
from city_platform.feeds.problems import Problem
from city_platform.rebuild import (
    PACKAGE,
    CheckResult,
    count_rows,
    fingerprint,
    record_build,
    record_checks,
    recorded_fingerprint,
)
from city_platform.warehouse import Warehouse

FAILED = "failed"  # the rule of quality.issue, and the status
FRAMES = 8  # the innermost ones, which tell where


def load_alone(
    warehouse: Warehouse, feed: Feed, days: Sequence[date] = (), log: Callable[[str], None] = print
) -> FeedBuilt:
    """load_feed; what it raises is recorded and logged, and the feed's last good table stands.

    Only where that cannot be recorded either, such as on a full disk, the error goes on.
    """
    started = time.monotonic()
    try:
        built = load_feed(warehouse, feed, days)
    except Exception as error:
        log(f"Feed {feed.id} failed.\n{where(error)}\n{what(error)}\n{how_to_see_more(feed)}")
        return _record(warehouse, feed, error, started)
    _forget(warehouse, feed)
    return built


def what(error: Exception) -> str:
    """The error's type and the start of its first line: later words may be values, so they are left out."""
    kind = type(error)
    if kind.__module__.startswith("city_platform"):  # our own sentences hold none
        return f"{kind.__name__}: {error}"
    line = (str(error).splitlines() or [""])[0]
    line = re.sub(r"^[A-Z]\w*( \w+)? Error: ", "", line)  # DuckDB puts its kind first
    told = re.split(r"[^A-Za-z ,.\-]", line)[0].strip(" ,.-")
    return f"{kind.__name__}: {told} …" if told else kind.__name__


def where(error: Exception) -> str:
    """The places that it went through, innermost last: files and lines, no values."""
    frames = traceback.extract_tb(error.__traceback__)[-FRAMES:]
    return "\n".join(f"  {_short(f.filename)}, line {f.lineno}, in {f.name}" for f in frames)


def how_to_see_more(feed: Feed) -> str:
    return (
        f"Values are left out: they may be personal. `city-platform feed load {feed.id} --debug` loads the feed again "
        "and shows the whole error on the terminal, where nothing keeps it."
    )


def _record(warehouse: Warehouse, feed: Feed, error: Exception, started: float) -> FeedBuilt:
    con = warehouse.con
    message = (
        f"Feed {feed.id}: loading it failed in our code ({what(error)}). The last good table stands. "
        f"`city-platform feed load {feed.id} --debug` shows the whole error."
    )
    with warehouse.transaction():
        for table in (feed.staging(), feed.past()):
            warehouse.ensure_table(table)
        refresh_history(con, feed)
        landing.refresh_raw(con, feed, warehouse.settings)
        _forget(warehouse, feed)
        problem = Problem(FAILED, f"loading it failed in our code ({what(error)}).", responsible="us")
        record_problems(con, feed, None, feed.source.file_name, [problem])
        arrived = CheckResult(feed.staging().label, ARRIVED, False, message)
        results = [*standing_checks(con, feed), arrived]
        record_checks(con, feed.asset, results)
        value = recorded_fingerprint(con, feed.asset)
        if value is None:  # never loaded: what reads it goes on with none of its rows
            value = fingerprint(feed.asset, FAILED)
            record_build(warehouse, feed.asset, value, time.monotonic() - started)
    return FeedBuilt(
        feed.asset,
        False,
        value,
        time.monotonic() - started,
        count_rows(con, (feed.staging(), feed.history())),
        results,
        status=FAILED,
        message=message,
    )


def _forget(warehouse: Warehouse, feed: Feed) -> None:
    warehouse.con.execute(
        "delete from quality.issue where feed = ? and delivery_id is null and rule = ?", [feed.id, FAILED]
    )


def _short(path: str) -> str:
    """A file's place in its package, without where that is installed."""
    if path.startswith(str(PACKAGE)):
        return str(Path(path).relative_to(PACKAGE.parent))
    return path.split("site-packages/")[-1] if "site-packages/" in path else Path(path).name
