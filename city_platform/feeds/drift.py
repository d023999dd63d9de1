"""Drift: whether a delivery is what it should be, and like the one before it.

Belongs here: the measures of `expect`, and those of one delivery held against the last loaded one. Does not belong
here: columns that are missing (headers.py), values of one record (judge.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from city_platform.feeds.deliveries import Delivery
from city_platform.feeds.merge import Merged
from city_platform.feeds.problems import Problem

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed

# A median may move by this share of itself whatever the spread: a column of one value has none.
STILL = 0.2


def unlike(
    con: duckdb.DuckDBPyConnection,
    feed: Feed,
    delivery: Delivery,
    earlier: Sequence[Delivery],
    merged: Merged,
    result: str,
) -> list[Problem]:
    """Why a prepared delivery must not be loaded; nothing where it may. Reads temp found_issue.

    earlier: the loaded deliveries before it, the newest last. result: a select of all records as they will stand.
    """
    is_full = delivery.extent != "part"
    problems = _out_of_order(feed, delivery, earlier) or (_too_few(feed, merged) if is_full else [])
    if problems:
        return problems
    problems = [*_set_aside(feed, merged), *_left_out(con, feed, merged)]
    whole = [d for d in earlier if d.extent != "part"]
    if is_full and whole and feed.delivery == "snapshot":
        problems += _rows(feed, merged, whole[-1].rows_read)
    if is_full:
        _measure(con, feed, delivery, result)
        if whole:
            problems += _categories(con, feed, delivery, whole[-1])
            problems += _jumps(con, feed, delivery, whole[-1])
    return problems


def _out_of_order(feed: Feed, delivery: Delivery, earlier: Sequence[Delivery]) -> list[Problem]:
    """A day's delivery that came after a later day's would put back what has changed since."""
    days = [d.covers_day for d in earlier if d.covers_day]
    if (
        feed.delivery == "append"
        or delivery.covers_day is None
        or not days
        or delivery.covers_day >= max(days)
    ):
        return []
    return [
        Problem(
            "out_of_order",
            f"is of {delivery.covers_day}, and that of {max(days)} has been loaded: what it says may have changed since. "
            "Its lines are kept in raw. Send the newest day again, or release it where it is right.",
            responsible="us",
        )
    ]


def _too_few(feed: Feed, merged: Merged) -> list[Problem]:
    least = feed.expect.rows_at_least
    if merged.read >= least:
        return []
    return [
        Problem(
            "too_few_rows",
            f"holds {merged.read:,} rows; at least {least:,} are expected. Please check that it is "
            "whole and send it again.",
        )
    ]


def _set_aside(feed: Feed, merged: Merged) -> list[Problem]:
    most = feed.expect.quarantined_at_most
    if merged.quarantined <= max(1, most * merged.read):
        return []
    return [
        Problem(
            "too_many_set_aside",
            f"{merged.quarantined:,} of {merged.read:,} rows would have to be set aside, more than the "
            f"{most:.0%} that this feed allows. The lines are listed with it. "
            "Please mend them and send it again.",
        )
    ]


def _rows(feed: Feed, merged: Merged, last: int | None) -> list[Problem]:
    expect = feed.expect
    if last and merged.good < (1 - expect.fall_at_most) * last:
        return [
            Problem(
                "rows_fell",
                f"holds {merged.read:,} rows, {merged.quarantined:,} of them unusable; the last one held {last:,}. "
                f"A fall of more than {expect.fall_at_most:.0%} is not loaded. Please check that it is whole and "
                "send it again, or tell us that the rows are gone.",
            )
        ]
    if last and expect.rise_at_most is not None and merged.read > (1 + expect.rise_at_most) * last:
        return [
            Problem(
                "rows_rose",
                f"holds {merged.read:,} rows; the last one held {last:,}. A rise of more than "
                f"{expect.rise_at_most:.0%} is not loaded. Please check that nothing stands in it twice.",
            )
        ]
    return []


def _left_out(con: duckdb.DuckDBPyConnection, feed: Feed, merged: Merged) -> list[Problem]:
    """Columns of which a large share had to be left out, such as dates in another form."""
    rows = con.execute(
        "select column_name, count(*), min(line), arg_min(rule, line) from found_issue "
        "where column_name is not null and severity = 'warning' group by all order by 2 desc, 1"
    ).fetchall()
    most = feed.expect.left_out_at_most
    return [
        Problem(
            "values_left_out",
            f"column {column}: {n:,} values of {merged.read:,} rows would have to be left out (rule {rule}, first in "
            f"line {line}), more than the {most:.0%} that this feed allows. The lines are listed with it. "
            "Please mend the column and send the file again.",
            line=line,
            column=str(column),
        )
        for column, n, line, rule in rows
        if n > max(1, most * merged.read)
    ]


def _measured_numbers(feed: Feed) -> list[str]:
    """Numbers whose unit or coordinate system may jump: those with a unit, and coordinates."""
    places = set()
    if feed.address:
        a = feed.address
        places = {a.lat, a.lon, a.easting, a.northing, a.x, a.y}
    return [
        n
        for n, c in feed.columns.items()
        if c.type in ("integer", "number") and (c.unit or n in places) and n not in feed.key
    ]


def _measure(con: duckdb.DuckDBPyConnection, feed: Feed, delivery: Delivery, result: str) -> None:
    """Fill quality.profile with what the next delivery is held against."""
    con.execute("delete from quality.profile where delivery_id = ?", [delivery.delivery_id])
    numbers = _measured_numbers(feed)
    if numbers:
        listed = ", ".join(f'approx_quantile("{n}", [0.1, 0.5, 0.9])' for n in numbers)
        row = con.execute(f"select {listed} from ({result})").fetchone() or ()
        values = [
            (delivery.delivery_id, feed.id, column, measure, "", float(value))
            for column, quantiles in zip(numbers, row, strict=True)
            for measure, value in zip(("low", "median", "high"), quantiles or (), strict=False)
            if value is not None
        ]
        if values:
            con.executemany("insert into quality.profile values (?, ?, ?, ?, ?, ?)", values)
    for column in feed.expect.categories:
        con.execute(
            f"""insert into quality.profile by name
            select ? as delivery_id, ? as feed, ? as column_name, 'rows' as measure, "{column}"::varchar as category,
                count(*)::double as value
            from ({result}) where "{column}" is not null group by all""",
            [delivery.delivery_id, feed.id, column],
        )


_BESIDE = """
    select l.column_name, l.category, l.value, coalesce(n.value, 0)
    from quality.profile as l
    left join quality.profile as n
        on n.delivery_id = ? and n.column_name = l.column_name and n.measure = l.measure and n.category = l.category
    where l.delivery_id = ? and l.measure = ? order by l.value desc, l.category
