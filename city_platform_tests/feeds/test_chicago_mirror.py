"""The real mirror of Chicago, where it lies beside the checkout: each of its rows is accounted for."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_platform.feeds.declaration import load_feeds
from city_platform.feeds.load import load_feed
from city_platform.rebuild import prepare
from city_platform.settings import CITIES, Settings
from city_platform.warehouse import Warehouse
from city_platform_tests.runs import ROOT

MIRROR = ROOT.parent / "shared" / "data" / "chicago"
# read, new, repeated, quarantined
FATES = {
    "business_affairs/business_licenses": (17_174, 17_173, 0, 1),
    "public_health/food_inspections": (24_518, 24_518, 0, 0),
    "public_health/food_inspection_violations": (101_473, 101_473, 0, 0),
    "public_health/sanitarian_visits": (63_280, 63_180, 100, 0),
    "streets_and_sanitation/sanitation_complaints": (69_598, 69_245, 36, 317),
    "weather_service/weather": (1_249, 1_249, 0, 0),
}


@pytest.mark.skipif(not MIRROR.is_dir(), reason="needs ../shared/data/chicago, which is not here")
def test_every_row_of_the_six_feeds_is_accounted_for(tmp_path: Path) -> None:
    settings = Settings(city_folder=CITIES / "chicago", home=tmp_path, mirror=MIRROR)
    with Warehouse(settings) as warehouse:
        prepare(warehouse)
        feeds = load_feeds(settings.city_folder)
        assert {f.id for f in feeds} == FATES.keys()
        for feed in feeds:
            built = load_feed(warehouse, feed)
            counts = built.counts
            found = (counts["read"], counts["new"], counts["repeated"], counts["quarantined"])
            assert (found, built.status, built.failed) == (FATES[feed.id], "loaded", []), feed.id
        blank = warehouse.con.execute("select line from quality.issue where rule = 'blank_record'").fetchall()
        assert blank == [(17_175,)]
