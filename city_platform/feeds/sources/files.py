"""Files: a feed's bytes from folders that this machine sees: the mirror, the inbox, or an absolute path.

Belongs here: which files are meant, and copying them whole. Does not belong here: names that fit no feed (inbox.py),
other machines (remote.py), understanding the bytes (feeds/formats/).
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.locked import check_password
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import CHUNK, Fetched, Known, pour
from city_platform.feeds.sources.patterns import Pattern, fixed_folder, is_pattern, is_unfinished, named_days
from city_platform.settings import Settings


def local(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The feed's file, or those of its pattern that are not taken yet, oldest first.

    Raises NotReceivedError where there is none. It stops at a file that cannot be taken now, so that none is taken
    before an older one.
    """
    place = settings.mirror or settings.inbox
    name = feed.source.file_name if settings.mirror else str(feed.source.file)
    if not is_pattern(feed, name):
        path = place / name
        yield _copy(feed, settings, path, path.name, folder / "0")
        return
    pattern = Pattern(name)
    found = matching(place, pattern)
    if not found:
        raise NotReceivedError(
            f"{place} holds no file that {name} fits. Put it there, or name the folder that holds it with --mirror."
        )
    missing: list[date] = []
    if known.days and pattern.has_day:
        found, missing = pattern.by_day(found, known.days)
    start = len(fixed_folder(pattern.wild))
    for n, relative in enumerate(in_order(found, pattern)):
        path, file_name = place / relative, relative[start:].replace("/", "_")
        if known.taken.get(file_name) != _digest(path):
            fetched = _copy(feed, settings, path, file_name, folder / str(n))
            yield replace(fetched, day=pattern.day(relative))
    if missing:
        raise NotReceivedError(
            f"{place} holds no file that {name} fits of {named_days(missing)}. Put it there, and ask for these days again."
        )


def matching(place: Path, pattern: Pattern) -> list[str]:
    """The files in this folder that fit, without those that are being written; absolute where the pattern is."""
    return [
        found
        for found in glob.glob(pattern.wild, root_dir=place)
        if pattern.fits(found) and (place / found).is_file() and not is_unfinished(Path(found).name)
    ]


def in_order(found: list[str], pattern: Pattern) -> list[str]:
    """By the day in the name, then by name."""
    return sorted(found, key=lambda name: (str(pattern.day(name) or ""), name))


def _digest(path: Path) -> str | None:
    try:
        with path.open("rb") as source:
            return hashlib.file_digest(source, "sha256").hexdigest()
    except OSError:  # the copy says why
        return None


def _copy(feed: Feed, settings: Settings, path: Path, file_name: str, target: Path) -> Fetched:
    try:
        with path.open("rb") as source, target.open("wb") as copy:
            before = path.stat()
            digest, size = pour(iter(lambda: source.read(CHUNK), b""), copy, feed, str(path))
            after = path.stat()
    except OSError as error:
        reason = (
            "is not there" if isinstance(error, FileNotFoundError) else f"cannot be read ({error.strerror})"
        )
        raise NotReceivedError(
            f"{path} {reason}. Put the file there, or name the folder that holds it with --mirror."
        ) from None
    if (before.st_size, before.st_mtime_ns, size) != (after.st_size, after.st_mtime_ns, after.st_size):
        raise NotReceivedError(f"{path} is still being written: it changed while it was copied. Run again.")
    if feed.source.password:
        check_password(feed, settings, target)
    return Fetched(target, str(path), file_name, digest, size)
