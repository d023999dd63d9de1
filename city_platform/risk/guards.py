"""Does a case look into the future? Law 4's first guard.

Here: comparing what a case's SQL says with and without the events known later. Not here: mending it.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from city_platform.risk.asof import (
    find_eligible,
    know_everything,
    know_only_before,
    prepare,
    set_units,
)
from city_platform.risk.case import Case

if TYPE_CHECKING:
    import duckdb
    import pandas as pd


def leaked_features(con: duckdb.DuckDBPyConnection, case: Case, as_of: date) -> list[str]:
    """The features at `as_of` that change when all that was known from then on is deleted.

    Entities and links are held fixed. Every linked unit is compared. The name 'eligible' stands for the
    case's eligibility, 'rows' for a unit that has a row in one world only.
    """
    import pandas as pd

    prepare(con, case)
    units = con.execute("select unit_id from unit_key").df()
    if units.empty:
        return []
    set_units(con, units.assign(as_of=pd.Timestamp(as_of)))
    before = _state(con, case, as_of)
    know_only_before(con, as_of)
    try:
        after = _state(con, case, as_of)
    finally:
        know_everything(con)
    if not before.index.equals(after.index):
        return ["rows"]
    return [column for column in before.columns if _differ(before[column], after[column])]


def _state(con: duckdb.DuckDBPyConnection, case: Case, as_of: date) -> pd.DataFrame:
    """Every feature, and whether the unit is eligible, by unit."""
    con.execute(case.sql("features"))
    find_eligible(con, case, as_of)
    rows = con.execute(
        "select feature.*, "
        "eligible_unit.unit_id is not null and eligible_unit.excluded_because is null as eligible "
        "from feature left join eligible_unit using (unit_id) order by feature.unit_id"
    ).df()
    return rows.drop(columns="as_of").set_index("unit_id")


def _differ(before: pd.Series, after: pd.Series) -> bool:
    import numpy as np
    from pandas.api import types

    if types.is_float_dtype(before) and types.is_float_dtype(after):
        # Sums of floats come out in their last digits as the rows happen to be read.
        return not np.allclose(before, after, rtol=1e-9, atol=1e-9, equal_nan=True)
    return not (before.eq(after) | (before.isna() & after.isna())).all()
