"""A desk at which feeds are drafted: a city folder that is new, and files made up for it.

Belongs here: set-up that the tests of this folder share. Does not belong here: claims (the tests).
"""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.feeds.drafting.draft import Draft, draft
from city_platform.feeds.drafting.new_city import start_city
from city_platform.feeds.drafting.profile import Profile, profile
from city_platform.feeds.drafting.recognise import Look, recognise
from city_platform.feeds.drafting.sample import Sample, Wanted, open_sample
from city_platform.feeds.drafting.scratch import scratch
from city_platform.settings import Settings

Row = tuple[str, ...]
GIVEN = "Margaret Peter Sarah David Emma Mohammed Olivia James Aisha Thomas Grace Daniel".split()
FAMILY = (
    "Sutcliffe Hussain Greenwood Taylor Ackroyd Khan Barraclough Wilson Patel Jowett Murphy Naylor".split()
)
STREETS = ("Mill Lane", "High Street", "Station Road", "Church View", "Albert Terrace", "Moor Avenue")
KINDS = ("Bakery", "Cafe", "Motors Ltd", "Stores", "Takeaway", "Fisheries")


class Desk:
    """A new city and a folder of files."""

    def __init__(self, folder: Path, country: str = "GB") -> None:
        self.folder = folder
        self.city = start_city(folder / "ourtown", None, country).folder
        self.files = folder / "files"
        self.files.mkdir()
        self.settings = Settings(
            city_folder=self.city, home=folder / "home" / "ourtown", key_file=folder / "key"
        )

    def file(self, name: str, content: str | bytes, encoding: str = "utf-8") -> Path:
        path = self.files / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    def new(self, address: Path | str, name: str = "office/things", wanted: Wanted | None = None) -> Draft:
        """Draft one feed from what address names."""
        return draft(name, str(address), self.settings, wanted).drafts[0]

    def feed(self, name: str = "office/things") -> Feed:
        """The feed as load_feeds reads what was drafted."""
        return next(f for f in load_feeds(self.city) if f.id == name)

    def drafted(self, address: Path | str, **wanted: Any) -> Feed:
        """Draft one feed and read it again."""
        self.new(address, wanted=Wanted(**wanted))
        return self.feed()

    def text(self, agency: str = "office") -> str:
        return (self.city / "feeds" / agency / "defs.yaml").read_text(encoding="utf-8")

    @contextmanager
    def sample(self, path: Path) -> Iterator[tuple[Sample, list[tuple[Any, ...]]]]:
        """What a file holds as it is sampled: the sample, and its records."""
        with scratch(self.settings) as warehouse:
            found = open_sample(str(path), warehouse, Wanted())
            rows = warehouse.con.execute(
                "select * exclude (_delivery_id, _line_shift, file_row_number) from "
                f"read_parquet('{found.records}', file_row_number = true) order by file_row_number"
            ).fetchall()
            yield found, rows


def csv_text(rows: Iterable[Sequence[str]], end: str = "\n", **dialect: Any) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator=end, **dialect).writerows(rows)
    return out.getvalue()


def shops(count: int = 60) -> list[Row]:
    """A made-up register of shops with a header, the same every time."""
    pick = random.Random(4)
    rows: list[Row] = [("Ref No", "Trading Name", "Address", "Postcode", "Opened", "Rent", "Band")]
    for n in range(count):
        rows.append(
            (
                f"LIC/{1000 + n}",
                f"{pick.choice(FAMILY)}'s {pick.choice(KINDS)}",
                f"{1 + n} {pick.choice(STREETS)}, Ourtown",
                f"LS{1 + n % 20} {n % 9 + 1}{pick.choice('ABD')}{pick.choice('EFG')}",
                f"{1 + n % 28:02d}/{1 + n % 12:02d}/{2010 + n % 12}",
                f"£{1000 + 37 * n:,}.50",
                "ABC"[n % 3],
            )
        )
    return rows


def objects(rows: Sequence[Row]) -> list[dict[str, str]]:
    return [dict(zip(rows[0], row, strict=True)) for row in rows[1:]]


def json_lines(rows: Sequence[Row]) -> str:
    return "".join(json.dumps(o) + "\n" for o in objects(rows))


def profiles_of(columns: Mapping[str, Sequence[str]], country: str = "GB") -> list[Profile]:
    """Profiles of made-up columns, each repeated to the length of the longest."""
    length = max(len(values) for values in columns.values())
    con = duckdb.connect()
    listed = ", ".join('"' + name.replace('"', '""') + '" varchar' for name in columns)
    con.execute(f"create temp table drafted ({listed})")
    rows = [[values[n % len(values)] if values else "" for values in columns.values()] for n in range(length)]
    con.executemany(f"insert into drafted values ({', '.join('?' * len(columns))})", rows)
    return [profile(con, name, n, country) for n, name in enumerate(columns)]


def looks_of(columns: Mapping[str, Sequence[str]], country: str = "GB") -> dict[str, Look]:
    return recognise(profiles_of(columns, country), country)
