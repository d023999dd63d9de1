"""Keys: the keyed hash that stands for a record key made of personal columns.

Belongs here: the secret key and the SQL function that uses it. Does not belong here: which columns are personal
(declaration.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.declaration import Feed
from city_platform.settings import Settings

if TYPE_CHECKING:
    import duckdb

BLOCK = 64  # bytes of a SHA-256 block


def personal_key_macro(con: duckdb.DuckDBPyConnection, settings: Settings, feed: Feed) -> str | None:
    """Create personal_key(text), an HMAC-SHA-256 in plain SQL, where the feed's key is personal; its name, or None."""
    if not feed.has_personal_key:
        return None
    key = hashlib.sha256(record_secret(settings)).digest().ljust(BLOCK, b"\0")
    inner = bytes(b ^ 0x36 for b in key).hex()
    outer = bytes(b ^ 0x5C for b in key).hex()
    con.execute(
        "create or replace temp macro personal_key(value) as sha256(unhex('" + outer + "') "
        "|| unhex(sha256(unhex('" + inner + "') || encode(value))))"
    )
    return "personal_key"


def record_secret(settings: Settings) -> bytes:
    """The city's secret for record keys, made at first use; it lives outside the repository and outside the data."""
    path = settings.key_file or Path.home() / ".config" / "city_platform" / f"{settings.city_folder.name}.key"
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Written whole beside its name first: a killed process must not leave an empty secret.
        part = path.with_name(f".{path.name}.{os.getpid()}")
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(secrets.token_hex(32).encode())
        with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
            os.link(part, path)
        part.unlink()
        return path.read_bytes()
