"""Train: estimates a model's weights anew with Splink, from what the city's own records say.

Belongs here: a model as Splink's settings, training, and refusing what too little data would teach. Does not belong here:
which weights are in force (linking/versions.py), scoring (linking/model.py; a test holds it equal to Splink's own).

Trained on are distinct contents, one row for all records that say the same. Pairs of equal records are never scored,
so a value's agreement must be estimated among records that differ somewhere: their repeats would teach that nothing
ever differs. Only m and u are estimated; comparisons, blocks, prior and thresholds stay as declared, because they say
what the city wants and not what its records are like. What makes up for comparisons that are not independent stays too:
a comparison that has but one level beside missing values, and the levels from the first on that reads what another comparison is of.

Splink works in a database of its own in memory, on one thread, so that the same records give the same weights.
"""

from __future__ import annotations

import logging
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

from city_platform.entities.linking.macros import define_macros
from city_platform.entities.linking.model import Block, Comparison, EntityType, Level, Model
from city_platform.entities.linking.nodes import ensure_frequencies, node_columns, node_table, with_prior
from city_platform.entities.linking.versions import newest_version, write_version
from city_platform.entities.resolve import FROZEN
from city_platform.rebuild import CheckResult, count, record_checks, run_checks
from city_platform.tables import fixed_tables
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    import duckdb

RETRAINED = "entities/model"
OF_BLOCKS = 0.05  # a prior that no pairs at random have: the model's u are shares of the pairs in blocks
LEAST_CONTENTS = 5_000  # of fewer, no weight is estimated
MOST_CONTENTS = 500_000  # of more, whole clusters are left out
LEAST_MATCHES = 500  # pairs expected to match, all levels together
LEAST_OF_LEVEL = 20  # pairs of a level, to estimate its m or its u
SAMPLE = 5_000  # contents whose pairs, some 12 million, u is estimated from
EM_PAIRS = 1_000_000.0  # of one block
CLEAR = 2.0  # bits: a weight whose sign may not change
DIGITS = 6  # of a probability
BOUNDS = (1e-9, 1 - 1e-9)
UNIQUE_ID = "unique_id"


class NotTrainedError(RuntimeError):
    """The weights in force stay; the message says why."""


@dataclass(frozen=True)
class Trained:
    """New weights of one entity type."""

    model: Model
    contents: int  # trained on
    matches: int  # pairs that are expected to match
    kept: tuple[str, ...]  # levels whose m or u stays, as "comparison: level (m)"

    @property
    def note(self) -> str:
        said = f"trained with Splink on {self.contents:,} different records and {self.matches:,} pairs that match"
        return said + (f"; too little data for {', '.join(self.kept)}" if self.kept else "")


def retrain(con: duckdb.DuckDBPyConnection, entity_type: EntityType) -> tuple[str, Trained]:
    """Train an entity type's model anew and record it with the frequencies of values today; returns its version.

    Call it in a transaction: weights and frequencies change together. Raises NotTrainedError.
    """
    newest = newest_version(con, entity_type)
    if newest is None:
        raise NotTrainedError(
            f"{entity_type}: nothing is linked yet, so there is nothing to train on. Run the city first."
        )
    trained = train(con, newest.model)
    con.execute("delete from entity.term_frequency where entity_type = ?", [entity_type])
    ensure_frequencies(con, trained.model, node_table(entity_type))
    return write_version(con, trained.model, trained.contents, trained.note), trained


def retrain_types(warehouse: Warehouse, types: Sequence[EntityType]) -> tuple[list[str], list[CheckResult]]:
    """Train each type in a transaction of its own and check what was written; returns a sentence for each type."""
    tables = [fixed_tables()[f"entity.{name}"] for name in FROZEN]
    with warehouse.transaction():
        for table in tables:
            warehouse.ensure_table(table)
    said = []
    for entity_type in types:
        try:
            with warehouse.transaction() as con:
                version, trained = retrain(con, entity_type)
        except NotTrainedError as error:
            said.append(str(error))
        else:
            said.append(f"{entity_type}: version {version}, {trained.note}.")
    with warehouse.transaction() as con:
        checks = run_checks(con, tables)
        record_checks(con, RETRAINED, checks)
    return said, checks


