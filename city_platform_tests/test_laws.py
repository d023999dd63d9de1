"""The laws, by mutation: each fault planted here turns the check red that stands against it, and nothing red leaves."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from city_platform_tests.conftest import Typed
from city_platform_tests.runs import Home, differences, dump, edit, opened, red_checks, writing

COMPANY, PERSONS = "INC", ("MARIA EXAMPLE", "JOHN SAMPLE")
ARRIVED = "newest_delivery_is_loaded"


def published(home: Home) -> dict[str, tuple[int, int]]:
    """Each published file's inode and time of change."""
    files = sorted((home.home / "published").iterdir())
    return {f.name: (f.stat().st_ino, f.stat().st_mtime_ns) for f in files}


def in_file(path: Path, sql: str) -> object:
    with opened(path) as con:
        row = con.execute(sql).fetchone()
    return row[0] if row else None


# Law 1: nothing is dropped silently


def test_row_dropped_on_the_way_to_staging_holds_the_feed(new_home: Home) -> None:
    """A fault in the code that merges: one row of one feed never reaches staging."""
    edit(
        new_home.package / "city_platform" / "feeds" / "merge.py",
        'from ({typed_sql(self.sent, self.macro)})"""',
        "from ({typed_sql(self.sent, self.macro)}) "
        "where not (_line = 7 and getvariable('feed') = 'weather_service/weather')\"\"\"",
    )
    result = new_home.run(expect=3)
    assert ("staging.weather_service__weather", ARRIVED) in red_checks(new_home.warehouse)
    assert "every_row_is_accounted_for" in rules(new_home)
    assert "rows are not accounted for" in result.out
    assert in_file(new_home.warehouse, "select count(*) from staging.weather_service__weather") == 0
    missing = in_file(new_home.analyst, "select string_agg(distinct feeds_missing) from risk.worklist")
    assert missing == "weather_service/weather"


def rules(home: Home) -> set[str]:
    with opened(home.warehouse) as con:
        return {
            r[0]
            for r in con.execute(
                "select distinct rule from quality.issue where responsible = 'us'"
            ).fetchall()
        }


def test_row_dropped_from_staging_behind_our_back_stops_publishing(home: Home) -> None:
    """Found when the feed's next delivery arrives: that is held, and what stands is red, so nothing leaves."""
    with writing(home.warehouse) as con:
        con.execute("delete from staging.public_health__food_inspections where _line = 7")
    before = published(home)
    edit(home.mirror / "food_inspections.csv", "Risk 1 (High)", "Risk 3 (Low)")
    result = home.run(expect=1)
    table = "staging.public_health__food_inspections"
    assert red_checks(home.warehouse) >= {(table, ARRIVED), (table, "every_row_is_accounted_for")}
    assert "every_row_is_accounted_for" in rules(home)
    assert "rows are not accounted for" in result.out
    assert published(home) == before


# Law 4: as of


def test_feature_that_reads_the_future_stops_publishing(home: Home, city: Path) -> None:
    """As of half a year before the last inspection, so that there is a future to leak."""
    edit(
        city / "risk" / "food_safety_features.sql",
        "join known_event as e on e.known_time < d.as_of\n        where\n            e.event_type = 'food_inspection'",
        "join known_event as e on true\n        where\n            e.event_type = 'food_inspection'",
    )
    before = published(home)
    result = home.but(city=str(city), as_of="2014-03-01").run(expect=1)
    assert red_checks(home.warehouse) >= {("risk.score", "nothing_from_the_future")}
    assert "RED CHECK risk.score nothing_from_the_future" in result.out
    assert published(home) == before


def test_the_same_date_without_the_leak_is_published(home: Home) -> None:
    """The control: it was the leak, not the date."""
    home.but(as_of="2014-03-01").run()
    assert red_checks(home.warehouse) == set()


# Law 5: ids are for ever


@pytest.mark.parametrize(
    ("plant", "table", "check"),
    [
        pytest.param(
            "insert into entity.id_history select 'planted', * exclude (run_id) from entity.id_history "
            "where kind = 'create' and entity_type = 'business' limit 1",
            "entity.id_history", "ids_are_never_used_again", id="created twice",
        ),
        pytest.param(
            "delete from entity.id_history where new_id = (select min(business_id) from entity.business)",
            "entity.link", "ids_have_a_founding_record", id="founded by nothing",
        ),
        pytest.param(
            "insert into entity.redirect select 'business', min(business_id), max(business_id) from entity.business",
            "entity.redirect", "ids_gone_are_not_in_use", id="used after it was merged",
        ),
    ],
)  # fmt: skip
def test_id_used_again_stops_publishing(home: Home, plant: str, table: str, check: str) -> None:
    with writing(home.warehouse) as con:
        con.execute(plant)
    before = published(home)
    edit(home.mirror / "food_inspections.csv", "Risk 1 (High)", "Risk 3 (Low)")
    result = home.run(expect=1)
    assert (table, check) in red_checks(home.warehouse)
    assert f"RED CHECK {table} {check}" in result.out
    assert published(home) == before


# Law 8: deny by default


def unclassify_ward(home: Home) -> None:
    edit(
        home.package / "city_platform" / "tables" / "entity.yaml",
        'ward: {type: VARCHAR, class: public, meaning: "Ward that', 'ward: {type: VARCHAR, meaning: "Ward that',
    )  # fmt: skip


