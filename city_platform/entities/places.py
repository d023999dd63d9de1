"""Places: what is wrong with where records and addresses are said to lie, and in which ward they lie.

Belongs here: rows of quality.issue about coordinates, and the city's boundaries. Does not belong here: how a coordinate is
judged (coordinates.sql, national_grid.sql).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from city_platform.entities.difference import write_difference
from city_platform.rebuild import sql_file
from city_platform.warehouse import load_extension

if TYPE_CHECKING:
    import duckdb

    from city_platform.city import City

ISSUE_KEY = ["feed", "message"]


def tell_places(con: duckdb.DuckDBPyConnection) -> None:
    """Bring quality.issue up to the records of temp claim whose coordinates are not in the city or are swapped."""
    con.execute(sql_file("entities/misplaced.sql"))
    write_difference(con, "quality.issue", "misplaced", ISSUE_KEY, "rule in ('outside_city', 'swapped_axes')")


def tell_far_apart(con: duckdb.DuckDBPyConnection) -> None:
    """Bring quality.issue up to the sites whose records' points are too far apart to be one place."""
    con.execute(sql_file("entities/far_apart.sql"))
    write_difference(con, "quality.issue", "far_apart", ISSUE_KEY, "rule = 'points_far_apart'")


def read_boundaries(con: duckdb.DuckDBPyConnection, city: City) -> None:
    """Fill temp ward_boundary(name, shape) from the city's GeoJSON file of wards; empty where it gives none."""
    wards = city.boundaries.ward if city.boundaries else None
    if not wards:
        con.execute("create or replace temp table ward_boundary (name varchar, shape geometry)")
        return
    load_extension(con, "spatial")
    con.execute("set variable boundary_file = ?", [wards.file])
    con.execute("set variable boundary_name = ?", [f"$.{wards.name}"])
    con.execute(sql_file("entities/boundaries.sql"))


def place_in_wards(con: duckdb.DuckDBPyConnection) -> None:
    """Give every row of temp address_now the ward that its point lies in; without a point or a polygon it keeps what records state."""
    if con.execute("select count(*) from ward_boundary").fetchone() == (0,):
        return
    con.execute(
        """update address_now as a set ward = w.name
        from (
            select p.address_id, min(b.name) as name
            from address_now as p join ward_boundary as b on ST_Contains(b.shape, ST_Point(p.lon, p.lat))
            group by p.address_id
        ) as w where w.address_id = a.address_id"""
    )
