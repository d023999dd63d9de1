"""Explain: why two records, or two entities, are one or are not, in words, numbers and a picture.

Belongs here: what is said. Does not belong here: scoring (linked.py), the weights (linking/model.py), what is published.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from city_platform.entities.decide import DecideError, find_records
from city_platform.entities.decisions import Record
from city_platform.entities.linked import (
    Blocked,
    NotLinkedError,
    Scored,
    address_of,
    blocked,
    chain,
    cluster_of,
    links_of,
    model_of,
    nodes_of,
    record_of,
    score,
)
from city_platform.entities.linking.cluster import DECIDED
from city_platform.entities.linking.model import EntityType, Model
from city_platform.shown import plain_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console

TYPE_OF_ID = {"a": "address", "b": "business", "o": "organisation", "p": "person"}
SCORED_AT_MOST = 400  # pairs between two entities
BAR = 12  # characters for the largest part, each way
SHOWN_LINKS = 12
SHOWN_KEYS = 3


@dataclass
class Explanation:
    """All that is said of two records of a type that a model links."""

    entity_type: EntityType
    model: Model
    a: Record
    b: Record
    entity_a: str
    entity_b: str
    scored: Scored
    blocks: list[Blocked]
    is_compared: bool  # whether the run compared this very pair
    is_same_node: bool
    verdict: list[str] = field(default_factory=list)
    links: list[tuple[Record, Record, float]] = field(default_factory=list)
    note: str = ""

    @property
    def is_one(self) -> bool:
        return self.entity_a == self.entity_b


def explain(con: duckdb.DuckDBPyConnection, a: str, b: str, entity_type: str | None = None) -> Explanation:
    """Explain two records or two entity ids; raises DecideError or NotLinkedError where they cannot be."""
    kind_a, kind_b = id_type(con, a), id_type(con, b)
    if bool(kind_a) != bool(kind_b):
        raise DecideError("Name two records, or two ids.")
    if kind_a and kind_b:
        if kind_a != kind_b:
            raise DecideError(f"{a} is {kind_a} and {b} is {kind_b}: only two of a kind can be one.")
        return _entities(con, _linked_type(kind_a), today(con, a), today(con, b))
    kind, one, other = find_records(con, (a, b), entity_type)
    if kind == "address":
        raise NotLinkedError("address")
    linked = _linked_type(kind)
    nodes = [nodes_of(con, linked, record) for record in (one, other)]
    for record, found in zip((one, other), nodes, strict=True):
        if not found:
            raise NotLinkedError(
                f"{record} says too little of a {kind} to be compared with anybody: no name, no number, or one that stands for nobody."
            )
    return _pair(con, linked, one, other, nodes[0][0][1], nodes[1][0][1])


def id_type(con: duckdb.DuckDBPyConnection, text: str) -> str | None:
    """The type of an entity by its id, of today or of old; None where it is no id."""
    kind = TYPE_OF_ID.get(text[:1]) if text[1:2] == "_" else None
    if (
        kind
        and not con.execute(
            "select 1 from entity.link where entity_id = $1 union all select 1 from entity.redirect where old_id = $1 limit 1",
            [text],
        ).fetchone()
    ):
        raise DecideError(f"There is no {kind} {text}, and there never was.")
    return kind


def today(con: duckdb.DuckDBPyConnection, entity_id: str) -> str:
    """The id that an id of old has become; raises DecideError where nothing is left of it."""
    seen = {entity_id}
    while (
        row := con.execute("select new_id from entity.redirect where old_id = ?", [entity_id]).fetchone()
    ) is not None:
        if row[0] is None:
            raise DecideError(f"{entity_id} is no longer in use: no record of it is left.")
        entity_id = str(row[0])
        if entity_id in seen:
            break
        seen.add(entity_id)
    return entity_id


def _linked_type(kind: str) -> EntityType:
    if kind not in get_args(EntityType):
        raise NotLinkedError(kind)
    return kind  # type: ignore[return-value]


def _entities(con: duckdb.DuckDBPyConnection, kind: EntityType, a: str, b: str) -> Explanation:
    if a == b:
        raise DecideError(
            f"Both are {a} today. Name two of its records to see what joins them: `city-platform 360 {a}`."
        )
    model = model_of(con, kind)
    con.execute(
        """create or replace temp table asked_side as
        select distinct l.entity_id as entity, r.node from entity.link as l
        join entity.node_record as r on r.entity_type = l.entity_type and r.feed = l.feed and r.record_key = l.record_key and r.role = l.role
        where l.entity_type = $1 and l.entity_id in ($2, $3)""",
        [kind, a, b],
    )
    sides = "from asked_side as x join asked_side as y on x.entity = $1 and y.entity = $2"
    row = con.execute(f"select count(*) {sides}", [a, b]).fetchone()
    total = int(row[0]) if row else 0
    if not total:
        raise NotLinkedError("One of the two has no record that can be compared.")
    if total <= SCORED_AT_MOST:
        pairs = con.execute(f"select x.node, y.node {sides} order by all", [a, b]).fetchall()
        note = f"the strongest of the {total:,} pairs of their records is shown"
    else:
        pairs = con.execute(
            f"""select x.node, y.node {sides} join entity.compared as p on p.entity_type = $3
            and p.node_a = least(x.node, y.node) and p.node_b = greatest(x.node, y.node) order by p.weight desc, 1, 2 limit $4""",
            [a, b, kind, SCORED_AT_MOST],
        ).fetchall()
        note = f"of the {total:,} pairs of their records, the strongest that was compared is shown"
        if not pairs:
            pairs = con.execute(f"select min(x.node), min(y.node) {sides}", [a, b]).fetchall()
            note = f"none of the {total:,} pairs of their records weighed enough to be kept; one of them is shown"
    best = max(
        score(con, model, [(int(x), int(y)) for x, y in pairs]),
        key=lambda s: (s.weight, -s.node_a, -s.node_b),
    )
    records = record_of(con, kind, [best.node_a, best.node_b])
    found = _pair(con, kind, records[best.node_a], records[best.node_b], best.node_a, best.node_b)
    found.note = note if total > 1 else ""
    return found


def _pair(
    con: duckdb.DuckDBPyConnection, kind: EntityType, a: Record, b: Record, node_a: int, node_b: int
) -> Explanation:
    model = model_of(con, kind)
    [scored] = score(con, model, [(node_a, node_b)])
    kept = con.execute(
        "select 1 from entity.compared where entity_type = ? and node_a = least($2::ubigint, $3::ubigint) "
        "and node_b = greatest($2::ubigint, $3::ubigint)".replace("?", "$1"),
        [kind, node_a, node_b],
    ).fetchone()
    found = Explanation(
        kind,
        model,
        a,
        b,
        _entity(con, kind, a),
        _entity(con, kind, b),
        scored,
        blocked(con, model, node_a, node_b),
        kept is not None,
        node_a == node_b,
    )
    clusters = cluster_of(con, kind, [node_a, node_b])
    if found.is_one:
        _say_why_one(con, found, clusters)
    else:
        _say_why_not(con, found, clusters)
    for decision_id, problem in con.execute(
        """select decision_id, problem from entity.decision where entity_type = $1 and problem is not null and revoked_at is null
        and list_sort([feed_a || ':' || record_key_a, feed_b || ':' || record_key_b]) = list_sort([$2, $3]) order by 1""",
        [kind, f"{a.feed}:{a.record_key}", f"{b.feed}:{b.record_key}"],
    ).fetchall():
        found.verdict.append(f"Decision {decision_id} is not obeyed: {problem}")
    return found


def _entity(con: duckdb.DuckDBPyConnection, kind: str, record: Record) -> str:
    row = con.execute(
        "select min(entity_id) from entity.link where entity_type = $1 and feed = $2 and record_key = $3 and ($4 = '' or role = $4)",
        [kind, record.feed, record.record_key, record.role],
    ).fetchone()
    return str(row[0]) if row and row[0] else ""


def _say_why_one(con: duckdb.DuckDBPyConnection, found: Explanation, clusters: dict[int, int]) -> None:
    a, b = found.scored.node_a, found.scored.node_b
    if found.is_same_node:
        found.verdict.append(
            "They say exactly the same, and enough of it: such records are taken together before anything is compared."
        )
        return
    cluster = clusters.get(a)
    links = (
        links_of(con, found.model, [cluster])[cluster]
        if cluster is not None and cluster == clusters.get(b)
        else []
    )
    way = chain(links, a, b)
    records = record_of(con, found.entity_type, [n for x, y, _ in way for n in (x, y)])
    found.links = [(records[x], records[y], weight) for x, y, weight in way]
    if not way:
        found.verdict.append(
            "They are one entity, but no link of today joins them: the next run takes them apart."
        )
        return
    weakest = min(weight for _, _, weight in way)
    direct = len(way) == 1
    through = "directly" if direct else f"through {len(way) - 1} other record{'s' * (len(way) > 2)}"
    strength = "by a decision" if weakest >= DECIDED else f"the weakest link weighs {weakest:.1f} bits"
    found.verdict.append(f"They are joined {through}; {strength}.")
    if found.scored.veto and weakest < DECIDED:
        found.verdict.append(f"By themselves they would be kept apart ({found.scored.veto}).")


def _say_why_not(con: duckdb.DuckDBPyConnection, found: Explanation, clusters: dict[int, int]) -> None:
    model, scored = found.model, found.scored
    for decision_id, by, at, reason in _decided_apart(con, found, clusters):
        found.verdict.append(f"Kept apart by decision {decision_id} ({by}, {at:%Y-%m-%d}: {reason}).")
    if scored.veto:
        found.verdict.append(f"Kept apart by the veto “{scored.veto}”, whatever they weigh.")
    for reason in _refused(con, found.entity_type, clusters):
        said = reason.removeprefix("veto: ")
        if said != scored.veto and not reason.startswith("decision"):
            found.verdict.append(f"Kept apart when their cluster was repaired: {said}.")
    shared = [x for x in found.blocks if x.is_shared]
    if scored.weight < model.link_from:
        found.verdict.append(
            f"They weigh {scored.weight:.2f} bits; {model.link_from - scored.weight:.2f} more would be needed for a link."
        )
    elif not shared:
        found.verdict.append("They weigh enough, but were never compared: they share no block (below).")
    elif not found.is_compared:
        full = ", ".join(x.block.name for x in shared)
        found.verdict.append(
            f"They weigh enough, but were never compared: what they share ({full}) is a block too large to compare."
        )
    elif not found.verdict:
        found.verdict.append("They weigh enough to be linked: the next run joins them.")


def _decided_apart(
    con: duckdb.DuckDBPyConnection, found: Explanation, clusters: dict[int, int]
) -> list[tuple[str, str, object, str]]:
    """Decisions in force that keep the two clusters apart."""
    return con.execute(
        """select distinct d.decision_id, d.decided_by, d.decided_at, d.reason
        from entity.decision as d
        join entity.node_record as a on a.entity_type = $1 and a.feed = d.feed_a and a.record_key = d.record_key_a and a.role = d.role_a
        join entity.node_record as b on b.entity_type = $1 and b.feed = d.feed_b and b.record_key = d.record_key_b and b.role = d.role_b
        join entity.node_cluster as x on x.entity_type = $1 and x.node = a.node
        join entity.node_cluster as y on y.entity_type = $1 and y.node = b.node
        where d.entity_type = $1 and d.judgement = 'not_same' and d.problem is null and d.revoked_at is null
            and ((x.cluster = $2 and y.cluster = $3) or (x.cluster = $3 and y.cluster = $2))
        order by 1""",
        [found.entity_type, clusters.get(found.scored.node_a), clusters.get(found.scored.node_b)],
    ).fetchall()


def _refused(con: duckdb.DuckDBPyConnection, kind: str, clusters: dict[int, int]) -> list[str]:
    rows = con.execute(
        """select distinct r.reason from entity.refused as r
        join entity.node_cluster as x on x.entity_type = $1 and x.node = r.node_a
        join entity.node_cluster as y on y.entity_type = $1 and y.node = r.node_b
        where r.entity_type = $1 and list_sort([x.cluster, y.cluster]) = list_sort($2::ubigint[]) order by 1""",
        [kind, list(clusters.values())],
    ).fetchall()
    return [str(r[0]) for r in rows]


def probability(weight: float) -> float:
    """The probability that a weight in bits stands for."""
    return 1 / (1 + 2.0**-weight) if weight > -1000 else 0.0


def show(console: Console, con: duckdb.DuckDBPyConnection, found: Explanation) -> None:
    """Print an explanation."""
    one = "one" if found.is_one else "not one"
    console.rule(f"[bold]They are {one} {found.entity_type}[/bold]", align="left")
    for record, entity in ((found.a, found.entity_a), (found.b, found.entity_b)):
        console.print(
            f"{record}   {entity or '(not linked)'}, at {address_of(con, record)}",
            markup=False,
            soft_wrap=True,
        )
    if found.note:
        console.print(f"({found.note})")
    for sentence in found.verdict:
        console.print(f"• {sentence}", markup=False)
    scored, model = found.scored, found.model
    largest = max([abs(p.bits + p.rarity) for p in scored.parts] + [abs(model.prior_weight), 1.0])
    table = plain_table(
        "What agrees, in bits (one bit more: twice as likely)",
        ("", "", "bits", "against | for", "of it rarity", "one", "other"),
        right=("bits", "of it rarity"),
        whole=("against | for",),
    )
    table.add_row(
        "before anything is compared",
        "",
        f"{model.prior_weight:+.1f}",
        _bar(model.prior_weight, largest),
        "",
        "",
        "",
    )
    for part in scored.parts:
        total = part.bits + part.rarity
        rarity = f"{part.rarity:+.1f}" if part.rarity else ""
        table.add_row(
            part.comparison.name,
            part.level.label,
            f"{total:+.1f}",
            _bar(total, largest),
            rarity,
            _cell(part.left),
            _cell(part.right),
        )
    chance = probability(scored.weight)
    table.add_row(
        "together",
        f"a chance of {_percent(chance)}",
        f"{scored.weight:+.1f}",
        f"links from {model.link_from:+.1f}",
        "",
        "",
        "",
    )
    console.print(table)
    blocks = plain_table(
        "Where they would meet (pairs are compared that share a block)",
        ("block", "met", "one", "other", "nodes in it"),
    )
    for b in found.blocks:
        met = "yes" if b.is_shared else "no"
        if b.is_shared and b.nodes > b.block.cap:
            met = f"only where {', '.join(b.block.split) or 'nothing'} agrees too"
        blocks.add_row(
            b.block.name, met, _cell(_keys(b.left)), _cell(_keys(b.right)), f"{b.nodes:,}" if b.left else ""
        )
    console.print(blocks)
    if len(found.links) > 1:
        links = plain_table("The chain of links", ("record", "record", "weighs"))
        for x, y, weight in found.links[:SHOWN_LINKS]:
            links.add_row(_cell(str(x)), _cell(str(y)), "decided" if weight >= DECIDED else f"{weight:.1f}")
        console.print(links)


def _keys(keys: tuple[str, ...]) -> str:
    return " or ".join(keys[:SHOWN_KEYS]) + (" …" if len(keys) > SHOWN_KEYS else "") if keys else "–"


def _percent(chance: float) -> str:
    if chance > 0.9995:
        return "more than 99.9%"
    return "less than 0.1%" if chance < 0.0005 else f"{100 * chance:.1f}%"


def _bar(value: float, largest: float) -> str:
    n = min(BAR, round(BAR * abs(value) / largest)) or (1 if value else 0)
    return (
        " " * (BAR - n) + "░" * n + "│" + " " * BAR
        if value < 0
        else " " * BAR + "│" + "█" * n + " " * (BAR - n)
    )


def _cell(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def draw(found: Explanation, path: Path) -> Path:
    """Draw the sum as a waterfall, as a PNG file that nobody else may read: it shows what records say."""
    import os

    from matplotlib.figure import Figure

    model, scored = found.model, found.scored
    steps = [("before anything\nis compared", model.prior_weight)]
    for part in scored.parts:
        if part.level.missing:
            continue
        steps.append((f"{part.level.label} {part.comparison.name}", part.bits))
        if part.rarity:
            steps.append((f"how rare the {part.comparison.name} is", part.rarity))
    figure = Figure(figsize=(9, 1.4 + 0.36 * (len(steps) + 1)), layout="constrained")
    axes = figure.subplots()
    at, ends = 0.0, [0.0, model.link_from]
    for n, (_, bits) in enumerate(steps):
        axes.barh(n, bits, left=at, height=0.62, color="#31a354" if bits >= 0 else "#de2d26")
        axes.annotate(
            f"{bits:+.1f}",
            (max(at, at + bits), n),
            (4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
        axes.plot([at + bits, at + bits], [n - 0.31, n + 1.31], color="#969696", linewidth=0.7)
        at += bits
        ends.append(at)
    axes.barh(len(steps), at, height=0.62, color="#3182bd")
    axes.annotate(
        f"{at:+.1f}", (max(at, 0), len(steps)), (4, 0), textcoords="offset points", va="center", fontsize=8
    )
    axes.axvline(model.link_from, color="#08306b", linestyle="--", linewidth=1)
    axes.text(
        model.link_from, -0.75, f"links from {model.link_from:g}", fontsize=8, ha="center", color="#08306b"
    )
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_yticks(range(len(steps) + 1), [name for name, _ in steps] + ["together"], fontsize=8)
    axes.set_ylim(len(steps) + 0.6, -1)
    room = 0.08 * (max(ends) - min(ends))
    axes.set_xlim(min(ends) - room, max(ends) + room)
    axes.set_xlabel("bits: one more is twice as likely")
    title = f"{'One' if found.is_one else 'Not one'} {found.entity_type}"
    axes.set_title(title + (f" (veto: {scored.veto})" if scored.veto else ""), loc="left", fontsize=10)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        figure.savefig(out, format="png", dpi=130)
    return path
