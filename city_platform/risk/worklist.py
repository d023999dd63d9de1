"""Which visits to make: the highest scores within what can be visited, and a share drawn at random.

Here: the draw, its propensities, and the rows of `risk.worklist`.
Not here: scores (scoring.py), reasons (reasons.py), and closing a row: an officer does that.
"""

from __future__ import annotations

import hashlib
import math
from datetime import date, timedelta
from typing import TYPE_CHECKING

from city_platform.risk.asof import run_file, set_units, set_variable, share_of
from city_platform.risk.case import Case, WorklistRules

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

COLUMNS = [
    "worklist_row_id", "case_id", "as_of", "rank", "unit_type", "unit_id", "name", "address", "area",
    "agency_reference", "due_on", "selection", "propensity", "status", "closed_by", "closed_reason",
    "expires_on", "feeds_missing",
]  # fmt: skip


def select_visits(rules: WorklistRules, case_id: str, as_of: date, ranked: pd.DataFrame) -> pd.DataFrame:
    """The rows of `ranked` to visit, in its order, with `selection` and `propensity`.

    `ranked` holds unit_key and rank, 1 first. The random share is drawn first and from all, so that its hit
    rate is that of the eligible as a whole; the best of the rest fill the list.
    """
    import pandas as pd

    total = len(ranked)
    size = min(rules.capacity, total)
    at_random = round(rules.random_share * size)
    draw = ranked["unit_key"].map(lambda key: share_of(rules.seed, case_id, as_of, "draw", key))
    lots = pd.DataFrame({"draw": draw, "unit_key": ranked["unit_key"]}).sort_values(["draw", "unit_key"])
    drawn = ranked.index.isin(lots.index[:at_random])
    best = ranked[~drawn].sort_values("rank").head(size - at_random)
    chosen = ranked[drawn | ranked.index.isin(best.index)].sort_values("rank")
    is_drawn = chosen["unit_key"].isin(set(ranked.loc[drawn, "unit_key"]))
    return chosen.assign(
        selection=is_drawn.map({True: "random", False: "model"}),
        propensity=[
            at_random / total if lot else model_propensity(int(rank), total, size, at_random)
            for lot, rank in zip(is_drawn, chosen["rank"], strict=True)
        ],
    )


def model_propensity(rank: int, total: int, size: int, at_random: int) -> float:
    """The chance that the unit of this rank comes onto the list by its score, over all random draws.

    It must not be drawn itself, and of the units above it enough must be drawn to leave it a place.
    """
    above, needed = rank - 1, rank - (size - at_random)
    most = min(above, at_random)
    ways = sum(
        math.comb(above, drawn) * math.comb(total - 1 - above, at_random - drawn)
        for drawn in range(max(needed, 0), most + 1)
    )
    return ways / math.comb(total, at_random)


def worklist_rows(
    con: duckdb.DuckDBPyConnection, case: Case, as_of: date, chosen: pd.DataFrame, feeds_missing: str
) -> pd.DataFrame:
    """The rows of `risk.worklist` for the chosen visits; rank is the place on the list, by score."""
    set_units(con, chosen.assign(as_of=as_of))
    set_variable(con, "unit_type", case.unit_type)
    set_variable(con, "reference_scheme", case.worklist.reference_scheme)
    run_file(con, "unit_place.sql")
    places = con.execute("select * from unit_place").df()
    rows = chosen.merge(places, on="unit_id", how="left", validate="one_to_one").sort_values("rank")
    rows = rows.assign(
        worklist_row_id=[_row_id(case.case, as_of, key) for key in rows["unit_key"]],
        case_id=case.case,
        as_of=as_of,
        rank=range(1, len(rows) + 1),
        unit_type=case.unit_type,
        due_on=None,
        status="open",
        closed_by=None,
        closed_reason=None,
        expires_on=as_of + timedelta(days=case.worklist.expires_after_days),
        feeds_missing=feeds_missing,
    )
    return rows[COLUMNS].reset_index(drop=True)


def _row_id(case_id: str, as_of: date, unit_key: str) -> str:
    return "w_" + hashlib.sha256(f"{case_id}|{as_of}|{unit_key}".encode()).hexdigest()[:16]
