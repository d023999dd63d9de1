"""Backfill: which days of a source by day are loaded at once.

Belongs here: from two dates to the days between them. Does not belong here: taking them (sources/), loading them
(load.py), and starting a run (component.py).
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from city_platform.feeds.declaration import Feed


class BackfillError(ValueError):
    """Days that cannot be loaded; the message says why, and what to do."""


def days_between(feed: Feed, first: str | None, last: str | None, on: date) -> tuple[date, ...]:
    """Every day from first to last, both written as 2020-07-01; none where neither is given: those that are due.

    Where one is left out, it is the feed's first_day, or the day `on`. Raises BackfillError.
    """
    if not first and not last:
        return ()
    if not feed.source.is_by_day:
        raise BackfillError(
            f"Feed {feed.id} is not sent day by day: its source has no {{day}} in it, so no days can be chosen."
        )
    begin = _date(first) if first else feed.source.first_day
    end = _date(last) if last else on
    if begin is None:
        raise BackfillError(
            f"Feed {feed.id}: give the first day too, or declare source.first_day in its defs.yaml."
        )
    if begin > end:
        raise BackfillError(f"Feed {feed.id}: the first day, {begin}, is after the last, {end}.")
    return tuple(begin + timedelta(days=n) for n in range((end - begin).days + 1))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError:
        raise BackfillError(f"{text}: give a day that exists as YYYY-MM-DD, such as 2020-07-01.") from None
