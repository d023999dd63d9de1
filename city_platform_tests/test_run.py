"""One command takes a city through the whole pipeline, whatever arrives and whenever it is killed."""

from __future__ import annotations

import gzip
import random
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from city_platform_tests.conftest import Typed, Undisturbed
from city_platform_tests.runs import (
    Home,
    Reader,
    Tables,
    differences,
    edit,
    in_own_interpreter,
    opened,
    until,
)

# Each feed, its file, and a column of it without which the file cannot be used.
FEEDS = [
    ("business_affairs/business_licenses", "business_licenses.csv", "license_number"),
    ("public_health/food_inspections", "food_inspections.csv", "dba_name"),
    ("public_health/food_inspection_violations", "food_inspection_violations.csv", "violation_number"),
    ("public_health/sanitarian_visits", "sanitarian_visits.csv", "address"),
    (
        "streets_and_sanitation/sanitation_complaints",
        "sanitation_complaints.csv.gz",
        "service_request_number",
    ),
    ("weather_service/weather", "weather.csv", "humidity"),
]
FAST = {"business_affairs/business_licenses", "public_health/food_inspections", "weather_service/weather"}
each_feed = pytest.mark.parametrize(
    ("feed", "file", "column"),
    [pytest.param(*f, id=f[0].split("/")[1], marks=() if f[0] in FAST else pytest.mark.slow) for f in FEEDS],
)
# What a reader of a published file must always find: every table of the catalog with the rows that it states, and
# columns that can be read to the end.
WHOLE = """
select
    (select string_agg(d.name || ' ' || d.rows || ' ' || coalesce(t.estimated_size, -1), ', ')
        from catalog.dataset d left join duckdb_tables() t
        on t.database_name = current_database() and t.schema_name || '.' || t.table_name = d.name
        where d.rows is distinct from t.estimated_size) as wrong,
    (select count(*) from duckdb_tables() where database_name = current_database() and schema_name <> 'catalog')
        - (select count(*) from catalog.dataset) as not_in_catalog,
    (select count(*) from entity.link where length(evidence) + length(record_key) < 0) as unreadable,
    (select count(*) from entity.event where event_time is null or length(feed) = 0) as empty
"""
WHOLE_ROW = [None, 0, 0, 0]


def remove_column(path: Path, column: str) -> None:
    """Take a column out of a file, its name in the header with it."""
    packed = path.suffix == ".gz"
    text = gzip.decompress(path.read_bytes()).decode() if packed else path.read_text()
    position = text.splitlines()[0].split(",").index(column)
    lines = [",".join(v for i, v in enumerate(row.split(",")) if i != position) for row in text.splitlines()]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)


def worklist(path: Path) -> list[tuple[str, str]]:
    with opened(path) as con:
        rows: list[tuple[str, str]] = con.execute(
            "select worklist_row_id, feeds_missing from risk.worklist order by all"
        ).fetchall()
        return rows


def rows_loaded(path: Path) -> dict[str, int]:
    """Feed → rows in its newest loaded delivery."""
    with opened(path) as con:
        return dict(
            con.execute(
                "select feed, arg_max(rows_read, sequence) from provenance.delivery where status = 'loaded' group by all"
            ).fetchall()
        )


def as_if_come_first(found: Home, wanted: Home) -> tuple[Tables, Tables]:
    """Both homes' tables without what is said of held deliveries, found's ids and deliveries renamed to wanted's.

    Fails unless the renaming is one to one.
    """
    names: dict[str, str] = {}
    with opened(found.warehouse) as con:
        con.execute(f"attach '{wanted.warehouse}' as wanted (read_only)")
        pairs = con.execute(
            "select l.entity_id, w.entity_id from entity.link l join wanted.entity.link w "
            "using (feed, record_key, entity_type, role) union "
            "select d.delivery_id, w.delivery_id from provenance.delivery d "
            "join wanted.provenance.delivery w using (feed, sha256) where d.status = 'loaded'"
        ).fetchall()
        held = {
            r[0]
            for r in con.execute(
                "select delivery_id from provenance.delivery where status = 'held'"
            ).fetchall()
        }
    names = dict(pairs)
    assert len(names) == len(pairs) == len(set(names.values())), "ids were not renamed one to one"

    def adapted(home: Home) -> Tables:
        tables = home.dump()
        for name in ("entity.id_history", "entity.redirect"):
            tables.pop(name)
        adapted = {}
        for name, (columns, *rows) in tables.items():
            out = {"sequence"} if name == "provenance.delivery" else set()
            keep = [i for i, c in enumerate(columns) if c not in out]
            if "delivery_id" in columns:
                rows = [r for r in rows if r[columns.index("delivery_id")] not in held | {"∅"}]
            if name == "catalog.dataset":
                kept_over_runs = ("entity.id_history", "entity.redirect", "quality.issue")
                rows = [r for r in rows if r[columns.index("name")] not in kept_over_runs]
            renamed = (tuple(names.get(r[i], r[i]) for i in keep) for r in rows)
            adapted[name] = [tuple(columns[i] for i in keep), *sorted(renamed)]
        return adapted

    return adapted(found), adapted(wanted)


