"""Address links: what is said of two records' addresses, and which address links deserve a look.

Addresses are settled by rules, not by a model: there are no bits, but how each record found its address and how sure that is.

Belongs here: reading and showing that. Does not belong here: the entity types that a model links (review.py, explain.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from city_platform.entities.decisions import Record
from city_platform.rebuild import sql_file
from city_platform.shown import plain_table

if TYPE_CHECKING:
    import duckdb
    from rich.console import Console


@dataclass(frozen=True)
class AddressItem:
    """Records with one text that found an address, and the record that stands for that address."""

    a: Record
    b: Record
    text_a: str
    text_b: str
    address_id: str
    label: str
    evidence: str
    probability: float
    records: int


def address_items(
    con: duckdb.DuckDBPyConnection, limit: int, judged: set[frozenset[str]]
) -> list[AddressItem]:
    """The address links most worth a look: unsure, and of many records."""
    con.execute("set variable link_number = ?", [limit + len(judged)])
    found = [
        AddressItem(
            Record(feed_a, key_a),
            Record(feed_b, key_b),
            str(a or ""),
            str(b or ""),
            i,
            str(label),
            str(why or ""),
            p,
            n,
        )
        for feed_a, key_a, feed_b, key_b, a, b, i, label, why, p, n in con.execute(
            sql_file("entities/address_links.sql")
        ).fetchall()
    ]
    return [x for x in found if frozenset((str(x.a), str(x.b))) not in judged][:limit]


def show_address_item(console: Console, item: AddressItem, place: int) -> None:
    console.rule(
        f"[bold]{place}. address[/bold]  LINKED, with a chance of {100 * item.probability:.1f}% ({item.evidence})",
        align="left",
    )
    console.print(f"one:   {item.text_a}   {item.a}, one of {item.records:,} with this text", markup=False)
    console.print(f"other: {item.text_b or item.label}   {item.b}", markup=False)
    console.print(f"now {item.label}   {item.address_id}", markup=False)


def show_addresses(console: Console, con: duckdb.DuckDBPyConnection, a: Record, b: Record) -> None:
    """Print how two records found their addresses, and whether these are one."""
    level = a.role or "site"
    held = {}
    table = plain_table("", ("record", "says", "address", "", "found by", "evidence", "chance"))
    for record in (a, b):
        texts = con.execute(
            "select string_agg(distinct value, ' · ' order by value) from entity.attribute where entity_type = 'address' "
            "and attribute in ('text', 'postcode') and feed = ? and record_key = ?",
            [record.feed, record.record_key],
        ).fetchone()
        rows = con.execute(
            "select l.role, l.entity_id, a.label, l.method, l.evidence, l.probability from entity.link as l "
            "left join entity.address as a on a.address_id = l.entity_id "
            "where l.entity_type = 'address' and l.feed = ? and l.record_key = ? order by l.role",
            [record.feed, record.record_key],
        ).fetchall()
        for role, entity, label, method, evidence, probability in rows:
            if role == level:
                held[record] = entity
            table.add_row(
                str(record),
                str(texts[0] or "") if texts else "",
                str(label),
                f"{entity} ({role})",
                method,
                evidence or "",
                f"{probability:.3f}",
            )
        if not rows:
            table.add_row(
                str(record), str(texts[0] or "") if texts else "", "no address could be told", "", "", "", ""
            )
    is_one = len(held) == 2 and held.get(a) == held.get(b)
    console.rule(f"[bold]They are {'one' if is_one else 'not one'} address[/bold] ({level})", align="left")
    decided = con.execute(
        """select decision_id, judgement, decided_by, decided_at, reason, problem from entity.decision
        where entity_type = 'address' and revoked_at is null and least(feed_a || ':' || record_key_a, feed_b || ':' || record_key_b) = least($1, $2)
            and greatest(feed_a || ':' || record_key_a, feed_b || ':' || record_key_b) = greatest($1, $2) order by line""",
        [f"{a.feed}:{a.record_key}", f"{b.feed}:{b.record_key}"],
    ).fetchall()
    for decision_id, judgement, by, at, reason, problem in decided:
        said = f"Decision {decision_id}: {str(judgement).replace('_', ' ')} ({by}, {at:%Y-%m-%d}: {reason})."
        console.print(f"• {said}" + (f" Not obeyed: {problem}" if problem else ""), markup=False)
    console.print(table)
