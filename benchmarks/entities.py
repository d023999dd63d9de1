"""What the entities step has to show: each figure beside its aim and, where there is one, beside a rival in the same run.

    .venv/bin/python benchmarks/entities.py [POINT …] [--data ../shared/data] [--rivals FOLDER]

Points, all but `scale` where none is named:

    chicago      a city's businesses with licence and account numbers hidden; Splink on the raw records
    febrl        FEBRL4 without the social security number; Splink
    us           American addresses read; usaddress
    uk           British addresses matched to a gazetteer; uk_address_matcher
    eastmere     a made-up borough of 20,000 addresses, two seeds: by entity type, by dirt, relatives merged
    ids          how many ids stay when the last tenth of the records comes
    speed        people of 100,000 addresses scored and clustered; Splink on the same parsed records, blocks and comparisons
    incremental  2 in a hundred records of 100,000 addresses change: seconds beside a full run, and equal tables
    scale        a million addresses: memory, and time per record beside that at 100,000 (about an hour)

A rival needs packages that the platform does not: FOLDER holds an environment each (splink/, ukam/), made where they
are missing. --keep FOLDER keeps the boroughs that are made there, and uses those that are there.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

import change_staging
import entities_speed
from eastmere_truth import judged
from steps import Ran, make_eastmere, run_steps

HERE = Path(__file__).resolve().parent
RIVALS = {"splink": ["splink==5.0.0", "usaddress==0.5.16"], "ukam": ["uk_address_matcher"]}
AIMS = {"person": 0.985, "business": 0.98, "address": 0.99}  # B-cubed F1
SEEDS = (1, 7)
RECORDS_MEMORY = "12GB"  # of DuckDB's, for a million addresses; the process may have 16


class Bench:
    """Where the data, the rivals and the boroughs are."""

    def __init__(self, data: Path, rivals: Path, kept: Path) -> None:
        self.data, self.rivals, self.kept = data.resolve(), rivals.resolve(), kept.resolve()

    def python(self, rival: str) -> str:
        """The Python of a rival's environment, which is made where it is missing."""
        python = self.rivals / rival / "bin" / "python"
        if not python.exists():
            print(f"  making an environment for {rival} …", flush=True)
            venv.create(self.rivals / rival, with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *RIVALS[rival]], check=True)
        return str(python)

    def borough(self, addresses: int, seed: int = 1) -> Path:
        """A home with Eastmere of that size, its feeds loaded and no entities yet; it is for copying."""
        home = self.kept / f"eastmere_{addresses}_{seed}"
        if not (home / "LOADED").exists():
            print(f"  making {addresses:,} addresses, seed {seed}, and loading its feeds …", flush=True)
            shutil.rmtree(home, ignore_errors=True)
            make_eastmere(home, addresses, seed)
            run_steps(home, "feeds")
            (home / "LOADED").touch()
        return home

    def copy(self, home: Path, name: str) -> Path:
        """A home of its own with the warehouse and the truth of another."""
        target = self.kept / name
        shutil.rmtree(target, ignore_errors=True)
        (target / "eastmere").mkdir(parents=True)
        for part in ("warehouse.duckdb", "MADE", "decisions.csv"):
            if (home / "eastmere" / part).exists():
                shutil.copy2(home / "eastmere" / part, target / "eastmere" / part)
        (target / "eastmere" / "truth").symlink_to(home.resolve() / "eastmere" / "truth")
        return target


def say(what: str, measured: str, aim: str = "", ok: bool | None = None) -> None:
    verdict = "" if ok is None else "  met" if ok else "  MISSED"
    print(f"  {what:<66} {measured:>22}   {aim}{verdict}", flush=True)


def script(name: str, *options: str) -> Callable[[Bench], None]:
    """A point that a script of its own shows."""

    def run(bench: Bench) -> None:
        listed = [o.format(data=bench.data, measure=bench.data.parent / "measure") for o in options]
        for place, option in enumerate(listed):
            if option.startswith("rival:"):
                listed[place] = bench.python(option.removeprefix("rival:"))
        done = subprocess.run([sys.executable, str(HERE / f"{name}.py"), *listed])
        if done.returncode:
            print(f"  {name}.py failed", flush=True)

    return run


def eastmere(bench: Bench) -> None:
    for seed in SEEDS:
        home = bench.copy(bench.borough(20_000, seed), f"judged_{seed}")
        ran = run_steps(home, "entities")
        metrics, relatives = judged(home)
        print(f"  seed {seed}: entities in {ran.total:.1f} s")
        found = {(subject, part, metric): (value, n) for subject, part, metric, value, n in metrics}
        for subject in ("person", "business", "organisation", "address"):
            f1, n = found[subject, "all", "bcubed_f1"]
            precision, recall = (found[subject, "all", f"bcubed_{m}"][0] for m in ("precision", "recall"))
            aim = AIMS.get(subject)
            say(
                f"{subject}: B-cubed F1 of {n:,} records (P {precision:.4f}, R {recall:.4f})",
                f"{f1:.4f}",
                f"aim {aim} or more" if aim else "no aim",
                f1 >= aim if aim else None,
            )
        share = 1000 * relatives["merged"] / relatives["people"]
        say(
            f"people merged with a relative of the same name, of {relatives['people']:,} "
            f"({relatives['with_relative']:,} have one)",
            f"{relatives['merged']:,} = {share:.2f} in 1,000",
            "aim fewer than 1",
            share < 1,
        )
        say("… with a stray record of theirs, at least", f"{relatives['stray']:,}")
        _by_dirt(found)
        shutil.rmtree(home)


