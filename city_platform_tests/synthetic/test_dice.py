"""Draws: even, unlike each other, and with the mean and spread that their names say."""

from __future__ import annotations

from collections.abc import Iterator

import duckdb
import pytest

from city_platform.rebuild import sql_file

DRAWS = 40_000


@pytest.fixture(scope="module", params=[1, 2, 77])
def dice(request: pytest.FixtureRequest) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as con:
        con.execute(f"set variable seed = {request.param}")
        con.execute(sql_file("synthetic/dice.sql"))
        con.execute(f"create table draw as select unnest(range({DRAWS})) as id")
        yield con


def chi_square(con: duckdb.DuckDBPyConnection, cell: str, cells: int) -> float:
    """How far the counts of a cell are from even."""
    counts = [int(r[0]) for r in con.execute(f"select count(*) from draw group by {cell}").fetchall()]
    assert len(counts) <= cells
    expected = DRAWS / cells
    return sum((n - expected) ** 2 / expected for n in counts) + (cells - len(counts)) * expected


def upper(cells: int) -> float:
    """Four standard deviations above what chance gives."""
    return cells - 1 + 4 * (2 * (cells - 1)) ** 0.5


@pytest.mark.parametrize("cells", [2, 7, 64, 1000])
def test_picks_are_even(dice: duckdb.DuckDBPyConnection, cells: int) -> None:
    assert chi_square(dice, f"pick('a stream', id, {cells})", cells) < upper(cells)
    # ids that lie far apart, as those of parts do
    assert chi_square(dice, f"pick('a stream', id * 1024, {cells})", cells) < upper(cells)


@pytest.mark.parametrize(
    "pair",
    [
        ("pick('a', id, 20)", "pick('b', id, 20)"),  # two streams of an id
        ("pick('plant x', id, 20)", "pick('plant x y', id, 20)"),
        ("pick('a', id, 20)", "pick('a', id + 1, 20)"),  # neighbours of a stream
        ("pick('a', id, 20)", "pick('a', id * 2 + 1, 20)"),
        ("pick('a', id, 20)", "id % 20"),  # the id itself
        ("dice('a', id) % 20", "(dice('a', id) >> 32) % 20"),  # two halves of a draw
    ],
)
def test_draws_have_nothing_in_common(dice: duckdb.DuckDBPyConnection, pair: tuple[str, str]) -> None:
    assert chi_square(dice, f"cast({pair[0]} as integer) * 20 + cast({pair[1]} as integer)", 400) < upper(400)


def test_seeds_have_nothing_in_common(dice: duckdb.DuckDBPyConnection) -> None:
    (seed,) = dice.execute("select getvariable('seed')").fetchone() or (0,)
    dice.execute("create or replace table mine as select id, pick('a', id, 20) as n from draw order by id")
    dice.execute(f"set variable seed = {seed + 1}")
    dice.execute("create or replace table theirs as select id, pick('a', id, 20) as n from draw order by id")
    dice.execute(f"set variable seed = {seed}")
    row = dice.execute(
        "select count(*) from mine join theirs using (id) where mine.n = theirs.n"
    ).fetchone() or (0,)
    assert abs(row[0] - DRAWS / 20) < 4 * (DRAWS * 0.05 * 0.95) ** 0.5


@pytest.mark.parametrize("in_a_million", [0, 4_000, 250_000, 999_000, 1_000_000])
def test_happens_as_often_as_asked(dice: duckdb.DuckDBPyConnection, in_a_million: int) -> None:
    row = dice.execute(f"select count(*) filter (happens('h', id, {in_a_million})) from draw").fetchone() or (
        0,
    )
    share = in_a_million / 1e6
    assert abs(row[0] - DRAWS * share) <= 4 * (DRAWS * share * (1 - share)) ** 0.5


@pytest.mark.parametrize("mean", [40, 365, 2200])
def test_lasting_is_about_exponential(dice: duckdb.DuckDBPyConnection, mean: int) -> None:
    row = dice.execute(
        f"select avg(d), stddev(d), min(d), median(d) from (select lasting('l', id, {mean}) as d from draw)"
    ).fetchone()
    assert row
    average, spread, least, middle = row
    chance = 4 * spread / DRAWS**0.5
    assert abs(average - mean) < 0.05 * mean + 1 + chance  # the mean itself: below
    assert 0.9 * mean < spread < 1.12 * mean
    assert 0 <= least < 0.01 * mean
    assert abs(middle - 0.693 * mean) < 0.03 * mean + 1 + chance


def test_lasting_has_the_mean_asked_for(dice: duckdb.DuckDBPyConnection) -> None:
    row = dice.execute(
        "select avg(d), count(*) from (select any_value(lasting('l', id, 100000)) as d from draw group by pick('l', id, 64))"
    ).fetchone()
    assert row
    assert row[1] == 64
    assert abs(row[0] - 100_000) < 1_000


def test_bell_has_the_spread_asked_for(dice: duckdb.DuckDBPyConnection) -> None:
    row = dice.execute(
        "select avg(b), stddev(b), avg((abs(b) < 1000)::integer), avg((b < 0)::integer) from (select bell('b', id) as b from draw)"
    ).fetchone()
    assert row
    average, spread, within, below = row
    assert abs(average) < 4 * 1000 / DRAWS**0.5 + 0.5
    assert abs(spread - 1000) < 4 * 1000 / (2 * DRAWS) ** 0.5
    assert abs(within - 0.6827) < 0.015  # about normal
    assert abs(below - 0.5) < 0.01


def test_order_and_threads_change_nothing(dice: duckdb.DuckDBPyConnection) -> None:
    sql = "select list(dice('a', id) order by id) from {}"
    forwards = dice.execute(sql.format("draw")).fetchone()
    dice.execute("set threads = 1")
    backwards = dice.execute(sql.format("(from draw order by id desc)")).fetchone()
    dice.execute("reset threads")
    assert forwards == backwards
