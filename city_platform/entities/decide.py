"""Decide: adds one person's judgement of two records to <home>/decisions.csv, or takes one back.

Belongs here: whether it can be taken, and the line. Does not belong here: reading the file (decisions.py), options and
what is printed (cli.py). The records are looked up in operator.duckdb: nobody but a run opens the warehouse.
"""

from __future__ import annotations

import csv
import fcntl
import io
import os
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.entities.decisions import COLUMNS, REVOKE, Record, id_of, parse_record, read_file

if TYPE_CHECKING:
    import duckdb

SUGGESTED = 3
CUT = ("…", "...")
ALIKE = 0.8  # Jaro-Winkler similarity from which a key is suggested
LAST = ("address",)  # every record has one, so it is meant only where nothing else is in question


class DecideError(ValueError):
    """A decision that cannot be taken; the message says why, and what to do."""


def find_records(
    con: duckdb.DuckDBPyConnection, texts: tuple[str, str], entity_type: str | None
) -> tuple[str, Record, Record]:
    """The type that is meant, and the two records with their roles; raises DecideError where they are not known."""
    records = [_parsed(con, text) for text in texts]
    roles = [_roles(con, record, text) for record, text in zip(records, texts, strict=True)]
    shared = sorted(set(roles[0]) & set(roles[1]))
    if entity_type is None:
        shared = [t for t in shared if t not in LAST] or shared
        if any(r.role for r in records) and len(shared) > 1:
            shared = [
                t
                for t in shared
                if all(not r.role or r.role in own[t] for r, own in zip(records, roles, strict=True))
            ]
        if len(shared) > 1:
            raise DecideError(
                f"Both records name {' and '.join(_a(t) for t in shared)}. Say which is meant: --type {shared[0]}."
            )
        if not shared:
            raise DecideError(
                f"{texts[0]} names {_list(roles[0])}, {texts[1]} names {_list(roles[1])}: there is nothing that both name."
            )
        entity_type = shared[0]
    found = []
    for record, text, own in zip(records, texts, roles, strict=True):
        if entity_type not in own:
            raise DecideError(f"{text} names no {entity_type}. It names {_list(own)}.")
        found.append(_with_role(record, text, entity_type, own[entity_type]))
    if found[0] == found[1]:
        raise DecideError("Both are the same record. Name two.")
    return entity_type, found[0], found[1]


def new_values(
    entity_type: str, a: Record, b: Record, judgement: str, by: str, why: str, sample: str = ""
) -> dict[str, str]:
    """A line that says what somebody judged."""
    return _dated(
        {
            "entity_type": entity_type,
            "record_a": str(a),
            "record_b": str(b),
            "judgement": judgement.replace("-", "_"),
            "sample": sample,
        },
        by,
        why,
    )


def revoking_values(path: Path, decision_id: str, by: str, why: str) -> dict[str, str]:
    """A line that takes a decision back; raises DecideError where there is none, or it was taken back already."""
    lines = read_file(path).lines
    line = next((x for x in lines if x.decision_id == decision_id and x["judgement"] != REVOKE), None)
    if line is None:
        known = ", ".join(x.decision_id for x in lines[-SUGGESTED:]) or "none"
        raise DecideError(f"{path} has no decision {decision_id}. Its newest: {known}.")
    if line.revoked_by is not None:
        raise DecideError(
            f"{decision_id} was taken back already, by {line.revoked_by['decided_by']} on {line.revoked_by['decided_at']}."
        )
    return _dated({"judgement": REVOKE, "revokes": decision_id}, by, why)


def standing(path: Path, values: dict[str, str]) -> list[str]:
    """What the file already says of the same two records, in words, the newest last."""
    pair = {values["record_a"], values["record_b"]}
    return [
        f"{line.decision_id}: {line['judgement'].replace('_', ' ')}, by {line['decided_by']} on {line['decided_at']}"
        for line in read_file(path).lines
        if {str(line.a), str(line.b)} == pair
        and line["entity_type"] == values["entity_type"]
        and not line.revoked_by
    ]


def append(path: Path, values: dict[str, str]) -> str:
    """Add a line to the file, whole and for good before anything is done by it; returns its decision's id."""
    values = {"decision_id": id_of(values), **values}
    path.parent.mkdir(parents=True, exist_ok=True)
    # Who decided, and why, is nobody else's business.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        size = os.fstat(descriptor).st_size
        if any(line.decision_id == values["decision_id"] for line in read_file(path).lines):
            raise DecideError(f"{path} has this decision already: {values['decision_id']}.")
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        header = list(COLUMNS)
        if size == 0:
            writer.writerow(header)
        else:
            header = _header(path)
            if os.pread(descriptor, 1, size - 1) != b"\n":
                text.write("\n")  # somebody edited it by hand
        writer.writerow([values.get(c, "") for c in header])
        data = text.getvalue().encode()
        try:
            if os.write(descriptor, data) != len(data):
                raise OSError(f"{path}: the disk is full")
            os.fsync(descriptor)
        except OSError:
            os.ftruncate(descriptor, size)  # half a line is worse than none
            raise
    finally:
        os.close(descriptor)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return values["decision_id"]


