"""City: reads a city folder's city.yaml.

Belongs here: what is true of the city as a whole. Does not belong here: its feeds (feeds/declaration/) and its
cases (risk/case.py), which have files of their own in the same folder.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from city_platform.yaml_files import DeclarationError, load_documents, validate


class Box(BaseModel):
    """Outside these degrees (WGS 84) a coordinate is not in the city."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    south: float
    north: float
    west: float
    east: float


class Gazetteer(BaseModel):
    """The city's own list of addresses, as feeds of one agency."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    standard: Literal["bs7666"]
    agency: str  # sends the feeds blpu, lpi, street, xref and classification


class Synthetic(BaseModel):
    """A city that does not exist: `city-platform synthesise` makes it, and its truth is known."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    addresses: int = Field(gt=0)  # where nobody asks for another size
    seed: int = 1


class City(BaseModel):
    """One city."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    country: str
    locale: Literal["en_US", "en_GB"]  # decides how addresses are read
    time_zone: str
    box: Box
    identifier_schemes: dict[str, str]  # scheme: what it numbers
    gazetteer: Gazetteer | None = None
    synthetic: Synthetic | None = None
    as_of: date | None = None  # the date of its scores where a run names none; today if empty
    schedule: str = "0 2 * * *"  # when the nightly run starts, local time


def load_city(folder: Path) -> City:
    """The city of a folder; raises DeclarationError with file, line and field."""
    path = folder / "city.yaml"
    documents = load_documents(path)
    if len(documents) != 1:
        raise DeclarationError(f"{path}: describe one city here, found {len(documents)}.")
    content, node = documents[0]
    return validate(City, content, node, path)