def back_to_shipped(con: duckdb.DuckDBPyConnection, entity_type: EntityType) -> None:
    """Forget trained weights: the next run freezes the shipped ones, with the frequencies of that day."""
    con.execute("delete from entity.model where entity_type = ?", [entity_type])
    con.execute("delete from entity.term_frequency where entity_type = ?", [entity_type])


def train(con: duckdb.DuckDBPyConnection, declared: Model) -> Trained:
    """Estimate a model's m and u from entity.<kind>_node, node_cluster and compared; writes nothing there."""
    kind = declared.entity_type
    if declared.prior >= OF_BLOCKS:
        raise NotTrainedError(
            f"{kind}: its weights are of pairs that a block brings together (prior {declared.prior:g}), and Splink learns "
            "from pairs at random how often others agree; the weights in force stay. Change them in the model's file."
        )
    found = count(con, f"select count(distinct content) from {node_table(kind)}")
    if found < LEAST_CONTENTS:
        raise NotTrainedError(
            f"{kind}: {found:,} different records are too few to train on ({LEAST_CONTENTS:,} are needed); "
            "the weights in force stay."
        )
    model = with_prior(con, declared)
    own = _own_database(con, kind, found)
    u_values, u_counts = _estimate_u(own, model)
    m_values = _estimate_m(own, _with(model, "u", u_values))
    estimated = _with(_with(model, "u", u_values), "m", m_values)
    m_counts = _expected(own, estimated)
    matches = round(max(sum(levels) for levels in m_counts))
    if matches < LEAST_MATCHES:
        raise NotTrainedError(
            f"{kind}: {matches:,} pairs of records are expected to match, too few to train on ({LEAST_MATCHES:,} are "
            "needed); the weights in force stay."
        )
    u_values, m_values = _proven(declared, u_values, u_counts), _proven(declared, m_values, m_counts)
    made = _with(_with(declared, "u", u_values), "m", m_values)
    _judge(declared, made)
    kept = tuple(
        f"{comparison.name}: {level.label} ({which})"
        for n, comparison in enumerate(declared.comparisons)
        for i, level in enumerate(comparison.levels)
        for which, values in (("m", m_values), ("u", u_values))
        if not level.missing and not _is_correction(comparison) and values[n][i] is None
    )
    return Trained(made, count(own, "select count(*) from content"), matches, kept)


def splink_settings(model: Model) -> dict[str, Any]:
    """A model in Splink's terms. Comparison n is named c<n>; blocks and vetoes are ours and are left out."""
    return {
        "link_type": "dedupe_only",
        "unique_id_column_name": UNIQUE_ID,
        "probability_two_random_records_match": model.prior,
        "blocking_rules_to_generate_predictions": [],
        "retain_matching_columns": True,  # and with them which level held
        "comparisons": [
            {
                "output_column_name": f"c{n}",
                "comparison_description": comparison.name,
                "comparison_levels": [_splink_level(comparison, level) for level in comparison.levels],
            }
            for n, comparison in enumerate(model.comparisons)
        ],
    }


def _splink_level(comparison: Comparison, level: Level) -> dict[str, Any]:
    made: dict[str, Any] = {
        "sql_condition": "ELSE" if level.otherwise else level.sql,
        "label_for_charts": level.label,
    }
    if level.m is None or level.u is None:
        # Splink wants two levels that weigh something: as likely among matches as among others weighs nothing.
        plain = {
            "m_probability": 0.5,
            "u_probability": 0.5,
            "fix_m_probability": True,
            "fix_u_probability": True,
        }
        return made | (plain if level.otherwise else {"is_null_level": True})
    made |= {"m_probability": level.m, "u_probability": level.u}
    if _is_correction(comparison):
        made |= {"fix_m_probability": True, "fix_u_probability": True}
    if level.tf:
        made |= {
            "tf_adjustment_column": level.tf,
            "tf_adjustment_weight": level.tf_weight,
            "disable_tf_exact_match_detection": True,
        }
        # We set a frequency against the u of the first level that it counts in, Splink against the level's own.
        base = comparison.base(level.tf)
        if base != level.u:
            made |= {
                "m_probability": level.m * (base / level.u) ** level.tf_weight,
                "fix_m_probability": True,
            }
    return made


