"""Features of maps: their properties, a point on each, and the coordinate system that they are in."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import duckdb
import pytest

from city_platform.warehouse import load_extension
from city_platform_tests.feeds.small_feed import Bench, small_feed

COLUMNS: dict[str, dict[str, Any]] = {
    "ref": {"required": True, "class": "public", "meaning": "Reference"},
    "longitude": {"type": "number", "class": "public", "unit": "degrees", "meaning": "East"},
    "latitude": {"type": "number", "class": "public", "unit": "degrees", "meaning": "North"},
    "geometry": {"class": "public", "meaning": "The shape as WKT"},
}
LEEDS = (-1.5491, 53.7996)  # degrees; in British National Grid, to some metres:
GRID = (429796.0, 433794.0)


def feed(name: str, **dialect: Any) -> Any:
    return small_feed(
        source={"file": name}, dialect={"format": "geo", **dialect}, columns=COLUMNS, key=["ref"]
    )


def geojson(crs: str | None = None, at: tuple[float, float] = LEEDS) -> str:
    found: dict[str, Any] = {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "properties": {"ref": "r1"},
                "geometry": {"type": "Point", "coordinates": at},
            },
            {
                "type": "Feature",
                "properties": {"ref": "r2"},
                "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [0, 2], [2, 2], [2, 0], [0, 0]]]},
            },
        ],
    }
    if crs:
        found["crs"] = {"type": "name", "properties": {"name": crs}}
    return json.dumps(found)


def written(folder: Path, name: str, driver: str, srs: str | None) -> Path:
    con = duckdb.connect()
    load_extension(con, "spatial")
    con.execute("create table t as select 'r1' as ref, ST_Point(?, ?) as geom", list(GRID))
    path = folder / name
    srs_option = f", srs '{srs}'" if srs else ""
    con.execute(f"copy t to '{path}' (format gdal, driver '{driver}'{srs_option})")
    return path


def near(row: dict[str, Any]) -> bool:
    return abs(row["longitude"] - LEEDS[0]) < 0.001 and abs(row["latitude"] - LEEDS[1]) < 0.001


def test_geojson_is_read_in_degrees(bench: Bench) -> None:
    assert bench.send(geojson(), feed("dogs.geojson")).status == "loaded"
    first, second = bench.staging(feed("dogs.geojson"))
    assert (first["longitude"], first["latitude"]) == LEEDS
    assert first["geometry"].startswith("POINT")
    assert 0 < second["longitude"] < 2 and second["geometry"].startswith("POLYGON")  # a point on it


def test_a_geopackage_in_national_grid_is_turned_into_degrees(bench: Bench, tmp_path: Path) -> None:
    path = written(tmp_path, "dogs.gpkg", "GPKG", "EPSG:27700")
    built = bench.send(path.read_bytes(), feed("dogs.gpkg"))
    assert built.status == "loaded", built.message
    assert near(bench.staging(feed("dogs.gpkg"))[0])
    assert "right to about 3 m" in " ".join(i["message"] for i in bench.issues())


def test_a_zipped_shapefile_is_read_without_naming_its_files(bench: Bench, tmp_path: Path) -> None:
    written(tmp_path, "dogs.shp", "ESRI Shapefile", "EPSG:27700")
    packed = tmp_path / "dogs.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for part in tmp_path.glob("dogs.*"):
            if part != packed:
                out.write(part, part.name)
    built = bench.send(packed.read_bytes(), feed("dogs.zip"))
    assert built.status == "loaded", built.message
    assert near(bench.staging(feed("dogs.zip"))[0])


def test_a_declared_system_that_the_file_contradicts_holds_it(bench: Bench, tmp_path: Path) -> None:
    path = written(tmp_path, "dogs.gpkg", "GPKG", "EPSG:27700")
    built = bench.send(path.read_bytes(), feed("dogs.gpkg", crs="EPSG:3857"))
    assert built.status == "held"
    assert "EPSG:27700" in built.message and "EPSG:3857" in built.message


@pytest.mark.parametrize("declared", [None, "EPSG:27700"])
def test_where_the_file_does_not_say_its_system_the_declaration_does(
    bench: Bench, tmp_path: Path, declared: str | None
) -> None:
    path = written(tmp_path, "dogs.shp", "ESRI Shapefile", None)
    packed = tmp_path / "dogs.zip"
    with zipfile.ZipFile(packed, "w") as out:
        for ending in ("shp", "shx", "dbf"):
            out.write(path.with_suffix(f".{ending}"), f"dogs.{ending}")
    given = feed("dogs.zip", **({"crs": declared} if declared else {}))
    built = bench.send(packed.read_bytes(), given)
    if declared:
        assert built.status == "loaded", built.message
        assert near(bench.staging(given)[0])
    else:
        assert built.status == "held" and "dialect.crs" in built.message


@pytest.mark.parametrize("content", [b"", b"{}", b"<html>", b"PK\x03\x04", geojson().encode()[:120]])
def test_what_is_no_map_is_held_with_a_sentence(bench: Bench, content: bytes) -> None:
    built = bench.send(content, feed("dogs.geojson"))
    assert built.status == "held" and built.message.startswith("Feed kennels/dogs, file dogs.geojson: ")


def test_an_unknown_layer_names_those_that_there_are(bench: Bench, tmp_path: Path) -> None:
    path = written(tmp_path, "dogs.gpkg", "GPKG", "EPSG:27700")
    built = bench.send(path.read_bytes(), feed("dogs.gpkg", layer="cats"))
    assert built.status == "held" and "no layer 'cats'; it holds: dogs" in built.message
