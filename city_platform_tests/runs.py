"""Runs of the command line for tests, each in a process of its own, and what they leave behind.

Belongs here: starting runs, reading the warehouse and the published files afterwards. Does not belong here: claims
(the tests) and the mirror's rows (small_mirror.py).

Importing the libraries takes several seconds, so one process imports them once and is forked for every run: what
is forked has opened nothing, and imports the platform itself afresh, from wherever the test wants it. Where the
command itself is meant, `in_own_interpreter` starts it as a person would.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
CITY = "chicago"
AS_OF = "2014-09-01"
AT_MOST_S = 120.0  # for one run
# Readings of a clock, Dagster's run ids, and hashes that a home's path goes into.
VOLATILE = {"retrieved_at", "newest_new_at", "first_seen", "changed_at", "valid_from", "valid_to", "seconds", "rebuilt_at"} | {
    "fingerprint", "declaration", "source", "trained_at", "claim_hash", "row_hash",
}  # fmt: skip
QUICK_DAGSTER = """\
telemetry: {enabled: false}
event_log_storage: {module: dagster._core.storage.event_log, class: InMemoryEventLogStorage, config: {}}
"""
Tables = dict[str, list[tuple[str, ...]]]


@dataclass
class Result:
    """How a run ended."""

    code: int
    out: str
    err: str


@dataclass
class Running:
    """A run that goes on in a process of its own."""

    pid: int
    folder: Path
    _server: Server

    def wait(self) -> Result:
        code = self._server.ask({"wait": self.pid, "at_most_s": AT_MOST_S})
        return Result(code, (self.folder / "out").read_text(), (self.folder / "err").read_text())

    def kill(self) -> Result:
        """kill -9, and wait until it is gone. A run that has already ended is left as it is."""
        os.kill(self.pid, signal.SIGKILL)  # not reaped before wait(), so the number is still its own
        return self.wait()

    @property
    def out(self) -> str:
        return (self.folder / "out").read_text()


class Server:
    """The process with the libraries imported, forked for every run."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._started = 0
        self._process = subprocess.Popen(
            [sys.executable, "-m", "city_platform_tests.runs"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, request: dict[str, Any]) -> int:
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline()))

    def start(self, arguments: list[str], package: Path = ROOT, **environment: str) -> Running:
        """`city-platform ARGUMENTS`, the package taken from `package`; the environment holds only what is given."""
        self._started += 1
        folder = self._folder / f"run_{self._started:03d}"
        folder.mkdir(parents=True)
        for name in ("out", "err"):
            (folder / name).touch()
        keep = {k: v for k, v in os.environ.items() if not k.startswith(("CITY_PLATFORM", "DAGSTER"))}
        request = {
            "arguments": arguments, "package": str(package), "folder": str(folder),
            "environment": keep | environment,
        }  # fmt: skip
        return Running(self.ask(request), folder, self)

    def close(self) -> None:
        assert self._process.stdin
        self._process.stdin.close()
        self._process.wait(timeout=AT_MOST_S)


