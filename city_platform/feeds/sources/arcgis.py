"""ArcGIS: the features of one layer of a feature or map service, all or those edited since.

Features are paged by their object id, not by an offset. The server reprojects to longitude and latitude; dates come as
milliseconds and are written as ISO timestamps in UTC. Beside its attributes a record has `longitude`, `latitude` and
`geometry` (GeoJSON); where the layer has a field of such a name, ours ends in `_4326`.

Belongs here: a layer's query, and what it says of itself. Does not belong here: HTTP (web.py), the file (portals.py),
shapes (esri_geometry.py).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from city_platform.feeds.declaration import Feed
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import web as http
from city_platform.feeds.sources.esri_geometry import as_geojson, as_point
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
    site_of,
    state_of,
    token_of,
)
from city_platform.feeds.sources.web import RefusedError, Web
from city_platform.settings import Settings

PAGE_ROWS = 1000  # of a layer that tells no bound of its own
TRIES = 3  # of what fails inside an answer that says 200
WGS84 = 4326
CREDENTIALS = (401, 403, 498, 499)
_NUMBERS = (
    "esriFieldTypeInteger",
    "esriFieldTypeBigInteger",
    "esriFieldTypeSmallInteger",
    "esriFieldTypeOID",
)


def headers(token: str | None) -> dict[str, str]:
    """What every request carries; a token in the address would be written into the logs on the way."""
    return {"X-Esri-Authorization": f"Bearer {token}"} if token else {}


def ask(feed: Feed, settings: Settings, folder: Path, known: Known) -> Iterator[Fetched]:
    """The layer's features: all, or those edited since the last loaded delivery."""
    source = feed.source
    with Web(feed, headers(token_of(feed, settings))) as web:
        layer = _Layer(web, str(source.arcgis), source.where, source.token)
        cursor = layer.cursor(source.cursor)
        question = {"arcgis": source.arcgis, "where": source.where, "cursor": cursor}
        since = asked_since(feed, known, question) if cursor else None
        if since is not None:
            new = layer.tell(cursor, since)
            if new["newest"] in (None, since):
                return
            if new["rows"] == layer.count(cursor, None):  # all were edited, as when a layer is overwritten
                since = None
        pages = Pages(feed, folder, layer.url, {**question, "since": since})

        def add_page() -> bool:
            limit = min(source.page_rows or layer.most, layer.most)
            features = layer.features(cursor, since, pages.at, limit)
            if features:
                pages.add([layer.record(f) for f in features], layer.id_of(features[-1]))
            return not features or (len(features) < limit and pages.rows >= (pages.told or {})["rows"])

        def is_whole() -> bool:
            before = (pages.told or {})["rows"]
            if pages.rows == before:
                return True
            # With an edit date, what came or went while we read is told again next time.
            after = layer.count(cursor, since)
            return cursor is not None and min(before, after) <= pages.rows <= max(before, after)

        told = read(pages, lambda: layer.tell(cursor, since), add_page, is_whole)
        yield pages.finish("full" if since is None else "part", state_of(question, told["newest"]))


