"""Socrata: the rows of a dataset on a Socrata portal, all or those that changed since.

Rows are paged by their own id, not by an offset: that stays quick, and no row is lost or doubled while others come and
go. `:updated_at` says what is new. A publisher who replaces a whole dataset gives every row a new one: then all
is read, and the reading counts as full, so that deletions are found.

Belongs here: SoQL, and what a view says of itself. Does not belong here: HTTP (web.py), the file (portals.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.portals import (
    Pages,
    PortalColumn,
    PortalDescription,
    Record,
    asked_since,
    cadence_of,
    not_as_expected,
    plain,
    read,
    records_in,
    split_address,
    state_of,
    token_of,
)
from city_platform.feeds.sources.web import Web
from city_platform.settings import Settings

PAGE_ROWS = 20_000  # about 100 MB of memory for a wide dataset; Socrata itself allows more
SYSTEM = (":id", ":updated_at")
VALUES_AT_MOST = 20  # of a column that counts as one of codes


def headers(token: str | None) -> dict[str, str]:
    """What every request carries."""
    return {"X-App-Token": token} if token else {}


def ask(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The dataset's rows: all, or those that changed since the last loaded delivery."""
    source = feed.source
    cursor = source.cursor or ":updated_at"
    question = {
        "socrata": source.socrata,
        "where": source.where,
        "select": source.select,
        "cursor": cursor,
    }
    with Web(feed, headers(token_of(feed, settings))) as web:
        view = _View(web, str(source.socrata), source.where, cursor)
        since = asked_since(feed, known, question)
        if since is not None:
            new = view.tell(since)
            if new["newest"] in (None, since):
                return
            if new["rows"] == view.tell(None)["rows"]:
                since = None
        pages = Pages(feed, folder, view.url, {**question, "since": since})

        def add_page() -> bool:
            limit = source.page_rows or PAGE_ROWS
            rows = view.rows(since, pages.at, source.select, limit)
            if rows:
                pages.add(rows, rows[-1][":id"])
            return not rows or (len(rows) < limit and pages.rows >= (pages.told or {})["rows"])

        def is_whole() -> bool:
            # Rows that came or went while we read are told again next time: they have a newer :updated_at.
            before = (pages.told or {})["rows"]
            if pages.rows == before:
                return True
            after = view.tell(since)["rows"]
            return min(before, after) <= pages.rows <= max(before, after)

        told = read(pages, lambda: view.tell(since), add_page, is_whole)
        yield pages.finish("full" if since is None else "part", state_of(question, told["newest"]))


class _View:
    """One dataset, as it is asked."""

    def __init__(self, web: Web, address: str, where: str | None = None, cursor: str = ":updated_at") -> None:
        self._web = web
        self.site, self.name = split_address(address)
        self.url = f"{self.site}/resource/{self.name}.json"
        self._where = where
        self._cursor = cursor

    def tell(self, since: str | None) -> dict[str, Any]:
        """How many rows there are, and how far their cursor goes."""
        select = f"count(*) as row_count, max({self._cursor}) as newest"
        found = self._ask({"$select": select, "$where": self._condition(since, None)})
        try:
            return {"rows": int(found[0]["row_count"]), "newest": found[0].get("newest")}
        except (IndexError, KeyError, TypeError, ValueError):
            raise not_as_expected(self.url, "a count of its rows") from None

    def rows(self, since: str | None, after: str | None, select: str | None, limit: int) -> list[Record]:
        """The rows that come after this id, in the order of their ids, which is not that of the alphabet."""
        chosen = select or "*"
        named = {part.strip() for part in chosen.split(",")}
        # A star has to come first: Socrata refuses it anywhere else.
        columns = ",".join([chosen, *(s for s in SYSTEM if s not in named and ":*" not in named)])
        rows = self._ask(
            {
                "$select": columns,
                "$where": self._condition(since, after),
                "$order": ":id",
                "$limit": limit,
            }
        )
        if not all(isinstance(row.get(":id"), str) for row in rows):
            raise not_as_expected(self.url, "rows that have their :id")
        if rows and rows[-1][":id"] == after:
            raise NotReceivedError(
                f"{self.url} answered twice with the same page. Run later, or tell the portal."
            )
        return rows

    def description(self) -> Record:
        url = f"{self.site}/api/views/{self.name}.json"
        found = self._web.json(url)
        if not isinstance(found, dict) or not isinstance(found.get("columns"), list):
            raise not_as_expected(url, "the description of a dataset")
        return found

    def _ask(self, params: dict[str, Any]) -> list[Record]:
        return records_in(self._web.json(self.url, params), self.url)

    def _condition(self, since: str | None, after: str | None) -> str | None:
        parts = [
            f"({self._where})" if self._where else None,
            f"{self._cursor} >= {_literal(since)}" if since is not None else None,
            f":id > {_literal(after)}" if after is not None else None,
        ]
        return " and ".join(p for p in parts if p) or None


