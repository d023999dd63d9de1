"""Laws 5 and 6: ids are for ever, and the same records give the same tables, in whatever order they come."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from datetime import datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.entities.resolve import id_checks
from city_platform.rebuild import run_checks
from city_platform_tests.entities.small_town import LICENCES, VISITS, Row, Town, visit

HERE, THERE = "101 N FERN AVE", "900 S OAK ST"
Clusters = dict[str, frozenset[str]]  # records by id


def ids(town: Town, role: str = "site") -> Clusters:
    found = defaultdict(set)
    for entity, key in town.rows(f"select entity_id, record_key from entity.link where role = '{role}'"):
        found[entity].add(key)
    return {entity: frozenset(keys) for entity, keys in found.items()}


def history(town: Town, run_id: str, role_of: str = "address") -> list[tuple[str, str, str]]:
    """(kind, old id, new id) of one run and one type, sorted."""
    return town.rows(
        "select kind, old_id, new_id from entity.id_history "
        f"where run_id = '{run_id}' and entity_type = '{role_of}' order by all"
    )


class Steps:
    """Runs over changing visits; each number of a street is a site."""

    def __init__(self) -> None:
        self.town = Town()
        self.runs = 0

    def run(self, **addresses: str) -> Clusters:
        """One run over these records; returns sites by id."""
        self.runs += 1
        self.town.put(VISITS, [visit(k, a) for k, a in addresses.items()])
        self.town.resolve(f"run {self.runs}")
        return ids(self.town)

    @property
    def changes(self) -> list[tuple[str, str, str]]:
        return history(self.town, f"run {self.runs}")


def test_id_derives_from_its_founding_record() -> None:
    """The record known first founds it; other records, and what else there is, play no part."""
    rows = [visit("b", HERE) | {"day": "2013-02-01"}, visit("a", HERE) | {"day": "2013-03-01"}]
    alone, among = Town(), Town()
    alone.put(VISITS, rows[:1])
    among.put(VISITS, [*rows, visit("c", THERE)])
    [founded] = ids(alone.resolve())
    assert ids(among.resolve("another run"))[founded] == {"a", "b"}
    founders = "select new_id, founding_feed, founding_record_key from entity.id_history where new_id = ?"
    assert among.con.execute(founders, [founded]).fetchall() == [(founded, "town/visits", "b")]


def test_ids_tell_their_type() -> None:
    town = Town()
    town.put(LICENCES, [{"key": "a", "address": HERE, "name": "FERN", "account": "1"}])
    town.resolve()
    prefix = {r: i[:2] for r in ("site", "business", "owner") for i in ids(town, r)}
    assert prefix == {"site": "a_", "business": "b_", "owner": "o_"}


def test_id_stays_when_records_join_and_leave() -> None:
    steps = Steps()
    [first] = steps.run(a=HERE, b=HERE)
    assert steps.run(b=HERE, c=HERE) == {first: {"b", "c"}}
    assert steps.run(c=HERE) == {first: {"c"}}, "the founding record is gone, the id is not"
    assert steps.changes == []


def test_merge_keeps_the_larger_and_redirects_the_other() -> None:
    steps = Steps()
    before = steps.run(a="101 N FERN AVE", b="101 N FERN AVE", c="105 N FERN AVE")
    large, small = sorted(before, key=lambda i: -len(before[i]))
    assert steps.run(a="101 N FERN AVE", b="101-105 N FERN AVE", c="105 N FERN AVE") == {
        large: {"a", "b", "c"}
    }
    assert steps.changes == [("merge", small, large)]
    assert steps.town.rows("select * from entity.redirect") == [("address", small, large)]


def test_split_keeps_the_id_with_most_records() -> None:
    steps = Steps()
    [old] = steps.run(a="101 N FERN AVE", b="101-105 N FERN AVE", c="105 N FERN AVE")
    after = steps.run(a="101 N FERN AVE", b="101 N FERN AVE", c="105 N FERN AVE")
    [new] = after.keys() - {old}
    assert after == {old: {"a", "b"}, new: {"c"}}
    assert steps.changes == [("create", "", new), ("split", old, new)]


def test_retired_id_leads_nowhere_and_its_record_founds_another() -> None:
    steps = Steps()
    [old] = steps.run(a=HERE)
    assert steps.run(b=THERE).keys().isdisjoint({old})
    assert ("retire", old, "") in steps.changes
    assert steps.town.rows("select * from entity.redirect") == [("address", old, None)]
    again = steps.run(a=HERE, b=THERE)
    assert old not in again
    assert len(again) == 2


def test_redirects_lead_to_today_in_one_step() -> None:
    """a into b, then b into c: a leads to c; then c goes: both lead nowhere."""
    steps = Steps()
    first = {
        next(iter(k)): i
        for i, k in steps.run(a="101 N FERN AVE", b="105 N FERN AVE", x="109 N FERN AVE").items()
    }
    steps.run(a="101-105 N FERN AVE", b="105 N FERN AVE", b2="105 N FERN AVE", x="109 N FERN AVE")
    stands, gone = (first["a"], first["b"]) if first["a"] in ids(steps.town) else (first["b"], first["a"])
    assert dict(steps.town.rows("select old_id, new_id from entity.redirect")) == {gone: stands}
    steps.run(a="101 N FERN AVE", x="101-109 N FERN AVE", y="109 N FERN AVE", x2="109 N FERN AVE")
    today = list(ids(steps.town))
    assert len(today) == 1
    redirects = dict(steps.town.rows("select old_id, new_id from entity.redirect"))
    assert redirects == {i: today[0] for i in first.values() if i != today[0]}
    steps.run(z=THERE)
    assert set(dict(steps.town.rows("select old_id, new_id from entity.redirect")).values()) == {None}


def test_ids_of_like_named_records_do_not_meet() -> None:
    """A record's count of foundings stands apart from its key, whatever the key holds."""
    steps = Steps()
    steps.run(a=HERE)
    steps.run(z=THERE)
    steps.run(a=HERE, z=THERE)  # a founds a second time
    steps.run(**{"a": HERE, "a|1": "500 W ELM PL", "z": THERE})
    assert [c.check for c in run_checks(steps.town.con, [], id_checks()) if not c.passed] == []
    assert len(ids(steps.town)) == 3


