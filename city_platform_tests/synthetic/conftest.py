"""One small borough in memory, for the tests that only look at it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import duckdb
import pytest

from city_platform.synthetic.borough import Size, make_borough
from city_platform.synthetic.deliveries import read_dirt

ADDRESSES = 3_000
Make = Callable[..., duckdb.DuckDBPyConnection]


def made(seed: int = 1, days: int = 0, threads: int | None = None) -> duckdb.DuckDBPyConnection:
    """A borough of its own."""
    con = duckdb.connect()
    if threads:
        con.execute(f"set threads = {threads}")
    make_borough(con, Size(ADDRESSES, seed, days))
    read_dirt(con)
    return con


@pytest.fixture(scope="session")
def borough() -> Iterator[duckdb.DuckDBPyConnection]:
    """The borough of seed 1; tests must not change its tables."""
    with made() as con:
        yield con


@pytest.fixture(scope="session")
def boroughs(borough: duckdb.DuckDBPyConnection) -> Iterator[list[duckdb.DuckDBPyConnection]]:
    """Boroughs of several seeds, the one of seed 1 first."""
    others = [made(seed) for seed in range(2, 7)]
    yield [borough, *others]
    for con in others:
        con.close()
