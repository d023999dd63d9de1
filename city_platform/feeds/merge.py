"""Merge: brings the records of one landed delivery into staging, and says what was wrong with each.

It is prepared first, so that drift.py can judge the delivery, and written after; all in the caller's transaction.

Belongs here: what becomes of a record, and the tables that are written for it.
Does not belong here: whether the delivery may be loaded (load.py, drift.py), expressions over text (judge.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from city_platform.feeds.deliveries import Delivery
from city_platform.feeds.judge import Sent, keyed_sql, problems_sql, reshape, typed_sql
from city_platform.feeds.keys import personal_key_macro
from city_platform.feeds.landing import Landed
from city_platform.feeds.problems import Problem
from city_platform.rebuild import count, sql_file
from city_platform.settings import Settings
from city_platform.tables import quote_text

if TYPE_CHECKING:
    import duckdb

    from city_platform.feeds.declaration import Feed

# Fates of records that are set aside, each with its issue.
SET_ASIDE = ("blank", "invalid", "conflict", "repeat_refused")


@dataclass(frozen=True)
class Merged:
    """What became of a delivery's rows; read = new + changed + unchanged + repeated + quarantined."""

    read: int
    new: int
    changed: int
    unchanged: int
    repeated: int
    quarantined: int
    removed: int  # from staging: no part of read
    notes: tuple[Problem, ...] = ()

    @property
    def good(self) -> int:
        return self.read - self.quarantined


