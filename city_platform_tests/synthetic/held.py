"""What every agency holds of a small borough: one table a feed, for the tests that look at the feeds' records."""

from __future__ import annotations

from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.settings import CITIES
from city_platform.synthetic.borough import TODAY, Size, make_borough
from city_platform.synthetic.deliveries import Sender, Sent, Target, read_calendar, read_dirt

Con = duckdb.DuckDBPyConnection
FEEDS = {f.id: f for f in load_feeds(CITIES / "eastmere")}
SENT = {f.id: s for f, s in read_calendar(list(FEEDS.values()))}
SEEDS = (1, 2, 3)
ADDRESSES = 6_000  # enough that most planted cases are there a few times


def calendar() -> list[tuple[Feed, Sent]]:
    """As the deliveries go: agency by agency."""
    return read_calendar(list(FEEDS.values()))


def sender(con: Con, folder: Path = Path("never written")) -> Sender:
    return Sender(
        con, calendar(), Target(folder / "inbox", folder / "days", folder / "truth", {}, {"nfi": "x"})
    )


def hold(con: Con, number: int, suffix: str = "") -> None:
    """Each feed's `sending` of a day, so many after the first, as temp table <agency>__<feed><suffix>."""
    at_work = sender(con)
    for feed in FEEDS.values():
        at_work.hold(feed, TODAY + timedelta(days=number))
        con.execute(f"create or replace temp table {feed.table_name}{suffix} as select * from sending")


@cache
def held(seed: int) -> Con:
    """The borough of a seed and what is held of it on the first day; tests must not change its tables."""
    con = duckdb.connect()
    make_borough(con, Size(ADDRESSES, seed))
    read_dirt(con)
    hold(con, 0)
    return con


def rows(con: Con, sql: str) -> list[tuple[Any, ...]]:
    return con.execute(sql).fetchall()


def one(con: Con, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    assert row
    return row