class _Layer:
    """One layer, as it is asked."""

    def __init__(
        self, web: Web, address: str, where: str | None = None, token_name: str | None = None
    ) -> None:
        self._web = web
        self._token_name = token_name
        self.url = site_of(address.split("?")[0])
        self._where = where
        self.about = self._ask(self.url, {})
        fields = self.about.get("fields")
        if not isinstance(fields, list) or "maxRecordCount" not in self.about:
            raise not_as_expected(self.url, "the description of a layer (its address ends in its number)")
        self.fields: dict[str, str] = {str(f.get("name")): str(f.get("type")) for f in fields}
        by_type = [name for name, type_ in self.fields.items() if type_ == "esriFieldTypeOID"]
        self.id_field = str(self.about.get("objectIdField") or "") or (by_type[0] if by_type else "")
        if not self.id_field:
            raise NotReceivedError(
                f"{self.url} has no field of object ids, without which it cannot be paged. Ask the agency for one."
            )
        capable = self.about.get("advancedQueryCapabilities") or {}
        self._is_paged = bool(capable.get("supportsPagination", self.about.get("supportsPagination")))
        self._has_statistics = bool(
            capable.get("supportsStatistics", self.about.get("supportsStatistics", False))
        )
        self._has_shape = bool(self.about.get("geometryType"))
        self._has_centroid = self.about.get("geometryType") == "esriGeometryPolygon" and bool(
            capable.get("supportsReturningGeometryCentroid")
        )
        self.most = int(self.about.get("maxRecordCount") or 0) or PAGE_ROWS
        taken = {name.lower() for name in self.fields}
        ending = f"_{WGS84}" if taken & {"longitude", "latitude", "geometry"} else ""
        self.names = tuple(name + ending for name in ("longitude", "latitude", "geometry"))

    def cursor(self, named: str | None) -> str | None:
        """The field that says when a feature was edited; None where there is none that can be asked for."""
        edited = (self.about.get("editFieldsInfo") or {}).get("editDateField")
        name = named or (edited if edited in self.fields else None)
        if name is None or not (self._has_statistics or named):
            return None
        type_ = self.fields.get(name)
        if type_ != "esriFieldTypeDate" and type_ not in _NUMBERS:
            raise NotReceivedError(
                f"{self.url}: source.cursor in the feed's defs.yaml has to name a field of dates or whole numbers; {name} "
                + ("is none." if type_ else f"is no field. It has: {', '.join(self.fields)}.")
            )
        if not self._has_statistics:
            raise NotReceivedError(
                f"{self.url} cannot be asked how far {name} goes. Leave out source.cursor in the feed's defs.yaml: then "
                "all is read every time."
            )
        return str(name)

    def count(self, cursor: str | None, since: int | None) -> int:
        found = self._query({"where": self._condition(cursor, since, None), "returnCountOnly": "true"})
        if not isinstance(found.get("count"), int):
            raise not_as_expected(self.url, "a count of its features")
        return int(found["count"])

    def tell(self, cursor: str | None, since: int | None) -> dict[str, Any]:
        """How many features there are, and how far their cursor goes."""
        newest = None
        if cursor is not None:
            wanted = {"statisticType": "max", "onStatisticField": cursor, "outStatisticFieldName": "newest"}
            found = self._query(
                {"where": self._condition(cursor, since, None), "outStatistics": json.dumps([wanted])}
            )
            # Its name may come back in capitals.
            for feature in found.get("features") or ():
                newest = next(iter((feature.get("attributes") or {}).values()), None)
        return {"rows": self.count(cursor, since), "newest": newest}

    def features(self, cursor: str | None, since: int | None, after: int | None, limit: int) -> list[Record]:
        """The features that come after this object id, in order."""
        found = self._query(
            {
                "where": self._condition(cursor, since, after),
                "outFields": "*",
                "orderByFields": f"{self.id_field} ASC",
                "returnGeometry": "true" if self._has_shape else "false",
                "returnCentroid": "true" if self._has_centroid else None,
                "outSR": WGS84 if self._has_shape else None,
                "resultRecordCount": limit if self._is_paged else None,
            }
        )
        features = found.get("features")
        if not isinstance(features, list):
            raise not_as_expected(self.url, "a list of features")
        ids = [self.id_of(f) for f in features]
        if ids != sorted(set(ids)) or (ids and after is not None and ids[0] <= after):
            raise NotReceivedError(
                f"{self.url} does not answer in the order of {self.id_field}, so that features could be lost. Tell the "
                "agency, or ask for a file."
            )
        return features

    def id_of(self, feature: Record) -> int:
        found = (feature.get("attributes") or {}).get(self.id_field) if isinstance(feature, dict) else None
        if not isinstance(found, int):
            raise not_as_expected(self.url, f"features that have their {self.id_field}")
        return found

    def record(self, feature: Record) -> Record:
        """A feature as one flat object."""
        record = {name: self._value(name, value) for name, value in feature["attributes"].items()}
        if self._has_shape:
            shape = feature.get("geometry")
            point = as_point(shape, feature.get("centroid")) or (None, None)
            record |= dict(zip(self.names, (*point, as_geojson(shape)), strict=True))
        return record

    def _value(self, name: str, value: Any) -> Any:
        if self.fields.get(name) != "esriFieldTypeDate" or not isinstance(value, int | float):
            return value
        try:
            at = datetime(1970, 1, 1) + timedelta(milliseconds=value)
        except OverflowError:
            return value
        return at.isoformat(timespec="milliseconds" if at.microsecond else "seconds") + "Z"

    def _condition(self, cursor: str | None, since: int | None, after: int | None) -> str:
        parts = [f"({self._where})"] if self._where else []
        if since is not None and self.fields.get(str(cursor)) == "esriFieldTypeDate":
            at = datetime.fromtimestamp(since // 1000, UTC)
            if not self._is_utc:  # the layer reads times in a zone of its own: no more than a day away
                at -= timedelta(days=1)
            parts.append(f"{cursor} >= TIMESTAMP '{at:%Y-%m-%d %H:%M:%S}'")
        elif since is not None:
            parts.append(f"{cursor} >= {since}")
        if after is not None:
            parts.append(f"{self.id_field} > {after}")
        return " AND ".join(parts) or "1=1"

    @property
    def _is_utc(self) -> bool:
        told = (
            self.about.get("dateFieldsTimeReference")
            or (self.about.get("editFieldsInfo") or {}).get("dateFieldsTimeReference")
            or {}
        )
        return told.get("timeZone", "UTC") in ("UTC", "Etc/UTC")

    def _query(self, params: Mapping[str, Any]) -> Record:
        return self._ask(f"{self.url}/query", params)

    def _ask(self, url: str, params: Mapping[str, Any]) -> Record:
        """What the server answers; an error that stands in an answer of status 200 is raised like any other."""
        for trial in range(1, TRIES + 1):
            answer = self._web.json(url, {**params, "f": "json"})
            if not isinstance(answer, dict):
                raise not_as_expected(url, "what an ArcGIS server answers")
            error = answer.get("error")
            if not error:
                return answer
            code = error.get("code") if isinstance(error, dict) else None
            if code not in http.PASSING or trial == TRIES:
                break
            http.sleep(http.FIRST_WAIT_S * 2**trial)
        if code in CREDENTIALS:
            named = f"the secret {self._token_name} (" if self._token_name else "a secret ("
            raise RefusedError(
                f"{url} answered that it wants a valid token ({code}). Set {named}source.token in the feed's defs.yaml) to "
                "one that the agency gives.",
                int(code),
            )
        told = " ".join(str(error.get("message") if isinstance(error, dict) else error).split())[:200].rstrip(
            "."
        )
        raise RefusedError(
            f"{url} answered with an error ({code}: {told}). Check the address and source.where, or run later.",
            code if isinstance(code, int) else 0,
        )


_TYPES = {
    "esriFieldTypeOID": "integer",
    "esriFieldTypeInteger": "integer",
    "esriFieldTypeSmallInteger": "integer",
    "esriFieldTypeBigInteger": "integer",
    "esriFieldTypeSingle": "number",
    "esriFieldTypeDouble": "number",
    "esriFieldTypeDate": "timestamp",
    "esriFieldTypeTimestampOffset": "timestamp",
    "esriFieldTypeDateOnly": "date",
}


def describe(address: str, web: Web) -> PortalDescription:
    """What the layer says of itself."""
    layer = _Layer(web, address)
    about = layer.about
    columns = [_column(f) for f in about["fields"] if f.get("type") != "esriFieldTypeGeometry"]
    if layer._has_shape:
        longitude, latitude, geometry = layer.names
        columns += [
            PortalColumn(longitude, "number", "Longitude of the feature, or of its middle (WGS 84)"),
            PortalColumn(latitude, "number", "Latitude of the feature, or of its middle (WGS 84)"),
            PortalColumn(geometry, "text", "Shape of the feature as GeoJSON (WGS 84)"),
        ]
    return PortalDescription(
        address=address,
        title=plain(about.get("name")) or address,
        description=plain(about.get("description")),
        publisher=plain(about.get("copyrightText")),
        cadence=cadence_of(about.get("updateFrequency")),
        columns=tuple(columns),
    )


def sample(address: str, web: Web, rows: int = 2000) -> list[Record]:
    """Up to so many features, as ask delivers them."""
    layer = _Layer(web, address)
    found: list[Record] = []
    after = None
    while len(found) < rows:
        features = layer.features(None, None, after, min(rows - len(found), layer.most))
        if not features:
            break
        found += [layer.record(f) for f in features]
        after = layer.id_of(features[-1])
    return found[:rows]


def _column(described: Record) -> PortalColumn:
    name, type_ = str(described.get("name")), _TYPES.get(str(described.get("type")), "text")
    meaning = plain(described.get("description")) or plain(described.get("alias")) or name
    domain = described.get("domain") or {}
    codes = [(str(c.get("code")), plain(c.get("name")) or "") for c in domain.get("codedValues") or () if c]
    told = [f"{code}: {word}" for code, word in codes if word and word != code]
    if told:
        meaning = f"{meaning} ({'; '.join(told)})"
    return PortalColumn(name, type_, meaning, tuple(c for c, _ in codes) if type_ == "text" else ())
