"""CKAN: a resource of a CKAN portal, from its datastore, or else the file that it is.

The datastore is paged by offset, for that is what every portal allows: SQL is switched off on most of them. Its order
is `_id`; with a cursor, that column from the newest on, so that a reading of what is new stops where the known begins.
A page that tells another total than the first one means that rows have moved: then it is read again.

Belongs here: CKAN's actions, and what a resource and its package say of themselves. Does not belong here: HTTP
(web.py), the file of pages (portals.py).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.kept import digest
from city_platform.feeds.sources.portals import (
    ChangedError,
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
from city_platform.feeds.sources.web import Web, show
from city_platform.settings import Settings

PAGE_ROWS = 10_000  # portals give 32,000 at the most


def headers(token: str | None) -> dict[str, str]:
    """What every request carries."""
    return {"Authorization": token} if token else {}


def ask(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The resource's records as JSON lines; of one that is in no datastore, its file under the file's own name."""
    secret = headers(token_of(feed, settings))
    with Web(feed, secret) as web:
        resource = _Resource(web, str(feed.source.ckan))
        about = resource.about()
        if about.get("datastore_active"):
            yield from _records(feed, resource, about, folder, known)
            return
        url = _file_address(about, resource)
        if urlsplit(url)[:2] == urlsplit(resource.site)[:2]:
            yield from _file(feed, web, url, folder, known)
            return
    with Web(feed) as web:  # another host must not see the token
        yield from _file(feed, web, url, folder, known)


def _records(feed: Feed, resource: _Resource, about: Record, folder: Path, known: Known) -> Iterator[Fetched]:
    source = feed.source
    filters = _filters(source.where)
    question = {"ckan": source.ckan, "where": source.where, "cursor": source.cursor}
    since = asked_since(feed, known, question) if source.cursor else None
    # Rows that the portal has loaded anew are others, also where they are as many.
    version = [about.get("last_modified"), about.get("metadata_modified")]
    pages = Pages(feed, folder, resource.shown, {**question, "since": since, "version": version})
    order = f"{_name(source.cursor)} desc, _id desc" if source.cursor else "_id asc"

    def tell() -> dict[str, Any]:
        found = resource.search({"limit": 0, "filters": filters})
        names = [str(f.get("id")) for f in found["fields"]]
        if source.cursor and source.cursor not in names:
            raise NotReceivedError(
                f"{resource.shown} has no column {source.cursor} (source.cursor in the feed's defs.yaml). It has: "
                f"{', '.join(names)}."
            )
        return {"rows": found["total"], "newest": None, "met_known": False}

    def add_page() -> bool:
        offset, told = pages.at or 0, pages.told or {}
        if told["met_known"]:
            return True
        limit = source.page_rows or PAGE_ROWS
        found = resource.search({"limit": limit, "offset": offset, "sort": order, "filters": filters})
        if found["total"] != told["rows"]:
            raise ChangedError
        records = found["records"]
        kept = records
        if source.cursor:
            kept = _beyond(records, source.cursor, since, resource.shown)
            values = [r[source.cursor] for r in kept if r.get(source.cursor) is not None]
            if told["newest"] is None and values:
                told["newest"] = values[0]
            told["met_known"] = len(kept) < len(records)
        pages.add(kept, offset + len(records))
        return not records or told["met_known"] or pages.at >= told["rows"]

    def is_whole() -> bool:
        told = pages.told or {}
        return told["met_known"] or pages.at == told["rows"] or (pages.rows == 0 == told["rows"])

    told = read(pages, tell, add_page, is_whole)
    if since is not None and told["newest"] in (None, since):
        pages.discard()
        return
    yield pages.finish("part" if told["met_known"] else "full", state_of(question, told["newest"]))


def _file(feed: Feed, web: Web, url: str, folder: Path, known: Known) -> Iterator[Fetched]:
    name = unquote(urlsplit(url).path.rsplit("/", 1)[-1]) or feed.source.file_name
    asked = {
        header: str(known.state[key])
        for key, header in (("etag", "If-None-Match"), ("last_modified", "If-Modified-Since"))
        if known.state.get("address") == digest(url) and known.state.get(key)
    }
    path = folder / "resource.part"
    came = web.download(url, path, asked)
    if came.is_new:
        state = {**came.state, "address": digest(url)}
        yield Fetched(path, show(url), name, came.sha256, came.bytes, "full", state)


class _Resource:
    """One resource, as it is asked."""

    def __init__(self, web: Web, address: str) -> None:
        self._web = web
        self.site, self.name = split_address(address)
        self.shown = f"{self.site}/api/3/action/datastore_search?resource_id={self.name}"

    def about(self) -> Record:
        return self.act("resource_show", {"id": self.name})

    def search(self, params: Mapping[str, Any]) -> Record:
        found = self.act("datastore_search", {"resource_id": self.name, **params})
        if not isinstance(found.get("total"), int) or not isinstance(found.get("fields"), list):
            raise not_as_expected(self.shown, "the records of a datastore")
        records_in(found.get("records"), self.shown)
        return found

    def act(self, action: str, params: Mapping[str, Any]) -> Record:
        url = f"{self.site}/api/3/action/{action}"
        answer = self._web.json(url, params)
        result = answer.get("result") if isinstance(answer, dict) and answer.get("success") else None
        if not isinstance(result, dict):
            raise not_as_expected(url, "what CKAN answers")
        return result


