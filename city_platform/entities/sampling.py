"""Sampling: draws pairs at random within bands of weight, and says from people's judgement of them how right the links are.

Belongs here: bands, the draw, precision and recall with intervals. Does not belong here: what is shown (review.py).

A band is a range of weights, of pairs that were linked when they were drawn or that were not; how many pairs it held then
stands with each decision. That a decision is obeyed by the next run therefore changes no figure: it measures the model's
own judgement.
"""

from __future__ import annotations

import math
import random
import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from city_platform.entities.decisions import Line, id_of
from city_platform.entities.linking.model import Model
from city_platform.rebuild import sql_file

if TYPE_CHECKING:
    import duckdb

STEPS = (-3.0, 0.0, 3.0, 8.0)  # bits from where links begin: the bands' bounds
DRAWS = 1000  # of the bands' rates, for the interval of recall
Z = 1.959964  # standard deviations on either side that hold 95%
SAMPLE = re.compile(
    r"seed=(?P<seed>\d+) band=(?P<band>\S+) linked=(?P<linked>yes|no) population=(?P<population>\d+) weight=(?P<weight>\S+)"
)


@dataclass(frozen=True)
class Drawn:
    """One pair that was drawn, and from where."""

    node_a: int
    node_b: int
    weight: float
    is_linked: bool
    band: str
    population: int
    seed: int

    def __str__(self) -> str:
        linked = "yes" if self.is_linked else "no"
        return f"seed={self.seed} band={self.band} linked={linked} population={self.population} weight={self.weight:g}"


@dataclass(frozen=True)
class Judged:
    """One pair of a sample that somebody judged."""

    entity_type: str
    pair: frozenset[str]
    judgement: str
    band: str
    is_linked: bool
    population: int
    decided_at: str


@dataclass(frozen=True)
class Measured:
    """One figure of one entity type; value is None where nothing was judged."""

    entity_type: str
    metric: str  # precision or recall
    value: float | None
    low: float
    high: float
    n: int  # pairs judged
    pairs: int  # pairs that they stand for
    unsure: int
    not_judged: float  # share of the pairs in bands of which none was judged


def draw(con: duckdb.DuckDBPyConnection, model: Model, number: int, seed: int) -> list[Drawn]:
    """Draw pairs of one type from all bands; the same seed draws the same, and where more are asked for, more of the same."""
    bounds = [model.link_from + step for step in STEPS]
    con.execute("set variable link_seed = ?", [seed])
    con.execute("set variable link_type = ?", [model.entity_type])
    con.execute("set variable link_bounds = ?", [bounds])
    con.execute("set variable link_number = ?", [number])
    rows = con.execute(sql_file("entities/sampling.sql")).fetchall()
    return [
        Drawn(
            int(a), int(b), float(weight), bool(is_linked), _band(bounds, int(place)), int(population), seed
        )
        for a, b, weight, is_linked, place, population in rows
    ]


def _band(bounds: list[float], place: int) -> str:
    low = "" if place == 0 else f"{bounds[place - 1]:g}"
    high = "" if place == len(bounds) else f"{bounds[place]:g}"
    return f"{low}..{high}"


def judged_lines(lines: Iterable[Line]) -> list[Judged]:
    """The sampled decisions of the file; of two on one pair, the newer."""
    return _newest(
        _judged(x["entity_type"], str(x.a), str(x.b), x["judgement"], x["sample"], x["decided_at"])
        for x in lines
        if x["sample"] and x.problem is None and x.revoked_by is None
    )


def judged_rows(con: duckdb.DuckDBPyConnection) -> list[Judged]:
    """The sampled decisions of entity.decision; what was contradicted counts, what was taken back does not."""
    rows = con.execute(
        "select entity_type, record_a, record_b, judgement, sample, decided_at::varchar from entity.decision "
        "where sample is not null and revoked_at is null and judgement is not null and entity_type is not null order by line"
    ).fetchall()
    return _newest(_judged(*(str(v) for v in row)) for row in rows)


def _judged(entity_type: str, a: str, b: str, judgement: str, sample: str, at: str) -> Judged | None:
    found = SAMPLE.fullmatch(sample)
    if not found:
        return None
    return Judged(
        entity_type,
        frozenset((a, b)),
        judgement,
        found["band"],
        found["linked"] == "yes",
        int(found["population"]),
        at,
    )


