"""Sensors: a run starts when a file for a feed has arrived.

Belongs here: which files are new, and what a run for them has to materialise. Does not belong here: which file is for
which feed (sources/inbox.py), and the nightly schedule (definitions.py).
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import dagster as dg

from city_platform.assets import asset_key
from city_platform.feeds.declaration import Feed
from city_platform.feeds.sources.files import matching
from city_platform.feeds.sources.inbox import SETTLED_S, waiting
from city_platform.feeds.sources.patterns import Pattern, is_pattern
from city_platform.settings import Settings

EVERY_S = 30


def file_sensor(
    feeds: Sequence[Feed],
    job: dg.JobDefinition | dg.UnresolvedAssetJobDefinition,
    clock: Callable[[], float] = time.time,
) -> dg.SensorDefinition:
    """Starts a run of the feeds for which files have arrived, and of everything that is built from them.

    Files that came together are one run, since one run writes at a time. A file starts one run however often it is
    seen: which ones have is kept in the sensor's cursor, by name, size and time of change.
    """

    @dg.sensor(
        name="files_arrive",
        job=job,
        minimum_interval_seconds=EVERY_S,
        default_status=dg.DefaultSensorStatus.STOPPED,
        description="Starts a run when a file for a feed arrives in the inbox, or where the feed's file is declared to be.",
    )
    def files_arrive(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
        settings = Settings.from_environment()
        if settings.mirror is not None:
            return dg.SkipReason(f"Feeds are read from {settings.mirror}, so no file is waited for.")
        there = {feed.id: marks(paths) for feed, paths in arrived(settings, feeds, clock())}
        started = set(json.loads(context.cursor or "[]"))
        new = {feed: fresh for feed, seen in there.items() if (fresh := sorted(seen - started))}
        # Of a file that has left nothing needs to be known any more.
        cursor = json.dumps(sorted(set().union(*there.values())))
        if not new:
            return dg.SensorResult(skip_reason="No new file for any feed.", cursor=cursor)
        raw = [asset_key(f.raw()) for f in feeds if f.id in new]
        graph = context.repository_def.asset_graph if context.repository_def else None
        if graph is None:
            raise ValueError("the sensor needs its code location: build its context with repository_def")
        keys = dg.AssetSelection.assets(*raw).downstream().resolve(graph)
        digest = hashlib.sha256(json.dumps(new, sort_keys=True).encode()).hexdigest()[:16]
        request = dg.RunRequest(
            run_key=digest,
            asset_selection=sorted(keys),
            tags={"city_platform/feeds": ",".join(sorted(new))[:250]},
        )
        return dg.SensorResult(run_requests=[request], cursor=cursor)

    return files_arrive


def arrived(settings: Settings, feeds: Sequence[Feed], now: float) -> list[tuple[Feed, list[Path]]]:
    """The files that are there for each feed and whole, in the inbox or where its declaration says."""
    in_inbox = waiting(settings, feeds, now)
    found = []
    for feed in feeds:
        paths = [*in_inbox.get(feed.id, []), *_declared(feed, now)]
        if paths:
            found.append((feed, sorted(set(paths))))
    return found


def marks(paths: Sequence[Path]) -> set[str]:
    """What tells each file, as it is now, from every other; a name may be personal, so it is hashed."""
    found = set()
    for path in paths:
        try:
            told = path.stat()
        except OSError:  # it has left
            continue
        text = f"{path}|{told.st_size}|{told.st_mtime_ns}"
        found.add(hashlib.sha256(text.encode()).hexdigest()[:16])
    return found


def _declared(feed: Feed, now: float) -> list[Path]:
    """The files at a feed's absolute path that nobody has written to for some seconds."""
    file = feed.source.file
    if feed.source.kind != "file" or not file or not file.startswith("/"):
        return []
    root = Path("/")
    paths = [root / p for p in matching(root, Pattern(file))] if is_pattern(feed, file) else [Path(file)]
    return [p for p in paths if p.is_file() and now - _changed(p) >= SETTLED_S]


def _changed(path: Path) -> float:
    told = path.stat()
    return max(told.st_mtime, told.st_ctime)
