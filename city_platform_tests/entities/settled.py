"""A database in which clusters are put straight, and given ids and rows by entities/lasting.py.

Belongs here: what the tests of lasting share. Does not belong here: claims, and how clusters are found.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from city_platform.entities.decisions import decide_pairs
from city_platform.entities.lasting import KEPT_OVER_RUNS, SETTLED, settle
from city_platform.feeds.declaration import Feed
from city_platform.rebuild import sql_file
from city_platform.tables import fixed_tables
from city_platform_tests.entities.small_town import feed

PEOPLE = feed(
    "people",
    columns=["name", "address"],
    people=[{"role": "person", "full_name": "name", "order": "given_family", "relationships": ["pays_for"]}],
)
OWNERS = feed(
    "owners",
    columns=["name", "address"],
    people=[{"role": "owner_person", "full_name": "name", "order": "given_family", "lives_here": False}],
)
FIRMS = feed(
    "firms",
    columns=["name", "legal", "address"],
    business={"name": "name", "legal_name": "legal", "relationships": ["pays_for"]},
)
FEEDS = {f.id: f for f in (PEOPLE, OWNERS, FIRMS)}


@dataclass(frozen=True)
class Record:
    """One record and the clusters that it is in; a cluster is any text, None for none."""

    key: str
    feed: str = "town/people"
    address: str | None = None
    unit: str | None = None
    person: str | None = None
    business: str | None = None
    owner: str | None = None
    name: str | None = "JANE SMITH"
    legal: str | None = None
    number: str | None = None
    born: str | None = None
    precision: str | None = None
    first: str | None = None
    last: str | None = None
    known: str = "2014-01-01"
    postcode: str | None = None


class Settled:
    """Runs over changing records; `weight` is that of every pair of unlike records of a cluster."""

    def __init__(self, feeds: Sequence[Feed] = tuple(FEEDS.values())) -> None:
        self.con = duckdb.connect(config={"threads": 2})
        self.feeds = feeds
        self.runs = 0
        self.weight = 4.0
        self.models = {"person": "1", "business": "1", "organisation": "1"}
        self.levels: tuple[str, bool, bool] = ("same name", False, False)
        self.con.execute("create schema entity")
        for table in fixed_tables().values():
            if table.schema == "entity":
                self.con.execute(table.ddl())
        for name in ("standardise", "parcels"):  # the macros
            self.con.execute(sql_file(f"entities/{name}.sql"))
        self.con.execute("create temp table ward_boundary (name varchar, shape geometry)")

    def decide(
        self, decision_id: str, kind: str, a: str, b: str, judgement: str, feed: str = "town/people"
    ) -> None:
        role = {"person": "person", "business": "business", "address": "site"}[kind]
        self.con.execute(
            "insert into entity.decision (decision_id, entity_type, judgement, line, feed_a, record_key_a, role_a, feed_b, "
            "record_key_b, role_b) values (?, ?, ?, 2, ?, ?, ?, ?, ?, ?)",
            [decision_id, kind, judgement, feed, a, role, feed, b, role],
        )

    def run(self, *records: Record) -> Settled:
        self.runs += 1
        self.put(records)
        self.settle()
        return self

    def settle(self) -> None:
        decide_pairs(self.con)
        self.con.execute(
            "create or replace temp table level_text (entity_type varchar, levels ubigint, evidence varchar, "
            "is_identifier boolean, is_exact boolean)"
        )
        for kind in self.models:
            self.con.execute("insert into level_text values (?, 1, ?, ?, ?)", [kind, *self.levels])
        settle(self.con, f"run {self.runs}", feeds=self.feeds, code="code", models=self.models)

    def put(self, records: Iterable[Record]) -> None:
        """Replace all that the steps before have found."""
        for name in (
            "observation",
            "person_observation",
            "address_member",
            "node_record",
            "node_cluster",
            "compared",
        ):
            self.con.execute(f"delete from entity.{name}")
        nodes: dict[tuple[str, str], set[int]] = {}
        linked = []
        for r in records:
            said = [r.key, r.feed, r.known, r.name, r.legal, r.number, r.first, r.last, r.postcode, r.address]
            self._insert(
                "observation", feed=r.feed, record_key=r.key, known_time=r.known, has_business=r.business is not None,
                name=r.name if r.business else None, legal_name=r.legal,
                legal_name_is_company=bool(r.legal) and str(r.legal).endswith("LTD"), business_number=r.number,
                business_scheme="licence" if r.number else None, valid_from=r.first, valid_to=r.last, postcode=r.postcode,
                address_text=r.address, street=r.address, number_low=1, claim_hash=1, row_hash=number(said),
            )  # fmt: skip
            for role, cluster in (("site", r.address), ("unit", r.unit)):
                if cluster:
                    self._insert(
                        "address_member", feed=r.feed, record_key=r.key, role=role, cluster=cluster, site=r.address, unit=r.unit,
                        known_time=r.known, method="exact", probability=1.0, evidence="same text",
                    )  # fmt: skip
            person = FEEDS[r.feed].people[0] if FEEDS[r.feed].people else None
            if r.person and person:
                given, family = str(r.name).split(" ")
                self._insert(
                    "person_observation", feed=r.feed, record_key=r.key, role=person.role, known_time=r.known,
                    lives_here=person.lives_here, is_placeholder=False, given_name=given, family_name=family,
                    given_key=given.upper(), family_key=family.upper(), date_of_birth=r.born,
                    date_of_birth_precision=r.precision or ("day" if r.born else None), valid_from=r.first, valid_to=r.last,
                    claim_hash=1, row_hash=number([*said, r.born, r.precision]),
                )  # fmt: skip
            for kind, role, cluster in (
                ("person", person.role if person else "", r.person),
                ("business", "business", r.business),
                ("organisation", "owner", r.owner),
            ):
                if cluster:
                    node = number([kind, cluster, r.name if kind == "person" else r.key])
                    nodes.setdefault((kind, cluster), set()).add(node)
                    linked.append((kind, role, r, node))
        for kind, role, r, node in linked:
            self._insert(
                "node_record",
                entity_type=kind,
                role=role,
                feed=r.feed,
                record_key=r.key,
                known_time=r.known,
                node=node,
            )
        for (kind, _), members in nodes.items():
            for node in members:
                self._insert("node_cluster", entity_type=kind, node=node, cluster=min(members))
                for other in members:
                    if node < other:
                        self._insert(
                            "compared",
                            entity_type=kind,
                            node_a=node,
                            node_b=other,
                            weight=self.weight,
                            levels=1,
                            rules=1,
                        )

    def _insert(self, table: str, **values: Any) -> None:
        names, marks = ", ".join(values), ", ".join("?" for _ in values)
        self.con.execute(f"insert into entity.{table} ({names}) values ({marks})", list(values.values()))

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.con.execute(sql).fetchall()

    def ids(self, kind: str) -> dict[str, str]:
        """The id of each record's entity of a type."""
        return dict(
            self.rows(
                f"select record_key, entity_id from entity.link where entity_type = '{kind}' and role <> 'unit'"
            )
        )

    def tables(self) -> dict[str, list[str]]:
        """Every table's rows, sorted."""
        return {
            n: sorted(map(repr, self.rows(f"select * from entity.{n}"))) for n in (*SETTLED, *KEPT_OVER_RUNS)
        }

    def copy(self) -> Settled:
        """The same state in a database of its own, which does not know what its entities were made of."""
        other = Settled(self.feeds)
        other.runs, other.models, other.weight, other.levels = (
            self.runs,
            dict(self.models),
            self.weight,
            self.levels,
        )
        for name in (*SETTLED, *KEPT_OVER_RUNS, "decision"):
            held = self.con.execute(f"select * from entity.{name}").to_arrow_table()
            other.con.execute(f"insert into entity.{name} select * from held")
            del held
        other.con.execute("delete from entity.entity")
        return other


def number(parts: Sequence[Any]) -> int:
    return int(hashlib.sha256(repr(parts).encode()).hexdigest()[:15], 16)


def but(record: Record, **changes: Any) -> Record:
    return replace(record, **changes)