@each_feed
def test_broken_feed_is_held_the_rest_goes_on_and_the_mended_file_puts_all_right(
    new_home: Home, undisturbed: Undisturbed, feed: str, file: str, column: str
) -> None:
    whole = (new_home.mirror / file).read_bytes()
    remove_column(new_home.mirror / file, column)
    result = new_home.run(expect=3)

    message = f"Feed {feed}, file {file}: line 1: column '{column}' is missing."
    assert f"HELD OR MISSING {feed}\n  {message}" in result.out
    assert "Please send the file with all " in result.out
    with opened(new_home.warehouse) as con:
        deliveries = con.execute(
            "select feed, status, message from provenance.delivery order by all"
        ).fetchall()
        issues = con.execute(
            "select feed, file_name, line, column_name, rule, severity, responsible from quality.issue"
        ).fetchall()
    assert [(f, s) for f, s, _ in deliveries] == sorted(
        (f, "held" if f == feed else "loaded") for f, _, _ in FEEDS
    )
    assert next(m for f, _, m in deliveries if f == feed).startswith(message)
    assert issues == [(feed, file, 1, column, "missing_column", "error", "agency")]
    wanted = rows_loaded(undisturbed.saved / "warehouse.duckdb")
    assert rows_loaded(new_home.warehouse) == {f: n for f, n in wanted.items() if f != feed}
    listed = worklist(new_home.analyst)
    assert listed and {missing for _, missing in listed} == {feed}

    (new_home.mirror / file).write_bytes(whole)
    result = new_home.run(expect=0)
    assert "HELD" not in result.out
    undisturbed.home.restore(undisturbed.saved)
    found, expected = as_if_come_first(new_home, undisturbed.home)
    assert differences(found, expected) == {}
    assert {missing for _, missing in worklist(new_home.analyst)} == {""}


@pytest.mark.parametrize(("feed", "file", "column"), FEEDS[1:2], ids=["food_inspections"])
def test_feed_that_breaks_later_leaves_its_last_good_table(
    home: Home, undisturbed: Undisturbed, feed: str, file: str, column: str
) -> None:
    remove_column(home.mirror / file, column)
    home.run(expect=3)
    staging = f"staging.{feed.replace('/', '__')}"
    found = home.dump()
    assert len(found[staging]) > 1
    assert found[staging] == undisturbed.tables[staging]
    assert found["entity.event"] == undisturbed.tables["entity.event"]
    assert {missing for _, missing in worklist(home.analyst)} == {feed}
    home.run(expect=3)  # and it stays held, once
    with opened(home.warehouse) as con:
        held = con.execute("select count(*) from provenance.delivery where status = 'held'").fetchone()
    assert held == (1,)


def test_missing_file_is_named_and_the_rest_goes_on(new_home: Home) -> None:
    (new_home.mirror / "weather.csv").unlink()
    result = new_home.run(expect=3)
    assert "HELD OR MISSING weather_service/weather\n" in result.out
    assert f"{new_home.mirror / 'weather.csv'} is not there." in result.out
    assert len(rows_loaded(new_home.warehouse)) == 5
    assert {missing for _, missing in worklist(new_home.analyst)} == {"weather_service/weather"}


# Killed runs


@pytest.fixture(scope="session")
def after_news(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Tables]:
    """A mirror with news in two feeds, and what an undisturbed second run makes of it."""
    mirror = tmp_path_factory.mktemp("news") / "mirror"
    shutil.copytree(undisturbed.home.mirror, mirror)
    edit(mirror / "food_inspections.csv", "Risk 1 (High)", "Risk 3 (Low)")
    edit(mirror / "business_licenses.csv", "Retail Food Establishment", "Retail Food")
    home = undisturbed.home.restore(undisturbed.saved).but(mirror=mirror)
    home.run()
    return mirror, home.dump()