"""


def _categories(
    con: duckdb.DuckDBPyConnection, feed: Feed, delivery: Delivery, last: Delivery
) -> list[Problem]:
    """Categories that lost more of their rows than they may."""
    problems = []
    rows = con.execute(_BESIDE, [delivery.delivery_id, last.delivery_id, "rows"]).fetchall()
    for column, category, before, now in rows:
        most = feed.expect.categories.get(column)
        if most is not None and now < (1 - most) * before:
            shown = category if feed.columns[column].classification == "public" else "(not shown)"
            problems.append(
                Problem(
                    "category_fell",
                    f"column {column}: {now:,.0f} rows are of {shown!r}; the last delivery held {before:,.0f}. A fall of "
                    f"more than {most:.0%} is not loaded. Please check that none are missing, or tell us that they are "
                    "gone or have another name.",
                    column=str(column),
                )
            )
    return problems


def _jumps(con: duckdb.DuckDBPyConnection, feed: Feed, delivery: Delivery, last: Delivery) -> list[Problem]:
    """Numbers that lie elsewhere than before: another unit, another coordinate system, or swapped columns."""

    def of(delivery_id: str) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for column, measure, value in con.execute(
            "select column_name, measure, value from quality.profile where delivery_id = ? and measure <> 'rows'",
            [delivery_id],
        ).fetchall():
            found.setdefault(column, {})[measure] = value
        return found

    before, now = of(last.delivery_id), of(delivery.delivery_id)
    problems = []
    for column in before.keys() & now.keys():
        old, new = before[column], now[column]
        moved = abs(new["median"] - old["median"])
        spread = old["high"] - old["low"]
        if moved > feed.expect.jump_at_most * spread and moved > STILL * abs(old["median"]):
            unit = feed.columns[column].unit
            problems.append(
                Problem(
                    "values_jumped",
                    f"column {column}: half of its values lie below {new['median']:,.6g}; in the last delivery it was "
                    f"{old['median']:,.6g} (eight in ten between {old['low']:,.6g} and {old['high']:,.6g}). Please check "
                    f"that it is still {'in ' + unit if unit else 'in the same unit and coordinate system'}, or tell us "
                    "what has changed.",
                    column=column,
                )
            )
    return sorted(problems, key=lambda p: p.column or "")
