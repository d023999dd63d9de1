"""Scores as of one date: every unit that could be visited, the visits to make, and why.

Here: the whole of one scoring, and how many rows each join lost on the way.
Not here: writing to the warehouse, and whether the model is any good (backtest.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from city_platform.risk import reasons, worklist
from city_platform.risk.asof import feature_rows, find_eligible, prepare, share_of
from city_platform.risk.case import Case
from city_platform.risk.models import Fitted, fit, training_hash
from city_platform.risk.windows import known_before, window_rows, windows_before

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

SCORE_COLUMNS = [
    "case_id", "as_of", "unit_type", "unit_id", "model_version", "score", "rank", "band", "match_confidence",
    "feeds_missing",
]  # fmt: skip

Budget = list[tuple[str, int, int, str]]


@dataclass
class Scored:
    """The rows of `risk.score`, `risk.reason` and `risk.worklist`, and the budget of rows.

    Each line of the budget is (step, rows in, rows out, why the others are not there).
    """

    score: pd.DataFrame
    reason: pd.DataFrame
    worklist: pd.DataFrame
    budget: Budget


def score_case(con: duckdb.DuckDBPyConnection, case: Case, as_of: date, feeds_missing: list[str]) -> Scored:
    """Scores every eligible unit by what was known before `as_of`, and chooses the visits.

    The model in use learns from the windows before `as_of`; where they hold too little, the scorecard scores
    (then a score is a share of its points, not a chance). Without eligible units all three tables are empty.
    Raises ValueError where the case's SQL does not give what it must.
    """
    import pandas as pd

    prepare(con, case)
    budget: Budget = []
    past = window_rows(con, windows_before(con, case, as_of))
    training = known_before(past, case, as_of)
    _count_visits(con, as_of, training, budget)
    units = _eligible_units(con, case, as_of, budget)
    if units.empty:
        return Scored(
            pd.DataFrame(columns=SCORE_COLUMNS),
            pd.DataFrame(columns=reasons.COLUMNS),
            pd.DataFrame(columns=worklist.COLUMNS),
            budget,
        )
    wanted = pd.concat([training[["unit_id", "as_of"]], units.assign(as_of=as_of)[["unit_id", "as_of"]]])
    features = feature_rows(con, case, wanted)
    learnt_from = training.merge(
        features.drop(columns="unit_id"), on=["unit_key", "as_of"], validate="one_to_one"
    )
    fitted = _model(case, learnt_from, budget)
    version = _version(case, fitted, learnt_from)

    rows = features[features["as_of"] == as_of].merge(
        units[["unit_key", "match_confidence"]], on="unit_key", validate="one_to_one"
    )
    rows["score"] = fitted.score(rows)
    rows["tie"] = [share_of(case.worklist.seed, case.case, "tie", as_of, key) for key in rows["unit_key"]]
    rows = rows.sort_values(["score", "tie", "unit_key"], ascending=[False, True, True]).reset_index(
        drop=True
    )
    rows["rank"] = range(1, len(rows) + 1)

    missing = " ".join(sorted(feeds_missing))
    score = rows.assign(
        case_id=case.case,
        unit_type=case.unit_type,
        model_version=version,
        band=[_band(rank, len(rows)) for rank in rows["rank"]],
        feeds_missing=missing,
    )[SCORE_COLUMNS]
    chosen = worklist.select_visits(case.worklist, case.case, as_of, rows)
    budget.append(("units on the worklist", len(rows), len(chosen), "beyond what can be visited"))
    average = fitted.contributions(rows).mean(axis=0)
    return Scored(
        score,
        reasons.reason_rows(con, case, fitted, version, chosen, average),
        worklist.worklist_rows(
            con,
            case,
            as_of,
            chosen[["unit_id", "unit_key", "rank", "selection", "propensity"]],
            missing,
        ),
        budget,
    )


def _count_visits(
    con: duckdb.DuckDBPyConnection, as_of: date, training: pd.DataFrame, budget: Budget
) -> None:
    """How labelled records became training rows."""
    counts = con.execute(
        "select coalesce(sum(records), 0), coalesce(sum(records) filter (where unit_id is not null), 0), "
        "count(*) filter (where unit_id is not null), "
        "count(*) filter (where unit_id in (select unit_id from unit_key)) "
        "from labelled_visit where known_time < ?",
        [as_of],
    ).fetchone()
    records, of_unit, visits, linked = (int(count) for count in counts or (0, 0, 0, 0))
    budget.append(("labelled records with a unit", records, of_unit, "linked to no unit"))
    budget.append(
        ("labelled visits", of_unit, visits, "several records of one unit on one day are one visit")
    )
    budget.append(("labelled visits of linked units", visits, linked, "no record in entity.link"))
    budget.append(
        (
            "training rows",
            linked,
            len(training),
            "repeat visits inside one window, or before the oldest window",
        )
    )


def _eligible_units(con: duckdb.DuckDBPyConnection, case: Case, as_of: date, budget: Budget) -> pd.DataFrame:
    """unit_id, unit_key and match_confidence of each unit that could be visited."""
    find_eligible(con, case, as_of)
    excluded = con.execute(
        "select excluded_because, count(*) from eligible_unit group by all order by 1 nulls last"
    ).fetchall()
    left = sum(count for _, count in excluded)
    for because, count in excluded:
        if because is not None:
            budget.append(("units that could be visited", left, left - count, because))
            left -= count
    units = con.execute(
        "select unit_key.* from eligible_unit join unit_key using (unit_id) "
        "where excluded_because is null order by unit_key.unit_key"
    ).df()
    budget.append(("eligible units that are linked", left, len(units), "no record in entity.link"))
    return units


def _model(case: Case, training: pd.DataFrame, budget: Budget) -> Fitted:
    fitted = fit(case, case.model_in_use, training)
    if fitted is None:
        budget.append(
            ("rows learnt from", len(training), 0, "too few to learn from, so the scorecard scores")
        )
        fitted = fit(case, "scorecard", training)
    if fitted is None:
        raise TypeError("a scorecard learns nothing and so is always there")
    return fitted


def _version(case: Case, fitted: Fitted, training: pd.DataFrame) -> str:
    """The model's name and a hash of its configuration and training rows."""
    made_of = f"{case.config_id(fitted.name)}|{training_hash(fitted.model, training)}"
    return f"{fitted.name}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _band(rank: int, total: int) -> str:
    """Top tenth, next three tenths, the rest."""
    if rank * 10 <= total or rank == 1:
        return "high"
    return "medium" if rank * 10 <= total * 4 else "low"
