"""Sources: takes a feed's bytes from where they are, unchanged, one delivery after the other.

Belongs here: which source a feed has. Does not belong here: how each is reached (the modules of this folder),
understanding the bytes (feeds/formats/) and remembering deliveries (feeds/load.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from city_platform.feeds.declaration import PORTALS, Feed
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.settings import Settings

__all__ = ["Fetched", "Known", "fetch"]


def fetch(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The deliveries that the feed's source holds and that are new, oldest first, each in a file under folder.

    Yields nothing where the source itself says that nothing is new. Raises NotReceivedError where there is nothing to
    be had; what was yielded before that stands. folder is kept between runs: what is cut is resumed from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    kind = feed.source.kind
    if kind == "database":
        from city_platform.feeds.sources.databases import query

        yield from query(feed, settings, folder, known)
    elif settings.mirror is not None or kind == "file":
        from city_platform.feeds.sources.files import local

        yield from local(feed, settings, folder, known)
    elif kind in PORTALS:
        from importlib import import_module

        portal = import_module(f"city_platform.feeds.sources.{kind}")
        yield from portal.ask(feed, settings, folder, known)
    else:
        from city_platform.feeds.sources.remote import download

        yield from download(feed, settings, folder, known)
