"""Unclaimed: files of the inbox that no feed takes, set aside and told.

Belongs here: their rows in quality.issue. Does not belong here: which file is for which feed, and moving them
(sources/inbox.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from city_platform.feeds.declaration import Feed
from city_platform.feeds.sources.inbox import UNCLAIMED, route
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse

INBOX = "inbox"  # stands for the feed that these files have not


def set_aside(settings: Settings, feeds: Sequence[Feed]) -> list[str]:
    """Move the files that no feed takes out of the way; returns a sentence for each.

    What a file is called is up to whoever sent it, and may be somebody's name: it is told nowhere.
    """
    told = []
    for file in route(settings, feeds):
        message, shown = file.message, _shown(file.path)
        names = {file.name, Path(file.name).name, file.path.name}
        if file.path.is_relative_to(settings.inbox):
            names |= {str(p) for p in (file.path.relative_to(settings.inbox),)}
        for name in sorted(names, key=len, reverse=True):
            message = message.replace(name, shown)
        told.append(message)
    return told


def record_unclaimed(warehouse: Warehouse) -> None:
    """Bring quality.issue up to what stands in the folder of unclaimed files: a line until somebody takes it away."""
    folder = warehouse.settings.inbox / UNCLAIMED
    rows = []
    for path in sorted(folder.rglob("*")) if folder.is_dir() else []:
        if path.is_file() and not path.name.startswith("."):
            told = path.stat()
            at = datetime.fromtimestamp(told.st_mtime, UTC)
            rows.append(
                f"No feed takes a file ({_shown(path)}, {told.st_size:,} bytes, of {at:%Y-%m-%d %H:%M} UTC) of the inbox; "
                f"it is in {folder}. Mend its name or the feed's pattern and put it back, or take it away."
            )
    con = warehouse.con
    with warehouse.transaction():
        con.execute("delete from quality.issue where feed = ?", [INBOX])
        for message in rows:
            con.execute(
                "insert into quality.issue (feed, rule, severity, responsible, message) "
                "values (?, 'no_feed_takes_it', 'warning', 'us', ?)",
                [INBOX, message],
            )


def _shown(path: Path) -> str:
    """A file's name without what may be a person's."""
    suffix = path.suffix.lower()
    return f"*{suffix}" if suffix[1:].isalnum() and len(suffix) <= 6 else "*"
