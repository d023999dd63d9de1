"""Eastmere made at several sizes: seconds, memory and records a second, beside a faker that makes one row at a time.

    .venv/bin/python benchmarks/synthesise.py 10000 100000 1000000

Each size is made by a process of its own into an empty folder. The rival makes the same kind of row (name, birth date,
address) with the Faker package, one at a time, for ten seconds; it is left out, with a sentence, where that package is
not installed (`pip install faker`).
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RIVAL_SECONDS = 10.0


def make(addresses: int) -> tuple[float, float, int, float]:
    """Seconds, peak memory in GB, records and GB written, of one size."""
    home = Path(tempfile.mkdtemp(prefix="eastmere-"))
    command = [
        sys.executable,
        "-c",
        WATCHED,
        "synthesise",
        "--addresses",
        str(addresses),
        "--home",
        str(home),
    ]
    started = time.monotonic()
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    seconds = time.monotonic() - started
    peak = int(done.stdout.rsplit("PEAK ", 1)[1]) / 1024**2
    records = int(re.search(r"([\d,]+) records of", done.stdout)[1].replace(",", ""))  # type: ignore[index]
    size = sum(p.stat().st_size for p in home.rglob("*") if p.is_file()) / 1e9
    shutil.rmtree(home)
    return seconds, peak, records, size


WATCHED = """
import resource
from city_platform.cli import main
try:
    main(standalone_mode=False)
finally:
    print("PEAK", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


def rival() -> float | None:
    """Rows a second of a faker."""
    try:
        from faker import Faker
    except ImportError:
        return None
    Faker.seed(1)
    fake = Faker("en_GB")
    rows, started = 0, time.monotonic()
    while time.monotonic() - started < RIVAL_SECONDS:
        (fake.first_name(), fake.last_name(), fake.date_of_birth(), fake.street_address(), fake.postcode())
        rows += 1
    return rows / (time.monotonic() - started)


def main() -> None:
    sizes = [int(a) for a in sys.argv[1:]] or [10_000, 100_000]
    print(
        f"{'addresses':>10} {'records':>12} {'seconds':>8} {'records/s':>10} {'peak GB':>8} {'written GB':>10}"
    )
    fastest = 0.0
    for addresses in sizes:
        seconds, peak, records, size = make(addresses)
        fastest = max(fastest, records / seconds)
        print(
            f"{addresses:>10,} {records:>12,} {seconds:>8.1f} {records / seconds:>10,.0f} {peak:>8.2f} {size:>10.2f}",
            flush=True,
        )
    slow = rival()
    if slow is None:
        print("rival: the package faker is not installed here")
    else:
        print(f"rival, one row at a time: {slow:,.0f} rows/s; ratio {fastest / slow:,.0f}")


if __name__ == "__main__":
    main()
