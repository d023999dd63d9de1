"""Portals on this machine that answer as the real ones do, and fail when a test wants them to.

Belongs here: what Socrata, CKAN, ArcGIS and the ratings API answer, as far as the platform asks them; faults; set-up
that their tests share. Does not belong here: claims (the tests).

The shapes are those of dev.socrata.com (system fields, response codes), of CKAN's datastore and action API, of the
ArcGIS REST API (layer, query) and of api.ratings.food.gov.uk/Help. Of Socrata also: a star has to come first in $select
(else 400), ids have an order that is not that of the alphabet, values that are null are left out, counts are text.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from city_platform.feeds.sources import fetch, portals
from city_platform.feeds.sources.fetched import Fetched, Known
from city_platform.feeds.sources.web import Web
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import small_feed

Record = dict[str, Any]
PAGE = b"<!DOCTYPE html><html><body>Down for maintenance</body></html>"


@dataclass
class Fault:
    """What a server says once instead of what it knows."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    is_cut: bool = False  # the right answer, but only half of its bytes


BUSY = Fault(429, headers={"Retry-After": "7"})
DOWN = Fault(503)
CUT = Fault(is_cut=True)
WEB_PAGE = Fault(body=PAGE, headers={"Content-Type": "text/html; charset=utf-8"})


@dataclass
class Asked:
    """One request."""

    path: str
    params: dict[str, str]
    headers: Mapping[str, str]