def _filters(where: str | None) -> str | None:
    """The feed's filters, as CKAN takes them. Raises NotReceivedError."""
    if where is None:
        return None
    try:
        found = json.loads(where)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise NotReceivedError(
            "source.where in the feed's defs.yaml has to be CKAN's filters: a JSON object of columns and values, such as "
            '{"ward": "Manningham"}.'
        )
    return json.dumps(found)


def _name(column: str) -> str:
    return column if re.fullmatch(r"\w+", column) else f'"{column}"'


def _beyond(records: list[Record], cursor: str, since: Any | None, shown: str) -> list[Record]:
    """The records before the first one that is older than since; one without a value is never known to be old."""
    for place, record in enumerate(records):
        value = record.get(cursor)
        if value is None:
            continue
        is_ordered = isinstance(value, int | float) or re.match(r"\d{4}-\d\d-\d\d", str(value))
        if not is_ordered or (since is not None and isinstance(value, str) != isinstance(since, str)):
            raise NotReceivedError(
                f"{shown}: the column {cursor} (source.cursor in the feed's defs.yaml) holds what has no order that can "
                "be relied on. Name a column of numbers or of dates written as 2024-12-31, or give no cursor."
            )
        if since is not None and value < since:
            return records[:place]
    return records


def _file_address(about: Record, resource: _Resource) -> str:
    url = str(about.get("url") or "")
    if not url.startswith(("https://", "http://")):
        raise NotReceivedError(
            f"{resource.site}: the resource {resource.name} is neither in the datastore nor a file that can be had over "
            "http(s). Check source.ckan, or ask the portal."
        )
    return url


_TYPES = {
    "int": "integer",
    "int2": "integer",
    "int4": "integer",
    "int8": "integer",
    "integer": "integer",
    "bigint": "integer",
    "numeric": "number",
    "float": "number",
    "float4": "number",
    "float8": "number",
    "date": "date",
    "timestamp": "timestamp",
    "timestamptz": "timestamp",
    "bool": "boolean",
    "boolean": "boolean",
}
_FREQUENCY = re.compile(r"frequency|periodicity|update_interval|refresh_rate", re.IGNORECASE)


def describe(address: str, web: Web) -> PortalDescription:
    """What the portal says of the resource and of the package that it is in; without columns where it is a file."""
    resource = _Resource(web, address)
    about = resource.about()
    package = resource.act("package_show", {"id": about["package_id"]}) if about.get("package_id") else {}
    fields = resource.search({"limit": 0})["fields"] if about.get("datastore_active") else []
    titles = [plain(package.get("title")), plain(about.get("name"))]
    organisation = package.get("organization") or {}
    return PortalDescription(
        address=address,
        title=": ".join(dict.fromkeys(t for t in titles if t)) or address,
        description=plain(about.get("description")) or plain(package.get("notes")),
        publisher=plain(organisation.get("title")) or plain(package.get("author")),
        licence=plain(package.get("license_title")) or plain(package.get("license_id")),
        cadence=_cadence(package) or _cadence(about),
        columns=tuple(_column(f) for f in fields),
    )


def sample(address: str, web: Web, rows: int = 2000) -> list[Record]:
    """Up to so many records, as ask delivers them. Raises NotReceivedError for a resource that is a file."""
    resource = _Resource(web, address)
    about = resource.about()
    if not about.get("datastore_active"):
        raise NotReceivedError(
            f"{address} is in no datastore: it is the file {_file_address(about, resource)}. Draft the feed from that."
        )
    found: list[Record] = resource.search({"limit": rows, "sort": "_id asc"})["records"]
    return found


def _column(described: Record) -> PortalColumn:
    name = str(described.get("id"))
    if name == "_id":
        return PortalColumn(name, "integer", "Number that CKAN gives the row")
    info = described.get("info") or {}
    kind = str(described.get("type")).lower().split("(")[0].split(" ")[0]
    meaning = plain(info.get("notes")) or plain(info.get("label")) or name.replace("_", " ").strip()
    return PortalColumn(name, _TYPES.get(kind, "text"), meaning)


def _cadence(said: Record) -> str | None:
    """The first field about frequency, among its own and its extras, that says a word we know."""
    extras = [(e.get("key"), e.get("value")) for e in said.get("extras") or () if isinstance(e, dict)]
    for name, value in (*said.items(), *extras):
        if _FREQUENCY.search(str(name)) and cadence_of(value):
            return cadence_of(value)
    return None
