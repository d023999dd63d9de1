"""Synthesise: makes Eastmere and writes what its agencies send, from nothing, in one go.

Belongs here: the whole of it in order, where it goes, and its progress. Does not belong here: the borough (borough.py),
the records (deliveries.py), what officers answer to a worklist (outcomes.py).
"""

from __future__ import annotations

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from city_platform.feeds.declaration import load_feeds
from city_platform.settings import CITIES
from city_platform.synthetic.borough import Size, make_borough
from city_platform.synthetic.deliveries import Sender, Target, arrivals, read_calendar, read_dirt
from city_platform.synthetic.truth import write_truth
from city_platform.tables import quote_text

CITY = CITIES / "eastmere"
SECRET = "nfi"
MADE = "made.txt"


@dataclass(frozen=True)
class Made:
    """What was made."""

    records: int
    feeds: int
    seconds: float


def synthesise(
    home: Path,
    size: Size,
    databases: dict[str, str] | None = None,
    say: Callable[[str], None] = lambda _: None,
    memory_limit: str = "6GB",
    threads: int | None = None,
) -> Made:
    """Make the borough and write it under home: inbox/ (the first day), days/ (later ones), truth/ and secrets/.

    What an earlier call left in these folders is replaced. databases: an address for a database that is not to be a
    SQLite file in the inbox.
    """
    import duckdb

    started = time.monotonic()
    feeds = load_feeds(CITY)
    calendar = read_calendar(feeds)
    working = home / ".making"
    for folder in (working, home / "inbox", home / "days", home / "truth"):
        shutil.rmtree(folder, ignore_errors=True)
    working.mkdir(parents=True)
    # The password of the fraud exercise's archives: made up like all else, and kept where secrets are looked for.
    password = hashlib.sha256(f"eastmere {size.seed}".encode()).hexdigest()[:16]
    secret = home / "secrets" / SECRET
    secret.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret.write_text(password)
    secret.chmod(0o600)
    target = Target(home / "inbox", home / "days", home / "truth", databases or {}, {SECRET: password})
    with duckdb.connect(str(working / "borough.duckdb")) as con:
        con.execute(f"set memory_limit = {quote_text(memory_limit)}")
        con.execute(f"set temp_directory = {quote_text(str(working / 'spill'))}")
        if threads:
            con.execute(f"set threads = {threads}")
        make_borough(con, size, say)
        read_dirt(con)
        sender = Sender(con, calendar, target)
        for feed, sent, number, arrives in arrivals(con, calendar, size.days):
            records = sender.send(feed, sent, number, arrives)
            if number == 0:
                say(f"{feed.id}: {records:,} records")
        write_truth(con, target.truth)
    shutil.rmtree(working)
    seconds = time.monotonic() - started
    (home / "inbox" / f".{MADE}").write_text(f"{size}\n")
    return Made(sender.records, len(calendar), seconds)
