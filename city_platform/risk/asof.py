"""What was known before a date: runs a case's SQL and hands back its rows in an order that never varies.

Here: the temp tables and views that a case's SQL reads and writes, and stable keys for units.
Not here: what a case asks (its own SQL) and what is made of the rows (models.py, worklist.py).
"""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.risk.case import Case

if TYPE_CHECKING:
    import duckdb
    import pandas as pd

HERE = Path(__file__).parent
# Sums of floats may differ in their last digits with the order of rows; nothing here needs more digits.
FEATURE_DIGITS = 6


def run_file(con: duckdb.DuckDBPyConnection, name: str) -> None:
    """Runs one SQL file that lies beside this module."""
    con.execute((HERE / name).read_text(encoding="utf-8"))


def prepare(con: duckdb.DuckDBPyConnection, case: Case) -> None:
    """Makes the temp view known_event and the temp tables unit_key and labelled_visit for a case."""
    know_everything(con)
    set_variable(con, "unit_type", case.unit_type)
    run_file(con, "unit_key.sql")
    con.execute(case.sql("label"))


def know_everything(con: duckdb.DuckDBPyConnection) -> None:
    """Lets known_event hold all events; each reader then filters by known_time itself."""
    con.execute("create or replace temp view known_event as select * from entity.event")


def know_only_before(con: duckdb.DuckDBPyConnection, as_of: date) -> None:
    """Lets known_event hold only what was known before `as_of`, as if the rest had been deleted."""
    con.execute(
        "create or replace temp view known_event as "
        f"select * from entity.event where known_time < date '{as_of.isoformat()}'"
    )


def set_variable(con: duckdb.DuckDBPyConnection, name: str, value: Any) -> None:
    """Sets a DuckDB variable that a SQL file reads with getvariable(); `name` must be an identifier."""
    if not name.isidentifier():
        raise ValueError(f"{name!r} cannot name a variable")
    con.execute(f"set variable {name} = ?", [value])


def set_units(con: duckdb.DuckDBPyConnection, units: pd.DataFrame) -> None:
    """Fills the temp table unit_as_of from the columns unit_id and as_of; repeats count once."""
    con.register("units_wanted", units[["unit_id", "as_of"]])
    con.execute(
        "create or replace temp table unit_as_of as "
        "select distinct cast(unit_id as varchar) as unit_id, cast(as_of as date) as as_of from units_wanted"
    )
    con.unregister("units_wanted")


def feature_rows(con: duckdb.DuckDBPyConnection, case: Case, units: pd.DataFrame) -> pd.DataFrame:
    """One row for each unit_id and as_of in `units`, with unit_key and all columns of the case's features.

    Ordered by as_of and unit_key, never by unit_id, which may differ between equal histories. Raises
    ValueError where the SQL gives no row or two rows for a unit, lacks a column, or gives a text or a null to
    a model.
    """
    import pandas as pd
    from pandas.api import types

    set_units(con, units)
    con.execute(case.sql("features"))
    rows = con.execute(
        "select unit_key.unit_key, feature.* from feature join unit_key using (unit_id) "
        "order by as_of, unit_key"
    ).df()
    wanted = con.execute("select count(*) from unit_as_of join unit_key using (unit_id)").fetchone()
    where = f"case {case.case}, {case.features.sql}"
    if wanted is None or len(rows) != wanted[0] or rows.duplicated(["unit_key", "as_of"]).any():
        raise ValueError(f"{where} must give exactly one row for each unit and as-of date.")
    texts = {column for reason in case.reasons for column in reason.columns}
    if lacking := sorted({*case.feature_columns(), *texts} - set(rows.columns)):
        raise ValueError(f"{where} gives no column {', '.join(lacking)}.")
    for column in case.feature_columns():
        if not types.is_numeric_dtype(rows[column]):
            raise ValueError(f"{where}: {column} must be a number, because a model reads it.")
        if rows[column].isna().any():
            raise ValueError(f"{where}: {column} is empty for some units; state a value for 'not known'.")
    numbers = [column for column in rows.columns if types.is_numeric_dtype(rows[column])]
    rows[numbers] = rows[numbers].astype(float).round(FEATURE_DIGITS)
    rows["as_of"] = pd.to_datetime(rows["as_of"]).dt.date
    return rows


def find_eligible(con: duckdb.DuckDBPyConnection, case: Case, as_of: date) -> None:
    """Makes the temp table eligible_unit for `as_of`."""
    set_variable(con, "as_of", as_of)
    for name, value in case.eligible.variables.items():
        set_variable(con, name, value)
    con.execute(case.sql("eligible"))


def share_of(*parts: object) -> float:
    """A number in [0, 1) that looks random and is always the same for the same parts."""
    digest = hashlib.sha256("|".join(str(part) for part in parts).encode()).digest()
    # Six bytes, because a float holds them exactly: the result never rounds up to 1.
    return int.from_bytes(digest[:6], "big") / 2**48
