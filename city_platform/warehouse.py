"""Warehouse: the only module that opens DuckDB. Attach, the run's lock, transactions, publish by rename.

Belongs here: how the warehouse is reached safely. Does not belong here: what its tables are (tables/), what is
written into them (the four steps), or when (rebuild.py).
"""

from __future__ import annotations

import fcntl
import importlib
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from city_platform.settings import Settings
from city_platform.tables import Table, quote_text, schemas

if TYPE_CHECKING:
    import duckdb

CATALOG = "warehouse"
_locks: dict[Path, IO[str]] = {}  # held until the process ends: the kernel frees them, also on kill -9
_open: set[str] = set()


class WarehouseError(RuntimeError):
    """The warehouse cannot be used; the message says why, and what to do."""


class Warehouse:
    """One run's connection: the city's catalog attached as `warehouse` and in use, temporary tables in memory."""

    def __init__(self, settings: Settings, run_id: str = "", say: Callable[[str], None] = print) -> None:
        self.settings = settings
        self.run_id = run_id
        settings.home.mkdir(parents=True, exist_ok=True)
        settings.landing.mkdir(mode=0o700, exist_ok=True)
        hold_run_lock(settings.home, settings.lock_wait_s, run_id, say)
        target = settings.catalog or str(settings.home / "warehouse.duckdb")
        if target in _open:
            raise WarehouseError(f"{target} is already open in this process; close that one first.")
        self._target = target
        self.con = _connect(settings)
        try:
            if target.startswith("ducklake:"):
                load_extension(self.con, "ducklake")
            options = ""
            if target.startswith("ducklake:") and ":postgres:" not in target:
                options = f" (data_path {quote_text(str(settings.home / 'lake') + '/')})"
            self.con.execute(f"attach {quote_text(target)} as {CATALOG}{options}")
            self.con.execute(f"use {CATALOG}")
            if Path(target).is_file():
                Path(target).chmod(0o600)  # it is identified, and private to the pipeline
            for schema in schemas():
                self.con.execute(f"create schema if not exists {schema}")
        except BaseException:
            self.con.close()
            raise
        _open.add(target)

    def close(self) -> None:
        self.con.close()
        _open.discard(self._target)

    def __enter__(self) -> Warehouse:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def transaction(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """All or nothing: commits at the end, rolls back on any error."""
        self.con.execute("begin")
        try:
            yield self.con
        except BaseException:
            self.con.execute("rollback")
            raise
        self.con.execute("commit")

    def ensure_table(self, table: Table) -> None:
        """Create the table, or bring an older shape of it to today's, carrying over the columns of the same name."""
        wanted = [(c.name, _plain_type(c.type)) for c in table.columns]
        found = self.columns(table.schema, table.name)
        if found == wanted:
            return
        if not found:
            self.con.execute(table.ddl())
        else:
            old = f'{table.schema}."{table.name}__old"'
            self.con.execute(f'alter table {table.full_name} rename to "{table.name}__old"')
            self.con.execute(table.ddl())
            kept = [c for c in table.columns if c.name in {name for name, _ in found}]
            if kept:
                names = ", ".join(f'"{c.name}"' for c in kept)
                values = ", ".join(f'try_cast("{c.name}" as {c.type})' for c in kept)
                self.con.execute(f"insert into {table.full_name} ({names}) select {values} from {old}")
            self.con.execute(f"drop table {old}")
        for comment in table.comments():
            self.con.execute(comment)

    def columns(self, schema: str, name: str) -> list[tuple[str, str]]:
        """Names and types of a table's columns; empty if there is no such table."""
        return [
            (str(column), _plain_type(str(type_)))
            for column, type_ in self.con.execute(
                "select column_name, data_type from duckdb_columns() "
                "where database_name = ? and schema_name = ? and table_name = ? order by column_index",
                [CATALOG, schema, name],
            ).fetchall()
        ]

    def publish(
        self, file_name: str, mode: int, write: Callable[[duckdb.DuckDBPyConnection, str], None]
    ) -> Path:
        """Build a file beside its final name and move it in whole; readers of the older one keep their snapshot.

        write(connection, alias) fills the new file, attached as alias. mode: the file's permissions.
        """
        final = self.settings.published / file_name
        final.parent.mkdir(parents=True, exist_ok=True)
        building = final.with_name(f".{final.name}.building")
        for leftover in (building, _wal(building)):
            leftover.unlink(missing_ok=True)
        umask = os.umask(0o077)  # nobody else reads a file that may not be published after all
        try:
            self.con.execute(f"attach {quote_text(str(building))} as publishing")
            try:
                write(self.con, "publishing")
                self.con.execute("checkpoint publishing")
            finally:
                self.con.execute(f"use {CATALOG}")
                self.con.execute("detach publishing")
        except BaseException:
            for leftover in (building, _wal(building)):
                leftover.unlink(missing_ok=True)
            raise
        finally:
            os.umask(umask)
        _wal(building).unlink(missing_ok=True)
        building.chmod(mode)
        _fsync(building)
        # A stray .wal beside the final name would be replayed into the new file by its first reader.
        _wal(final).unlink(missing_ok=True)
        os.replace(building, final)
        _fsync(final.parent)
        return final


def read_published(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a published file for reading only; raises WarehouseError where there is none."""
    import duckdb

    if not path.is_file():
        raise WarehouseError(f"{path} is not there yet. `city-platform run` makes it.")
    return duckdb.connect(str(path), read_only=True)


def load_extension(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load a DuckDB extension from its PyPI wheel; nothing is downloaded."""
    import duckdb

    package = importlib.import_module(f"duckdb_extension_{name}")
    folder = Path(str(package.__file__)).parent / "extensions" / f"v{duckdb.__version__}"
    con.execute(f"load {quote_text(str(folder / f'{name}.duckdb_extension'))}")


def hold_run_lock(home: Path, wait_s: float, run_id: str, say: Callable[[str], None]) -> None:
    """Take the city's run lock and hold it until this process ends.

    A second run waits up to wait_s seconds, then raises WarehouseError naming whom it waited for.
    """
    path = home / "run.lock"
    if path not in _locks:
        handle: IO[str] = path.open("a+")
        deadline = time.monotonic() + wait_s
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                holder = _holder(path)
                if time.monotonic() >= deadline:
                    handle.close()
                    raise WarehouseError(
                        f"Waited {wait_s:g} s for {holder} to finish with {home}. Let it end, or stop it, "
                        "then run again. CITY_PLATFORM_LOCK_WAIT sets how many seconds a run waits."
                    ) from None
                if not told:
                    say(f"Waiting for {holder} to finish with {home} (up to {wait_s:g} s).")
                    told = True
                time.sleep(min(0.2, wait_s))
        _locks[path] = handle
    handle = _locks[path]
    handle.seek(0)
    handle.truncate()
    json.dump(
        {"pid": os.getpid(), "run": run_id, "since": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"}, handle
    )
    handle.flush()


def _holder(path: Path) -> str:
    try:
        who = json.loads(path.read_text())
        return f"run {who['run'] or '(no id)'} of process {who['pid']}, which began {who['since']},"
    except (OSError, ValueError, KeyError):
        return "another run"


def _connect(settings: Settings) -> duckdb.DuckDBPyConnection:
    import duckdb

    settings.spill_folder.mkdir(parents=True, exist_ok=True)
    config: dict[str, Any] = {
        "memory_limit": settings.memory_limit,
        "threads": settings.threads,
        "temp_directory": str(settings.spill_folder),
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": False,
        # A landed file may be written again under its name; cached pages of the older one would be read for it.
        "enable_external_file_cache": False,
    }
    con = duckdb.connect(":memory:", config=config)
    con.execute("set timezone = 'UTC'")
    return con


def _plain_type(type_: str) -> str:
    return {"STRING": "VARCHAR", "TEXT": "VARCHAR"}.get(type_.upper(), type_.upper())


def _wal(path: Path) -> Path:
    return path.with_name(path.name + ".wal")


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
