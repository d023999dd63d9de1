"""Review: the links that most deserve a person's look: uncertain, and with much hanging on them.

Belongs here: which they are, and showing two records side by side. Does not belong here: recording what a person says
(decide.py), the weights (linked.py), samples (sampling.py).

A pair is looked at because it is nearly linked or hardly, because something keeps apart what weighs enough, or because two
parts of an entity hang together by this one link. What hangs on it are the records and events of the smaller side, and
visits on a worklist.
"""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.entities.decisions import Record, read_file
from city_platform.entities.explain import probability
from city_platform.entities.linked import (
    Scored,
    address_of,
    joins,
    links_of,
    model_of,
    record_of,
    score,
    values_of,
)
from city_platform.entities.linking.cluster import DECIDED
from city_platform.entities.linking.model import EntityType, Model
from city_platform.rebuild import sql_file
from city_platform.settings import Settings
from city_platform.shown import plain_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

BELOW, ABOVE = 4.0, 8.0  # bits around where links begin that are looked at
HALF = 3.0  # bits from there at which a pair is half as uncertain
SHORT_LIST = 300  # pairs, and clusters, whose consequences are counted
A_VISIT = 10  # a visit on a worklist counts as many records


@dataclass(frozen=True)
class Hangs:
    """What hangs on one side of a link."""

    entity_id: str
    records: int
    events: int
    visits: int


@dataclass(frozen=True)
class Candidate:
    """One link, or one that is not made, that deserves a look."""

    entity_type: EntityType
    node_a: int
    node_b: int
    weight: float
    why: str
    is_linked: bool
    nodes_a: frozenset[int]
    nodes_b: frozenset[int]
    closeness: float


@dataclass(frozen=True)
class Item:
    """A candidate with all that is shown of it."""

    candidate: Candidate
    a: Record
    b: Record
    hangs_a: Hangs
    hangs_b: Hangs

    @property
    def rank(self) -> float:
        one, other = self.hangs_a, self.hangs_b
        hanging = (
            min(one.records, other.records)
            + min(one.events, other.events)
            + A_VISIT * max(one.visits, other.visits)
        )
        return self.candidate.closeness * math.log2(1 + hanging)


def worth_a_look(
    con: duckdb.DuckDBPyConnection, types: Sequence[EntityType], limit: int, judged: set[frozenset[str]]
) -> list[Item]:
    """The links most worth a look, the most first; those that somebody has judged are left out."""
    found = []
    for entity_type in types:
        model = model_of(con, entity_type)
        candidates = [*_apart(con, model), *_bridges(con, model)]
        found += _items(con, entity_type, candidates, judged)
    found.sort(key=lambda i: (-i.rank, str(i.a), str(i.b)))
    return found[:limit]


def judged_pairs(path: Path) -> set[frozenset[str]]:
    """Pairs of records that decisions.csv holds a judgement of, also one that no run has read yet."""
    return {
        frozenset((str(x.a), str(x.b)))
        for x in read_file(path).lines
        if x.a and x.b and x.revoked_by is None and not x.problem
    }


def _closeness(model: Model, weight: float) -> float:
    return 2.0 ** (-abs(weight - model.link_from) / HALF)


def _apart(con: duckdb.DuckDBPyConnection, model: Model) -> list[Candidate]:
    """Pairs of two clusters that nearly are linked, or that something keeps apart; of two clusters the strongest."""
    for name, value in (
        ("link_type", model.entity_type),
        ("link_from", model.link_from),
        ("link_below", BELOW),
        ("link_half", HALF),
        ("link_number", SHORT_LIST),
    ):
        con.execute(f"set variable {name} = ?", [value])
    rows = con.execute(sql_file("entities/review.sql")).fetchall()
    found = []
    for node_a, node_b, weight, kept_apart, nodes_a, nodes_b in rows:
        if kept_apart:
            why = f"kept apart ({kept_apart}), though it weighs {weight:.1f} bits"
        elif weight >= model.link_from:
            why = "it weighs enough: the next run links it"
        else:
            why = f"{model.link_from - weight:.2f} bits too few for a link"
        closeness = 1.0 if kept_apart else _closeness(model, weight)
        found.append(
            Candidate(
                model.entity_type,
                node_a,
                node_b,
                weight,
                why,
                False,
                frozenset(nodes_a),
                frozenset(nodes_b),
                closeness,
            )
        )
    return found


