"""Which records are about one business, and about one owner."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.rebuild import sql_file
from city_platform_tests.entities.small_town import (
    LICENCES,
    Partition,
    Row,
    Town,
    partition,
    resolved,
    visit,
)  # fmt: skip

HERE, THERE = "101 N FERN AVE", "900 S OAK ST"


def businesses(*rows: tuple[str | None, str | None, str | None]) -> Partition:
    """(address, name, number) of the records a, b, c, …"""
    return resolved(visit(key, *row) for key, row in zip("abcdef", rows, strict=False)).together("business")


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "OAK GRILL", "7")], ["ab"], id="number and site"),
        pytest.param([(HERE, "FERN DINER", "7"), (THERE, "Fern Diner Inc.", "7")], ["ab"], id="number and name"),
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "Fern Diner", "8")], ["ab"], id="name and site"),
        pytest.param([(HERE, "FERN DINER", None), (HERE, "FERN DINER", "8")], ["ab"], id="name and site, one number"),
        pytest.param([(HERE, "FERN DINER", "7"), (THERE, "OAK SCHOOL", "7")], ["a", "b"], id="number alone"),
        pytest.param([(HERE, "FERN DINER", None), (THERE, "FERN DINER", None)], ["a", "b"], id="name alone"),
        pytest.param([(HERE, "FERN DINER", "7"), (HERE, "OAK GRILL", "8")], ["a", "b"], id="site alone"),
        pytest.param([(HERE, "FERN DINER", "0"), (HERE, "OAK GRILL", "0")], ["a", "b"], id="placeholder and site"),
        pytest.param([(HERE, "FERN DINER", "0"), (THERE, "FERN DINER", "0")], ["a", "b"], id="placeholder and name"),
        pytest.param([(None, "FERN DINER", None), (None, "FERN DINER", None)], ["a", "b"], id="name, no address"),
        pytest.param([(None, "FERN DINER", "7"), (None, "FERN DINER", "7")], ["ab"], id="number and name, no address"),
        pytest.param([(HERE, None, None), (HERE, "---", "0")], [], id="no name and no number is no business"),
        pytest.param(
            [(HERE, "FERN DINER", "7"), (THERE, "FERN DINER", "7"), (THERE, "OAK GRILL", "7")], ["abc"],
            id="each joined with the next",
        ),
    ],
)  # fmt: skip
def test_which_records_are_one_business(rows: list[tuple[str | None, ...]], expected: list[str]) -> None:
    assert businesses(*rows) == partition(*expected)  # type: ignore[arg-type]


def test_record_without_name_and_number_is_counted_as_lost() -> None:
    town = resolved([visit("a", HERE), visit("b", HERE, "FERN DINER")])
    [line] = [b for b in town.budget if b.step == "linked to a business" and b.subject == "town/visits"]
    assert (line.rows_in, line.rows_out, line.reason) == (2, 1, "no business is named")


def test_alias_joins_as_a_name_does() -> None:
    rows = [visit("a", HERE, "FERN HOLDING", "7") | {"alias": "FERN DINER"}, visit("b", HERE, "FERN DINER")]
    assert resolved(rows).together("business") == partition("ab")


def test_number_that_disagrees_on_address_and_name_is_reported_as_a_collision() -> None:
    """A school's id equal to a licence number joins nothing, and is seen to prove nothing alone."""
    town = Town()
    town.put(LICENCES, [{"key": "licence", "name": "FERN DINER", "number": "7", "address": HERE}])
    town.put(
        town.feeds[1], [visit("school", THERE, "OAK SCHOOL", "7"), visit("diner", HERE, "FERN DINER", "8")]
    )
    town.resolve()
    assert town.together("business") == {frozenset({"licence", "diner"}), frozenset({"school"})}
    found = town.rows("select value, is_collision, count(*) from entity.identifier group by all order by all")
    assert found == [("7", True, 2), ("8", False, 1)]


def test_placeholder_is_no_identifier() -> None:
    town = resolved([visit("a", HERE, "FERN DINER", "0")])
    assert town.rows("select * from entity.identifier") == []


def test_many_businesses_of_one_address_are_not_merged() -> None:
    """An airport."""
    rows = [
        visit(f"{n} {year}", HERE, f"STAND {chr(65 + n)}", str(n + 1)) for n in range(20) for year in (1, 2)
    ]
    town = resolved(rows)
    assert town.together("business") == {frozenset({f"{n} 1", f"{n} 2"}) for n in range(20)}
    assert len(town.together("site")) == 1


def test_evidence_says_what_agreed_without_values() -> None:
    rows = [
        visit("a", HERE, "FERN DINER", "7"), visit("b", HERE, "OAK GRILL", "7"), visit("c", THERE, "ELM CAFE"),
        visit("d", THERE, "ELM CAFE", "9"),
    ]  # fmt: skip
    found = resolved(rows).rows(
        "select record_key, method, evidence from entity.link where role = 'business' order by 1"
    )
    assert found == [
        ("a", "identifier", "same number at site"),
        ("b", "identifier", "same number at site"),
        ("c", "exact", "same name at site"),
        ("d", "exact", "same name at site"),
    ]