class Merge:
    """One delivery on its way into staging: prepare(), then write() or undo()."""

    def __init__(
        self,
        con: duckdb.DuckDBPyConnection,
        feed: Feed,
        settings: Settings,
        delivery: Delivery,
        landed: Landed,
    ) -> None:
        self.con, self.feed, self.landed = con, feed, landed
        self.staging, self.past = feed.staging().full_name, feed.past().full_name
        self.columns = ", ".join(f'"{c}"' for c in feed.columns)
        self.sent = Sent(landed.records, feed)
        self.macro = personal_key_macro(con, settings, feed)
        self.is_first = False  # nothing stands yet, and every record is good: then it is written at once
        self._reshaped = landed.records.with_name(".reshaped")
        for name, value in (
            ("delivery_id", delivery.delivery_id),
            ("feed", feed.id),
            ("file_name", delivery.file_name),
            ("retrieved_at", str(delivery.retrieved_at)),
            ("is_snapshot", feed.delivery == "snapshot" and delivery.extent != "part"),
            ("on_repeat", feed.on_repeat),
            ("on_conflict", feed.on_conflict),
        ):
            con.execute(f"set variable {name} = ?", [value])

    def prepare(self) -> Merged:
        """Fill temp table found_issue with everything wrong, and say what becomes of the rows."""
        read = self.landed.rows
        notes: tuple[Problem, ...] = ()
        try:
            if self.feed.is_reshaped:
                read, notes = self._reshape()
            self.is_first = (
                not self._holds(self.staging) and not self._holds(self.past) and self._all_are_good()
            )
            if self.is_first:
                self._insert_all()
                changes, fates = {"new": read - self.landed.rows_rejected}, {}
            else:
                keyed = keyed_sql(self.sent, self.macro, with_hash=True)
                self.con.execute(f"create or replace temp table keyed as {keyed}")
                self.con.execute(sql_file("feeds/fate.sql"))
                fates = self._counts("select _fate, count(*) from fated group by all")
                changes = self._compare()
            self._find_issues()
        finally:
            self._reshaped.unlink(missing_ok=True)
        return Merged(
            read=read,
            new=changes.get("new", 0),
            # A record that is told to be gone has changed; one that nobody knew has not.
            changed=changes.get("changed", 0) + changes.get("deleted", 0),
            unchanged=changes.get("unchanged", 0) + changes.get("unknown", 0),
            repeated=fates.get("repeat", 0),
            quarantined=self.landed.rows_rejected + sum(fates.get(f, 0) for f in SET_ASIDE),
            removed=changes.get("removed", 0) + changes.get("deleted", 0),
            notes=notes,
        )

    def result(self) -> str:
        """A select of the declared columns of all records as they will stand."""
        if self.is_first:
            return f"select {self.columns} from {self.staging}"
        return (
            f"select {self.columns} from {self.staging} where record_key not in ({_ENDED}) "
            f"union all select {self.columns} from arriving"
        )

    def write(self) -> None:
        """Bring staging and the past up to what was prepared."""
        if self.is_first:
            return
        con = self.con
        if count(con, f"select count(*) from ({_ENDED})"):
            con.execute(
                f"""insert into {self.past} by name
                select record_key, changed_at as valid_from, getvariable('retrieved_at')::timestamp as valid_to,
                    _delivery_id, _line, _row_hash, {self.columns}
                from {self.staging} where record_key in ({_ENDED})"""
            )
            con.execute(f"delete from {self.staging} where record_key in ({_ENDED})")
        con.execute(f"insert into {self.staging} by name from arriving")

    def undo(self) -> None:
        """Leave staging as it was before prepare()."""
        if self.is_first:
            self.con.execute(f"delete from {self.staging}")

    def _holds(self, table: str) -> bool:
        return count(self.con, f"select count(*) from (from {table} limit 1)") > 0

    def _reshape(self) -> tuple[int, tuple[Problem, ...]]:
        lines = self.landed.rows - self.landed.rows_rejected
        self.sent, skipped = reshape(self.con, self.sent, self._reshaped)
        row = self.con.execute(
            f"select count(*), count(distinct _line) from ({self.sent.relation()})"
        ).fetchone()
        records, telling = row or (0, 0)
        text = f"{lines:,} lines hold {records:,} records"
        text += f"; {lines - telling:,} lines hold none" if telling < lines else ""
        text += f"; {skipped:,} parts do not fit the pattern and were skipped as declared" if skipped else ""
        return records + self.landed.rows_rejected, (Problem("reshaped", text + ".", severity="info"),)

    def _all_are_good(self) -> bool:
        """Whether every record has a key of its own and all that it needs; to find out, little of the file is read."""
        if self.feed.key == "content" or self.feed.deleted:
            return False
        keyed = keyed_sql(self.sent, self.macro, with_hash=False)
        self.con.execute(f"create or replace temp table fated as select *, 'kept' as _fate from ({keyed})")
        return not count(
            self.con,
            "select count(*) - least(count(distinct record_key), count(*) filter (record_key is not null and _is_valid "
            "and not _is_blank)) from fated",
        )

    def _insert_all(self) -> None:
        self.con.execute(
            f"""insert into {self.staging} by name
            select record_key, getvariable('delivery_id') as _delivery_id, _line, _row_hash, _issues,
                getvariable('retrieved_at')::timestamp as first_seen, getvariable('retrieved_at')::timestamp as changed_at,
                {self.columns}
            from ({typed_sql(self.sent, self.macro)})"""
        )

    def _compare(self) -> dict[str, int]:
        """Hold the kept records against staging; those that are new or changed stand in temp table arriving."""
        con = self.con
        con.execute(
            f"create or replace temp view current_record as select record_key, _row_hash, first_seen from {self.staging}"
        )
        con.execute(sql_file("feeds/compare.sql"))
        con.execute(
            f"""create or replace temp table arriving as
            select c.record_key, getvariable('delivery_id') as _delivery_id, t._line, t._row_hash, t._issues,
                coalesce(c.first_seen, h.first_seen, getvariable('retrieved_at')::timestamp) as first_seen,
                getvariable('retrieved_at')::timestamp as changed_at, {", ".join(f't."{c}"' for c in self.feed.columns)}
            from ({typed_sql(self.sent, self.macro)}) as t
            join (from compared where change in ('new', 'changed')) as c on c._row = t._row
            left join (select record_key, min(valid_from) as first_seen from {self.past} group by all) as h
                on h.record_key = c.record_key"""
        )
        return self._counts("select change, count(*) from compared group by all")

    def _find_issues(self) -> None:
        """Only records of which a value is left out, and those set aside, are looked at value by value."""
        standing = f"select record_key from {self.staging} where _issues > 0"
        if not self.is_first:
            standing = f"select record_key from arriving where _issues > 0 union all {standing} and record_key not in ({_ENDED})"
        self.con.execute(
            f"create or replace temp table faulty as select _row from fated "
            f"where _fate in ('invalid', 'conflict', 'repeat', 'repeat_refused') or record_key in ({standing})"
        )
        if count(self.con, "select count(*) from faulty"):
            self.con.execute(
                f"create or replace temp table found_problem as {problems_sql(self.sent, 'faulty')}"
            )
        else:
            self.con.execute(f"create or replace temp table found_problem ({_PROBLEM})")
        rejected = self.landed.rejected
        source = (
            f"read_parquet({quote_text(str(rejected))})"
            if rejected
            else "(select 0 as _line, '' as _reason where false)"
        )
        self.con.execute(f"create or replace temp view rejected_line as select _line, _reason from {source}")
        self.con.execute(sql_file("feeds/issues.sql"))

    def _counts(self, sql: str) -> dict[str, int]:
        return {str(name): int(n) for name, n in self.con.execute(sql).fetchall()}


_ENDED = "select record_key from compared where change in ('changed', 'removed', 'deleted')"
_PROBLEM = (
    "_row bigint, _line bigint, problem struct(column_name varchar, value varchar, rule varchar, expected varchar, "
    "sets_aside boolean)"
)
