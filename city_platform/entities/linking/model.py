"""Model: reads models/<entity type>.yaml, and says in SQL how much two nodes agree (Fellegi and Sunter's sum).

Belongs here: the file's fields, and the SQL made from them. Does not belong here: which pairs are scored (compare.py),
estimating the weights (entities/train.py).

A pair's weight is log2(prior odds) plus, for each comparison, log2(m / u) of the first level that holds. A level with
`tf` adds log2(u of its own value's frequency), as Splink does: rare values that agree weigh more.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from city_platform.tables import quote_text
from city_platform.yaml_files import load_documents, validate

FOLDER = Path(__file__).parent.parent / "models"
EntityType = Literal["business", "organisation", "person"]
LINKED: tuple[EntityType, ...] = ("organisation", "business", "person")  # in this order
LEVEL_BITS = 4
DECIMALS = 4  # of a weight, before it is compared with anything


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Level(Part):
    """One way in which two values can agree or differ; m and u: how often among pairs that match, and that do not."""

    label: str
    sql: str = "true"
    missing: bool = False  # a value is missing: it weighs nothing
    otherwise: bool = False  # holds where no other does
    m: float | None = Field(default=None, gt=0, lt=1)
    u: float | None = Field(default=None, gt=0, lt=1)
    tf: str | None = None  # the column whose value's frequency counts
    tf_weight: float = Field(default=1.0, ge=0, le=1)

    @model_validator(mode="after")
    def _fits(self) -> Level:
        if self.missing == (self.m is not None) or (self.m is None) != (self.u is None):
            raise ValueError(f"level {self.label}: give m and u, or say missing: true")
        if not self.otherwise and self.sql == "true":
            raise ValueError(f"level {self.label}: give its sql, or say otherwise: true")
        return self

    @property
    def weight(self) -> float:
        """log2(m / u), in bits, without the frequency of the value."""
        return math.log2(self.m / self.u) if self.m is not None and self.u is not None else 0.0


class Comparison(Part):
    """One thing that is compared."""

    name: str
    levels: tuple[Level, ...] = Field(min_length=2, max_length=2**LEVEL_BITS)
    identifier: bool = False  # a number that agrees: the link's method is `identifier`

    @model_validator(mode="after")
    def _fits(self) -> Comparison:
        if [level.otherwise for level in self.levels] != [False] * (len(self.levels) - 1) + [True]:
            raise ValueError(f"comparison {self.name}: its last level, and no other, is otherwise: true")
        return self

    def base(self, column: str) -> float:
        """u of the first level that the column's frequency counts in: what a frequency is set against."""
        return next(level.u for level in self.levels if level.tf == column and level.u is not None)


class Block(Part):
    """Pairs that share the key are compared, unless more than cap nodes do; then split is added to the key.

    One part of the key may unnest a list: the node then stands in a block for each of its values.
    """

    name: str
    key: tuple[str, ...] = Field(min_length=1)
    cap: int = Field(default=100, ge=2)  # nodes
    split: tuple[str, ...] = ()

    @property
    def is_of_lists(self) -> bool:
        return any("unnest(" in part for part in self.key)


class Veto(Part):
    """What never stands in one entity, whatever it weighs."""

    name: str
    sql: str


