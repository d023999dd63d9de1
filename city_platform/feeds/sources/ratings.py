"""Ratings: the food hygiene ratings of one authority, from the Food Standards Agency's API, version 2.

The API tells no changes, so all of an authority's establishments are read every time. Its pages have no order that is
promised: the records are put in the order of their FHRSID, so that the same ratings are the same bytes.

Belongs here: the API's pages, and what its columns mean. Does not belong here: HTTP (web.py), the file (portals.py).
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.portals import (
    ChangedError,
    Pages,
    PortalColumn,
    PortalDescription,
    Record,
    not_as_expected,
    plain,
    read,
    records_in,
    split_address,
)
from city_platform.feeds.sources.web import Web
from city_platform.settings import Settings

PAGE_ROWS = 5000  # the most that the API gives


def headers(token: str | None = None) -> dict[str, str]:
    """What every request carries: without the version, the API answers with no data."""
    return {"x-api-version": "2"}


def ask(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """All establishments of the authority."""
    source = feed.source
    size = min(source.page_rows or PAGE_ROWS, PAGE_ROWS)
    with Web(feed, headers()) as web:
        authority = _Authority(web, str(source.ratings))
        # A page's number means something else with pages of another size.
        pages = Pages(feed, folder, authority.url, {"ratings": source.ratings, "size": size})

        def tell() -> dict[str, Any]:
            _, total = authority.page(1, 1)
            if not total:
                raise NotReceivedError(
                    f"{authority.url} knows no establishment of the authority {authority.name}. Check source.ratings in the "
                    "feed's defs.yaml."
                )
            return {"rows": total}

        def add_page() -> bool:
            number, told = (pages.at or 0) + 1, (pages.told or {})["rows"]
            if pages.rows >= told:  # cut after the last page; there is no further one to ask for
                return True
            found, total = authority.page(number, size)
            if total != told:
                raise ChangedError
            pages.add(found, number)
            return not found or pages.rows >= told

        def is_whole() -> bool:
            return pages.rows == (pages.told or {})["rows"] and _put_in_order(pages.part)

        read(pages, tell, add_page, is_whole)
        yield pages.finish("full", {})


def _put_in_order(path: Path) -> bool:
    """Sort the establishments by their number; False where one is there twice, so that another one is missing."""
    lines = path.read_bytes().splitlines(keepends=True)
    numbers = [json.loads(line).get("FHRSID") for line in lines]
    if len(set(numbers)) < len(numbers):
        return False
    beside = path.with_name(path.name + ".sorted")
    with beside.open("wb") as out:
        out.writelines(line for _, line in sorted(zip(numbers, lines, strict=True)))
        out.flush()
        os.fsync(out.fileno())
    os.replace(beside, path)
    return True


class _Authority:
    """One authority, as it is asked."""

    def __init__(self, web: Web, address: str) -> None:
        self._web = web
        self.site, self.name = split_address(address)
        self.url = f"{self.site}/Establishments"

    def page(self, number: int, size: int) -> tuple[list[Record], int]:
        """One page, and how many establishments there are in all."""
        params = {"localAuthorityId": self.name, "pageNumber": number, "pageSize": size}
        found = self._web.json(self.url, params)
        total = (found.get("meta") or {}).get("totalCount") if isinstance(found, dict) else None
        if not isinstance(total, int):
            raise not_as_expected(self.url, "establishments of the ratings API, version 2")
        records = records_in(found.get("establishments"), self.url)
        if not all(isinstance(r.get("FHRSID"), int) for r in records):
            raise not_as_expected(self.url, "establishments that have their FHRSID")
        return records, total

    def about(self) -> Record:
        url = f"{self.site}/Authorities/{self.name}"
        found = self._web.json(url)
        if not isinstance(found, dict) or not found.get("Name"):
            raise not_as_expected(url, "an authority of the ratings API, version 2")
        return found


_RATINGS = (
    *"0 1 2 3 4 5 Pass Exempt AwaitingInspection AwaitingPublication".split(),
    "Pass and Eat Safe",
    "Improvement Required",
    "Awaiting Inspection",
    "Awaiting Publication",
)
_SCORE = "Points against the business, 0 the best: {} at the last inspection"
COLUMNS = (
    PortalColumn("FHRSID", "integer", "Number of the establishment in the rating scheme"),
    PortalColumn("ChangesByServerID", "integer", "Number of its last change at the agency"),
    PortalColumn("LocalAuthorityBusinessID", "text", "The council's own reference of the business"),
    PortalColumn("BusinessName", "text", "Name of the business"),
    PortalColumn("BusinessType", "text", "Kind of business"),
    PortalColumn("BusinessTypeID", "integer", "Number of the kind of business"),
    *(PortalColumn(f"AddressLine{n}", "text", f"Address, line {n}") for n in (1, 2, 3, 4)),
    PortalColumn("PostCode", "text", "Postcode; of a private address only its first part, or nothing"),
    PortalColumn("Phone", "text", "Telephone number"),
    PortalColumn("RatingValue", "text", "Rating, or what stands in its place", _RATINGS),
    PortalColumn("RatingKey", "text", "Rating as the scheme, the value and the language make a key of it"),
    PortalColumn("RatingDate", "timestamp", "Day of the inspection that gave the rating"),
    PortalColumn("LocalAuthorityCode", "text", "Number of the authority"),
    PortalColumn("LocalAuthorityName", "text", "Name of the authority"),
    PortalColumn("LocalAuthorityWebSite", "text", "Web site of the authority"),
    PortalColumn("LocalAuthorityEmailAddress", "text", "E-mail address of the authority"),
    PortalColumn("scores.Hygiene", "integer", _SCORE.format("hygiene")),
    PortalColumn("scores.Structural", "integer", _SCORE.format("structure")),
    PortalColumn("scores.ConfidenceInManagement", "integer", _SCORE.format("confidence in management")),
    PortalColumn("SchemeType", "text", "Rating scheme: FHRS, or FHIS in Scotland", ("FHIS", "FHRS")),
    PortalColumn("geocode.longitude", "number", "Longitude"),
    PortalColumn("geocode.latitude", "number", "Latitude"),
    PortalColumn("RightToReply", "text", "What the business replies to its rating"),
    PortalColumn("NewRatingPending", "boolean", "Whether a new rating will be published soon"),
)


def describe(address: str, web: Web) -> PortalDescription:
    """What the API says of the authority; what its columns mean, which it does not say."""
    authority = _Authority(web, address)
    name = plain(authority.about()["Name"])
    return PortalDescription(
        address=address,
        title=f"Food hygiene ratings: {name}",
        description=f"Food businesses of {name} and their newest rating; the API tells no earlier ones",
        publisher="Food Standards Agency",
        licence="Open Government Licence v3.0",
        cadence="daily",
        row_label="establishment",
        columns=COLUMNS,
    )


def sample(address: str, web: Web, rows: int = 2000) -> list[Record]:
    """Up to so many establishments, as ask delivers them; web has to be made with headers()."""
    return _Authority(web, address).page(1, min(rows, PAGE_ROWS))[0]
