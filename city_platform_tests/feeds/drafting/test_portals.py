"""Feeds drafted from what a server hands over: portals that describe themselves, and a file at an address."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from city_platform.feeds.drafting.check import check
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.drafting.sample import Wanted
from city_platform.feeds.sources import web
from city_platform_tests.feeds.drafting.desk import Desk, csv_text, shops
from city_platform_tests.feeds.sources import portal_servers as servers
from city_platform_tests.feeds.sources.conftest import office as office  # a fixture
from city_platform_tests.feeds.sources.office import Answer, Office


@pytest.fixture(autouse=True)
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Sources do not wait between two tries."""
    waited: list[float] = []
    monkeypatch.setattr(web, "sleep", waited.append)
    return waited


@pytest.fixture
def socrata() -> Iterator[servers.Socrata]:
    made = servers.Socrata()
    for number in range(1, 31):
        made.put(
            number,
            state="open" if number % 3 else "closed",
            fee="12.50",
            issued=f"2014-01-{number:02d}T00:00:00.000",
        )
    with servers.serving(made):
        yield made


def would_load(desk: Desk) -> tuple[str, int | None]:
    (found,) = check(desk.settings, "office/things")
    return found.status, found.rows


def test_a_socrata_dataset_brings_its_title_licence_cadence_and_meanings(
    desk: Desk, socrata: servers.Socrata
) -> None:
    desk.new(f"socrata:{socrata.address}")
    feed = desk.feed()
    assert (feed.title, feed.publisher, feed.licence, feed.rights, feed.cadence) == (
        "Street trading permits",
        "City of Eastmere",
        "Public Domain",
        "open",
        "daily",
    )
    assert feed.key == ("id",) and feed.columns["id"].meaning == "Number of the permit"
    assert feed.columns["state"].values == ("closed", "open")
    assert feed.columns["fee"].classification == "public"  # the licence is open
    assert would_load(desk) == ("would load", 30)


def test_a_ckan_resource_is_drafted(desk: Desk) -> None:
    portal = servers.Ckan()
    for number in range(1, 21):
        portal.put(
            number,
            fee=7.5 + number,
            changed="2014-01-01T00:00:00",
            ward="Keighley East" if number % 2 else "Ilkley",
        )
    with servers.serving(portal):
        desk.new(f"ckan:{portal.address}")
        feed = desk.feed()
        assert (feed.licence, feed.rights, feed.cadence) == (
            "UK Open Government Licence (OGL)",
            "open",
            "monthly",
        )
        assert feed.columns["fee"].type == "number"
        assert would_load(desk) == ("would load", 20)


def test_an_arcgis_layer_is_drafted(desk: Desk) -> None:
    portal = servers.ArcGis()
    for number in range(1, 21):
        portal.put(number, state="S" if number % 2 else "F", height=3.5 + number)
    with servers.serving(portal):
        desk.new(f"arcgis:{portal.address}")
        feed = desk.feed()
        assert feed.title == "Street trees" and feed.rights is None
        assert {"longitude", "latitude", "height"} <= set(feed.columns)
        assert would_load(desk) == ("would load", 20)


def test_an_authority_s_ratings_are_drafted(desk: Desk) -> None:
    portal = servers.Ratings()
    for number in range(1, 21):
        portal.put(number, BusinessName=f"Café {number}", Phone="01274 555 000")
    with servers.serving(portal):
        desk.new(f"ratings:{portal.address}")
        feed = desk.feed()
        assert feed.key == ("FHRSID",)
        assert feed.business and feed.business.name == "BusinessName"
        assert feed.address and feed.address.postcode == "PostCode"
        assert would_load(desk) == ("would load", 20)


def test_a_portal_that_refuses_gets_a_sentence_and_no_token_is_shown(
    desk: Desk, socrata: servers.Socrata, monkeypatch: pytest.MonkeyPatch
) -> None:
    socrata.token = "right"
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "wrong-and-secret")
    with pytest.raises(DraftError) as error:
        desk.new(f"socrata:{socrata.address}", wanted=Wanted(token="portal"))
    assert "127.0.0.1" in str(error.value) and "wrong-and-secret" not in str(error.value)
    monkeypatch.setenv("CITY_PLATFORM_SECRET_PORTAL", "right")
    desk.new(f"socrata:{socrata.address}", wanted=Wanted(token="portal"))
    assert desk.feed().source.token == "portal" and "right" not in desk.text().replace("rights", "")


def test_a_file_at_an_address_is_drafted_with_the_address(desk: Desk, office: Office) -> None:
    office.answers["/shops.csv"] = [Answer(body=csv_text(shops(), delimiter=";").encode("cp1252"))]
    address = f"http://127.0.0.1:{office.server_port}/shops.csv"
    desk.new(address)
    feed = desk.feed()
    assert (feed.source.url, feed.dialect.delimiter, feed.dialect.encoding) == (address, ";", "cp1252")
    assert would_load(desk) == ("would load", 60)


def test_a_log_in_page_at_an_address_gets_a_sentence(desk: Desk, office: Office) -> None:
    office.answers["/shops.csv"] = [Answer(body=b"<!DOCTYPE html><html>Log in</html>")]
    with pytest.raises(DraftError, match="web page"):
        desk.new(f"http://127.0.0.1:{office.server_port}/shops.csv")
