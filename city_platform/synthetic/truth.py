"""Truth: keeps apart what is so in the borough, for evaluation alone.

Belongs here: the files under truth/. Does not belong here: reading them (evaluation/).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

# Each table of the borough that is kept, by what its rows are ordered.
KEPT = {
    "person": "person_id",
    "person_surname": "person_id, from_day",
    "residence": "residence_id",
    "address": "address_id",
    "organisation": "organisation_id",
    "officer": "organisation_id, person_id",
    "business": "business_id",
    "business_owner": "business_id, from_day",
    "landlord": "address_id",
    "benefit_claim": "claim_id",
    "planted": "planted_id",
    "planted_base": "case_id, look_alike, draw_id",
    "dirt_count": "feed, day, kind",
    "sent_delivery": "feed, day",
}


def write_truth(con: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Write every table of KEPT as Parquet; what each record is of has been written beside it, as it was sent."""
    folder.mkdir(parents=True, exist_ok=True)
    for table, order in KEPT.items():
        con.execute(
            f"copy (select * from {table} order by {order}) to {quote_text(str(folder / f'{table}.parquet'))} "
            "(format parquet, compression zstd)"
        )