def test_unclassified_column_is_in_no_published_file(home: Home) -> None:
    assert "ward" in dump(home.analyst)["entity.address"][0]
    unclassify_ward(home)
    home.run()
    for path in (home.analyst, home.operator):
        columns = dump(path)["entity.address"][0]
        assert "ward" not in columns and "street" in columns
        sql = "select count(*) from catalog.column_info where table_name = 'entity.address' and name = 'ward'"
        assert in_file(path, sql) == 0
    assert "ward" in home.dump()["entity.address"][0]


def test_rule_that_lets_an_unclassified_column_through_publishes_nothing(home: Home) -> None:
    """A fault in the rule that chooses columns is caught by the look at what the file really holds."""
    unclassify_ward(home)
    edit(
        home.package / "city_platform" / "publish" / "allow.py",
        "for c in table.columns if is_allowed(c, audience))",
        "for c in table.columns if is_allowed(c, audience) or c.name == 'ward')",
    )
    # The catalog would stop it sooner: a column without a class breaks its own check.
    edit(
        home.package / "city_platform" / "tables" / "catalog.yaml",
        "classification: {type: VARCHAR, class: public, required: true,", "classification: {type: VARCHAR, class: public,",
    )  # fmt: skip
    before = published(home)
    result = home.run(expect=None)
    assert published(home) == before
    assert "NOT PUBLISHED" in result.out
    assert red_checks(home.warehouse) == {
        ("published.analyst", "only_permitted_columns"),
        ("published.operator", "only_permitted_columns"),
    }
    assert "entity.address.ward" in result.out
    assert result.code == 1


def texts_with(path: Path, words: tuple[str, ...]) -> set[str]:
    """The columns of a DuckDB file that hold any of the words, in whatever type."""
    found = set()
    with opened(path) as con:
        columns = con.execute(
            "select schema_name, table_name, column_name from duckdb_columns() "
            "where database_name = current_database() and not internal"
        ).fetchall()
        assert len(columns) > 100
        for schema, table, column in columns:
            tests = " or ".join(f"contains(upper(\"{column}\"::varchar), '{word}')" for word in words)
            row = con.execute(f'select count(*) from {schema}."{table}" where {tests}').fetchone()
            if row and row[0]:
                found.add(f"{schema}.{table}.{column}")
    return found


def test_names_of_persons_are_in_no_analyst_file(home: Home) -> None:
    words = (*PERSONS, *("EXAMPLE MARIA", "SAMPLE JOHN"))
    assert texts_with(home.analyst, words) == set()
    # The controls: the search finds them where they may be, and companies where anybody may see them.
    private = texts_with(home.operator, words)
    assert "entity.organisation.private_name" in private
    assert "entity.organisation.name" in texts_with(home.analyst, ("FOODS INC",))


def test_names_of_persons_are_in_no_log_and_no_dagster_metadata(typed: Typed) -> None:
    assert typed.code == 0, typed.err
    stored = typed.home.home / "dagster"
    files = [p for p in stored.rglob("*") if p.is_file()]
    held = {word: False for word in (*PERSONS, "business_affairs__business_licenses", "LUCKY")}
    for path in files:
        for text in stored_texts(path):
            for word in held:
                held[word] = held[word] or word in text.upper() or word in text
    for word in PERSONS:
        assert not held[word]
        assert word not in (typed.out + typed.err).upper()
        assert not any(word in str(p).upper() for p in typed.home.home.rglob("*"))
    # The controls: the search finds a table's name, and a trading name that the previews show.
    assert held["business_affairs__business_licenses"] and held["LUCKY"]


def stored_texts(path: Path) -> list[str]:
    """Every value of an SQLite file; any other file whole."""
    if path.suffix not in (".db", ".sqlite"):
        return [path.read_bytes().decode(errors="replace")]
    with sqlite3.connect(path) as con:
        con.text_factory = lambda raw: raw.decode(errors="replace")
        tables = [r[0] for r in con.execute("select name from sqlite_master where type = 'table'")]
        values = [v for t in tables for row in con.execute(f'select * from "{t}"') for v in row]
    return [v.decode(errors="replace") if isinstance(v, bytes) else str(v) for v in values if v is not None]


def test_held_delivery_with_names_of_persons_shows_none(home: Home) -> None:
    """Lines set aside stand in quality.issue, which analysts read."""
    path = home.mirror / "business_licenses.csv"
    path.write_text(path.read_text().replace(",500", ",no number 500"))
    result = home.run(expect=3)
    assert in_file(home.warehouse, "select count(*) from quality.issue where column_name = 'license_id'")
    for person in PERSONS:
        assert person not in result.out + result.err
    assert texts_with(home.analyst, PERSONS) == set()


def test_red_check_of_one_run_is_green_again_after_the_mend(home: Home, city: Path) -> None:
    """What stopped publishing is forgotten once its cause is gone."""
    features = city / "risk" / "food_safety_features.sql"
    whole = features.read_text()
    edit(features, "join known_event as e on e.known_time < d.as_of", "join known_event as e on true")
    early = home.but(city=str(city), as_of="2014-03-01")
    early.run(expect=1)
    features.write_text(whole)
    early.run()
    assert red_checks(home.warehouse) == set()
    control = home.dump()
    assert (
        differences(
            {"risk.worklist": control["risk.worklist"]},
            {"risk.worklist": dump(home.analyst)["risk.worklist"]},
        )
        == {}
    )
