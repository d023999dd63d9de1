"""Decisions about addresses: what `same` and `not_same` do to the records' addresses."""

from __future__ import annotations

from collections import defaultdict

import duckdb
import pytest

from city_platform.entities.address_decisions import apply_address_decisions
from city_platform.entities.decisions import decide_pairs
from city_platform.tables import fixed_tables

MEMBERS = {  # record: site, unit
    "a": ("uprn|1", None),
    "b": ("uprn|1", None),
    "c": ("uprn|1", "uprn|1|FLAT 2"),
    "d": ("uprn|5", None),
    "e": ("own|HIGH STREET|EM1|7", None),
    "f": ("own|HIGH STREET|EM1|7", "own|HIGH STREET|EM1|7|FLAT 1"),
    "g": ("uprn|1", "uprn|1|FLAT 2"),
}
Address = dict[str, frozenset[str]]


def decided(*said: str) -> duckdb.DuckDBPyConnection:
    """A connection after decisions such as "a = d", "a ! b"; "lost" is a record without an address; a name with ' is a unit."""
    con = duckdb.connect()
    con.execute("create schema entity")
    for name in ("entity.decision", "entity.observation"):
        con.execute(fixed_tables()[name].ddl())
    con.execute(
        "create temp table address_member (role varchar, cluster varchar, site varchar, unit varchar, "
        "feed varchar, record_key varchar, known_time timestamp, method varchar, probability double, "
        "evidence varchar)"
    )
    con.execute("set variable gazetteer_feed = 'town/gazetteer'")
    for key in (*MEMBERS, "lost"):
        con.execute(
            "insert into entity.observation (feed, record_key, known_time, has_business) values (?, ?, '2020-01-01', false)",
            [_feed(key), key],
        )
    for key, (site, unit) in MEMBERS.items():
        rows = [("site", site, None), ("unit", unit, "FLAT")] if unit else [("site", site, None)]
        for role, cluster, part in rows:
            con.execute(
                "insert into address_member values (?, ?, ?, ?, ?, ?, '2020-01-01', 'exact', 1, 'text')",
                [role, cluster, site, part, _feed(key), key],
            )
    for n, text in enumerate(said):
        one, sign, other = text.split()
        role = "unit" if one.endswith("'") else "site"
        one, other = one.rstrip("'"), other.rstrip("'")
        con.execute(
            "insert into entity.decision (decision_id, entity_type, judgement, line, feed_a, record_key_a, role_a, feed_b, "
            "record_key_b, role_b) values (?, 'address', ?, 2, ?, ?, ?, ?, ?, ?)",
            [
                f"d_{n}",
                "same" if sign == "=" else "not_same",
                _feed(one),
                one,
                role,
                _feed(other),
                other,
                role,
            ],
        )
    decide_pairs(con)
    apply_address_decisions(con)
    return con


def _feed(key: str) -> str:
    return "town/gazetteer" if key == "d" else "town/calls"


def together(con: duckdb.DuckDBPyConnection, role: str = "site") -> set[str]:
    found = defaultdict(set)
    for cluster, key in con.execute(
        "select cluster, record_key from address_member where role = ?", [role]
    ).fetchall():
        found[cluster].add(key)
    return {"".join(sorted(keys)) for keys in found.values()}


@pytest.mark.parametrize(
    ("said", "sites"),
    [
        ((), {"abcg", "d", "ef"}),
        (("a = e",), {"abcefg", "d"}),
        (("a ! b",), {"acg", "b", "d", "ef"}),
        (("a ! b", "b = c"), {"ag", "bc", "d", "ef"}),  # c was decided the same as b and goes with it
        (("a ! b", "b = e"), {"acg", "bef", "d"}),
        (("a ! b", "b = e", "f = c"), {"acfg", "be", "d"}),  # joined again by way of e and f
        (("a ! e",), {"abcg", "d", "ef"}),  # they were apart
        (("a = d", "a ! e"), {"abcdg", "ef"}),
    ],
)
def test_sites_are_as_decided(said: tuple[str, ...], sites: set[str]) -> None:
    assert together(decided(*said)) == sites


def test_the_gazetteers_own_record_is_never_taken_out() -> None:
    con = decided("a = d")
    assert together(con) == {"abcdg", "ef"}
    con = decided("a ! d", "b = d")
    assert con.execute("select cluster from address_member where record_key = 'd'").fetchall() == [
        ("uprn|1",)
    ]


def test_a_unit_goes_with_its_site() -> None:
    con = decided("a ! c")
    assert together(con) == {"abg", "c", "d", "ef"}
    assert together(con, "unit") == {"c", "f", "g"}
    con = decided("a = e")
    assert con.execute("select distinct site from address_member where record_key = 'f'").fetchall() == [
        ("uprn|1",)
    ]
    assert together(con, "unit") == {"cg", "f"}


def test_what_is_decided_of_units_leaves_others_in_their_site() -> None:
    con = decided("c' ! g'")
    assert together(con) == {"abcg", "d", "ef"} and together(con, "unit") == {"c", "f", "g"}
    con = decided("c' = f'")  # one flat is in one building
    assert together(con) == {"abcefg", "d"} and together(con, "unit") == {"cfg"}
    assert con.execute("select count(distinct site) from address_member where role = 'unit'").fetchone() == (
        1,
    )


def test_a_record_without_an_address_takes_the_one_that_was_decided() -> None:
    con = decided("lost = e")
    assert con.execute(
        "select list_sort(list(record_key)) from address_member group by cluster having 'lost' in list(record_key)"
    ).fetchall() == [(["e", "f", "lost"],)]
    assert con.execute(
        "select method, evidence from address_member where record_key = 'lost'"
    ).fetchall() == [("decision", "decision d_0")]
