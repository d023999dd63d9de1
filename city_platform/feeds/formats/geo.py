"""Geo: the features of a GeoJSON file, a GeoPackage or a zipped shapefile, through DuckDB's spatial extension.

Each feature has its properties as columns, and longitude, latitude (of a point on it) and geometry (as WKT), all in
EPSG:4326. A property of one of these names keeps it; ours is then called geometry_longitude and so on.

The extension is C++ that a broken file can bring down, so it works in a process of its own, which writes Parquet.

Belongs here: features to records, and their coordinate system. Does not belong here: points of an address
(entities/), wards by polygon.
"""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.parquet import read_rows
from city_platform.feeds.formats.relation import Relation, as_text_sql
from city_platform.feeds.problems import Problem, UnreadableError
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

WGS84 = "EPSG:4326"
LONGEST_S = 1800.0  # that the other process may take


def read_features(con: duckdb.DuckDBPyConnection, feed: Feed, path: Path, working: Path) -> Relation:
    """The features of a layer. Raises UnreadableError where there are none to be read, or nobody knows where they lie."""
    target = working / "features.parquet"
    asked = json.dumps(
        {"path": str(path), "target": str(target), "layer": feed.dialect.layer, "crs": feed.dialect.crs}
    )
    try:
        told = subprocess.run(
            [sys.executable, "-m", __name__, asked],
            capture_output=True,
            text=True,
            timeout=LONGEST_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise UnreadableError(
            Problem(
                "not_geo", f"reading it took more than {LONGEST_S:,.0f} s. Please send it in smaller files."
            )
        ) from None
    try:
        answer = json.loads(told.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        raise UnreadableError(
            Problem("not_geo", "the file holds no layer that can be read. Please send it again, whole.")
        ) from None
    if "problem" in answer:
        raise UnreadableError(Problem(**answer["problem"]))
    relation = read_rows(con, target)
    return Relation(relation.header, relation.sql, [Problem(**note) for note in answer["notes"]])


def _convert(path: Path, target: Path, layer_name: str | None, crs: str | None) -> list[Problem]:
    """Write the features of a layer to target as text; returns what is worth noting."""
    import duckdb

    from city_platform.warehouse import load_extension

    con = duckdb.connect(config={"threads": 1})
    load_extension(con, "spatial")
    address = _address(path)
    try:
        layer = _layer(con, address, layer_name)
        options = f", layer = {quote_text(str(layer['name']))}" if layer.get("name") else ""
        source = f"ST_Read({quote_text(address)}{options})"
        columns = [(str(r[0]), str(r[1])) for r in con.execute(f"describe select * from {source}").fetchall()]
        geometry = next((n for n, t in columns if t.startswith("GEOMETRY")), None)
        if geometry is None:
            raise UnreadableError(
                Problem("no_geometry", "its features have no geometry. Please send the layer with it.")
            )
        system = _system(crs, layer)
        shape = f'"{geometry}"'
        if system != WGS84:
            shape = f"ST_Transform({shape}, {quote_text(system)}, '{WGS84}', always_xy := true)"
        point = f"ST_PointOnSurface({shape})"
        properties = [(n, t) for n, t in columns if n != geometry]
        taken = {n.lower() for n, _ in properties}
        ours = [n if n not in taken else f"geometry_{n}" for n in ("longitude", "latitude", "geometry")]
        values = [as_text_sql(n, t) for n, t in properties]
        values += [f"ST_X({point})::varchar", f"ST_Y({point})::varchar", f"ST_AsText({shape})"]
        names = [*(n for n, _ in properties), *ours]
        listed = ", ".join(f"{v} as {_quoted(n)}" for v, n in zip(values, names, strict=True))
        con.execute(f"copy (select {listed} from {source}) to {quote_text(str(target))} (format parquet)")
    except duckdb.Error as error:
        reason = str(error).splitlines()[0][:120]
        raise UnreadableError(
            Problem(
                "not_geo",
                f"the file holds no layer that can be read ({reason}). Please send it again, whole.",
            )
        ) from None
    if system != "EPSG:27700":
        return []
    return [
        Problem(
            "projected",
            "its coordinates were turned from British National Grid into degrees, right to about 3 m.",
            severity="info",
        )
    ]


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


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


def _system(declared: str | None, layer: dict[str, Any]) -> str:
    """The layer's coordinate system, as the file says it or, where it does not, as declared."""
    fields = layer.get("geometry_fields") or [{}]
    crs = fields[0].get("crs") or {}
    code = crs.get("auth_code")
    told = f"{crs.get('auth_name')}:{code}" if code else None
    if told in ("OGC:CRS84", "EPSG:4979"):
        told = WGS84
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


def _main() -> None:
    asked = json.loads(sys.argv[1])
    try:
        notes = _convert(Path(asked["path"]), Path(asked["target"]), asked["layer"], asked["crs"])
        print(json.dumps({"notes": [asdict(n) for n in notes]}))
    except UnreadableError as error:
        print(json.dumps({"problem": asdict(error.problem)}))


if __name__ == "__main__":
    _main()
