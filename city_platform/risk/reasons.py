"""Why a visit is on the worklist: the model's contributions in plain words, with the records that prove them.

Here: the rows of `risk.reason`. Not here: what each reason says (the case's YAML) and which records prove it
(its SQL).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from city_platform.risk.asof import set_units
from city_platform.risk.case import Case, Reason, model_features
from city_platform.risk.models import Fitted

if TYPE_CHECKING:
    import duckdb
    import numpy as np
    import pandas as pd

COLUMNS = [
    "case_id", "as_of", "unit_type", "unit_id", "model_version", "position", "code", "text", "points",
    "evidence",
]  # fmt: skip
STRONGEST = 3
RECORDS = 5
POINT_DIGITS = 6


def reason_points(
    case: Case, fitted: Fitted, rows: pd.DataFrame, average: np.ndarray
) -> list[dict[str, float]]:
    """For each row, what each reason's features add together, less what they add for the average unit.

    In log-odds for a logistic; as a share of all points for a scorecard. `average` is the mean contribution
    of each feature.
    """
    features = model_features(fitted.model)
    more = fitted.contributions(rows) - average
    places = {
        reason.code: [features.index(name) for name in reason.features if name in features]
        for reason in case.reasons
    }
    return [
        {code: round(float(row[columns].sum()), POINT_DIGITS) for code, columns in places.items() if columns}
        for row in more
    ]


def reason_rows(
    con: duckdb.DuckDBPyConnection,
    case: Case,
    fitted: Fitted,
    model_version: str,
    rows: pd.DataFrame,
    average: np.ndarray,
) -> pd.DataFrame:
    """The rows of `risk.reason` for the units of a worklist, strongest first, at most three a unit.

    A reason stands only where it raises the score and a record proves it. A unit without one gets the
    sentence that nothing stands out, with 0 points.
    """
    import pandas as pd

    proofs = _evidence(con, case, rows)
    by_code = {reason.code: reason for reason in case.reasons}
    table: list[dict[str, Any]] = []
    filled = [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]
    for unit, points in zip(filled, reason_points(case, fitted, rows, average), strict=True):
        proof = proofs.get(unit["unit_id"], {})
        raising = [(value, code) for code, value in points.items() if value > 0 and code in proof]
        strongest = sorted(raising, key=lambda item: (-item[0], item[1]))[:STRONGEST]
        said = [(code, _fill(by_code[code], unit), value) for value, code in strongest]
        for position, (code, text, value) in enumerate(
            said or [("nothing_stands_out", case.nothing_stands_out, 0.0)], start=1
        ):
            table.append(
                {
                    "case_id": case.case,
                    "as_of": unit["as_of"],
                    "unit_type": case.unit_type,
                    "unit_id": unit["unit_id"],
                    "model_version": model_version,
                    "position": position,
                    "code": code,
                    "text": text,
                    "points": value,
                    "evidence": " ".join(proof.get(code, [])),
                }
            )
    return pd.DataFrame(table, columns=COLUMNS)


def _fill(reason: Reason, unit: dict[str, Any]) -> str:
    try:
        return reason.text.format(**{column: unit[column] for column in reason.columns})
    except (ValueError, TypeError) as error:
        raise ValueError(f"reasons.{reason.code}.text cannot be filled: {error}") from None


def _evidence(
    con: duckdb.DuckDBPyConnection, case: Case, rows: pd.DataFrame
) -> dict[str, dict[str, list[str]]]:
    """By unit and code, the newest records as feed:record_key; a space inside a key is written %20."""
    set_units(con, rows)
    con.execute(case.sql("evidence"))
    found: dict[str, dict[str, list[str]]] = {}
    newest = con.execute(
        "select unit_id, code, feed || ':' || replace(record_key, ' ', '%20') from evidence "
        "qualify row_number() over ("
        "partition by unit_id, code order by event_time desc, feed, record_key) <= ? "
        "order by unit_id, code, event_time desc, feed, record_key",
        [RECORDS],
    ).fetchall()
    for unit_id, code, record in newest:
        found.setdefault(unit_id, {}).setdefault(code, []).append(record)
    return found
