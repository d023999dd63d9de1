"""A made-up city of a few feeds in a folder of its own, its feeds step run in Dagster.

Belongs here: set-up that the tests of what a data engineer sees and does share. Does not belong here: claims.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import pytest
import yaml

from city_platform.assets import WarehouseResource
from city_platform.feeds.assets import feed_definitions
from city_platform.feeds.declaration import COMPONENT, Feed, load_feeds
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import COLUMNS, csv_text, licences
from city_platform_tests.runs import opened

CITY = {
    "name": "Kennelton",
    "country": "GB",
    "locale": "en_GB",
    "time_zone": "Europe/London",
    "box": {"south": 50, "north": 55, "west": -3, "east": 1},
    "identifier_schemes": {},
}
DECLARED: dict[str, Any] = {
    "name": "dogs",
    "title": "Dog licences",
    "owner": "team:kennels",
    "contact": "kennels@example.org",
    "licence": "made up",
    "rights": "open",
    "source": {"file": "dogs.csv"},
    "key": ["id"],
    "columns": COLUMNS,
}


@dataclass(frozen=True)
class SmallCity:
    """The city's folder and data; the environment points at them."""

    folder: Path
    base: Path

    @property
    def settings(self) -> Settings:
        return Settings.from_environment()

    @property
    def feeds(self) -> list[Feed]:
        return load_feeds(self.folder)

    @property
    def inbox(self) -> Path:
        return self.settings.inbox

    def declare(self, agency: str, **changes: Any) -> Feed:
        """Add a feed, or write it anew."""
        path = self.folder / "feeds" / agency / "defs.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        attributes = {k: v for k, v in (DECLARED | changes).items() if v is not None}
        path.write_text(yaml.safe_dump({"type": COMPONENT, "attributes": attributes}, sort_keys=False))
        return next(f for f in self.feeds if f.agency == agency)

    def put(self, name: str, rows: Sequence[tuple[str, ...]] | None = None) -> Path:
        """A file in the inbox."""
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(csv_text(licences(20) if rows is None else rows))
        return path

    def definitions(self) -> dg.Definitions:
        return dg.Definitions.merge(
            feed_definitions(self.feeds),
            dg.Definitions(resources={"warehouse": WarehouseResource()}, executor=dg.in_process_executor),
        )

    def run(
        self, instance: dg.DagsterInstance | None = None, **config: Mapping[str, Any]
    ) -> dg.ExecuteInProcessResult:
        """The whole feeds step; config: by name of an op."""
        job = self.definitions().resolve_implicit_global_asset_job_def()
        return job.execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"ops": {op: {"config": dict(given)} for op, given in config.items()}},
        )

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with opened(self.settings.home / "warehouse.duckdb") as con:
            yield con

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        with self.reading() as con:
            return con.execute(sql, list(values)).fetchall()


def new_city(folder: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCity:
    """A city without feeds; the environment of the test points at it."""
    for name in [n for n in os.environ if n.startswith(("CITY_PLATFORM", "DAGSTER"))]:
        monkeypatch.delenv(name)
    for name in ("DAGSTER_HOME", "CITY_PLATFORM_PROGRESS"):  # the code sets them: put back afterwards
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    city = SmallCity(folder / "kennelton", folder / "data")
    city.folder.mkdir(parents=True)
    (city.folder / "city.yaml").write_text(yaml.safe_dump(CITY))
    monkeypatch.setenv("CITY_PLATFORM_CITY", str(city.folder))
    monkeypatch.setenv("CITY_PLATFORM_HOME", str(city.base))
    monkeypatch.setenv("CITY_PLATFORM_KEY_FILE", str(folder / "city.key"))
    monkeypatch.setenv("CITY_PLATFORM_THREADS", "1")
    city.inbox.mkdir(parents=True)
    return city
