"""Synthesise: makes Eastmere and writes what its agencies send, from nothing, in one go.

Belongs here: the whole of it in order, where it goes, and letting later days arrive. Does not belong here: the borough
(borough.py), the records (deliveries.py), what officers answer to a worklist (outcomes.py).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.settings import CITIES, Settings
from city_platform.synthetic.borough import Size, make_borough
from city_platform.synthetic.deliveries import Sender, Target, arrivals, read_calendar, read_dirt
from city_platform.synthetic.outcomes import FEED, add_played
from city_platform.synthetic.truth import write_truth
from city_platform.tables import quote_text

CITY = CITIES / "eastmere"
SECRET = "nfi"
MADE = "MADE"  # stands in the home once everything is written


@dataclass(frozen=True)
class Made:
    """What was made."""

    records: int
    feeds: int
    seconds: float


def is_made(home: Path) -> bool:
    return (home / MADE).is_file()


def synthesise(
    settings: Settings,
    size: Size,
    say: Callable[[str], None] = lambda _: None,
    memory_limit: str = "8GB",
) -> Made:
    """Make the borough and write it under the home: inbox/ (the first day), days/ (later ones), truth/ and secrets/.

    What an earlier call left in these folders is replaced. An agency's database is a SQLite file in the inbox, or the
    one that the settings give an address for.
    """
    import duckdb

    started = time.monotonic()
    home = settings.home
    feeds = load_feeds(CITY)
    calendar = read_calendar(feeds)
    working = home / ".making"
    (home / MADE).unlink(missing_ok=True)
    for folder in (working, home / "inbox", home / "days", home / "truth"):
        shutil.rmtree(folder, ignore_errors=True)
    working.mkdir(parents=True)
    # The password of the fraud exercise's archives: made up like all else, and kept where secrets are looked for.
    password = hashlib.sha256(f"eastmere {size.seed}".encode()).hexdigest()[:16]
    secret = home / "secrets" / SECRET
    secret.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret.write_text(password)
    secret.chmod(0o600)
    target = Target(
        home / "inbox", home / "days", home / "truth", _databases(settings, feeds), {SECRET: password}
    )
    with duckdb.connect(str(working / "borough.duckdb")) as con:
        con.execute(f"set memory_limit = {quote_text(memory_limit)}")
        con.execute(f"set temp_directory = {quote_text(str(working / 'spill'))}")
        con.execute(f"set threads = {settings.threads}")
        make_borough(con, size, say)
        read_dirt(con)
        sender = Sender(con, calendar, target)
        for feed, sent, number, arrives in arrivals(con, calendar, size.days):
            records = sender.send(feed, sent, number, arrives)
            if number == 0:
                say(f"{feed.id}: {records:,} records")
        write_truth(con, target.truth)
    shutil.rmtree(working)
    (home / MADE).write_text(f"addresses {size.addresses}, seed {size.seed}, days {size.days}\n")
    return Made(sender.records, len(calendar), time.monotonic() - started)


def days_to_come(home: Path, until: date) -> list[date]:
    """The days up to a date whose deliveries have not arrived yet, in order."""
    days = (date.fromisoformat(path.name) for path in (home / "days").glob("????-??-??"))
    return sorted(day for day in days if day <= until)


def let_arrive(home: Path, day: date) -> int:
    """Put a day's deliveries into the inbox, over those they replace; returns the files."""
    folder = home / "days" / str(day)
    files = sorted(folder.iterdir())
    for path in files:
        os.replace(path, home / "inbox" / path.name)
    folder.rmdir()
    add_played(home, next(f for f in load_feeds(CITY) if f.id == FEED))
    return len(files)


def _databases(settings: Settings, feeds: Sequence[Feed]) -> dict[str, str]:
    names = {f.source.database for f in feeds if f.source.database}
    given = {name: settings.database_url(name) for name in names}
    return {name: url for name, url in given.items() if url}
