"""Scratch: a warehouse that is thrown away, so that data can be read and judged as the platform does it, unloaded.

Belongs here: its settings and its folder. Does not belong here: what is read in it (sample.py, check.py).
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from city_platform.feeds.accept import FILE as DECISIONS
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse


@contextmanager
def scratch(settings: Settings, mirror: Path | None = None) -> Iterator[Warehouse]:
    """An empty warehouse with the city's inbox, secrets and decisions; nothing of it stays, and nothing is changed.

    mirror: a folder that feeds are read from instead of where they come from.
    """
    with tempfile.TemporaryDirectory(prefix="city_platform_") as folder:
        home = Path(folder) / "home"
        home.mkdir(mode=0o700)
        for name in ("inbox", "secrets", DECISIONS):
            if (settings.home / name).exists():
                (home / name).symlink_to((settings.home / name).resolve())
        own = replace(
            settings,
            home=home,
            mirror=mirror or settings.mirror,
            catalog=None,
            spill=None,
            key_file=home / "record.key",  # keys that are hashed here stand for nothing elsewhere
        )
        with Warehouse(own, say=lambda text: None) as warehouse:
            yield warehouse