@dataclass
class Home:
    """One city's data folder, and the runs made with it."""

    server: Server
    base: Path  # holds one folder a city
    mirror: Path
    city: str = CITY  # a shipped city's name, or a city folder
    package: Path = ROOT
    environment: Mapping[str, str] = field(default_factory=dict)
    as_of: str = AS_OF
    is_quick: bool = (
        True  # Dagster's events are kept in memory; the runs themselves are kept on disk all the same
    )

    @property
    def home(self) -> Path:
        return self.base / Path(self.city).name

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse.duckdb"

    @property
    def analyst(self) -> Path:
        return self.home / "published" / "analyst.duckdb"

    @property
    def operator(self) -> Path:
        return self.home / "published" / "operator.duckdb"

    def start(self) -> Running:
        if self.is_quick and not (self.home / "dagster").exists():
            (self.home / "dagster").mkdir(parents=True)
            (self.home / "dagster" / "dagster.yaml").write_text(QUICK_DAGSTER)
        arguments = ["run", "--city", self.city, "--home", str(self.base), "--mirror", str(self.mirror)]
        return self.server.start([*arguments, "--as-of", self.as_of], self.package, **self.environment)

    def run(self, expect: int | None = 0) -> Result:
        """Run to the end; fails where the exit code is not the expected one."""
        result = self.start().wait()
        if expect is not None:
            assert result.code == expect, f"exit code {result.code}\n{result.out}\n{result.err[-4000:]}"
        return result

    def but(self, **changes: Any) -> Home:
        """The same data, run in another way."""
        return replace(self, **changes)

    def save(self, to: Path) -> Path:
        """Keep the data as they are now."""
        shutil.copytree(self.home, to)
        return to

    def restore(self, saved: Path) -> Home:
        """Put back what was saved. At the same place, since a home that moved is rebuilt."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(saved, self.home)
        return self

    def dump(self) -> Tables:
        return dump(self.warehouse)


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """A read-only connection to a DuckDB file that no run holds open."""
    import duckdb

    con = duckdb.connect(str(path), read_only=True)
    try:
        con.execute("set timezone = 'UTC'")
        yield con
    finally:
        con.close()


@contextmanager
def writing(path: Path) -> Iterator[Any]:
    """A writing connection, for planting faults."""
    import duckdb

    con = duckdb.connect(str(path))
    try:
        yield con
    finally:
        con.close()


def dump(source: Path | Any, leave_out: set[str] = VOLATILE) -> Tables:
    """Every table's rows as sorted texts, without clock readings, run ids and repeat deliveries.

    The columns' names are the first row. source: a DuckDB file, or a connection whose catalog is attached and in use.
    """
    if isinstance(source, Path):
        with opened(source) as con:
            return dump(con, leave_out)
    tables: Tables = {}
    names = source.execute(
        "select schema_name, table_name from duckdb_tables() "
        "where database_name = current_database() and not internal and not temporary order by all"
    ).fetchall()
    for schema, table in names:
        found = source.execute(
            "select column_name from duckdb_columns() where database_name = current_database() "
            "and schema_name = ? and table_name = ? order by column_index",
            [schema, table],
        ).fetchall()
        volatile = leave_out | ({"run_id"} if f"{schema}.{table}" == "provenance.build" else set())
        volatile |= {"content"} if f"{schema}.{table}" == "entity.entity" else set()  # has first_seen in it
        if schema not in ("staging", "provenance"):
            volatile -= {"valid_from", "valid_to", "source"}
        columns = [str(c) for (c,) in found if c not in volatile]
        where = "where status <> 'repeat'" if f"{schema}.{table}" == "provenance.delivery" else ""
        if f"{schema}.{table}" == "catalog.dataset":
            # What runs write about themselves grows with each run.
            where = "where name not in ('provenance.delivery', 'provenance.build', 'quality.check_result')"
        if f"{schema}.{table}" == "entity.link_metric":
            where = "where false"  # it is about the runs, and has rows for each
        listed = ", ".join(f'"{c}"::varchar' for c in columns)
        rows = source.execute(f'select {listed} from {schema}."{table}" {where}').fetchall()
        tables[f"{schema}.{table}"] = [
            tuple(columns),
            *sorted(tuple("∅" if v is None else str(v) for v in row) for row in rows),
        ]
    return tables


def differences(left: Tables, right: Tables) -> dict[str, list[Any]]:
    """The tables that differ, each with a few rows that only one side has; empty where all are equal."""
    found: dict[str, list[Any]] = {}
    for name in sorted(left.keys() | right.keys()):
        a, b = left.get(name), right.get(name)
        if a != b:
            only_a = sorted(set(a or []) - set(b or []))[:3]
            only_b = sorted(set(b or []) - set(a or []))[:3]
            found[name] = [len(a or []), len(b or []), only_a, only_b]
    return found


def builds(warehouse: Path) -> dict[str, Any]:
    """When each step was last rebuilt."""
    with opened(warehouse) as con:
        return dict(con.execute("select asset, rebuilt_at from provenance.build").fetchall())


def rebuilt_since(before: dict[str, Any], warehouse: Path) -> set[str]:
    """The steps rebuilt since; a feed's declaration counts as its feed."""
    after = builds(warehouse)
    return {asset.removesuffix("#declaration") for asset in after if after[asset] != before.get(asset)}


