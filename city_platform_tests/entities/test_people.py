"""Which records are about one person, what a person is called, and that ids of people last."""

from __future__ import annotations

import random
from collections import defaultdict
from datetime import date
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from city_platform.entities.events import tell
from city_platform.entities.people import person_checks
from city_platform.entities.resolve import id_checks
from city_platform.rebuild import run_checks, sql_file
from city_platform_tests.entities.small_town import Partition, Row, Town, feed, partition

HERE, THERE, FLAT = "101 N FERN AVE", "900 S OAK ST", "101 N FERN AVE STE 4"
OLD, YOUNG = "1950-04-05", "1980-02-03"
NINO = {"scheme": "nino", "column": "nino", "placeholders": ["QQ999999Q"]}
NAMED = {"given_name": "given", "family_name": "family"}
REGISTER = feed(
    "register",
    columns=["title", "given", "family", "born_day", "nino", "address", "from_day", "to_day", "died_day"],
    people=[
        {
            "role": "person", "title": "title", **NAMED, "date_of_birth": "born_day", "number": NINO, "date_of_death": "died_day",
            "valid_from": "from_day", "valid_to": "to_day",
        }
    ],
    address={"text": "address"},
    events=[{"type": "registered", "event_time": "from_day", "known_time": {"column": "from_day"}}],
)  # fmt: skip
ROLL = feed(
    "roll",
    columns=["name", "born", "address"],
    people=[
        {"role": "elector", "full_name": "name", "order": "family_given", "date_of_birth": "born"},
    ],
    address={"text": "address"},
)
SCHOOL = feed(
    "school",
    columns=["given", "family", "born_day", "parent", "address"],
    people=[
        {"role": "child", **NAMED, "date_of_birth": "born_day"},
        {"role": "parent", "full_name": "parent", "order": "given_family"},
    ],
    address={"text": "address"},
)
OFFICERS = feed(
    "officers",
    columns=["given", "family", "month", "year", "company", "number", "address", "from_day", "to_day"],
    business={"name": "company", "legal_name": "company", "owner_number": {"scheme": "company_number", "column": "number"}},
    people=[
        {
            "role": "officer", **NAMED, "birth_month": "month", "birth_year": "year", "lives_here": False,
            "valid_from": "from_day", "valid_to": "to_day",
        }
    ],
    address={"text": "address"},
)  # fmt: skip
FEEDS = (REGISTER, ROLL, SCHOOL, OFFICERS)


def person(
    key: str,
    name: str | None = "JANE SMITH",
    born: str | None = None,
    address: str | None = None,
    nino: str | None = None,
    **others: Any,
) -> Row:
    """A row of REGISTER; the name's first word is the given name."""
    given_name, _, family = (name or "").rpartition(" ")
    row = {"key": key, "given": given_name or None, "family": family or None, "born_day": born}
    return row | {"address": address, "nino": nino, **others}


def resolved(*rows: Row, **of_feeds: list[Row]) -> Town:
    town = Town(*FEEDS)
    town.put(REGISTER, rows)
    for a_feed in FEEDS:
        if a_feed.name in of_feeds:
            town.put(a_feed, of_feeds[a_feed.name])
    return town.resolve()


def people(town: Town) -> Partition:
    """Record keys by person, whatever the role."""
    found = defaultdict(set)
    for entity, key in town.rows(
        "select entity_id, record_key from entity.link where entity_type = 'person'"
    ):
        found[entity].add(key)
    return {frozenset(keys) for keys in found.values()}