def _bridges(con: duckdb.DuckDBPyConnection, model: Model) -> list[Candidate]:
    """Links without which a cluster would be two, where they are not strong."""
    rows = con.execute(
        """with weak as (
            select a.cluster, min(p.weight) as weakest
            from entity.compared as p
            join entity.node_cluster as a on a.entity_type = p.entity_type and a.node = p.node_a
            join entity.node_cluster as b on b.entity_type = p.entity_type and b.node = p.node_b and b.cluster = a.cluster
            where p.entity_type = $1 and p.veto is null and p.weight >= $2 and p.weight < $2 + $3
            group by a.cluster
        ),
        sized as (
            select c.cluster, count(*) as nodes from entity.node_cluster as c semi join weak using (cluster)
            where c.entity_type = $1 group by c.cluster
        )
        select cluster from weak join sized using (cluster)
        order by pow(2, ($2 - weakest) / $4) * log2(1 + nodes) desc, cluster limit $5""",
        [model.entity_type, model.link_from, ABOVE, HALF, SHORT_LIST],
    ).fetchall()
    found = []
    for links in links_of(con, model, [int(r[0]) for r in rows]).values():
        for join in joins(links):
            if join.weight >= DECIDED or join.weight >= model.link_from + ABOVE:
                continue
            sizes = sorted((len(join.side_a), len(join.side_b)))
            held = (
                f"the only thing that joins {sizes[0]} and {sizes[1]} kinds of record"
                if sizes[1] > 1
                else "hardly linked"
            )
            why = f"{held}: {join.weight - model.link_from:.1f} bits more than a link needs"
            found.append(
                Candidate(
                    model.entity_type,
                    join.node_a,
                    join.node_b,
                    join.weight,
                    why,
                    True,
                    join.side_a,
                    join.side_b,
                    _closeness(model, join.weight),
                )
            )
    return found


def _items(
    con: duckdb.DuckDBPyConnection,
    entity_type: EntityType,
    candidates: list[Candidate],
    judged: set[frozenset[str]],
) -> list[Item]:
    records = record_of(con, entity_type, [n for c in candidates for n in (c.node_a, c.node_b)])
    open_ones = [
        c
        for c in candidates
        if c.node_a in records
        and c.node_b in records
        and frozenset((str(records[c.node_a]), str(records[c.node_b]))) not in judged
    ]
    hangs = _hanging(con, entity_type, open_ones)
    return [
        Item(c, records[c.node_a], records[c.node_b], hangs[n, "a"], hangs[n, "b"])
        for n, c in enumerate(open_ones)
    ]


def _hanging(
    con: duckdb.DuckDBPyConnection, entity_type: EntityType, candidates: list[Candidate]
) -> dict[tuple[int, str], Hangs]:
    """What hangs on either side of each candidate, by its place."""
    import pyarrow as pa

    sides = [
        (n, side, node)
        for n, c in enumerate(candidates)
        for side, nodes in (("a", c.nodes_a), ("b", c.nodes_b))
        for node in sorted(nodes)
    ]
    table = pa.table(
        {
            "place": pa.array([s[0] for s in sides], pa.int64()),
            "side": pa.array([s[1] for s in sides], pa.string()),
            "node": pa.array([s[2] for s in sides], pa.uint64()),
        }
    )
    con.register("asked_sides", table)
    con.execute("create or replace temp table asked_side as from asked_sides")
    con.unregister("asked_sides")
    rows = con.execute(
        f"""with held as (
            select s.place, s.side, r.feed, r.record_key, r.role
            from asked_side as s join entity.node_record as r on r.entity_type = $1 and r.node = s.node
        ),
        told as (
            select feed, record_key, count(*) as events from entity.event
            where {entity_type}_id is not null and (feed, record_key) in (select (feed, record_key) from held) group by all
        ),
        entity as (
            select h.place, h.side, min(l.entity_id) as entity_id, count(*) as records, coalesce(sum(t.events), 0)::bigint as events
            from held as h
            left join entity.link as l
                on l.entity_type = $1 and l.feed = h.feed and l.record_key = h.record_key and l.role = h.role
            left join told as t on t.feed = h.feed and t.record_key = h.record_key
            group by all
        )
        select e.*, (select count(*) from risk.worklist as w where w.unit_id = e.entity_id) as visits from entity as e""",
        [entity_type],
    ).fetchall()
    found = {(int(p), str(s)): Hangs(str(e or ""), int(r), int(v), int(w)) for p, s, e, r, v, w in rows}
    empty = Hangs("", 0, 0, 0)
    return {(n, side): found.get((n, side), empty) for n in range(len(candidates)) for side in "ab"}


