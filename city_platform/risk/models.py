"""Baselines and models: feature rows in, scores and contributions out.

Here: how each kind of model that a case may name is fitted, scores, and says what each feature added.
Not here: which rows it is given (windows.py) and what its contributions are called (reasons.py).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from city_platform.risk.asof import share_of
from city_platform.risk.case import ActualOrder, Case, Logistic, Model, OneFeature, Scorecard

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

# Beyond this nothing but the noise of summing floats is left, and two equal runs must rank equally.
SCORE_DIGITS = 9


@dataclass
class Fitted:
    """A model that can score. `centre`, `scale` and `weights` are a logistic's, by feature in its order."""

    name: str
    model: Model
    seed: str
    centre: Any = None
    scale: Any = None
    weights: Any = None
    intercept: float = 0.0

    def score(self, rows: pd.DataFrame) -> np.ndarray:
        """One number a row, higher first; a chance from 0 to 1 for a logistic, a share of all points for a
        scorecard.

        `rows` needs unit_key, as_of and the model's features; business_as_usual needs happened_on too, which
        only a backtest knows.
        """
        import numpy as np

        if isinstance(self.model, Logistic):
            log_odds = self.intercept + self.contributions(rows).sum(axis=1)
            return np.asarray(np.round(1 / (1 + np.exp(-log_odds)), SCORE_DIGITS))
        if isinstance(self.model, Scorecard):
            return np.asarray(np.round(self.contributions(rows).sum(axis=1), SCORE_DIGITS))
        if isinstance(self.model, OneFeature):
            return rows[self.model.feature].to_numpy(float)
        if isinstance(self.model, ActualOrder):
            return -np.array([day.toordinal() for day in rows["happened_on"]], dtype=float)
        keys = zip(rows["as_of"], rows["unit_key"], strict=True)
        return np.array([share_of(self.seed, "random", as_of, key) for as_of, key in keys], dtype=float)

    def contributions(self, rows: pd.DataFrame) -> np.ndarray:
        """What each feature adds to each row: rows × features, in the order of `model_features`.

        In log-odds for a logistic; as a share of all points for a scorecard. Raises TypeError for other
        kinds.
        """
        import numpy as np

        if isinstance(self.model, Logistic):
            return np.asarray((_matrix(self.model, rows) - self.centre) / self.scale * self.weights)
        if not isinstance(self.model, Scorecard):
            raise TypeError(f"{self.name} is of kind {self.model.kind}, which explains nothing")
        names = list(dict.fromkeys(rule.feature for rule in self.model.points))
        total = sum(rule.points for rule in self.model.points)
        added = np.zeros((len(rows), len(names)))
        for rule in self.model.points:
            fired = rows[rule.feature].to_numpy(float) >= rule.at_least
            added[:, names.index(rule.feature)] += fired * rule.points / total
        return added


def fit(case: Case, name: str, training: pd.DataFrame) -> Fitted | None:
    """Makes the named model ready to score; None where it would learn from too few rows or positives.

    `training` holds the features and `label`, and is put in order here, so that the order given does not
    matter.
    """
    model, seed = case.models[name], f"{case.worklist.seed}|{case.case}"
    if not isinstance(model, Logistic):
        return Fitted(name, model, seed)
    positives = int(training["label"].sum())
    rules = case.training
    if len(training) < rules.min_rows or min(positives, len(training) - positives) < rules.min_positives:
        return None
    import numpy as np
    from sklearn.linear_model import LogisticRegression

    training = training.sort_values(["as_of", "unit_key"], kind="stable")
    values = _matrix(model, training)
    centre, scale = values.mean(axis=0), values.std(axis=0)
    # A feature that never varied says nothing; its weight comes out as 0.
    scale = np.where(scale > 0, scale, 1.0)
    # With few features this solver is exact and quick, and takes the same steps each time.
    learnt = LogisticRegression(
        C=model.inverse_regularisation, max_iter=1000, tol=1e-8, solver="newton-cholesky"
    )
    learnt.fit((values - centre) / scale, training["label"].to_numpy(bool))
    weights, intercept = learnt.coef_[0], float(learnt.intercept_[0])
    return Fitted(name, model, seed, centre, scale, weights, intercept)


def _matrix(model: Logistic, rows: pd.DataFrame) -> np.ndarray:
    import numpy as np

    values = rows[list(model.features)].to_numpy(float)
    logged = [transform == "log" for transform in model.features.values()]
    values[:, logged] = np.log1p(values[:, logged])
    return values


def training_hash(model: Model, training: pd.DataFrame) -> str:
    """Names what a model learns from by its contents, not its ids; empty if it learns nothing."""
    if not isinstance(model, Logistic):
        return ""
    training = training.sort_values(["as_of", "unit_key"], kind="stable")
    digest = hashlib.sha256(_matrix(model, training).tobytes())
    for key, as_of, label in zip(training["unit_key"], training["as_of"], training["label"], strict=True):
        digest.update(f"{key}|{as_of}|{int(label)}\n".encode())
    return digest.hexdigest()
