"""Parquet: its rows as text.

Belongs here: reading a Parquet file. Does not belong here: the Parquet files that landing writes.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.formats.relation import Relation, as_text_sql
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb


def read_rows(con: duckdb.DuckDBPyConnection, path: Path) -> Relation:
    """The rows of a Parquet file. Raises UnreadableError where it is none, or is cut."""
    import duckdb

    source = f"read_parquet({quote_text(str(path))})"
    try:
        columns = [(str(r[0]), str(r[1])) for r in con.execute(f"describe select * from {source}").fetchall()]
    except duckdb.Error as error:
        raise UnreadableError(
            Problem(
                "not_parquet",
                f"the file cannot be read as Parquet ({str(error).splitlines()[0][:120]}). Please send it again, whole.",
            )
        ) from None
    listed = ", ".join(as_text_sql(name, type_) for name, type_ in columns)
    return Relation([name for name, _ in columns], f"select {listed} from {source}")
