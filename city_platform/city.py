"""City: reads a city folder's city.yaml.

Belongs here: what is true of the city as a whole. Does not belong here: its feeds (feeds/declaration/) and its
cases (risk/case.py), which have files of their own in the same folder.
"""

from __future__ import annotations

import hashlib
import json
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


class Boundary(BaseModel):
    """Areas of one kind, as polygons in a GeoJSON file (WGS 84)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str  # in the city's folder
    name: str = "name"  # the property that names an area
    sha256: str = ""  # of the file; not written: found when it is read


class Boundaries(BaseModel):
    """The city's areas."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    ward: Boundary | None = None


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
    boundaries: Boundaries | None = None
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
    city = validate(City, content, node, path)
    if city.boundaries and city.boundaries.ward:
        ward = _found(city.boundaries.ward, folder, path)
        city = city.model_copy(update={"boundaries": Boundaries(ward=ward)})
    return city


def _found(boundary: Boundary, folder: Path, path: Path) -> Boundary:
    """The boundary with the whole path of its file, and with its hash, so that another file is another setting."""
    file = folder / boundary.file
    try:
        content = file.read_bytes()
        features = json.loads(content)["features"]
        named = [f for f in features if f["properties"].get(boundary.name)]
    except FileNotFoundError:
        raise DeclarationError(f"{path}: boundaries: there is no file {file}.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DeclarationError(f"{path}: boundaries: {file} is not a GeoJSON file of features.") from None
    if not named:
        raise DeclarationError(
            f"{path}: boundaries: no feature of {file} has a property {boundary.name}; say with `name` which one names it."
        )
    return boundary.model_copy(update={"file": str(file), "sha256": hashlib.sha256(content).hexdigest()})