def _newest(found: Iterable[Judged | None]) -> list[Judged]:
    by_pair = {
        (j.entity_type, j.pair): j for j in sorted((j for j in found if j), key=lambda j: j.decided_at)
    }
    return list(by_pair.values())


def measure(judged: Iterable[Judged]) -> list[Measured]:
    """Precision and recall of the links among the pairs that were compared and kept, by type."""
    by_type: dict[str, list[Judged]] = defaultdict(list)
    for one in judged:
        by_type[one.entity_type].append(one)
    return [m for entity_type in sorted(by_type) for m in _measure(entity_type, by_type[entity_type])]


def _measure(entity_type: str, judged: list[Judged]) -> list[Measured]:
    sizes: dict[tuple[bool, str], int] = {}
    same: dict[tuple[bool, str], int] = defaultdict(int)
    seen: dict[tuple[bool, str], int] = defaultdict(int)
    unsure = 0
    for one in sorted(judged, key=lambda j: j.decided_at):
        band = (one.is_linked, one.band)
        sizes[band] = one.population  # as of the newest draw
        if one.judgement == "unsure":
            unsure += 1
            continue
        seen[band] += 1
        same[band] += one.judgement == "same"
    known = sorted(b for b in sizes if seen[b])
    total = sum(sizes.values())
    missing = 1 - sum(sizes[b] for b in known) / total if total else 0.0
    dice = random.Random(id_of({"reason": f"{entity_type} {sorted(sizes.items())} {sorted(same.items())}"}))
    draws = [
        {b: dice.betavariate(same[b] + 0.5, seen[b] - same[b] + 0.5) for b in sorted(sizes)}
        for _ in range(DRAWS)
    ]
    rates = {b: same[b] / seen[b] for b in known}
    found = []
    several = sorted(_recall(sizes, d) for d in draws)
    bounds = {
        "precision": _wilson({b: n for b, n in sizes.items() if b[0]}, rates, seen),
        "recall": (several[int(0.025 * DRAWS)], several[int(0.975 * DRAWS)]),
    }
    for metric, part in (("precision", _precision), ("recall", _recall)):
        found.append(
            Measured(
                entity_type,
                metric,
                part({b: sizes[b] for b in known}, rates) if known else None,
                *bounds[metric],
                sum(seen[b] for b in known if b[0] or metric == "recall"),
                sum(n for b, n in sizes.items() if b[0] or metric == "recall"),
                unsure,
                missing,
            )
        )
    return found


def _wilson(
    sizes: dict[tuple[bool, str], int],
    rates: dict[tuple[bool, str], float],
    seen: dict[tuple[bool, str], int],
) -> tuple[float, float]:
    """Wilson's interval of a rate over bands, with as many pairs as the uneven sample is worth.

    Of bands of which none was judged, anything may be true.
    """
    total = sum(sizes.values())
    judged = {b: n for b, n in sizes.items() if b in rates}
    within = sum(judged.values())
    if not within:
        return 0.0, 1.0
    share = within / total
    rate = sum(n * rates[b] for b, n in judged.items()) / within
    worth = 1 / sum((n / within) ** 2 / seen[b] for b, n in judged.items())
    middle = (rate + Z * Z / (2 * worth)) / (1 + Z * Z / worth)
    half = Z * math.sqrt(rate * (1 - rate) / worth + Z * Z / (4 * worth * worth)) / (1 + Z * Z / worth)
    return share * max(0.0, middle - half), share * min(1.0, middle + half) + 1 - share


def _precision(sizes: dict[tuple[bool, str], int], rates: dict[tuple[bool, str], float]) -> float:
    linked = {b: n for b, n in sizes.items() if b[0]}
    total = sum(linked.values())
    return sum(n * rates[b] for b, n in linked.items()) / total if total else 0.0


def _recall(sizes: dict[tuple[bool, str], int], rates: dict[tuple[bool, str], float]) -> float:
    matching = sum(n * rates[b] for b, n in sizes.items())
    return sum(n * rates[b] for b, n in sizes.items() if b[0]) / matching if matching else 0.0


def measure_decisions(con: duckdb.DuckDBPyConnection) -> list[Measured]:
    """What the sampled decisions of entity.decision say of each entity type's links."""
    return measure(judged_rows(con))
