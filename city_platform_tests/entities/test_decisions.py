"""Decisions: what a line of decisions.csv may be, what is wrong with one, and what contradicts what."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from city_platform.entities.contradictions import Said, contradictions
from city_platform.entities.decisions import (
    COLUMNS,
    Record,
    decide_pairs,
    parse_record,
    read_decisions,
    tally,
)
from city_platform.tables import fixed_tables

AT = "2026-11-25 10:00:00"
PEOPLE = ("tax:1", "tax:2", "tax:3", "tax:4", "roll:9")


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        for schema in ("entity", "quality"):
            opened.execute(f"create schema {schema}")
        for name in ("entity.observation", "entity.person_observation", "entity.decision", "quality.issue"):
            opened.execute(fixed_tables()[name].ddl())
        for person in PEOPLE:
            feed, key = person.split(":")
            _person(opened, f"town/{feed}", key, "payer")
        _person(opened, "town/roll", "9", "partner")
        for key in ("x", "y"):
            opened.execute(
                "insert into entity.observation (feed, record_key, known_time, has_business, owner_number) "
                "values ('town/rates', ?, '2020-01-01', true, 'n')",
                [key],
            )
        yield opened


def _person(con: duckdb.DuckDBPyConnection, feed: str, key: str, role: str) -> None:
    con.execute(
        "insert into entity.person_observation (feed, record_key, role, known_time, lives_here, is_placeholder) "
        "values (?, ?, ?, '2020-01-01', true, false)",
        [feed, key, role],
    )


def line(a: str, b: str, judgement: str = "same", **other: str) -> dict[str, str]:
    return {
        "entity_type": "person",
        "record_a": a,
        "record_b": b,
        "judgement": judgement,
        "decided_by": "A. Clerk",
        "decided_at": AT,
        "reason": "seen",
        **other,
    }


def write(path: Path, *lines: dict[str, str]) -> Path:
    with path.open("w", newline="") as out:
        writer = csv.DictWriter(out, COLUMNS, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(lines)
    return path


def issues(con: duckdb.DuckDBPyConnection) -> list[tuple[int, str]]:
    return con.execute(
        "select line, rule from quality.issue where feed = 'decisions.csv' order by all"
    ).fetchall()


def in_force(con: duckdb.DuckDBPyConnection) -> set[tuple[str, str, str]]:
    decide_pairs(con)
    rows = con.execute(
        "select feed_a || ':' || record_key_a || '#' || role_a, judgement, feed_b || ':' || record_key_b || '#' || role_b "
        "from decided_pair"
    ).fetchall()
    return {(a.replace("town/", ""), j, b.replace("town/", "")) for a, j, b in rows}


@pytest.mark.parametrize(
    ("text", "record"),
    [
        ("town/tax:1", Record("town/tax", "1")),
        ("town/tax:1|2024#second_person", Record("town/tax", "1|2024", "second_person")),
        ("town/tax:a:b#c#d", Record("town/tax", "a:b#c", "d")),
        ("town/tax:REF #12", Record("town/tax", "REF #12")),
        ("tax:1", None),
        ("town/tax:", None),
        ("b_1234", None),
    ],
)
def test_a_record_is_read_as_it_is_written(text: str, record: Record | None) -> None:
    assert parse_record(text) == record
    assert record is None or str(record) == text


def test_a_decision_gets_the_role_that_its_record_has(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.csv",
        line("town/tax:1", "town/roll:9#partner"),
        line("town/tax:2", "town/tax:3", "not-same"),
    )
    read_decisions(con, path)
    assert issues(con) == []
    assert in_force(con) == {
        ("tax:1#payer", "same", "roll:9#partner"),
        ("tax:2#payer", "not_same", "tax:3#payer"),
    }


BAD = {
    "unknown_judgement": line("town/tax:1", "town/tax:2", "perhaps"),
    "unknown_type": line("town/tax:1", "town/tax:2", entity_type="dog"),
    "no_record": line("p_1234", "town/tax:2"),
    "one_record": line("town/tax:1", "town/tax:1#payer"),
    "unknown_record": line("town/tax:1", "town/tax:99"),
    "unknown_role": line("town/tax:1", "town/roll:9#lodger"),
    "which_role": line("town/tax:1", "town/roll:9"),
    "missing": line("town/tax:1", "town/tax:2", reason=""),
    "no_time": line("town/tax:1", "town/tax:2", decided_at="25/11/2026 10:00"),
    "nothing_to_revoke": line("", "", "revoke", revokes="d_none"),
    "site_and_unit": line("town/rates:x", "town/rates:y#unit", entity_type="address"),
}


@pytest.mark.parametrize("rule", BAD)
def test_a_bad_line_is_an_issue_and_the_rest_stands(
    con: duckdb.DuckDBPyConnection, tmp_path: Path, rule: str
) -> None:
    budget = read_decisions(con, write(tmp_path / "d.csv", BAD[rule], line("town/tax:3", "town/tax:4")))
    assert issues(con) == [(2, rule)]
    assert in_force(con) == {("tax:3#payer", "same", "tax:4#payer")}
    assert con.execute("select count(*), count(problem) from entity.decision").fetchone() == (2, 1)
    assert (budget[0].rows_in, budget[0].rows_out) == (2, 1)
    [(message,)] = con.execute("select message from quality.issue").fetchall()
    assert message.startswith("decisions.csv, line 2: ") and "A. Clerk" not in message


def test_a_quote_that_nobody_closed_costs_its_own_line_only(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "d.csv",
        line("town/tax:1", "town/tax:2", decision_id="BROKEN"),
        line("town/tax:3", "town/tax:4"),
    )
    path.write_text(path.read_text().replace("BROKEN", '"BROKEN'))
    read_decisions(con, path)
    assert [n for n, _ in issues(con)] == [2]
    assert in_force(con) == {("tax:3#payer", "same", "tax:4#payer")}


def test_a_file_that_a_spreadsheet_saved_is_read(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = write(tmp_path / "d.csv", line("town/tax:1", "town/tax:2", reason="Zoë said so"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    read_decisions(con, path)
    assert issues(con) == [] and len(in_force(con)) == 1
    path.write_bytes(path.read_bytes()[3:].decode().encode("cp1252"))
    read_decisions(con, path)
    assert issues(con) == [] and con.execute("select reason from entity.decision").fetchall() == [
        ("Zoë said so",)
    ]


def test_without_its_header_the_last_good_decisions_stand(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(tmp_path / "d.csv", line("town/tax:1", "town/tax:2"))
    read_decisions(con, path)
    path.write_text(path.read_text().split("\n", 1)[1])
    read_decisions(con, path)
    assert issues(con) == [(1, "unreadable")] and len(in_force(con)) == 1
    path.unlink()
    read_decisions(con, path)
    assert issues(con) == [] and in_force(con) == set()


def test_a_decision_that_was_taken_back_is_kept_and_not_obeyed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "d.csv",
        line("town/tax:1", "town/tax:2", decision_id="d_1"),
        line("", "", "revoke", revokes="d_1", decided_by="B. Head", reason="wrong file"),
        line("town/tax:1", "town/tax:2", "not_same"),
    )
    read_decisions(con, path)
    assert issues(con) == [] and in_force(con) == {("tax:1#payer", "not_same", "tax:2#payer")}
    assert con.execute(
        "select revoked_by, revoked_reason from entity.decision where decision_id = 'd_1'"
    ).fetchall() == [("B. Head", "wrong file")]
    assert tally(con) == {"not same": 1, "taken back": 1}


def test_a_contradiction_through_others_is_reported_and_none_of_it_obeyed(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "d.csv",
        line("town/tax:1", "town/tax:2"),
        line("town/tax:2", "town/tax:3"),
        line("town/tax:3", "town/tax:1", "not_same"),
        line("town/tax:3", "town/tax:4"),
    )
    read_decisions(con, path)
    assert issues(con) == [(2, "contradiction"), (3, "contradiction"), (4, "contradiction")]
    assert in_force(con) == {("tax:3#payer", "same", "tax:4#payer")}
    [(message,)] = con.execute("select message from quality.issue where line = 4").fetchall()
    assert "Lines 2, 3, 4 cannot all be true." in message


def test_an_unknown_record_comes_back_into_force_with_the_record(
    con: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    path = write(tmp_path / "d.csv", line("town/tax:1", "town/tax:99"))
    read_decisions(con, path)
    assert con.execute("select severity from quality.issue").fetchall() == [("warning",)] and not in_force(
        con
    )
    _person(con, "town/tax", "99", "payer")
    read_decisions(con, path)
    assert issues(con) == [] and in_force(con) == {("tax:1#payer", "same", "tax:99#payer")}


def test_two_decisions_of_one_id_are_one(con: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    path = write(
        tmp_path / "d.csv", *[line("town/tax:1", f"town/tax:{n}", decision_id="d_1") for n in (2, 3)]
    )
    read_decisions(con, path)
    assert issues(con) == [(3, "repeated_id")]
    assert in_force(con) == {("tax:1#payer", "same", "tax:2#payer")}


def test_contradictions_spare_what_is_not_part_of_them() -> None:
    def said(pair: str, is_same: bool = True) -> Said:
        return Said("person", pair[0], pair[1], is_same, pair if is_same else pair + "!")

    assert contradictions([said("ab"), said("bc"), said("cd"), said("xy"), said("ad", False)]) == [
        ["ad!", "cd", "bc", "ab"]
    ]
    # another way round is found too; what hangs on beside stays
    [group] = contradictions([said("ab"), said("bd"), said("ac"), said("cd"), said("de"), said("ad", False)])
    assert sorted(group) == ["ab", "ac", "ad!", "bd", "cd"]
    assert contradictions([said("ab"), said("cd"), said("ac", False)]) == []
    assert contradictions([Said("person", "a", "b", True, "1"), Said("business", "a", "b", False, "2")]) == []
