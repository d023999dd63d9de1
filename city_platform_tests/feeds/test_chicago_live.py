"""Chicago's live feeds: declared as the mirror's are, and loaded from a portal that answers as the city's does.

The recorded answers have the true portal's shape (names, text for numbers, times for days, a location as an object,
nulls left out); every value in them is made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from city_platform.feeds.declaration import Expect, Feed, load_feeds
from city_platform.feeds.load import FeedBuilt, load_feed
from city_platform.rebuild import prepare
from city_platform.settings import CITIES, Settings
from city_platform.warehouse import Warehouse
from city_platform_tests.feeds.sources.portal_servers import Asked, Record, Socrata, serving

LIVE = {f.id: f for f in load_feeds(CITIES / "chicago_live")}
MIRROR = {f.id: f for f in load_feeds(CITIES / "chicago")}
SHARED = sorted(LIVE.keys() & MIRROR.keys())
INSPECTIONS = "public_health/food_inspections"
OLD = "public_health/food_inspection_violations"
NEW = "public_health/food_inspection_violations_2018"
PLACE = {"latitude": "41.9", "longitude": "-87.7", "human_address": '{"address": "", "city": ""}'}


class ChicagoPortal(Socrata):
    """Of its datasets one; unlike the general one it leaves out what was not selected, and knows `<`."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.ID = name

    def answer(self, asked: Asked) -> tuple[int, Any]:
        status, found = super().answer(asked)
        chosen = {part.strip() for part in asked.params.get("$select", "*").split(",")}
        if status == 200 and "$order" in asked.params and "*" not in chosen:
            found = [{k: v for k, v in row.items() if k in chosen} for row in found]
        return status, found

    def _fits(self, row: Record, where: str) -> bool:
        rest = []
        for part in where.split(" and ") if where else ():
            if " < " in part:
                column, value = part.strip("()").split(" < ")
                if not row[column] < value.strip("'"):
                    return False
            else:
                rest.append(part)
        return super()._fits(row, " and ".join(rest))


class Bench:
    """A portal of each dataset that the live feeds read, and a warehouse."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.portals = {
            str(f.source.socrata): ChicagoPortal(str(f.source.socrata).partition("/")[2])
            for f in LIVE.values()
        }
        for portal in self.portals.values():
            stack.enter_context(serving(portal))
        settings = Settings(
            city_folder=CITIES / "chicago_live", home=folder / "home", mirror=None, key_file=folder / "key"
        )
        self.warehouse = stack.enter_context(Warehouse(settings))
        prepare(self.warehouse)

    @property
    def inspections(self) -> ChicagoPortal:
        return self.portals["data.cityofchicago.org/4ijn-s7e5"]

    def inspect(self, number: int, day: str, violations: str | None, **values: Any) -> None:
        """An inspection, as the portal tells it."""
        self.inspections.put(
            number,
            **{
                "inspection_id": str(number),
                "dba_name": f"DINER {number}",
                "license_": str(20000 + number),
                "risk": "Risk 1 (High)",
                "address": f"{number} N MADEUP ST ",
                "inspection_date": f"{day}T00:00:00.000",
                "inspection_type": "Canvass",
                "results": "Pass",
                "violations": violations,
                "latitude": "41.9",
                "longitude": "-87.7",
                "location": PLACE,
            }
            | values,
        )

    def load(self, feed: Feed, **expect: Any) -> FeedBuilt:
        """Load a feed of the city from this machine's portal; a few rows are as many as it wants."""
        here = {"socrata": self.portals[str(feed.source.socrata)].address, "tries": 1}
        return load_feed(
            self.warehouse,
            feed.model_copy(
                update={
                    "source": feed.source.model_copy(update=here),
                    "expect": Expect(**({"rows_at_least": 0} | expect)),
                }
            ),
        )

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.warehouse.con.execute(sql).fetchall()

    def found(self, feed: Feed) -> list[tuple[Any, ...]]:
        """The violations of a feed: inspection, number, title, comment."""
        return self.rows(
            "select inspection_id, violation_number, description, comment "
            f"from {feed.staging().full_name} order by all"
        )


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(tmp_path, stack)


def test_all_that_the_portal_has_of_the_mirrors_feeds_is_shared() -> None:
    assert MIRROR.keys() - LIVE.keys() == {"public_health/sanitarian_visits", "weather_service/weather"}
    assert LIVE.keys() - MIRROR.keys() == {NEW}