def red_checks(warehouse: Path) -> set[tuple[str, str]]:
    """(table, check) of every check that failed when last run."""
    with opened(warehouse) as con:
        return set(
            con.execute("select table_name, check_name from quality.check_result where not passed").fetchall()
        )


def until(is_true: Callable[[], bool], at_most_s: float = 30.0) -> bool:
    """Wait until something is true; whether it became so."""
    deadline = time.monotonic() + at_most_s
    while not is_true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def in_own_interpreter(
    arguments: Sequence[str], package: Path = ROOT, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`python -m city_platform.cli ARGUMENTS`, to its end."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CITY_PLATFORM", "DAGSTER"))}
    return subprocess.run(
        [sys.executable, "-m", "city_platform.cli", *arguments],
        cwd=package,
        env=keep | environment,
        capture_output=True,
        text=True,
        timeout=AT_MOST_S,
    )


@dataclass
class Reader:
    """A process that opens a published file again and again; each time, `sql` gives one row, noted if it is new."""

    path: Path
    sql: str
    pause_s: float = 0.05

    def __enter__(self) -> Reader:
        self._process = subprocess.Popen(
            [sys.executable, "-c", READER, str(self.path), self.sql, str(self.pause_s)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == "ready\n"
        return self

    def __exit__(self, *_: object) -> None:
        """Ends it. Sets opens (how often), rows (what it saw, in order) and errors."""
        answer = json.loads(self._process.communicate(timeout=60)[0])
        self.opens: int = answer["opens"]
        self.rows: list[Any] = answer["rows"]
        self.errors: list[str] = answer["errors"]


READER = """
import duckdb, json, os, select, sys
path, sql, pause_s = sys.argv[1:]
opens, rows, errors = 0, [], []
print("ready", flush=True)
while not select.select([sys.stdin], [], [], float(pause_s))[0]:
    if not os.path.exists(path):
        continue
    try:
        con = duckdb.connect(path, read_only=True)
        try:
            row = list(con.execute(sql).fetchone())
        finally:
            con.close()
        opens += 1
        if not rows or rows[-1] != row:
            rows.append(row)
    except Exception as error:
        errors.append(repr(error))
print(json.dumps({"opens": opens, "rows": rows, "errors": errors}, default=str))
"""


def copy_package(to: Path) -> Path:
    """A folder with a copy of the package in it, so that a test may edit it."""
    shutil.copytree(
        ROOT / "city_platform", to / "city_platform", ignore=shutil.ignore_patterns("__pycache__")
    )
    return to


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first `old` of a text file, which must be there."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path} no longer holds {old!r}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _serve() -> None:
    import importlib

    for name in (
        "click", "dagster", "duckdb", "httpx", "matplotlib.figure", "matplotlib.backends.backend_agg", "pandas",
        "pydantic", "rich.console", "sklearn.linear_model", "sqlalchemy", "tenacity", "yaml",
    ):  # fmt: skip
        importlib.import_module(name)
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != ROOT]
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        request = json.loads(line)
        if "wait" in request:
            answer = _wait(request["wait"], request["at_most_s"])
        else:
            answer = os.fork()
            if answer == 0:
                _become(request)
        answers.write(f"{answer}\n")
        answers.flush()


def _wait(pid: int, at_most_s: float) -> int:
    deadline = time.monotonic() + at_most_s
    while True:
        found, status = os.waitpid(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            deadline += at_most_s
        time.sleep(0.01)


def _become(request: dict[str, Any]) -> None:
    folder = Path(request["folder"])
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    for number, name in ((1, "out"), (2, "err")):
        os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
    os.environ.clear()
    os.environ.update(request["environment"])
    os.chdir(folder)
    sys.path.insert(0, request["package"])
    sys.argv = ["city-platform", *request["arguments"]]
    code: Any = 1
    try:
        from city_platform.cli import main

        main()
    except SystemExit as error:
        code = error.code
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)  # DuckDB's extensions do not survive the end of a fork


if __name__ == "__main__":
    _serve()
