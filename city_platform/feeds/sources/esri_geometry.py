"""Esri geometry: what an ArcGIS server calls a geometry, as GeoJSON and as one point.

Belongs here: the shapes of Esri's JSON. Does not belong here: asking for them (arcgis.py), coordinate systems (the
server reprojects).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

Point = tuple[float, float]
Ring = list[list[float]]


def as_geojson(geometry: Any) -> dict[str, Any] | None:
    """None where there is no geometry, or an empty one."""
    if not isinstance(geometry, dict):
        return None
    if "x" in geometry:
        point = as_point(geometry)
        return {"type": "Point", "coordinates": list(point)} if point else None
    if geometry.get("points"):
        return {"type": "MultiPoint", "coordinates": geometry["points"]}
    if geometry.get("paths"):
        paths = geometry["paths"]
        if len(paths) == 1:
            return {"type": "LineString", "coordinates": paths[0]}
        return {"type": "MultiLineString", "coordinates": paths}
    if geometry.get("rings"):
        polygons = _polygons(geometry["rings"])
        if len(polygons) == 1:
            return {"type": "Polygon", "coordinates": polygons[0]}
        return {"type": "MultiPolygon", "coordinates": polygons}
    return None


def as_point(geometry: Any, centroid: Any = None) -> Point | None:
    """The point, or the one that stands for the shape: its centroid where given, else its box's middle."""
    for shape in (centroid, geometry):
        if isinstance(shape, dict) and "x" in shape:
            x, y = shape.get("x"), shape.get("y")
            if isinstance(x, int | float) and isinstance(y, int | float):  # an empty point has "NaN"
                return x, y
    corners = list(_corners(geometry))
    if not corners:
        return None
    xs, ys = [x for x, _ in corners], [y for _, y in corners]
    return (min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2


def _corners(geometry: Any) -> Iterator[Point]:
    if not isinstance(geometry, dict):
        return
    for line in (geometry.get("points") or [], *(geometry.get("paths") or geometry.get("rings") or [])):
        yield from ((corner[0], corner[1]) for corner in line)


def _polygons(rings: list[Ring]) -> list[list[Ring]]:
    """Esri's rings as polygons, each with its holes: a ring that runs clockwise is an outer one."""
    outer = [[ring] for ring in rings if _area(ring) <= 0]
    for hole in (ring for ring in rings if _area(ring) > 0):
        around = [polygon for polygon in outer if _holds(polygon[0], hole[0])]
        if around:
            min(around, key=lambda polygon: abs(_area(polygon[0]))).append(hole)
        else:
            outer.append([hole])  # drawn the wrong way round
    return [[_turned(ring, is_outer=n == 0) for n, ring in enumerate(polygon)] for polygon in outer]


def _area(ring: Ring) -> float:
    """Twice the area, above 0 where the ring runs against the clock."""
    return sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring, [*ring[1:], ring[0]], strict=True))


def _turned(ring: Ring, is_outer: bool) -> Ring:
    """GeoJSON wants outer rings against the clock and holes with it."""
    return ring if (_area(ring) > 0) == is_outer else ring[::-1]


def _holds(ring: Ring, corner: list[float]) -> bool:
    x, y = corner[0], corner[1]
    inside = False
    for a, b in zip(ring, [*ring[1:], ring[0]], strict=True):
        if (a[1] > y) != (b[1] > y) and x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0]:
            inside = not inside
    return inside
