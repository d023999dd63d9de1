"""Reading US addresses, side by side with usaddress: how often right, and how fast.

    .venv/bin/python benchmarks/us_addresses.py --data ../shared/data [--rival PYTHON]

Right is measured on the labelled lines of `benchmarks/usaddress_us50_labelled.xml` that have a house number with a
digit in it. They come from usaddress's own training data, so its share is what its model remembers; their labels know only
number, street, place, state and ZIP code. The platform is told no town.
- number: the digits of the AddressNumber tokens, in order, are those that were read (of a range both ends, of 12 1/2 all).
- street: the StreetName tokens equal what was read, both without the direction before and after, without the suffix at the end
  and without a landmark in brackets; capitals and digits, spelt one way (7th and Seventh are 7, Hwy is HIGHWAY; No, Number and # are left out).
- whole street: the same with directions and suffix left in.
Both readers' words go through the same function as the labels do. Fast is measured on all distinct addresses of Chicago's files,
rival and platform one after the other on the same machine, each as it is meant to be used: usaddress one address at a time,
the platform all of them in one go, eight times as many (each with another digit before it), on as many cores as there are.
Reading the file is not counted. A CPU second is one of one core: it tells the two apart also where the machine has other work.

PYTHON is an interpreter whose environment has usaddress; without one it is installed into an environment made for this run.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

RIVAL = "usaddress==0.5.16"
VARIED = 8
DIRECTIONS = dict(NORTH="N", SOUTH="S", EAST="E", WEST="W")
DIRECTIONS |= {f"{a}{b}": DIRECTIONS[a] + DIRECTIONS[b] for a in ("NORTH", "SOUTH") for b in ("EAST", "WEST")}
SAME = DIRECTIONS | {
    word: one
    for one, words in {
        "ST": "STREET STR", "AVE": "AVENUE AV", "BLVD": "BOULEVARD BL", "RD": "ROAD", "DR": "DRIVE", "PL": "PLACE",
        "CT": "COURT", "PKWY": "PARKWAY PKY", "TER": "TERRACE TERR", "LN": "LANE", "HIGHWAY": "HWY", "SQ": "SQUARE",
        "PLZ": "PLAZA", "CIR": "CIRCLE", "TRL": "TRAIL", "TPKE": "TURNPIKE", "EXPY": "EXPRESSWAY", "ALY": "ALLEY",
        "FWY": "FREEWAY", "BYP": "BYPASS", "ROUTE": "RTE RT", "I": "INTERSTATE IH", "SR": "STATEROUTE",
        "XING": "CROSSING", "CSWY": "CAUSEWAY", "ST ": "SAINT",
    }.items()
    for word in words.split()
}  # fmt: skip
ORDINALS = "FIRST SECOND THIRD FOURTH FIFTH SIXTH SEVENTH EIGHTH NINTH TENTH".split()
SAME |= {word: str(n) for n, word in enumerate(ORDINALS, start=1)}
SUFFIXES = set(
    "ST AVE BLVD RD DR PL CT PKWY TER LN HIGHWAY SQ PLZ CIR TRL TPKE EXPY ALY FWY XING CSWY PIKE LOOP WAY".split()
)


class Spent(NamedTuple):
    """Seconds on the clock, and of all cores together."""

    seconds: float
    cpu: float

    @classmethod
    def since(cls, started: Spent | None = None) -> Spent:
        now = cls(time.perf_counter(), time.process_time())
        return cls(now.seconds - started.seconds, now.cpu - started.cpu) if started else now


class Read(NamedTuple):
    """What a label or a reader says; a street word by word, directions and suffix included."""

    number: str
    street: str


def words(street: str) -> list[str]:
    """The words of a street, spelt one way."""
    text = re.sub(r"\([^)]*\)", " ", street.upper().replace("'", "").replace(".", ""))
    text = re.sub(r"\bSTATE (ROUTE|RTE|RT)\b", "SR", text)
    text = re.sub(r"\b(IH|I) ?-?(\d)", r"I \2", text)
    found = [w for w in re.split(r"[^A-Z0-9]+", text) if w and w not in ("NO", "NUMBER")]
    found = [re.sub(r"^(\d+)(ST|ND|RD|TH)$", r"\1", w) for w in found]
    return [SAME.get(w, w).strip() for w in found]


def core(found: list[str]) -> list[str]:
    """A street's words without directions and suffix, as long as one is left."""
    directions = set(DIRECTIONS.values())
    while len(found) > 1 and found[-1] in directions:
        found = found[:-1]
    while len(found) > 1 and found[0] in directions and not (len(found) == 2 and found[1] in SUFFIXES):
        found = found[1:]
    if len(found) > 1 and found[-1] in SUFFIXES:
        found = found[:-1]
    return found


def labelled(path: Path) -> list[tuple[str, Read]]:
    """Each labelled line and what it holds."""
    lines = []
    for line in ElementTree.parse(path).getroot():
        parts = [(p.tag, (p.text or "").strip()) for p in line]
        number = " ".join(t for tag, t in parts if tag == "AddressNumber")
        street = " ".join(t for tag, t in parts if tag == "StreetName")
        lines.append((" ".join(t for _, t in parts), Read(number, street)))
    return lines


def numbered(lines: Iterable[tuple[str, Read]]) -> list[tuple[str, Read]]:
    return [(text, truth) for text, truth in lines if re.search(r"\d", truth.number)]


