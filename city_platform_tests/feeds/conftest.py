"""Fixtures of the feeds step's tests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from city_platform_tests.feeds.small_city import SmallCity, new_city
from city_platform_tests.feeds.small_feed import Bench, new_bench


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """An empty warehouse to send deliveries to."""
    with new_bench(tmp_path) as made:
        yield made


@pytest.fixture
def town(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallCity:
    """A city folder without feeds, which the environment points at."""
    return new_city(tmp_path, monkeypatch)