def _by_dirt(found: dict[tuple[str, str, str], tuple[float, int]]) -> None:
    """F1 by kind of dirt, of the records that have it, where it bears on the entity type."""
    from city_platform.evaluation.pictures import BEARS_ON

    print(f"    {'kind of dirt':<28} {'entity type':<14} {'records':>9} {'share':>7} {'B-cubed F1':>11}")
    for subject, kinds in BEARS_ON.items():
        if (subject, "all", "bcubed_f1") not in found:
            continue
        _, total = found[subject, "all", "bcubed_f1"]
        for kind in ("none", *kinds):
            value, n = found.get((subject, f"dirt:{kind}", "bcubed_f1"), (None, 0))
            if value is not None:
                print(f"    {kind:<28} {subject:<14} {n:>9,} {n / total:>7.2%} {value:>11.4f}", flush=True)


def speed(bench: Bench) -> None:
    home = bench.copy(bench.borough(100_000), "speed")
    ran = run_steps(home, "entities")
    _steps(ran)
    found = entities_speed.compare(home)
    ours, theirs = found["ours"], found["splink"]
    print(f"  {found['records']:,} records of people in {found['nodes']:,} nodes")
    for name, it in (("the platform: collapse, block, score, cluster, repair", ours), ("Splink", theirs)):
        say(
            f"{name}: {it['pairs']:,} pairs, peak {it['peak_gb']:.1f} GB",
            f"{it['seconds']:.1f} s, F1 {it['f1']:.4f}",
        )
    ratio = theirs["seconds"] / ours["seconds"]
    say("how many times faster", f"{ratio:.2f}", "aim 1.5 or more", ratio >= 1.5)
    say("F1 above Splink's", f"{ours['f1'] - theirs['f1']:+.4f}", "aim 0 or more", ours["f1"] >= theirs["f1"])
    shutil.rmtree(home)


def incremental(bench: Bench) -> None:
    before = bench.copy(bench.borough(100_000), "before")
    first = run_steps(before, "entities")
    say("the first run of all, from nothing", f"{first.total:.1f} s")
    changed = change_staging.change(before / "eastmere" / "warehouse.duckdb")
    print("  changed since: " + ", ".join(f"{n:,} {what}" for what, n in changed.items()))
    anew = bench.copy(before, "anew")
    change_staging.forget(anew / "eastmere" / "warehouse.duckdb")
    full, again = run_steps(anew, "entities"), run_steps(before, "entities")
    for step in full.seconds:
        print(f"    {step:<40} full {full.seconds[step]:7.2f} s   again {again.seconds.get(step, 0):7.2f} s")
    ratio = again.total / full.total
    say(
        f"again {again.total:.1f} s, in full {full.total:.1f} s",
        f"{ratio:.3f} = 1/{1 / ratio:.1f}",
        "aim 1/8 or less",
        ratio <= 1 / 8,
    )
    unequal = {
        table: n
        for table, n in change_staging.differences(
            *(home / "eastmere" / "warehouse.duckdb" for home in (before, anew))
        ).items()
        if n
    }
    say("rows that differ from the full run's", f"{sum(unequal.values()):,}", "aim 0", not unequal)
    for table, n in unequal.items():
        print(f"    entity.{table}: {n:,}")
    for home in (before, anew):
        shutil.rmtree(home)


def scale(bench: Bench) -> None:
    per_record = {}
    for addresses in (100_000, 1_000_000):
        home = bench.copy(bench.borough(addresses), "scale")
        ran = run_steps(home, "entities", memory_limit=RECORDS_MEMORY)
        records = change_staging.records(home / "eastmere" / "warehouse.duckdb")
        per_record[addresses] = ran.total / records * 1e6
        print(f"  {addresses:,} addresses, {records:,} records")
        _steps(ran)
        say("per million records", f"{per_record[addresses]:.1f} s")
        say(
            "peak memory",
            f"{ran.peak_gb:.1f} GB",
            "aim 16 GB or less" if addresses > 100_000 else "",
            ran.peak_gb <= 16 if addresses > 100_000 else None,
        )
        shutil.rmtree(home)
    ratio = per_record[1_000_000] / per_record[100_000]
    say("time per record, beside 100,000 addresses", f"{ratio:.2f}", "aim 1.5 or less", ratio <= 1.5)


def _steps(ran: Ran) -> None:
    for step, seconds in ran.seconds.items():
        print(f"    {step:<40} {seconds:8.2f} s")
    say("the entities step", f"{ran.total:.1f} s")


POINTS: dict[str, Callable[[Bench], None]] = {
    "chicago": script("chicago_blind"),
    "febrl": script("febrl"),
    "us": script("us_addresses", "--data", "{data}", "--rival", "rival:splink"),
    "uk": script("uk_addresses"),
    "eastmere": eastmere,
    "ids": script("ids"),
    "speed": speed,
    "incremental": incremental,
    "scale": scale,
}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("points", nargs="*", choices=[[], *POINTS], help=argparse.SUPPRESS)
    parser.add_argument("--data", type=Path, default=HERE.parent.parent / "shared" / "data")
    parser.add_argument("--rivals", type=Path)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="entities_") as folder:
        kept = given.keep or Path(folder)
        kept.mkdir(parents=True, exist_ok=True)
        bench = Bench(given.data, given.rivals or Path(folder) / "rivals", kept)
        for point in given.points or [p for p in POINTS if p != "scale"]:
            print(point, flush=True)
            POINTS[point](bench)


if __name__ == "__main__":
    main()
