"""Judge: SQL made from a feed's declaration, which gives landed records their types, their key and their problems.

Belongs here: expressions over the landed text, and records where a line holds several (unpivot, split). Does not
belong here: running them, and what becomes of a record (merge.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import TYPES, Feed, FeedColumn
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
MISFIT = "_part"  # a part of a split column that its pattern does not fit, as sent


@dataclass(frozen=True)
class Sent:
    """The records of one delivery as text, in a Parquet file; a record is known by its place in it."""

    records: Path
    feed: Feed

    def relation(self) -> str:
        """A select of every record: _row (its place, from 0), _line, and the columns as sent."""
        return (
            "select file_row_number as _row, file_row_number + _line_shift as _line, * "
            f"from read_parquet({quote_text(str(self.records))}, file_row_number = true)"
        )


def reshape(con: duckdb.DuckDBPyConnection, sent: Sent, target: Path) -> tuple[Sent, int]:
    """Write the records that a feed's unpivot or split makes of its lines; returns them and how many parts it skipped."""
    feed = sent.feed
    kept = ", ".join(f'"{c}"' for c in feed.sent_columns() if c in feed.columns)
    lines = f"({sent.relation()})"
    skipped = 0
    if feed.unpivot:
        u = feed.unpivot
        made = (
            f"select _row as _of, row_number() over (partition by _row) as _nth, _line, {kept + ', ' if kept else ''}"
            f'"{u.name}", "{u.value}" from (unpivot {lines} on columns({quote_text(f"^(?:{u.columns})$")}) '
            f'into name "{u.name}" value "{u.value}")'
        )
    else:
        assert feed.split
        s = feed.split
        groups = "[" + ", ".join(quote_text(g) for g in s.groups) + "]"
        pattern = quote_text(f"^(?s:{s.pattern})$")
        parts = (
            f'select _row, _line, {kept + ", " if kept else ""}unnest(string_split("{s.column}", {quote_text(s.by)})) as _text, '
            f'generate_subscripts(string_split("{s.column}", {quote_text(s.by)}), 1) as _nth from {lines}'
        )
        fits = f"regexp_matches(_text, {pattern})"
        found = ", ".join(f'nullif(_found."{g}", \'\') as "{g}"' for g in s.groups)
        made = (
            f"select _row as _of, _nth, _line, {kept + ', ' if kept else ''}{found}, "
            f"case when not {fits} then _text end as {MISFIT} from (select *, regexp_extract(_text, {pattern}, {groups}) "
            f"as _found from (select * replace (trim(_text) as _text) from ({parts})) where _text <> '')"
        )
        if s.on_mismatch == "skip":
            row = con.execute(f"select count(*) from ({made}) where {MISFIT} is not null").fetchone()
            skipped = int(row[0]) if row else 0
            made = f"select * from ({made}) where {MISFIT} is null"
    con.execute(
        f"copy (select _line - (row_number() over (order by _of, _nth) - 1) as _line_shift, * exclude (_line, _of, _nth) "
        f"from ({made}) order by _of, _nth) to {quote_text(str(target))} (format parquet)"
    )
    return Sent(target, feed), skipped


def keyed_sql(sent: Sent, key_macro: str | None, with_hash: bool) -> str:
    """A select of each record's _row, _line, record_key (null where it is not given), _row_hash, _is_blank, _is_valid.

    key_macro: the SQL function that hashes a personal key, where the feed has one. Without the hash, and where a
    record has a key, little of the file is read.
    """
    feed = sent.feed
    key, missing = _key(feed, key_macro)
    required = [n for n, c in feed.columns.items() if c.required]
    # A record whose key is there is not blank. Where it is missing, all columns tell, and for that they are all read.
    is_blank = " and ".join(f"trim(coalesce(\"{n}\", '')) = ''" for n in feed.columns)
    if feed.key != "content":
        is_blank = f"({missing}) and ({is_blank})" if with_hash else missing
    cleaned = "".join(f", {_cleaned(n, feed.columns[n])} as {_sent(n)}" for n in required)
    valid = [f"{_valid(n, feed.columns[n], _sent(n))} is not null" for n in required]
    if feed.split:
        valid.append(f"{MISFIT} is null")
        cleaned += f", {MISFIT}"
    row_hash = _hash(feed) if with_hash else "null::ubigint"
    return f"""
        select _row, _line, case when not _key_missing then record_key end as record_key, _row_hash, _is_blank,
            {" and ".join(valid) or "true"} as _is_valid, _is_deleted
        from (
            select _row, _line, {key} as record_key, {missing} as _key_missing, {row_hash} as _row_hash,
                {is_blank} as _is_blank,
                {_is_deleted(feed)} as _is_deleted{cleaned}
            from ({sent.relation()})
        )"""


