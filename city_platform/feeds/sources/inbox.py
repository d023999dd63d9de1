"""Inbox: the watched folder that a mail rule, SharePoint or an SFTP server drops files into.

Belongs here: which feed a file there is for, and setting aside what is for none. Does not belong here: reading the
files (files.py, databases.py), starting runs (Dagster's sensor).
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from city_platform.feeds.declaration import Feed
from city_platform.feeds.sources.patterns import Pattern, is_pattern, is_unfinished
from city_platform.settings import Settings

UNCLAIMED = "unclaimed"
SETTLED_S = 5.0  # a file that changed since may still be written
_BESIDE_SQLITE = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class Unclaimed:
    """A file that no feed is declared to take."""

    name: str  # in the inbox, as it came
    path: Path  # where it is now
    message: str


def route(settings: Settings, feeds: Iterable[Feed], now: float | None = None) -> list[Unclaimed]:
    """Set aside what no feed is declared to take, overwriting nothing; what any feed takes stays where it is."""
    feeds = list(feeds)
    found = []
    for path, name in _settled(settings, now):
        if not any(_takes(feed, settings, name) for feed in feeds):
            found.append(_set_aside(settings, feeds, path, name))
    return found


def waiting(settings: Settings, feeds: Iterable[Feed], now: float | None = None) -> dict[str, list[Path]]:
    """The files in the inbox that each feed takes, by the feed's id; feeds without one are left out."""
    found: dict[str, list[Path]] = {}
    feeds = list(feeds)
    for path, name in _settled(settings, now):
        for feed in feeds:
            if _takes(feed, settings, name):
                found.setdefault(feed.id, []).append(path)
    return found


def fits(feed: Feed, name: str) -> bool:
    """Whether a file of this name in the inbox is for the feed."""
    source = feed.source
    if source.database:
        return name in {f"{source.database}.sqlite{tail}" for tail in _BESIDE_SQLITE}
    if source.kind != "file" or source.file is None or is_unfinished(name.rpartition("/")[2]):
        return False
    return Pattern(source.file).fits(name) if is_pattern(feed, source.file) else name == source.file


def _takes(feed: Feed, settings: Settings, name: str) -> bool:
    return fits(feed, name) or fits(feed, str(settings.inbox / name))  # declared by its absolute path


def _settled(settings: Settings, now: float | None) -> Iterator[tuple[Path, str]]:
    """Files that are whole, with their names in the inbox. With a mirror, nothing is read from the inbox."""
    now = time.time() if now is None else now
    if settings.mirror is not None:
        return
    for folder, folders, names in os.walk(settings.inbox):
        is_top = Path(folder) == settings.inbox
        folders[:] = sorted(f for f in folders if not f.startswith(".") and not (is_top and f == UNCLAIMED))
        for name in sorted(names):
            path = Path(folder, name)
            try:
                told = path.stat()
            except OSError:  # it has left, or it is a link to nowhere
                continue
            if not is_unfinished(name) and now - max(told.st_mtime, told.st_ctime) >= SETTLED_S:
                yield path, str(path.relative_to(settings.inbox))


def _set_aside(settings: Settings, feeds: list[Feed], path: Path, name: str) -> Unclaimed:
    target = settings.inbox / UNCLAIMED / name
    n = 1
    while target.exists():
        n += 1
        target = target.with_name(f"{path.stem}.{n}{path.suffix}")
    hint = next(
        (
            f" It differs from what {feed.id} takes ({feed.source.file}) in capitals only."
            for feed in feeds
            if feed.source.kind == "file" and _fits_but_for_capitals(feed, name)
        ),
        "",
    )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except OSError as error:
        why = f"it could not be set aside ({error.strerror}) and stays there"
        return Unclaimed(name, path, f"No feed takes the file {name} of the inbox; {why}.{hint}")
    return Unclaimed(
        name,
        target,
        f"No feed takes the file {name} of the inbox; it was moved to {UNCLAIMED}/{target.relative_to(settings.inbox / UNCLAIMED)} "
        f"there.{hint} Where it is for a feed, mend its name, or the feed's pattern (source.file in its defs.yaml), and put it back.",
    )


def _fits_but_for_capitals(feed: Feed, name: str) -> bool:
    file = str(feed.source.file)
    text, lowered = name.lower(), file.lower()
    if not is_pattern(feed, file):
        return text == lowered
    return "{day:" not in file and Pattern(lowered).fits(text)
