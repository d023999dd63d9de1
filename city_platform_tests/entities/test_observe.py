"""What records claim: coordinates in a system of their own become degrees."""

from __future__ import annotations

import duckdb
import pytest

from city_platform.entities.observe import claims_sql, needs_spatial
from city_platform.warehouse import load_extension
from city_platform_tests.feeds.small_feed import COLUMNS, small_feed

PLACES = {
    n: {"type": "number", "class": "public", "unit": "as declared", "meaning": "Place"} for n in ("e", "n")
}


@pytest.mark.parametrize(
    ("crs", "x", "y", "lat", "lon", "within"),
    [
        # City Hall in Chicago, and Leeds Town Hall, as the agencies' own systems put them
        ("EPSG:3435", 1175430.0, 1901240.0, 41.8844, -87.6324, 0.002),
        ("EPSG:27700", 429796.0, 433794.0, 53.7996, -1.5491, 0.0005),
        ("EPSG:4326", -1.5491, 53.7996, 53.7996, -1.5491, 1e-9),
    ],
)
def test_coordinates_of_any_system_become_degrees(
    crs: str, x: float, y: float, lat: float, lon: float, within: float
) -> None:
    feed = small_feed(columns=COLUMNS | PLACES, address={"text": "dog", "x": "e", "y": "n", "crs": crs})
    assert needs_spatial([feed])
    with duckdb.connect() as con:
        load_extension(con, "spatial")
        con.execute("create schema staging")
        con.execute(feed.staging().ddl())
        con.execute(
            f"insert into {feed.staging().full_name} (record_key, dog, e, n) values ('1', '1 High Street', ?, ?), ('2', 'x', null, null)",
            [x, y],
        )
        found = con.execute(f"select lat, lon from ({claims_sql([feed])}) order by record_key").fetchall()
    assert found[0] == (pytest.approx(lat, abs=within), pytest.approx(lon, abs=within))
    assert found[1] == (None, None)


def test_a_city_without_such_a_feed_loads_nothing() -> None:
    assert not needs_spatial([small_feed()])
