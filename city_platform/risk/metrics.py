"""How good an order of visits is, with intervals: the metrics of `risk.backtest` and nothing else.

Each metric is a sum over visits divided by another (auc: pairs ordered rightly by pairs). So a window, all
windows pooled and each bootstrap resample are one and the same computation, with every visit counted once, or
as often as its unit was drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

METRICS = ("auc", "days_earlier", "first_half", "precision_at_capacity", "recall_at_capacity", "brier")
Sums = dict[str, "tuple[np.ndarray, np.ndarray]"]


@dataclass
class Visits:
    """The visits of one window: the day of each as a whole number, its label, and what breaks a tie of
    scores."""

    day: np.ndarray
    label: np.ndarray
    tie: np.ndarray

    def __len__(self) -> int:
        return len(self.day)


def sums(
    visits: Visits, score: np.ndarray, counts: np.ndarray, capacity: int, is_probability: bool = False
) -> Sums:
    """Numerator and denominator of each metric, one value for each row of `counts` (resamples × visits).

    days_earlier: over visits with the label, actual day minus the day that this order would have given it;
    all days, ascending, go to the visits by descending score.
    first_half: share of them that this order puts on days up to which fewer than half of all visits were
    made.
    *_at_capacity: among the first `capacity` visits in this order.
    """
    import numpy as np

    by_score = np.lexsort((visits.tie, -score))
    by_day = np.argsort(visits.day, kind="stable")
    draws = counts[:, by_score]
    label = visits.label[by_score].astype(float)
    total, positives = counts.sum(axis=1), draws @ label

    # Slots: each visit as often as it was drawn, once in the order of days and once in the order of scores.
    slots_of_day, slot_day = counts[:, by_day], visits.day[by_day].astype(float)
    resamples = len(counts)
    resample = np.repeat(np.arange(resamples), total)
    simulated = np.repeat(np.tile(slot_day, resamples), slots_of_day.ravel())
    slot_label = np.repeat(np.tile(label, resamples), draws.ravel())
    simulated_sum = np.bincount(resample, simulated * slot_label, minlength=resamples)
    actual_sum = draws @ (label * visits.day[by_score])

    last_of_day = np.append(slot_day[1:] != slot_day[:-1], True)
    made_by_day = np.cumsum(slots_of_day, axis=1)[:, last_of_day]
    first_half = np.where(made_by_day * 2 < total[:, None], made_by_day, 0).max(axis=1, initial=0)

    before = np.cumsum(draws, axis=1) - draws

    def positives_in_first(places: np.ndarray) -> np.ndarray:
        return np.asarray(np.clip(places[:, None] - before, 0, draws) @ label)

    room = np.minimum(capacity, total)
    found = positives_in_first(room)
    result = {
        "auc": (_pairs_ordered(score[by_score], draws, label), positives * (total - positives)),
        "days_earlier": (actual_sum - simulated_sum, positives),
        "first_half": (positives_in_first(first_half), positives),
        "precision_at_capacity": (found, room),
        "recall_at_capacity": (found, positives),
    }
    if is_probability:
        result["brier"] = (counts @ (score - visits.label.astype(float)) ** 2, total)
    return result


def _pairs_ordered(score: np.ndarray, draws: np.ndarray, label: np.ndarray) -> np.ndarray:
    """Pairs of a visit with and one without the label in which the first scores higher; a tie counts half."""
    import numpy as np

    first_of_score = np.flatnonzero(np.append(True, score[1:] != score[:-1]))
    with_label = np.add.reduceat(draws * label, first_of_score, axis=1)
    without = np.add.reduceat(draws * (1 - label), first_of_score, axis=1)
    below = without.sum(axis=1, keepdims=True) - np.cumsum(without, axis=1)
    pairs: np.ndarray = (with_label * (below + without / 2)).sum(axis=1)
    return pairs


def pooled(windows: Sequence[Sums]) -> Sums:
    """The sums of several windows together: visits are only ever compared within their own window."""
    import numpy as np

    def total(name: str, part: int) -> np.ndarray:
        return np.asarray(np.sum([window[name][part] for window in windows], axis=0))

    names = [name for name in windows[0] if all(name in window for window in windows)]
    return {name: (total(name, 0), total(name, 1)) for name in names}


def values(of: Sums, name: str) -> np.ndarray:
    """The metric itself, one value for each resample; not-a-number where it is undefined."""
    import numpy as np

    numerator, denominator = (np.asarray(part, dtype=float) for part in of[name])
    undefined = np.full(len(numerator), np.nan)
    return np.asarray(np.divide(numerator, denominator, out=undefined, where=denominator > 0))


def interval(resampled: np.ndarray) -> tuple[float, float]:
    """The middle 95% of the resamples in which the metric is defined."""
    import numpy as np

    defined = resampled[~np.isnan(resampled)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.quantile(defined, [0.025, 0.975])
    return float(low), float(high)


def unit_draws(units: int, resamples: int, seed: int) -> np.ndarray:
    """How often each unit is drawn in each resample (resamples × units); the first row is the sample
    itself."""
    import numpy as np

    generator = np.random.default_rng(seed)
    drawn = generator.integers(0, units, size=(resamples, units))
    counts = np.stack([np.bincount(row, minlength=units) for row in drawn])
    return np.vstack([np.ones((1, units), dtype=counts.dtype), counts])
