"""Patterns: names with *, ?, [ ] or {day} in them, and what fits them.

Belongs here: which names fit and which day they tell, and names that fit nothing because they are not finished.
Does not belong here: taking files (files.py, remote.py).
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Iterable
from datetime import date, datetime

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError

_DAY = re.compile(r"\{day(?::([^{}]*))?\}")
_DIRECTIVES = {"Y": r"\d{4}", "y": r"\d{2}", "m": r"\d{2}", "d": r"\d{2}", "j": r"\d{3}"} | dict.fromkeys(
    "bB", r"[^\W\d_]+"
)
_UNFINISHED = (".part", ".tmp", ".crdownload", ".filepart", ".partial")


def is_unfinished(name: str) -> bool:
    """Whether a file is hidden, or one that a program makes only while it writes another."""
    return name.startswith((".", "~")) or name.lower().endswith(_UNFINISHED)


def has_day(text: str) -> bool:
    return "{day" in text


def on(text: str, day: date) -> str:
    """The name or address of this day."""
    return _DAY.sub(lambda found: day.strftime(found[1] or "%Y-%m-%d"), text)


def names(text: str, days: Iterable[date]) -> dict[str, date]:
    """Each name or address that these days have, with the last of the days that have it."""
    return {on(text, day): day for day in days}


def named_days(days: Iterable[date]) -> str:
    """Days for a sentence."""
    told = [d.isoformat() for d in days]
    return ", ".join(told[:10]) + (f" and {len(told) - 10} more" if len(told) > 10 else "")


def is_pattern(feed: Feed, name: str) -> bool:
    """Whether several files may be meant. In an address of the web and in a portal's, * is a letter like others."""
    if has_day(name):
        return True
    if feed.source.file is not None:
        return any(mark in name for mark in "*?[")
    # In an address, a query begins with a question mark.
    is_store = feed.source.kind == "url" and not is_web(str(feed.source.url))
    return is_store and any(mark in name for mark in "*[")


def is_web(url: str) -> bool:
    return url.lower().startswith(("http://", "https://"))


def fixed_folder(wild: str) -> str:
    """The folders before the first one that may differ."""
    parts = wild.split("/")
    first = next((n for n, part in enumerate(parts) if any(mark in part for mark in "*?[")), len(parts) - 1)
    return "".join(part + "/" for part in parts[: min(first, len(parts) - 1)])


class Pattern:
    """A path or name with *, ?, [ ] and {day} or {day:%Y%m%d} in it."""

    def __init__(self, text: str) -> None:
        """Raises NotReceivedError where its day cannot be read."""
        self.text = text
        self.wild = _DAY.sub("*", text)  # what a listing of files is asked for
        self._directives: list[str] = []
        expression, end = "", 0
        for found in _DAY.finditer(text):
            expression += _translate(text[end : found.start()]) + self._day(found[1] or "%Y-%m-%d")
            end = found.end()
        rest = text[end:]
        if has_day(rest):
            raise NotReceivedError(f"{text}: write the day as {{day}} or, such as, {{day:%Y%m%d}}.")
        self._expression = re.compile(expression + _translate(rest), re.DOTALL)

    def _day(self, form: str) -> str:
        expression = ""
        for plain, directive in re.findall(r"([^%]+)|%(.?)", form):
            if plain:
                expression += re.escape(plain)
            elif directive in _DIRECTIVES:
                self._directives.append("%" + directive)
                expression += f"({_DIRECTIVES[directive]})"
            else:
                raise NotReceivedError(
                    f"{self.text}: %{directive} is no part of a day. Use {', '.join('%' + d for d in _DIRECTIVES)}."
                )
        return expression

    @property
    def has_day(self) -> bool:
        return bool(self._directives)

    def fits(self, path: str) -> bool:
        return self._expression.fullmatch(path) is not None and (
            not self.has_day or self.day(path) is not None
        )

    def day(self, path: str) -> date | None:
        """The day in a name that fits; the first of the month where it tells a month only."""
        found = self._expression.fullmatch(path) if self.has_day else None
        told: dict[str, str] = {}
        for directive, text in zip(self._directives, found.groups() if found else (), strict=False):
            if (
                told.setdefault(directive, text) != text
            ):  # one part of it says one day, another part another one
                return None
        try:
            return datetime.strptime(" ".join(told.values()), " ".join(told)).date() if told else None
        except ValueError:
            return None

    def by_day(self, paths: Iterable[str], days: Iterable[date]) -> tuple[list[str], list[date]]:
        """Those of these paths that are of these days, and the days that have none."""
        wanted = {day: self._told(day) for day in days}
        there = {path: self._told(day) for path in paths if (day := self.day(path))}
        taken = [path for path, told in there.items() if told in wanted.values()]
        return taken, [day for day, told in wanted.items() if told not in there.values()]

    def _told(self, day: date) -> str:
        """What a name tells of a day, which may be its month only."""
        return day.strftime(" ".join(self._directives))


def _translate(text: str) -> str:
    # fnmatch wraps what it makes: (?s:…)\Z
    return fnmatch.translate(text).removeprefix("(?s:").removesuffix(r")\Z") if text else ""
