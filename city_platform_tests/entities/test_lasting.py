"""What follows once records are in clusters: links with reasons, values with evidence, relationships, only of what changed."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.warehouse import load_extension
from city_platform_tests.entities.settled import FEEDS, FIRMS, OWNERS, PEOPLE, Record, Settled, but

JANE = Record("a", person="jane", address="HERE")
JANE_AGAIN = Record("b", person="jane", address="HERE", name="Jane JONES")
JOHN = Record("c", person="john", address="THERE", name="JOHN SMITH")
CAFE = Record(
    "f", "town/firms", "HERE", business="cafe", owner="fern", name="CAFE", legal="FERN LTD", number="7", first="2013-01-01",
    last="2013-12-31",
)  # fmt: skip


def touched(settled: Settled) -> set[str]:
    """The ids that were made anew in the last run."""
    return {i for (i,) in settled.rows("select entity_id from touched")}


PLACES = st.sampled_from([None, "HERE", "THERE", "ELSEWHERE"])
WHO = st.sampled_from([None, "p", "q", "r"])
SAID: dict[str, st.SearchStrategy[Any]] = {
    "address": PLACES,
    "unit": st.sampled_from([None, "HERE|1"]),
    "known": st.sampled_from(["2013-01-01", "2014-01-01"]),
    "first": st.sampled_from([None, "2012-01-01", "2013-06-01"]),
    "last": st.sampled_from([None, "2012-12-31", "2013-12-31"]),
    "postcode": st.sampled_from([None, "1", "2"]),
}
PERSONAL = st.builds(
    Record, key=st.just(""), feed=st.sampled_from([PEOPLE.id, OWNERS.id]), person=WHO,
    name=st.sampled_from(["JANE SMITH", "Jane Jones", "J Smith"]), born=st.sampled_from([None, "1980-02-03", "1980-02-01"]),
    owner=st.sampled_from([None, "m"]), **SAID,
)  # fmt: skip
TRADING = st.builds(
    Record, key=st.just(""), feed=st.just(FIRMS.id), business=WHO, owner=st.sampled_from([None, "m", "n"]),
    name=st.sampled_from(["CAFE", "PUB"]), legal=st.sampled_from([None, "FERN LTD", "JANE SMITH"]),
    number=st.sampled_from([None, "1", "2"]), **SAID,
)  # fmt: skip
CHANGES = st.dictionaries(
    st.sampled_from("abcdefgh"), st.one_of(st.none(), PERSONAL, TRADING), min_size=1, max_size=4
)


@settings(derandomize=True, deadline=None, max_examples=6, phases=(Phase.explicit, Phase.generate))
@given(
    first=st.dictionaries(st.sampled_from("abcdefgh"), st.one_of(PERSONAL, TRADING), min_size=5),
    changes=st.lists(CHANGES, min_size=2, max_size=3),
)
def test_what_is_made_by_difference_is_what_is_made_anew(
    first: dict[str, Record], changes: list[dict[str, Record | None]]
) -> None:
    """Law 6 of this step: whatever records change, every table is what a run would write that looks at every entity."""
    settled = Settled()
    state: dict[str, Record] = dict(first)
    settled.run(*(but(r, key=k) for k, r in state.items()))
    for change in changes:
        state = {k: r for k, r in (state | change).items() if r is not None}
        anew = settled.copy()
        for each in (settled, anew):
            each.run(*(but(r, key=k) for k, r in state.items()))
        by_difference, whole = settled.tables(), anew.tables()
        assert [n for n in whole if by_difference[n] != whole[n]] == []


def test_nothing_is_touched_where_nothing_changed() -> None:
    settled = Settled().run(JANE, JANE_AGAIN, JOHN, CAFE)
    before = settled.tables()
    settled.run(JANE, JANE_AGAIN, JOHN, CAFE)
    assert touched(settled) == set()
    assert settled.tables() == before


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"name": "JANE BROWN"}, id="what the record says"),
        pytest.param({"known": "2014-02-02"}, id="when it was known"),
        pytest.param({"person": "somebody else"}, id="whose record it is"),
    ],
)
def test_change_of_a_record_touches_its_entities_alone(change: dict[str, Any]) -> None:
    settled = Settled().run(JANE, JANE_AGAIN, JOHN, CAFE)
    before = settled.ids("person")
    settled.run(JANE, but(JANE_AGAIN, **change), JOHN, CAFE)
    people = {i for i in touched(settled) if i.startswith("p_")}
    assert people == set(settled.ids("person").values()) - {before["c"]}
    assert not {i for i in touched(settled) if i[0] in "bo"}


def test_weight_of_a_pair_touches_what_it_holds_together() -> None:
    settled = Settled().run(JANE, JANE_AGAIN, JOHN)
    settled.weight = 5.0
    settled.run(JANE, JANE_AGAIN, JOHN)
    assert touched(settled) == {settled.ids("person")["a"]}


def test_change_of_an_address_touches_who_lives_and_trades_there() -> None:
    """The address's id is what changes; the records of those who live there say what they said."""
    settled = Settled().run(JANE, JOHN, CAFE)
    settled.run(but(JANE, address="ELSEWHERE"), JOHN, CAFE)
    [(shown,)] = settled.rows(
        f"select address_id from entity.person where person_id = '{settled.ids('person')['a']}'"
    )
    assert shown == settled.ids("address")["a"] != settled.ids("address")["f"]
    moved = Settled().run(JANE, JOHN, CAFE)
    moved.con.execute("update entity.address_member set cluster = 'NEW' where record_key = 'a'")
    moved.settle()
    assert moved.rows(
        "select p.address_id from entity.person p join entity.link l on l.entity_id = p.person_id where record_key = 'a'"
    ) == [(moved.ids("address")["a"],)]


