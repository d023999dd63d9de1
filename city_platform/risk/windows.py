"""Time windows and the visits in them: what models learn from and are tried on.

Here: where windows lie, and one row for each unit's first labelled visit in each.
Not here: features (asof.py) and metrics (metrics.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

from city_platform.risk.case import Case

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

from city_platform.risk.asof import run_file


def last_window_end(con: duckdb.DuckDBPyConnection, case: Case) -> date | None:
    """The day after the last window of the backtest; None where nothing is labelled."""
    newest = _labelled_days(con)[1]
    if newest is None:
        return None
    return (case.windows.last_day or newest) + timedelta(days=1)


def windows_before(con: duckdb.DuckDBPyConnection, case: Case, end: date) -> list[tuple[date, date]]:
    """Consecutive windows (first day, day after the last), the newest ending at `end`, oldest first.

    They reach back to the first labelled visit, or as far as the case trains on.
    """
    oldest = _labelled_days(con)[0]
    if oldest is None:
        return []
    length = timedelta(days=case.windows.days)
    reach = end - timedelta(days=case.training.at_most_days) - case.windows.count * length
    windows: list[tuple[date, date]] = []
    while end > max(oldest, reach):
        windows.insert(0, (end - length, end))
        end -= length
    return windows


def window_rows(con: duckdb.DuckDBPyConnection, windows: list[tuple[date, date]]) -> pd.DataFrame:
    """unit_id, unit_key, as_of, happened_on, known_time and label of each unit's first visit in each
    window."""
    import pandas as pd

    con.execute("create or replace temp table risk_window (window_start date, window_end date)")
    if windows:
        con.executemany("insert into risk_window values (?, ?)", windows)
    run_file(con, "window_row.sql")
    rows = con.execute("select * from window_row order by as_of, unit_key").df()
    for column in ("as_of", "happened_on"):
        rows[column] = pd.to_datetime(rows[column]).dt.date
    rows["label"] = rows["label"].astype(bool)
    return rows


def known_before(rows: pd.DataFrame, case: Case, as_of: date) -> pd.DataFrame:
    """The rows that may be learnt from at `as_of`: of an earlier window, and their label known before that
    date."""
    import pandas as pd

    oldest = as_of - timedelta(days=case.training.at_most_days)
    known = rows["known_time"] < pd.Timestamp(as_of)
    return rows[known & (rows["as_of"] < as_of) & (rows["as_of"] >= oldest)]


def _labelled_days(con: duckdb.DuckDBPyConnection) -> tuple[date | None, date | None]:
    row = con.execute(
        "select min(happened_on), max(happened_on) from labelled_visit where unit_id is not null"
    ).fetchone()
    return (None, None) if row is None else (row[0], row[1])
