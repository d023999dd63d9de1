"""Would the order have been better? Every model and baseline on the same past windows, as if each were today.

Here: which rows are learnt from and judged in each window, and the rows of `risk.backtest`.
Not here: the metrics themselves (metrics.py) and today's scores (scoring.py).
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, cast

from city_platform.risk import metrics
from city_platform.risk.asof import feature_rows, prepare, share_of
from city_platform.risk.case import Case
from city_platform.risk.models import fit
from city_platform.risk.windows import known_before, last_window_end, window_rows, windows_before

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pandas as pd

COLUMNS = [
    "case_id", "model", "config_id", "slice", "window_start", "window_end", "metric", "value", "low", "high",
    "n", "positives", "compared_with",
]  # fmt: skip
RESAMPLES = 300
SEED = 20140831


def backtest(con: duckdb.DuckDBPyConnection, case: Case) -> pd.DataFrame:
    """The rows of `risk.backtest` for one case: each metric of each model, in each window and over all.

    Features are frozen on a window's first day; what is learnt was known before it; judged are the first
    labelled visits to each unit inside it. Where `compared_with` is empty, value is the metric; else it is
    the metric of the model in use minus that baseline's, on the same visits and the same resamples (days for
    days_earlier, shares of 1 otherwise; for brier less is better). Windows without both kinds of label are
    left out, and the rows over all windows hold those in which every model could be fitted that could be
    fitted in any. Empty where nothing can be judged.
    """
    import pandas as pd

    scored = window_scores(con, case)
    if scored.empty:
        return pd.DataFrame(columns=COLUMNS)
    units = {key: number for number, key in enumerate(sorted(scored["unit_key"].unique()))}
    draws = metrics.unit_draws(len(units), RESAMPLES, SEED)
    names = [name for name in case.models if name in scored.columns]
    by_window: dict[tuple[date, date], dict[str, metrics.Sums]] = {}
    sizes: dict[tuple[date, date], tuple[int, int]] = {}
    for window, rows in scored.groupby(["as_of", "window_end"], sort=True):
        start, end = cast("tuple[date, date]", window)
        positives = int(rows["label"].sum())
        if not 0 < positives < len(rows):
            continue
        counts = draws[:, rows["unit_key"].map(units).to_numpy(int)]
        fitted = [name for name in names if rows[name].notna().all()]
        visits = _visits(case, rows)
        by_window[start, end] = {
            name: metrics.sums(
                visits,
                rows[name].to_numpy(float),
                counts,
                case.worklist.capacity,
                is_probability=case.models[name].kind == "logistic",
            )
            for name in fitted
        }
        sizes[start, end] = (len(rows), positives)

    table: list[dict[str, Any]] = []
    for window, sums in by_window.items():
        table += _metric_rows(case, window, sums, sizes[window])
    most = {name for sums in by_window.values() for name in sums}
    whole = [window for window, sums in by_window.items() if most <= set(sums)]
    if len(whole) > 1:
        together = {
            name: metrics.pooled([by_window[window][name] for window in whole])
            for name in names
            if name in most
        }
        size = (sum(sizes[window][0] for window in whole), sum(sizes[window][1] for window in whole))
        table += _metric_rows(case, (whole[0][0], whole[-1][1]), together, size)
    return pd.DataFrame(table, columns=COLUMNS)


def window_scores(con: duckdb.DuckDBPyConnection, case: Case) -> pd.DataFrame:
    """Each judged visit, with one column of scores for each model.

    The other columns are unit_key, as_of, window_end, happened_on and label.
    A model's score is empty in windows before which it had too little to learn from.
    """
    import pandas as pd

    prepare(con, case)
    end = last_window_end(con, case)
    if end is None:
        return pd.DataFrame()
    windows = windows_before(con, case, end)
    rows = window_rows(con, windows)
    if rows.empty:
        return rows
    features = feature_rows(con, case, rows).drop(columns="unit_id")
    rows = rows.merge(features, on=["unit_key", "as_of"], validate="one_to_one")
    judged = []
    for start, window_end in windows[-case.windows.count :]:
        test = rows[rows["as_of"] == start]
        if test.empty:
            continue
        training = known_before(rows, case, start)
        result = test[["unit_key", "as_of", "happened_on", "label"]].assign(window_end=window_end)
        for name in case.models:
            if fitted := fit(case, name, training):
                result[name] = fitted.score(test)
        judged.append(result)
    return pd.concat(judged, ignore_index=True) if judged else pd.DataFrame()


def _visits(case: Case, rows: pd.DataFrame) -> metrics.Visits:
    import numpy as np

    keys = zip(rows["as_of"], rows["unit_key"], strict=True)
    tie = np.array([share_of(case.worklist.seed, case.case, "tie", as_of, key) for as_of, key in keys])
    day = np.array([day.toordinal() for day in rows["happened_on"]])
    return metrics.Visits(day, rows["label"].to_numpy(bool), tie)


def _metric_rows(
    case: Case, window: tuple[date, date], sums: dict[str, metrics.Sums], size: tuple[int, int]
) -> list[dict[str, Any]]:
    """Rows for each metric of each model, and for each difference of the model in use from a baseline."""

    def row(model: str, metric: str, resampled: np.ndarray, compared_with: str) -> dict[str, Any]:
        low, high = metrics.interval(resampled[1:])
        return {
            "case_id": case.case,
            "model": model,
            "config_id": case.config_id(model),
            "slice": "all",
            "window_start": window[0],
            "window_end": window[1],
            "metric": metric,
            "value": float(resampled[0]),
            "low": low,
            "high": high,
            "n": size[0],
            "positives": size[1],
            "compared_with": compared_with,
        }

    rows = []
    for name, own in sums.items():
        for metric in (metric for metric in metrics.METRICS if metric in own):
            resampled = metrics.values(own, metric)
            rows.append(row(name, metric, resampled, ""))
            in_use = sums.get(case.model_in_use)
            if in_use is not None and name != case.model_in_use and metric in in_use:
                difference = metrics.values(in_use, metric) - resampled
                rows.append(row(case.model_in_use, metric, difference, name))
    return rows