@pytest.mark.parametrize("feed", SHARED)
def test_staging_is_declared_as_the_mirrors_is_column_by_column(feed: str) -> None:
    live, mirror = LIVE[feed], MIRROR[feed]
    added = {OLD: ["description", "comment"]}.get(feed, [])
    assert list(live.columns) == [*mirror.columns, *added]
    for name, there in mirror.columns.items():
        here = live.columns[name]
        for said in ("type", "unit", "classification", "required", "range", "format"):
            assert getattr(here, said) == getattr(there, said), (name, said)
        assert here.values[: len(there.values)] == there.values, name  # the portal may know more of them
        if here.values == there.values:
            assert here.meaning == there.meaning, name
    assert (live.business, live.address, live.events) == (mirror.business, mirror.address, mirror.events)
    assert [(c.name, c.type) for c in live.staging().columns if c.name not in added] == [
        (c.name, c.type) for c in mirror.staging().columns
    ]


def test_the_new_list_of_violations_is_another_kind_of_event() -> None:
    (old,), (new,) = LIVE[OLD].events, LIVE[NEW].events
    assert (old.type, new.type) == ("violation", "violation_2018")
    assert old.model_copy(update={"type": new.type}) == new
    kinds = [e.type for f in LIVE.values() for e in f.events]
    assert len(kinds) == len(set(kinds))


def test_a_text_of_violations_becomes_a_record_each(bench: Bench) -> None:
    bench.inspect(
        1, "2014-03-04", "3. FOOD TOO WARM - Comments: SOUP AT 50F. | 32. CHIPPED PLATES - Comments: "
    )
    bench.inspect(2, "2014-03-05", "18. GAP UNDER DOOR")  # no comment
    bench.inspect(3, "2014-03-06", None)  # nothing was found
    built = bench.load(LIVE[OLD])
    assert (built.status, built.counts["read"], built.counts["new"]) == ("loaded", 3, 3)
    assert bench.found(LIVE[OLD]) == [
        (1, 3, "FOOD TOO WARM", "SOUP AT 50F."),
        (1, 32, "CHIPPED PLATES", None),
        (2, 18, "GAP UNDER DOOR", None),
    ]


def test_one_number_found_several_times_is_several_records(bench: Bench) -> None:
    bench.inspect(
        1,
        "2019-03-04",
        "55. DIRTY FLOOR - Comments: KITCHEN - BEHIND STOVE. | 55. DIRTY FLOOR - Comments: BAR. | "
        "55. DIRTY FLOOR - Comments: BAR.",
    )
    built = bench.load(LIVE[NEW])
    assert (built.counts["new"], built.counts["repeated"]) == (2, 1)  # told twice in the same words: once
    assert bench.found(LIVE[NEW]) == [
        (1, 55, "DIRTY FLOOR", "BAR."),
        (1, 55, "DIRTY FLOOR", "KITCHEN - BEHIND STOVE."),
    ]


def test_the_rest_of_a_comment_with_a_stroke_in_it_is_set_aside_and_told(bench: Bench) -> None:
    bench.inspect(1, "2014-03-04", "3. FOOD TOO WARM - Comments: SOUP 50F | MRS HIDDEN SAW IT | 5. NO SOAP")
    built = bench.load(LIVE[OLD], quarantined_at_most=1)
    assert (built.counts["new"], built.counts["quarantined"]) == (2, 1)
    assert bench.found(LIVE[OLD]) == [(1, 3, "FOOD TOO WARM", "SOUP 50F"), (1, 5, "NO SOAP", None)]
    told = bench.rows(
        "select line, column_name, rule, value, message from quality.issue where severity = 'error'"
    )
    assert [row[:4] for row in told] == [(1, "violations", "pattern", "(masked)")]
    assert "HIDDEN" not in told[0][4]


def test_dots_dashes_and_line_breaks_in_a_comment_stay_in_it(bench: Bench) -> None:
    comment = "FOUND 12. NOT LABELED - Comments: SEE\nNOTE|5. PRIORITY FOUNDATION 7-38-010"
    bench.inspect(1, "2019-03-04", f"10. HAND SINKS, ACCESSIBLE; SUPPLIED - Comments: {comment}")
    bench.load(LIVE[NEW])
    assert bench.found(LIVE[NEW]) == [(1, 10, "HAND SINKS, ACCESSIBLE; SUPPLIED", comment)]


def test_the_day_decides_by_which_list_a_number_is_read(bench: Bench) -> None:
    bench.inspect(1, "2018-06-30", "3. OLD THREE - Comments: A")
    bench.inspect(2, "2018-07-01", "3. NEW THREE - Comments: B")
    bench.load(LIVE[OLD])
    bench.load(LIVE[NEW])
    assert bench.found(LIVE[OLD]) == [(1, 3, "OLD THREE", "A")]
    assert bench.found(LIVE[NEW]) == [(2, 3, "NEW THREE", "B")]


