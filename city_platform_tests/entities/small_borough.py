"""A borough with a made-up BS7666 gazetteer and feeds, whose records are put into staging and resolved as a run does.

Belongs here: what the tests of UK addresses share. Does not belong here: claims.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from city_platform.city import City
from city_platform.entities.gazetteer import PARTS
from city_platform.feeds.declaration import Feed
from city_platform_tests.entities.small_town import RECEIVED, Row, Town

CITY = City.model_validate(
    {
        "name": "Eastmere",
        "country": "GB",
        "locale": "en_GB",
        "time_zone": "Europe/London",
        "box": {"south": 52.0, "north": 53.5, "west": 0.0, "east": 2.0},
        "identifier_schemes": {"uprn": "A property"},
        "gazetteer": {"standard": "bs7666", "agency": "custodian"},
    }
)
NUMBERS = {"x_coordinate", "y_coordinate", "easting", "northing"}
INTEGERS = {f"{p}ao_{e}_number" for p in "sp" for e in ("start", "end")}
KEYS = {
    "blpu": ["uprn"],
    "lpi": ["uprn", "lpi_key"],
    "street": ["usrn"],
    "xref": ["uprn", "xref_key"],
    "classification": ["uprn", "class_key"],
}


def feed(agency: str, name: str, columns: Iterable[str], **settings: Any) -> Feed:
    def kind(c: str) -> str:
        if c.endswith("_date"):
            return "date"
        return "number" if c in NUMBERS else "integer" if c in INTEGERS else "text"

    return Feed.model_validate(
        {
            "agency": agency,
            "name": name,
            "title": f"Made-up {name}",
            "owner": "team:test",
            "licence": "none",
            "rights": "open",
            "source": {"file": f"{name}.csv"},
            "columns": {c: {"class": "public", "meaning": f"The {c}", "type": kind(c)} for c in columns},
            **settings,
        }
    )


GAZETTEER = {
    part: feed(
        "custodian",
        part,
        dict.fromkeys(
            [*KEYS[part], *(c for c in columns.split(", ") if c not in ("record_key", "first_seen"))]
        ),
        key=KEYS[part],
    )
    for part, columns in PARTS.items()
}
TAX = feed(
    "revenues",
    "council_tax",
    ["account", "line_1", "line_2", "postcode"],
    key=["account"],
    address={
        "text": ["line_1", "line_2"],
        "postcode": "postcode",
        "reference": {"scheme": "council_tax", "column": "account"},
    },
)
CALLS = feed(
    "contact",
    "calls",
    ["key", "address", "uprn", "easting", "northing", "name"],
    key=["key"],
    address={"text": "address", "uprn": "uprn", "easting": "easting", "northing": "northing"},
)


class Borough(Town):
    """A database with a gazetteer; addresses are added with `address`, records with `put`."""

    def __init__(self, city: City = CITY, *feeds: Feed) -> None:
        super().__init__(*GAZETTEER.values(), TAX, CALLS, *feeds)
        self.city = city
        self.gazetteer: dict[str, list[Row]] = {part: [] for part in PARTS}
        self.streets: dict[str, str] = {}

    def address(
        self,
        uprn: str,
        street: str,
        postcode: str | None = "EM1 2AB",
        *,
        parent: str = "",
        status: str = "1",
        use: str = "RD04",
        tax: str = "",
        locality: str = "",
        **lpi: Any,
    ) -> None:
        """One BLPU with one LPI: pao=12, pao_suffix, pao_end, pao_text, sao=3, sao_suffix, sao_text."""
        if uprn not in {b["uprn"] for b in self.gazetteer["blpu"]}:
            self.gazetteer["blpu"].append(
                {"uprn": uprn, "parent_uprn": parent, "logical_status": "8" if status == "8" else "1", "ward_code": "E1",
                 "x_coordinate": 600000.0 + int(uprn), "y_coordinate": 300000.0, "entry_date": "2010-01-01"}
            )  # fmt: skip
            self.gazetteer["classification"].append(
                {"uprn": uprn, "class_key": "C" + uprn, "classification_code": use}
            )
        if street not in self.streets:
            self.streets[street] = str(40000000 + len(self.streets))
            self.gazetteer["street"].append(
                {
                    "usrn": self.streets[street],
                    "street_descriptor": street,
                    "locality_name": locality,
                    "town_name": "EASTMERE",
                }
            )
        if tax:
            self.gazetteer["xref"].append(
                {"uprn": uprn, "xref_key": "X" + uprn, "cross_reference": tax, "source": "7666VC"}
            )
        names = {
            "pao": "pao_start_number", "pao_suffix": "pao_start_suffix", "pao_end": "pao_end_number", "pao_text": "pao_text",
            "sao": "sao_start_number", "sao_suffix": "sao_start_suffix", "sao_end": "sao_end_number", "sao_text": "sao_text",
        }  # fmt: skip
        self.gazetteer["lpi"].append(
            {"uprn": uprn, "lpi_key": f"L{len(self.gazetteer['lpi'])}", "logical_status": status, "usrn": self.streets[street],
             "postcode": postcode, **{names[k]: v for k, v in lpi.items()}}
        )  # fmt: skip

    def put(self, feed: Feed, rows: Iterable[Row], first_seen: datetime = RECEIVED) -> None:
        """Replace what staging holds of a feed; the record key is the feed's key."""
        table = feed.staging()
        self.con.execute(f"delete from {table.full_name}")
        for line, row in enumerate(rows, start=2):
            known = {
                "record_key": "|".join(row[k] for k in feed.key),
                "_delivery_id": "d",
                "_line": line,
                "_row_hash": "7",
                "_issues": "0",
                "first_seen": first_seen,
                "changed_at": first_seen,
            }
            names, values = zip(*{**known, **row}.items(), strict=True)
            listed, marks = ", ".join(f'"{n}"' for n in names), ", ".join("?" for _ in names)
            self.con.execute(f"insert into {table.full_name} ({listed}) values ({marks})", list(values))

    def send(self) -> None:
        """Put the gazetteer as it stands into staging."""
        for part, rows in self.gazetteer.items():
            self.put(GAZETTEER[part], [{"change_type": "I", **r} for r in rows])

    def resolve(self, run_id: str = "run 1") -> Borough:
        self.send()
        super().resolve(run_id)
        return self

    def settle(self) -> Borough:
        """Addresses alone, without ids."""
        self.send()
        self.settle_addresses()
        return self

    def places(self) -> dict[str, dict[str, str]]:
        """Of each record that is not the gazetteer's: its cluster by role."""
        found: dict[str, dict[str, str]] = {}
        for key, role, cluster in self.rows(
            "select record_key, role, cluster from entity.address_member where feed not like 'custodian/%'"
        ):
            found.setdefault(key, {})[role] = cluster
        return found

    def lost(self) -> dict[str, str]:
        """Of each record without an address: why."""
        return dict(self.rows("select record_key, reason from entity.address_not_linked"))

    def calls(self, *addresses: str, **uprns: str) -> Borough:
        """Calls a, b, c … about these addresses; a="1" says that call a states UPRN 1."""
        self.put(
            CALLS,
            [
                {"key": k, "address": a, "uprn": uprns.get(k)}
                for k, a in zip("abcdefgh", addresses, strict=False)
            ],
        )
        return self

    def taxed(self, **addresses: str) -> Borough:
        """Council tax accounts by their number."""
        self.put(TAX, [{"account": k, "line_1": a} for k, a in addresses.items()])
        return self

    def found(self) -> dict[str, tuple[Any, ...]]:
        """Of each record that is not the gazetteer's: UPRN of its site, UPRN or name of its unit, method, evidence."""
        return {
            key: tuple(rest)
            for key, *rest in self.rows(
                """select s.record_key, sa.uprn, coalesce(ua.uprn, ua.unit), s.method, s.evidence
                from entity.link s join entity.address sa on sa.address_id = s.entity_id
                left join entity.link u on u.feed = s.feed and u.record_key = s.record_key and u.role = 'unit'
                left join entity.address ua on ua.address_id = u.entity_id
                where s.role = 'site' and s.feed not like 'custodian/%' order by 1"""
            )
        }
