"""Measure: compares links and scores with the truth.

Belongs here: reading the truth's files, and the order of the SQL beside it. Does not belong here: Dagster (assets.py),
making the truth (synthetic/truth.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.entities.metrics import AS_RIGHT
from city_platform.feeds.declaration import Feed
from city_platform.feeds.keys import personal_key_macro
from city_platform.rebuild import sql_file
from city_platform.risk.case import Case
from city_platform.settings import Settings
from city_platform.tables import Check, quote_text

if TYPE_CHECKING:
    import duckdb

# Whose record it is, by entity type: the truth's column and the links' roles; people by their place in the declaration.
WHOSE = {"business": ("business_id", "business"), "organisation": ("organisation_id", "owner")}


def measure(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    feeds: Sequence[Feed],
    cases: Sequence[Case],
    gazetteer_agency: str | None,
) -> bool:
    """Fill evaluation.metric; returns whether there is a truth to compare with."""
    con.execute("create or replace temp table metric_before as select * from evaluation.metric")
    con.execute("delete from evaluation.metric")
    truth = settings.home / "truth"
    if not (truth / "person.parquet").is_file():
        return False
    known = [f for f in feeds if _read_records(con, settings, truth, f)]
    for entity_type in ("address", "business", "organisation", "person"):
        if not _judge(con, known, entity_type, gazetteer_agency):
            continue
        con.execute(sql_file("evaluation/links.sql"))
        con.execute(
            "insert into evaluation.metric by name select ? as subject, * from link_metric", [entity_type]
        )
        if entity_type == "person":
            _measure_relatives(con, truth)
        for case in cases:
            if case.unit_type == entity_type:
                _measure_case(con, truth, case)
    return True


def dropped() -> Check:
    """Links that are less right than at the last run; at a first run there is none before."""
    return Check(
        AS_RIGHT,
        "select count(*) from evaluation.metric as n join metric_before as b using (subject, slice, metric) "
        "where slice = 'all' and metric like 'bcubed_%' and subject not like 'case:%' and n.value < b.value - 0.02",
        "measures of how right the links are have dropped by more than 0.02 since the last run",
    )


def _read_records(con: duckdb.DuckDBPyConnection, settings: Settings, truth: Path, feed: Feed) -> bool:
    """Whose each record of a feed is, as of the newest day it was sent, into temp table truth_<feed>."""
    files = truth / "record" / feed.table_name / "*.parquet"
    if feed.key == "content" or not any(files.parent.glob("*.parquet")):
        return False
    macro = personal_key_macro(con, settings, feed)
    key = f"{macro}(record_key)" if macro else "record_key"
    con.execute(
        f"""create or replace temp table "truth_{feed.table_name}" as
        select * exclude (filename) replace ({key} as record_key)
        from read_parquet({quote_text(str(files))}, filename = true)
        qualify row_number() over (partition by record_key order by filename desc) = 1"""
    )
    return True


def _judge(
    con: duckdb.DuckDBPyConnection, feeds: Sequence[Feed], entity_type: str, gazetteer_agency: str | None
) -> bool:
    """Fill temp table judged: each record in a role with its cluster and its truth; returns whether there is any."""
    selects = []
    for feed in feeds:
        roles: list[tuple[str, str]] = []  # the truth's column and the link's role
        if entity_type == "address" and feed.address:
            roles = [("address_id", "")]
        elif (
            entity_type in WHOSE and feed.business and (entity_type != "business" or feed.business.holds_unit)
        ):
            roles = [WHOSE[entity_type]]
        elif entity_type == "person":
            columns = ("person_id", "person_2_id")
            roles = [(c, p.role) for c, p in zip(columns, feed.people, strict=False)]
        for column, role in roles:
            wanted = (
                "l.role in ('site', 'unit')" if entity_type == "address" else f"l.role = {quote_text(role)}"
            )
            # of an address the most exact link counts: the unit, where there is one
            selects.append(
                f"""select t.feed, coalesce(l.entity_id, 'unlinked ' || t.feed || ' ' || t.record_key) as cluster,
                    t.{column} as truth_id, coalesce(t.dirt, []) as dirt, l.entity_id is not null as is_linked,
                    t.feed not like {quote_text(f"{gazetteer_agency}/%")} as is_measured, l.entity_id
                from "truth_{feed.table_name}" as t
                join {feed.staging().full_name} as s on s.record_key = t.record_key
                left join (
                    select record_key, max_by(entity_id, role) as entity_id from entity.link as l
                    where l.feed = {quote_text(feed.id)} and l.entity_type = {quote_text(entity_type)} and {wanted}
                    group by record_key
                ) as l on l.record_key = t.record_key
                where t.{column} is not null"""
            )
    if not selects:
        return False
    con.execute("create or replace temp table judged as " + "\nunion all by name\n".join(selects))
    row = con.execute("select count(*) from judged where is_measured").fetchone()
    return bool(row and row[0])


def _measure_relatives(con: duckdb.DuckDBPyConnection, truth: Path) -> None:
    """Of the people that records name, the share whose cluster holds a relative of the same name too."""
    for name in ("person", "residence"):
        path = quote_text(str(truth / f"{name}.parquet"))
        con.execute(f"create or replace temp table true_{name} as from read_parquet({path})")
    con.execute(sql_file("evaluation/relatives.sql"))
    con.execute(
        "insert into evaluation.metric by name select 'person' as subject, 'all' as slice, * from relative_metric"
    )


def _measure_case(con: duckdb.DuckDBPyConnection, truth: Path, case: Case) -> None:
    """One case's newest scores against what was planted under its name, and against what drives it.

    Reads temp table judged of the case's unit type.
    """
    con.execute(
        """create or replace temp table scored as
        select s.unit_id, s.score, w.unit_id is not null as is_listed
        from risk.score as s
        left join (select distinct case_id, as_of, unit_id from risk.worklist) as w using (case_id, as_of, unit_id)
        where s.case_id = $1 and s.as_of = (select max(as_of) from risk.score where case_id = $1)""",
        [case.case],
    )
    con.execute(
        "create or replace temp table unit_truth as select entity_id as unit_id, mode(truth_id order by truth_id) as truth_id "
        "from judged where entity_id is not null group by entity_id"
    )
    column = f"{case.unit_type}_id"
    planted = quote_text(str(truth / "planted.parquet"))
    has_planted = case.unit_type in ("address", "business")
    con.execute(
        "create or replace temp table planted_truth as "
        + (
            f"select {column} as truth_id, bool_or(look_alike is null) as is_planted from read_parquet({planted}) "
            f"where case_id = {quote_text(case.case)} group by {column}"
            if has_planted
            else "select null::bigint as truth_id, false as is_planted where false"
        )
    )
    business = quote_text(str(truth / "business.parquet"))
    con.execute(
        "create or replace temp table latent as "
        + (
            f"select business_id as truth_id, -hygiene as badness from read_parquet({business})"
            if case.unit_type == "business"
            else "select null::bigint as truth_id, null::integer as badness where false"
        )
    )
    con.execute(sql_file("evaluation/case.sql"))
    con.execute(
        "insert into evaluation.metric by name select 'case:' || ? as subject, 'all' as slice, * from case_metric",
        [case.case],
    )