Said = tuple[str | None, ...]  # name, born, address, nino
JOHN = "JOHN SMITH"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([("JANE SMITH", YOUNG, HERE), ("Jane Smith", YOUNG, THERE)], ["ab"], id="name and birth"),
        pytest.param([("JANE SMITH", YOUNG), ("JANE SMITH", OLD)], ["a", "b"], id="name alone"),
        pytest.param([("JANE SMITH", None), ("JANE SMITH", None)], ["a", "b"], id="like each other, and nothing more"),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("JANE SMITH", None, HERE)], ["ab"], id="name at address"),
        pytest.param([("JANE SMITH", None, HERE), ("JANE SMITH", None, HERE)], ["ab"], id="name at address, no birth"),
        pytest.param([("JANE SMITH", None, HERE), ("JANE SMITH", None, THERE)], ["a", "b"], id="name, two addresses"),
        pytest.param([("JANE SMITH", None, HERE), ("JANE SMITH", None, FLAT)], ["a", "b"], id="a flat is not its house"),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("JOAN SMITH", YOUNG, HERE)], ["a", "b"], id="twins"),
        pytest.param(
            [("JANE SMITH", YOUNG, HERE), ("JOAN SMITH", YOUNG, HERE), ("J SMITH", YOUNG, HERE)], ["a", "b", "c"],
            id="twins of one initial",
        ),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("J SMITH", YOUNG, HERE)], ["ab"], id="initial at address"),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("J SMITH", YOUNG, THERE)], ["ab"], id="initial and birth elsewhere"),
        pytest.param([("J SMITH", None, HERE), ("J SMITH", None, THERE)], ["a", "b"], id="initial without birth elsewhere"),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("JANE JONES", YOUNG, HERE)], ["ab"], id="changed surname"),
        pytest.param([("JANE SMITH", YOUNG, HERE), ("JANE JONES", YOUNG, THERE)], ["a", "b"], id="surname elsewhere"),
        pytest.param([("JANE SMITH", YOUNG), ("SMITH JANE", YOUNG)], ["ab"], id="swapped names"),
        pytest.param([("JANE SMITH", YOUNG), ("SMITH JANE", OLD)], ["a", "b"], id="swapped names, other birth"),
        pytest.param([(JOHN, OLD, HERE), (JOHN, YOUNG, HERE)], ["a", "b"], id="father and son"),
        pytest.param(
            [(JOHN, OLD, HERE), (JOHN, YOUNG, HERE), (JOHN, None, HERE)], ["a", "b", "c"],
            id="father and son, and who knows which",
        ),
        pytest.param([("JANE SMITH", YOUNG, HERE, "1"), ("ANN LEE", OLD, HERE, "1")], ["a", "b"], id="number alone"),
        pytest.param([("JANE SMITH", YOUNG, HERE, "1"), ("ANN LEE", YOUNG, THERE, "1")], ["ab"], id="number and birth"),
        pytest.param([("JANE SMITH", None, HERE, "1"), ("JANE LEE", None, THERE, "1")], ["ab"], id="number and given"),
        pytest.param([("JANE SMITH", None, HERE, "1"), ("LIZ SMITH", None, THERE, "1")], ["ab"], id="number and family"),
        pytest.param([("JANE SMITH", OLD, HERE, "1"), ("LIZ SMITH", YOUNG, HERE, "1")], ["a", "b"], id="mother's number"),
        pytest.param([("JANE SMITH", YOUNG, None, "1"), ("JANE SMITH", OLD, None, "1")], ["ab"], id="slip in a birth date"),
        pytest.param([("JANE SMITH", None, None, "qq 1"), ("JANE SMITH", None, None, "QQ1")], ["ab"], id="number as typed"),
        pytest.param([("JANE SMITH", None, None, "QQ999999Q"), ("JANE SMITH", None, None, "QQ999999Q")], ["a", "b"], id="placeholder"),
        pytest.param([("JANE SMITH", "1900-01-01"), ("JANE SMITH", "1900-01-01")], ["a", "b"], id="a default birth date"),
        pytest.param([("JANE SMITH", "1970-01-01", HERE), ("JANE SMITH", YOUNG, HERE)], ["ab"], id="default is no conflict"),
        pytest.param([("JANE SMITH", "2050-01-02"), ("JANE SMITH", "2050-01-02")], ["a", "b"], id="not born yet"),
        pytest.param([("Mrs Zoë Smith-Jones", YOUNG), ("ZOE SMITHJONES", YOUNG)], ["ab"], id="title, accent and hyphen"),
        pytest.param([("Jane Ann SMITH", YOUNG), ("JANE SMITH", YOUNG)], ["ab"], id="a middle name among the given"),
        pytest.param([("THE OCCUPIER", None, HERE), ("THE OCCUPIER", None, HERE)], [], id="whoever it may be"),
        pytest.param([("EXECUTORS OF JANE SMITH", YOUNG, HERE), ("JANE SMITH", YOUNG, HERE)], ["b"], id="an estate"),
        pytest.param([("UNKNOWN SMITH", YOUNG, HERE), ("UNKNOWN SMITH", YOUNG, THERE)], ["a", "b"], id="no given name"),
        pytest.param([("FERN LTD", None, HERE)], [], id="a company"),
    ],
)  # fmt: skip
def test_which_records_are_one_person(rows: list[Said], expected: list[str]) -> None:
    said = [person(key, *row) for key, row in zip("abcdef", rows, strict=False)]
    assert people(resolved(*said)) == partition(*expected)


