"""Geo: the features of a GeoJSON file, a GeoPackage or a zipped shapefile, through DuckDB's spatial extension.

Each feature has its properties as columns, and longitude, latitude (of a point on it) and geometry (as WKT), all in
EPSG:4326. A property of one of these names keeps it; ours is then called geometry_longitude and so on.

Belongs here: features to records, and their coordinate system. Does not belong here: points of an address
(entities/), wards by polygon.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.relation import Relation, as_text_sql
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

WGS84 = "EPSG:4326"


def read_features(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path) -> Relation:
    """The features of a layer. Raises UnreadableError where there are none to be read, or nobody knows where they lie."""
    import duckdb

    from city_platform.warehouse import load_extension

    load_extension(con, "spatial")
    address = _address(path)
    try:
        layer = _layer(con, address, feed.dialect.layer)
        options = f", layer = {quote_text(str(layer['name']))}" if layer.get("name") else ""
        source = f"ST_Read({quote_text(address)}{options})"
        columns = [(str(r[0]), str(r[1])) for r in con.execute(f"describe select * from {source}").fetchall()]
    except duckdb.Error as error:
        raise UnreadableError(
            Problem(
                "not_geo",
                f"the file holds no layer that can be read ({str(error).splitlines()[0][:120]}). Please send it again, whole.",
            )
        ) from None
    geometry = next((n for n, t in columns if t.startswith("GEOMETRY")), None)
    if geometry is None:
        raise UnreadableError(
            Problem("no_geometry", "its features have no geometry. Please send the layer with it.")
        )
    system = _system(feed, layer)
    shape = f'"{geometry}"'
    if system != WGS84:
        shape = f"ST_Transform({shape}, {quote_text(system)}, '{WGS84}', always_xy := true)"
    point = f"ST_PointOnSurface({shape})"
    properties = [(n, t) for n, t in columns if n != geometry]
    taken = {n.lower() for n, _ in properties}
    ours = [n if n not in taken else f"geometry_{n}" for n in ("longitude", "latitude", "geometry")]
    listed = [as_text_sql(n, t) for n, t in properties]
    listed += [f"ST_X({point})::varchar", f"ST_Y({point})::varchar", f"ST_AsText({shape})"]
    notes = []
    if system == "EPSG:27700":
        notes.append(
            Problem(
                "projected",
                "its coordinates were turned from British National Grid into degrees, right to about 3 m.",
                severity="info",
            )
        )
    return Relation([*(n for n, _ in properties), *ours], f"select {', '.join(listed)} from {source}", notes)


def _address(path: Path) -> str:
    """What the reader opens: a shapefile is three files or more, which come in a zip."""
    if not zipfile.is_zipfile(path):
        return str(path)
    with zipfile.ZipFile(path) as packed:
        shapes = [m.filename for m in packed.infolist() if m.filename.lower().endswith(".shp")]
    if len(shapes) != 1:
        raise UnreadableError(
            Problem(
                "several_members" if shapes else "no_member",
                f"the zip holds {len(shapes)} shapefiles. Please send it with one (.shp, .shx, .dbf and .prj).",
            )
        )
    return f"/vsizip/{path}/{shapes[0]}"


def _layer(con: duckdb.DuckDBPyConnection, address: str, wanted: str | None) -> dict[str, Any]:
    row = con.execute(f"select layers from ST_Read_Meta({quote_text(address)})").fetchone()
    layers: list[dict[str, Any]] = row[0] if row else []
    for layer in layers:
        if wanted in (None, layer.get("name")):
            return layer
    names = ", ".join(str(x.get("name")) for x in layers) or "none"
    raise UnreadableError(
        Problem(
            "no_layer",
            f"the file holds no layer {wanted!r}; it holds: {names}. Please send it with that layer, or tell us its new "
            "name (dialect.layer in the feed's defs.yaml).",
        )
    )


def _system(feed: Feed, layer: dict[str, Any]) -> str:
    """The layer's coordinate system, as the file says it or, where it does not, as declared."""
    fields = layer.get("geometry_fields") or [{}]
    crs = fields[0].get("crs") or {}
    code = crs.get("auth_code")
    told = f"{crs.get('auth_name')}:{code}" if code else None
    if told in ("OGC:CRS84", "EPSG:4979"):
        told = WGS84
    declared = feed.dialect.crs
    if told and declared and told != declared:
        raise UnreadableError(
            Problem(
                "other_crs",
                f"the file says that its coordinates are {told}; agreed is {declared}. Please send it so, or tell us of the "
                "change (dialect.crs in the feed's defs.yaml).",
            )
        )
    found = told or declared
    if found is None:
        raise UnreadableError(
            Problem(
                "no_crs",
                "the file does not say what coordinate system it is in: declare it (dialect.crs in the feed's defs.yaml, "
                "such as EPSG:27700).",
                responsible="us",
            )
        )
    return found