def test_cause_is_recorded_for_every_change() -> None:
    steps = Steps()
    steps.run(a="101 N FERN AVE", c="105 N FERN AVE", d=THERE)
    steps.run(a="101-105 N FERN AVE", c="105 N FERN AVE")
    steps.run(a="101 N FERN AVE", c="105 N FERN AVE")
    found = steps.town.rows("select kind, cause from entity.id_history group by all order by all")
    assert found == [(k, "data") for k in ("create", "merge", "retire", "split")]


def mixed_rows() -> dict[str, list[Row]]:
    rng = random.Random(3)
    streets = ["N FERN AVE", "N FERN", "S OAK ST", "W ELM PL"]
    names = ["FERN DINER", "OAK GRILL", "ELM CAFE", "ASH PUB", "FIR BAR"]

    def row(n: int) -> Row:
        low = 100 + rng.randrange(12)
        return {
            "key": f"{n:03d}",
            "address": f"{low}{rng.choice(['', f'-{low + 2}'])} {rng.choice(streets)}{rng.choice(['', ' STE 4'])}",
            "name": rng.choice(names),
            "number": str(rng.randrange(8)),
        }

    start = datetime(2013, 1, 1)
    visits = [row(n) | {"day": f"{start + timedelta(days=rng.randrange(90)):%Y-%m-%d}"} for n in range(60)]
    licences = [
        row(n)
        | {"account": str(rng.randrange(6)), "legal": rng.choice(["FERN INC", "OAK LLC", "MARIA EXAMPLE"])}
        for n in range(40)
    ]
    return {"visits": visits, "licences": licences}


def run_twice(rows: dict[str, list[Row]]) -> Town:
    """A first half, then all, so that ids are kept, merged and founded."""
    town = Town()
    for run, share in (("run 1", 2), ("run 2", 1)):
        town.put(VISITS, [r for r in rows["visits"] if int(r["key"]) % share == 0])
        town.put(LICENCES, [r for r in rows["licences"] if int(r["key"]) % share == 0])
        town.resolve(run)
    return town


@pytest.mark.parametrize("seed", [1, 2])
def test_order_of_records_makes_no_difference(seed: int) -> None:
    rows = mixed_rows()
    shuffled = {k: random.Random(seed).sample(v, len(v)) for k, v in rows.items()}
    assert shuffled != rows
    left, right = run_twice(rows).tables(), run_twice(shuffled).tables()
    filled = {
        "address",
        "business",
        "organisation",
        "link",
        "identifier",
        "relationship",
        "attribute",
        "redirect",
    }
    assert not [n for n in filled if not left[n]], "the rows fill every table that has to do with ids"
    assert [n for n in left if left[n] != right[n]] == []