def test_who_is_undated_holds_no_two_dates_of_birth_together() -> None:
    """A number leads the undated records of father or son to both; they may be with one of the two, never with both."""
    rows = [person(f"old {n}", JOHN, OLD, HERE) for n in range(2)]
    rows += [person(f"young {n}", JOHN, YOUNG, THERE) for n in range(2)]
    rows += [person("at both", JOHN, None, HERE, "1"), person("his too", JOHN, None, THERE, "1")]
    found = people(resolved(*rows))
    for together in ({"old 0", "old 1"}, {"young 0", "young 1"}, {"at both", "his too"}):
        assert any(together <= group for group in found)
    assert not any({"old 0", "young 0"} <= group for group in found)


def test_who_is_undated_holds_one_date_of_birth_together() -> None:
    """Jane moved and married; only her undated records tell that it is her."""
    rows = [person("maiden", "JANE SMITH", YOUNG, HERE), person("married", "JANE JONES", YOUNG, THERE)]
    rows += [person("a", "JANE SMITH", None, HERE, "1"), person("b", "JANE JONES", None, THERE, "1")]
    assert people(resolved(*rows)) == partition(["maiden", "married", "a", "b"])  # type: ignore[arg-type]


def test_shared_number_is_reported_as_a_collision() -> None:
    town = resolved(person("a", "JANE SMITH", YOUNG, HERE, "1"), person("b", "ANN LEE", OLD, HERE, "1"))
    found = town.rows("select entity_type, scheme, value, is_collision from entity.identifier")
    assert found == [("person", "nino", "1", True)] * 2


def test_names_in_one_column_and_births_as_text_join_with_their_parts() -> None:
    roll = [
        {"key": "b", "name": "SMITH, Mrs Jane Ann", "born": "03/02/1980", "address": THERE},
        {"key": "c", "name": "Smith Jane", "born": "1980-02-03", "address": HERE},
        {"key": "d", "name": "VAN DER BERG Jan", "born": "1980", "address": HERE},
    ]
    town = resolved(person("a", born=YOUNG), roll=roll)
    assert people(town) == partition("abc", "d")
    observed = town.rows(
        "select record_key, given_name, middle_name, family_name, date_of_birth, date_of_birth_precision "
        "from entity.person_observation order by 1"
    )
    assert observed[1:] == [
        ("b", "JANE", "ANN", "SMITH", date(1980, 2, 3), "day"),
        ("c", "JANE", None, "SMITH", date(1980, 2, 3), "day"),
        ("d", "JAN", None, "VAN DER BERG", date(1980, 1, 1), "year"),
    ]


