"""Metrics: how the linking stands, run by run, and what is alarming about it against the run before.

Belongs here: filling entity.link_metric from metrics.sql, the alarms of alarms.sql as checks. Does not belong here:
drawing (pictures.py), Dagster (quality_assets.py), comparing with a truth (evaluation/).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from city_platform.entities.linking.model import LINKED, EntityType
from city_platform.entities.linking.nodes import NODES, node_table
from city_platform.entities.sampling import measure_decisions
from city_platform.rebuild import sql_file
from city_platform.tables import Check

if TYPE_CHECKING:
    import duckdb

RUNS_KEPT = 30
LEAST_JUDGED = 30  # pairs: fewer say too little of how right the links are
LARGEST_SHOWN = 10
# An entity of so many records is nothing to wonder at: a tower of flats with 20 feeds, a council that is an owner, a
# shop inspected for years. A person with more than 60 records is seldom one person.
USUAL_RECORDS = {"address": 1000, "business": 200, "organisation": 500, "person": 60}
# An alarm says that something changed much, not that it is wrong: it is shown red, and stops nothing.
EXPLODES = "no_cluster_explodes"
MATCHES = "feeds_still_match"
AS_RIGHT = "links_are_as_right_as_last_run"
DRIFT = "term_frequencies_hold"
ALARMS = (EXPLODES, MATCHES, AS_RIGHT, DRIFT)


def measure_links(con: duckdb.DuckDBPyConnection, run_id: str, now: datetime | None = None) -> None:
    """Append this run's numbers to entity.link_metric, forget runs of long ago, and fill temp link_alarm."""
    con.execute(sql_file("entities/metrics.sql"))
    for kind in LINKED:
        for column, drift in drifts(con, kind):
            con.execute("insert into measured values (?, '', 'drift', ?, ?)", [kind, column, drift])
    for judged in measure_decisions(con):
        if judged.value is not None and judged.n >= LEAST_JUDGED:
            con.execute(
                "insert into measured values (?, '', ?, '', ?)",
                [judged.entity_type, judged.metric, judged.value],
            )
    con.execute(
        """insert into entity.link_metric by name
        select coalesce((select max(run_number) from entity.link_metric), 0) + 1 as run_number,
            $run_id as run_id, $now as measured_at, * from measured""",
        {"run_id": run_id, "now": now or datetime.now(UTC).replace(tzinfo=None)},
    )
    con.execute(
        "delete from entity.link_metric where run_number <= (select max(run_number) from entity.link_metric) - ?",
        [RUNS_KEPT],
    )
    find_alarms(con)


def find_alarms(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Fill temp link_alarm with what changed alarmingly between the last two runs; returns check and sentence."""
    usual = ", ".join(f"('{entity_type}', {records})" for entity_type, records in USUAL_RECORDS.items())
    con.execute(
        f"create or replace temp table usual_records as select * from (values {usual}) as t(entity_type, records)"
    )
    con.execute(sql_file("entities/alarms.sql"))
    rows = con.execute("select check_name, message from link_alarm order by all").fetchall()
    return [(str(name), str(message)) for name, message in rows]


def drifts(con: duckdb.DuckDBPyConnection, kind: EntityType) -> list[tuple[str, float]]:
    """How far the values' frequencies are from the frozen ones: the share of contents that would have to change.

    By column whose frequency counts: 0 if nothing has changed, 1 if nothing is as it was (total variation distance).
    Values that few had when it was frozen are taken together.
    """
    rows = con.execute(
        "select column_name from entity.term_frequency where entity_type = ? and column_name <> ? "
        "group by column_name having count(value_hash) > 0 order by column_name",
        [kind, NODES],
    ).fetchall()
    found = []
    for (column,) in rows:
        row = con.execute(
            f"""with
                held as (select distinct content, "{column}" as value from {node_table(kind)} where "{column}" is not null),
                total as (select greatest(count(*), 1) as n from held),
                today as (select hash(value) as value_hash, count(*) / max(n) as share from held cross join total group by value),
                frozen as (
                    select value_hash, frequency as share from entity.term_frequency
                    where entity_type = $1 and column_name = $2 and value_hash is not null
                ),
                both_shares as (
                    select coalesce(f.share, 0) as before, coalesce(t.share, 0) as after
                    from frozen as f left join today as t using (value_hash)
                ),
                rest as (select sum(after) - sum(before) as moved from both_shares)
            select (sum(abs(after - before)) + abs(max(moved))) / 2 from both_shares cross join rest""",
            [kind, column],
        ).fetchone()
        found.append((str(column), float(row[0]) if row and row[0] is not None else 0.0))
    return found


def numbers(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str, str], float]:
    """The newest run's numbers: (entity type, feed, metric, slice) → value."""
    rows = con.execute(
        "select entity_type, feed, metric, slice, value from entity.link_metric "
        "where run_number = (select max(run_number) from entity.link_metric) order by all"
    ).fetchall()
    return {(str(t), str(f), str(m), str(s)): float(v) for t, f, m, s, v in rows}


def changed_ids(con: duckdb.DuckDBPyConnection) -> dict[tuple[str, str, str], float]:
    """How many ids changed since the run before: (entity type, kind, cause) → number."""
    rows = con.execute(
        """with runs as (select distinct run_number from entity.link_metric order by run_number desc limit 2)
        select entity_type, slice, max(value) filter (run_number = (select max(run_number) from runs))
            - coalesce(max(value) filter (run_number < (select max(run_number) from runs)), 0)
        from entity.link_metric where metric = 'ids_until_now' and run_number in (from runs)
        group by all order by all"""
    ).fetchall()
    return {(str(t), *str(s).split(" ", 1)): float(n or 0) for t, s, n in rows}  # type: ignore[misc]


def alarm_checks() -> list[tuple[str, Check]]:
    """The alarms as checks of entity.link_metric; at a first run there is nothing to compare with, and none fails."""
    offences = {
        EXPLODES: "types of entity hold one far larger than any before",
        MATCHES: "feeds match far less than at the last run",
        AS_RIGHT: "measures of how right the links are have dropped",
        DRIFT: "columns hold other values than the weights were made for: retrain (city-platform retrain)",
    }
    return [
        (
            "entity.link_metric",
            Check(name, f"select count(*) from link_alarm where check_name = '{name}'", offence),
        )
        for name, offence in offences.items()
    ]


def largest(con: duckdb.DuckDBPyConnection) -> list[tuple[str, str, int, int]]:
    """The largest entities of each type: type, id, records, feeds. A person's id is personal, and is not told."""
    rows = con.execute(
        """select entity_type, if(entity_type = 'person', '(a person)', entity_id), count(*) as records,
            count(distinct feed) as feeds
        from entity.link group by entity_type, entity_id
        qualify row_number() over (partition by entity_type order by count(*) desc, entity_id) <= ?
        order by entity_type, records desc, entity_id""",
        [LARGEST_SHOWN],
    ).fetchall()
    return [(str(t), str(i), int(n), int(f)) for t, i, n, f in rows]
