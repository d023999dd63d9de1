"""ArcGIS: all features of a layer, then those edited since; shapes as GeoJSON and one point; errors that say 200."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.json_lines import number_objects
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import arcgis, web
from city_platform.feeds.sources.esri_geometry import as_geojson, as_point
from city_platform.feeds.sources.fetched import Fetched
from city_platform.feeds.sources.portals import PortalColumn
from city_platform_tests.feeds.sources import portal_servers as servers
from city_platform_tests.feeds.sources.portal_servers import ArcGis, leftovers, loaded, one, records, take

ALL = list(range(1, 36))
AT = 1_700_000_000_000  # 2023-11-14 22:13:20, in milliseconds


@pytest.fixture
def portal() -> Iterator[ArcGis]:
    made = ArcGis()
    for number in ALL:
        made.put(number, state="S", height=3.5, EditDate=AT + number * 1000)
    with servers.serving(made):
        yield made


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(web, "sleep", waited.append)
    return waited


def ids(fetched: Fetched) -> list[int]:
    return [int(r["id"]) for r in records(fetched)]


def again(portal: ArcGis, folder: Path, before: Fetched, days_ago: float = 1, **source: Any) -> list[Fetched]:
    return take("arcgis", portal.address, folder, loaded(before, days_ago), **source)


def test_all_features_come_as_flat_records(portal: ArcGis, tmp_path: Path) -> None:
    portal.put(1, height=None, EditDate=-1500)
    found = one(portal, tmp_path)
    assert ids(found) == ALL
    assert records(found)[:2] == [
        {
            "OBJECTID": 1,
            "id": "1",
            "state": "S",
            "height": None,
            "EditDate": "1969-12-31T23:59:58.500Z",
            "longitude": -1.501,
            "latitude": 53.8,
            "geometry": {"type": "Point", "coordinates": [-1.501, 53.8]},
        },
        {
            "OBJECTID": 2,
            "id": "2",
            "state": "S",
            "height": 3.5,
            "EditDate": "2023-11-14T22:13:22Z",
            "longitude": -1.502,
            "latitude": 53.8,
            "geometry": {"type": "Point", "coordinates": [-1.502, 53.8]},
        },
    ]
    assert (found.extent, found.file_name, found.source) == ("full", "FeatureServer_0.jsonl", portal.address)
    assert [p.params["where"] for p in portal.pages] == ["1=1", *(f"OBJECTID > {n}" for n in (10, 20, 30))]
    assert leftovers(tmp_path) == []
    assert one(portal, tmp_path / "again", page_rows=8).sha256 == found.sha256


def test_the_platform_reads_what_comes(portal: ArcGis, tmp_path: Path) -> None:
    found, target = one(portal, tmp_path), tmp_path / "numbered.csv"
    scan = number_objects(found.path, Dialect(format="json_lines"), target, ["id", "geometry"])
    assert (scan.records, scan.rejected) == (35, [])
    first = target.read_text().splitlines()[0]
    assert '""coordinates"":[-1.501,53.8]' in first


def test_a_layer_that_gives_fewer_than_asked_is_read_to_the_end(portal: ArcGis, tmp_path: Path) -> None:
    portal.most = 4
    assert ids(one(portal, tmp_path)) == ALL


def test_a_layer_that_knows_no_pages_is_read_to_the_end(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["advancedQueryCapabilities"]["supportsPagination"] = False
    portal.most = 12
    assert ids(one(portal, tmp_path)) == ALL
    assert not [p for p in portal.pages if "resultRecordCount" in p.params]


def test_where_is_handed_on(portal: ArcGis, tmp_path: Path) -> None:
    portal.put(7, state="F")
    assert ids(one(portal, tmp_path, where="state = 'F'")) == [7]


def test_only_what_was_edited_since_is_asked_for(portal: ArcGis, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    assert before.state["newest"] == AT + 35_000
    portal.put(3, state="F", EditDate=AT + 60_500)
    portal.put(36, EditDate=AT + 60_700)
    (found,) = again(portal, tmp_path, before)
    assert (found.extent, ids(found)) == ("part", [3, 35, 36])
    assert found.state["newest"] == AT + 60_700


def test_where_nothing_was_edited_nothing_is_delivered(portal: ArcGis, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.heal()
    assert again(portal, tmp_path, before) == []
    assert portal.pages == []


def test_a_layer_with_a_zone_of_its_own_is_asked_from_a_day_earlier(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["dateFieldsTimeReference"] = {"timeZone": "Pacific Standard Time"}
    before = one(portal, tmp_path)
    portal.put(36, EditDate=AT + 60_000)
    portal.put(37, EditDate=AT - 10 * 86_400_000)
    portal.heal()
    again(portal, tmp_path, before)
    assert portal.pages[0].params["where"] == "EditDate >= TIMESTAMP '2023-11-13 22:13:55'"


@pytest.mark.parametrize(("days_ago", "extent"), [(29.9, "part"), (30.1, "full")])
def test_all_is_read_again_every_thirty_days_so_that_deletions_are_seen(
    portal: ArcGis, tmp_path: Path, days_ago: float, extent: str
) -> None:
    before = one(portal, tmp_path)
    portal.rows = portal.rows[1:]
    portal.put(36, EditDate=AT + 60_000)
    (found,) = again(portal, tmp_path, before, days_ago)
    assert found.extent == extent


def test_a_layer_that_was_overwritten_is_a_full_delivery(portal: ArcGis, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.rows = []
    for number in ALL[5:]:
        portal.put(number, EditDate=AT + 90_000)
    (found,) = again(portal, tmp_path, before)
    assert (found.extent, ids(found)) == ("full", ALL[5:])


def test_a_layer_without_edit_dates_is_read_in_full(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["editFieldsInfo"] = None
    before = one(portal, tmp_path)
    assert dict(before.state) == {}
    (found,) = again(portal, tmp_path, before)
    assert (found.extent, ids(found)) == ("full", ALL)


def test_a_number_can_be_the_cursor(portal: ArcGis, tmp_path: Path) -> None:
    before = one(portal, tmp_path, cursor="OBJECTID")
    portal.put(36)
    (found,) = again(portal, tmp_path, before, cursor="OBJECTID")
    assert (found.extent, ids(found)) == ("part", [35, 36])


@pytest.mark.parametrize(
    ("cursor", "said"), [("state", "state is none"), ("edited", "is no field. It has: OBJ")]
)
def test_a_cursor_that_cannot_be_one_is_said(portal: ArcGis, tmp_path: Path, cursor: str, said: str) -> None:
    with pytest.raises(NotReceivedError, match=said):
        one(portal, tmp_path, cursor=cursor)


def test_a_change_while_it_is_read_is_told_the_next_time(portal: ArcGis, tmp_path: Path) -> None:
    def change() -> None:
        portal.put(1, state="F", EditDate=AT + 60_000)
        portal.put(36, EditDate=AT + 61_000)

    portal.before[3] = change
    before = one(portal, tmp_path)
    assert ids(before) == [*ALL, 36]
    (found,) = again(portal, tmp_path, before)
    assert ids(found) == [1, 35, 36]


def test_without_an_edit_date_what_changes_while_it_is_read_is_read_again(
    portal: ArcGis, tmp_path: Path
) -> None:
    portal.layer["editFieldsInfo"] = None

    def remove() -> None:
        portal.rows = portal.rows[:-1]

    portal.before[3] = remove
    assert ids(one(portal, tmp_path)) == ALL[:-1]
    portal.heal()
    portal.before = {n: remove for n in (3, 8)}
    with pytest.raises(NotReceivedError, match="changed while it was read, 2 times"):
        one(portal, tmp_path)


def test_a_server_that_does_not_keep_the_order_is_refused(portal: ArcGis, tmp_path: Path) -> None:
    portal.keeps_order = False
    with pytest.raises(NotReceivedError, match="does not answer in the order of OBJECTID"):
        one(portal, tmp_path)


def cut_run(portal: ArcGis, folder: Path) -> None:
    portal.down_from = 3
    with pytest.raises(NotReceivedError, match="answered 503 Service Unavailable in 2 tries"):
        one(portal, folder)
    portal.heal()


def test_a_page_that_is_cut_is_asked_for_again(portal: ArcGis, tmp_path: Path) -> None:
    portal.faults[2] = servers.CUT
    assert ids(one(portal, tmp_path)) == ALL


def test_the_next_run_goes_on_where_one_was_cut(portal: ArcGis, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 2


def test_a_run_killed_between_page_and_checkpoint_loses_and_doubles_nothing(
    portal: ArcGis, tmp_path: Path
) -> None:
    servers.take_killed_at_page(portal, tmp_path, 2)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 3


def test_too_many_requests_are_waited_out(portal: ArcGis, tmp_path: Path, waits: list[float]) -> None:
    portal.faults = {2: servers.BUSY, 4: servers.DOWN}
    assert ids(one(portal, tmp_path)) == ALL
    assert waits[0] == 7
    assert len(waits) == 2


def test_a_passing_error_inside_an_answer_is_waited_out_too(
    portal: ArcGis, tmp_path: Path, waits: list[float]
) -> None:
    portal.errors = [{"code": 503, "message": "Service busy"}, {"code": 500, "message": "Unable to query"}]
    assert ids(one(portal, tmp_path)) == ALL
    assert len(waits) == 2


def test_an_error_inside_an_answer_is_an_error(portal: ArcGis, tmp_path: Path) -> None:
    said = "Cannot perform query. Invalid query parameters."
    portal.faults[2] = servers.Fault(
        body=f'{{"error": {{"code": 400, "message": "{said}", "details": []}}}}'.encode()
    )
    with pytest.raises(
        NotReceivedError, match=r"error \(400: Cannot perform query. Invalid query parameters\)"
    ):
        one(portal, tmp_path)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL


@pytest.mark.parametrize("token", ["b4d-t0ken", None])
def test_a_refused_token_is_named_and_not_shown(
    portal: ArcGis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, token: str | None
) -> None:
    portal.token = "good"
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "good")
    assert ids(one(portal, tmp_path, token="portal")) == ALL
    assert not [a for a in portal.asked if "good" in str(a.params)]
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", token or "")
    source = {"token": "portal"} if token else {}
    said = r"\(498\).*the secret portal" if token else r"\(499\).*a secret \(source.token"
    with pytest.raises(NotReceivedError, match=said) as refused:
        one(portal, tmp_path, **source)
    assert "b4d" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (servers.PAGE, "answered with a web page"),
        (b"[]", "did not answer with what an ArcGIS server answers"),
        (b'{"count": 35}', "did not answer with a list of features"),
        (b'{"features": [{"attributes": {}}]}', "did not answer with features that have their OBJECTID"),
    ],
)
def test_what_is_no_page_of_features_is_not_received(
    portal: ArcGis, tmp_path: Path, body: bytes, said: str
) -> None:
    portal.faults[2] = servers.Fault(body=body)
    with pytest.raises(NotReceivedError, match=said):
        one(portal, tmp_path)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL


def test_the_address_of_a_service_is_no_layer(portal: ArcGis, tmp_path: Path) -> None:
    del portal.layer["fields"]
    with pytest.raises(NotReceivedError, match="did not answer with the description of a layer"):
        one(portal, tmp_path)


SQUARE = [[0, 0], [0, 4], [4, 4], [4, 0], [0, 0]]  # clockwise: an outer ring
HOLE = [[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]
FAR = [[9, 9], [9, 10], [10, 10], [10, 9], [9, 9]]


def test_a_polygon_has_its_centroid_and_its_holes(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["geometryType"] = "esriGeometryPolygon"
    portal.rows = []
    portal.put(1, geometry={"rings": [SQUARE, HOLE, FAR]}, centroid={"x": 2.1, "y": 2.2})
    (record,) = records(one(portal, tmp_path))
    assert (record["longitude"], record["latitude"]) == (2.1, 2.2)
    assert record["geometry"] == {
        "type": "MultiPolygon",
        "coordinates": [[SQUARE[::-1], HOLE[::-1]], [FAR[::-1]]],
    }


@pytest.mark.parametrize(
    ("geometry", "kind", "point"),
    [
        ({"x": 1.5, "y": 2.5}, "Point", (1.5, 2.5)),
        ({"x": "NaN", "y": "NaN"}, None, None),
        ({"points": [[0, 0], [2, 4]]}, "MultiPoint", (1, 2)),
        ({"paths": [[[0, 0], [2, 4]]]}, "LineString", (1, 2)),
        ({"paths": [[[0, 0], [2, 4]], [[4, 4], [6, 0]]]}, "MultiLineString", (3, 2)),
        ({"rings": [SQUARE]}, "Polygon", (2, 2)),
        ({"rings": [SQUARE, HOLE]}, "Polygon", (2, 2)),
        ({"rings": [SQUARE, FAR]}, "MultiPolygon", (5, 5)),
        ({"rings": [HOLE]}, "Polygon", (1.5, 1.5)),
        ({"rings": []}, None, None),
        (None, None, None),
    ],
)
def test_every_shape_is_geojson_and_one_point(
    geometry: Any, kind: str | None, point: tuple[float, float] | None
) -> None:
    found = as_geojson(geometry)
    assert (found and found["type"]) == kind
    assert as_point(geometry) == point


def test_a_table_has_no_shape(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["geometryType"] = None
    assert set(records(one(portal, tmp_path))[0]) == {"OBJECTID", "id", "state", "height", "EditDate"}


def test_a_field_of_the_layers_own_is_not_overwritten(portal: ArcGis, tmp_path: Path) -> None:
    portal.layer["fields"].append({"name": "LONGITUDE", "type": "esriFieldTypeString", "alias": "x"})
    for number in ALL:
        portal.put(number, LONGITUDE="about here")
    first = records(one(portal, tmp_path))[0]
    assert (first["LONGITUDE"], first["longitude_4326"], first["latitude_4326"]) == (
        "about here",
        -1.5 - 1 / 1000,
        53.8,
    )
    assert "longitude" not in first


def test_the_layer_describes_itself(portal: ArcGis) -> None:
    with servers.web_for(portal) as asked:
        found = arcgis.describe(portal.address, asked)
        rows = arcgis.sample(portal.address, asked, 12)
    assert (found.title, found.description, found.publisher) == (
        "Street trees",
        "Trees in streets",
        "Eastmere Council",
    )
    columns = {c.name: c for c in found.columns}
    assert columns["state"] == PortalColumn("state", "text", "State (F: Felled; S: Standing)", ("F", "S"))
    assert columns["size"] == PortalColumn("size", "integer", "Size (1: small)")
    assert [c.type for c in found.columns] == (
        "integer text text integer number timestamp number number text".split()
    )
    assert set(rows[0]) <= set(columns)
    assert len(rows) == 12