def test_record_names_people_in_several_roles() -> None:
    """The two found ids of their own, though one record founds both; the parent is known from elsewhere too."""
    school = [
        {
            "key": "s",
            "given": "ANN",
            "family": "SMITH",
            "born_day": "2010-05-06",
            "parent": "Ms Jane Smith",
            "address": HERE,
        }
    ]
    town = resolved(person("a", born=YOUNG, address=HERE), school=school)
    links = town.rows(
        "select role, record_key, entity_id from entity.link where entity_type = 'person' order by all"
    )
    ids = {(role, key): i for role, key, i in links}
    assert ids.keys() == {("child", "s"), ("parent", "s"), ("person", "a")}
    assert ids["parent", "s"] == ids["person", "a"] != ids["child", "s"]
    assert [c for c in run_checks(town.con, [], [*id_checks(), *person_checks()]) if not c.passed] == []
    alone = resolved(school=[school[0] | {"parent": "Ann Smith", "address": None}])
    assert len(people(alone)) == 1 and alone.rows("select count(*) from entity.person") == [(2,)]


def test_link_in_a_role_that_no_feed_declares_is_found() -> None:
    town = resolved(person("a"))
    town.con.execute("update entity.link set role = 'stranger' where entity_type = 'person'")
    assert [c.check for c in run_checks(town.con, [], person_checks()) if not c.passed] == [
        "people_are_in_declared_roles"
    ]


def test_officer_of_a_company_is_known_by_the_month_and_lives_elsewhere() -> None:
    officer = {
        "key": "o", "given": "JANE", "family": "SMITH", "month": "2", "year": "1980", "company": "FERN LTD", "number": "7",
        "address": THERE, "from_day": "2012-01-01", "to_day": None,
    }  # fmt: skip
    town = resolved(
        person("a", born=YOUNG, address=HERE),
        officers=[officer, officer | {"key": "p", "number": "8"}, officer | {"key": "q", "month": "3"}],
    )
    assert people(town) == partition("aop", "q")
    [(organisation, role)] = town.rows(
        "select organisation.name, r.role from entity.relationship r join entity.organisation organisation "
        "on organisation.organisation_id = r.object_id where r.subject_type = 'person' and r.record_key = 'o'"
    )
    assert (organisation, role) == ("FERN LTD", "officer")
    assert town.rows("select record_key from entity.relationship where role = 'lives_at'") == [("a",)]


def test_month_of_birth_that_fits_two_people_joins_neither() -> None:
    officer = {
        "key": "o",
        "given": "JANE",
        "family": "SMITH",
        "month": "2",
        "year": "1980",
        "company": "FERN LTD",
    }
    town = resolved(person("a", born="1980-02-03"), person("b", born="1980-02-04"), officers=[officer])
    assert people(town) == partition("a", "b", "o")


def test_person_shows_what_most_records_say() -> None:
    rows = [
        person("a", "Jane SMITH", YOUNG, HERE, from_day="2010-01-01"),
        person("b", "JANE JONES", YOUNG, HERE, from_day="2011-01-01"),
        person("c", "Jane Jones", YOUNG, HERE, from_day="2012-01-01"),
        person("d", "J JONES", YOUNG, HERE, from_day="2013-01-01"),
        person("e", "JANE JONES", YOUNG, THERE, from_day="2013-06-01", died_day="2013-12-24"),
    ]
    town = resolved(*rows)
    [row] = town.rows(
        "select p.given_name, p.family_name, p.date_of_birth, p.date_of_birth_precision, p.died_on, a.label, p.records "
        "from entity.person p left join entity.address a using (address_id)"
    )
    assert row == ("JANE", "JONES", date(1980, 2, 3), "day", date(2013, 12, 24), THERE, 5)
    claims = town.rows(
        "select attribute, value, private_value from entity.attribute where entity_type = 'person' and record_key = 'a' "
        "order by 1"
    )
    assert claims == [
        ("date_of_birth", None, YOUNG),
        ("family_name", None, "SMITH"),
        ("given_name", None, "Jane"),
    ]
    lives = town.rows(
        "select record_key, valid_from from entity.relationship where role = 'lives_at' order by 1"
    )
    assert lives[0] == ("a", date(2010, 1, 1)) and len(lives) == 5