def read_by_platform(texts: list[str], town: str = "-") -> tuple[list[Read], Spent]:
    """What the platform reads, and in how many seconds."""
    import duckdb

    from city_platform.rebuild import sql_file

    with duckdb.connect() as con:
        con.execute("create temp table given as select unnest(?::varchar[]) as address_text", [texts])
        con.execute("create temp table address_string as select distinct address_text from given")
        con.execute("set variable city_name = ?", [town])
        started = Spent.since()
        con.execute(sql_file("entities/address_us.sql"))
        spent = Spent.since(started)
        found = dict(
            (str(text), Read(str(number), str(street)))
            for text, number, street in con.execute(
                "select address_text, number_low || case when number_high > number_low then '-' || number_high else '' end "
                "|| coalesce(' ' || number_suffix, ''), "
                "concat_ws(' ', direction, street, suffix) from parsed_address where number_low is not null"
            ).fetchall()
        )
    return [found.get(t, Read("", "")) for t in texts], spent


def read_by_rival(texts: list[str]) -> tuple[list[Read], Spent]:
    """What usaddress reads, and in how many seconds; only where usaddress is installed."""
    import usaddress

    usaddress.parse("1 Main St")  # loads its model
    started = Spent.since()
    parsed = [usaddress.parse(text) for text in texts]
    spent = Spent.since(started)
    return [
        Read(
            " ".join(word for word, label in found if label.startswith("AddressNumber")),
            " ".join(word for word, label in found if label.startswith("StreetName")),
        )
        for found in parsed
    ], spent


def right(truth: list[Read], found: list[Read]) -> dict[str, float]:
    """The shares that are right."""

    def plain(number: str) -> str:
        return re.sub(r"\D", "", number)

    pairs = list(zip(truth, found, strict=True))
    hits = {
        "number": [plain(t.number) == plain(f.number) for t, f in pairs],
        "street": [core(words(t.street)) == core(words(f.street)) for t, f in pairs],
        "whole street": [words(t.street) == words(f.street) for t, f in pairs],
    }
    return {name: sum(found) / len(found) for name, found in hits.items()}


def rates(addresses: int, spent: Spent) -> dict[str, float]:
    return {"addresses a second": addresses / spent.seconds, "addresses a CPU second": addresses / spent.cpu}


def chicago_addresses(folder: Path) -> list[str]:
    """All distinct addresses of Chicago's files."""
    import duckdb

    files = [
        str(folder / f) for f in ("food_inspections.csv", "business_licenses.csv", "sanitarian_visits.csv")
    ]
    rows = duckdb.sql(
        f"select distinct address from read_csv({files}, all_varchar = true, union_by_name = true) "
        "where trim(address) <> '' order by 1"
    ).fetchall()
    return [str(address) for (address,) in rows]


def measure(data: Path, rival: Path) -> dict[str, dict[str, float]]:
    """Shares right and addresses a second, of the platform and of usaddress, and the rates' ratio."""
    lines = numbered(labelled(data / "benchmarks" / "usaddress_us50_labelled.xml"))
    texts, truth = [t for t, _ in lines], [t for _, t in lines]
    many = chicago_addresses(data / "chicago")
    ours, _ = read_by_platform(texts)
    varied = [f"{digit}{text}" for digit in range(1, VARIED + 1) for text in many]
    spent = sorted(read_by_platform(varied, town="Chicago")[1] for _ in range(3))[1]
    result = {"platform": right(truth, ours) | rates(len(varied), spent)}
    done = subprocess.run(
        [str(rival), __file__, "--as-rival"],
        input=json.dumps([texts, many]),
        capture_output=True,
        text=True,
        check=True,
    )
    theirs, rival_spent = json.loads(done.stdout)
    result["usaddress"] = right(truth, [Read(*r) for r in theirs])
    result["usaddress"] |= rates(len(many), Spent(*rival_spent))
    result["ratio"] = {k: v / result["usaddress"][k] for k, v in result["platform"].items()}
    result["measured on"] = {"labelled lines": len(lines), "distinct addresses": len(many)}
    return result


def rival_environment(folder: Path) -> Path:
    """An interpreter of a new environment that has usaddress."""
    venv.create(folder, with_pip=True)
    python = folder / "bin" / "python"
    subprocess.run([python, "-m", "pip", "install", "--quiet", RIVAL], check=True)
    return python


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--rival", type=Path, help="a Python that has usaddress")
    parser.add_argument("--as-rival", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.as_rival:
        texts, many = json.load(sys.stdin)
        json.dump([read_by_rival(texts)[0], read_by_rival(many)[1]], sys.stdout)
        return
    with tempfile.TemporaryDirectory() as folder:
        rival = arguments.rival or rival_environment(Path(folder))
        figures = measure(arguments.data, rival)
    on = figures.pop("measured on")
    print(
        f"{on['labelled lines']:,} labelled lines, {on['distinct addresses']:,} distinct addresses of Chicago"
    )
    print(f"{'':24}" + "".join(f"{name:>12}" for name in figures))
    for name in figures["platform"]:
        shown = "{:12,.0f}" if name.startswith("addresses") else "{:12.4f}"
        row = [shown.format(figures[who][name]) for who in ("platform", "usaddress")]
        print(f"{name:24}" + "".join(row) + f"{figures['ratio'][name]:12.2f}")


if __name__ == "__main__":
    main()
