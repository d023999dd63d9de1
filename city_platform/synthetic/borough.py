"""Borough: makes Eastmere itself, before any agency has written anything down.

Belongs here: the order in which its parts are made, in one DuckDB database. Does not belong here: what agencies send
(deliveries.py, feeds/), what is kept as the truth (truth.py).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.rebuild import sql_file
from city_platform.synthetic.names import read_lists
from city_platform.synthetic.people import NOT_YET, QUARTER, ROLES, TENURES, simulate
from city_platform.yaml_files import load_documents

if TYPE_CHECKING:
    import duckdb

TODAY = date(2026, 6, 30)  # the day of the first deliveries
YEARS = 5  # of history before it
MOST_DAYS = 366
EPOCH = date(1970, 1, 1)
NO_DAY = "date '9999-12-31'"  # a stay that has not ended
RATES = Path(__file__).parent / "planted.yaml"


@dataclass(frozen=True)
class Size:
    """What is asked for: so many addresses, a seed, and so many days of deliveries after the first."""

    addresses: int = 20_000
    seed: int = 1
    days: int = 0


def make_borough(
    con: duckdb.DuckDBPyConnection, size: Size, say: Callable[[str], None] = lambda _: None
) -> None:
    """Fill the borough's tables in an empty database; see the headers of the SQL files for what each one holds.

    The same addresses and seed give the same rows: what happens after a delivery's day is in them, and not yet sent.
    """
    # The history is always lived to its last day, so that the number of days asked for changes nothing in it.
    quarters = (YEARS * 365 + MOST_DAYS + QUARTER) // QUARTER + 1
    start = TODAY - timedelta(days=YEARS * 365)
    for name, value in (
        ("seed", size.seed),
        ("addresses", size.addresses),
        ("today", TODAY),
        ("horizon", start + timedelta(days=quarters * QUARTER)),
    ):
        con.execute(f"set variable {name} = ?", [value])
    con.execute(sql_file("synthetic/dice.sql"))
    read_lists(con)
    con.execute(sql_file("synthetic/places.sql"))
    say("streets and addresses")
    _people(con, size, start, quarters)
    con.execute(sql_file("synthetic/people.sql"))
    say("households and people")
    con.execute(sql_file("synthetic/businesses.sql"))
    say("businesses")
    read_rates(con)
    con.execute(sql_file("synthetic/plant.sql"))
    say("planted cases")


def read_rates(con: duckdb.DuckDBPyConnection) -> None:
    """planted.yaml as temp table plant_rate(case_id, look_alike, in_a_million)."""
    (content, _), *_ = load_documents(RATES)
    con.execute(
        "create or replace temp table plant_rate (case_id varchar, look_alike varchar, in_a_million bigint)"
    )
    for case, given in content.items():
        rows = [(None, given["rate"])] + [(k, v["rate"]) for k, v in given["look_alikes"].items()]
        for look_alike, rate in rows:
            con.execute("insert into plant_rate values (?, ?, ?)", [case, look_alike, round(rate * 1e6)])


def _people(con: duckdb.DuckDBPyConnection, size: Size, start: date, quarters: int) -> None:
    """Live through the history, and put what came of it into the temp tables life_…"""
    import numpy as np
    import pandas as pd

    places = ", ".join(f"'{t}'" for t in TENURES)
    dwelling = con.execute(
        f"""select address_id, list_position([{places}], tenure) - 1 as tenure, kind like 'flat%' as is_flat,
            coalesce(date_diff('day', date '1970-01-01', built_on), 0) as built,
            coalesce(date_diff('day', date '1970-01-01', demolished_on), {NOT_YET}) as gone
        from address where is_dwelling order by address_id"""
    ).fetchnumpy()
    arrays: dict[str, Any] = {name: np.asarray(values) for name, values in dwelling.items()}
    shares = con.execute("select round(share * 1000)::integer from culture order by culture_id").fetchnumpy()
    first_day = (start - EPOCH).days
    lives = simulate(arrays, [int(s) for s in next(iter(shares.values()))], size.seed, first_day, quarters)

    def day(column: str) -> str:
        return f"case when {column} >= {NOT_YET} then {NO_DAY} else date '1970-01-01' + {column}::integer end"

    for frame, table, sql in (
        (
            pd.DataFrame(lives.person),
            "life_person",
            f"select (row_number() over () - 1)::bigint as person_id, sex, culture, birth_line, namesake, "
            f"date '1970-01-01' + birth::integer as date_of_birth, nullif({day('died')}, {NO_DAY}) as died_on from frame",
        ),
        (
            pd.DataFrame(lives.membership),
            "life_membership",
            "select person as person_id, household as household_id, "
            f"{list(ROLES)}[role + 1] as role, {day('since')} as from_day, "
            f"{day('until')} as to_day from frame",
        ),
        (
            pd.DataFrame(lives.household),
            "life_household",
            f"select household as household_id, address_id, kind, {day('since')} as from_day, {day('until')} as to_day "
            "from frame",
        ),
        (
            pd.DataFrame(lives.surname),
            "life_surname",
            "select person as person_id, date '1970-01-01' + day::integer as day, line from frame",
        ),
    ):
        con.register("frame", frame)
        con.execute(f"create or replace temp table {table} as {sql}")
        con.unregister("frame")
