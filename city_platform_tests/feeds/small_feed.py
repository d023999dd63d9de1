"""A small feed of made-up dog licences, and a bench that sends it deliveries.

Belongs here: set-up that the tests of this folder share. Does not belong here: claims (the tests).
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from city_platform.feeds import landing
from city_platform.feeds.declaration import Feed
from city_platform.feeds.load import FeedBuilt, feed_checks, load_feed
from city_platform.rebuild import prepare
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "required": True, "class": "public", "meaning": "Number of the licence"},
    "dog": {"class": "public", "meaning": "Name of the dog"},
    "keeper": {"class": "personal", "meaning": "Name of the keeper"},
    "issued": {"type": "date", "required": True, "class": "public", "meaning": "Day of issue"},
    "ended": {"type": "date", "class": "public", "meaning": "Last day"},
    "fee": {"type": "integer", "class": "public", "range": [0, 100], "meaning": "Fee paid"},
}
HEADER = list(COLUMNS)
# Clock readings, and what tells one delivery from another one of the same rows.
NOT_COMPARED = {"_delivery_id", "_line", "first_seen", "changed_at", "valid_from", "valid_to"}
FATES = "read new changed unchanged repeated quarantined removed".split()
_homes = itertools.count()
Row = tuple[str, ...]


def small_feed(**changes: Any) -> Feed:
    """The feed as declared; changes replace fields of its YAML."""
    declared: dict[str, Any] = {
        "agency": "kennels",
        "name": "dogs",
        "title": "Dog licences",
        "owner": "team:kennels",
        "licence": "made up",
        "rights": "open",
        "source": {"file": "dogs.csv"},
        "key": ["id"],
        "columns": COLUMNS,
    }
    return Feed.model_validate(declared | changes)


def with_column(name: str, **changes: Any) -> dict[str, dict[str, Any]]:
    """The feed's columns, one of them changed or added."""
    return COLUMNS | {name: {"meaning": "Added later", "class": "public"} | COLUMNS.get(name, {}) | changes}


def licence(number: int, **values: str) -> Row:
    """One good row."""
    row = {
        "id": str(number),
        "dog": f"Rex {number}",
        "keeper": f"Keeper{number} Hidden",
        "issued": f"2014-03-{1 + number % 28:02d}",
        "ended": "2015-03-31",
        "fee": "25",
    }
    return tuple((row | values).values())


def licences(count: int, start: int = 1) -> list[Row]:
    return [licence(n) for n in range(start, start + count)]


def write_row(out: io.StringIO, row: Iterable[str], end: str = "\n", **dialect: Any) -> None:
    """One record as text; csv.writer alone would leave a line break that is not its own line end unquoted."""
    values = list(row)
    if any("\n" in v or "\r" in v for v in values):
        dialect["quoting"] = csv.QUOTE_ALL
    csv.writer(out, lineterminator=end, **dialect).writerow(values)


def csv_text(rows: Iterable[Row], header: Iterable[str] = HEADER, end: str = "\n", **dialect: Any) -> str:
    out = io.StringIO(newline="")
    for row in (header, *rows):
        write_row(out, row, end, **dialect)
    return out.getvalue()


class Bench:
    """A warehouse of one feed, whose deliveries the tests put into its mirror."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mirror = folder / "mirror"
        self.mirror.mkdir(parents=True)
        self.settings = Settings(
            city_folder=folder,
            home=folder / "home",
            mirror=self.mirror,
            key_file=folder / "city.key",
            threads=1,
        )
        self.warehouse = Warehouse(self.settings)
        self.con = self.warehouse.con
        prepare(self.warehouse)

    def close(self) -> None:
        self.warehouse.close()

    def put(self, content: str | bytes | Iterable[Row], feed: Feed) -> Path:
        """Let the mirror hold this as the feed's file."""
        if isinstance(content, str):
            content = content.encode()
        elif not isinstance(content, bytes):
            content = csv_text(content).encode()
        path = self.mirror / feed.source.file_name
        path.write_bytes(content)
        return path

    def send(self, content: str | bytes | Iterable[Row], feed: Feed | None = None) -> FeedBuilt:
        """Deliver this, and load the feed."""
        feed = feed or small_feed()
        self.put(content, feed)
        return load_feed(self.warehouse, feed)

    def load(self, feed: Feed | None = None) -> FeedBuilt:
        """Load the feed from what the mirror holds."""
        return load_feed(self.warehouse, feed or small_feed())

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(values)).fetchall()

    def table(self, name: str, leave_out: Iterable[str] = ()) -> list[dict[str, Any]]:
        """A table's rows, sorted."""
        found = self.con.execute(f"select * from {name} order by all")
        names = [d[0] for d in found.description or ()]
        hidden = set(leave_out)
        rows = [
            {n: v for n, v in zip(names, row, strict=True) if n not in hidden} for row in found.fetchall()
        ]
        return sorted(rows, key=str)

    def staging(self, feed: Feed | None = None) -> list[dict[str, Any]]:
        """Staging, whole."""
        return self.table((feed or small_feed()).staging().full_name)

    def content(self, feed: Feed | None = None) -> list[dict[str, Any]]:
        """Staging without clock readings and without where each record stood."""
        return self.table((feed or small_feed()).staging().full_name, NOT_COMPARED)

    def versions(self, feed: Feed | None = None) -> list[dict[str, Any]]:
        """The history, whole."""
        return self.table((feed or small_feed()).history().full_name)

    def told(self, feed: Feed | None = None) -> list[dict[str, Any]]:
        """The history with every time told as the place of the delivery it was taken with."""
        feed = feed or small_feed()
        places = {at: n for n, (at,) in enumerate(self.rows(_TIMES, feed.id), start=1)} | {None: None}
        told = [
            {k: places[v] if k in ("valid_from", "valid_to") else v for k, v in row.items()}
            for row in self.versions(feed)
        ]
        # Not in the order of the times' text, in which 9 microseconds stand after 10.
        return sorted(told, key=lambda v: (str(v["record_key"]), v["valid_from"]))

    def issues(self) -> list[dict[str, Any]]:
        """What is wrong, in the order of the lines."""
        return sorted(self.table("quality.issue"), key=lambda i: (i["delivery_id"] or "", i["line"] or 0))

    def deliveries(self, feed: Feed | None = None) -> list[dict[str, Any]]:
        found = self.table("provenance.delivery")
        return sorted(
            (d for d in found if d["feed"] == (feed or small_feed()).id), key=lambda d: d["sequence"]
        )

    def statuses(self) -> list[str]:
        return [str(d["status"]) for d in self.deliveries()]

    def fates(self, place: int = -1) -> dict[str, int]:
        """What became of the rows of one delivery; those of which there were none are left out."""
        delivery = self.deliveries()[place]
        return {f: delivery[f"rows_{f}"] for f in FATES if delivery[f"rows_{f}"]}

    def kept(self, feed: Feed | None = None, kind: str = "sent") -> list[Path]:
        return sorted((landing.folder(self.settings, feed or small_feed()) / kind).glob("*"))

    def red(self, feed: Feed | None = None) -> list[str]:
        """The checks of the feed's tables that fail."""
        return [
            f"{r.check}: {r.message}" for r in feed_checks(self.con, feed or small_feed()) if not r.passed
        ]


_TIMES = (
    "select retrieved_at from provenance.delivery where feed = ? and status <> 'repeat' order by sequence"
)


@contextmanager
def new_bench(folder: Path) -> Iterator[Bench]:
    """A bench in a folder of its own under this one."""
    bench = Bench(folder / f"bench_{next(_homes):04d}")
    try:
        yield bench
    finally:
        bench.close()
