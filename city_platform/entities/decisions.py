"""Decisions: what people said of two records, read from <home>/decisions.csv, the only source of truth, into entity.decision.

Every line of the file is a row of the table, but for one that takes another back: it marks that row. A line that cannot
be obeyed keeps its row with the problem beside it, and is an issue that says what to do; the rest of the file stands.

Belongs here: the file's columns, what is wrong with a line, which decisions are in force. Does not belong here: adding one
(decide.py), which contradict each other (contradictions.py), obeying them (linking/, address_decisions.py).
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.entities.contradictions import Said, contradictions
from city_platform.entities.difference import write_difference
from city_platform.rebuild import Budget, sql_file

if TYPE_CHECKING:
    import duckdb

    from city_platform.settings import Settings

FILE = "decisions.csv"
COLUMNS = (
    "decision_id", "entity_type", "record_a", "record_b", "judgement", "decided_by", "decided_at", "reason", "revokes",
    "sample",
)  # fmt: skip
MAY_BE_LEFT_OUT = ("decision_id", "revokes", "sample")
TYPES = ("address", "business", "organisation", "person")
JUDGEMENTS = ("same", "not_same", "unsure")
REVOKE = "revoke"
RECORD = re.compile(r"(?P<feed>[a-z][a-z0-9_]*/[a-z][a-z0-9_]*):(?P<record_key>.+)", re.DOTALL)
ROLE = re.compile(r"(?P<record_key>.+)#(?P<role>[a-z][a-z0-9_]*)", re.DOTALL)


@dataclass(frozen=True, order=True)
class Record:
    """One record as a decision names it; without a role, it is the only one that the record has for that type."""

    feed: str
    record_key: str
    role: str = ""

    def __str__(self) -> str:
        return f"{self.feed}:{self.record_key}" + (f"#{self.role}" if self.role else "")


@dataclass(frozen=True)
class Problem:
    """Why a line is not obeyed."""

    rule: str
    column: str
    message: str
    severity: str = "error"


@dataclass(frozen=True)
class Line:
    """One line of the file, as far as it could be read."""

    number: int
    values: dict[str, str]
    decided_at: datetime | None = None
    a: Record | None = None
    b: Record | None = None
    problem: Problem | None = None
    revoked_by: Line | None = None

    def __getitem__(self, column: str) -> str:
        return self.values.get(column, "")

    @property
    def decision_id(self) -> str:
        return self["decision_id"] or id_of(self.values)

    def but(self, rule: str, column: str, message: str, severity: str = "error") -> Line:
        """This line with a problem; the first that was found stays."""
        return self if self.problem else replace(self, problem=Problem(rule, column, message, severity))

    @property
    def is_in_force(self) -> bool:
        return self.problem is None and self.revoked_by is None and self["judgement"] in ("same", "not_same")


@dataclass
class Decisions:
    """The file as read."""

    lines: list[Line] = field(default_factory=list)
    unreadable: str = ""  # why none of it can be read


def decisions_path(settings: Settings) -> Path:
    return settings.home / FILE


def decisions_state(path: Path) -> str:
    """A hash of the file, for the fingerprint of what depends on it; empty where there is none."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16] if path.is_file() else ""


def id_of(values: dict[str, str]) -> str:
    """The id of a decision: derived from all that it says, so that the same line has the same id for ever."""
    said = "\x1f".join(values.get(c, "") for c in COLUMNS if c not in ("decision_id", "sample"))
    return "d_" + hashlib.sha256(said.encode()).hexdigest()[:12]


def parse_record(text: str) -> Record | None:
    """A record as written, agency/feed:record_key or agency/feed:record_key#role; None where it is not that."""
    found = RECORD.fullmatch(text.strip())
    if not found:
        return None
    ended = ROLE.fullmatch(found["record_key"])
    if ended:
        return Record(found["feed"], ended["record_key"], ended["role"])
    return Record(found["feed"], found["record_key"])


