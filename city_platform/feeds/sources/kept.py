"""Kept: what came of a file that was cut, and which version of the file these bytes belong to.

Belongs here: the note beside such bytes. Does not belong here: asking for the rest (web.py, remote.py).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Kept:
    """What an earlier try or run wrote of a file."""

    size: int
    version: Mapping[str, str]  # what the server said that tells this version of the file from others
    total: int | None  # bytes that the whole file has


def kept(part: Path, address: str) -> Kept | None:
    """What there is of the file at this address; None where nothing is, or nobody knows which version it is of."""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        size = part.stat().st_size
        if size and note["address"] == digest(address):
            return Kept(size, dict(note["version"]), note["total"])
    except (OSError, ValueError, KeyError, TypeError):  # killed while it was written
        pass
    return None


def keep(part: Path, address: str, version: Mapping[str, str], total: int | None) -> None:
    """Begin anew: what will be written to part belongs to this version."""
    forget(part)
    if version:
        note = {"address": digest(address), "version": dict(version), "total": total}
        _note(part).write_text(json.dumps(note), encoding="utf-8")


def complete(part: Path) -> None:
    """The file is whole."""
    _note(part).unlink(missing_ok=True)


def forget(part: Path) -> None:
    """There is nothing to go on with."""
    _note(part).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def digest(address: str) -> str:
    """What stands for an address that may hold a token."""
    return hashlib.sha256(address.encode()).hexdigest()


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")