def typed_sql(sent: Sent, key_macro: str | None) -> str:
    """A select of each record's _row, _line, record_key, _row_hash, _issues, and its declared columns with their types."""
    feed = sent.feed
    key, _ = _key(feed, key_macro)
    issues = [
        f'("{n}" is null)::integer' if c.required else f'("{n}" is null and "_sent {n}" is not null)::integer'
        for n, c in feed.columns.items()
        if c.required or _can_fail(c)
    ]
    columns = ", ".join(f'{_valid(n, c, _sent(n))} as "{n}"' for n, c in feed.columns.items())
    cleaned = ", ".join(f"{_cleaned(n, c)} as {_sent(n)}" for n, c in feed.columns.items())
    listed = ", ".join(f'"{n}"' for n in feed.columns)
    return f"""
        select _row, _line, record_key, _row_hash, least({" + ".join(issues) or "0"}, 255)::utinyint as _issues, {listed}
        from (
            select _row, _line, record_key, _row_hash, {columns}, columns('^_sent ')
            from (select _row, _line, {key} as record_key, {_hash(feed)} as _row_hash, {cleaned} from ({sent.relation()}))
        )"""


def problems_sql(sent: Sent, rows: str) -> str:
    """A select of _row, _line and the struct `problem` for each thing wrong with a value of these records.

    rows: a table with the column _row.
    """
    feed = sent.feed
    has_personal = any(c.classification in (None, "personal") for c in feed.columns.values())
    may_be_shifted = (feed.dialect.ragged or bool(feed.dialect.left_out)) and has_personal
    cases = [
        # A part that does not fit makes no values: that it does not is all that is wrong with it.
        f"case when {MISFIT} is null then {case} end" if feed.split and n in feed.split.groups else case
        for n, c in feed.columns.items()
        for case in _problem_cases(n, c, may_be_shifted)
    ]
    if feed.split:
        shown = (
            f"left({MISFIT}, {SAMPLE})"
            if feed.columns.get(feed.split.column)
            and feed.columns[feed.split.column].classification == "public"
            else "'(masked)'"
        )
        cases.append(
            f"case when {MISFIT} is not null then {{'column_name': {quote_text(feed.split.column)}, 'value': {shown}, "
            "'rule': 'pattern', 'expected': 'a part as agreed', 'sets_aside': true} end"
        )
    listed = f"list_filter([{', '.join(cases)}], lambda p: p is not null)" if cases else "[]"
    cleaned = ", ".join(f"{_cleaned(n, c)} as {_sent(n)}" for n, c in feed.columns.items())
    typed = ", ".join(f'{_typed(c, _sent(n))} as "{n}"' for n, c in feed.columns.items())
    misfit = f", {MISFIT}" if feed.split else ""
    return f"""
        select _row, _line, unnest({listed}) as problem
        from (
            select _row, _line{misfit}, {typed}, columns('^_sent ')
            from (select _row, _line{misfit}, {cleaned} from ({sent.relation()}) where _row in (select _row from {rows}))
        )"""


def _key(feed: Feed, key_macro: str | None) -> tuple[str, str]:
    """The record's key as text, and the condition under which it is not given."""
    if feed.key == "content":
        digest = "md5(concat_ws(chr(31), " + ", ".join(f"coalesce(\"{n}\", '')" for n in feed.columns) + "))"
        return (f"{key_macro}({digest})" if key_macro else digest), "false"
    if len(feed.key) == 1:
        key = f'"{feed.key[0]}"'
    else:
        key = " || '|' || ".join(f"coalesce(\"{c}\", '')" for c in feed.key)
    missing = " or ".join(f"{_cleaned(c, feed.columns[c])} is null" for c in feed.key)
    return (f"{key_macro}({key})" if key_macro else key), missing


def _hash(feed: Feed) -> str:
    """Only declared columns count: one that nobody declared may change without changing a record.

    DuckDB's own hash may change with its version; staging is made anew then (see rebuild.code_version).
    """
    misfit = f", {MISFIT}" if feed.split else ""
    return "hash(" + ", ".join(f'"{n}"' for n in feed.columns) + misfit + ")"