def licence(key: str, **values: str | None) -> Row:
    return {
        "key": key,
        "address": HERE,
        "name": f"SHOP {key}",
        "number": key,
        "legal": None,
        "account": None,
    } | values


def test_owner_is_known_by_number_or_by_a_company_name() -> None:
    rows = [
        licence("a", account="1", legal="FERN INC"),
        licence("b", account="1", legal="FERN FOODS INC"),
        licence("c", legal="OAK LLC"),
        licence("d", legal="Oak, L.L.C."),
        licence("e", legal="MARIA EXAMPLE"),
        licence("f", account="0"),
    ]
    assert resolved(rows, LICENCES).together("owner") == partition("ab", "cd")


def test_name_of_a_person_who_trades_stands_in_personal_columns_only() -> None:
    """Law 8."""
    town = resolved(
        [licence("a", account="1", legal="MARIA EXAMPLE"), licence("b", account="2", legal="FERN INC")],
        LICENCES,
    )
    names = "select legal_name, private_name from entity.business order by name"
    assert town.rows(names) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]
    owners = "select name, private_name from entity.organisation order by name nulls first"
    assert town.rows(owners) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]
    claims = (
        "select value, private_value from entity.attribute where attribute = 'legal_name' order by record_key"
    )
    assert town.rows(claims) == [(None, "MARIA EXAMPLE"), ("FERN INC", None)]


OBSERVED = st.tuples(
    *(st.sampled_from([None, *values]) for values in ("1234", "ABCD", "WXYZ", ["1", "2", "3", "4"]))
)
KNOWN = datetime(2014, 1, 1)


@pytest.fixture(scope="module")
def town() -> Town:
    return Town()


@settings(derandomize=True, deadline=None, max_examples=40, phases=(Phase.explicit, Phase.generate))
@given(observed=st.lists(OBSERVED, min_size=1, max_size=14))
def test_businesses_are_the_connected_components(
    town: Town, observed: list[tuple[str | None, str | None, str | None, str | None]]
) -> None:
    """Compared with a union-find in plain Python over the rules that businesses.sql states."""
    assert clusters(town, observed) == united(observed)


def test_long_chains_are_followed_to_their_end(town: Town) -> None:
    """Record n shares a name with n + 1 only, in an order that is not that of the record keys."""
    size = 300
    observed = [("1", f"N{n}", f"N{n + 1}", None) for n in ((i * 77) % size for i in range(size))]
    assert [len(c) for c in clusters(town, observed)] == [size]
    without = [o for o in observed if o[1] != "N150"]
    assert sorted(len(c) for c in clusters(town, without)) == [149, 150]


def clusters(town: Town, observed: list[tuple[str | None, ...]]) -> Partition:
    """What businesses.sql makes of (site, name, alias, number)."""
    town.con.execute("delete from entity.observation")
    columns = "feed varchar, record_key varchar, site varchar, name varchar, alias varchar, number varchar"
    town.con.execute(f"create or replace temp table given ({columns})")
    rows = [{"k": str(n), "s": s, "a": a, "b": b, "n": i} for n, (s, a, b, i) in enumerate(observed)]
    town.con.execute(
        "insert into given select 'f', r.k, r.s, r.a, r.b, r.n from (select unnest("
        "?::struct(k varchar, s varchar, a varchar, b varchar, n varchar)[]) as r)",
        [rows],
    )
    town.con.execute(
        "insert into entity.observation by name select feed, record_key, ?::timestamp as known_time, "
        "true as has_business, name as name_key, alias as alias_key, 'licence' as business_scheme, "
        "number as business_number from given",
        [KNOWN],
    )
    town.con.execute(
        "create or replace temp table address_member as select 'address' as entity_type, 'site' as role, "
        "site as cluster, site, null as unit, feed, record_key, ?::timestamp as known_time from given "
        "where site is not null",
        [KNOWN],
    )
    town.con.execute(sql_file("entities/businesses.sql"))
    found = defaultdict(set)
    for cluster, key in town.rows("select cluster, record_key from business_member"):
        found[cluster].add(key)
    named = [o for o in observed if any(o[1:])]
    assert sum(map(len, found.values())) == len(named), "a record is lost, or is two businesses"
    return {frozenset(keys) for keys in found.values()}


def united(observed: list[tuple[str | None, ...]]) -> Partition:
    above = list(range(len(observed)))

    def top(n: int) -> int:
        while above[n] != n:
            n = above[n]
        return n

    for n, (site, name, alias, number) in enumerate(observed):
        names = {name, alias} - {None}
        for m, (site_m, name_m, alias_m, number_m) in enumerate(observed[:n]):
            same_site = site is not None and site == site_m
            same_number = number is not None and number == number_m
            same_name = bool(names & ({name_m, alias_m} - {None}))
            if same_site + same_number + same_name >= 2:
                above[top(n)] = top(m)
    found = defaultdict(set)
    for n, (_, *stated) in enumerate(observed):
        if any(stated):
            found[top(n)].add(str(n))
    return {frozenset(keys) for keys in found.values()}
