"""Dirt: each kind as often as dirt.yaml asks, of what it says, and where no kind is told nothing differs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from city_platform.synthetic import borough as borough_module
from city_platform.yaml_files import load_documents

Con = duckdb.DuckDBPyConnection
(ASKED, _), *_rest = load_documents(Path(borough_module.__file__).parent / "dirt.yaml")
RATES: dict[str, float] = {kind: given["rate"] for kind, given in ASKED.items()}
TIMES = 12  # each person, address and business is written down so often
# Of which written records a kind is asked for: the condition that dirt.yaml's `of` states.
PERSON = {
    "misspelt_name": "true",
    "nickname": "nickname is not null",
    "swapped_names": "true",
    "initial_only": "true",
    "former_surname": "former is not null",
    "missing_birth_date": "true",
    "default_birth_date": "true",
    "birth_date_typo": "true",
}
IS_FLAT = "coalesce(t.flat, '') <> '' and t.number <> ''"
ADDRESS = {
    "wrong_postcode": "true",
    "missing_postcode": "true",
    "misspelt_street": "true",
    "abbreviated_street": "regexp_matches(t.street, ' (Road|Street|Avenue|Close)$')",
    "flat_after_number": IS_FLAT,
    "flat_as_word": IS_FLAT,
    "flat_short": IS_FLAT,
}
BUSINESS = {
    "trading_name_as_legal": "true",
    "misspelt_business": "true",
    "legal_form_variant": "legal similar to '.* (LIMITED|LTD)'",
}
# A kind that another one has hidden is not told: the share of records that the other leaves.
HIDDEN_BY = {
    "misspelt_name": ["swapped_names"],
    "nickname": ["swapped_names", "initial_only"],
    "initial_only": ["swapped_names"],
    "former_surname": ["swapped_names"],
    "default_birth_date": ["missing_birth_date"],
    "birth_date_typo": ["missing_birth_date", "default_birth_date"],
    "wrong_postcode": ["missing_postcode"],
    "abbreviated_street": ["misspelt_street"],
    "misspelt_business": ["trading_name_as_legal"],
}
UNSEEN = "dirt.sql: the kind is told though another kind, a short name or a like letter leaves nothing of it to see"


@pytest.fixture(scope="module")
def written(borough: Con) -> Iterator[Con]:
    """Everybody, every address and every business of the borough, written down TIMES times."""
    borough.execute(
        f"""create or replace temp table person_written as
        with clean as (
            select p.*, (p.person_id * {TIMES} + n) as id, getvariable('nicknames')[p.given_name] as nickname,
                case when n % 4 = 0 then 'Formerly' end as former
            from person as p cross join (select unnest(range({TIMES})) as n) where p.given_name <> p.family_name
        )
        select *, write_person(given_name, middle_name, family_name, former, date_of_birth, 'test/people', id) as w
        from clean"""
    )
    borough.execute(
        f"""create or replace temp table address_written as
        select t.*, n, t.address_id * {TIMES} + n as id, write_address(t, 'test/addresses', t.address_id * {TIMES} + n) as w
        from address_text as t cross join (select unnest(range({TIMES})) as n)"""
    )
    borough.execute(
        """create or replace temp table business_written as
        with clean as (
            select b.business_id * 100 + n as id, b.trading_name as trading, o.name as legal
            from business as b join business_owner as w on w.business_id = b.business_id and w.from_day = b.opened_on
            join organisation as o using (organisation_id) cross join (select unnest(range(100)) as n)
        )
        select *, write_business(trading, legal, 'test/businesses', id) as w from clean"""
    )
    yield borough
    for table in ("person_written", "address_written", "business_written"):
        borough.execute(f"drop table {table}")


def one(con: Con, sql: str) -> tuple[Any, ...]:
    row = con.execute(sql).fetchone()
    assert row
    return row


def test_every_kind_that_a_macro_makes_is_looked_at() -> None:
    text = (Path(borough_module.__file__).parent / "dirt.sql").read_text()
    told = {kind for kind in RATES if f"then '{kind}'" in text or f"else '{kind}'" in text}
    assert told == {*PERSON, *ADDRESS, *BUSINESS}


@pytest.mark.parametrize(
    "table, kind, of",
    [
        (table, kind, of)
        for table, kinds in (
            ("person_written", PERSON),
            ("address_written", ADDRESS),
            ("business_written", BUSINESS),
        )
        for kind, of in kinds.items()
    ],
)
def test_each_kind_is_as_frequent_as_asked(written: Con, table: str, kind: str, of: str) -> None:
    could, found, elsewhere = one(
        written,
        f"select count(*) filter ({of}), count(*) filter ({of} and list_contains(w.kinds, '{kind}')), "
        f"count(*) filter (not ({of}) and list_contains(w.kinds, '{kind}')) from {table} as t",
    )
    rate = RATES[kind]
    for other in HIDDEN_BY.get(kind, []):
        rate *= 1 - RATES[other]
    assert could * rate >= 20
    chance = 4 * (could * rate * (1 - rate)) ** 0.5
    assert found <= could * rate + chance
    # of what is misspelt some has been hidden, or has come out as it was: short names, a like letter
    assert found >= could * rate * (0.88 if kind.startswith("misspelt") else 1) - chance
    assert elsewhere == 0


def test_a_uprn_is_missing_or_wrong_as_often_as_asked(written: Con) -> None:
    every, missing, wrong, right = one(
        written,
        "select count(*), count(*) filter (w.uprn is null), count(*) filter (w.uprn <> t.uprn), "
        "count(*) filter (w.uprn = t.uprn) from address_written as t",
    )
    assert missing + wrong + right == every
    for found, rate in (
        (missing, RATES["missing_uprn"]),
        (wrong, RATES["wrong_uprn"] * (1 - RATES["missing_uprn"])),
    ):
        assert abs(found - every * rate) <= 4 * (every * rate * (1 - rate)) ** 0.5


def strange(con: Con, table: str, condition: str) -> list[tuple[Any, ...]]:
    return con.execute(f"select * from {table} as t where ({condition}) is not false limit 3").fetchall()


# What has to be so of a record of which a kind is told.
SHOWS = {
    "person_written": {
        "nickname": "w.given_name = nickname and w.given_name <> given_name",
        "swapped_names": "w.given_name = family_name and w.family_name = given_name",
        "initial_only": "w.given_name = left(given_name, 1)",
        "former_surname": "w.family_name = former",
        "missing_birth_date": "w.date_of_birth is null and date_of_birth is not null",
        "default_birth_date": "w.date_of_birth in (date '1900-01-01', date '1970-01-01')",
        "birth_date_typo": "w.date_of_birth <> date_of_birth",
    },
    "address_written": {
        "wrong_postcode": "w.postcode <> t.postcode and length(w.postcode) = length(t.postcode)",
        "missing_postcode": "w.postcode is null",
        "abbreviated_street": "not contains(w.line_2, t.street) and regexp_matches(w.line_2, ' (Rd|St|Ave|Cl)$')",
        "flat_after_number": "starts_with(w.line_2, t.number || t.flat) or starts_with(w.line_2, t.number || '/' || t.flat)",
        "flat_as_word": "contains(w.line_1, 'Flat ' || t.flat) and starts_with(w.line_2, t.number)",
        "flat_short": "starts_with(w.line_2, 'F' || t.flat || ' ' || t.number)",
    },
    "business_written": {
        "trading_name_as_legal": "w.name = legal",
        "legal_form_variant": "w.legal_name <> legal and lower(left(w.legal_name, 4)) = lower(left(legal, 4))",
    },
}


@pytest.mark.parametrize("table, kind", [(t, k) for t, kinds in SHOWS.items() for k in kinds])
def test_what_is_told_is_so(written: Con, table: str, kind: str) -> None:
    told = f"list_contains(w.kinds, '{kind}')"
    assert one(written, f"select count(*) from {table} where {told}")[0] > 0
    assert strange(written, table, f"{told} and ({SHOWS[table][kind]}) is not true") == []


@pytest.mark.parametrize(
    "table, kind, shows",
    [
        ("person_written", "misspelt_name", "w.given_name <> given_name or w.family_name <> family_name"),
        ("person_written", "misspelt_name", "len(w.kinds) > 1 or w.given_name <> given_name or w.family_name <> family_name"),
        ("address_written", "misspelt_street", "not contains(w.line_2, t.street)"),
        ("business_written", "misspelt_business", "w.name <> trading"),
    ],
)  # fmt: skip
def test_what_is_misspelt_differs(written: Con, table: str, kind: str, shows: str) -> None:
    assert strange(written, table, f"list_contains(w.kinds, '{kind}') and ({shows}) is not true") == []


def test_what_is_misspelt_nearly_always_differs(written: Con) -> None:
    for table, kind, shows in (
        (
            "person_written",
            "misspelt_name",
            "w.given_name is distinct from given_name or w.family_name is distinct from family_name",
        ),
        ("address_written", "misspelt_street", "not contains(w.line_2, t.street)"),
        ("business_written", "misspelt_business", "w.name <> trading"),
    ):
        told, seen = one(
            written,
            f"select count(*), count(*) filter ({shows}) from {table} as t where list_contains(w.kinds, '{kind}')",
        )
        assert told > 20
        assert seen > 0.8 * told, kind


def test_of_whom_nothing_is_told_nothing_differs(written: Con) -> None:
    names = "'nickname', 'swapped_names', 'initial_only', 'misspelt_name', 'former_surname'"
    days = "'missing_birth_date', 'default_birth_date', 'birth_date_typo'"
    for kinds, same in (
        (names, "w.given_name = given_name and w.family_name = family_name"),
        (days, "w.date_of_birth = date_of_birth"),
    ):
        sql = f"not list_has_any(w.kinds, [{kinds}]) and ({same}) is not true"
        assert strange(written, "person_written", sql) == []
    # a second forename is left out at times, but never made up
    assert strange(written, "person_written", "w.middle_name is distinct from middle_name and w.middle_name is not null") == []  # fmt: skip
    postcodes = "'wrong_postcode', 'missing_postcode'"
    streets = "'misspelt_street', 'abbreviated_street'"
    for kinds, same in (
        (postcodes, "w.postcode = t.postcode"),
        (streets, "ends_with(w.line_2, t.street)"),
        (
            f"{streets}, 'flat_after_number', 'flat_short'",
            "w.line_2 = concat_ws(' ', nullif(t.number, ''), t.street)",
        ),
    ):
        sql = f"not list_has_any(w.kinds, [{kinds}]) and ({same}) is not true"
        assert strange(written, "address_written", sql) == []
    names = "'trading_name_as_legal', 'misspelt_business'"
    for kinds, same in ((names, "w.name = trading"), ("'legal_form_variant'", "w.legal_name = legal")):
        sql = f"not list_has_any(w.kinds, [{kinds}]) and ({same}) is not true"
        assert strange(written, "business_written", sql) == []


def test_a_flat_is_written_in_one_way_and_never_lost(written: Con) -> None:
    ways = "list_filter(w.kinds, lambda k: starts_with(k, 'flat_'))"
    assert strange(written, "address_written", f"len({ways}) <> case when {IS_FLAT} then 1 else 0 end") == []
    # what a number does not hold, such as GROUND FLOOR FLAT, stands on the first line
    lost = f"t.sao_text is not null and not ({IS_FLAT}) and not contains(upper(w.line_1), t.sao_text)"
    assert strange(written, "address_written", f"coalesce({lost}, false)") == []
    lost = "t.pao_text is not null and not contains(upper(w.line_1), t.pao_text)"
    assert strange(written, "address_written", f"coalesce({lost}, false)") == []


def test_a_record_is_written_the_same_way_every_day(written: Con) -> None:
    again = one(
        written,
        "select count(*) from person_written where w is distinct from "
        "write_person(given_name, middle_name, family_name, former, date_of_birth, 'test/people', id)",
    )
    assert again == (0,)
    # and another feed writes the same person otherwise
    share = one(
        written,
        "select avg((w.kinds = write_person(given_name, middle_name, family_name, former, date_of_birth, "
        "'test/others', id).kinds)::integer) from person_written where len(w.kinds) > 0",
    )
    assert share[0] < 0.2


@pytest.mark.parametrize(
    "name", ["Li", "Ng", "Ann", "Anne", "Smith", "Oo", "X", "O'Brien", "Łukasz", "High Street"]
)
def test_misspell_slips_once(written: Con, name: str) -> None:
    found = [
        str(r[0])
        for r in written.execute(
            "select misspell(?, 'test', n) from (select unnest(range(2000)) as n)", [name]
        ).fetchall()
    ]
    assert "" not in found
    assert {len(f) - len(name) for f in found} <= {-1, 0, 1}
    if len(name) < 4:
        assert set(found) == {name}  # too short to be read at all otherwise
    else:
        assert sum(f != name for f in found) > 0.7 * len(found)
        assert len(set(found)) >= 3 * (len(name) - 2)
        assert {f[0] for f in found} == {name[0]}


def test_nobody_is_nobody(written: Con) -> None:
    assert one(written, "select write_person(null, null, null, null, null::date, 'test', 1) is null") == (
        True,
    )


def test_who_has_no_birth_date_gets_none(written: Con) -> None:
    made_up = one(
        written,
        "select count(write_person(given_name, null, family_name, null, null::date, 'test/people', id).date_of_birth) "
        "from person_written",
    )
    assert made_up == (0,)
