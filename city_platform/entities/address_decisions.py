"""Address decisions: changes the addresses of records as people decided, after the rules have settled them.

Belongs here: what `same` and `not_same` mean for temp address_member. Does not belong here: which decisions are in force
(decisions.py), the entity types that a model links (linking/).

`same` makes one address of the two that the records have; a record that had none takes the other's. `not_same` gives the
second record, with what was decided the same as it, an address of its own; the first record, where the second is the
gazetteer's. What is decided of a site holds for the units in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from city_platform.entities.decisions import Record
from city_platform.rebuild import sql_file

if TYPE_CHECKING:
    import duckdb

OWN = "decided|"  # a cluster of this kind is called by its smallest record


@dataclass
class Moves:
    """What changes: the new cluster of single records, and of whole clusters, by role."""

    records: dict[Record, str] = field(default_factory=dict)
    clusters: dict[str, str] = field(default_factory=dict)
    decided: dict[Record, str] = field(default_factory=dict)  # by which decision


def apply_address_decisions(con: duckdb.DuckDBPyConnection) -> int:
    """Change temp address_member by the decisions of temp decided_pair; returns how many of them are about addresses."""
    pairs = [
        (Record(fa, ka, ra), Record(fb, kb, rb), judgement == "same", decision_id)
        for fa, ka, ra, fb, kb, rb, judgement, decision_id in con.execute(
            "select * exclude (entity_type) from decided_pair where entity_type = 'address' order by decision_id"
        ).fetchall()
    ]
    # Two that are one flat are in one building.
    sites = [
        (replace(a, role="site"), replace(b, role="site"), s, d)
        for a, b, s, d in pairs
        if s or a.role == "site"
    ]
    for role, own in (("site", sites), ("unit", [p for p in pairs if p[0].role == "unit"])):
        if own:
            _apply(con, role, own)
    return len(pairs)


def _apply(con: duckdb.DuckDBPyConnection, role: str, pairs: list[tuple[Record, Record, bool, str]]) -> None:
    named = sorted({r for a, b, _, _ in pairs for r in (a, b)})
    con.execute("create or replace temp table named_record (feed varchar, record_key varchar)")
    con.executemany("insert into named_record values (?, ?)", [(r.feed, r.record_key) for r in named])
    cluster = {
        (feed, key): str(found)
        for feed, key, found in con.execute(
            "select m.feed, m.record_key, m.cluster from address_member as m semi join named_record as n "
            "on n.feed = m.feed and n.record_key = m.record_key where m.role = ?",
            [role],
        ).fetchall()
    }
    custodian = con.execute("select getvariable('gazetteer_feed')").fetchone()
    moves = plan(pairs, cluster, str(custodian[0]) if custodian and custodian[0] else "")
    con.execute(
        "create or replace temp table moved_record (feed varchar, record_key varchar, cluster varchar, decision_id varchar)"
    )
    con.execute("create or replace temp table moved_cluster (cluster varchar, target varchar)")
    if moves.records or moves.decided:
        con.executemany(
            "insert into moved_record values (?, ?, ?, ?)",
            [
                (r.feed, r.record_key, moves.records.get(r), moves.decided.get(r))
                for r in sorted(moves.records.keys() | moves.decided.keys())
            ],
        )
    if moves.clusters:
        con.executemany("insert into moved_cluster values (?, ?)", sorted(moves.clusters.items()))
    con.execute("set variable decided_role = ?", [role])
    con.execute(sql_file("entities/address_decisions.sql"))


def plan(
    pairs: Iterable[tuple[Record, Record, bool, str]],
    cluster: dict[tuple[str, str], str],
    custodian: str = "",
) -> Moves:
    """Work out who moves where. cluster: of the records that have one, by feed and record key."""
    pairs = list(pairs)
    moves = Moves()
    now = {r: cluster.get((r.feed, r.record_key)) for a, b, _, _ in pairs for r in (a, b)}
    alike = _alike([(a, b) for a, b, is_same, _ in pairs if is_same], now)
    for a, b, is_same, decision_id in pairs:
        for record in (a, b) if is_same else (b,):
            moves.decided.setdefault(record, decision_id)
    apart = [(a, b) if b.feed != custodian else (b, a) for a, b, is_same, _ in pairs if not is_same]

    def take_out() -> None:
        for a, b in apart:
            if now[a] is not None and now[a] == now[b]:
                home = now[b]
                leaving = [r for r in alike[b] if now[r] == home]
                label = OWN + str(min(alike[b]))
                for record in leaving:
                    now[record] = moves.records[record] = label

    take_out()
    for group in sorted({tuple(sorted(g)) for g in alike.values()}):
        found = sorted({c for r in group if (c := now[r]) is not None}, key=_first)
        target = found[0] if found else OWN + str(group[0])
        for record in group:
            if now[record] is None:
                now[record] = moves.records[record] = target
        for other in found[1:]:
            moves.clusters[other] = target
            for record, held in now.items():
                if held == other:
                    now[record] = target
            for record, held in moves.records.items():
                if held == other:
                    moves.records[record] = target
            for one, held in moves.clusters.items():
                if held == other:
                    moves.clusters[one] = target
    take_out()  # two records that are kept apart may have come together again by way of others
    return moves


def _first(cluster: str) -> tuple[bool, bool, str]:
    """A gazetteer's address before a stated one, and that before one that was decided."""
    return not cluster.startswith("uprn|"), cluster.startswith(OWN), cluster


def _alike(same: Iterable[tuple[Record, Record]], records: Iterable[Record]) -> dict[Record, set[Record]]:
    """Each record's group of records that were decided the same."""
    groups: dict[Record, set[Record]] = defaultdict(set)
    for record in records:
        groups[record].add(record)
    for a, b in same:
        if groups[a] is not groups[b]:
            groups[a] |= groups[b]
            for record in groups[b]:
                groups[record] = groups[a]
    return groups
