"""A town with two made-up feeds, whose records are put straight into staging and resolved as a run does.

Belongs here: what the tests of this folder share. Does not belong here: claims.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import duckdb

from city_platform.city import City
from city_platform.entities.resolve import WRITES, settle_addresses, standardise, take_in
from city_platform.feeds.declaration import Feed
from city_platform.tables import fixed_tables

CITY = City.model_validate(
    {
        "name": "Chicago",
        "country": "US",
        "locale": "en_US",
        "time_zone": "America/Chicago",
        "box": {"south": 41.6, "north": 42.1, "west": -87.97, "east": -87.5},
        "identifier_schemes": {"licence": "A licence number", "account": "A holder's number"},
    }
)
RECEIVED = datetime(2014, 1, 1)
Row = dict[str, Any]
Partition = set[frozenset[str]]


def feed(name: str, **settings: Any) -> Feed:
    """A feed of the agency `town`; every column is public, dates are named day or …_day."""
    columns = settings.pop("columns")
    return Feed.model_validate(
        {
            "agency": "town",
            "name": name,
            "title": f"Made-up {name}",
            "owner": "team:test",
            "licence": "none",
            "rights": "open",
            "source": {"file": f"{name}.csv"},
            "key": ["key"],
            "columns": {
                c: {"class": "public", "meaning": f"The {c}", "type": "date" if c.endswith("day") else "text"}
                for c in ("key", *columns)
            },
            **settings,
        }
    )


NUMBER = {"scheme": "licence", "column": "number", "placeholders": ["0"]}
LICENCES = feed(
    "licences",
    columns=["name", "alias", "legal", "number", "account", "address", "zip", "first_day", "last_day"],
    business={
        "name": "name",
        "alias": "alias",
        "legal_name": "legal",
        "number": NUMBER,
        "owner_number": {"scheme": "account", "column": "account", "placeholders": ["0"]},
        "valid_from": "first_day",
        "valid_to": "last_day",
    },
    address={"text": "address", "postcode": "zip"},
)
VISITS = feed(
    "visits",
    columns=["name", "alias", "number", "address", "day"],
    business={"name": "name", "alias": "alias", "number": NUMBER, "valid_from": "day", "valid_to": "day"},
    address={"text": "address"},
    events=[{"type": "visit", "event_time": "day", "known_time": {"column": "day", "lag_days": 1}}],
)


class Town:
    """A database with the entity tables and the staging tables of some feeds."""

    def __init__(self, *feeds: Feed) -> None:
        self.feeds = feeds or (LICENCES, VISITS)
        self.city = CITY
        self.con = duckdb.connect(config={"threads": 2})
        for schema in ("staging", "entity", "provenance", "quality"):
            self.con.execute(f"create schema {schema}")
        tables = fixed_tables()
        for table in (*tables.values(), *(f.staging() for f in self.feeds)):
            if table.schema in ("staging", "entity", "provenance", "quality"):
                self.con.execute(table.ddl())

    def put(self, feed: Feed, rows: Iterable[Row], first_seen: datetime = RECEIVED) -> None:
        """Replace what staging holds of a feed. A row's `key` is its record key."""
        table = feed.staging()
        self.con.execute(f"delete from {table.full_name}")
        for line, row in enumerate(rows, start=2):
            known = {
                "record_key": row["key"],
                "_delivery_id": "d",
                "_line": line,
                "_row_hash": "7",
                "_issues": "0",
                "first_seen": first_seen,
                "changed_at": first_seen,
            }
            names, values = zip(*{**known, **row}.items(), strict=True)
            listed, marks = ", ".join(f'"{n}"' for n in names), ", ".join("?" for _ in names)
            self.con.execute(f"insert into {table.full_name} ({listed}) values ({marks})", list(values))

    def resolve(self, run_id: str = "run 1") -> Town:
        holding = [f for f in self.feeds if f.business or f.address or f.people]
        self.budget = take_in(self.con, self.city, holding, run_id)
        return self

    def settle_addresses(self) -> Town:
        """Run the steps up to which records are about the same address; the rest takes most of the time."""
        holding = [f for f in self.feeds if f.business or f.address or f.people]
        self.budget = [
            *standardise(self.con, self.city, holding),
            *settle_addresses(self.con, self.city),
        ]
        return self

    def addresses(self, role: str) -> Partition:
        """Record keys by the address that they are about in a role."""
        found = defaultdict(set)
        for cluster, key in self.rows(
            f"select cluster, record_key from entity.address_member where role = '{role}'"
        ):
            found[cluster].add(key)
        return {frozenset(keys) for keys in found.values()}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def together(self, role: str) -> Partition:
        """Record keys by the entity that they have in a role."""
        found = defaultdict(set)
        for entity, key in self.rows(f"select entity_id, record_key from entity.link where role = '{role}'"):
            found[entity].add(key)
        return {frozenset(keys) for keys in found.values()}

    def tables(self) -> dict[str, list[str]]:
        """Every entity table's rows, sorted."""
        names = [name for written in WRITES.values() for name in written]
        return {n: sorted(map(repr, self.rows(f"select * from entity.{n}"))) for n in names}


def resolved(rows: Iterable[Row], feed: Feed = VISITS) -> Town:
    """A town in which one feed holds these rows, resolved once."""
    town = Town()
    town.put(feed, rows)
    return town.resolve()


def visit(key: str, address: str | None = None, name: str | None = None, number: str | None = None) -> Row:
    return {"key": key, "address": address, "name": name, "number": number, "day": "2013-05-01"}


def partition(*groups: str) -> Partition:
    """partition("ab", "c"): a and b are one, c is another."""
    return {frozenset(g) for g in groups}
