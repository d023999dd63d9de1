"""CKAN: the datastore's records by offset, what is new from a cursor on, or the file where there is no datastore."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import ckan, web
from city_platform.feeds.sources.fetched import Fetched
from city_platform.feeds.sources.portals import PortalColumn
from city_platform_tests.feeds.sources import portal_servers as servers
from city_platform_tests.feeds.sources.portal_servers import Ckan, leftovers, loaded, one, records, take

ALL = list(range(1, 36))


@pytest.fixture
def portal() -> Iterator[Ckan]:
    made = Ckan()
    for number in ALL:
        made.put(number, fee=12.5, changed=f"2024-01-01T00:00:{number:02}", ward=None)
    with servers.serving(made):
        yield made


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(web, "sleep", waited.append)
    return waited


def ids(fetched: Fetched) -> list[int]:
    return [int(r["id"]) for r in records(fetched)]


def again(portal: Ckan, folder: Path, before: Fetched, days_ago: float = 1, **source: Any) -> list[Fetched]:
    return take("ckan", portal.address, folder, loaded(before, days_ago), **source)


CURSOR = {"cursor": "changed"}


def test_all_records_come_as_the_portal_gives_them(portal: Ckan, tmp_path: Path) -> None:
    found = one(portal, tmp_path)
    assert records(found) == portal.rows
    assert (found.extent, found.file_name, dict(found.state)) == ("full", f"{Ckan.ID}.jsonl", {})
    assert len(portal.pages) == 4
    assert leftovers(tmp_path) == []
    assert one(portal, tmp_path / "again", page_rows=8).sha256 == found.sha256


def test_a_portal_that_gives_fewer_than_asked_is_read_to_the_end(portal: Ckan, tmp_path: Path) -> None:
    portal.rows_at_most = 4
    assert ids(one(portal, tmp_path)) == ALL


def test_filters_are_handed_on(portal: Ckan, tmp_path: Path) -> None:
    portal.put(7, ward="Manningham")
    assert ids(one(portal, tmp_path, where='{"ward": "Manningham"}')) == [7]


def test_filters_that_are_none_are_said_before_the_datastore_is_asked(portal: Ckan, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="source.where .* has to be CKAN's filters"):
        one(portal, tmp_path, where="ward = 'Manningham'")
    assert portal.pages == []


def test_without_a_cursor_all_is_read_every_time(portal: Ckan, tmp_path: Path) -> None:
    (found,) = again(portal, tmp_path, one(portal, tmp_path))
    assert (found.extent, ids(found)) == ("full", ALL)


def test_with_a_cursor_a_reading_stops_where_the_known_begins(portal: Ckan, tmp_path: Path) -> None:
    before = one(portal, tmp_path, **CURSOR)
    assert sorted(ids(before)) == ALL
    assert before.state["newest"] == "2024-01-01T00:00:35"
    portal.put(3, changed="2024-01-02T00:00:00")
    portal.put(36, changed="2024-01-03T00:00:00")
    portal.put(37, changed=None)  # nobody can tell when: it is always told
    portal.heal()
    (found,) = again(portal, tmp_path, before, **CURSOR)
    assert (found.extent, ids(found)) == ("part", [37, 36, 3, 35])
    assert found.state["newest"] == "2024-01-03T00:00:00"
    assert len(portal.pages) == 1


def test_where_nothing_is_beyond_the_cursor_nothing_is_delivered(portal: Ckan, tmp_path: Path) -> None:
    before = one(portal, tmp_path, **CURSOR)
    assert again(portal, tmp_path, before, **CURSOR) == []
    assert leftovers(tmp_path) == []


def test_where_all_is_beyond_the_cursor_the_delivery_is_full(portal: Ckan, tmp_path: Path) -> None:
    before = one(portal, tmp_path, **CURSOR)
    for number in ALL:
        portal.put(number, changed=f"2024-02-01T00:00:{number:02}")
    (found,) = again(portal, tmp_path, before, **CURSOR)
    assert (found.extent, sorted(ids(found))) == ("full", ALL)


@pytest.mark.parametrize(("days", "extent"), [(6.9, "part"), (7.1, "full")])
def test_all_is_read_again_every_so_many_days(portal: Ckan, tmp_path: Path, days: float, extent: str) -> None:
    before = one(portal, tmp_path, **CURSOR, full_every_days=7)
    portal.put(36, changed="2024-01-03T00:00:00")
    (found,) = again(portal, tmp_path, before, days, **CURSOR, full_every_days=7)
    assert found.extent == extent


def test_a_cursor_that_is_no_column_is_said(portal: Ckan, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="has no column edited .* It has: _id, id, fee, changed, ward"):
        one(portal, tmp_path, cursor="edited")


def test_a_cursor_without_an_order_is_said_without_its_values(portal: Ckan, tmp_path: Path) -> None:
    for number in ALL:
        portal.put(number, ward=f"Hidden {number}")
    with pytest.raises(NotReceivedError, match="the column ward .* holds what has no order") as said:
        one(portal, tmp_path, cursor="ward")
    assert "Hidden" not in str(said.value)


def test_rows_that_move_while_it_is_read_are_read_again(portal: Ckan, tmp_path: Path) -> None:
    def remove() -> None:
        portal.rows = portal.rows[1:]  # every later row moves up, one of them past the page's start

    portal.before[3] = remove
    assert ids(one(portal, tmp_path)) == ALL[1:]


def test_another_total_on_one_page_is_a_change_although_the_sum_fits_in_the_end(
    portal: Ckan, tmp_path: Path
) -> None:
    def remove() -> None:
        portal.rows = portal.rows[1:]  # the next page begins one row too late

    portal.before = {3: remove, 4: lambda: portal.put(36)}
    with pytest.raises(NotReceivedError, match="changed while it was read, 2 times"):
        one(portal, tmp_path)
    assert sorted(ids(one(portal, tmp_path))) == [*ALL[1:], 36]


def test_what_never_stands_still_is_not_received(portal: Ckan, tmp_path: Path) -> None:
    def remove() -> None:
        portal.rows = portal.rows[1:]

    portal.before = {n: remove for n in range(1, 20)}
    with pytest.raises(NotReceivedError, match="changed while it was read, 2 times"):
        one(portal, tmp_path)


def cut_run(portal: Ckan, folder: Path, **source: Any) -> None:
    portal.down_from = 3
    with pytest.raises(NotReceivedError, match="answered 503 Service Unavailable in 2 tries"):
        one(portal, folder, **source)
    portal.heal()


def test_a_page_that_is_cut_is_asked_for_again(portal: Ckan, tmp_path: Path) -> None:
    portal.faults[2] = servers.CUT
    assert ids(one(portal, tmp_path)) == ALL


def test_the_next_run_goes_on_where_one_was_cut(portal: Ckan, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path)) == ALL
    assert [p.params["offset"] for p in portal.pages] == ["20", "30"]


def test_the_next_run_goes_on_with_a_cursor(portal: Ckan, tmp_path: Path) -> None:
    cut_run(portal, tmp_path, **CURSOR)
    found = one(portal, tmp_path, **CURSOR)
    assert ids(found) == ALL[::-1]
    assert found.state["newest"] == "2024-01-01T00:00:35"


def test_pages_of_data_that_the_portal_loaded_anew_are_thrown_away(portal: Ckan, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    portal.modified = "2024-03-02T12:00:00.000000"
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 4


def test_a_run_killed_between_page_and_checkpoint_loses_and_doubles_nothing(
    portal: Ckan, tmp_path: Path
) -> None:
    servers.take_killed_at_page(portal, tmp_path, 2)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL
    assert [p.params["offset"] for p in portal.pages] == ["10", "20", "30"]


def test_too_many_requests_are_waited_out(portal: Ckan, tmp_path: Path, waits: list[float]) -> None:
    portal.faults = {2: servers.BUSY, 4: servers.DOWN}
    assert ids(one(portal, tmp_path)) == ALL
    assert waits[0] == 7
    assert len(waits) == 2


def test_a_refused_token_is_named_and_not_shown(
    portal: Ckan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.token = "good"
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "good")
    assert ids(one(portal, tmp_path, token="portal")) == ALL
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "b4d-t0ken")
    with pytest.raises(NotReceivedError, match="403 Forbidden.*secret portal") as refused:
        one(portal, tmp_path, token="portal")
    assert "b4d-t0ken" not in str(refused.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (servers.PAGE, "answered with a web page"),
        (b'{"success": false, "error": {}}', "did not answer with what CKAN answers"),
        (b'{"success": true, "result": {"records": []}}', "did not answer with the records of a datastore"),
        (b'{"success": true, "result": {"total": 35, "fields": [], "records": [1]}}', "a list of records"),
    ],
)
def test_what_is_no_page_of_records_is_not_received(
    portal: Ckan, tmp_path: Path, body: bytes, said: str
) -> None:
    portal.faults[2] = servers.Fault(body=body)
    with pytest.raises(NotReceivedError, match=said):
        one(portal, tmp_path)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL


def test_an_unknown_resource_is_said(portal: Ckan, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="resource_show answered 404 Not Found"):
        take("ckan", f"{portal.site}/no-such-id", tmp_path)


def test_without_a_datastore_the_file_itself_comes_under_its_own_name(portal: Ckan, tmp_path: Path) -> None:
    portal.is_active = False
    found = one(portal, tmp_path)
    assert found.path.read_bytes() == Ckan.FILE
    assert (found.file_name, found.extent, found.bytes) == ("dogs here.csv", "full", len(Ckan.FILE))


@pytest.mark.parametrize("is_elsewhere", [False, True])
def test_the_token_goes_to_the_portal_alone(
    portal: Ckan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_elsewhere: bool
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "good")
    portal.is_active, portal.token = False, "good"
    other = Ckan()
    with servers.serving(other):
        if is_elsewhere:
            portal.file_url = other.file_url
        one(portal, tmp_path, token="portal")
    asked = (other if is_elsewhere else portal).pages
    assert [a.headers.get("Authorization") for a in asked] == [None if is_elsewhere else "good"]


def test_a_resource_that_is_neither_records_nor_a_file_is_said(portal: Ckan, tmp_path: Path) -> None:
    portal.is_active, portal.file_url = False, ""
    with pytest.raises(NotReceivedError, match="neither in the datastore nor a file"):
        one(portal, tmp_path)


def test_the_portal_describes_its_resource(portal: Ckan) -> None:
    with servers.web_for(portal) as asked:
        found = ckan.describe(portal.address, asked)
        rows = ckan.sample(portal.address, asked, 12)
    assert (found.title, found.description) == ("Dog licences: Dogs", "Licences of *dogs*.")
    assert (found.publisher, found.licence) == ("Eastmere Council", "UK Open Government Licence (OGL)")
    assert found.cadence == "monthly"
    assert found.columns == (
        PortalColumn("_id", "integer", "Number that CKAN gives the row"),
        PortalColumn("id", "text", "Number of the licence"),
        PortalColumn("fee", "number", "fee"),
        PortalColumn("changed", "timestamp", "Changed on"),
        PortalColumn("ward", "text", "ward"),
    )
    assert rows == portal.rows[:12]


def test_a_sample_of_a_file_says_where_the_file_is(portal: Ckan) -> None:
    portal.is_active = False
    with servers.web_for(portal) as asked:
        assert ckan.describe(portal.address, asked).columns == ()
        with pytest.raises(NotReceivedError, match=f"it is the file {portal.file_url}"):
            ckan.sample(portal.address, asked)