def test_nothing_new_changes_nothing() -> None:
    town = run_twice(mixed_rows())
    before = town.tables()
    town.resolve("run 3")
    assert [n for n, rows in town.tables().items() if rows != before[n]] == []


NUMBERS = st.sampled_from(["101", "101-103", "103", "103-105", "105", "105-107", "107", "109-111"])
CHANGE = st.dictionaries(st.sampled_from("abcdefgh"), st.one_of(st.none(), NUMBERS), min_size=1, max_size=6)


@settings(derandomize=True, deadline=None, max_examples=12, phases=(Phase.explicit, Phase.generate))
@given(changes=st.lists(CHANGE, min_size=3, max_size=5))
def test_ids_are_for_ever(changes: list[dict[str, str | None]]) -> None:
    """Records are added, moved and removed (None) at random; every law of ids is checked after every run."""
    steps = Steps()
    state: dict[str, str] = {}
    before: Clusters = {}
    for change in changes:
        state = {k: v for k, v in (state | change).items() if v is not None}
        after = steps.run(**{k: f"{n} N FERN AVE" for k, n in state.items()})
        check_changes(before, after, steps.changes)
        check_all_time(steps.town)
        before = after


def check_changes(before: Clusters, after: Clusters, changes: list[tuple[str, str, str]]) -> None:
    """One run: who keeps an id, and what is recorded of those that do not."""
    shared = {
        (old, new): len(before[old] & after[new])
        for old in before
        for new in after
        if before[old] & after[new]
    }
    best_old = {
        n: min((o for o, m in shared if m == n), key=lambda o: (-shared[o, n], o), default=None)
        for n in after
    }
    best_new = {
        o: min((n for p, n in shared if p == o), key=lambda n: (-shared[o, n], min(after[n])), default=None)
        for o in before
    }
    expected = []
    for new, old in best_old.items():
        is_mutual = old is not None and best_new[old] == new
        assert (new in before) == is_mutual, (
            f"{new} is kept though not by mutual best overlap, or is not though it is"
        )
        if is_mutual:
            assert new == old
        else:
            expected.append(("create", "", new))
            expected += [("split", o, new) for o, n in shared if n == new and o in after]
    for old in before.keys() - after.keys():
        heirs = {n: shared[old, n] for n in after if (old, n) in shared}
        [(kind, _, new)] = [c for c in changes if c[1] == old and c[0] != "split"]
        assert (kind, bool(new)) == (("merge", True) if heirs else ("retire", False))
        assert not heirs or heirs[new] == max(heirs.values())
        expected.append((kind, old, new))
    assert sorted(expected) == changes


def check_all_time(town: Town) -> None:
    """All runs so far."""
    in_use = {i for (i,) in town.rows("select distinct entity_id from entity.link")}
    created = Counter(i for (i,) in town.rows("select new_id from entity.id_history where kind = 'create'"))
    assert in_use <= created.keys()
    assert set(created.values()) <= {1}
    redirects = dict(town.rows("select old_id, new_id from entity.redirect"))
    assert redirects.keys() == created.keys() - in_use, (
        "each id that was ever created stands, or is redirected"
    )
    assert {new for new in redirects.values() if new is not None} <= in_use
    assert {c.check: c.message for c in run_checks(town.con, [], id_checks()) if not c.passed} == {}


@pytest.mark.parametrize(
    ("fault", "check"),
    [
        pytest.param(
            "insert into entity.id_history by name select * replace ('run 9' as run_id) from entity.id_history",
            "ids_are_never_used_again", id="an id created twice",
        ),
        pytest.param(
            "delete from entity.id_history", "ids_have_a_founding_record", id="an id that no record founded"
        ),
        pytest.param(
            "insert into entity.redirect select entity_type, entity_id, null from entity.link limit 1",
            "ids_gone_are_not_in_use", id="an id gone and in use",
        ),
    ],
)  # fmt: skip
def test_check_turns_red_where_an_id_is_used_again(fault: str, check: str) -> None:
    steps = Steps()
    steps.run(a=HERE)
    steps.town.con.execute(fault)
    assert [c.check for c in run_checks(steps.town.con, [], id_checks()) if not c.passed] == [check]
