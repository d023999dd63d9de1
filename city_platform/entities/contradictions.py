"""Contradictions: which decisions cannot all be true: a is b, b is c, but a is not c.

Belongs here: finding them. Does not belong here: reading decisions, and saying what is wrong (decisions.py).
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Said:
    """That two records are, or are not, one entity."""

    entity_type: str
    a: Hashable
    b: Hashable
    is_same: bool
    decision_id: str


def contradictions(said: Iterable[Said]) -> list[list[str]]:
    """Groups of decision ids that contradict each other.

    A group is one not-same and every chain of sames between its two records that shares no decision with a shorter one:
    without the group's decisions, nothing joins the two any more.
    """
    by_id = sorted(said, key=lambda s: s.decision_id)
    joined: dict[tuple[str, Hashable], list[tuple[Hashable, str]]] = defaultdict(list)
    for s in by_id:
        if s.is_same:
            joined[s.entity_type, s.a].append((s.b, s.decision_id))
            joined[s.entity_type, s.b].append((s.a, s.decision_id))
    groups = []
    for s in by_id:
        if s.is_same:
            continue
        chains: list[str] = []
        while chain := _chain(joined, s, set(chains)):
            chains += chain
        if chains:
            groups.append([s.decision_id, *chains])
    return groups


def _chain(
    joined: dict[tuple[str, Hashable], list[tuple[Hashable, str]]], apart: Said, without: set[str]
) -> Sequence[str]:
    """The shortest chain of sames from one record to the other; empty where there is none."""
    came: dict[Hashable, tuple[Hashable, str] | None] = {apart.a: None}
    waiting = deque([apart.a])
    while waiting and apart.b not in came:
        here = waiting.popleft()
        for there, decision_id in joined[apart.entity_type, here]:
            if there not in came and decision_id not in without:
                came[there] = (here, decision_id)
                waiting.append(there)
    chain = []
    step = came.get(apart.b)
    while step:
        chain.append(step[1])
        step = came[step[0]]
    return chain
