"""A city's own file: the shipped ones load, and a fault is told by file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from city_platform.city import load_city
from city_platform.settings import CITIES
from city_platform.yaml_files import DeclarationError

CITY = """\
name: Smallville
country: US
locale: en_US
time_zone: America/Chicago
box: {south: 41, north: 42, west: -88, east: -87}
identifier_schemes: {dog: A dog's number}
as_of: 2014-09-01
"""


@pytest.mark.parametrize("folder", sorted(p.parent for p in CITIES.glob("*/city.yaml")), ids=lambda p: p.name)
def test_a_shipped_city_loads_and_its_box_is_a_box(folder: Path) -> None:
    city = load_city(folder)
    assert city.box.south < city.box.north
    assert city.box.west < city.box.east


@pytest.mark.parametrize(
    ("old", "new", "line", "field"),
    [
        ("name:", "nom:", 1, "nom: there is no such field"),
        ("name: Smallville\n", "", 1, "name: this field is needed"),
        ("en_US", "tlh", 3, "locale: "),
        ("south: 41", "south: low", 5, "box.south: "),
        ("2014-09-01", "soon", 7, "as_of: "),
    ],
)
def test_a_fault_is_told_by_file_line_and_field(
    tmp_path: Path, old: str, new: str, line: int, field: str
) -> None:
    path = tmp_path / "city.yaml"
    path.write_text(CITY.replace(old, new))
    with pytest.raises(DeclarationError) as error:
        load_city(tmp_path)
    assert f"{path}, line {line}: {field}" in str(error.value)


@pytest.mark.parametrize("text", ["", CITY + "---\n" + CITY])
def test_one_file_describes_one_city(tmp_path: Path, text: str) -> None:
    (tmp_path / "city.yaml").write_text(text)
    with pytest.raises(DeclarationError, match="describe one city here"):
        load_city(tmp_path)
