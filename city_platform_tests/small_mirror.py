"""A small made-up mirror in the shape of Chicago's six feeds, so that tests run without the real one.

Every name, number and address is invented here. The same seed gives the same files.
"""

from __future__ import annotations

import csv
import gzip
import io
import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

STREETS = [
    ("N", "MAPLE", "AVE"),
    ("S", "RIVER", "ST"),
    ("W", "12TH", "ST"),
    ("E", "GARDEN", "PL"),
    ("N", "OAK", "ST"),
]
FIRST = ["BLUE", "GOLDEN", "LUCKY", "CORNER", "SUNNY", "OLD TOWN", "GREEN", "ROYAL", "LITTLE", "HAPPY"]
SECOND = ["SPOON", "DRAGON", "BAKERY", "GRILL", "PANTRY", "DINER", "TACOS", "CAFE", "KITCHEN", "DELI"]
OWNERS = ["{} FOODS INC", "{} HOLDINGS LLC", "MARIA EXAMPLE", "JOHN SAMPLE"]
COLOURS = ["green", "orange", "blue"]

COLUMNS = {
    "business_licenses.csv": (
        "id,license_id,account_number,legal_name,doing_business_as_name,address,city,state,zip_code,ward,precinct,"
        "ward_precinct,police_district,license_code,license_description,business_activity_id,business_activity,"
        "license_number,application_type,license_term_start_date,license_term_expiration_date,license_status,"
        "latitude,longitude"
    ).split(","),
    "food_inspections.csv": (
        "inspection_id,dba_name,aka_name,license_,facility_type,risk,address,city,state,zip,inspection_date,"
        "inspection_type,results,latitude,longitude,location"
    ).split(","),
    "food_inspection_violations.csv": "inspection_id,violation_number,inspection_date".split(","),
    "sanitarian_visits.csv": "dba,address,license,license_type,inspection_date,inspection_purpose,sanitarian".split(
        ","
    ),
    "sanitation_complaints.csv.gz": (
        "creation_date,status,completion_date,service_request_number,type_of_service_request,"
        "what_is_the_nature_of_this_code_violation,street_address,zip_code,x_coordinate,y_coordinate,ward,"
        "police_district,community_area,latitude,longitude,location"
    ).split(","),
    "weather.csv": "precipIntensity,temperatureMax,windSpeed,humidity,date".split(","),
}

Rows = dict[str, list[dict[str, Any]]]


def make_rows(seed: int = 1, businesses: int = 60) -> Rows:
    """The rows of each file, by file name."""
    rng = random.Random(seed)
    rows: Rows = {name: [] for name in COLUMNS}
    inspection_id = 100_000
    for n in range(businesses):
        direction, street, suffix = STREETS[n % len(STREETS)]
        number = 100 + 8 * n
        name = f"{FIRST[n % 10]} {SECOND[(n // 10 + n) % 10]}"
        owner = rng.choice(OWNERS).format(name)
        street_line = f"{number} {direction} {street} {suffix}"
        lat, lon = round(41.8 + n * 0.0011, 6), round(-87.6 - n * 0.0007, 6)
        zip_code = f"606{n % 40:02d}"
        for term in range(2):
            start = date(2011, 3, 1) + timedelta(days=730 * term + n)
            rows["business_licenses.csv"].append(
                {
                    "id": f"{500_000 + n * 10 + term}-{start:%Y%m%d}",
                    "license_id": 500_000 + n * 10 + term,
                    "account_number": 7_000 + n // 2,
                    "legal_name": owner,
                    "doing_business_as_name": name,
                    "address": street_line + (" 1ST FLOOR" if n % 7 == 0 else ""),
                    "city": "CHICAGO",
                    "state": "IL",
                    "zip_code": zip_code,
                    "ward": 1 + n % 9,
                    "license_code": 1006,
                    "license_description": "Retail Food Establishment",
                    "license_number": 40_000 + n,
                    "application_type": "RENEW" if term else "ISSUE",
                    "license_term_start_date": start,
                    "license_term_expiration_date": start + timedelta(days=730),
                    "license_status": "AAI",
                    "latitude": lat,
                    "longitude": lon,
                }
            )
        bad = rng.random() < 0.3
        day = date(2011, 9, 5) + timedelta(days=rng.randrange(90))
        while day < date(2014, 8, 29):
            inspection_id += 1
            critical = rng.random() < (0.45 if bad else 0.1)
            rows["food_inspections.csv"].append(
                {
                    "inspection_id": inspection_id,
                    "dba_name": name,
                    "aka_name": name,
                    "license_": 40_000 + n if n % 11 else 0,
                    "facility_type": "Restaurant",
                    "risk": "Risk 1 (High)" if n % 2 else "Risk 2 (Medium)",
                    "address": street_line + " ",
                    "city": "CHICAGO",
                    "state": "IL",
                    "zip": zip_code,
                    "inspection_date": day,
                    "inspection_type": "Canvass",
                    "results": "Fail" if critical else "Pass",
                    "latitude": lat,
                    "longitude": lon,
                    "location": f"({lat}, {lon})",
                }
            )
            numbers = {rng.randrange(30, 45)} | ({rng.randrange(1, 15)} if critical else set())
            for violation in sorted(numbers):
                rows["food_inspection_violations.csv"].append(
                    {"inspection_id": inspection_id, "violation_number": violation, "inspection_date": day}
                )
            rows["sanitarian_visits.csv"].append(
                {
                    "dba": name.title(),
                    "address": f"{street_line} CHICAGO, IL {zip_code}",
                    "license": 40_000 + n,
                    "license_type": "Food",
                    "inspection_date": day,
                    "inspection_purpose": "Canvass",
                    "sanitarian": rng.choice(COLOURS),
                }
            )
            day += timedelta(days=rng.randrange(100, 260))
        for _ in range(rng.randrange(3)):
            opened = date(2012, 1, 1) + timedelta(days=rng.randrange(900))
            rows["sanitation_complaints.csv.gz"].append(
                {
                    "creation_date": opened,
                    "status": "Completed",
                    "completion_date": opened + timedelta(days=rng.randrange(1, 30)),
                    "service_request_number": f"12-{len(rows['sanitation_complaints.csv.gz']):08d}",
                    "type_of_service_request": "Sanitation Code Violation",
                    "what_is_the_nature_of_this_code_violation": "Garbage in alley",
                    "street_address": f"{number} {direction} {street}",
                    "zip_code": zip_code,
                    "ward": 1 + n % 9,
                    "latitude": lat,
                    "longitude": lon,
                }
            )
    for d in range(30):
        rows["weather.csv"].append(
            {
                "precipIntensity": 0.01,
                "temperatureMax": 60 + d % 20,
                "windSpeed": 8.5,
                "humidity": 0.5,
                "date": date(2014, 8, 1) + timedelta(days=d),
            }
        )
    return rows


def csv_bytes(name: str, rows: list[dict[str, Any]]) -> bytes:
    """A file's bytes, gzipped where its name says so."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS[name], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    content = text.getvalue().encode()
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content


def write_mirror(folder: Path, rows: Rows) -> Path:
    """Write every file; returns the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in rows.items():
        (folder / name).write_bytes(csv_bytes(name, content))
    return folder


def small_mirror(folder: Path, seed: int = 1, businesses: int = 60) -> Path:
    return write_mirror(folder, make_rows(seed, businesses))
