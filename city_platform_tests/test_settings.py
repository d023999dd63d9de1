"""Settings: defaults, every variable, and a sentence for whatever cannot be used."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from city_platform.settings import CITIES, Settings, SettingsError


def test_empty_environment_gives_a_city_that_ships_and_a_home_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_environment({})
    assert settings.city_folder.parent == CITIES.resolve()
    assert settings.home == tmp_path / "data" / settings.city_folder.name
    assert (settings.mirror, settings.as_of, settings.catalog) == (None, None, None)
    assert list(tmp_path.iterdir()) == []  # reading settings makes nothing


def test_every_variable_is_read(tmp_path: Path) -> None:
    (tmp_path / "town").mkdir()
    (tmp_path / "town" / "city.yaml").touch()
    settings = Settings.from_environment(
        {
            "CITY_PLATFORM_CITY": str(tmp_path / "town"),
            "CITY_PLATFORM_HOME": str(tmp_path / "data"),
            "CITY_PLATFORM_MIRROR": str(tmp_path / "mirror"),
            "CITY_PLATFORM_AS_OF": "2014-09-01",
            "CITY_PLATFORM_CATALOG": "ducklake:x",
            "CITY_PLATFORM_MEMORY_LIMIT": "2GB",
            "CITY_PLATFORM_THREADS": "3",
            "CITY_PLATFORM_SPILL": str(tmp_path / "spill"),
            "CITY_PLATFORM_LOCK_WAIT": "1.5",
            "CITY_PLATFORM_KEY_FILE": str(tmp_path / "key"),
        }
    )
    assert settings == Settings(
        city_folder=(tmp_path / "town").resolve(),
        home=tmp_path / "data" / "town",
        mirror=tmp_path / "mirror",
        as_of=date(2014, 9, 1),
        catalog="ducklake:x",
        memory_limit="2GB",
        threads=3,
        spill=tmp_path / "spill",
        lock_wait_s=1.5,
        key_file=tmp_path / "key",
    )


def test_empty_text_counts_as_not_set() -> None:
    names = (
        "CITY",
        "HOME",
        "MIRROR",
        "AS_OF",
        "CATALOG",
        "MEMORY_LIMIT",
        "THREADS",
        "SPILL",
        "LOCK_WAIT",
        "KEY_FILE",
    )
    empty = Settings.from_environment({f"CITY_PLATFORM_{name}": "" for name in names})
    assert empty == Settings.from_environment({})


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("CITY", "atlantis", "one of the cities that ship: .*chicago"),
        ("CITY", "/nowhere/atlantis", "/nowhere/atlantis holds no city.yaml"),
        ("AS_OF", "1 September 2014", "give a date as YYYY-MM-DD"),
        ("AS_OF", "2014-02-31", "give a date as YYYY-MM-DD"),
        ("THREADS", "many", "give a number of at least 1"),
        ("THREADS", "0", "give a number of at least 1"),
        ("LOCK_WAIT", "-1", "give a number above 0"),
        ("LOCK_WAIT", "nan", "give a number above 0"),
        ("THREADS", "inf", "give a number of at least 1"),
        ("THREADS", "0.5", "give a number of at least 1"),
    ],
)
def test_what_cannot_be_used_is_named_with_what_to_do(name: str, value: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        Settings.from_environment({f"CITY_PLATFORM_{name}": value})
    assert str(caught.value).startswith(f"CITY_PLATFORM_{name}={value}: ")
