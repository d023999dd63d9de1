"""Where records and addresses lie: coordinates that cannot be right, and wards by polygon."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from city_platform.city import Boundaries, Boundary, load_city
from city_platform.yaml_files import DeclarationError
from city_platform_tests.entities.small_town import Row, Town, feed

POINTS = feed(
    "points",
    columns=["address", "ward", "lat", "lon"],
    address={"text": "address", "ward": "ward", "lat": "lat", "lon": "lon"},
)
for column in ("lat", "lon"):
    POINTS.columns[column] = POINTS.columns[column].model_copy(update={"type": "number"})
HERE = (41.8800, -87.6300)
FERN = "12 N FERN AVE"


def point(key: str, lat: float, lon: float, address: str = FERN, ward: str | None = None) -> Row:
    return {"key": key, "address": address, "lat": lat, "lon": lon, "ward": ward}


def town(*rows: Row) -> Town:
    found = Town(POINTS)
    found.put(POINTS, rows)
    return found.resolve()


def issues(found: Town) -> list[tuple[Any, ...]]:
    return found.rows("select rule, line, severity, responsible, feed from quality.issue order by all")


def test_a_point_in_the_city_is_no_issue() -> None:
    assert issues(town(point("a", *HERE))) == []


def test_swapped_axes_are_told_and_used_the_right_way_round() -> None:
    found = town(point("a", HERE[1], HERE[0]))
    assert issues(found) == [("swapped_axes", 2, "warning", "agency", "town/points")]
    assert found.rows("select lat, lon from entity.observation") == [HERE]


@pytest.mark.parametrize(("lat", "lon"), [(0, 0), (40.7, -74.0), (41.88, 87.63), (41.88, -74.0)])
def test_a_point_outside_the_city_is_told_and_left_out(lat: float, lon: float) -> None:
    found = town(point("a", *HERE), point("b", lat, lon))
    assert issues(found) == [("outside_city", 3, "warning", "agency", "town/points")]
    assert found.rows("select record_key, lat, lon from entity.observation order by all") == [
        ("a", *HERE),
        ("b", None, None),
    ]
    assert found.rows("select message from quality.issue") == [
        (
            "Feed town/points, record b: its coordinates are not in the city; they were left out, the record kept. "
            "Please mend them.",
        )
    ]


def test_what_is_mended_is_no_longer_told_and_what_others_told_stands() -> None:
    found = town(point("a", 0, 0), point("b", HERE[1], HERE[0]))
    found.con.execute(
        "insert into quality.issue (feed, rule, severity, responsible, message) values ('f', 'late', 'info', 'us', 'm')"
    )
    found.put(POINTS, [point("a", *HERE), point("b", HERE[1], HERE[0])])
    found.resolve("run 2")
    assert [i[0] for i in issues(found)] == ["late", "swapped_axes"]


def test_points_of_one_site_far_apart_are_told_of_the_record_that_is_farthest() -> None:
    near = (HERE[0] + 0.001, HERE[1])
    far = (HERE[0] + 0.02, HERE[1])  # 2.2 km
    found = town(point("a", *HERE), point("b", *near), point("c", *far))
    assert issues(found) == [("points_far_apart", None, "warning", "us", "town/points")]
    [(message,)] = found.rows("select message from quality.issue")
    assert message.startswith("Feed town/points, record c:") and "2.2 km" in message
    assert "FERN" not in message
    found.put(POINTS, [point("a", *HERE), point("b", *near)])
    assert issues(found.resolve("run 2")) == []


def test_a_site_tells_how_it_was_located_and_how_exactly() -> None:
    found = town(point("a", *HERE), point("b", HERE[0] + 0.0009, HERE[1]), point("c", 0, 0, "14 N FERN AVE"))
    assert found.rows(
        "select located_by, round(located_within_m) from entity.address order by number_low"
    ) == [
        ("records", 50),
        ("none", None),
    ]


def square(name: str, west: float, east: float) -> dict[str, Any]:
    ring = [[west, 41.8], [east, 41.8], [east, 41.9], [west, 41.9], [west, 41.8]]
    return {
        "type": "Feature",
        "properties": {"ward": name},
        "geometry": {"type": "Polygon", "coordinates": [ring]},
    }


@pytest.fixture
def wards(tmp_path: Path) -> Path:
    path = tmp_path / "wards.geojson"
    features = [square("1", -87.7, -87.63), square("2", -87.63, -87.6)]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


def test_ward_is_that_of_the_polygon_and_else_what_records_state(wards: Path) -> None:
    found = Town(POINTS)
    found.city = found.city.model_copy(
        update={"boundaries": Boundaries(ward=Boundary(file=str(wards), name="ward"))}
    )
    rows = [
        point("a", 41.85, -87.65, "11 N FERN AVE", ward="9"),
        point("b", 41.85, -87.61, "22 N FERN AVE"),
        point("c", 41.95, -87.61, "33 N FERN AVE", ward="9"),
        point("d", 0, 0, "44 N FERN AVE", ward="8"),
    ]
    found.put(POINTS, rows)
    found.resolve()
    assert found.rows("select number, ward from entity.address order by number_low") == [
        ("11", "1"),
        ("22", "2"),
        ("33", "9"),
        ("44", "8"),
    ]


CITY = """name: Fernton
country: US
locale: en_US
time_zone: America/Chicago
box: {south: 41.6, north: 42.1, west: -87.97, east: -87.5}
identifier_schemes: {}
boundaries: {ward: {file: wards.geojson, name: NAME}}
"""


def city_folder(wards: Path, name: str) -> Path:
    (wards.parent / "city.yaml").write_text(CITY.replace("NAME", name))
    return wards.parent


def test_another_file_of_boundaries_is_another_setting(wards: Path) -> None:
    first = load_city(city_folder(wards, "ward")).boundaries
    assert first and first.ward and first.ward.file == str(wards)
    wards.write_text(wards.read_text().replace('"2"', '"3"'))
    assert load_city(wards.parent).boundaries != first


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("area", None, "has a property area"),
        ("ward", "{}", "not a GeoJSON file"),
        ("ward", "", "not a GeoJSON file"),
    ],
)
def test_a_file_of_boundaries_that_cannot_be_used_is_named(
    wards: Path, name: str, content: str | None, said: str
) -> None:
    if content is not None:
        wards.write_text(content)
    with pytest.raises(DeclarationError, match=said):
        load_city(city_folder(wards, name))


def test_a_missing_file_of_boundaries_is_named(wards: Path) -> None:
    folder = city_folder(wards, "ward")
    wards.unlink()
    with pytest.raises(DeclarationError, match=r"there is no file .*wards\.geojson"):
        load_city(folder)
