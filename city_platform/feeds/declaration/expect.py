"""Expect: what a delivery has to be like to be loaded, and how often one is due.

Belongs here: the fields of `expect` and `cadence`. Does not belong here: measuring them (feeds/drift.py,
feeds/freshness.py).
"""

from __future__ import annotations

from pydantic import Field

from city_platform.feeds.declaration.parts import Part

# How many days may pass between two deliveries that bring something new.
CADENCES = {
    "daily": 1,
    "weekly": 7,
    "fortnightly": 14,
    "monthly": 31,
    "quarterly": 92,
    "termly": 122,
    "yearly": 366,
}


class Expect(Part):
    """What a delivery has to be like to be loaded; what is not, is held until somebody mends or releases it."""

    rows_at_least: int = Field(default=1, ge=0)
    fall_at_most: float = Field(default=0.5, ge=0, le=1)  # share of the last delivery's rows that may be gone
    rise_at_most: float | None = Field(default=None, gt=0)  # as a share of the last delivery's rows
    quarantined_at_most: float = Field(default=0.02, ge=0, le=1)  # share of the rows that may be set aside
    # share of a column's values that may have to be left out because they are not of its type or range
    left_out_at_most: float = Field(default=0.1, ge=0, le=1)
    # per column: the share of each category's rows that may be gone since the last delivery
    categories: dict[str, float] = {}
    # of a number's median, in widths of the middle four fifths of the last delivery's values
    jump_at_most: float = Field(default=3.0, gt=0)
