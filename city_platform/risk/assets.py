"""The risk step in Dagster.

Belongs here: its assets. Does not belong here: how scores come about (scoring.py, backtest.py) and what a case asks
(the city's risk/ folder).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg

from city_platform.assets import WarehouseResource, asset_key, check_specs, picture, results, spec
from city_platform.city import City
from city_platform.entities.resolve import ENTITIES, EVENTS
from city_platform.feeds.declaration import Feed, strictest_rights
from city_platform.feeds.load import feeds_missing
from city_platform.rebuild import Budget, build, code_version
from city_platform.risk.backtest import backtest
from city_platform.risk.case import Case
from city_platform.risk.guards import leaked_features
from city_platform.risk.pictures import backtest_picture
from city_platform.risk.scoring import score_case
from city_platform.settings import Settings
from city_platform.tables import Check, Table, fixed_tables

OWNER = "team:data-office"
BACKTEST = "risk/backtest"
SCORES = "risk/scores"
NOTHING_FROM_THE_FUTURE = "nothing_from_the_future"


def run_date(settings: Settings, city: City) -> date:
    """The date as of which is scored: the run's, else the city's own, else today."""
    return settings.as_of or city.as_of or datetime.now(UTC).date()


def risk_definitions(city: City, feeds: Sequence[Feed], cases: Sequence[Case]) -> dg.Definitions:
    """The backtest of every case, and its scores, reasons and worklist in one transaction."""
    tables = fixed_tables(strictest_rights(list(feeds)))
    code = code_version("risk/*.py", "risk/*.sql")
    declared = [c.fingerprint_parts() for c in cases]
    tested = tables["risk.backtest"]
    scored = [tables[f"risk.{name}"] for name in ("score", "reason", "worklist", "outcome")]
    deps = [asset_key(tables[f"entity.{n}"]) for n in ("event", "link", "business", "address", "identifier")]

    @dg.multi_asset(
        specs=[spec(tested, group="risk", owner=OWNER, deps=deps, code=code)], check_specs=check_specs(tested)
    )
    def backtests(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open

        def work(con: Any) -> list[Budget]:
            con.execute("delete from risk.backtest")
            for case in cases:
                rows = backtest(con, case)
                insert_frame(con, tested, rows)
                kept = opened.settings.pictures / f"backtest_{case.case}.png"
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_bytes(backtest_picture(rows))
            return []

        built = build(
            opened,
            BACKTEST,
            code=code,
            settings=declared,
            inputs=[ENTITIES, EVENTS],
            tables=[tested],
            work=work,
        )
        shown: dict[str, Any] = {}
        for case in cases:
            kept = opened.settings.pictures / f"backtest_{case.case}.png"
            shown[f"backtest of {case.case}"] = picture(kept.read_bytes(), f"backtest of {case.title}")
        yield from results(opened, built, [tested], {tested.label: shown})

    guard = Check(
        NOTHING_FROM_THE_FUTURE, "select count(*) from leaked_feature", "features use what was known later"
    )

    @dg.multi_asset(
        specs=[
            spec(t, group="risk", owner=OWNER, deps=[*deps, asset_key(tested)], code=code) for t in scored
        ],
        check_specs=[s for t in scored for s in check_specs(t, [guard] if t.name == "score" else [])],
    )
    def scores(warehouse: WarehouseResource) -> Iterator[dg.MaterializeResult[None]]:
        opened = warehouse.open
        as_of = run_date(opened.settings, city)
        missing = feeds_missing(opened.con, feeds)

        def work(con: Any) -> list[Budget]:
            return _score(con, cases, scored, as_of, missing)

        built = build(
            opened,
            SCORES,
            code=code,
            settings=[declared, as_of, missing],
            inputs=[ENTITIES, EVENTS, BACKTEST],
            tables=scored,
            work=work,
            checks=[("risk.score", guard)],
        )
        shown = {
            t.label: {"as_of": as_of.isoformat(), "feeds_missing": ", ".join(missing) or "none"}
            for t in scored
        }
        yield from results(opened, built, scored, shown)

    return dg.Definitions(assets=[backtests, scores])


def _score(
    con: Any, cases: Sequence[Case], scored: Sequence[Table], as_of: date, missing: Sequence[str]
) -> list[Budget]:
    score, reason, worklist, outcome = scored
    for table in (score, reason, worklist):
        # What was said as of other dates stays; a worklist is what somebody was sent out with.
        con.execute(f"delete from {table.full_name} where as_of = ?", [as_of])
    con.execute("create or replace temp table leaked_feature (case_id varchar, feature varchar)")
    budget = []
    for case in cases:
        found = score_case(con, case, as_of, list(missing))
        insert_frame(con, score, found.score)
        insert_frame(con, reason, found.reason)
        insert_frame(con, worklist, found.worklist)
        budget += [Budget(step, case.case, n_in, n_out, why) for step, n_in, n_out, why in found.budget]
        for feature in leaked_features(con, case, as_of):
            con.execute("insert into leaked_feature values (?, ?)", [case.case, feature])
    return budget


def insert_frame(con: Any, table: Table, rows: Any) -> None:
    """Append a data frame to a table, columns matched by name and cast to the table's types."""
    if len(rows) == 0:
        return
    con.register("frame", rows)
    listed = ", ".join(
        f'"{c}"::{next(t.type for t in table.columns if t.name == c)} as "{c}"' for c in rows.columns
    )
    con.execute(f"insert into {table.full_name} by name select {listed} from frame")
    con.unregister("frame")
