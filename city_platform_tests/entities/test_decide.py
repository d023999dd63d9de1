"""Adding a decision: whole or not at all, by several at once, and to a file that people edit too."""

from __future__ import annotations

import multiprocessing
import stat
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from city_platform.entities.decide import DecideError, append, find_records, new_values, revoking_values
from city_platform.entities.decisions import Record, read_file
from city_platform.tables import fixed_tables

A, B = Record("town/tax", "1", "payer"), Record("town/roll", "9", "person")
LONG = "0123456789abcdef" * 4


@pytest.fixture
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        opened.execute("create schema entity")
        for name in ("entity.link", "entity.node_record", "entity.event"):
            opened.execute(fixed_tables()[name].ddl())
        for feed, key, kind, role, entity in (
            ("town/tax", "1", "person", "payer", "p_1"),
            ("town/tax", "1", "address", "site", "a_1"),
            ("town/tax", "12", "address", "site", "a_1"),
            ("town/roll", "9", "person", "person", "p_2"),
            ("town/roll", "9", "person", "partner", "p_3"),
            ("town/roll", "9", "address", "site", "a_1"),
            ("town/rates", LONG, "business", "business", "b_1"),
            ("town/rates", LONG, "organisation", "owner", "o_1"),
            ("town/rates", "7#west", "business", "business", "b_2"),
            ("town/rates", "7#west", "organisation", "owner", "o_1"),
        ):
            opened.execute(
                "insert into entity.link (feed, record_key, entity_type, role, entity_id) values (?, ?, ?, ?, ?)",
                [feed, key, kind, role, entity],
            )
        yield opened


def test_the_type_that_is_meant_is_the_one_that_both_name(con: duckdb.DuckDBPyConnection) -> None:
    assert find_records(con, ("town/tax:1", "town/roll:9#person"), None) == ("person", A, B)
    assert find_records(con, ("town/tax:1", "town/tax:12"), None)[0] == "address"
    kind, one, other = find_records(con, ("town/rates:7#west", f"town/rates:{LONG[:9]}…"), "business")
    assert (kind, one.record_key, other.record_key) == ("business", "7#west", LONG)


@pytest.mark.parametrize(
    ("a", "b", "kind", "said"),
    [
        ("town/tax:1", "town/roll:9", None, "end it with #partner or #person"),
        ("town/tax:1", "town/roll:9#child", "person", "names no person as child"),
        ("town/taxes:1", "town/roll:9", None, "Did you mean town/tax"),
        ("town/rates:7#wset", "town/roll:9", None, "Did you mean 7#west"),
        (
            "p_1",
            "town/roll:9",
            None,
            "entities change, so a decision names records. Some of its records: town/tax:1#payer",
        ),
        ("anything", "town/roll:9", None, "agency/feed:record_key"),
        ("town/tax:12", "town/roll:9", "person", "town/tax:12 names no person. It names an address."),
        (f"town/rates:{LONG}", "town/rates:7#west", None, "Say which is meant: --type business"),
        ("town/tax:1", "town/tax:1#payer", "person", "the same record"),
        ("town/tax:1…", "town/roll:9", None, "several records begin so"),
        ("town/tax:1", f"town/rates:{LONG}", None, "there is nothing that both name"),
    ],
)
def test_what_cannot_be_decided_is_said(
    con: duckdb.DuckDBPyConnection, a: str, b: str, kind: str | None, said: str
) -> None:
    with pytest.raises(DecideError) as error:
        find_records(con, (a, b), kind)
    assert said in str(error.value)


def test_a_line_is_read_as_it_was_added(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    decision = append(path, new_values("person", A, B, "not-same", "A. Clerk", 'says "no",\nfirmly'))
    [line] = read_file(path).lines
    assert (line.problem, line.decision_id, line.a, line.b) == (None, decision, A, B)
    assert (line["judgement"], line["reason"]) == ("not_same", 'says "no", firmly')
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    append(path, revoking_values(path, decision, "B. Head", "wrong"))
    assert [x.revoked_by is not None for x in read_file(path).lines] == [True]
    with pytest.raises(DecideError, match="was taken back already, by B. Head"):
        revoking_values(path, decision, "B. Head", "wrong")
    with pytest.raises(DecideError, match="has no decision d_x. Its newest"):
        revoking_values(path, "d_x", "B. Head", "wrong")


def test_a_file_whose_last_line_has_no_end_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    append(path, new_values("person", A, B, "same", "me", "one"))
    path.write_text(path.read_text().rstrip("\n"))
    append(path, new_values("person", A, B, "same", "me", "two"))
    assert [x["reason"] for x in read_file(path).lines] == ["one", "two"]


def test_a_line_is_written_in_the_order_of_the_header(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text("reason,decided_at,decided_by,judgement,record_b,record_a,entity_type\n")
    append(path, new_values("person", A, B, "same", "me", "one"))
    [line] = read_file(path).lines
    assert (line.problem, line.a, line["reason"]) == (None, A, "one")


def test_nothing_is_added_to_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    path.write_text("some,other,file\n")
    with pytest.raises(DecideError, match="Put the header back"):
        append(path, new_values("person", A, B, "same", "me", "one"))
    assert path.read_text() == "some,other,file\n"


@pytest.mark.parametrize(("by", "why", "said"), [(" ", "x", "--by is empty"), ("x", "\n", "--why is empty")])
def test_who_and_why_are_asked_for(by: str, why: str, said: str) -> None:
    with pytest.raises(DecideError, match=said):
        new_values("person", A, B, "same", by, why)


def _add(path: Path, who: int) -> None:
    for n in range(5):
        append(path, new_values("person", A, B, "same", f"clerk {who}", f"reason {n}"))


def test_several_clerks_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "decisions.csv"
    clerks = [multiprocessing.get_context("fork").Process(target=_add, args=(path, n)) for n in range(4)]
    for clerk in clerks:
        clerk.start()
    for clerk in clerks:
        clerk.join(20)
    lines = read_file(path).lines
    assert len({x.decision_id for x in lines}) == 20 and not any(x.problem for x in lines)
