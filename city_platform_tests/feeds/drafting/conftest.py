"""Fixtures of the tests of drafting."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_platform_tests.feeds.drafting.desk import Desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A new British city, and a folder for its files."""
    return Desk(tmp_path)
