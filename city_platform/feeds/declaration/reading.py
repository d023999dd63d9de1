"""Reading: every feed of a city, from feeds/<agency>/defs.yaml.

Belongs here: files to feeds, and what goes together among several feeds. Does not belong here: one feed's fields
(feed.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from city_platform.feeds.declaration.feed import Feed
from city_platform.yaml_files import DeclarationError, load_documents, validate

COMPONENT = "city_platform.feeds.component.FeedComponent"


def load_feeds(city_folder: Path) -> list[Feed]:
    """Every feed of a city, by feeds/<agency>/defs.yaml; raises DeclarationError with file, line and field."""
    feeds: list[Feed] = []
    places: list[str] = []  # where each one begins
    for path in sorted((city_folder / "feeds").glob("*/defs.yaml")):
        for content, node in load_documents(path):
            line = node.start_mark.line + 1
            if content.get("type") != COMPONENT:
                raise DeclarationError(f"{path}, line {line}: type has to be {COMPONENT}.")
            given = content.get("attributes") or {}
            if not isinstance(given, dict):
                raise DeclarationError(f"{path}, line {line}: attributes: give fields and values here.")
            attributes: dict[str, Any] = {"agency": path.parent.name, **given}
            inner = (
                next(v for k, v in node.value if k.value == "attributes") if "attributes" in content else node
            )
            feeds.append(validate(Feed, attributes, inner, path))
            places.append(f"{path}, line {inner.start_mark.line + 1}")
    ids = [f.id for f in feeds]
    for n, feed in enumerate(feeds):
        if feed.id in ids[:n]:
            first = places[ids.index(feed.id)]
            raise DeclarationError(f"{places[n]}: name: feed {feed.id} is declared twice, first in {first}.")
        for i, event in enumerate(feed.events):
            if event.parent and event.parent.feed not in ids:
                raise DeclarationError(
                    f"{places[n]}: events.{i}.parent.feed: there is no feed {event.parent.feed}."
                )
    if not feeds:
        raise DeclarationError(f"{city_folder}: no feed is declared in feeds/<agency>/defs.yaml.")
    return feeds


def strictest_rights(feeds: list[Feed]) -> str:
    """The most restricted rights of any feed: what is derived from all of them carries it."""
    order = ("open", "licensed", "contract")
    return max((f.rights or "contract" for f in feeds), key=order.index)