def read_file(path: Path) -> Decisions:
    """Read the file by itself: what each line says, and what is wrong with it whatever the records are."""
    if not path.is_file():
        return Decisions()
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError:  # a spreadsheet saved it
        text = raw.decode("cp1252", errors="replace")
    # Each physical line by itself: a quote that nobody closed must not swallow the lines after it.
    rows = [(n, next(csv.reader([line]), [])) for n, line in enumerate(text.splitlines(), start=1)]
    if not rows:
        return Decisions()
    header = [name.strip().lower() for name in rows[0][1]]
    missing = [c for c in COLUMNS if c not in header and c not in MAY_BE_LEFT_OUT]
    if missing:
        return Decisions(
            unreadable=f"Its first line has no column {', '.join(missing)}. Put the header back: {','.join(COLUMNS)}."
        )
    lines = [_line(n, header, cells) for n, cells in rows[1:] if any(c.strip() for c in cells)]
    return Decisions(_revoked(_unlike(lines)))


def _line(number: int, header: list[str], cells: list[str]) -> Line:
    values = {name: cell.strip() for name, cell in zip(header, cells, strict=False)}
    values["judgement"] = values.get("judgement", "").replace("-", "_").lower()
    values["entity_type"] = values.get("entity_type", "").lower()
    at = _moment(values.get("decided_at", ""))
    line = Line(number, values, at)
    if len(cells) != len(header):
        line = line.but(
            "wrong_number_of_cells",
            "",
            f"It has {len(cells)} cells where the header has {len(header)}. Put a text that holds a comma in quotes, and "
            "keep it on one line.",
        )
    is_revoking = values["judgement"] == REVOKE
    for column in ("decided_by", "decided_at", "reason"):
        if not line[column]:
            line = line.but("missing", column, f"Say {_ASKED[column]}.")
    if line["decided_at"] and at is None:
        line = line.but(
            "no_time", "decided_at", "Write the time in UTC as 2026-11-25 10:00:00; spreadsheets change it."
        )
    if is_revoking:
        return (
            line
            if line["revokes"]
            else line.but("missing", "revokes", "Say which decision is taken back, by its id.")
        )
    if values["judgement"] not in JUDGEMENTS:
        line = line.but("unknown_judgement", "judgement", f"Write one of {', '.join((*JUDGEMENTS, REVOKE))}.")
    if values["entity_type"] not in TYPES:
        line = line.but("unknown_type", "entity_type", f"Write one of {', '.join(TYPES)}.")
    a, b = parse_record(line["record_a"]), parse_record(line["record_b"])
    for column, record in (("record_a", a), ("record_b", b)):
        if record is None:
            line = line.but(
                "no_record",
                column,
                "Name a record as agency/feed:record_key, with #role where it names several people.",
            )
    if a is not None and a == b:
        line = line.but("one_record", "record_b", "Both are the same record. Name two.")
    return replace(line, a=a, b=b)


_ASKED = {
    "decided_by": "who decided",
    "decided_at": "when it was decided, in UTC as 2026-11-25 10:00:00",
    "reason": "why it was decided",
}


