"""Parts: what every piece of a feed's declaration is made of.

Belongs here: the strict model that the pieces share, and names that are plain. Does not belong here: any piece itself.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict

Place = tuple[str | int, ...]  # of a field within the declaration
Fault = tuple[Place, str]  # what is wrong with it


class Part(BaseModel):
    """A piece of a declaration: what is not known is refused, what is read does not change."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def plain_name(name: str) -> str:
    """A name that may stand in SQL, in a path and in Dagster; ValueError for any other."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name}: use small letters, digits and _ only, a letter first")
    return name


def plain_name_or_none(name: str | None) -> str | None:
    return name if name is None else plain_name(name)