def _is_correction(comparison: Comparison) -> bool:
    """Whether it has one level beside missing values: it takes off what others count twice, and cannot be estimated."""
    return sum(not level.missing for level in comparison.levels) < 2


def splink_linker(con: duckdb.DuckDBPyConnection, table: str, model: Model) -> Any:
    """Splink over a table whose column unique_id tells its rows apart; it writes its own tables beside it."""
    from splink import Linker
    from splink.backends.duckdb import DuckDBAPI

    logging.getLogger("splink").setLevel(logging.ERROR)  # else it prints values of the data
    return Linker(
        DuckDBAPI(connection=con).register(table),
        splink_settings(model),
        log_level=None,
        validate_settings=False,
    )


def _own_database(con: duckdb.DuckDBPyConnection, kind: EntityType, found: int) -> duckdb.DuckDBPyConnection:
    """A database in memory with content(unique_id, cluster, <node columns>), and kept_pair(node_a, node_b) of its rows."""
    import duckdb

    own = duckdb.connect(config={"threads": 1})
    define_macros(own, kind)
    parts = -(-found // MOST_CONTENTS)
    columns = ", ".join(f'n."{c}"' for c in node_columns(kind))
    content = f"""select n.node as {UNIQUE_ID}, c.cluster, {columns}
        from {node_table(kind)} as n
        join entity.node_cluster as c on c.entity_type = '{kind}' and c.node = n.node
        where hash(c.cluster) % {parts} = 0
        qualify row_number() over (partition by n.content order by n.node) = 1
        order by n.node"""
    pairs = f"select node_a, node_b from entity.compared where entity_type = '{kind}' order by all"
    for name, sql in (("content", content), ("pair", pairs)):
        own.register("handed_over", con.execute(sql).to_arrow_table())
        own.execute(f"create table {name} as select * from handed_over")
        own.unregister("handed_over")
    own.execute(
        f"""create table kept_pair as select p.node_a, p.node_b from pair as p
        semi join content as a on a.{UNIQUE_ID} = p.node_a
        semi join content as b on b.{UNIQUE_ID} = p.node_b"""
    )
    return own


Values = list[list[float | None]]  # by comparison and level; None: not estimated
Counts = list[list[float]]


def _estimate_u(own: duckdb.DuckDBPyConnection, model: Model) -> tuple[Values, Counts]:
    """How often each level holds among pairs that do not match, and on how many pairs that rests.

    One content a cluster is sampled: Splink takes every pair of the sample for one that does not match.
    """
    own.execute(
        f"""create or replace table sample as select * from content
        qualify row_number() over (partition by cluster order by hash({UNIQUE_ID}, 'one'), {UNIQUE_ID}) = 1
        order by hash({UNIQUE_ID}, 'sample'), {UNIQUE_ID} limit {SAMPLE}"""
    )
    linker = splink_linker(own, "sample", model)
    linker.training.estimate_u_using_random_sampling(
        max_pairs=SAMPLE**2, min_count_per_level=None, num_chunks=1
    )
    values = _read(linker, model, "u")
    known = _share_known(own, model)
    rows = count(own, "select count(*) from sample")
    pairs = rows * (rows - 1) / 2
    return values, [[(u or 0.0) * pairs * known[n] for u in levels] for n, levels in enumerate(values)]


def _share_known(own: duckdb.DuckDBPyConnection, model: Model) -> list[float]:
    """By comparison, the share of pairs in which no value is missing, among the sample's first thousand rows."""
    sides = ", ".join(f'l."{c}" as "{c}_l", r."{c}" as "{c}_r"' for c in node_columns(model.entity_type))
    unknown = [
        " or ".join(f"({level.sql})" for level in c.levels if level.missing and not level.otherwise)
        or "false"
        for c in model.comparisons
    ]
    shares = ", ".join(f"avg((not coalesce({sql}, false))::integer)" for sql in unknown)
    row = own.execute(
        f"""with
            chosen as (select * from sample limit 1000),
            sided as (select {sides} from chosen as l join chosen as r on l.{UNIQUE_ID} < r.{UNIQUE_ID})
        select {shares} from sided"""
    ).fetchone()
    return [float(share or 0.0) for share in row or ()]


def _estimate_m(own: duckdb.DuckDBPyConnection, model: Model) -> Values:
    """How often each level holds among pairs that match: by expectation and maximisation in each block, the median of all.

    What a block has in common says nothing there: comparisons of it are left out.
    """
    from splink.internals.exceptions import EMTrainingException

    found: dict[tuple[int, int], list[float]] = defaultdict(list)
    columns = node_columns(model.entity_type)
    for block in model.blocks:
        shared = {c for c in columns if re.search(rf"\b{c}\b", " ".join(block.key))}
        places = [n for n, c in enumerate(model.comparisons) if not shared & _compares(c, columns)]
        if block.is_of_lists or not places:
            continue  # Splink cannot train on lists
        _block(own, block)
        part = model.model_copy(
            update={
                "comparisons": tuple(model.comparisons[n] for n in places),
                "prior": _prior_in_block(model, places),
            }
        )
        linker = splink_linker(own, "blocked", part)
        try:
            linker.training.estimate_parameters_using_expectation_maximisation(
                "l.block = r.block", fix_u_probabilities=True, max_pairs=EM_PAIRS
            )
        except EMTrainingException:
            continue  # no two records share the block
        for n, values in zip(places, _read(linker, part, "m"), strict=True):
            for i, value in enumerate(values):
                if value is not None:
                    found[n, i].append(value)
    return [
        [median(found[n, i]) if found[n, i] else None for i in range(len(c.levels))]
        for n, c in enumerate(model.comparisons)
    ]


def _compares(comparison: Comparison, columns: Sequence[str]) -> set[str]:
    """The columns that a comparison is of: those of which one may be missing, and those of its strongest level."""
    stated = next(level for level in comparison.levels if not level.missing)
    text = " ".join([*(level.sql for level in comparison.levels if level.missing), stated.sql])
    return _reads(text, columns) | ({stated.tf} if stated.tf else set())


def _reads(sql: str, columns: Sequence[str]) -> set[str]:
    return {c for c in columns if re.search(rf"\b{c}_[lr]\b", sql)}


def _block(own: duckdb.DuckDBPyConnection, block: Block) -> None:
    """Make table blocked: content with its block, empty where a part of the key is missing or too many share it."""
    stated = " and ".join(f"({part}) is not null" for part in block.key)
    own.execute(
        f"""create or replace table blocked as
        with keyed as (select *, case when {stated} then hash({", ".join(block.key)}) end as key from content)
        select * exclude (key), case when count(*) over (partition by key) <= {block.cap} then key end as block from keyed
        order by {UNIQUE_ID}"""
    )


def _prior_in_block(model: Model, places: Sequence[int]) -> float:
    """What EM starts from: the prior, raised by what the comparisons left out weigh where they agree."""
    weight = model.prior_weight
    for n, comparison in enumerate(model.comparisons):
        if n not in places and not _is_correction(comparison):
            weight += next(level.weight for level in comparison.levels if not level.missing)
    odds = 2.0**weight
    return min(max(odds / (1 + odds), 0.01), 0.9999)


def _read(linker: Any, model: Model, which: str) -> Values:
    """The m or u that Splink has estimated; None where it has not."""
    # Splink puts comparisons and levels into an order of its own.
    estimated = {
        (comparison.output_column_name, level.comparison_vector_value): float(
            getattr(level, f"{which}_probability")
        )
        for comparison in linker._settings_obj.comparisons
        for level in comparison.comparison_levels
        if not level.is_null_level
        and not getattr(level, f"_fix_{which}_probability")
        and getattr(level, f"_has_estimated_{which}_values")
    }
    return [
        [None if level.missing else estimated.get((f"c{n}", gamma)) for level, gamma in _gammas(comparison)]
        for n, comparison in enumerate(model.comparisons)
    ]


def _with(model: Model, which: str, values: Values) -> Model:
    """A model with the values of m, or of u, that were estimated; where none was, with its own."""
    comparisons = [
        comparison.model_copy(
            update={
                "levels": tuple(
                    level if value is None else level.model_copy(update={which: _rounded(value)})
                    for level, value in zip(comparison.levels, own, strict=True)
                )
            }
        )
        for comparison, own in zip(model.comparisons, values, strict=True)
    ]
    return model.model_copy(update={"comparisons": tuple(comparisons)})


def _proven(model: Model, values: Values, counts: Counts) -> Values:
    """The values that enough pairs speak for; none of what depends on another comparison."""
    columns = node_columns(model.entity_type)
    of = [_compares(c, columns) for c in model.comparisons]
    proven: Values = []
    for n, comparison in enumerate(model.comparisons):
        foreign = set().union(*(of[i] for i in range(len(of)) if i != n)) - of[n]
        depends = False  # what comes after such a level is what it leaves
        kept: list[float | None] = []
        for level, value, seen in zip(comparison.levels, values[n], counts[n], strict=True):
            depends = depends or bool(foreign & _reads(level.sql, columns))
            kept.append(value if seen >= LEAST_OF_LEVEL and not depends else None)
        proven.append(kept)
    return proven


def _expected(own: duckdb.DuckDBPyConnection, model: Model) -> Counts:
    """How many pairs that match each level is expected to hold, of the pairs that the last run kept."""
    scored = score_pairs(splink_linker(own, "content", model), own, "kept_pair")
    counts: Counts = []
    for n, comparison in enumerate(model.comparisons):
        sums = dict(
            own.execute(
                f"select gamma_c{n}, sum(match_probability) from {scored} group by gamma_c{n}"
            ).fetchall()
        )
        counts.append(
            [0.0 if level.missing else float(sums.get(gamma, 0.0)) for level, gamma in _gammas(comparison)]
        )
    return counts


def score_pairs(linker: Any, con: duckdb.DuckDBPyConnection, pairs: str) -> str:
    """Splink's own scores of pairs (node_a, node_b); returns the name of its table."""
    con.execute(
        f"""create or replace table splink_pair as select node_a as join_key_l, node_b as join_key_r, '0' as match_key
        from {pairs}"""
    )
    api = linker._db_api
    linker.table_management.register_blocked_pairs_for_predict(api.register("splink_pair"))
    return str(linker.inference.predict().physical_name)


def _gammas(comparison: Comparison) -> list[tuple[Level, int]]:
    """Each level with Splink's number for it: -1 for a missing value, else downwards to 0."""
    is_null = [level.missing and not level.otherwise for level in comparison.levels]
    left = is_null.count(False)
    found = []
    for level, null in zip(comparison.levels, is_null, strict=True):
        left -= not null
        found.append((level, -1 if null else left))
    return found


def _judge(declared: Model, made: Model) -> None:
    """Raise NotTrainedError where what was learnt contradicts itself: then what was taken for matches are none.

    An agreement has to weigh more than a difference, and what clearly spoke for one entity may not speak against it.
    """
    for before, after in zip(declared.comparisons, made.comparisons, strict=True):
        stated = [level for level in after.levels if not level.missing]
        first, last = stated[0], stated[-1]
        if not _is_correction(after) and first.weight <= max(last.weight, 0.0):
            raise NotTrainedError(
                f"{made.entity_type}: by these records `{first.label}` of {after.name} would weigh {first.weight:+.1f} "
                f"bits and `{last.label}` {last.weight:+.1f}, which cannot be; the weights in force stay."
            )
        for old, new in zip(before.levels, after.levels, strict=True):
            if abs(old.weight) >= CLEAR and old.weight * new.weight < 0:
                raise NotTrainedError(
                    f"{made.entity_type}: by these records `{new.label}` of {after.name} would weigh {new.weight:+.1f} bits "
                    f"instead of {old.weight:+.1f}, the contrary; the weights in force stay."
                )


def _rounded(value: float) -> float:
    low, high = BOUNDS
    return min(max(float(f"{value:.{DIGITS}g}"), low), high)