def command(
    settings: Settings, a: Record, b: Record, entity_type: str, judgement: str, sample: str = ""
) -> str:
    """What to type to record a judgement."""
    drawn = f" --sample {shlex.quote(sample)}" if sample else ""
    return (
        f"city-platform decide{settings.city_option} {shlex.quote(str(a))} {shlex.quote(str(b))} {judgement} "
        f'--type {entity_type} --by "$USER" --why "…"{drawn}'
    )


def show_item(
    console: Console,
    con: duckdb.DuckDBPyConnection,
    item: Item,
    place: int,
    settings: Settings,
    with_commands: bool = True,
) -> None:
    """Print one link: why it deserves a look, both records, what agreed, what hangs on it, and what to type."""
    c = item.candidate
    state = "LINKED" if c.is_linked else "NOT LINKED"
    console.rule(f"[bold]{place}. {c.entity_type}[/bold]  {state}, {c.why}", align="left")
    for name, record, hangs in (("one", item.a, item.hangs_a), ("other", item.b, item.hangs_b)):
        visits = f", {hangs.visits:,} on a worklist" if hangs.visits else ""
        console.print(
            f"{name}: {record}   {hangs.entity_id or '(not linked)'}: on this side {_many(hangs.records, 'record')}, "
            f"{_many(hangs.events, 'event')}{visits}",
            markup=False,
            soft_wrap=True,
        )
        console.print(f"  at {address_of(con, record)}", markup=False)
    [scored] = score(con, model_of(con, c.entity_type), [(c.node_a, c.node_b)])
    show_sides(console, scored)
    console.print(
        f"weighs {scored.weight:.1f} bits, a chance of {100 * probability(scored.weight):.1f}%", markup=False
    )
    for judgement in ("same", "not-same", "unsure") if with_commands else ():
        console.print(
            command(settings, item.a, item.b, c.entity_type, judgement), soft_wrap=True, markup=False
        )
    console.print()


def show_sides(console: Console, scored: Scored) -> None:
    """Two records side by side, with what agreed."""
    from rich.markup import escape

    table = plain_table("", ("", "one", "other", "", "bits"), right=("bits",))
    for part in scored.parts:
        total = part.bits + part.rarity
        bits = "" if part.level.missing else f"{total:+.1f}"
        table.add_row(part.comparison.name, escape(part.left), escape(part.right), part.level.label, bits)
    if scored.veto:
        table.add_row("veto", "", "", scored.veto, "")
    console.print(table)


def show_blind(
    console: Console, con: duckdb.DuckDBPyConnection, entity_type: EntityType, node_a: int, node_b: int
) -> None:
    """Two records side by side, without what the model thinks: who judges a sample shall not be led."""
    from rich.markup import escape

    values = values_of(con, entity_type, [node_a, node_b])
    one, other = values.get(node_a, {}), values.get(node_b, {})
    table = plain_table("", ("", "one", "other"))
    for column in dict.fromkeys([*one, *other]):
        if one.get(column, "").startswith("[") or other.get(column, "").startswith("["):
            continue  # other ways to read what stands beside it
        table.add_row(column.replace("_", " "), escape(one.get(column, "–")), escape(other.get(column, "–")))
    console.print(table)


def _many(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"
