"""Relation: records that DuckDB reads itself, as text.

Belongs here: the shape that such a reader hands to landing. Does not belong here: any reader (geo.py, parquet.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from city_platform.feeds.problems import Problem


@dataclass(frozen=True)
class Relation:
    """Every record in the order of the file, all columns as VARCHAR in the order of the header."""

    header: list[str]
    sql: str
    notes: list[Problem] = field(default_factory=list)  # that hold nothing up


def as_text_sql(name: str, type_: str) -> str:
    """A typed column as an agency would have written it in a CSV file (formats/writing.as_text does the same)."""
    column = '"' + name.replace('"', '""') + '"'
    if type_ in ("DOUBLE", "FLOAT"):
        # 12.0 is written 12, and no number as 1e+16
        return f"case when {column} = trunc({column}) and abs({column}) < 1e15 then {column}::bigint::varchar else {column}::varchar end"
    if type_ == "BLOB":
        return f"lower(hex({column}))"
    if type_.startswith(("STRUCT", "MAP")) or type_.endswith("]"):
        return f"to_json({column})::varchar"
    return f"{column}::varchar"
