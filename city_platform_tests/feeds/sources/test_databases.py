"""Databases: an agency's table arrives as the file it could have sent, and what is wrong is said without a password."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform.feeds.declaration import Feed
from city_platform.feeds.fetch import fetch
from city_platform.feeds.problems import NotReceivedError
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import HEADER, Bench, licences, new_bench, small_feed

VARIABLE = "CITY_PLATFORM_DATABASE_COUNCIL"
FEW = settings(
    max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)


def database_feed(**source: Any) -> Feed:
    return small_feed(source={"database": "council", "table": "dogs"} | source)


def fill(
    path: Path, rows: Sequence[Sequence[Any]], names: Sequence[str] = HEADER, table: str = "dogs"
) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    columns = ", ".join(f'"{n}"' for n in names)
    with sqlite3.connect(path) as con:
        con.execute(f'create table "{table}" ({columns})')
        con.executemany(f'insert into "{table}" values ({", ".join("?" * len(names))})', rows)
    con.close()
    return path


def test_a_table_is_loaded_and_the_same_rows_are_a_repeat_in_whatever_order(bench: Bench) -> None:
    feed = database_feed()
    path = fill(bench.mirror / "council.sqlite", licences(50))
    assert bench.load(feed).status == "loaded"
    with new_bench(bench.folder) as other:
        other.send(sorted(licences(50)))
        assert bench.content(feed) == other.content()
    fill(path, licences(50)[::-1])
    assert bench.load(feed).status == "unchanged"
    assert bench.statuses() == ["loaded", "repeat"]
    fill(path, licences(51))
    assert bench.load(feed).status == "loaded"
    assert bench.fates() == {"read": 51, "new": 1, "unchanged": 50}
    assert bench.deliveries(feed)[0]["source"] == str(path)
    assert bench.deliveries(feed)[0]["file_name"] == "council_dogs.csv"
    assert bench.kept(feed)[0].read_text().splitlines()[0] == ",".join(f'"{n}"' for n in HEADER)
    assert [p.name for p in bench.mirror.iterdir()] == ["council.sqlite"]
    assert bench.red(feed) == []


@FEW
@given(
    rows=st.lists(
        st.tuples(
            st.integers(1, 10**12),
            st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=8)
            | st.sampled_from(['"', '","', "a\r\nb", "\r", "\n", None]),
        ),
        unique_by=lambda row: row[0],
        min_size=1,
        max_size=5,
    )
)
def test_every_text_comes_back_exactly(tmp_path_factory: pytest.TempPathFactory, rows: list[Any]) -> None:
    with new_bench(tmp_path_factory.mktemp("database")) as bench:
        fill(bench.mirror / "council.sqlite", rows, ["a", "b"])
        columns = {
            "a": {"type": "integer", "meaning": "Key", "class": "public"},
            "b": {"meaning": "Text", "class": "public"},
        }
        feed = small_feed(source={"database": "council", "table": "dogs"}, key=["a"], columns=columns)
        bench.load(feed)
        found = bench.rows(f"select a, b from {feed.raw().full_name} order by a::bigint")
        assert [(a, b or "") for a, b in found] == [(str(a), b or "") for a, b in sorted(rows)]


def test_a_query_is_ordered_too_and_its_colons_are_its_own(bench: Bench) -> None:
    feed = database_feed(
        table=None, query="select * from dogs where dog <> ' :x' and keeper <> '12:30' -- all of them;"
    )
    fill(bench.mirror / "council.sqlite", licences(9)[::-1])
    assert bench.load(feed).status == "loaded"
    kept = bench.kept(feed)[0].read_text().splitlines()
    assert [line.split(",")[0] for line in kept[1:]] == [f'"{n}"' for n in range(1, 10)]


def test_the_address_is_read_from_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fill(bench.folder / "else where" / "x.db", licences(5))
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    assert bench.load(database_feed()).status == "loaded"
    assert bench.deliveries(database_feed())[0]["source"] == f"sqlite:///{path}"


def test_typed_values_are_written_as_an_agency_would(bench: Bench) -> None:
    path = fill(bench.mirror / "council.sqlite", [(2.0, 1.5, None, b"\x01\xff")], ["id", "b", "c", "d"])
    fetched = fetch(database_feed(), bench.settings, bench.folder / "taken")
    assert fetched.path.read_text() == '"id","b","c","d"\n"2","1.5","","01ff"\n'
    assert fetched.source == str(path)


def test_a_database_with_a_write_ahead_log_gets_no_file_beside_it(bench: Bench) -> None:
    path = fill(bench.mirror / "council.sqlite", licences(5))
    con = sqlite3.connect(path)
    con.execute("pragma journal_mode = wal")
    con.close()
    assert bench.load(database_feed()).status == "loaded"
    assert list(bench.mirror.iterdir()) == [path]


def test_a_column_that_is_gone_holds_the_delivery(bench: Bench) -> None:
    fill(bench.mirror / "council.sqlite", [r[1:] for r in licences(5)], HEADER[1:])
    built = bench.load(database_feed())
    assert built.status == "held"
    assert "column 'id' is missing" in built.message


def test_a_nul_byte_costs_its_own_row(bench: Bench) -> None:
    rows = [list(r) for r in licences(60)]
    rows[3][1] = "Re\0x"
    fill(bench.mirror / "council.sqlite", rows)
    assert bench.load(database_feed()).status == "loaded"
    assert bench.fates() == {"read": 60, "new": 59, "quarantined": 1}


# what is wrong: what to do about it first, the variable's value, what the message says
SAID: dict[str, tuple[str, str | None, str]] = {
    "no file": ("", None, "council.sqlite is not there. Put the SQLite file there, or give .* in " + VARIABLE),
    "no file at the address": ("", "sqlite:////nowhere/x.db", "^/nowhere/x.db is not there."),
    "no such table": ("other", None, "did not give dogs: no such table: dogs. Check its address"),
    "no database": ("garbage", None, "did not give dogs: file is not a database"),
    "no address": ("", "my own database", VARIABLE + " is no database address. Write it as SQLAlchemy does"),
    "no driver": ("", "postgresql+nothing://me:hunter2@host/x", "there is no driver for postgresql.nothing"),
    "too large": ("large", None, "is larger than 0 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAID)
def test_what_is_wrong_is_said_and_nothing_is_made(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    set_up, url, message = SAID[name]
    path = bench.mirror / "council.sqlite"
    if set_up == "garbage":
        path.write_bytes(b"no database at all" * 100)
    elif set_up:
        fill(path, licences(500), table="dogs" if set_up == "large" else "cats")
    if url:
        monkeypatch.setenv(VARIABLE, url)
    before = sorted(bench.mirror.iterdir())
    with pytest.raises(NotReceivedError, match=message) as error:
        fetch(database_feed(at_most_mb=0.01), bench.settings, bench.folder / "taken")
    assert "hunter2" not in str(error.value)
    assert str(error.value).endswith((".", ")."))
    assert sorted(bench.mirror.iterdir()) == before
    assert bench.load(database_feed(at_most_mb=0.01)).status == "missing"


def test_a_server_that_does_not_answer_is_said_without_its_password(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that fails the way drivers do, with all it knows in the message."""
    from sqlalchemy import create_engine, exc

    from city_platform.feeds import databases

    def connect() -> None:
        raise sqlite3.OperationalError("no route to host; password=hunter2 token=geheim")

    made = create_engine("sqlite://", creator=connect)
    assert issubclass(exc.OperationalError, exc.SQLAlchemyError)
    monkeypatch.setattr(databases, "_engine", lambda name, url: made)
    monkeypatch.setenv(VARIABLE, "postgresql://me:hunter2@host/x?token=geheim")
    built = bench.load(database_feed())
    assert built.status == "missing"
    assert (
        "postgresql://me:***@host/x did not give dogs: no route to host; password=*** token=***"
        in built.message
    )


def test_secrets_and_addresses_are_no_part_of_what_settings_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://me:hunter2@host/x")
    monkeypatch.setenv("CITY_PLATFORM_SECRET_NFI", "hunter2")
    made = Settings(city_folder=tmp_path, home=tmp_path)
    assert (made.secret("nfi"), made.database_url("council")) == ("hunter2", "postgresql://me:hunter2@host/x")
    assert "hunter2" not in repr(made)
