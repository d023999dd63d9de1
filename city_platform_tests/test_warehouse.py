"""The run's lock, transactions, tables brought to today's shape, and files that readers never see half of."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest

from city_platform.settings import Settings
from city_platform.tables import Column, Table
from city_platform.warehouse import Warehouse, WarehouseError, read_published
from city_platform_tests.runs import ROOT, Reader

HOLD = """
import sys, time
from pathlib import Path
from city_platform.warehouse import hold_run_lock
hold_run_lock(Path(sys.argv[1]), float(sys.argv[2]), sys.argv[3], lambda text: print(text, flush=True))
print("held", flush=True)
time.sleep(60)
"""


def settings(home: Path, **environment: str) -> Settings:
    return Settings.from_environment({"CITY_PLATFORM_HOME": str(home), **environment})


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    with Warehouse(settings(tmp_path)) as opened:
        yield opened


@pytest.fixture
def hold(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a process that takes the lock of tmp_path and keeps it."""
    started: list[subprocess.Popen[str]] = []

    def start(wait_s: float, run_id: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", HOLD, str(tmp_path), str(wait_s), run_id]
        process = subprocess.Popen(
            command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_second_run_waits_says_for_whom_and_goes_on_at_once_after_kill_9(hold) -> None:
    first = hold(0.1, "run-one")
    assert line(first) == "held"
    second = hold(30, "run-two")
    said = line(second)
    assert said.startswith(f"Waiting for run run-one of process {first.pid}, which began ")
    assert said.endswith("(up to 30 s).")
    os.kill(first.pid, signal.SIGKILL)
    since = time.monotonic()
    assert line(second) == "held"
    assert time.monotonic() - since < 5


def test_second_run_gives_up_after_the_bound_naming_the_holder(hold) -> None:
    first = hold(0.1, "run-one")
    assert line(first) == "held"
    second = hold(0.5, "run-two")
    out, err = second.communicate(timeout=30)
    assert "held" not in out
    message = err.strip().splitlines()[-1]
    assert message.startswith(
        "city_platform.warehouse.WarehouseError: Waited 0.5 s for run run-one of process "
    )
    assert str(first.pid) in message
    assert "CITY_PLATFORM_LOCK_WAIT" in message


def test_lock_is_held_by_an_open_warehouse(hold, warehouse: Warehouse) -> None:
    other = hold(0.2, "other")
    # The home of a city lies in a folder of its own, with a lock of its own.
    assert line(other) == "held"
    command = [sys.executable, "-c", HOLD, str(warehouse.settings.home), "0.2", "x"]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 1
    assert f"process {os.getpid()}" in ended.stderr


def test_one_process_opens_a_warehouse_once(warehouse: Warehouse) -> None:
    with pytest.raises(WarehouseError, match="already open"):
        Warehouse(warehouse.settings)


def test_transaction_rolls_back_on_any_error(warehouse: Warehouse) -> None:
    warehouse.con.execute("create table staging.t (a integer)")
    with pytest.raises(KeyboardInterrupt), warehouse.transaction() as con:
        con.execute("insert into staging.t values (1)")
        con.execute("create table staging.u (a integer)")
        raise KeyboardInterrupt
    assert warehouse.con.execute("select count(*) from staging.t").fetchone() == (0,)
    assert warehouse.columns("staging", "u") == []
    with warehouse.transaction() as con:
        con.execute("insert into staging.t values (2)")
    assert warehouse.con.execute("select a from staging.t").fetchall() == [(2,)]


def table(*columns: tuple[str, str]) -> Table:
    return Table("staging", "t", "one thing", (), tuple(Column(n, t, f"The {n}") for n, t in columns))


def test_ensure_table_carries_over_columns_of_the_same_name(warehouse: Warehouse) -> None:
    old = table(("kept", "VARCHAR"), ("gone", "INTEGER"), ("retyped", "VARCHAR"))
    new = table(("retyped", "INTEGER"), ("added", "DATE"), ("kept", "VARCHAR"))
    warehouse.ensure_table(old)
    warehouse.con.execute("insert into staging.t values ('a', 1, '7'), ('b', 2, 'not a number')")
    warehouse.ensure_table(new)
    assert warehouse.columns("staging", "t") == [
        ("retyped", "INTEGER"),
        ("added", "DATE"),
        ("kept", "VARCHAR"),
    ]
    rows = warehouse.con.execute("select retyped, added, kept from staging.t order by kept").fetchall()
    assert rows == [(7, None, "a"), (None, None, "b")]
    assert warehouse.columns("staging", "t__old") == []
    comments = warehouse.con.execute(
        "select comment from duckdb_columns() where table_name = 't' order by column_index"
    ).fetchall()
    assert comments == [("The retyped",), ("The added",), ("The kept",)]


def test_ensure_table_leaves_a_table_of_todays_shape_alone(warehouse: Warehouse) -> None:
    warehouse.ensure_table(table(("a", "VARCHAR")))
    warehouse.con.execute("insert into staging.t values ('x')")
    oid = "select table_oid from duckdb_tables() where table_name = 't'"
    before = warehouse.con.execute(oid).fetchone()
    warehouse.ensure_table(table(("a", "VARCHAR")))
    assert warehouse.con.execute(oid).fetchone() == before


def write_version(version: int, rows: int = 1000) -> Callable[[duckdb.DuckDBPyConnection, str], None]:
    def write(con: duckdb.DuckDBPyConnection, alias: str) -> None:
        con.execute(f"create table {alias}.t as select {version} as version, i from range({rows}) r(i)")

    return write


def version_in(path: Path) -> list[tuple[int, int]]:
    con = read_published(path)
    try:
        return con.execute("select version, count(*) from t group by all").fetchall()
    finally:
        con.close()


@pytest.mark.parametrize("mode", [0o444, 0o600])
def test_published_file_is_alone_and_has_its_mode(warehouse: Warehouse, mode: int) -> None:
    path = warehouse.publish("f.duckdb", mode, write_version(1))
    assert path.stat().st_mode & 0o777 == mode
    assert [p.name for p in path.parent.iterdir()] == ["f.duckdb"]
    assert version_in(path) == [(1, 1000)]
    assert [p.name for p in path.parent.iterdir()] == ["f.duckdb"]


def test_file_that_is_being_built_is_read_by_nobody_else(warehouse: Warehouse) -> None:
    """Also not by those who may read the finished one: it may not be published after all."""
    modes = []

    def write(con: duckdb.DuckDBPyConnection, alias: str) -> None:
        write_version(1)(con, alias)
        modes.extend(p.stat().st_mode & 0o777 for p in warehouse.settings.published.iterdir())

    warehouse.publish("f.duckdb", 0o444, write)
    assert set(modes) == {0o600}


def test_stray_wal_beside_the_final_name_is_not_replayed(warehouse: Warehouse, tmp_path: Path) -> None:
    path = warehouse.publish("f.duckdb", 0o600, write_version(1))
    stray = path.with_name("f.duckdb.wal")
    # A .wal that DuckDB would really replay: left by a writer of this very file that was killed.
    script = (
        f"import duckdb, os; con = duckdb.connect({str(path)!r}); con.execute('insert into t values (666, 1)'); "
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)
    assert stray.exists()
    wal = stray.read_bytes()
    assert (666, 1) in version_in(path)
    stray.write_bytes(wal)
    warehouse.publish("f.duckdb", 0o600, write_version(2))
    assert not stray.exists()
    assert version_in(path) == [(2, 1000)]


def test_leftovers_of_a_killed_publish_do_no_harm(warehouse: Warehouse) -> None:
    warehouse.settings.published.mkdir()
    (warehouse.settings.published / ".f.duckdb.building").write_bytes(b"half a file")
    (warehouse.settings.published / ".f.duckdb.building.wal").write_bytes(b"half a log")
    path = warehouse.publish("f.duckdb", 0o444, write_version(1))
    assert version_in(path) == [(1, 1000)]
    assert [p.name for p in path.parent.iterdir()] == ["f.duckdb"]


def test_older_reader_keeps_its_snapshot(warehouse: Warehouse) -> None:
    path = warehouse.publish("f.duckdb", 0o444, write_version(1, rows=500_000))
    script = (
        "import duckdb, sys\n"
        f"con = duckdb.connect({str(path)!r}, read_only=True)\n"
        "ask = lambda: print(con.execute('select min(version), max(version), sum(i)::bigint from t').fetchone(), flush=True)\n"
        "con.execute('select 1 from t limit 1'); print('open', flush=True); sys.stdin.readline(); ask()"
    )
    reader = subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert line(reader) == "open"
        warehouse.publish("f.duckdb", 0o444, write_version(2, rows=10))
        out, _ = reader.communicate("go\n", timeout=60)
    finally:
        reader.kill()
    assert out.strip() == str((1, 1, sum(range(500_000))))
    assert version_in(path) == [(2, 10)]


def test_reader_in_a_loop_never_sees_a_half_file(warehouse: Warehouse) -> None:
    """Each version has as many thousand rows as its number, so that a mixture would show."""
    path = warehouse.settings.published / "f.duckdb"
    sql = "select min(version), max(version), count(*), sum(i)::bigint from t"
    with Reader(path, sql, pause_s=0.002) as reader:
        for version in range(1, 31):
            warehouse.publish("f.duckdb", 0o444, write_version(version, rows=1000 * version))
    assert reader.errors == []
    whole = [[v, v, 1000 * v, sum(range(1000 * v))] for v in range(1, 31)]
    assert [row for row in reader.rows if row not in whole] == []
    assert len(reader.rows) > 3, "the reader saw too few versions to prove anything"
    assert [row[0] for row in reader.rows] == sorted(row[0] for row in reader.rows)


def test_failing_write_leaves_the_older_file(warehouse: Warehouse) -> None:
    path = warehouse.publish("f.duckdb", 0o444, write_version(1))
    before = path.stat()

    def fail(con: duckdb.DuckDBPyConnection, alias: str) -> None:
        write_version(2)(con, alias)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        warehouse.publish("f.duckdb", 0o444, fail)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert version_in(path) == [(1, 1000)]
    assert [p.name for p in path.parent.iterdir()] == ["f.duckdb"]  # nothing of what was not to be published
    # And the connection goes on as if nothing had been.
    warehouse.publish("f.duckdb", 0o444, write_version(3))
    assert version_in(path) == [(3, 1000)]


def test_where_nothing_is_published_the_reader_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(WarehouseError, match="city-platform run"):
        read_published(tmp_path / "operator.duckdb")
    assert list(tmp_path.iterdir()) == []


def test_warehouse_keeps_to_its_memory_and_threads(tmp_path: Path) -> None:
    chosen = settings(tmp_path, CITY_PLATFORM_MEMORY_LIMIT="200MB", CITY_PLATFORM_THREADS="1")
    with Warehouse(chosen) as opened:
        found = opened.con.execute(
            "select current_setting('memory_limit'), current_setting('threads'), current_setting('temp_directory'), "
            "current_setting('TimeZone'), current_setting('autoinstall_known_extensions')"
        ).fetchone()
    assert found == ("190.7 MiB", 1, str(chosen.spill_folder), "UTC", False)
