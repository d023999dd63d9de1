"""The README tells the truth about its tests, and its links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import BaseModel

from city_platform.feeds import declaration
from city_platform_tests.runs import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "benchmarks" / "README.md"]


@pytest.mark.parametrize("page", PAGES, ids=lambda p: str(p.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)", page.read_text())
    gone = [at for at in links if "://" not in at and not (page.parent / at.split("#")[0]).exists()]
    assert gone == []


def test_a_test_stands_behind_every_cell_of_the_table_of_sources() -> None:
    cells = re.findall(r'\]\((city_platform_tests/\S+) "(test_\w+)"\)', (ROOT / "README.md").read_text())
    assert len(cells) > 40
    wrong = [(path, test) for path, test in cells if f"def {test}(" not in (ROOT / path).read_text()]
    assert wrong == []


def test_the_reference_names_every_field_of_a_feed() -> None:
    text = (ROOT / "docs" / "reference" / "feed.md").read_text()
    models = [m for m in vars(declaration).values() if isinstance(m, type) and issubclass(m, BaseModel)]
    assert len(models) > 10
    absent = {
        f"{m.__name__}.{f}"
        for m in models
        for f in m.model_fields
        if not re.search(rf"`[^`]*\b{f}\b[^`]*`", text)
    }
    assert absent == set()
