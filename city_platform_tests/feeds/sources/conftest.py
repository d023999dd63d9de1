"""Fixtures of the sources' tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from city_platform.feeds.sources import web
from city_platform_tests.feeds.sources.office import Office


@pytest.fixture
def office() -> Iterator[Office]:
    """An agency's web server."""
    server = Office()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.is_closing.set()
    server.shutdown()
    thread.join(timeout=10)
    server.server_close()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds for which sources would have waited between two tries; they do not."""
    seconds: list[float] = []
    monkeypatch.setattr(web, "sleep", seconds.append)
    return seconds
