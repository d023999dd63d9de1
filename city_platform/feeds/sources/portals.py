"""Portals: what Socrata, CKAN, ArcGIS and the ratings API have in common.

Whatever a portal is asked, its pages go one after the other into one file of JSON lines, with a checkpoint beside it,
so that a run that is cut, even by kill -9, is gone on with at the last whole page.

Belongs here: addresses and credentials of portals, since when to ask, pages in a file that survives a cut, reading
again what changed while it was read, and the shape of a portal's own description. Does not belong here: what is asked
of which portal (socrata.py, ckan.py, arcgis.py, ratings.py), HTTP (web.py).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known, too_large
from city_platform.settings import Settings, SettingsError

FULL_EVERY_DAYS = 30  # deletions are seen by a full reading only
KEPT_FOR = timedelta(hours=24)  # pages of a cut run
READINGS = 2  # of what changes while it is read
Record = dict[str, Any]


@dataclass(frozen=True)
class PortalColumn:
    """One column as the portal describes it."""

    name: str  # as it stands in the JSON lines; what lies inside an object has a dot
    type: str  # one of ours
    meaning: str
    values: tuple[str, ...] = ()  # all that there may be, where the portal tells


@dataclass(frozen=True)
class PortalDescription:
    """What a portal says of a table, for a feed to be drafted from it."""

    address: str
    title: str
    description: str | None = None
    publisher: str | None = None
    licence: str | None = None
    cadence: str | None = None  # a word of CADENCES
    row_label: str | None = None  # what one row is
    columns: tuple[PortalColumn, ...] = ()


def site_of(address: str) -> str:
    """An address with its scheme; https, save for this machine itself. Raises NotReceivedError."""
    whole = address if "://" in address else f"https://{address}"
    try:
        parts = urlsplit(whole)
        is_known = parts.scheme == "https" or parts.hostname in ("127.0.0.1", "localhost")
    except ValueError:
        is_known = False
    if not is_known or not parts.hostname:
        raise NotReceivedError(
            f"{address} is no address of a portal: give it without a scheme, or as https://…"
        )
    return whole.rstrip("/")


def split_address(address: str) -> tuple[str, str]:
    """HOST/ID as the portal's own address and the id. Raises NotReceivedError."""
    site, _, name = site_of(address).rpartition("/")
    if not name or site.endswith("/"):
        raise NotReceivedError(f"{address}: give the portal's host and the id, as in HOST/ID.")
    return site, name


def token_of(feed: Feed, settings: Settings) -> str | None:
    """What the portal asks for, where the feed names it. Raises NotReceivedError where it is not set."""
    if not feed.source.token:
        return None
    try:
        return settings.secret(feed.source.token)
    except SettingsError as error:
        raise NotReceivedError(str(error)) from None


def digest(question: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(question, sort_keys=True).encode()).hexdigest()[:16]


def asked_since(feed: Feed, known: Known, question: Mapping[str, Any]) -> Any | None:
    """From where on to ask, if only what is new is wanted; None where all is.

    All is wanted when nothing was read before, when something else was asked then, when it is time again, and where
    the feed has no key by which a changed record could take its old one's place.
    """
    days = feed.source.full_every_days or FULL_EVERY_DAYS
    if (
        feed.key == "content"
        or known.full_at is None
        or known.state.get("question") != digest(question)
        or _now() - known.full_at.replace(tzinfo=UTC) >= timedelta(days=days)
    ):
        return None
    return known.state.get("newest")


def state_of(question: Mapping[str, Any], newest: Any | None) -> dict[str, Any]:
    """What to remember with the rows, so that the next run can ask for what is new."""
    return {} if newest is None else {"question": digest(question), "newest": newest}


def not_as_expected(shown: str, what: str) -> NotReceivedError:
    return NotReceivedError(
        f"{shown} did not answer with {what}. Check the address and what kind of portal it is, or run later."
    )


def records_in(found: Any, shown: str) -> list[Record]:
    """What should be a list of objects. Raises NotReceivedError."""
    if not isinstance(found, list) or not all(isinstance(r, dict) for r in found):
        raise not_as_expected(shown, "a list of records")
    return found


class ChangedError(Exception):
    """What is read is no longer what it was when the reading began."""


