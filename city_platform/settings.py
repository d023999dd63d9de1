"""Settings: which city, where its data lives, how much machine it may use; read once from the environment.

Belongs here: every environment variable the platform knows. Does not belong here: what a city is (city.py),
what a feed is (feeds/declaration/), opening anything.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

DEFAULT_CITY = "eastmere"
CITIES = Path(__file__).parent / "cities"


class SettingsError(ValueError):
    """A setting that cannot be used; the message says which, and what to do."""


@dataclass(frozen=True)
class Settings:
    """One run's settings; see docs/reference/settings.md for each variable."""

    city_folder: Path
    home: Path  # one city's data: landing/, warehouse.duckdb, published/, dagster/
    mirror: Path | None = None
    as_of: date | None = None
    catalog: str | None = None  # an ATTACH target instead of home/warehouse.duckdb
    memory_limit: str = "1GB"
    threads: int = 2
    spill: Path | None = None
    lock_wait_s: float = 3600.0
    key_file: Path | None = None

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def inbox(self) -> Path:
        """Where a feed's file is looked for when it has no address and no mirror is given."""
        return self.home / "inbox"

    @property
    def reports(self) -> Path:
        """What was wrong with each agency's newest deliveries, as pages and tables that can be sent to it."""
        return self.home / "reports"

    @property
    def pictures(self) -> Path:
        """What the newest rebuilds drew, for runs that rebuild nothing to show again."""
        return self.home / "pictures"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def spill_folder(self) -> Path:
        return self.spill or self.home / "spill"

    @property
    def city_option(self) -> str:
        """How this city, and where its data lives, are named in a command that a person types next."""
        folder = self.city_folder
        city = folder.name if folder.parent == CITIES else str(folder)
        named = "" if city == DEFAULT_CITY else f" --city {city}"
        base = self.home.parent
        return named + ("" if base == Path("data").absolute() else f" --home {base}")

    def secret(self, name: str) -> str:
        """A secret by its name, such as a zip's password; raises SettingsError where there is none. Never show it."""
        variable, path = f"CITY_PLATFORM_SECRET_{name.upper()}", self.home / "secrets" / name
        value = os.environ.get(variable)
        if not value and path.is_file():
            value = path.read_text(encoding="utf-8").strip("\r\n")
        if not value:
            raise SettingsError(f"The secret {name} is not set: set {variable}, or write it into {path}.")
        return value

    def database_url(self, name: str) -> str | None:
        """The address of an agency's database, as SQLAlchemy writes it; it may hold a password. None where not set."""
        return os.environ.get(f"CITY_PLATFORM_DATABASE_{name.upper()}") or None

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Settings:
        """Read every setting; raises SettingsError with a sentence where one cannot be used."""
        env = os.environ if environment is None else environment
        city = env.get("CITY_PLATFORM_CITY") or DEFAULT_CITY
        folder = Path(city) if "/" in city else CITIES / city
        if not (folder / "city.yaml").is_file():
            shipped = ", ".join(sorted(p.parent.name for p in CITIES.glob("*/city.yaml")))
            raise SettingsError(
                f"CITY_PLATFORM_CITY={city}: {folder} holds no city.yaml. "
                f"Name a folder that does, or one of the cities that ship: {shipped}."
            )
        folder = folder.resolve()
        base = Path(env.get("CITY_PLATFORM_HOME") or "data")
        mirror = env.get("CITY_PLATFORM_MIRROR")
        spill = env.get("CITY_PLATFORM_SPILL")
        key_file = env.get("CITY_PLATFORM_KEY_FILE")
        return cls(
            city_folder=folder,
            home=(base / folder.name).absolute(),
            mirror=Path(mirror).absolute() if mirror else None,
            as_of=_date(env, "CITY_PLATFORM_AS_OF"),
            catalog=env.get("CITY_PLATFORM_CATALOG") or None,
            memory_limit=env.get("CITY_PLATFORM_MEMORY_LIMIT") or "1GB",
            threads=int(_number(env, "CITY_PLATFORM_THREADS", os.cpu_count() or 2, at_least=1)),
            spill=Path(spill).absolute() if spill else None,
            lock_wait_s=_number(env, "CITY_PLATFORM_LOCK_WAIT", 3600.0),
            key_file=Path(key_file) if key_file else None,
        )


def _date(env: Mapping[str, str], name: str) -> date | None:
    text = env.get(name)
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise SettingsError(f"{name}={text}: give a date as YYYY-MM-DD, such as 2014-09-01.") from None


def _number(env: Mapping[str, str], name: str, default: float, at_least: float = 0.0) -> float:
    text = env.get(name)
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not math.isfinite(number) or number <= 0 or number < at_least:
        bound = f"of at least {at_least:g}" if at_least else "above 0"
        raise SettingsError(f"{name}={text}: give a number {bound}.")
    return number