def _moment(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at


def _unlike(lines: list[Line]) -> list[Line]:
    """Of lines with one id, the first stands."""
    first: dict[str, int] = {}
    found = []
    for line in lines:
        known = first.setdefault(line.decision_id, line.number)
        if known != line.number:
            line = line.but(
                "repeated_id",
                "decision_id",
                f"Line {known} has the same id. Empty the cell if this is a decision of its own, else take the line out.",
            )
        found.append(line)
    return found


def _revoked(lines: list[Line]) -> list[Line]:
    """Mark what a later line takes back; a line that takes back nothing has a problem."""
    by_id = {line.decision_id: line for line in lines if line["judgement"] != REVOKE and not _is_repeat(line)}
    taken: dict[str, Line] = {}
    found = []
    for line in lines:
        if line["judgement"] == REVOKE and line.problem is None:
            if line["revokes"] not in by_id:
                line = line.but(
                    "nothing_to_revoke",
                    "revokes",
                    "No line has this decision_id. Write the id of one that does.",
                )
            else:
                taken.setdefault(line["revokes"], line)
                continue
        found.append(line)
    return [
        replace(line, revoked_by=taken.get(line.decision_id)) if not _is_repeat(line) else line
        for line in found
    ]


def _is_repeat(line: Line) -> bool:
    return line.problem is not None and line.problem.rule == "repeated_id"


def read_decisions(con: duckdb.DuckDBPyConnection, path: Path) -> list[Budget]:
    """Bring entity.decision and its rows of quality.issue up to the file; returns how many lines are not obeyed.

    Reads entity.observation and entity.person_observation: a decision holds while both records are sent.
    """
    read = read_file(path)
    if read.unreadable:
        # As with a bad delivery, the last good ones stand.
        _write_issues(
            con,
            [(1, Problem("unreadable", "", read.unreadable + " Until then the decisions read last stand."))],
        )
        rows = con.execute("select count(*) from entity.decision where problem is null").fetchone()
        return [_budget(int(rows[0]) if rows else 0, 0)]
    lines = _contradicted(_known(con, read.lines))
    con.execute("create or replace temp table new_decision as from entity.decision limit 0")
    if lines:
        con.executemany(
            "insert into new_decision by name select unnest($1, recursive := true)",
            [[_row(line)] for line in lines],
        )
    write_difference(con, "entity.decision", "new_decision", key=["decision_id"])
    con.execute("drop table new_decision")
    _write_issues(con, [(line.number, line.problem) for line in lines if line.problem])
    return [_budget(len(lines), sum(line.problem is not None for line in lines))]


def decide_pairs(con: duckdb.DuckDBPyConnection) -> None:
    """Make temp table decided_pair of the decisions in force, for those that obey them."""
    con.execute(sql_file("entities/decided_pair.sql"))


def _budget(lines: int, lost: int) -> Budget:
    return Budget("decision obeyed", FILE, lines, lines - lost, "its line has an issue that says what to do")


def _row(line: Line) -> dict[str, object]:
    a, b = line.a or Record("", ""), line.b or Record("", "")
    revoked = line.revoked_by
    is_repeat = _is_repeat(line)
    return {
        "decision_id": line.decision_id + (f"_line_{line.number}" if is_repeat else ""),
        "entity_type": line["entity_type"] if line["entity_type"] in TYPES else None,
        "record_a": line["record_a"] or None,
        "record_b": line["record_b"] or None,
        "judgement": line["judgement"] if line["judgement"] in JUDGEMENTS else None,
        "decided_by": line["decided_by"] or None,
        "decided_at": line.decided_at,
        "reason": line["reason"] or None,
        "revoked_at": revoked.decided_at if revoked else None,
        "revoked_by": revoked["decided_by"] if revoked else None,
        "revoked_reason": revoked["reason"] if revoked else None,
        "sample": line["sample"] or None,
        "line": line.number,
        "problem": line.problem.message if line.problem else None,
        "feed_a": a.feed or None,
        "record_key_a": a.record_key or None,
        "role_a": a.role or None,
        "feed_b": b.feed or None,
        "record_key_b": b.record_key or None,
        "role_b": b.role or None,
    }


def _known(con: duckdb.DuckDBPyConnection, lines: list[Line]) -> list[Line]:
    """Give each record the role that is meant, or say why it is not known."""
    wanted = {r for line in lines for r in (line.a, line.b) if r}
    roles = _roles(con, wanted)
    found = []
    for line in lines:
        sides: dict[str, Record | None] = {"record_a": line.a, "record_b": line.b}
        for column, record in sides.items():
            if record is None or line["entity_type"] not in TYPES:
                continue
            meant, said = _meant(record, line["entity_type"], roles)
            sides[column] = meant
            # Taken back or not, a record that is no longer sent harms nothing.
            if said and line.revoked_by is None:
                line = line.but(said[0], column, said[1], said[2])
        line = replace(line, a=sides["record_a"], b=sides["record_b"])
        if line.a is not None and line.a == line.b:
            line = line.but("one_record", "record_b", "Both are the same record in the same role. Name two.")
        if line["entity_type"] == "address" and line.a and line.b and line.a.role != line.b.role:
            line = line.but(
                "site_and_unit",
                "record_b",
                "One is named as a site and one as a unit. End both with #unit, or neither.",
            )
        found.append(line)
    return found


def _meant(
    record: Record, entity_type: str, roles: dict[tuple[str, str, str], set[str]]
) -> tuple[Record, tuple[str, str, str] | None]:
    """The record with its role, and what is wrong."""
    whole = Record(record.feed, f"{record.record_key}#{record.role}") if record.role else record
    for meant in (whole, record):  # a record key may itself end like a role
        has = roles.get((entity_type, meant.feed, meant.record_key), set())
        if not has:
            continue
        if meant.role and meant.role not in has:
            return meant, (
                "unknown_role",
                f"The record has no {entity_type} in the role {meant.role}. It has: {', '.join(sorted(has))}.",
                "error",
            )
        if meant.role or entity_type == "address":
            return replace(meant, role=meant.role or "site"), None
        if len(has) == 1:
            return replace(meant, role=next(iter(has))), None
        return meant, (
            "which_role",
            f"The record names several: end it with #{' or #'.join(sorted(has))}.",
            "error",
        )
    return record, (
        "unknown_record",
        f"No feed sends such a record of a {entity_type} now. The decision holds again when it comes back; if it never "
        "will, take the line out.",
        "warning",
    )


def _roles(con: duckdb.DuckDBPyConnection, wanted: Iterable[Record]) -> dict[tuple[str, str, str], set[str]]:
    """By type, feed and record key: the roles in which the records that are wanted name somebody or something."""
    keys = sorted(
        {
            (r.feed, k)
            for r in wanted
            for k in {r.record_key, f"{r.record_key}#{r.role}" if r.role else r.record_key}
        }
    )
    con.execute("create or replace temp table wanted_record (feed varchar, record_key varchar)")
    if keys:
        con.executemany("insert into wanted_record values (?, ?)", keys)
    found: dict[tuple[str, str, str], set[str]] = {}
    for entity_type, feed, key, role in con.execute(sql_file("entities/decision_role.sql")).fetchall():
        found.setdefault((entity_type, feed, key), set()).add(role)
    con.execute("drop table wanted_record")
    return found


def _contradicted(lines: list[Line]) -> list[Line]:
    """Set aside what contradicts itself, each with a sentence that names the others."""
    in_force = {line.decision_id: line for line in lines if line.is_in_force}
    said = [
        Said(line["entity_type"], line.a, line.b, line["judgement"] == "same", line.decision_id)
        for line in in_force.values()
        if line.a and line.b
    ]
    numbers = {decision_id: line.number for decision_id, line in in_force.items()}
    at_odds: dict[str, set[int]] = {}
    for group in contradictions(said):
        for decision_id in group:
            at_odds.setdefault(decision_id, set()).update(numbers[d] for d in group if d != decision_id)
    found = []
    for line in lines:
        if line.problem is None and line.decision_id in at_odds:
            lines_at_odds = ", ".join(str(n) for n in sorted({*at_odds[line.decision_id], line.number}))
            line = line.but(
                "contradiction",
                "judgement",
                f"Lines {lines_at_odds} cannot all be true. None of them is obeyed: the model's own judgement stands. Take "
                f"back what is wrong with `city-platform decide --revoke ID`; this one's ID is {line.decision_id}.",
            )
        found.append(line)
    return found


def _write_issues(con: duckdb.DuckDBPyConnection, found: list[tuple[int, Problem]]) -> None:
    con.execute("delete from quality.issue where feed = ?", [FILE])
    for number, problem in found:
        con.execute(
            "insert into quality.issue (feed, file_name, line, column_name, rule, severity, responsible, message) "
            "values ($1, $1, $2, $3, $4, $5, 'us', $6)",
            [
                FILE,
                number,
                problem.column or None,
                problem.rule,
                problem.severity,
                f"{FILE}, line {number}: {problem.message}",
            ],
        )


def tally(con: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many decisions there are, by judgement, taken back, and not obeyed; for people and for Dagster."""
    rows = con.execute(
        "select case when problem is not null then 'not obeyed' when revoked_at is not null then 'taken back' "
        "else replace(judgement, '_', ' ') end as what, count(*) from entity.decision group by all order by all"
    ).fetchall()
    return dict(Counter({str(what): int(n) for what, n in rows}))
