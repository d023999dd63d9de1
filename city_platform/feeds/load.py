"""Load: one feed's way from its source to staging, whatever arrives.

Belongs here: which deliveries are loaded, held or repeats, and in which transaction that is written. Does not belong
here: reading bytes (fetch.py, records.py, landing.py), judging records (judge.py), Dagster (component.py).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds import landing
from city_platform.feeds.accept import copy_decisions, is_released, read_decisions, renames
from city_platform.feeds.declaration import Feed
from city_platform.feeds.deliveries import (
    Delivery,
    deliveries,
    known,
    record_delivery,
    record_problems,
    sentence,
    update_delivery,
)
from city_platform.feeds.drift import unlike
from city_platform.feeds.merge import Merge
from city_platform.feeds.problems import NotReceivedError, Problem, UnreadableError
from city_platform.feeds.sources import Fetched, fetch
from city_platform.rebuild import (
    Budget,
    Built,
    CheckResult,
    code_version,
    count,
    count_rows,
    fingerprint,
    record_budget,
    record_build,
    record_checks,
    recorded_checks,
    recorded_fingerprint,
    run_checks,
)
from city_platform.settings import Settings
from city_platform.tables import Check, quote_text
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

ARRIVED = "newest_delivery_is_loaded"
_NO_FATES: dict[str, None] = dict.fromkeys(
    f"rows_{fate}" for fate in "read new changed unchanged repeated quarantined removed".split()
)


@dataclass
class FeedBuilt(Built):
    """What became of a feed in one run."""

    status: str = "unchanged"  # loaded, unchanged, held or missing
    message: str = ""
    counts: dict[str, int] = field(default_factory=dict)  # of the newest loaded delivery, by fate


class _HeldError(Exception):
    def __init__(self, problems: Sequence[Problem], is_written: bool = False) -> None:
        super().__init__(problems[0].message)
        self.problems = problems
        self.is_written = is_written  # staging was written before this was found


def load_feed(warehouse: Warehouse, feed: Feed, days: Sequence[date] = ()) -> FeedBuilt:
    """Take what the feed's source holds now, and bring staging up to it. Bad data never raises.

    days: of a source by day, those that are wanted; those that are due where none are named.
    """
    started = time.monotonic()
    con, settings = warehouse.con, warehouse.settings
    declaration = fingerprint(
        feed.model_dump(mode="json"), code_version("feeds/**/*.py", "feeds/*.sql"), warehouse.settings.home
    )
    before = deliveries(con, feed)
    landing.forget_unrecorded(settings, feed, [d.delivery_id for d in before])
    is_declared_anew = recorded_declaration(con, feed) != declaration
    with warehouse.transaction():
        for table in (feed.staging(), feed.past()):
            warehouse.ensure_table(table)
        refresh_history(con, feed)
        landing.refresh_raw(con, feed, settings)
        copy_decisions(con, settings)

    rebuilt = is_declared_anew
    refusal = ""
    if is_declared_anew:
        refusal = _replay(warehouse, feed, declaration)
    judged_by = _judged_by(settings, feed, declaration)
    for pending in _pending(deliveries(con, feed), judged_by):
        rebuilt = _load(warehouse, feed, pending, judged_by) or rebuilt

    missing = ""
    incoming = landing.folder(settings, feed) / ".incoming"
    try:
        for fetched in fetch(feed, settings, incoming, known(deliveries(con, feed), days)):
            is_loaded = _take(warehouse, feed, fetched, judged_by)
            rebuilt = rebuilt or is_loaded
            if is_loaded and refusal:  # what arrived suits the new declaration: let it stand alone
                refusal = _replay(warehouse, feed, declaration)
    except NotReceivedError as error:
        missing = str(error)
        _record_missing(warehouse, feed, missing)
    else:
        con.execute(
            "delete from quality.issue where feed = ? and delivery_id is null and rule = 'not_received'",
            [feed.id],
        )
    with suppress(OSError):  # what was cut is kept there and resumed
        incoming.rmdir()
    return _finish(warehouse, feed, declaration, missing, refusal, rebuilt, started)


def _judged_by(settings: Settings, feed: Feed, declaration: str) -> str:
    """What was held is held until the feed is declared anew, or a person has decided something about it."""
    return fingerprint(declaration, [asdict(d) for d in read_decisions(settings, feed)])


def _pending(before: Sequence[Delivery], judged_by: str) -> list[Delivery]:
    """Deliveries that are to be loaded now: a run was killed before it could, or a person has decided since."""
    newest = before[-1] if before else None
    return [
        d
        for d in before
        if d.status == "landed" or (d is newest and d.status == "held" and d.declaration != judged_by)
    ]


def refresh_history(con: duckdb.DuckDBPyConnection, feed: Feed) -> None:
    """Make the view of all versions: those of the past, and those that stand."""
    columns = ", ".join(f'"{c}"' for c in ("_delivery_id", "_line", "_row_hash", *feed.columns))
    con.execute(
        f"""create or replace view {feed.history().full_name} as
        select record_key, changed_at as valid_from, null::timestamp as valid_to, {columns} from {feed.staging().full_name}
        union all
        select record_key, valid_from, valid_to, {columns} from {feed.past().full_name}"""
    )
    is_lake = count(
        con,
        "select count(*) from duckdb_databases() where database_name = current_database() and type = 'ducklake'",
    )
    about, *columns_mean = feed.history().comments()
    for comment in (about.replace("on table", "on view", 1), *(() if is_lake else columns_mean)):
        con.execute(comment)  # DuckLake knows no comments on a view's columns


def recorded_declaration(con: duckdb.DuckDBPyConnection, feed: Feed) -> str | None:
    """The declaration that staging was last made by."""
    return recorded_fingerprint(con, f"{feed.asset}#declaration")


def feeds_missing(con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed]) -> list[str]:
    """The feeds whose newest delivery is missing or held, so that what stands is older, or empty."""
    rows = con.execute(
        "select asset from quality.check_result where check_name = ? and not passed", [ARRIVED]
    ).fetchall()
    red = {str(r[0]) for r in rows}
    return sorted(f.id for f in feeds if f.asset in red)


def _take(warehouse: Warehouse, feed: Feed, fetched: Fetched, judged_by: str) -> bool:
    """Record what was fetched, and load it unless it is what we have; returns whether anything was loaded."""
    con = warehouse.con
    before = deliveries(con, feed)
    loaded = [d for d in before if d.status == "loaded"]
    newest = before[-1] if before else None
    if loaded and loaded[-1].sha256 == fetched.sha256:
        with warehouse.transaction():
            record_delivery(con, feed, fetched, before, "repeat")
        fetched.path.unlink()
        return False
    if (
        newest
        and newest.status == "held"
        and newest.sha256 == fetched.sha256
        and newest.declaration == judged_by
    ):
        fetched.path.unlink()  # the same bytes, judged the same way: still held
        return False
    with warehouse.transaction():
        delivery = record_delivery(con, feed, fetched, before, "landed")
        kept = landing.sent_path(warehouse.settings, feed, delivery.delivery_id, delivery.file_name)
        landing.keep_bytes(fetched.path, kept)
    return _load(warehouse, feed, delivery, judged_by)


def _load(warehouse: Warehouse, feed: Feed, delivery: Delivery, judged_by: str) -> bool:
    """Bring one recorded delivery into staging, or hold it; returns whether it was loaded."""
    try:
        with warehouse.transaction():
            _apply(warehouse, feed, delivery, judged_by)
    except (_HeldError, UnreadableError) as error:
        with warehouse.transaction():
            _hold(warehouse, feed, delivery, judged_by, error)
        return False
    return True


def _hold(
    warehouse: Warehouse,
    feed: Feed,
    delivery: Delivery,
    judged_by: str,
    error: _HeldError | UnreadableError,
) -> None:
    """Record a delivery as held, with what is wrong with it."""
    con = warehouse.con
    problems = [error.problem] if isinstance(error, UnreadableError) else list(error.problems)
    con.execute("delete from quality.issue where delivery_id = ?", [delivery.delivery_id])
    record_problems(con, feed, delivery.delivery_id, delivery.file_name, problems)
    if isinstance(error, _HeldError):  # the lines that made it be held
        found = _found_issues(warehouse, feed)
        con.execute(f"insert into quality.issue by name from read_parquet({quote_text(str(found))})")
        found.unlink()
    message = sentence(feed, delivery.file_name, problems[0])
    update_delivery(con, delivery, **_NO_FATES, status="held", declaration=judged_by, message=message)
    landing.refresh_raw(con, feed, warehouse.settings)


def _replay(warehouse: Warehouse, feed: Feed, declaration: str) -> str:
    """Make staging anew from the kept bytes: the declaration, or the code that judges them, has changed.

    What was held is judged anew too. Returns what went wrong where something had been loaded and nothing can be any
    more; the last good tables stay then.
    """
    con = warehouse.con
    kept = [d for d in deliveries(con, feed) if d.status in ("loaded", "held")]
    was_loaded = any(d.status == "loaded" for d in kept)
    try:
        with warehouse.transaction():
            for table in (feed.staging(), feed.past()):
                con.execute(f"delete from {table.full_name}")
            for delivery in kept:
                update_delivery(con, delivery, status="landed")
            judged_by = _judged_by(warehouse.settings, feed, declaration)
            refused: list[_HeldError | UnreadableError] = []
            for delivery in kept:
                try:
                    _apply(warehouse, feed, delivery, judged_by)
                except (_HeldError, UnreadableError) as error:
                    if isinstance(error, _HeldError) and error.is_written:
                        raise
                    refused.append(error)
                    _hold(warehouse, feed, delivery, judged_by, error)
            if was_loaded and len(refused) == len(kept):
                raise refused[-1]
            record_build(warehouse, f"{feed.asset}#declaration", declaration, 0.0)
    except (_HeldError, UnreadableError) as error:
        return f"Feed {feed.id}: as it is declared now, nothing that was loaded can be loaded: {error}"
    return ""


def _found_issues(warehouse: Warehouse, feed: Feed) -> Path:
    """Where the issues of a delivery that is to be held are kept: the temporary table goes with the transaction."""
    return landing.folder(warehouse.settings, feed) / ".issues.parquet"


def _apply(warehouse: Warehouse, feed: Feed, delivery: Delivery, judged_by: str) -> None:
    """Land, judge and merge one delivery; raises _HeldError or UnreadableError where it must not be loaded."""
    try:
        _land_and_merge(warehouse, feed, delivery, judged_by)
    except _HeldError:
        found = quote_text(str(_found_issues(warehouse, feed)))
        warehouse.con.execute(f"copy found_issue to {found} (format parquet)")
        raise


def _land_and_merge(warehouse: Warehouse, feed: Feed, delivery: Delivery, judged_by: str) -> None:
    started = time.monotonic()
    con, settings = warehouse.con, warehouse.settings
    decisions = read_decisions(settings, feed)
    sent = landing.sent_path(settings, feed, delivery.delivery_id, delivery.file_name)
    landed = landing.land(con, feed, settings, delivery.delivery_id, sent, renames(decisions))
    merge = Merge(con, feed, settings, delivery, landed)
    merged = merge.prepare()
    earlier = [d for d in deliveries(con, feed) if d.status == "loaded" and d.sequence < delivery.sequence]
    problems = unlike(con, feed, delivery, earlier, merged, merge.result())
    released = is_released(decisions, delivery)
    if problems and not released:
        merge.undo()  # others are judged in the same transaction where all are loaded anew
        raise _HeldError(problems)
    merge.write()

    con.execute("delete from quality.issue where delivery_id = ?", [delivery.delivery_id])
    accepted_as = [replace(p, severity="warning", message=f"{p.message} (released)") for p in problems]
    noted = [*landed.problems, *merged.notes, *accepted_as]
    record_problems(con, feed, delivery.delivery_id, delivery.file_name, noted)
    con.execute("insert into quality.issue by name from found_issue")
    accepted = merged.good - merged.repeated
    reason = "exact repeats, and rows set aside, each with its issue"
    record_budget(con, [Budget("accepted", feed.id, merged.read, accepted, reason)])
    update_delivery(
        con,
        delivery,
        status="loaded",
        rows_read=merged.read,
        rows_new=merged.new,
        rows_changed=merged.changed,
        rows_unchanged=merged.unchanged,
        rows_repeated=merged.repeated,
        rows_quarantined=merged.quarantined,
        rows_removed=merged.removed,
        accepted="release" if problems and released else None,
        declaration=judged_by,
        message=None,
        seconds=round(time.monotonic() - started, 3),
    )
    landing.refresh_raw(con, feed, settings)
    results = feed_checks(con, feed)
    failed = [r for r in results if not r.passed]
    if failed:
        raise _HeldError(
            [Problem(r.check, f"table {r.table}: {r.message}.", responsible="us") for r in failed],
            is_written=True,
        )
    record_checks(con, feed.asset, results)


def feed_checks(con: duckdb.DuckDBPyConnection, feed: Feed) -> list[CheckResult]:
    """The checks of a feed's tables, law 1 among them: every row of the newest loaded delivery is accounted for."""
    staging, past = feed.staging(), feed.past()
    newest = (
        f"(select * from provenance.delivery where feed = '{feed.id}' and status = 'loaded' "
        "order by sequence desc limit 1)"
    )
    landed = (
        # A line of a reshaped feed may be several records, or none: they are counted where they are made (merge.py).
        ""
        if feed.is_reshaped
        else f"+ coalesce((select abs(d.rows_read - (select count(*) from {feed.raw().full_name} r "
        f"where r._delivery_id = d.delivery_id) - (select count(*) from {feed.rejected().full_name} r "
        f"where r._delivery_id = d.delivery_id)) from {newest} d), 0) "
    )
    accounted = (
        f"select coalesce((select abs(rows_read - rows_new - rows_changed - rows_unchanged - rows_repeated "
        f"- rows_quarantined) from {newest}), 0) {landed}"
        f"+ coalesce((select abs(sum(rows_new) - sum(rows_removed) - (select count(*) from {staging.full_name})) "
        f"from provenance.delivery where feed = '{feed.id}' and status = 'loaded'), 0)"
    )
    check = Check("every_row_is_accounted_for", accounted, "rows are not accounted for")
    results = run_checks(con, (staging, past), [(staging.label, check)])
    # The history is those two: its key can only be broken where the past's is.
    history = feed.history().label
    return [replace(r, table=history) if r.table == past.label else r for r in results]


