"""Ratings: all establishments of an authority, every time, however the API's pages are ordered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from city_platform.feeds.declaration import Dialect
from city_platform.feeds.formats.json_lines import number_objects
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import ratings, web
from city_platform.feeds.sources.fetched import Fetched
from city_platform_tests.feeds.sources import portal_servers as servers
from city_platform_tests.feeds.sources.portal_servers import Ratings, leftovers, loaded, one, records, take

ALL = list(range(1, 36))


@pytest.fixture
def portal() -> Iterator[Ratings]:
    made = Ratings()
    for number in ALL:
        made.put(number)
    with servers.serving(made):
        yield made


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(web, "sleep", waited.append)
    return waited


def ids(fetched: Fetched) -> list[int]:
    return [r["FHRSID"] for r in records(fetched)]


def test_all_establishments_come_as_the_api_gives_them(portal: Ratings, tmp_path: Path) -> None:
    found = one(portal, tmp_path)
    assert records(found) == portal.rows
    assert (found.extent, found.file_name, dict(found.state)) == ("full", "404.jsonl", {})
    assert [p.params["pageNumber"] for p in portal.pages] == ["1", "2", "3", "4"]
    assert {a.headers.get("x-api-version") for a in portal.asked} == {"2"}
    assert leftovers(tmp_path) == []


def test_a_page_is_never_larger_than_the_api_allows(portal: Ratings, tmp_path: Path) -> None:
    one(portal, tmp_path, page_rows=100_000)
    assert [p.params["pageSize"] for p in portal.pages] == ["5000"]


def test_the_platform_reads_what_lies_inside(portal: Ratings, tmp_path: Path) -> None:
    found, target = one(portal, tmp_path), tmp_path / "numbered.csv"
    declared = [
        "FHRSID",
        "BusinessName",
        "scores.Hygiene",
        "scores.ConfidenceInManagement",
        "geocode.latitude",
    ]
    scan = number_objects(found.path, Dialect(format="json_lines"), target, declared)
    assert (scan.records, scan.rejected) == (35, [])
    assert target.read_text(encoding="utf-8").startswith('1,"1","Café 1","5",,"53.79"')


def test_the_same_establishments_are_the_same_bytes_in_any_order(portal: Ratings, tmp_path: Path) -> None:
    first = one(portal, tmp_path / "a")
    portal.rows = portal.rows[::-1]
    second = one(portal, tmp_path / "b", page_rows=8)
    assert ids(second) == ALL
    assert first.sha256 == second.sha256


def test_there_is_no_asking_for_changes_so_that_all_is_read_again(portal: Ratings, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    (found,) = take("ratings", portal.address, tmp_path, loaded(before))
    assert (found.extent, ids(found)) == ("full", ALL)


def test_pages_that_move_while_they_are_read_are_read_again(portal: Ratings, tmp_path: Path) -> None:
    def move() -> None:  # as many as before, but one moves past a page's start
        portal.rows = [*portal.rows[1:], portal.rows[0]]

    portal.before[3] = move
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 8


def test_another_total_while_it_is_read_means_reading_again(portal: Ratings, tmp_path: Path) -> None:
    portal.before[3] = lambda: portal.put(36)
    assert ids(one(portal, tmp_path)) == [*ALL, 36]


def test_what_never_stands_still_is_not_received(portal: Ratings, tmp_path: Path) -> None:
    portal.before = {n: lambda n=n: portal.put(100 + n) for n in range(1, 20)}  # type: ignore[misc]
    with pytest.raises(NotReceivedError, match="changed while it was read, 2 times"):
        one(portal, tmp_path)


def cut_run(portal: Ratings, folder: Path) -> None:
    portal.down_from = 3
    with pytest.raises(NotReceivedError, match="answered 503 Service Unavailable in 2 tries"):
        one(portal, folder)
    portal.heal()


def test_a_page_that_is_cut_is_asked_for_again(portal: Ratings, tmp_path: Path) -> None:
    portal.faults[2] = servers.CUT
    assert ids(one(portal, tmp_path)) == ALL


def test_the_next_run_goes_on_where_one_was_cut(portal: Ratings, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path)) == ALL
    assert [p.params["pageNumber"] for p in portal.pages] == ["3", "4"]


def test_pages_of_another_size_are_thrown_away(portal: Ratings, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path, page_rows=9)) == ALL
    assert len(portal.pages) == 4


@pytest.mark.parametrize(("page", "still_asked"), [(2, ["2", "3", "4"]), (4, ["4"])])
def test_a_run_killed_between_page_and_checkpoint_loses_and_doubles_nothing(
    portal: Ratings, tmp_path: Path, page: int, still_asked: list[str]
) -> None:
    servers.take_killed_at_page(portal, tmp_path, page)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL
    assert [p.params["pageNumber"] for p in portal.pages] == still_asked


def test_too_many_requests_are_waited_out(portal: Ratings, tmp_path: Path, waits: list[float]) -> None:
    portal.faults = {2: servers.BUSY, 4: servers.DOWN}
    assert ids(one(portal, tmp_path)) == ALL
    assert waits[0] == 7
    assert len(waits) == 2


def test_the_api_takes_no_credentials_and_a_refusal_is_said(portal: Ratings, tmp_path: Path) -> None:
    portal.faults[2] = servers.Fault(403)
    with pytest.raises(NotReceivedError, match="answered 403 Forbidden"):
        one(portal, tmp_path)
    assert len(portal.pages) == 2


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (servers.PAGE, "answered with a web page"),
        (b"{}", "did not answer with establishments of the ratings API, version 2"),
        (b'{"meta": {"totalCount": 35}, "establishments": null}', "did not answer with a list of records"),
        (b'{"meta": {"totalCount": 35}, "establishments": [{}]}', "establishments that have their FHRSID"),
    ],
)
def test_what_is_no_page_of_establishments_is_not_received(
    portal: Ratings, tmp_path: Path, body: bytes, said: str
) -> None:
    portal.faults[2] = servers.Fault(body=body)
    with pytest.raises(NotReceivedError, match=said):
        one(portal, tmp_path)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL


def test_an_unknown_authority_is_said(portal: Ratings, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="knows no establishment of the authority 999"):
        take("ratings", f"{portal.site}/999", tmp_path)


def test_the_authority_is_described(portal: Ratings) -> None:
    with servers.web_for(portal) as asked:
        found = ratings.describe(portal.address, asked)
        rows = ratings.sample(portal.address, asked, 12)
    assert (found.title, found.cadence) == ("Food hygiene ratings: Bradford", "daily")
    assert (found.publisher, found.row_label) == ("Food Standards Agency", "establishment")
    given = {k for k, v in rows[0].items() if not isinstance(v, dict)}
    given |= {f"{k}.{inner}" for k in ("scores", "geocode") for inner in rows[0][k]}
    assert {c.name for c in found.columns} == given - {"links", "Distance"}
    assert rows == portal.rows[:12]
