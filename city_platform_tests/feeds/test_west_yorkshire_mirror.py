"""The real mirror of West Yorkshire, where it lies beside the checkout: each row is accounted for, each oddity told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from city_platform.feeds.declaration import load_feeds
from city_platform.feeds.load import FeedBuilt, load_feed
from city_platform.rebuild import prepare
from city_platform.settings import CITIES, Settings
from city_platform.warehouse import Warehouse
from city_platform_tests.runs import ROOT

MIRROR = ROOT.parent / "shared" / "data" / "west_yorkshire"
pytestmark = pytest.mark.skipif(
    not MIRROR.is_dir(), reason="needs ../shared/data/west_yorkshire, which is not here"
)
EAT_OUT = "hmrc/eat_out_to_help_out"
# Of the newest delivery: read, new, repeated, quarantined. An exact repeat of a feed that keeps them is new.
FATES = {
    "bradford/business_rates": (19_323, 19_322, 0, 1),
    "bradford/spending": (121_109, 121_109, 0, 0),
    "calderdale/business_rates": (9_347, 9_337, 0, 10),
    "calderdale/spending": (27_158, 27_158, 0, 0),
    "food_standards/ratings_2015": (13_125, 13_125, 0, 0),
    EAT_OUT: (48_775, 2_485, 89, 5),
    "leeds/long_term_empty_homes": (33 * 97, 33 * 97, 0, 0),
    "wakefield/business_rates": (11_037, 11_037, 0, 0),
    "wakefield/spending": (234_329, 234_327, 0, 2),
}
# Of all deliveries, by column and rule, without notes.
ISSUES = {
    ("bradford/business_rates", None, "key_twice"): 1,
    ("calderdale/business_rates", None, "line_rejected"): 10,  # a quotation mark inside an address
    ("calderdale/business_rates", "Liability start date", "type"): 1,  # a day that never was
    ("calderdale/spending", "Supplier Registered Company Number", "type"): 68,
    ("food_standards/ratings_2015", "latitude", "range"): 4,
    ("food_standards/ratings_2015", "longitude", "range"): 3,
    (EAT_OUT, None, "key_twice"): 10,  # five on each day
    ("wakefield/spending", None, "blank_record"): 2,
}


class Loaded:
    """A warehouse that holds the mirror, and what became of each feed."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.con = warehouse.con
        feeds = load_feeds(CITIES / "west_yorkshire")
        self.built: dict[str, FeedBuilt] = {f.id: load_feed(warehouse, f) for f in feeds}

    def rows(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.con.execute(sql, list(values)).fetchall()


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loaded]:
    folder = tmp_path_factory.mktemp("west_yorkshire")
    settings = Settings(
        city_folder=CITIES / "west_yorkshire",
        home=folder / "home",
        mirror=MIRROR,
        key_file=folder / "key",
    )
    with Warehouse(settings) as warehouse:
        prepare(warehouse)
        yield Loaded(warehouse)


def test_every_row_of_the_nine_feeds_is_accounted_for(loaded: Loaded) -> None:
    found = {}
    for feed, built in loaded.built.items():
        assert (built.status, built.failed) == ("loaded", []), built.message
        found[feed] = tuple(built.counts[f] for f in ("read", "new", "repeated", "quarantined"))
    assert found == FATES


def test_two_days_of_one_list_show_what_arrived_and_what_left(loaded: Loaded) -> None:
    told = loaded.rows(
        "select file_name, rows_read, rows_new, rows_changed, rows_unchanged, rows_repeated, rows_quarantined, "
        "rows_removed from provenance.delivery where feed = ? order by sequence",
        EAT_OUT,
    )
    assert told == [
        ("eat_out_to_help_out_2020-07-31.csv", 46_370, 46_281, 0, 0, 84, 5, 0),
        ("eat_out_to_help_out_2020-08-01.csv", 48_775, 2_485, 4, 46_192, 89, 5, 85),
    ]
    ((left,),) = loaded.rows(
        "select count(*) from staging.hmrc__eat_out_to_help_out__history h anti join "
        "staging.hmrc__eat_out_to_help_out s using (record_key)"
    )
    assert left == 85


def test_each_oddity_is_told_under_its_column_and_rule(loaded: Loaded) -> None:
    told = loaded.rows(
        "select feed, column_name, rule, count(*) from quality.issue where severity <> 'info' group by all"
    )
    found = {(feed, column, rule): n for feed, column, rule, n in told}
    assert found == ISSUES


def test_calderdales_days_without_occupants_are_read_with_the_month_first(loaded: Loaded) -> None:
    ((empty, occupied, unoccupied, first),) = loaded.rows(
        """select count("Empty from"), count(*) filter (Occupied), count(*) filter (not Occupied), min("Empty from")::varchar
        from staging.calderdale__business_rates"""
    )
    assert (empty, occupied, unoccupied, first) == (308, 9_001, 308, "2008-04-01")


def test_who_is_withheld_is_nobody(loaded: Loaded) -> None:
    withheld = "('THE ACCOUNT HOLDER', 'DETAILS REDACTED', 'REDACTED', 'REDACTED PERSONAL DATA')"
    for table, column, named in (
        ("wakefield__business_rates", "Ratepayer", 6_500),
        ("wakefield__spending", "Beneficiary Name", 218_867),
        ("bradford__spending", "Supplier Name", 120_008),
        ("calderdale__spending", "Supplier(Beneficiary) Name", 25_076),
    ):
        found = loaded.rows(
            f'select count("{column}"), count(*) filter (upper("{column}") in {withheld}) from staging.{table}'
        )
        assert found == [(named, 0)], table


def test_payments_without_a_number_each_count(loaded: Loaded) -> None:
    found = loaded.rows(
        """select count(*), round(sum(Amount), 2) from staging.wakefield__spending
        where "Beneficiary Name" = 'Land Registry' and "Payment Date" = date '2021-11-16' and Amount = 3"""
    )
    assert found == [(117, 351.0)]


def test_a_column_a_month_becomes_a_record_a_month(loaded: Loaded) -> None:
    found = loaded.rows(
        """select count(*), count(distinct WARD), min(month)::varchar, max(month)::varchar,
            sum(homes) filter (month = date '2006-12-01') from staging.leeds__long_term_empty_homes"""
    )
    assert found == [(3_201, 33, "2006-12-01", "2014-12-01", 10_233)]


def test_personal_values_stand_in_no_issue(loaded: Loaded) -> None:
    personal = {
        (feed.id, name)
        for feed in load_feeds(CITIES / "west_yorkshire")
        for name, column in feed.columns.items()
        if column.classification == "personal"
    }
    told = loaded.rows("select feed, column_name, value from quality.issue where column_name is not null")
    values = {value for feed, column, value in told if (feed, column) in personal}
    assert values == {"(masked)"}