def _dated(values: dict[str, str], by: str, why: str) -> dict[str, str]:
    told = {"decided_by": " ".join(by.split()), "reason": " ".join(why.split())}  # a line is one line
    for option, text in (("--by", told["decided_by"]), ("--why", told["reason"])):
        if not text:
            raise DecideError(f"{option} is empty. Say {'who decides' if option == '--by' else 'why'}.")
    return {**values, **told, "decided_at": f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S}"}


def _header(path: Path) -> list[str]:
    read = read_file(path)
    if read.unreadable:
        raise DecideError(f"{path}: {read.unreadable}")
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as source:
        return [name.strip().lower() for name in next(csv.reader(source))]


def _parsed(con: duckdb.DuckDBPyConnection, text: str) -> Record:
    record = parse_record(text)
    if record:
        return _whole(con, record)
    of_entity = con.execute(
        "select feed || ':' || record_key || '#' || role from entity.link where entity_id = ? order by 1 limit ?",
        [text, SUGGESTED],
    ).fetchall()
    if of_entity:
        raise DecideError(
            f"{text} is an entity; entities change, so a decision names records. Some of its records: "
            f"{', '.join(str(r[0]) for r in of_entity)}."
        )
    raise DecideError(
        f"{text} names no record. Write agency/feed:record_key, as `city-platform review` and `360` show it."
    )


def _whole(con: duckdb.DuckDBPyConnection, record: Record) -> Record:
    """A record by its whole key: one that itself ends like a role, or is cut short with …, as 360 shows long ones.

    Raises DecideError where several keys begin so, or none.
    """
    key = f"{record.record_key}#{record.role}"
    if (
        record.role
        and con.execute(
            "select 1 from entity.link where feed = ? and record_key = ? limit 1", [record.feed, key]
        ).fetchone()
    ):
        return Record(record.feed, key)
    begins = next(
        (record.record_key.removesuffix(mark) for mark in CUT if record.record_key.endswith(mark)), None
    )
    if begins is None:
        return record
    rows = con.execute(
        "select distinct record_key from entity.link where feed = ? and starts_with(record_key, ?) order by 1 limit 2",
        [record.feed, begins],
    ).fetchall()
    if len(rows) != 1:
        raise DecideError(
            f"{record}: {'several records begin so: write more of the key' if rows else 'no record begins so'}."
        )
    return replace(record, record_key=str(rows[0][0]))


def _roles(con: duckdb.DuckDBPyConnection, record: Record, text: str) -> dict[str, set[str]]:
    """The roles in which a record is known, by entity type; raises DecideError, with what is like it, where it is not."""
    rows = con.execute(
        "select entity_type, role from entity.link where feed = $1 and record_key = $2 union "
        "select entity_type, role from entity.node_record where feed = $1 and record_key = $2 union "
        "select 'address', 'site' from entity.event where feed = $1 and record_key = $2",
        [record.feed, record.record_key],
    ).fetchall()
    found: dict[str, set[str]] = {}
    for entity_type, role in rows:
        found.setdefault(str(entity_type), set()).add(str(role))
    if not found:
        raise DecideError(f"{text}: {_like(con, record)}")
    return found


def _like(con: duckdb.DuckDBPyConnection, record: Record) -> str:
    feeds = [str(r[0]) for r in con.execute("select distinct feed from entity.link order by 1").fetchall()]
    if record.feed not in feeds:
        near = _nearest(con, record.feed, "select distinct feed as text from entity.link", [])
        return f"there is no feed {record.feed}. " + (
            f"Did you mean {' or '.join(near)}?" if near else f"There are: {', '.join(feeds)}."
        )
    near = _nearest(
        con,
        record.record_key + (f"#{record.role}" if record.role else ""),
        "select distinct record_key as text from entity.link where feed = $3",
        [record.feed],
    )
    return f"{record.feed} has no such record now." + (f" Did you mean {' or '.join(near)}?" if near else "")


def _nearest(con: duckdb.DuckDBPyConnection, text: str, source: str, values: list[str]) -> list[str]:
    rows = con.execute(
        f"select text from ({source}) where jaro_winkler_similarity(text, $1) >= {ALIKE} "
        "order by jaro_winkler_similarity(text, $1) desc, text limit $2",
        [text, SUGGESTED, *values],
    ).fetchall()
    return [str(r[0]) for r in rows]


def _with_role(record: Record, text: str, entity_type: str, roles: set[str]) -> Record:
    if record.role and record.role not in roles and entity_type != "address":
        raise DecideError(
            f"{text} names no {entity_type} as {record.role}. Roles: {', '.join(sorted(roles))}."
        )
    if entity_type == "address":
        return replace(record, role="" if record.role == "site" else record.role)
    if not record.role and len(roles) > 1:
        raise DecideError(f"{text} names several: end it with #{' or #'.join(sorted(roles))}.")
    if entity_type != "person":
        return replace(record, role="")  # it can have but one
    return replace(record, role=record.role or next(iter(roles)))


def _list(roles: dict[str, set[str]]) -> str:
    return " and ".join(_a(t) for t in sorted(roles))


def _a(entity_type: str) -> str:
    return f"{'an' if entity_type[0] in 'ao' else 'a'} {entity_type}"
