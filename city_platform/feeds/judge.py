"""Judge: gives every landed record its types, its key, its problems and its fate.

Belongs here: SQL made from a feed's declaration. Does not belong here: writing to staging (load.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from city_platform.feeds.declaration import TYPES, Feed, FeedColumn
from city_platform.rebuild import sql_file
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

SAMPLE = 60  # characters of a value that an issue shows
EXPECTED = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "date": "a date that exists, written as 2014-09-01",
    "timestamp": "a time that exists, written as 2014-09-01 13:30:00",
    "boolean": "true or false",
}


def judge(con: duckdb.DuckDBPyConnection, feed: Feed, records: str, key_macro: str | None) -> None:
    """Fill the temporary table `fated`: one row a landed record, typed, with record_key, _row_hash, _problems and _fate.

    records: the landed Parquet file. key_macro: the SQL function that hashes a personal key, where the feed has one.
    """
    con.execute(f"create or replace temp table judged as {_judged(feed, records, key_macro)}")
    con.execute("set variable on_repeat = ?", [feed.on_repeat])
    con.execute("set variable on_conflict = ?", [feed.on_conflict])
    con.execute(sql_file("feeds/fate.sql"))


def _judged(feed: Feed, records: str, key_macro: str | None) -> str:
    names = list(feed.columns)
    # Only declared columns count: a column that nobody declared may change without changing a record.
    digest = "md5(concat_ws(chr(31), " + ", ".join(f"coalesce(\"{n}\", '')" for n in names) + "))"
    if feed.key == "content":
        key = digest
        key_missing = "false"
    else:
        key = " || '|' || ".join(f"coalesce(\"{c}\", '')" for c in feed.key)
        key_missing = " or ".join(f"trim(coalesce(\"{c}\", '')) = ''" for c in feed.key)
    if key_macro:
        key = f"{key_macro}({key})"
    blank = " and ".join(f"trim(coalesce(\"{n}\", '')) = ''" for n in names)
    typed = ", ".join(f'{_typed(n, c)} as "{n}"' for n, c in feed.columns.items())
    cases = [case for n, c in feed.columns.items() for case in _problem_cases(n, c)]
    problems = f"list_filter([{', '.join(cases)}], lambda p: p is not null)" if cases else "[]"
    valid = ", ".join(
        f'case when {_valid(n, c)} then "{n}" end as "{n}"' if _valid(n, c) else f'"{n}"'
        for n, c in feed.columns.items()
    )
    return f"""
        with sent as (from read_parquet({quote_text(records)})),
        typed as (
            select _line, {key} as record_key, {key_missing} as _key_missing, {blank} as _is_blank,
                {digest} as _row_hash, {typed},
                {", ".join(f'nullif(trim("{n}"), {chr(39) * 2}) as "_sent {n}"' for n in names)}
            from sent
        )
        select _line, case when not _key_missing then record_key end as record_key, _row_hash, _is_blank,
            case when _is_blank then [] else {problems} end as _problems, {valid}
        from typed"""


def _typed(name: str, column: FeedColumn) -> str:
    text = f"nullif(trim(\"{name}\"), '')"
    if column.type == "text":
        return text
    if column.type == "integer":
        # A cast alone would round 12.7 to 13.
        return f"case when regexp_full_match({text}, '[+-]?\\d+(\\.0+)?') then try_cast({text} as bigint) end"
    if column.type in ("date", "timestamp") and column.format:
        return f"try_strptime({text}, {quote_text(column.format)})::{TYPES[column.type]}"
    cast = f"try_cast({text} as {TYPES[column.type]})"
    return (
        f"case when isfinite({cast}) then {cast} end"
        if column.type in ("number", "date", "timestamp")
        else cast
    )


def _valid(name: str, column: FeedColumn) -> str:
    """The condition under which a typed value is kept; empty where every one is."""
    conditions = []
    if column.values:
        conditions.append(f'"{name}" in ({", ".join(quote_text(v) for v in column.values)})')
    if column.range:
        low, high = column.range
        conditions += [f'"{name}" >= {low}'] if low is not None else []
        conditions += [f'"{name}" <= {high}'] if high is not None else []
    return " and ".join(conditions)


def _problem_cases(name: str, column: FeedColumn) -> list[str]:
    sent = f'"_sent {name}"'
    shown = "'(masked)'" if column.classification in (None, "personal") else f"left({sent}, {SAMPLE})"

    def problem(rule: str, expected: str) -> str:
        return (
            f"{{'column_name': {quote_text(name)}, 'value': {shown}, 'rule': '{rule}', "
            f"'expected': {quote_text(expected)}, 'sets_aside': {str(column.required).lower()}}}"
        )

    cases = []
    if column.required:
        cases.append(f"case when {sent} is null then {problem('required', 'given')} end")
    if column.type != "text":
        expected = EXPECTED[column.type]
        if column.format:
            expected = f"a {column.type} written as {column.format}"
        cases.append(
            f'case when {sent} is not null and "{name}" is null then {problem("type", expected)} end'
        )
    valid = _valid(name, column)
    if column.values:
        cases.append(
            f"case when not ({valid}) then {problem('values', 'one of: ' + ', '.join(column.values))} end"
        )
    elif column.range:
        low, high = column.range
        if low is not None and high is not None:
            expected = f"between {low:g} and {high:g}"
        else:
            expected = f"at least {low:g}" if low is not None else f"at most {high:g}"
        cases.append(f"case when not ({valid}) then {problem('range', expected)} end")
    return cases