def test_what_an_inspection_no_longer_tells_goes(bench: Bench) -> None:
    bench.inspect(1, "2019-03-04", "10. SINKS - Comments: A | 55. FLOOR - Comments: B")
    bench.load(LIVE[NEW])
    bench.inspect(1, "2019-03-04", "55. FLOOR - Comments: B")
    built = bench.load(LIVE[NEW])
    assert (built.counts["unchanged"], built.counts["removed"]) == (1, 1)
    assert bench.found(LIVE[NEW]) == [(1, 55, "FLOOR", "B")]


def test_inspections_load_without_their_texts(bench: Bench) -> None:
    bench.inspect(7, "2014-03-04", "3. FOOD TOO WARM", aka_name="THE SEVEN", zip="60600")
    bench.inspect(8, "2026-03-04", None, latitude=None, longitude=None, location=None)
    built = bench.load(LIVE[INSPECTIONS])
    assert (built.status, built.counts["new"]) == ("loaded", 2)
    assert all("violations" not in p.params["$select"] for p in bench.inspections.pages)
    assert bench.rows(
        "select inspection_id, dba_name, aka_name, license_, zip, inspection_date::varchar, latitude, "
        "location->>'latitude' from staging.public_health__food_inspections order by 1"
    ) == [
        (7, "DINER 7", "THE SEVEN", "20007", "60600", "2014-03-04", 41.9, "41.9"),
        (8, "DINER 8", None, "20008", None, "2026-03-04", None, None),
    ]
    notes = bench.rows("select column_name from quality.issue where rule = 'added_column'")
    assert {n for (n,) in notes} <= {":id", ":updated_at"}


def test_only_changed_inspections_are_asked_for_again(bench: Bench) -> None:
    for number in range(1, 6):
        bench.inspect(number, "2014-03-04", None)
    bench.load(LIVE[INSPECTIONS])
    bench.inspect(3, "2014-03-04", None, results="Fail")
    built = bench.load(LIVE[INSPECTIONS])
    assert (built.counts["changed"], built.counts["removed"]) == (1, 0)
    (last,) = bench.inspections.pages[1:]
    assert ":updated_at >=" in last.params["$where"]


def test_licences_and_complaints_load_under_the_mirrors_names(bench: Bench) -> None:
    licences = bench.portals["data.cityofchicago.org/r5kz-chrr"]
    common = {"location": PLACE, "latitude": "41.9", "longitude": "-87.7", "address": "1 N MADEUP ST"}
    food = common | {"license_description": "Retail Food Establishment", "license_status": "AAI"}
    licences.put(
        1,
        **food,
        id="901-20190101",
        license_id="901",
        license_number="77",
        account_number="5",
        legal_name="MADE UP INC.",
        application_type="C_SBA",
        license_start_date="2019-01-01T00:00:00.000",
        expiration_date="2020-12-31T00:00:00.000",
        site_number="1",
    )
    licences.put(2, **(food | {"license_description": "Tavern"}), id="902-20190101", license_id="902")
    complaints = bench.portals["data.cityofchicago.org/me59-5fac"]
    complaints.put(
        1,
        creation_date="2014-01-02T00:00:00.000",
        status="Completed - Dup",
        completion_date="2014-01-05T00:00:00.000",
        service_request_number="14-00000001",
        type_of_service_request="Sanitation Code Violation",
        what_is_the_nature_of_this_code_violation_="Garbage in alley",
        street_address="2 S MADEUP AVE",
        x_coordinate="1160000.5",
        y_coordinate="1900000.5",
        ward="9",
        location=PLACE,
    )
    for feed in ("business_affairs/business_licenses", "streets_and_sanitation/sanitation_complaints"):
        built = bench.load(LIVE[feed])
        assert (built.status, built.counts["new"], built.message) == ("loaded", 1, ""), feed
    assert bench.rows(
        "select license_id, license_number, application_type, license_term_start_date::varchar, "
        "license_term_expiration_date::varchar from staging.business_affairs__business_licenses"
    ) == [(901, "77", "C_SBA", "2019-01-01", "2020-12-31")]
    assert bench.rows(
        "select creation_date::varchar, status, what_is_the_nature_of_this_code_violation, x_coordinate, ward "
        "from staging.streets_and_sanitation__sanitation_complaints"
    ) == [("2014-01-02", "Completed - Dup", "Garbage in alley", 1160000.5, "9")]