def kill_at(home: Home, moment_s: float) -> bool:
    """Start a run and kill -9 it; whether it was still going on."""
    running = home.start()
    time.sleep(moment_s)
    return running.kill().code == -9


def check_killed_at(undisturbed: Undisturbed, news: tuple[Path, Tables], moments: list[float]) -> None:
    """Kill a second run at each moment, from the same state, with a reader that never stops."""
    mirror, wanted = news
    killed = 0
    for moment in moments:
        home = undisturbed.home.restore(undisturbed.saved).but(mirror=mirror)
        with Reader(home.analyst, WHOLE) as analyst, Reader(home.operator, WHOLE) as operator:
            killed += kill_at(home, moment)
            home.run()
        assert differences(home.dump(), wanted) == {}, f"killed at {moment:.2f} s"
        for reader in (analyst, operator):
            assert reader.opens > 0
            assert reader.errors == []
            assert reader.rows == [WHOLE_ROW], f"killed at {moment:.2f} s"
    assert killed >= len(moments) / 2, "the moments lie after the end of the run"


def moments(undisturbed: Undisturbed, count: int, seed: int) -> Iterator[float]:
    rng = random.Random(seed)
    return (rng.uniform(0.2, 0.9) * undisturbed.seconds for _ in range(count))


def test_killed_runs_leave_nothing_that_the_next_does_not_mend(
    undisturbed: Undisturbed, after_news: tuple[Path, Tables]
) -> None:
    check_killed_at(undisturbed, after_news, list(moments(undisturbed, 4, seed=1)))


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_runs_killed_at_twenty_moments_leave_nothing_that_the_next_does_not_mend(
    undisturbed: Undisturbed, after_news: tuple[Path, Tables]
) -> None:
    check_killed_at(undisturbed, after_news, list(moments(undisturbed, 20, seed=2)))


def test_first_run_killed_again_and_again_ends_as_if_undisturbed(
    new_home: Home, undisturbed: Undisturbed
) -> None:
    for moment in moments(undisturbed, 2, seed=3):
        kill_at(new_home, moment)
    new_home.run()
    assert differences(new_home.dump(), undisturbed.tables) == {}


def test_next_run_marks_a_killed_run_as_failed(new_home: Home) -> None:
    running = new_home.start()
    assert until(lambda: "feeds/public_health" in running.out)
    assert running.kill().code == -9
    runs = new_home.home / "dagster" / "history" / "runs.db"

    def states() -> list[tuple[str]]:
        with sqlite3.connect(runs) as con:
            return con.execute("select status from runs order by id").fetchall()

    assert states() == [("STARTED",)]
    result = new_home.run()
    assert "had died; it is marked as failed" in result.out
    assert states() == [("FAILURE",), ("SUCCESS",)]


# Calling it


def test_command_as_typed_shows_each_step_and_the_files_to_open(
    typed: Typed, undisturbed: Undisturbed
) -> None:
    assert typed.code == 0, typed.err
    steps = {line.split()[0] for line in typed.out.splitlines() if line.startswith("  ")}
    for step in ("feeds/weather_service/weather", "entities/resolved", "risk/scores", "publish/operator"):
        assert step in steps
    for path in (typed.home.analyst, typed.home.operator):
        assert f"  {path}  (" in typed.out and path.is_file()
    assert differences(typed.home.dump(), undisturbed.tables) == {}


def test_wrong_calls_exit_2_and_say_what_to_do(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    base = ["run", "--city", "chicago", "--home", str(tmp_path / "data")]
    result = in_own_interpreter([*base, "--mirror", str(nowhere)])
    assert result.returncode == 2
    assert f"There is no folder {nowhere}" in result.stderr
    assert "--mirror" in result.stderr
    result = in_own_interpreter([*base, "--as-of", "2014-02-31"])
    assert result.returncode == 2
    assert "2014-02-31: give a date as YYYY-MM-DD, such as 2014-09-01." in result.stderr
    result = in_own_interpreter(["run", "--city", "atlantis"])
    assert result.returncode == 2
    assert "atlantis" in result.stderr and "chicago" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_option_and_exit_code() -> None:
    result = in_own_interpreter(["run", "--help"])
    assert result.returncode == 0
    words = " ".join(result.stdout.split())
    for part in (
        "--city",
        "--home",
        "--mirror",
        "--as-of",
        "Exit code 0",
        "3: it ran, but a feed is held",
        "1:",
        "2:",
    ):
        assert part in words
    result = in_own_interpreter(["--help"])
    assert "run " in result.stdout and "360 " in result.stdout