def test_change_of_what_rows_are_made_with_touches_everything() -> None:
    settled = Settled().run(JANE, JOHN, CAFE)
    settled.feeds = [FEEDS["town/people"].model_copy(update={"trust": 1}), OWNERS, FIRMS]
    settled.run(JANE, JOHN, CAFE)
    assert touched(settled) == {i for (i,) in settled.rows("select entity_id from entity.entity")}


def test_new_boundaries_of_wards_touch_everything() -> None:
    """No record says anything else; the address is in another ward all the same."""
    settled = Settled().run(JANE)
    load_extension(settled.con, "spatial")
    settled.con.execute(
        "insert into ward_boundary values ('West', 'POLYGON((0 0, 0 1, 1 1, 1 0, 0 0))'::geometry)"
    )
    settled.run(JANE)
    assert touched(settled) == {i for (i,) in settled.rows("select entity_id from entity.entity")}


def links(settled: Settled) -> dict[str, tuple[Any, ...]]:
    return {
        key: tuple(rest)
        for key, *rest in settled.rows(
            "select record_key, method, probability, evidence from entity.link where entity_type = 'person'"
        )
    }


def test_link_says_how_how_surely_and_why() -> None:
    settled = Settled().run(JANE, but(JANE, key="d"), JANE_AGAIN, JOHN)
    scored = ("model", round(1 / (1 + 2**-4), 6), "same name; 4.0 bits")
    assert links(settled) == {
        "a": scored,
        "b": scored,
        "d": scored,
        "c": ("exact", 1.0, "no other observation"),
    }
    settled.run(JANE, but(JANE, key="d"))
    assert links(settled) == dict.fromkeys("ad", ("exact", 1.0, "all that is compared is the same"))


@pytest.mark.parametrize(
    ("levels", "method"), [(("same number", True, False), "identifier"), (("same", False, True), "exact")]
)
def test_link_is_by_identifier_or_exact_where_the_pair_is(
    levels: tuple[str, bool, bool], method: str
) -> None:
    settled = Settled()
    settled.levels = levels
    assert links(settled.run(JANE, JANE_AGAIN))["a"][0] == method


def test_link_rests_on_the_decision_that_made_it() -> None:
    settled = Settled()
    settled.decide("d_1", "person", "a", "b", "same")
    settled.run(JANE, JANE_AGAIN)
    assert links(settled) == dict.fromkeys("ab", ("decision", 1.0, "decided to be the same: d_1"))


def causes(settled: Settled) -> list[tuple[str, str]]:
    return settled.rows(
        f"select kind, cause from entity.id_history where run_id = 'run {settled.runs}' and entity_type = 'person' order by all"
    )


def test_cause_of_a_split_is_the_decision_that_is_new() -> None:
    apart = (JANE, but(JANE_AGAIN, person="another"))
    settled = Settled().run(JANE, JANE_AGAIN)
    settled.decide("d_1", "person", "a", "b", "not_same")
    assert causes(settled.run(*apart)) == [("create", "decision"), ("split", "decision")]
    settled.run(JANE, JANE_AGAIN)
    assert causes(settled) == [("merge", "data")], "the decision is an old one by now"
    settled.con.execute("update entity.decision set revoked_at = '2026-01-01'")
    assert causes(settled.run(*apart)) == [("create", "decision"), ("split", "decision")]


def test_cause_is_the_model_where_its_weights_are_new() -> None:
    settled = Settled().run(JANE, JANE_AGAIN)
    assert causes(settled) == [("create", "data")]
    settled.models["person"] = "2"
    assert causes(settled.run(JANE, but(JANE_AGAIN, person="another"))) == [
        ("create", "model"),
        ("split", "model"),
    ]
    assert causes(settled.run(JANE, JANE_AGAIN)) == [("merge", "data")]


def shown(settled: Settled, attribute: str) -> dict[str, bool]:
    """Every value that is claimed, and whether it is shown."""
    return dict(
        settled.rows(
            f"select coalesce(value, private_value), bool_or(is_canonical) from entity.attribute where attribute = '{attribute}' "
            "group by all"
        )
    )