def _is_deleted(feed: Feed) -> str:
    if not feed.deleted:
        return "false"
    listed = ", ".join(quote_text(v) for v in feed.deleted.values)
    column = feed.deleted.column
    return f"coalesce({_cleaned(column, feed.columns[column])} in ({listed}), false)"


def _cleaned(name: str, column: FeedColumn) -> str:
    """The text that is meant: without spaces around it, null where none is given, mended by the lookups.

    Landing leaves no empty text, only nulls.
    """
    text = f'"{name}"'
    # Values with spaces around them are few; the others need no copy.
    text = f"case when starts_with({text}, ' ') or ends_with({text}, ' ') then nullif(trim({text}), '') else {text} end"
    if column.missing:
        text = f"case when {text} not in ({', '.join(quote_text(m) for m in column.missing)}) then {text} end"
    if column.lookups:
        fixes = " ".join(f"when {quote_text(a)} then {quote_text(b)}" for a, b in column.lookups.items())
        text = f"nullif(case {text} {fixes} else {text} end, '')"
    return text


def _typed(column: FeedColumn, text: str) -> str:
    """Cleaned text as a value of the column's type; null where it is none."""
    if column.type == "text":
        return text
    if column.type in ("integer", "number"):
        if column.strip:
            text = f"nullif(trim(translate({text}, {quote_text(column.strip)}, '')), '')"
        if column.brackets:
            text = f"regexp_replace({text}, '^[(](.*)[)]$', '-\\1')"
        if column.decimal == ",":
            text = f"replace({text}, ',', '.')"
    if column.type == "integer":
        # A cast alone would round 12.7 to 13. Most numbers are written as they are shown.
        cast = f"try_cast({text} as bigint)"
        return f"case when {cast}::varchar = {text} or regexp_full_match({text}, '[+-]?\\d+(\\.0+)?') then {cast} end"
    if column.formats:
        listed = ", ".join(quote_text(f) for f in column.formats)
        return f"try_strptime({text}, [{listed}])::{TYPES[column.type]}"
    cast = f"try_cast({text} as {TYPES[column.type]})"
    return f"case when isfinite({cast}) then {cast} end" if column.type != "boolean" else cast


def _allowed(column: FeedColumn, value: str) -> str:
    """The condition under which a typed value is kept; empty where every one is."""
    conditions = []
    if column.values:
        conditions.append(f"{value} in ({', '.join(quote_text(v) for v in column.values)})")
    if column.pattern:
        conditions.append(f"regexp_full_match({value}, {quote_text(column.pattern)})")
    if column.range:
        low, high = column.range
        conditions += [f"{value} >= {low}"] if low is not None else []
        conditions += [f"{value} <= {high}"] if high is not None else []
    return " and ".join(conditions)


def _sent(name: str) -> str:
    """The column that holds a column's cleaned text: made in a select of its own, so that it is made once."""
    return f'"_sent {name}"'


def _valid(name: str, column: FeedColumn, cleaned: str) -> str:
    """The typed value where it is kept; null elsewhere."""
    typed = _typed(column, cleaned)
    allowed = _allowed(column, typed)
    return f"case when {allowed} then {typed} end" if allowed else typed


def _can_fail(column: FeedColumn) -> bool:
    return column.type != "text" or bool(_allowed(column, ""))


def _problem_cases(name: str, column: FeedColumn, may_be_shifted: bool) -> list[str]:
    """may_be_shifted: where rows may lack columns, a personal value may stand under any column."""
    sent = _sent(name)
    is_hidden = may_be_shifted or column.classification in (None, "personal")
    shown = "'(masked)'" if is_hidden else f"left({sent}, {SAMPLE})"

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
        if column.formats:
            expected = f"a {column.type} written as {' or '.join(column.formats)}"
        cases.append(
            f'case when {sent} is not null and "{name}" is null then {problem("type", expected)} end'
        )
    allowed = _allowed(column, f'"{name}"')
    if column.values:
        cases.append(
            f"case when not ({allowed}) then {problem('values', 'one of: ' + ', '.join(column.values))} end"
        )
    elif column.pattern:
        cases.append(f"case when not ({allowed}) then {problem('pattern', 'written as agreed')} end")
    elif column.range:
        low, high = column.range
        if low is not None and high is not None:
            expected = f"between {low:g} and {high:g}"
        else:
            expected = f"at least {low:g}" if low is not None else f"at most {high:g}"
        cases.append(f"case when not ({allowed}) then {problem('range', expected)} end")
    return cases