class Portal(ThreadingHTTPServer):
    """A portal whose pages can be made to fail, or its data to change, at the nth one that is asked for."""

    daemon_threads = True
    kind: ClassVar[str]

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.rows: list[Record] = []
        self.asked: list[Asked] = []
        self.pages: list[Asked] = []  # those that ask for records
        self.faults: dict[int, Fault] = {}  # by the number of the page request, the first one being 1
        self.down_from: int | None = None
        self.before: dict[
            int, Callable[[], None]
        ] = {}  # what happens to the data when that page is asked for
        self.token: str | None = None

    @property
    def site(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    @property
    def address(self) -> str:
        raise NotImplementedError

    def is_page(self, asked: Asked) -> bool:
        raise NotImplementedError

    def answer(self, asked: Asked) -> tuple[int, Any]:
        """Status and what is made JSON, or bytes."""
        raise NotImplementedError

    def heal(self) -> None:
        """No more faults; requests are counted anew."""
        self.faults, self.down_from, self.before = {}, None, {}
        self.asked.clear()
        self.pages.clear()


class _Handler(BaseHTTPRequestHandler):
    server: Portal

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        asked = Asked(parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), self.headers)
        portal = self.server
        portal.asked.append(asked)
        fault = None
        if portal.is_page(asked):
            portal.pages.append(asked)
            number = len(portal.pages)
            if number in portal.before:
                portal.before.pop(number)()
            fault = portal.faults.get(number)
            if portal.down_from is not None and number >= portal.down_from:
                fault = DOWN
        if fault and not fault.is_cut:
            self._send(fault.status, fault.body, fault.headers, len(fault.body))
            return
        status, found = portal.answer(asked)
        body = found if isinstance(found, bytes) else json.dumps(found).encode()
        self._send(status, body[: len(body) // 2] if fault else body, {}, len(body))

    def _send(self, status: int, body: bytes, headers: dict[str, str], promised: int) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": "application/json;charset=utf-8"} | headers).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(promised))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def serving(portal: Portal) -> Iterator[Portal]:
    thread = threading.Thread(target=portal.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield portal
    finally:
        portal.shutdown()
        thread.join(timeout=10)
        portal.server_close()


# How the tests ask.


def settings(folder: Path) -> Settings:
    return Settings(city_folder=folder, home=folder / "home")


def take(kind: str, address: str, folder: Path, known: Known | None = None, **source: Any) -> list[Fetched]:
    """Fetch a feed from the portal, as a run does."""
    key = source.pop("key", ["id"])
    feed = small_feed(source={kind: address, "page_rows": 10, "tries": 2} | source, key=key)
    return list(fetch(feed, settings(folder), folder / "work", known or Known()))


def one(portal: Portal, folder: Path, known: Known | None = None, **source: Any) -> Fetched:
    found = take(portal.kind, portal.address, folder, known, **source)
    assert len(found) == 1
    return found[0]


def loaded(fetched: Fetched, days_ago: float = 1) -> Known:
    """What a run knows after this delivery was loaded, the last full one so many days ago."""
    at = datetime.fromtimestamp(datetime.now(UTC).timestamp() - days_ago * 86400, UTC).replace(tzinfo=None)
    return Known(state=json.loads(json.dumps(dict(fetched.state))), full_at=at)


def records(fetched: Fetched) -> list[Record]:
    """What is in the file, a record a line."""
    return [json.loads(line) for line in fetched.path.read_text(encoding="utf-8").splitlines()]


def leftovers(folder: Path) -> list[str]:
    return sorted(p.name for p in (folder / "work").iterdir() if not p.name.endswith(".jsonl"))


def web_for(portal: Portal) -> Web:
    """As `feed new` makes one."""
    module = import_module(f"city_platform.feeds.sources.{portal.kind}")
    return Web(small_feed(source={portal.kind: portal.address, "tries": 1}), module.headers(None))


def take_killed_at_page(portal: Portal, folder: Path, page: int, **source: Any) -> None:
    """A run in a process of its own that kill -9 ends when this page is on disk and its checkpoint is not."""
    call = f"take_and_die({portal.kind!r}, {portal.address!r}, {str(folder)!r}, {page}, {source!r})"
    code = f"from city_platform_tests.feeds.sources.portal_servers import take_and_die; {call}"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()


def take_and_die(kind: str, address: str, folder: str, page: int, source: dict[str, Any]) -> None:
    save, saved = portals.Pages._save, [0]

    def dying(self: portals.Pages) -> None:
        if saved[0] == page:  # the first one is that of the beginning
            os.kill(os.getpid(), signal.SIGKILL)
        saved[0] += 1
        save(self)

    portals.Pages._save = dying  # type: ignore[method-assign]
    take(kind, address, Path(folder), **source)


# Socrata.


class Socrata(Portal):
    """A dataset of permits; rows hold their position in `_n`, by which ids are ordered."""

    kind = "socrata"
    ID = "4ijn-s7e5"

    def __init__(self) -> None:
        super().__init__()
        self.moment = 0

    @property
    def address(self) -> str:
        return f"{self.site}/{self.ID}"

    def put(self, number: int, **values: Any) -> None:
        """Add this row, or change it; a second later than the one before."""
        self.moment += 1
        at = datetime.fromtimestamp(1_700_000_000 + self.moment, UTC)
        before = next((r for r in self.rows if r["_n"] == number), None)
        row = (before or {"_n": number, ":id": f"row-{number * 7919 % 9973:04d}", "id": str(number)}) | values
        row[":updated_at"] = f"{at:%Y-%m-%dT%H:%M:%S}.000Z"
        self.rows = sorted([r for r in self.rows if r is not before] + [row], key=lambda r: int(r["_n"]))

    def is_page(self, asked: Asked) -> bool:
        return "$order" in asked.params

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if self.token and asked.headers.get("X-App-Token") != self.token:
            said = {"code": "permission_denied", "error": True, "message": "Invalid app_token specified"}
            return 403, said
        if asked.path == f"/api/views/{self.ID}.json":
            return 200, VIEW
        if asked.path != f"/resource/{self.ID}.json":
            return 404, {"code": "dataset.missing", "error": True, "message": "Not found"}
        params = asked.params
        chosen = [part.strip() for part in params.get("$select", "*").split(",")]
        if "*" in chosen[1:]:
            return 400, {"message": "Star selections must come at the start of the select-list"}
        rows = [r for r in self.rows if self._fits(r, params.get("$where", ""))]
        if chosen[0].startswith("count("):
            values = [r[":updated_at"] for r in rows]
            return 200, [{"row_count": str(len(rows)), **({"newest": max(values)} if values else {})}]
        assert params["$order"] == ":id"
        page = rows[: int(params.get("$limit", "1000"))]
        return 200, [
            {k: v for k, v in r.items() if v is not None and ((k[0] not in ":_") or k in chosen)}
            for r in page
        ]

    def _fits(self, row: Record, where: str) -> bool:
        for part in where.split(" and ") if where else ():
            found = re.fullmatch(r"\(?(:?\w+) (>=|>|=) '([^']*)'\)?", part)
            assert found, part
            column, sign, value = found.groups()
            if column == ":id":
                after = next((r["_n"] for r in self.rows if r[":id"] == value), self._number_of(value))
                if not row["_n"] > after:
                    return False
            elif not {">=": row[column] >= value, ">": row[column] > value, "=": row[column] == value}[sign]:
                return False
        return True

    @staticmethod
    def _number_of(row_id: str) -> int:
        """Which row an id belonged to that is gone by now."""
        return next(n for n in range(1, 9973) if row_id == f"row-{n * 7919 % 9973:04d}")


VIEW: Record = {
    "id": Socrata.ID,
    "name": "Street trading permits",
    "attribution": "City of Eastmere",
    "description": "All permits since 2002.\n<b>Updated nightly.</b>",
    "licenseId": "PUBLIC_DOMAIN",
    "license": {"name": "Public Domain"},
    "rowsUpdatedAt": 1700000000,
    "metadata": {
        "rowLabel": "Permit",
        "custom_fields": {"Metadata": {"Frequency": "Data are updated daily", "Update Frequency": "Daily"}},
    },
    "columns": [
        {"fieldName": "id", "name": "ID", "dataTypeName": "number", "description": "Number of the permit"},
        {
            "fieldName": "state",
            "name": "State",
            "dataTypeName": "text",
            "cachedContents": {
                "cardinality": "2",
                "top": [{"item": "open", "count": "3"}, {"item": "closed", "count": "1"}],
            },
        },
        {"fieldName": "fee", "name": "Fee", "dataTypeName": "money"},
        {"fieldName": "issued", "name": "Issued on", "dataTypeName": "calendar_date"},
        {"fieldName": "paid", "name": "Paid", "dataTypeName": "checkbox"},
        {"fieldName": "site", "name": "Site", "dataTypeName": "location"},
        {"fieldName": "page", "name": "Page", "dataTypeName": "url"},
        {"fieldName": ":@computed_region_x", "name": "Wards", "dataTypeName": "number"},
        {"fieldName": "secret", "name": "Secret", "dataTypeName": "text", "flags": ["hidden"]},
    ],
}


# CKAN.


class Ckan(Portal):
    """A resource in the datastore, or a file of the same portal or of another one."""

    kind = "ckan"
    ID = "f4129802-22aa-4437-b9f9-8a8f3b7b2a53"
    FILE = b"id,dog\n1,Rex\n"

    def __init__(self) -> None:
        super().__init__()
        self.rows_at_most = 32_000
        self.is_active = True
        self.file_url = f"{self.site}/dataset/dogs/resource/{self.ID}/download/dogs%20here.csv"
        self.modified = "2024-03-01T12:00:00.000000"

    @property
    def address(self) -> str:
        return f"{self.site}/{self.ID}"

    def put(self, number: int, **values: Any) -> None:
        before = next((r for r in self.rows if r["_id"] == number), {"_id": number, "id": str(number)})
        self.rows = sorted(
            [r for r in self.rows if r is not before] + [before | values], key=lambda r: int(r["_id"])
        )

    def is_page(self, asked: Asked) -> bool:
        is_search = asked.path.endswith("/datastore_search") and asked.params.get("limit") != "0"
        return is_search or asked.path.endswith(".csv")

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if self.token and asked.headers.get("Authorization") != self.token:
            message = "Access denied: User not authorized to read resource"
            return 403, {"success": False, "error": {"__type": "Authorization Error", "message": message}}
        if asked.path.endswith(".csv"):
            return 200, self.FILE
        action, params = asked.path.removeprefix("/api/3/action/"), asked.params
        if action == "datastore_search_sql":  # as on most portals
            return 404, {"success": False, "error": {"message": "Not found", "__type": "Not Found Error"}}
        if action == "resource_show" and params["id"] == self.ID:
            return 200, {"help": "…", "success": True, "result": self._resource()}
        if action == "package_show" and params["id"] == "p1":
            return 200, {"help": "…", "success": True, "result": CKAN_PACKAGE}
        if action == "datastore_search" and params["resource_id"] == self.ID and self.is_active:
            return 200, {"help": "…", "success": True, "result": self._search(params)}
        missing = {"__type": "Not Found Error", "message": "Not found: Resource was not found."}
        return 404, {"success": False, "error": missing}

    def _resource(self) -> Record:
        return {
            "id": self.ID,
            "name": "Dogs",
            "description": "",
            "format": "CSV",
            "url": self.file_url,
            "datastore_active": self.is_active,
            "last_modified": self.modified,
            "metadata_modified": self.modified,
            "package_id": "p1",
        }

    def _search(self, params: dict[str, str]) -> Record:
        rows = [
            r
            for r in self.rows
            if all(r.get(k) == v for k, v in json.loads(params.get("filters", "{}")).items())
        ]
        for clause in reversed(params.get("sort", "_id asc").split(", ")):
            name, _, way = clause.partition(" ")
            # As PostgreSQL does: what is missing comes last, and so first where the order is turned.
            rows.sort(key=lambda r: (r.get(name) is None, r.get(name) or 0), reverse=way == "desc")
        limit, offset = (
            min(int(params.get("limit", "100")), self.rows_at_most),
            int(params.get("offset", "0")),
        )
        return {
            "include_total": True,
            "limit": limit,
            "offset": offset,
            "records_format": "objects",
            "resource_id": self.ID,
            "total_estimation_threshold": None,
            "records": rows[offset : offset + limit],
            "fields": CKAN_FIELDS,
            "_links": {"start": "…", "next": "…"},
            "total": len(rows),
            "total_was_estimated": False,
        }


CKAN_FIELDS: list[Record] = [
    {"id": "_id", "type": "int"},
    {"id": "id", "type": "text", "info": {"label": "Licence", "notes": "Number of the licence"}},
    {"id": "fee", "type": "numeric"},
    {"id": "changed", "type": "timestamp", "info": {"label": "Changed on", "notes": ""}},
    {"id": "ward", "type": "text"},
]
CKAN_PACKAGE: Record = {
    "title": "Dog licences",
    "notes": "Licences of *dogs*.",
    "organization": {"name": "eastmere", "title": "Eastmere Council"},
    "author": "",
    "license_id": "uk-ogl",
    "license_title": "UK Open Government Licence (OGL)",
    "extras": [{"key": "contact", "value": "x"}, {"key": "update-frequency", "value": "Monthly"}],
}


# ArcGIS.


class ArcGis(Portal):
    """One layer of a feature service, in the British National Grid unless asked for longitude and latitude."""

    kind = "arcgis"

    def __init__(self) -> None:
        super().__init__()
        self.most = 2000
        self.layer: Record = json.loads(json.dumps(LAYER))
        self.errors: list[Record] = []  # said next, with status 200
        self.keeps_order = True

    @property
    def address(self) -> str:
        return f"{self.site}/arcgis/rest/services/Trees/FeatureServer/0"

    def put(self, number: int, geometry: Any = None, centroid: Any = None, **values: Any) -> None:
        before = next((r for r in self.rows if r["attributes"]["OBJECTID"] == number), None)
        attributes = (before or {"attributes": {"OBJECTID": number, "id": str(number)}})[
            "attributes"
        ] | values
        row = {"attributes": attributes, "geometry": geometry or {"x": -1.5 - number / 1000, "y": 53.8}}
        if centroid:
            row["centroid"] = centroid
        self.rows = [r for r in self.rows if r is not before] + [row]
        self.rows.sort(key=lambda r: int(r["attributes"]["OBJECTID"]))

    def is_page(self, asked: Asked) -> bool:
        return asked.path.endswith("/query") and "orderByFields" in asked.params

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if self.errors:
            return 200, {"error": self.errors.pop(0)}
        sent = asked.headers.get("X-Esri-Authorization")
        if self.token and sent != f"Bearer {self.token}":
            said = (498, "Invalid token.") if sent else (499, "Token Required")
            return 200, {"error": {"code": said[0], "message": said[1], "details": []}}
        params = asked.params
        if params.get("f") != "json":
            return 200, PAGE
        here = urlsplit(self.address).path
        if asked.path == here:
            return 200, self.layer | {"maxRecordCount": self.most}
        if asked.path != f"{here}/query":
            return 200, {"error": {"code": 404, "message": "Service not found", "details": []}}
        rows = [r for r in self.rows if self._fits(r["attributes"], params["where"])]
        if params.get("returnCountOnly") == "true":
            return 200, {"count": len(rows)}
        if "outStatistics" in params:
            (wanted,) = json.loads(params["outStatistics"])
            values = [r["attributes"].get(wanted["onStatisticField"]) for r in rows]
            found = max((v for v in values if v is not None), default=None)
            return 200, {"features": [{"attributes": {wanted["outStatisticFieldName"].upper(): found}}]}
        assert params["orderByFields"] == "OBJECTID ASC"
        limit = min(int(params.get("resultRecordCount", self.most)), self.most)
        page = rows[:limit] if self.keeps_order else rows[:limit][::-1]
        return 200, {
            "objectIdFieldName": "OBJECTID",
            "geometryType": self.layer["geometryType"],
            "spatialReference": {"wkid": int(params.get("outSR", "27700"))},
            "fields": self.layer["fields"],
            "features": [self._feature(r, params) for r in page],
            **({"exceededTransferLimit": True} if len(rows) > limit else {}),
        }

    def _feature(self, row: Record, params: dict[str, str]) -> Record:
        feature = {"attributes": row["attributes"]}
        if params.get("returnGeometry") == "true":
            is_asked = params.get("outSR") == "4326"
            feature["geometry"] = row["geometry"] if is_asked else {"x": 429157.0, "y": 433970.0}
            if params.get("returnCentroid") == "true" and "centroid" in row:
                feature["centroid"] = row["centroid"]
        return feature

    @staticmethod
    def _fits(attributes: Record, where: str) -> bool:
        for part in where.split(" AND "):
            if part == "1=1":
                continue
            found = re.fullmatch(r"\(?(\w+) (>=|>|=) (?:TIMESTAMP )?('[^']*'|-?\d+)\)?", part)
            assert found, part
            name, sign, literal = found.groups()
            value: Any = literal.strip("'")
            if "TIMESTAMP" in part:
                value = int(datetime.fromisoformat(value).replace(tzinfo=UTC).timestamp() * 1000)
            elif literal[0] != "'":
                value = int(value)
            mine = attributes.get(name)
            if mine is None or not {">=": mine >= value, ">": mine > value, "=": mine == value}[sign]:
                return False
        return True


LAYER: Record = {
    "currentVersion": 11.2,
    "id": 0,
    "name": "Street trees",
    "type": "Feature Layer",
    "description": "Trees in <i>streets</i>",
    "copyrightText": "Eastmere Council",
    "geometryType": "esriGeometryPoint",
    "objectIdField": "OBJECTID",
    "editFieldsInfo": {"creationDateField": "CreationDate", "editDateField": "EditDate"},
    "advancedQueryCapabilities": {
        "supportsPagination": True,
        "supportsStatistics": True,
        "supportsOrderBy": True,
        "supportsReturningGeometryCentroid": True,
    },
    "capabilities": "Query",
    "fields": [
        {"name": "OBJECTID", "type": "esriFieldTypeOID", "alias": "OBJECTID", "domain": None},
        {"name": "id", "type": "esriFieldTypeString", "alias": "Number of the tree", "domain": None},
        {
            "name": "state",
            "type": "esriFieldTypeString",
            "alias": "State",
            "domain": {
                "type": "codedValue",
                "name": "d_state",
                "codedValues": [{"name": "Felled", "code": "F"}, {"name": "Standing", "code": "S"}],
            },
        },
        {
            "name": "size",
            "type": "esriFieldTypeSmallInteger",
            "alias": "Size",
            "domain": {"type": "codedValue", "codedValues": [{"name": "small", "code": 1}]},
        },
        {"name": "height", "type": "esriFieldTypeDouble", "alias": "Height", "domain": None},
        {"name": "EditDate", "type": "esriFieldTypeDate", "alias": "Edited", "length": 8, "domain": None},
    ],
}


# The ratings API.


class Ratings(Portal):
    """The establishments of one authority."""

    kind = "ratings"
    ID = "404"

    @property
    def address(self) -> str:
        return f"{self.site}/{self.ID}"

    def put(self, number: int, **values: Any) -> None:
        self.rows = [r for r in self.rows if r["FHRSID"] != number] + [_establishment(number) | values]

    def is_page(self, asked: Asked) -> bool:
        return asked.path == "/Establishments" and asked.params.get("pageSize") != "1"

    def answer(self, asked: Asked) -> tuple[int, Any]:
        if asked.headers.get("x-api-version") != "2":
            return 200, {}
        if asked.path == f"/Authorities/{self.ID}":
            return 200, {"LocalAuthorityId": 404, "Name": "Bradford", "EstablishmentCount": len(self.rows)}
        if asked.path != "/Establishments":
            return 404, {"Message": "No HTTP resource was found"}
        number, size = int(asked.params["pageNumber"]), int(asked.params["pageSize"])
        rows = self.rows if asked.params["localAuthorityId"] == self.ID else []
        return 200, {
            "establishments": rows[(number - 1) * size : number * size],
            "meta": _meta(len(rows), -(-len(rows) // size), size, number),
            "links": [{"rel": "self", "href": "…"}],
        }


def _meta(count: int = 0, pages: int = 0, size: int = 0, number: int = 0) -> Record:
    return {
        "dataSource": "Lucene" if size else None,
        "extractDate": "0001-01-01T00:00:00",
        "itemCount": 0,
        "returncode": "OK" if size else None,
        "totalCount": count,
        "totalPages": pages,
        "pageSize": size,
        "pageNumber": number,
    }


def _establishment(number: int) -> Record:
    return {
        "FHRSID": number,
        "ChangesByServerID": 0,
        "LocalAuthorityBusinessID": f"PI/{number}",
        "BusinessName": f"Café {number}",
        "BusinessType": "Takeaway/sandwich shop",
        "BusinessTypeID": 7844,
        "AddressLine1": f"{number} High Street",
        "AddressLine2": "",
        "AddressLine3": "",
        "AddressLine4": "",
        "PostCode": "BD1 1AA",
        "Phone": "",
        "RatingValue": "5",
        "RatingKey": "fhrs_5_en-gb",
        "RatingDate": "2023-03-15T00:00:00",
        "LocalAuthorityCode": "413",
        "LocalAuthorityName": "Bradford",
        "LocalAuthorityWebSite": "http://www.bradford.gov.uk",
        "LocalAuthorityEmailAddress": "food@bradford.gov.uk",
        "scores": {"Hygiene": 5, "Structural": 5, "ConfidenceInManagement": None},
        "SchemeType": "FHRS",
        "geocode": {"longitude": "-1.75", "latitude": "53.79"},
        "RightToReply": "",
        "Distance": None,
        "NewRatingPending": False,
        "meta": _meta(),
        "links": [],
    }