def test_most_common_name_is_shown_and_the_others_are_kept() -> None:
    rows = [
        but(JANE, key=k, name=n, first=f"201{i}-01-01")
        for i, (k, n) in enumerate({"a": "J X", "b": "Jane X", "c": "JANE X", "d": "J Y"}.items())
    ]
    settled = Settled().run(*rows)
    assert settled.rows("select given_name, family_name from entity.person") == [("JANE", "X")]
    assert shown(settled, "given_name") == {"JANE": True, "Jane": False, "J": False}
    assert shown(settled, "family_name") == {"X": True, "Y": False}


def test_birth_date_is_the_one_told_most_exactly() -> None:
    rows = [but(JANE, key=k, born="1981-01-01", precision="year") for k in "ab"]
    settled = Settled().run(*rows, but(JANE, key="c", born="1980-02-01", precision="month"))
    assert settled.rows("select date_of_birth::varchar, date_of_birth_precision from entity.person") == [
        ("1980-02-01", "month")
    ]
    assert shown(settled, "date_of_birth") == {"1981": False, "1980-02": True}


def test_more_trusted_source_is_shown_before_the_more_frequent_and_newer() -> None:
    rows = [
        JANE,
        but(JANE, key="b", known="2015-01-01"),
        but(JANE, key="c", feed="town/owners", name="ANN BROWN"),
    ]
    assert Settled().run(*rows).rows("select given_name from entity.person") == [("JANE",)]
    trusting = Settled([PEOPLE, OWNERS.model_copy(update={"trust": 5}), FIRMS])
    assert trusting.run(*rows).rows("select given_name from entity.person") == [("ANN",)]
    assert shown(trusting, "given_name") == {"ANN": True, "JANE": False}


def test_address_and_organisation_have_their_evidence() -> None:
    settled = Settled().run(
        but(CAFE, postcode="1"),
        but(CAFE, key="g", postcode="1"),
        but(CAFE, key="h", postcode="2", legal="FERN GROUP LTD"),
    )
    assert shown(settled, "postcode") == {"1": True, "2": False}
    assert shown(settled, "street") == {"HERE": True}
    assert settled.rows("select private_value is null, value from entity.attribute where entity_type = 'organisation' order by all") == [
        (True, "FERN GROUP LTD"), (True, "FERN LTD"), (True, "FERN LTD"),
    ]  # fmt: skip


def test_sole_traders_name_is_private() -> None:
    settled = Settled().run(but(CAFE, legal="JANE SMITH"))
    assert settled.rows(
        "select distinct value, private_value from entity.attribute where attribute = 'legal_name'"
    ) == [(None, "JANE SMITH")]
    assert settled.rows("select legal_name, private_name from entity.business") == [(None, "JANE SMITH")]


def test_newest_day_moves_the_status_of_businesses_that_nothing_touches() -> None:
    settled = Settled().run(CAFE)
    assert settled.rows("select status, last_seen::varchar from entity.business") == [
        ("licensed", "2013-01-01")
    ]
    settled.run(CAFE, but(JOHN, first="2014-01-01"))
    assert not {i for i in touched(settled) if i.startswith("b_")}
    assert settled.rows("select status, last_seen::varchar from entity.business") == [
        ("lapsed", "2013-12-31")
    ]


def test_who_has_to_do_with_an_address() -> None:
    owner = Record("w", "town/owners", "THERE", person="jane")
    settled = Settled().run(JANE, owner, CAFE, but(CAFE, key="g", address="THERE", business="pub", last=None))
    person, organisation = settled.ids("person")["a"], settled.ids("organisation")["f"]
    here, there = settled.ids("address")["a"], settled.ids("address")["w"]
    found = settled.rows(
        "select subject_id, role, object_id, record_key from entity.relationship where object_type = 'address'"
    )
    businesses = settled.ids("business")
    assert set(found) == {
        (person, "lives_at", here, "a"), (person, "pays_for", here, "a"), (person, "owner_person", there, "w"),
        (organisation, "pays_for", here, "f"), (organisation, "pays_for", there, "g"),
        (businesses["f"], "trades_at", here, "f"), (businesses["g"], "trades_at", there, "g"),
    }  # fmt: skip
    portfolio = settled.rows(
        "select owner_id, address_id, role, valid_to::varchar, records from entity.portfolio"
    )
    assert set(portfolio) == {
        (person, here, "pays_for", None, 1), (person, there, "owner_person", None, 1),
        (organisation, here, "pays_for", "2013-12-31", 1), (organisation, there, "pays_for", None, 1),
        (organisation, here, "trades_at", "2013-12-31", 1), (organisation, there, "trades_at", None, 1),
    }  # fmt: skip


def test_value_that_stands_for_two_entities_is_a_collision_until_one_is_gone() -> None:
    other = but(CAFE, key="g", business="pub")
    settled = Settled().run(CAFE, other)
    assert settled.rows("select is_collision from entity.identifier") == [(True,), (True,)]
    settled.run(CAFE)
    assert settled.rows("select is_collision from entity.identifier") == [(False,)]
