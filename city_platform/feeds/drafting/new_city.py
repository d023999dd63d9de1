"""New city: a folder that holds a city to be.

Belongs here: what `city new` writes. Does not belong here: its feeds (draft.py), what a city is (city.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from city_platform.city import load_city
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.drafting.write_yaml import flow

# Country: locale, time zone, box (all of it, until somebody narrows it), identifier schemes.
COUNTRIES = {
    "GB": (
        "en_GB",
        "Europe/London",
        "{south: 49.8, north: 60.9, west: -8.7, east: 1.8}",
        {
            "uprn": "Unique property reference number",
            "company_number": "Number on the companies register",
            "council_tax": "Council tax property reference",
            "non_domestic_rates": "Business rates property reference",
            "nino": "National insurance number",
        },
    ),
    "US": (
        "en_US",
        "America/New_York",
        "{south: 24.4, north: 49.4, west: -125.0, east: -66.9}",
        {"license": "Number of a business licence", "parcel": "Number of the parcel of land"},
    ),
}
FEEDS_README = """# The city's feeds: one folder an agency, in it defs.yaml, in it one document a feed.
#   city-platform feed new AGENCY/FEED --from FILE_OR_URL --city {folder}
# writes one from a sample; `city-platform feed check --city {folder}` says what is wrong with it.
"""


@dataclass(frozen=True)
class NewCity:
    """What was written."""

    folder: Path
    files: tuple[Path, ...]


def start_city(
    folder: Path, name: str | None, country: str, locale: str | None = None, time_zone: str | None = None
) -> NewCity:
    """Write a city folder. Raises DraftError where there is one, or where it cannot be one."""
    if (folder / "city.yaml").exists():
        raise DraftError(f"{folder} is a city already. Change its city.yaml, or give another folder.")
    if folder.exists() and not folder.is_dir():
        raise DraftError(f"{folder} is a file. Give a folder.")
    if not re.fullmatch(r"[a-z][a-z0-9_]*", folder.name):
        raise DraftError(
            f"{folder.name}: a city's folder is named in small letters, digits and _, a letter first, such as west_yorkshire."
        )
    own_locale, own_zone, box, schemes = COUNTRIES[country]
    zone = time_zone or own_zone
    _check_zone(zone)
    lines = [
        f"name: {flow(name or folder.name.replace('_', ' ').title())}",
        f"country: {country}",
        f"locale: {locale or own_locale}  # decides how addresses are read",
        f"time_zone: {zone}",
        "# Outside these degrees (WGS 84) a coordinate is not in the city. This is the whole country: narrow it.",
        f"box: {box}",
        "identifier_schemes:  # what numbers what; a feed's mapping names them",
        *(f"  {scheme}: {flow(meaning)}" for scheme, meaning in schemes.items()),
        "# gazetteer: {standard: bs7666, agency: address_custodian}  # `feed new` adds it from a DTF 7.3 file",
        "# as_of: 2026-07-01  # scores are as of this day where a run names none; today if left out",
        '# schedule: "0 2 * * *"  # when the nightly run starts, local time',
    ]
    if country != "GB":
        lines = [line for line in lines if not line.startswith("# gazetteer")]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "feeds").mkdir(exist_ok=True)
    (folder / "risk").mkdir(exist_ok=True)
    files = (folder / "city.yaml", folder / "feeds" / "README")
    files[0].write_text("\n".join(lines) + "\n", encoding="utf-8")
    files[1].write_text(FEEDS_README.format(folder=folder), encoding="utf-8")
    load_city(folder)
    return NewCity(folder, files)


def _check_zone(name: str) -> None:
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise DraftError(
            f"{name}: there is no such time zone; Europe/London and America/Chicago are some."
        ) from None
