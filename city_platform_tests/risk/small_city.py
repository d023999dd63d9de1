"""A city small enough for a test: the contract's tables in memory, filled with invented inspections."""

from __future__ import annotations

import hashlib
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

import city_platform
from city_platform.risk.case import Case, load_cases

PACKAGE = Path(city_platform.__path__[0])
CHICAGO = PACKAGE / "cities" / "chicago" / "risk"
FIRST, LAST = date(2012, 6, 1), date(2014, 8, 31)
COOLING_OFF = 60
INSPECTIONS = "public_health/food_inspections"
VIOLATIONS = "public_health/food_inspection_violations"


def contract(schema: str) -> dict[str, dict[str, str]]:
    """Table → column → type, as tables/<schema>.yaml declares them."""
    declared = yaml.safe_load((PACKAGE / "tables" / f"{schema}.yaml").read_text(encoding="utf-8"))
    return {
        table: {name: column["type"] for name, column in spec["columns"].items()}
        for table, spec in declared["tables"].items()
    }


def food_safety(**changes: Any) -> Case:
    """Chicago's case, content with little data; `changes` replace fields of parts, as part__field=value."""
    (case,) = load_cases(CHICAGO)
    changes = {
        "training__min_rows": 60,
        "training__min_positives": 10,
        "worklist__capacity": 30,
        "eligible__variables": {"seen_within_days": 730, "cooling_off_days": COOLING_OFF},
        **changes,
    }
    for name, value in changes.items():
        part, field = name.split("__")
        case = case.model_copy(update={part: getattr(case, part).model_copy(update={field: value})})
    return case


def with_sql(case: Case, **texts: str) -> Case:
    """The case with some of its SQL replaced."""
    changed = case.model_copy()
    changed._sql = {**case._sql, **texts}
    return changed


def make_city(
    businesses: int = 120, seed: int = 1, prefix: str = "b_", shuffle: int | None = None
) -> duckdb.DuckDBPyConnection:
    """Businesses canvassed about every 110 days; a third of them are much worse than the rest.

    `prefix` changes every business_id, `shuffle` the order of all rows; neither changes what happened.
    """
    chance = random.Random(seed)
    events: list[dict[str, Any]] = []
    rows: dict[str, list[dict[str, Any]]] = {
        name: [] for name in ("business", "address", "link", "identifier")
    }

    def event(feed: str, key: str, kind: str, day: date, lag: int, **more: Any) -> str:
        event_id = "e_" + hashlib.sha256(f"{feed}|{key}|{kind}".encode()).hexdigest()[:16]
        moment = datetime(day.year, day.month, day.day)
        known = moment + timedelta(days=lag)
        events.append(
            {"event_id": event_id, "feed": feed, "record_key": key, "event_type": kind, "event_time": moment}
            | {"known_time": known, **more}
        )
        return event_id

    for number in range(businesses):
        # Ids that sort otherwise than keys do, so that a use of the id shows.
        business = prefix + hashlib.sha256(f"{prefix}{number}".encode()).hexdigest()[:8]
        address, owner = f"a_{number // 2}", f"o_{number // 3}"
        who = {"business_id": business, "address_id": address, "organisation_id": owner}
        is_bad = chance.random() < 0.33
        rows["business"].append({"business_id": business, "name": f"CAFE {number}", "address_id": address})
        rows["identifier"].append(
            {"entity_type": "business", "entity_id": business, "scheme": "chicago_license"}
            | {"value": str(1000 + number), "feed": "x/y", "known_time": FIRST, "is_collision": False}
        )
        licence = f"L{number:04d}"
        feed = "business_affairs/business_licenses"
        event(feed, licence, "licence_issued", FIRST + timedelta(days=number % 90), 0, **who)
        keys = [(feed, licence)]
        day = FIRST + timedelta(days=chance.randrange(110))
        while day <= LAST:
            key = f"{number:04d}-{day:%Y%m%d}"
            detail = '{"inspection_type": "Canvass", "facility_type": "Restaurant", "risk": "Risk 1 (High)"}'
            parent = event(INSPECTIONS, key, "food_inspection", day, 1, detail=detail, **who)
            keys.append((INSPECTIONS, key))
            codes = [code for code in (32, 33) if chance.random() < (0.8 if is_bad else 0.3)]
            if chance.random() < (0.55 if is_bad else 0.08):
                codes.append(3)
            for code in codes:
                violation = f"{key}|{code}"
                event(
                    VIOLATIONS, violation, "violation", day, 1,
                    outcome=str(code), parent_event_id=parent, **who,
                )  # fmt: skip
            day += timedelta(days=95 + chance.randrange(30))
        rows["link"] += [
            {"feed": feed, "record_key": key, "entity_type": "business", "role": "business"}
            | {"entity_id": business, "probability": 0.9, "method": "model", "known_time": FIRST}
            for feed, key in keys
        ]
    rows["address"] = [
        {"address_id": f"a_{n}", "level": "site", "label": f"{n} HIGH ST", "ward": str(n % 5), "records": 1}
        for n in range((businesses + 1) // 2)
    ]
    rows["event"] = events
    for name, order in (("business", 1), ("link", 2), ("event", 3)):
        if shuffle is not None:
            random.Random(shuffle + order).shuffle(rows[name])

    con = duckdb.connect()
    con.execute("set threads = 2; create schema entity; create schema risk")
    for table, columns in contract("entity").items():
        declared = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        con.execute(f"create table entity.{table} ({declared})")
        if rows.get(table):
            import pandas as pd

            con.register("filled", pd.DataFrame(rows[table], columns=list(columns)))
            con.execute(f"insert into entity.{table} select * from filled")
            con.unregister("filled")
    return con