def test_evidence_says_what_agreed_without_values() -> None:
    rows = [
        person("a", born=YOUNG, address=HERE, nino="1"), person("b", born=YOUNG, address=HERE), person("c", nino="1"),
        person("d", JOHN, OLD, HERE), person("e", JOHN, None, HERE),
    ]  # fmt: skip
    found = resolved(*rows).rows(
        "select record_key, method, evidence from entity.link where entity_type = 'person' order by 1"
    )
    assert [(key, method, evidence.split(";")[0]) for key, method, evidence in found] == [
        ("a", "identifier", "same name, same number"),
        ("b", "exact", "same name, same date of birth, same home"),
        ("c", "identifier", "same name, same number"),
        ("d", "exact", "same name, same home"),
        ("e", "exact", "same name, same home"),
    ]
    assert not any(value in evidence for *_, evidence in found for value in ("JANE", "SMITH", "1980", "FERN"))


def test_name_that_stands_for_nobody_is_kept_marked_and_counted() -> None:
    town = resolved(person("a", "THE OCCUPIER", None, HERE), person("b"))
    assert town.rows("select record_key, is_placeholder from entity.person_observation order by 1") == [
        ("a", True),
        ("b", False),
    ]
    [line] = [b for b in town.budget if b.step == "person named"]
    assert (line.subject, line.rows_in, line.rows_out) == ("town/register", 2, 1)


def test_event_knows_its_person_and_is_personal() -> None:
    town = resolved(person("a", from_day="2012-01-01"))
    tell(town.con, FEEDS)
    assert town.rows(
        "select e.is_personal, p.family_name from entity.event e join entity.person p using (person_id)"
    ) == [(True, "SMITH")]


def test_ids_of_people_stay_when_records_join_and_leave() -> None:
    town = Town(*FEEDS)

    def run(*rows: Row) -> dict[str, str]:
        town.put(REGISTER, rows)
        run.count += 1  # type: ignore[attr-defined]
        town.resolve(f"run {run.count}")  # type: ignore[attr-defined]
        return dict(town.rows("select record_key, entity_id from entity.link where entity_type = 'person'"))

    run.count = 0  # type: ignore[attr-defined]
    one, other = person("a", born=YOUNG, address=HERE), person("b", born=YOUNG)
    first = run(one, person("x", JOHN, OLD))
    second = run(one, other, person("c", JOHN, OLD), person("x", JOHN, OLD))
    assert second == first | {"b": first["a"], "c": first["x"]}
    assert run(other, person("c", JOHN, OLD)) == {"b": first["a"], "c": first["x"]}
    assert [c for c in run_checks(town.con, [], id_checks()) if not c.passed] == []


NAMES = st.sampled_from(["JANE SMITH", "JOAN SMITH", "J SMITH", "SMITH JANE", "JANE JONES", "SMITH"])
BORN = st.sampled_from([None, None, YOUNG, OLD, "1983-07-14"])
SAID = st.tuples(NAMES, BORN, st.sampled_from([None, HERE, THERE]), st.sampled_from([None, None, "1", "2"]))


def clusters(said: list[tuple[str, Said]], town: Town) -> Partition:
    """What the model makes of these records, in this order, without ids."""
    town.put(REGISTER, [person(key, *row) for key, row in said])
    town.resolve("run")
    found = defaultdict(set)
    for cluster, key in town.rows(
        "select cluster, record_key from entity.node_cluster join entity.node_record using (entity_type, node)"
    ):
        found[cluster].add(key)
    return {frozenset(keys) for keys in found.values()}


@pytest.fixture(scope="module")
def town() -> Town:
    return Town(*FEEDS)


