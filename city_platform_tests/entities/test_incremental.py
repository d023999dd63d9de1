"""Law 6: from one state and the same records, what is made by difference equals what is made anew."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from city_platform.entities.decisions import COLUMNS
from city_platform.entities.resolve import WRITES, take_in
from city_platform.feeds.declaration import Feed
from city_platform_tests.entities.small_borough import CALLS, TAX, Borough
from city_platform_tests.entities.small_borough import CITY as CITY_OF_BOROUGH
from city_platform_tests.entities.small_borough import feed as borough_feed
from city_platform_tests.entities.small_town import CITY, LICENCES, VISITS, Row, Town
from city_platform_tests.entities.test_people import NAMED, NINO, REGISTER, SCHOOL

TABLES = sorted(name for names in WRITES.values() for name in names if name != "event")
EXAMPLES, LATER_RUNS = 3, 2
MANY = 20  # examples, where there is time
PHASES = [Phase.explicit, Phase.generate]
SHOPS = borough_feed(
    "licensing",
    "shops",
    ["key", "name", "legal", "number", "address", "postcode"],
    key=["key"],
    business={
        "name": "name",
        "legal_name": "legal",
        "number": {"scheme": "licence", "column": "number"},
    },
    address={"text": "address", "postcode": "postcode"},
)
ROLL = borough_feed(
    "electoral",
    "roll",
    ["key", "given", "family", "born_date", "nino", "address"],
    key=["key"],
    people=[{"role": "elector", **NAMED, "date_of_birth": "born_date", "number": NINO}],
    address={"text": "address"},
)

DOORS = (
    "101 N FERN AVE",
    "101-105 N FERN AVE",
    "103 N FERN",
    "900 S OAK ST STE 4",
    "900 S OAK ST",
    "7 W ELM PL",
    None,
)
LINES = (
    "12 High Street",
    "Flat 1, 12 High Street",
    "12A High St",
    "3 Mill House, 10 Mill Lane",
    "14 Hihg Street",
    "99 Nowhere Road",
    None,
)
NAMES = ("FERN CAFE", "FERN CAFE #2", "THE FERN CAFFE", "OAK FOODS", "OAK FOOD INC", "ELM", None)
LEGAL = ("FERN LTD", "OAK FOODS INC", "JANE SMITH", None)
GIVEN, FAMILY = ("JANE", "J", "JOHN", "MARY", None), ("SMITH", "SMYTH", "JONES", "SMITH-JONES", None)
BORN = ("1950-04-05", "1980-02-03", "1980-03-02", None)
NUMBERS = ("1", "2", "3", "0", None)
NINOS = ("QQ123456C", "QQ999999Q", None)
KEYS = st.integers(0, 14).map(str)


def rows(**columns: tuple[Any, ...]) -> st.SearchStrategy[Row]:
    return st.fixed_dictionaries({name: st.sampled_from(values) for name, values in columns.items()})


PERSON = {"given": GIVEN, "family": FAMILY, "nino": NINOS}
TOWN_FEEDS = [
    (LICENCES, rows(name=NAMES, alias=NAMES, legal=LEGAL, number=NUMBERS, account=NUMBERS, address=DOORS, zip=("60601", None))),
    (VISITS, rows(name=NAMES, number=NUMBERS, address=DOORS, day=("2013-05-01",))),
    (REGISTER, rows(**PERSON, born_day=BORN, address=DOORS)),
    (SCHOOL, rows(given=GIVEN, family=FAMILY, born_day=BORN, parent=("JANE SMITH", "MR & MRS JONES", None), address=DOORS)),
]  # fmt: skip
BOROUGH_FEEDS = [
    (TAX, rows(line_1=LINES, line_2=("EASTMERE", None), postcode=("EM1 2AB", "EM2 3CD", None))),
    (CALLS, rows(address=LINES, uprn=("1", "2", "4", "77", None))),
    (SHOPS, rows(name=NAMES, legal=LEGAL, number=NUMBERS, address=LINES, postcode=("EM1 2AB", None))),
    (ROLL, rows(**PERSON, born_date=BORN, address=LINES)),
]


class World:
    """A city whose records change; a run over it brings the entities up to them."""

    def __init__(
        self, town: Town, feeds: list[tuple[Feed, st.SearchStrategy[Row]]], city: Any, folder: Path
    ) -> None:
        self.town, self.feeds, self.city = town, feeds, city
        self.held: dict[str, dict[str, Row]] = {f.id: {} for f, _ in feeds}
        self.decisions = folder / "decisions.csv"
        self.decided: list[tuple[str, str, str, str]] = []

    def draw(self, data: st.DataObject, most: int) -> None:
        """Some records come, change and go; of each feed no more than most."""
        for feed, row in self.feeds:
            held = self.held[feed.id]
            for key in data.draw(st.lists(KEYS, max_size=most, unique=True)):
                if key in held and data.draw(st.booleans()):
                    del held[key]
                else:
                    held[key] = data.draw(row)
            key = feed.key[0]
            self.town.put(feed, [{key: k, **r} for k, r in sorted(held.items())])
        kinds = {"person": (REGISTER, ROLL), "business": (LICENCES, SHOPS), "address": (VISITS, CALLS)}
        for kind, of in kinds.items():
            [name] = [f.id for f in of if f.id in self.held]
            keys = sorted(self.held[name])
            if len(keys) > 1 and data.draw(st.integers(0, 2)) == 0:
                a, b = data.draw(st.lists(st.sampled_from(keys), min_size=2, max_size=2, unique=True))
                self.decided.append(
                    (kind, f"{name}:{a}", f"{name}:{b}", data.draw(st.sampled_from(["same", "not_same"])))
                )
        if self.decided and data.draw(st.integers(0, 4)) == 0:
            self.decided.pop()
        lines = [
            f"d{n},{kind},{a},{b},{judgement},me,2026-01-01T00:00:00,why,,"
            for n, (kind, a, b, judgement) in enumerate(self.decided)
        ]
        self.decisions.write_text("\n".join([",".join(COLUMNS), *lines]) + "\n")

    def run(self, con: duckdb.DuckDBPyConnection, run_id: str) -> None:
        take_in(con, self.city, [f for f, _ in self.feeds], run_id, decisions=self.decisions)


def town(folder: Path) -> World:
    return World(Town(*(f for f, _ in TOWN_FEEDS)), TOWN_FEEDS, CITY, folder)


def borough(folder: Path) -> World:
    b = Borough(CITY_OF_BOROUGH, SHOPS, ROLL)
    b.address("1", "High Street", pao=12, tax="0001")
    b.address("2", "High Street", parent="1", pao=12, sao_text="Flat 1")
    b.address("3", "High Street", pao=14)
    b.address("4", "Mill Lane", "EM2 3CD", pao=10, pao_text="Mill House")
    b.send()
    return World(b, BOROUGH_FEEDS, b.city, folder)


def state(con: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    return {
        name: sorted(map(repr, con.execute(f"select * from entity.{name}").fetchall())) for name in TABLES
    }


def copied(con: duckdb.DuckDBPyConnection, path: Path) -> duckdb.DuckDBPyConnection:
    """The same database, in a file of its own, which has forgotten what its rows were made with."""
    path.unlink(missing_ok=True)
    con.execute(f"attach '{path}' as copied")
    con.execute("copy from database memory to copied")
    con.execute("detach copied")
    other = duckdb.connect(str(path), config={"threads": 2})
    other.execute("delete from provenance.made_with")
    other.execute("delete from entity.place_match")
    other.execute("delete from entity.entity")
    return other


def is_full(make: Callable[[Path], World], data: st.DataObject, tmp_path_factory: Any) -> None:
    """Records and decisions come, change and go; after each run every table is what a run from nothing kept would give."""
    folder = tmp_path_factory.mktemp("world")
    world = make(folder)
    world.draw(data, 14)
    world.run(world.town.con, "run 0")
    for n in range(1, LATER_RUNS + 1):
        before = copied(world.town.con, folder / "copied.duckdb")
        world.draw(data, 3)
        for feed, _ in world.feeds:
            table = feed.staging().full_name
            before.execute(f"delete from {table}")
            held = world.town.con.execute(f"select * from {table}").to_arrow_table()
            before.execute(f"insert into {table} select * from held")
            del held
        world.run(world.town.con, f"run {n}")
        world.run(before, f"run {n}")
        by_difference, anew = state(world.town.con), state(before)
        before.close()
        for name in TABLES:
            assert by_difference[name] == anew[name], f"entity.{name}"


@pytest.mark.parametrize("make", [town, borough], ids=["US", "UK"])
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    phases=PHASES,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_incremental_is_full(
    make: Callable[[Path], World], data: st.DataObject, tmp_path_factory: Any
) -> None:
    is_full(make, data, tmp_path_factory)


@pytest.mark.slow
@pytest.mark.parametrize("make", [town, borough], ids=["US", "UK"])
@settings(
    max_examples=MANY, deadline=None, derandomize=True, phases=PHASES, suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_incremental_is_full_in_many_histories(
    make: Callable[[Path], World], data: st.DataObject, tmp_path_factory: Any
) -> None:
    is_full(make, data, tmp_path_factory)