def standing_checks(con: duckdb.DuckDBPyConnection, feed: Feed) -> list[CheckResult]:
    """The feed_checks as they were recorded with what stands; run now where they never were."""
    recorded = [r for r in recorded_checks(con, feed.asset) if r.check != ARRIVED]
    return recorded or feed_checks(con, feed)


def _record_missing(warehouse: Warehouse, feed: Feed, message: str) -> None:
    con = warehouse.con
    with warehouse.transaction():
        con.execute(
            "delete from quality.issue where feed = ? and delivery_id is null and rule = 'not_received'",
            [feed.id],
        )
        record_problems(
            con, feed, None, feed.source.file_name, [Problem("not_received", f"nothing arrived: {message}")]
        )


def _finish(
    warehouse: Warehouse,
    feed: Feed,
    declaration: str,
    missing: str,
    refusal: str,
    rebuilt: bool,
    started: float,
) -> FeedBuilt:
    """Record how things stand with the feed, and say it."""
    con = warehouse.con
    known = [d for d in deliveries(con, feed)]
    loaded = [d for d in known if d.status == "loaded"]
    newest = known[-1] if known else None
    message = ""
    status = "loaded" if rebuilt else "unchanged"
    if missing:
        status, message = (
            "missing",
            sentence(feed, feed.source.file_name, Problem("", f"nothing arrived: {missing}")),
        )
    elif refusal:
        status, message = "held", refusal
    elif newest and newest.status == "held":
        status, message = "held", newest.message or ""
    value = fingerprint(feed.asset, declaration, loaded[-1].delivery_id if loaded else None)
    arrived = CheckResult(feed.staging().label, ARRIVED, status in ("loaded", "unchanged"), message)
    stale = rebuilt or recorded_fingerprint(con, feed.asset) != value
    if stale or arrived not in recorded_checks(con, feed.asset):
        with warehouse.transaction():
            # Where a delivery was refused, what stands may be why: it is looked at again.
            standing = feed_checks(con, feed) if status == "held" else standing_checks(con, feed)
            results = [*standing, arrived]
            record_checks(con, feed.asset, results)
            if stale:
                record_build(warehouse, feed.asset, value, time.monotonic() - started)
    results = recorded_checks(con, feed.asset)
    counts: dict[str, int] = {}
    if loaded:
        row = con.execute(
            "select rows_read, rows_new, rows_changed, rows_unchanged, rows_repeated, rows_quarantined, rows_removed "
            "from provenance.delivery where delivery_id = ?",
            [loaded[-1].delivery_id],
        ).fetchone()
        names = ("read", "new", "changed", "unchanged", "repeated", "quarantined", "removed")
        counts = dict(zip(names, row or (), strict=False))
    return FeedBuilt(
        feed.asset,
        rebuilt,
        value,
        time.monotonic() - started,
        count_rows(con, (feed.staging(), feed.history())),
        results,
        status=status,
        message=message,
        counts=counts,
    )