@settings(derandomize=True, deadline=None, max_examples=8, phases=(Phase.explicit, Phase.generate))
@given(said=st.lists(SAID, min_size=2, max_size=14), seed=st.integers(0, 99))
def test_order_makes_no_difference_and_dates_of_birth_stay_apart(
    town: Town, said: list[Said], seed: int
) -> None:
    keyed = [(f"{n:02d}", row) for n, row in enumerate(said)]
    found = clusters(keyed, town)
    assert clusters(random.Random(seed).sample(keyed, len(keyed)), town) == found
    assert {k for group in found for k in group} == {k for k, _ in keyed}, "each record is one person"
    for group in found:
        held = [row for key, row in keyed if key in group]
        if len({born for _, born, _, _ in held if born}) > 1:
            # two dates of birth are one person's only by a number and a whole name, both stated with each
            by_number = {(number, born) for _, born, _, number in held if number and born}
            assert len({born for _, born in by_number}) > 1, held


def test_rows_are_the_same_in_whatever_order_records_come() -> None:
    rng = random.Random(5)
    rows = [
        person(
            f"{n:02d}",
            rng.choice(["JANE SMITH", "Jane Smith", "JOHN SMITH", "J SMITH", "JANE JONES", "THE OCCUPIER"]),
            rng.choice([None, YOUNG, OLD]),
            rng.choice([HERE, THERE, FLAT, None]),
            rng.choice([None, None, "1", "2", "3"]),
            from_day=rng.choice([None, "2012-01-01", "2013-01-01"]),
        )
        for n in range(80)
    ]

    def twice(held: list[Row]) -> dict[str, list[str]]:
        town = Town(*FEEDS)
        for run, share in (("run 1", 2), ("run 2", 1)):
            town.put(REGISTER, [r for r in held if int(r["key"]) % share == 0])
            town.resolve(run)
        return town.tables()

    left, right = twice(rows), twice(rng.sample(rows, len(rows)))
    assert left["person"] and left["identifier"]
    assert [n for n in left if left[n] != right[n]] == []


def test_parts_of_a_name_in_one_column() -> None:
    given_family = {
        "Mr John Paul Smith Jr": ("JOHN", "PAUL", "SMITH"),
        "Jan van der Berg": ("JAN", None, "VAN DER BERG"),
        "MR & MRS J SMITH": ("J", None, "SMITH"),
        "Mr John Smith & Mrs Jane Smith": ("JOHN", None, "SMITH"),
        "John and Jane Smith": ("JOHN", None, "SMITH"),
        "SANDRA ANDREWS": ("SANDRA", None, "ANDREWS"),
        "Smith": (None, None, "SMITH"),
        "Ms": (None, None, None),
    }
    family_given = {
        "SMITH, Mr John Paul": ("JOHN", "PAUL", "SMITH"),
        "O'Brien, Mary": ("MARY", None, "OBRIEN"),
        "SMITH John & Jane": ("JOHN", None, "SMITH"),
        "Smith, John & Jane": ("JOHN", None, "SMITH"),
        "SMITH": (None, None, "SMITH"),
        "De la Cruz Ana": ("ANA", None, "DE LA CRUZ"),
    }
    town = resolved(
        roll=[{"key": name, "name": name} for name in family_given],
        school=[{"key": name, "parent": name} for name in given_family],
    )
    found = town.rows(
        "select record_key, given_name, middle_name, family_name from entity.person_observation where role in ('elector', 'parent')"
    )
    assert {key: tuple(parts) for key, *parts in found} == given_family | family_given


@pytest.mark.parametrize(
    ("name", "is_nobody"),
    [
        *((name, True) for name in (
            "The Account Holder", "OCCUPIER", "Not Provided", "UNKNOWN", "Void", "Executors of John Smith", "TBC", "N/A",
            "Smith John (Exors of)", "The Occupier, Flat 2", "Fern Lettings",
        )),
        *((name, False) for name in ("John Tenant", "Unknown Smith", "Jane Estate", "Nora Void", "Na Li", "Max Owner")),
    ],
)  # fmt: skip
def test_names_that_stand_for_nobody(town: Town, name: str, is_nobody: bool) -> None:
    town.con.execute(sql_file("entities/person_standardise.sql"))
    assert town.con.execute("select names_nobody(person_words(?))", [name]).fetchall() == [(is_nobody,)]