def _literal(value: str) -> str:
    if re.fullmatch(r"-?\d+(\.\d+)?", value):
        return value
    return "'" + value.replace("'", "''") + "'"


_TYPES = {
    "number": "number",
    "money": "number",
    "percent": "number",
    "double": "number",
    "stars": "number",
    "calendar_date": "timestamp",
    "floating_timestamp": "timestamp",
    "date": "timestamp",
    "fixed_timestamp": "timestamp",
    "checkbox": "boolean",
}
# What lies inside values that are objects.
_INSIDE = {
    "location": (("latitude", "number"), ("longitude", "number"), ("human_address", "text")),
    "url": (("url", "text"), ("description", "text")),
    "phone": (("phone_number", "text"), ("phone_type", "text")),
}


def describe(address: str, web: Web) -> PortalDescription:
    """What the portal says of the dataset."""
    found = _View(web, address).description()
    about = found.get("metadata") or {}
    licence = found.get("license") or {}
    return PortalDescription(
        address=address,
        title=plain(found.get("name")) or address,
        description=plain(found.get("description")),
        publisher=plain(found.get("attribution")),
        licence=plain(licence.get("name") or found.get("licenseId")),
        cadence=_cadence(about.get("custom_fields") or {}),
        row_label=plain(about.get("rowLabel")),
        columns=(
            PortalColumn(":id", "text", "Number that Socrata gives the row"),
            PortalColumn(":updated_at", "timestamp", "When the row was last changed at Socrata, UTC"),
            *(column for described in found["columns"] for column in _columns(described)),
        ),
    )


def sample(address: str, web: Web, rows: int = 2000) -> list[Record]:
    """Up to so many rows, as ask delivers them."""
    return _View(web, address).rows(None, None, None, rows)


def _columns(described: Record) -> Iterator[PortalColumn]:
    name = str(described.get("fieldName") or "")
    if not name or name.startswith(":") or "hidden" in (described.get("flags") or ()):
        return
    kind = str(described.get("dataTypeName"))
    meaning = plain(described.get("description")) or plain(described.get("name")) or name
    if kind in _INSIDE:
        for inner, type_ in _INSIDE[kind]:
            yield PortalColumn(f"{name}.{inner}", type_, f"{meaning}: {inner.replace('_', ' ')}")
        return
    type_ = _TYPES.get(kind, "text")
    yield PortalColumn(name, type_, meaning, _values(described) if type_ == "text" else ())


def _values(described: Record) -> tuple[str, ...]:
    """All values of a column of few, where the portal has counted them."""
    counted = described.get("cachedContents") or {}
    top = [str(t["item"]) for t in counted.get("top") or () if isinstance(t, dict) and "item" in t]
    cardinality = str(counted.get("cardinality") or "0")
    is_all = cardinality.isdecimal() and int(cardinality) == len(top) <= VALUES_AT_MOST
    return tuple(sorted(top)) if is_all else ()


def _cadence(custom: Any) -> str | None:
    """The first of the portal's own fields about frequency that says a word we know."""
    if not isinstance(custom, dict):
        return None
    for fields in custom.values():
        for name, said in fields.items() if isinstance(fields, dict) else ():
            if "frequency" in str(name).lower() and cadence_of(said):
                return cadence_of(said)
    return None