class Model(Part):
    """How the nodes of one entity type are linked."""

    entity_type: EntityType
    prior: float = Field(gt=0, lt=1)  # probability that two random nodes match, where there are few
    matches_per_node: float | None = Field(
        default=None, gt=0
    )  # where there are many: prior is this by their number
    link_from: float  # bits
    keep_from: float  # bits
    blocks: tuple[Block, ...] = Field(min_length=1, max_length=32)
    comparisons: tuple[Comparison, ...] = Field(min_length=1, max_length=64 // LEVEL_BITS)
    vetoes: tuple[Veto, ...] = ()
    suspect_when_several: tuple[str, ...] = ()
    refuse_mean_below: float | None = (
        None  # bits: of all pairs across a union, in a cluster that is looked at again
    )
    ambiguous_within: float | None = (
        None  # bits: what fits two that are kept apart about as well joins neither
    )

    @property
    def prior_weight(self) -> float:
        return math.log2(self.prior / (1 - self.prior))

    def tf_columns(self) -> list[str]:
        """Columns whose values' frequencies count, in order."""
        return sorted({level.tf for c in self.comparisons for level in c.levels if level.tf})


def load_model(entity_type: str, folder: Path = FOLDER) -> Model:
    """The shipped model of an entity type; raises DeclarationError with file, line and field."""
    path = folder / f"{entity_type}.yaml"
    [(content, node)] = load_documents(path)
    return validate(Model, content, node, path)


def compared_columns(model: Model, columns: list[str]) -> list[str]:
    """Those of a node's columns that the model's SQL reads."""
    texts = [level.sql for c in model.comparisons for level in c.levels] + [v.sql for v in model.vetoes]
    return columns_in(texts, columns)


def columns_in(texts: Iterable[str], columns: Sequence[str]) -> list[str]:
    """Those columns that SQL about two nodes reads, as <column>_l or <column>_r."""
    text = " ".join(texts)
    return [c for c in columns if re.search(rf"\b{re.escape(c)}_[lr]\b", text)]


def pairs_sql(model: Model, columns: list[str], pairs: str, nodes: str) -> str:
    """A select of pairs (node_a, node_b, rules) with level_1 …, `veto` and `weight`; nodes has node, columns and tf_….

    columns: the node's columns. The weight is rounded; no pair is left out.
    """
    used = compared_columns(model, columns)
    sides = [f'l."{c}" as "{c}_l", r."{c}" as "{c}_r"' for c in used]
    sides += [f'greatest(l."tf_{c}", r."tf_{c}") as "tf_{c}"' for c in model.tf_columns()]
    levels = ",\n".join(
        f"case {' '.join(_when(c, i) for i in range(len(c.levels)))} end as level_{n}"
        for n, c in enumerate(model.comparisons, 1)
    )
    vetoes = " ".join(f"when {v.sql} then {quote_text(v.name)}" for v in model.vetoes)
    weight = " + ".join(weight_sql(c, n) for n, c in enumerate(model.comparisons, 1))
    names = ", ".join(f"level_{n}" for n in range(1, len(model.comparisons) + 1))
    tfs = "".join(f', "tf_{c}"' for c in model.tf_columns())
    return f"""with
    sided as (
        select p.node_a, p.node_b, p.rules, {", ".join(sides)}
        from {pairs} as p
        join {nodes} as l on l.node = p.node_a
        join {nodes} as r on r.node = p.node_b
    ),
    levelled as (
        select node_a, node_b, rules, {f"case {vetoes} end" if vetoes else "null::varchar"} as veto, {levels}{tfs}
        from sided
    )
    select node_a, node_b, rules, veto, {names}{tfs}, round({model.prior_weight!r} + {weight}, {DECIMALS}) as weight
    from levelled"""


def weight_sql(comparison: Comparison, place: int) -> str:
    """What one comparison adds to a pair's weight, in bits, from level_<place> and the columns tf_…."""
    cases = []
    for i, level in enumerate(comparison.levels):
        value = repr(level.weight)
        if level.tf:
            base = math.log2(comparison.base(level.tf))
            value += f' + coalesce({level.tf_weight!r} * ({base!r} - log2("tf_{level.tf}")), 0)'
        cases.append(f"when {i} then {value}")
    return f"case level_{place} {' '.join(cases)} end"


def packed_levels(model: Model) -> str:
    """SQL: level_1 … in one UBIGINT, 4 bits each, the first lowest."""
    parts = [f"(level_{n}::ubigint << {LEVEL_BITS * (n - 1)})" for n in range(1, len(model.comparisons) + 1)]
    return " + ".join(parts)


def unpack(model: Model, levels: int) -> list[tuple[Comparison, Level]]:
    """Each comparison and the level that held, of a pair's packed levels."""
    mask = 2**LEVEL_BITS - 1
    return [(c, c.levels[(levels >> (LEVEL_BITS * n)) & mask]) for n, c in enumerate(model.comparisons)]


def as_json(model: Model) -> dict[str, Any]:
    """What entity.model keeps."""
    return model.model_dump(mode="json", exclude_defaults=True)


def _when(comparison: Comparison, place: int) -> str:
    level = comparison.levels[place]
    return f"else {place}" if level.otherwise else f"when {level.sql} then {place}"
