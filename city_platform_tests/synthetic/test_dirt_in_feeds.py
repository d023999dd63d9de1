"""Dirt in the feeds: what no macro makes is made by the feeds and deliveries, as often as dirt.yaml asks of whom it says."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from city_platform.feeds.declaration import Feed
from city_platform.synthetic import deliveries
from city_platform.synthetic.borough import TODAY
from city_platform.synthetic.deliveries import arrivals
from city_platform.yaml_files import load_documents

from .conftest import made
from .held import FEEDS, SEEDS, SENT, Con, calendar, held, one, rows, sender

(ASKED, _), *_rest = load_documents(deliveries.DIRT)
RATES: dict[str, float] = {kind: given["rate"] for kind, given in ASKED.items()}
DAY = f"date '{TODAY}'"
OF_DELIVERIES = {"late", "lost"}
OF_LINES = {"exact_repeat", "blank_line"}

# Of which records a kind is asked: a query of one row a draw, and whether it is dirty. What is asked is looked up in the
# borough, not in what the feed says it did.
OWN_COMPANY = """
    select {draw}, bool_or(s."{column}" is null) as is_dirty from {feed} as s
    join organisation as o on o.organisation_id = s._organisation_id where o.company_number is not null {also} group by all"""
RIGHT_OR_WRONG = """
    select {draw}, bool_or(s."{column}" <> a.uprn) as is_dirty from {feed} as s
    join address as a on a.address_id = s._address_id where s."{column}" is not null group by all"""
UPRNS = {
    "electoral_services__electoral_register": "PROPERTY_UPRN",
    "housing__tenancies": "uprn",
    "parking__permits": "uprn",
    "contact_centre__service_requests": "location.uprn",
    "environmental_health__food_registrations": "uprn",
    "environmental_health__visits": "uprn",
    "fire_service__visits": "UPRN",
    "water_company__consumption": "UPRN",
}
DRAWS = {
    # claims that are paid, of households that lived elsewhere in the borough before
    ("old_address", "revenues/benefits"): """
        select s._key, s."CT_PROPREF" <> printf('CT%09d', s._address_id) as is_dirty
        from revenues__benefits as s join benefit_claim as c on c.person_id = s._person_id and c.address_id = s._address_id
        join former_home as f using (stay_id) where s."STATUS" = 'LIVE' group by all""",
    # pupils who moved while at the school
    ("old_address", "schools/admissions"): f"""
        select s._key, s._address_id <> arg_max(r.address_id, r.from_day) as is_dirty
        from schools__admissions as s join residence as r on r.person_id = s._person_id
        where r.from_day <= {DAY} and r.from_day < coalesce(s."Left", date '9999-12-31') and r.to_day > s."Admitted"
        group by s._key, s._address_id having count(distinct r.address_id) > 1""",
    # electors who have been on the register for three weeks
    ("near_repeat", "electoral_services/electoral_register"): f"""
        select e.elector_id, bool_or(s."ELECTOR_SUFFIX" = 1) as is_dirty
        from electoral_services__electoral_register as s
        join electoral_services_elector as e on e.district = s."ELECTOR_PREFIX" and e.number = s."ELECTOR_NUMBER"
        where e.joined_on + 20 <= {DAY} group by all""",
    ("near_repeat", "water_company/consumption"): """
        select _address_id, count(distinct "PREMISES_ID") > 1 as is_dirty from water_company__consumption group by all""",
    # another call about the same place and matter on one day
    ("near_repeat", "contact_centre/service_requests"): """
        select _address_id, created::date, category, count(*) > 1 as is_dirty from contact_centre__service_requests
        group by all""",
    # the same supplier, sum and text again, another number
    ("near_repeat", "finance/payments"): """
        select "Supplier ID", "Amount", "Description", count(*) > 1 as is_dirty
        from finance__payments where "Supplier ID" is not null group by all""",
    ("wrong_cross_reference", "address_custodian/xref"): """
        select s._address_id, bool_or(s.uprn <> a.uprn) as is_dirty
        from address_custodian__xref as s join address as a on a.address_id = s._address_id group by all""",
    # who pays business rates and is no firm; where a house or a shop stands empty, its landlord
    ("placeholder_name", "business_rates/accounts"): """
        select s._key, s."RATEPAYER" = 'THE ACCOUNT HOLDER' as is_dirty
        from business_rates__accounts as s left join organisation as o on o.organisation_id = s._organisation_id
        where s._person_id is not null and (o.kind = 'sole_trader' or s."OCC_STATUS" = 'EMPTY')""",
    # the ledger has one number of a supplier
    ("missing_company_number", "finance/payments"): OWN_COMPANY.format(
        feed="finance__payments", draw='"Supplier ID"', column="Company Number", also=""
    ),
    ("missing_company_number", "finance/grants"): OWN_COMPANY.format(
        feed="finance__grants", draw="_key", column="Company Number", also="and \"Recipient Type\" = 'Limited company'"
    ),
    ("missing_company_number", "environmental_health/food_registrations"): OWN_COMPANY.format(
        feed="environmental_health__food_registrations", draw="_key", column="company_number", also=""
    ),
    ("missing_company_number", "licensing/premises_licences"): OWN_COMPANY.format(
        feed="licensing__premises_licences", draw="_key", column="Holder Company Number", also=""
    ),
}  # fmt: skip
for _table, _column in UPRNS.items():
    _draw = '"PREMISES_ID"' if _table.startswith("water") else "_key"
    # where agencies look a number up for some records only, the others have no number that could be missing
    _told = "list_contains(_dirt, 'missing_uprn')"
    DRAWS["missing_uprn", _table.replace("__", "/")] = (
        f'select {_draw}, bool_or("{_column}" is null) as is_dirty from {_table} where "{_column}" is not null or {_told} group by all'
    )
    DRAWS["wrong_uprn", _table.replace("__", "/")] = RIGHT_OR_WRONG.format(
        draw=_draw, column=_column, feed=_table
    )
# Feeds whose every record has a UPRN unless it is missing.
ALWAYS_UPRN = ("electoral_services__electoral_register", "housing__tenancies", "parking__permits")
# A second entry comes later, if they are still there then: fewer than asked.
FEWER = {
    ("near_repeat", "libraries/members"): """
        select _person_id, count(*) > 1 as is_dirty from libraries__members group by all""",
    ("near_repeat", "environmental_health/food_registrations"): """
        select _business_id, count(*) > 1 as is_dirty from environmental_health__food_registrations group by all""",
    ("near_repeat", "food_standards/ratings"): """
        select _business_id, count(*) > 1 as is_dirty from food_standards__ratings group by all""",
}  # fmt: skip
# What has to be so of a record of which a kind is told, and of no other: (of which records, what).
SHOWS = {
    ("old_address", "revenues/benefits"): ("true", "s.\"CT_PROPREF\" <> printf('CT%09d', s._address_id)"),
    ("wrong_cross_reference", "address_custodian/xref"): ("true", "s.uprn <> a.uprn"),
    ("placeholder_name", "business_rates/accounts"): ("true", "s.\"RATEPAYER\" = 'THE ACCOUNT HOLDER'"),
    **{
        ("missing_company_number", feed_id): ("o.company_number is not null", f's."{column}" is null')
        for feed_id, column in {
            "finance/payments": "Company Number",
            "environmental_health/food_registrations": "company_number",
            "licensing/premises_licences": "Holder Company Number",
        }.items()
    },
    **{
        ("wrong_uprn", table.replace("__", "/")): ("true", f's."{column}" <> a.uprn')
        for table, column in UPRNS.items()
    },
    **{
        ("missing_uprn", table.replace("__", "/")): (
            "true" if table in ALWAYS_UPRN else "list_contains(s._dirt, 'missing_uprn')",
            f's."{column}" is null',
        )
        for table, column in UPRNS.items()
    },
}
# Where people are written under an address that they have left because nobody told the agency.
NOT_TOLD = (
    "companies_house/officers",
    "electoral_services/electoral_register",
    "libraries/members",
    "parking/permits",
    "revenues/benefits",
    "schools/admissions",
)


@pytest.fixture(scope="module")
def boroughs_held() -> list[Con]:
    return [held(seed) for seed in SEEDS]


def counted(cons: list[Con], sql: str) -> tuple[int, int]:
    """Of how many draws how many are dirty, over several boroughs."""
    could = found = 0
    for con in cons:
        some, dirty = one(con, f"select count(*), count(*) filter (is_dirty) from ({sql})")
        could, found = could + some, found + dirty
    return could, found


def far(could: int, found: int, rate: float) -> float:
    """How many standard deviations the count lies from what was asked."""
    return float((found - could * rate) / (could * rate * (1 - rate)) ** 0.5)


@pytest.mark.parametrize("kind, feed_id", DRAWS)
def test_each_kind_is_as_frequent_as_asked(boroughs_held: list[Con], kind: str, feed_id: str) -> None:
    could, found = counted(boroughs_held, DRAWS[kind, feed_id])
    assert could >= 60
    assert abs(far(could, found, RATES[kind])) < 4, f"{found} of {could}"


@pytest.mark.parametrize("kind, feed_id", FEWER)
def test_second_entries_are_not_more_than_asked(boroughs_held: list[Con], kind: str, feed_id: str) -> None:
    could, found = counted(boroughs_held, FEWER[kind, feed_id])
    assert found > 0
    assert far(could, found, RATES[kind]) < 4, f"{found} of {could}"
    assert far(could, found, RATES[kind] / 4) > -4, f"{found} of {could}"


@pytest.mark.parametrize("kind, feed_id", SHOWS)
def test_what_is_told_is_so(boroughs_held: list[Con], kind: str, feed_id: str) -> None:
    of, shows = SHOWS[kind, feed_id]
    told = 0
    for con in boroughs_held:
        some, wrong = one(
            con,
            f"""select count(*) filter (list_contains(s._dirt, '{kind}')),
                count(*) filter (list_contains(s._dirt, '{kind}') <> coalesce({shows}, false))
            from {FEEDS[feed_id].table_name} as s left join address as a on a.address_id = s._address_id
            left join organisation as o on o.organisation_id = s._organisation_id where {of}""",
        )
        told += some
        assert wrong == 0
    assert told > 0


def test_people_stand_under_an_old_address_about_as_often_as_asked(boroughs_held: list[Con]) -> None:
    """Nobody draws who has moved unheard of: it follows from lives and from when agencies hear. Together it is as asked."""
    homes = [f for f in FEEDS.values() if f.address and any(p.lives_here for p in f.people)]
    records = told = 0
    for con in boroughs_held:
        for feed in homes:
            some, old = one(
                con,
                f"select count(*), count(*) filter (list_contains(_dirt, 'old_address')) from {feed.table_name} "
                "where _person_id is not null",
            )
            records, told = records + some, told + old
    assert RATES["old_address"] / 2 < told / records < RATES["old_address"] * 2
    for feed_id in NOT_TOLD:
        assert sum(
            one(
                con,
                f"select count(*) filter (list_contains(_dirt, 'old_address')) from {FEEDS[feed_id].table_name}",
            )[0]
            for con in boroughs_held
        ), feed_id


def test_every_kind_is_made_somewhere(boroughs_held: list[Con]) -> None:
    made_by_feeds = {
        kind
        for con in boroughs_held
        for feed in FEEDS.values()
        for (kind,) in rows(con, f"select distinct unnest(_dirt) from {feed.table_name}")
    }
    assert made_by_feeds | OF_LINES | OF_DELIVERIES == set(RATES)
    assert not made_by_feeds & (OF_LINES | OF_DELIVERIES)


# Lines ---------------------------------------------------------------------------------------------------------------


IN_LINES = [
    f
    for f, sent in SENT.items()
    if sent.repeats == "lines" and not FEEDS[f].source.database and not FEEDS[f].source.member
]
LIBRARY = "libraries/members"
RENAMED_ON = 183
LATER = (180, RENAMED_ON, 210)


def lines_of(feed: Feed, path: Path) -> list[list[str]]:
    """The records' lines of a written file, in the feed's own format, those without a value too."""
    dialect = feed.dialect
    if dialect.format == "excel":
        table = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()
        return [[str(v) for v in row] for row in table[dialect.skip_lines + 1 :]]
    content = path.read_bytes().decode(dialect.encoding)
    if dialect.format in ("json_lines", "fixed_width"):
        return [[line] for line in content.splitlines()]
    found = list(csv.reader(io.StringIO(content, newline=""), delimiter=dialect.delimiter))
    return found[dialect.skip_lines + dialect.has_header :]


def is_blank(line: list[str]) -> bool:
    return not any(value.strip() for value in line)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Con]]:
    """The first day's files, with a blank line as often as a repeat, for at its own rate there is one in a quarter of a
    million."""
    folder = tmp_path_factory.mktemp("written")
    with made() as con:
        con.execute(
            "set variable rate_of = map_concat(getvariable('rate_of'), map {'blank_line': getvariable('rate_of')['exact_repeat']})"
        )
        at_work = sender(con, folder)
        for feed_id in IN_LINES:
            at_work.send(FEEDS[feed_id], SENT[feed_id], 0, 0)
        for number in LATER:
            at_work.send(FEEDS[LIBRARY], SENT[LIBRARY], number, number)
        yield folder / "inbox", con


def test_lines_are_sent_twice_or_without_a_value_as_often_as_asked(written: tuple[Path, Con]) -> None:
    inbox, con = written
    records = repeats = of_csv = blanks = 0
    for feed_id in IN_LINES:
        feed = FEEDS[feed_id]
        lines = lines_of(feed, inbox / feed.source.file_name)
        some, told, told_blank = one(
            con,
            "select any_value(r.records), coalesce(sum(d.records) filter (d.kind = 'exact_repeat'), 0), "
            "coalesce(sum(d.records) filter (d.kind = 'blank_line'), 0) "
            f"from sent_delivery as r left join dirt_count as d using (feed, day) where feed = '{feed_id}' and day = {DAY}",
        )
        blank = sum(map(is_blank, lines))
        again = len(lines) - blank - some
        # a repeat is its record over again, next to it
        twins = sum(a == b for a, b in zip(lines, lines[1:], strict=False) if not is_blank(a))
        assert twins >= again == told, feed_id
        assert blank == told_blank, feed_id
        records, repeats = records + some, repeats + again
        if feed.dialect.format == "csv":
            of_csv, blanks = of_csv + some, blanks + blank
        else:
            assert blank == 0
    assert abs(far(records, repeats, RATES["exact_repeat"])) < 4
    assert abs(far(of_csv, blanks, RATES["exact_repeat"])) < 4
    assert repeats > 10 and blanks > 10


def test_hardly_any_line_is_blank(boroughs_held: list[Con]) -> None:
    """At the rate of dirt.yaml: drawn for half a million lines."""
    lines = 500_000
    blanks = sum(
        one(con, f"select count(*) from range({lines}) as t (i) where dirty('blank_line', 'test', i)")[0]
        for con in boroughs_held
    )
    assert abs(far(lines * len(boroughs_held), blanks, RATES["blank_line"])) < 4


# Deliveries ----------------------------------------------------------------------------------------------------------


def test_deliveries_are_late_and_lost_as_often_as_asked(boroughs_held: list[Con]) -> None:
    drawn: dict[tuple[str, int], int | None] = {}
    for feed, _sent, number, arrives in arrivals(boroughs_held[0], calendar(), 366):
        at = (feed.source.database or feed.source.file_name, number)
        assert drawn.setdefault(at, arrives) == arrives  # what shares a file shares its fate
        assert arrives is None or 0 <= arrives - number <= deliveries.LATE_DAYS
        if number == 0:
            assert arrives == 0
    later = [(number, arrives) for (_, number), arrives in drawn.items() if number]
    assert len(later) > 800
    assert abs(far(len(later), sum(a is None for _, a in later), RATES["lost"])) < 4
    late = sum(a is not None and a > n for n, a in later)
    assert abs(far(len(later), late, RATES["late"] * (1 - RATES["lost"]))) < 4


def test_the_library_renames_a_column(written: tuple[Path, Con]) -> None:
    feed, renamed = FEEDS[LIBRARY], SENT[LIBRARY].renamed
    assert renamed is not None and renamed.from_day == RENAMED_ON
    headers = {}
    for number in (0, *LATER):
        inbox, _ = written
        day = TODAY + timedelta(days=number)
        folder = inbox if number == 0 else inbox.parent / "days" / str(day)
        with (folder / feed.source.file_name).open(encoding=feed.dialect.encoding, newline="") as lines:
            headers[number] = next(csv.reader(lines))
    before = list(feed.columns)
    after = [renamed.to if c == renamed.column else c for c in before]
    assert headers == {n: after if n >= RENAMED_ON else before for n in headers}
    assert before != after
