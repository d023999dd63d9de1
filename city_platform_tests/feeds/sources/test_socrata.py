"""Socrata: all rows, then what changed; nothing lost or doubled by cuts, kills and rows that change meanwhile."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import socrata, web
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.portals import PortalColumn
from city_platform_tests.feeds.sources import portal_servers as servers
from city_platform_tests.feeds.sources.portal_servers import Socrata, leftovers, loaded, one, records, take


@pytest.fixture
def portal() -> Iterator[Socrata]:
    made = Socrata()
    for number in range(1, 36):
        made.put(number, state="open", fee="12.50", note=None)
    with servers.serving(made):
        yield made


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    waited: list[float] = []
    monkeypatch.setattr(web, "sleep", waited.append)
    return waited


def ids(fetched: Fetched) -> list[int]:
    return [int(r["id"]) for r in records(fetched)]


def again(
    portal: Socrata, folder: Path, before: Fetched, days_ago: float = 1, **source: Any
) -> list[Fetched]:
    return take("socrata", portal.address, folder, loaded(before, days_ago), **source)


ALL = list(range(1, 36))


def test_all_rows_come_as_the_portal_gives_them(portal: Socrata, tmp_path: Path) -> None:
    found = one(portal, tmp_path)
    assert ids(found) == ALL
    expected = {k: v for k, v in portal.rows[0].items() if k != "_n" and v is not None}
    assert records(found)[0] == expected  # :id and :updated_at among them
    assert (found.extent, found.file_name) == ("full", f"{Socrata.ID}.jsonl")
    assert found.source == f"{portal.site}/resource/{Socrata.ID}.json"
    assert found.state["newest"] == portal.rows[-1][":updated_at"]
    assert found.bytes == found.path.stat().st_size
    assert leftovers(tmp_path) == []


def test_pages_follow_the_rows_own_ids_and_not_the_alphabet(portal: Socrata, tmp_path: Path) -> None:
    row_ids = [r[":id"] for r in records(one(portal, tmp_path))]
    assert row_ids != sorted(row_ids)
    assert [p.params.get("$where") for p in portal.pages] == [
        None,
        *(f":id > '{row_ids[n]}'" for n in (9, 19, 29)),
    ]
    assert not [p for p in portal.pages if "$offset" in p.params]


def test_the_same_rows_are_the_same_bytes(portal: Socrata, tmp_path: Path) -> None:
    first = one(portal, tmp_path / "a")
    second = one(portal, tmp_path / "b", page_rows=7)
    assert first.sha256 == second.sha256


def test_only_what_changed_since_is_asked_for(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.put(3, state="closed")
    portal.put(36)
    (found,) = again(portal, tmp_path, before)
    # 35 was the newest and is told again: another row may have come in the same moment.
    assert (found.extent, ids(found)) == ("part", [3, 35, 36])
    assert found.state["newest"] == max(r[":updated_at"] for r in portal.rows)


def test_where_nothing_changed_nothing_is_delivered_or_paged(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.heal()
    assert again(portal, tmp_path, before) == []
    assert (len(portal.asked), portal.pages) == (1, [])


@pytest.mark.parametrize(("days_ago", "extent"), [(29.9, "part"), (30.1, "full")])
def test_all_is_read_again_every_thirty_days_so_that_deletions_are_seen(
    portal: Socrata, tmp_path: Path, days_ago: float, extent: str
) -> None:
    before = one(portal, tmp_path)
    portal.rows = [r for r in portal.rows if r["_n"] != 5]
    portal.put(36)
    (found,) = again(portal, tmp_path, before, days_ago)
    assert found.extent == extent
    assert ids(found) == ([n for n in (*ALL, 36) if n != 5] if extent == "full" else [35, 36])


def test_a_dataset_that_was_replaced_whole_is_a_full_delivery(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.rows = []
    for number in range(101, 121):
        portal.put(number)
    (found,) = again(portal, tmp_path, before)
    assert (found.extent, len(ids(found))) == ("full", 20)


@pytest.mark.parametrize("change", [{"where": "state = 'open'"}, {"select": "id,state"}])
def test_another_question_is_asked_in_full(portal: Socrata, tmp_path: Path, change: dict[str, str]) -> None:
    before = one(portal, tmp_path)
    portal.put(2, state="closed")
    (found,) = again(portal, tmp_path, before, **change)
    assert found.extent == "full"
    assert len(ids(found)) == (34 if "where" in change else 35)


def test_without_a_key_all_is_read_every_time(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.put(36)
    (found,) = again(portal, tmp_path, before, key="content")
    assert found.extent == "full"


def test_a_change_while_it_is_read_is_told_the_next_time(portal: Socrata, tmp_path: Path) -> None:
    def change() -> None:
        portal.put(1, state="closed")  # has been read already
        portal.put(36)

    portal.before[3] = change
    before = one(portal, tmp_path)
    assert ids(before) == [*ALL, 36]
    assert records(before)[0]["state"] == "open"
    (found,) = again(portal, tmp_path, before)
    assert {r["id"]: r.get("state") for r in records(found)}["1"] == "closed"


def test_what_is_replaced_while_it_is_read_is_read_again(portal: Socrata, tmp_path: Path) -> None:
    def replace() -> None:
        portal.rows = []
        for number in range(101, 136):
            portal.put(number)

    portal.before[3] = replace
    assert ids(one(portal, tmp_path)) == list(range(101, 136))


def test_what_never_stands_still_is_not_received(portal: Socrata, tmp_path: Path) -> None:
    def replace(start: int) -> None:
        portal.rows = []
        for number in range(start, start + 35):
            portal.put(number)

    portal.before = {3: lambda: replace(101), 8: lambda: replace(201), 9: lambda: replace(301)}
    with pytest.raises(NotReceivedError, match="changed while it was read, 2 times"):
        one(portal, tmp_path)
    assert leftovers(tmp_path) == []


def test_a_page_that_is_cut_is_asked_for_again(portal: Socrata, tmp_path: Path) -> None:
    portal.faults[2] = servers.CUT
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 5


def cut_run(portal: Socrata, folder: Path, **source: Any) -> None:
    """A run that has two pages when the portal goes down."""
    portal.down_from = 3
    with pytest.raises(NotReceivedError, match="answered 503 Service Unavailable in 2 tries"):
        one(portal, folder, **source)
    portal.heal()


def test_the_next_run_goes_on_where_one_was_cut(portal: Socrata, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 2
    assert leftovers(tmp_path) == []


def test_the_next_run_goes_on_where_a_part_reading_was_cut(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    portal.heal()
    for number in range(1, 26):
        portal.put(number, state="closed")
    cut_run(portal, tmp_path, known=loaded(before))
    (found,) = again(portal, tmp_path, before)
    assert (found.extent, ids(found), len(portal.pages)) == ("part", [*range(1, 26), 35], 1)


def test_a_run_killed_between_page_and_checkpoint_loses_and_doubles_nothing(
    portal: Socrata, tmp_path: Path
) -> None:
    servers.take_killed_at_page(portal, tmp_path, 2)
    part = tmp_path / "work" / f"{Socrata.ID}.jsonl.part"
    assert part.read_bytes().count(b"\n") == 20
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 3  # the second one is asked for again


def test_a_line_cut_in_its_middle_is_no_record(portal: Socrata, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    with (tmp_path / "work" / f"{Socrata.ID}.jsonl.part").open("ab") as part:
        part.write(b'{"id":"21","sta')
    assert ids(one(portal, tmp_path)) == ALL


def test_pages_of_another_question_are_thrown_away(portal: Socrata, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    assert ids(one(portal, tmp_path, where="state = 'open'")) == ALL
    assert len(portal.pages) == 4


def test_pages_older_than_a_day_are_thrown_away(portal: Socrata, tmp_path: Path) -> None:
    cut_run(portal, tmp_path)
    path = tmp_path / "work" / f"{Socrata.ID}.jsonl.checkpoint.json"
    kept = json.loads(path.read_text())
    kept["begun_at"] = (datetime.now(UTC) - timedelta(hours=24, minutes=1)).isoformat()
    path.write_text(json.dumps(kept))
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 4


@pytest.mark.parametrize("lost", ["part", "checkpoint.json"])
def test_pages_without_their_other_half_are_thrown_away(portal: Socrata, tmp_path: Path, lost: str) -> None:
    cut_run(portal, tmp_path)
    (tmp_path / "work" / f"{Socrata.ID}.jsonl.{lost}").unlink()
    assert ids(one(portal, tmp_path)) == ALL
    assert len(portal.pages) == 4


def test_too_many_requests_are_waited_out_as_long_as_the_portal_asks(
    portal: Socrata, tmp_path: Path, waits: list[float]
) -> None:
    portal.faults = {2: servers.BUSY, 4: servers.DOWN}
    assert ids(one(portal, tmp_path)) == ALL
    assert waits[0] == 7
    assert 0 < waits[1] < 7
    assert len(portal.pages) == 6


def test_a_refused_token_is_named_and_not_shown(
    portal: Socrata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal.token = "good"
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "good")
    assert ids(one(portal, tmp_path, token="portal")) == ALL
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "b4d-t0ken")
    with pytest.raises(NotReceivedError, match="403 Forbidden.*secret portal") as refused:
        one(portal, tmp_path, token="portal")
    assert "b4d-t0ken" not in str(refused.value)


def test_a_token_that_is_not_set_is_named(portal: Socrata, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="The secret portal is not set"):
        one(portal, tmp_path, token="portal")
    assert portal.asked == []


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (servers.PAGE, "answered with a web page"),
        (b'{"message": "no"}', "did not answer with a list of records"),
        (b'[{"id": "1"}]', "did not answer with rows that have their :id"),
        (b'[{"id": "1"', "answered with what is not JSON"),
    ],
)
def test_what_is_no_page_of_rows_is_not_received(
    portal: Socrata, tmp_path: Path, body: bytes, said: str
) -> None:
    portal.faults[2] = servers.Fault(body=body)
    with pytest.raises(NotReceivedError, match=said):
        one(portal, tmp_path)
    portal.heal()
    assert ids(one(portal, tmp_path)) == ALL  # what came before it stands


def test_an_unknown_dataset_is_said(portal: Socrata, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="answered 404 Not Found"):
        take("socrata", f"{portal.site}/aaaa-aaaa", tmp_path)


def test_more_than_the_feed_may_send_is_not_received(portal: Socrata, tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="larger than .* the most this feed may send"):
        one(portal, tmp_path, at_most_mb=0.003)


def test_a_plain_http_address_of_another_machine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotReceivedError, match="is no address of a portal"):
        take("socrata", "http://data.example.gov/4ijn-s7e5", tmp_path)


def test_half_a_character_spoils_no_other_record(portal: Socrata, tmp_path: Path) -> None:
    portal.put(35, state="\ud83d")
    assert len(records(one(portal, tmp_path))) == 35


def test_the_portal_describes_its_dataset(portal: Socrata) -> None:
    with servers.web_for(portal) as asked:
        found = socrata.describe(portal.address, asked)
        rows = socrata.sample(portal.address, asked, 12)
    assert (found.title, found.publisher, found.licence) == (
        "Street trading permits",
        "City of Eastmere",
        "Public Domain",
    )
    assert found.description == "All permits since 2002. Updated nightly."
    assert (found.cadence, found.row_label) == ("daily", "Permit")
    columns = {c.name: c for c in found.columns}
    assert columns["id"] == PortalColumn("id", "number", "Number of the permit")
    assert columns["state"].values == ("closed", "open")
    assert {n: c.type for n, c in columns.items()} == {
        ":id": "text",
        ":updated_at": "timestamp",
        "id": "number",
        "state": "text",
        "fee": "number",
        "issued": "timestamp",
        "paid": "boolean",
        "site.latitude": "number",
        "site.longitude": "number",
        "site.human_address": "text",
        "page.url": "text",
        "page.description": "text",
    }
    assert [r["id"] for r in rows] == [str(n) for n in range(1, 13)]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="needs /proc to name what is synced")
def test_what_was_kept_is_on_disk_before_the_checkpoint_says_so(
    portal: Socrata, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fsync, replace = os.fsync, os.replace

    def noted_fsync(handle: int) -> None:
        done.append("fsync " + Path(os.readlink(f"/proc/self/fd/{handle}")).name)
        fsync(handle)

    def noted_replace(before: Any, after: Any) -> None:
        done.append("replace " + Path(after).name)
        replace(before, after)

    monkeypatch.setattr(os, "fsync", noted_fsync)
    monkeypatch.setattr(os, "replace", noted_replace)
    one(portal, tmp_path, page_rows=50)
    name = f"{Socrata.ID}.jsonl"
    saved = [f"fsync {name}.checkpoint.json.new", f"replace {name}.checkpoint.json", "fsync work"]
    assert done == [*saved, f"fsync {name}.part", *saved, f"replace {name}"]


def test_known_without_a_full_delivery_asks_for_all(portal: Socrata, tmp_path: Path) -> None:
    before = one(portal, tmp_path)
    (found,) = take("socrata", portal.address, tmp_path, Known(state=before.state))
    assert found.extent == "full"