@dataclass
class Pages:
    """The pages that one question brought, in a file of JSON lines that survives a cut.

    First a page is on disk, then the checkpoint says so: what stands in the file beyond the checkpoint is of a page
    that was cut, and is cut off.
    """

    feed: Feed
    folder: Path
    shown: str  # where they come from
    question: Mapping[str, Any]
    told: dict[str, Any] | None = None  # what the portal said when the reading began
    at: Any = None  # up to where the pages go; None before the first
    rows: int = 0
    _bytes: int = 0
    _begun_at: str = ""
    part: Path = field(init=False)
    _checkpoint: Path = field(init=False)

    def __post_init__(self) -> None:
        name = self.feed.source.file_name
        self.part = self.folder / f"{name}.part"
        self._checkpoint = self.folder / f"{name}.checkpoint.json"
        try:
            kept = json.loads(self._checkpoint.read_text(encoding="utf-8"))
            age = _now() - datetime.fromisoformat(kept["begun_at"])
            is_ours = kept["question"] == digest(self.question) and timedelta(0) <= age < KEPT_FOR
            if is_ours and self.part.stat().st_size >= kept["bytes"]:
                os.truncate(self.part, kept["bytes"])
                self.told, self.at, self.rows = kept["told"], kept["at"], kept["rows"]
                self._bytes, self._begun_at = kept["bytes"], kept["begun_at"]
        except (OSError, ValueError, KeyError, TypeError):
            pass  # there is none that could be gone on with

    def begin(self, told: dict[str, Any]) -> None:
        """Start from nothing."""
        self.discard()
        self.part.touch()
        self.told, self._begun_at = told, _now().isoformat()
        self._save()

    def add(self, records: Iterable[Record], at: Any) -> None:
        """Keep one more page; at: where the next one begins."""
        bound = self.feed.source.at_most_mb * 1e6
        with self.part.open("ab") as out:
            for record in records:
                line = _line(record)
                if self._bytes + len(line) > bound:
                    raise too_large(self.feed, self.shown)
                out.write(line)
                self.rows += 1
                self._bytes += len(line)
            out.flush()
            os.fsync(out.fileno())
        self.at = at
        self._save()

    def discard(self) -> None:
        """Forget what came."""
        self._checkpoint.unlink(missing_ok=True)  # first, for it vouches for the other
        self.part.unlink(missing_ok=True)
        self.told, self.at, self.rows, self._bytes = None, None, 0, 0

    def finish(self, extent: str, state: Mapping[str, Any]) -> Fetched:
        """The pages as one delivery."""
        with self.part.open("rb") as whole:
            sha256 = hashlib.file_digest(whole, "sha256").hexdigest()
        path = self.folder / self.feed.source.file_name
        os.replace(self.part, path)
        self._checkpoint.unlink(missing_ok=True)
        is_part = extent == "part"
        return Fetched(
            path,
            self.shown,
            path.name,
            sha256,
            path.stat().st_size,
            "part" if is_part else "full",
            state,
        )

    def _save(self) -> None:
        kept = {
            "question": digest(self.question),
            "begun_at": self._begun_at,
            "told": self.told,
            "at": self.at,
            "rows": self.rows,
            "bytes": self._bytes,
        }
        beside = self._checkpoint.with_name(self._checkpoint.name + ".new")
        with beside.open("w", encoding="utf-8") as out:
            json.dump(kept, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(beside, self._checkpoint)
        folder = os.open(self.folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def read(
    pages: Pages,
    tell: Callable[[], dict[str, Any]],
    add_page: Callable[[], bool],
    is_whole: Callable[[], bool],
) -> dict[str, Any]:
    """Read page after page, from where an earlier run was cut; returns what the portal said at the beginning.

    tell: what the portal says before the first page. add_page: adds one, and says whether it was the last.
    is_whole: whether what came is what was told. Where it is not, or ChangedError tells it earlier, it changed while
    it was read: then it is read again, and in the end NotReceivedError raised.
    """
    readings = READINGS + (pages.told is not None)  # one more for what goes on with pages of an earlier run
    for _ in range(readings):
        try:
            if pages.told is None:
                pages.begin(tell())
            while not add_page():
                pass
            if is_whole() and pages.told is not None:
                return pages.told
        except ChangedError:
            pass
        pages.discard()
    raise NotReceivedError(
        f"{pages.shown} changed while it was read, {READINGS} times: what came is not as many records as it told. "
        "Run later."
    )


# What portals call how often something is published. Words of two meanings (biannual, biweekly) are left out.
_CADENCES = {
    "daily": "daily day r/p1d continuous continual realtime hourly r/pt1h r/pt1s",
    "weekly": "weekly week r/p1w r/p7d",
    "fortnightly": "fortnightly r/p2w r/p14d",
    "monthly": "monthly month r/p1m",
    "quarterly": "quarterly quarter r/p3m",
    "termly": "termly r/p4m",
    "yearly": "yearly annually annual year r/p1y r/p12m",
}
_CADENCE_OF = {word: ours for ours, words in _CADENCES.items() for word in words.split()}


def cadence_of(said: Any) -> str | None:
    """Our word for how often a portal says that something is published; None where it is not clear."""
    return _CADENCE_OF.get(str(said or "").strip().lower().replace("-", "").replace(" ", ""))


def plain(text: Any) -> str | None:
    """A portal's text on one line, without HTML; None where there is none."""
    import html
    import re

    without = html.unescape(re.sub(r"<[^>]+>", " ", str(text or "")))
    return " ".join(without.split()) or None


def _line(record: Record) -> bytes:
    try:
        return (json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n").encode()
    except UnicodeEncodeError:  # half of a pair of surrogates; the reader rejects this line alone
        return (json.dumps(record, separators=(",", ":")) + "\n").encode()


def _now() -> datetime:
    return datetime.now(UTC)
