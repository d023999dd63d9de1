"""Deliveries: what each agency of the borough sends, day by day, and what of it is true.

Belongs here: which feed is sent on which day, late or not at all; repeats; the count of each kind of dirt. Does not
belong here: what a feed's records hold (feeds/<agency>/<feed>.sql), and how a file is written (writing.py).

A feed's SQL leaves the temp table `sending`: what the agency's system holds on the day of the variable `day`, one
column a declared column, and beside them `_key` (the record key as sent), `_order` (a whole number, the order of the
lines), and where they are known `_address_id`, `_person_id`, `_person_2_id`, `_business_id`, `_organisation_id` (whose
record it is) and `_dirt` (a list of the kinds of dirt done to it). An agency's `agency.sql`, where there is one, runs
once before its feeds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, ConfigDict

from city_platform.feeds.declaration import Feed
from city_platform.rebuild import sql_file
from city_platform.synthetic.borough import TODAY
from city_platform.synthetic.writing import write_database, write_file, write_record_types, zip_with_password
from city_platform.tables import quote_text
from city_platform.yaml_files import load_documents, validate

if TYPE_CHECKING:
    import duckdb

PACKAGE = Path(__file__).parent
DIRT = PACKAGE / "dirt.yaml"
WHOSE = {
    "_address_id": "bigint",
    "_person_id": "bigint",
    "_person_2_id": "bigint",
    "_business_id": "bigint",
    "_organisation_id": "bigint",
    "_dirt": "varchar[]",
}
LATE_DAYS = 5  # at most


class Renamed(BaseModel):
    """A column that the agency calls otherwise from some day on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    column: str
    to: str
    from_day: int


class Sent(BaseModel):
    """When and how often a feed is sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    feed: str
    every_days: int
    titles: tuple[str, ...] = ()
    renamed: Renamed | None = None
    repeats: Literal["lines", "none"] = "lines"  # whether single lines are sent twice


@dataclass(frozen=True)
class Target:
    """Where what is sent goes."""

    inbox: Path  # the first day's files
    days: Path  # one folder a later day, with what arrives on it
    truth: Path
    databases: dict[str, str]  # name: address, where it is not a file in the inbox
    secrets: dict[str, str]


def read_calendar(feeds: Sequence[Feed]) -> list[tuple[Feed, Sent]]:
    """Each feed with when it is sent; raises ValueError where the two do not name the same feeds."""
    by_id = {f.id: f for f in feeds}
    calendar = []
    for path in sorted((PACKAGE / "feeds").glob("*/sent.yaml")):
        for content, node in load_documents(path):
            sent = validate(Sent, content, node, path)
            feed = by_id.pop(f"{path.parent.name}/{sent.feed}", None)
            if feed is None:
                raise ValueError(
                    f"{path}: feed: the city has no feed {sent.feed} of this agency, or it stands twice."
                )
            calendar.append((feed, sent))
    if by_id:
        raise ValueError(f"{PACKAGE / 'feeds'}: no sent.yaml says when {', '.join(by_id)} is sent.")
    return calendar


def read_dirt(con: duckdb.DuckDBPyConnection) -> None:
    """dirt.yaml as temp table dirt_rate, and the macros that use it."""
    (content, _), *_ = load_documents(DIRT)
    con.execute("create or replace temp table dirt_rate (kind varchar, in_a_million bigint)")
    for kind, given in content.items():
        con.execute("insert into dirt_rate values (?, ?)", [kind, round(given["rate"] * 1e6)])
    con.execute(sql_file("synthetic/dirt.sql"))


def arrivals(
    con: duckdb.DuckDBPyConnection, calendar: Sequence[tuple[Feed, Sent]], days: int
) -> Iterator[tuple[Feed, Sent, int, int | None]]:
    """Each feed, the day whose state it sends, and the day on which it arrives: later at times, or never (None)."""
    # Feeds that share a file or a database share its fate.
    places = {name: n for n, name in enumerate(dict.fromkeys(_container(f) for f, _ in calendar))}
    due = [(n, f, s) for f, s in calendar for n in range(0, days + 1, s.every_days)]
    for number, feed, sent in sorted(due, key=lambda d: d[0]):  # within a day in the calendar's order
        draw = places[_container(feed)] * 100_000 + number
        row = con.execute(
            "select dirty('lost', 'delivery', $1), dirty('late', 'delivery', $1), pick('how late', $1, $2)",
            [draw, LATE_DAYS],
        ).fetchone()
        is_lost, is_late, how_late = row or (False, False, 0)
        if number == 0:
            yield feed, sent, 0, 0
        elif is_lost:
            yield feed, sent, number, None
        else:
            yield feed, sent, number, number + (1 + int(how_late) if is_late else 0)


def _line_dirt(feed: Feed, sent: Sent) -> list[str]:
    """The kinds of dirt that are done to the lines of a file: repeats, and in plain CSV lines without a value."""
    if sent.repeats == "none":
        return []
    is_plain = feed.dialect.format == "csv" and not feed.source.member
    return ["exact_repeat", "blank_line"] if is_plain else ["exact_repeat"]


def _is_line_dirty(feed: Feed, kind: str) -> str:
    return f"dirty('{kind}', '{feed.id}', _order)"


def _container(feed: Feed) -> str:
    return feed.source.database or feed.source.file_name


class Sender:
    """Sends what falls due, and keeps count."""

    def __init__(
        self, con: duckdb.DuckDBPyConnection, calendar: Sequence[tuple[Feed, Sent]], target: Target
    ) -> None:
        self._con = con
        self._calendar = calendar
        self._target = target
        self._begun: set[str] = set()
        self.records = 0
        con.execute(
            "create or replace temp table dirt_count (feed varchar, day date, kind varchar, records bigint, sent bigint)"
        )
        con.execute(
            "create or replace temp table sent_delivery (feed varchar, day date, arrived_on date, records bigint)"
        )

    def send(self, feed: Feed, sent: Sent, number: int, arrives: int | None) -> int:
        """Send one feed as it stands on a day; returns the records."""
        con = self._con
        day = TODAY + timedelta(days=number)
        self.hold(feed, day)
        rows = self._rows(feed, sent)
        records = self._count(feed, sent, day)
        if records == 0 and number > 0 and feed.delivery == "append":
            return 0  # a day on which nothing happened: no file is sent
        con.execute(
            "insert into sent_delivery values (?, ?, ?, ?)",
            [feed.id, day, None if arrives is None else TODAY + timedelta(days=arrives), records],
        )
        if arrives is None:
            return 0
        folder = (
            self._target.inbox if arrives == 0 else self._target.days / str(TODAY + timedelta(days=arrives))
        )
        folder.mkdir(parents=True, exist_ok=True)
        self._write(feed, sent, rows, folder, number)
        self.records += records
        return records

    def hold(self, feed: Feed, day: date) -> None:
        """Fill `sending` with what the agency's system holds on a day."""
        con = self._con
        con.execute("set variable day = ?", [day])
        if feed.agency not in self._begun:
            self._begun.add(feed.agency)
            if (PACKAGE / "feeds" / feed.agency / "agency.sql").is_file():
                con.execute(sql_file(f"synthetic/feeds/{feed.agency}/agency.sql"))
        con.execute(sql_file(f"synthetic/feeds/{feed.agency}/{feed.name}.sql"))
        found = {str(r[0]) for r in con.execute("describe sending").fetchall()}
        for name, kind in WHOSE.items():
            if name not in found:
                con.execute(f"alter table sending add column {name} {kind}")

    def _rows(self, feed: Feed, sent: Sent) -> str:
        """The query of the lines: each record in order, some twice, and now and then a line without a value."""
        names = ", ".join(f'"{c}"' for c in feed.columns)
        lines = f"select {names}, _order, 0 as _turn from sending"
        for turn, kind in enumerate(_line_dirt(feed, sent), start=1):
            held = names if kind == "exact_repeat" else ", ".join("null" for _ in feed.columns)
            lines += (
                f" union all select {held}, _order, {turn} from sending where {_is_line_dirty(feed, kind)}"
            )
        return f"select {names} from ({lines}) order by _order, _turn"

    def _count(self, feed: Feed, sent: Sent, day: date) -> int:
        con = self._con
        folder = self._target.truth / "record" / feed.table_name
        folder.mkdir(parents=True, exist_ok=True)
        con.execute(
            f"copy (select {quote_text(feed.id)} as feed, _key as record_key, {', '.join(f'{c} as {c[1:]}' for c in WHOSE)} "
            f"from sending order by _order) to {quote_text(str(folder / f'{day}.parquet'))} (format parquet, compression zstd)"
        )
        con.execute(
            "insert into dirt_count select ?, ?, kind, count(*), (select count(*) from sending) "
            "from (select unnest(_dirt) as kind from sending) group by kind order by kind",
            [feed.id, day],
        )
        for kind in _line_dirt(feed, sent):
            con.execute(
                "insert into dirt_count select ?, ?, ?, count(*), (select count(*) from sending) "
                f"from sending where {_is_line_dirty(feed, kind)} having count(*) > 0",
                [feed.id, day, kind],
            )
        row = con.execute("select count(*) from sending").fetchone()
        return int(row[0]) if row else 0

    def _write(self, feed: Feed, sent: Sent, rows: str, folder: Path, number: int) -> None:
        con = self._con
        source = feed.source
        if source.database:
            given = self._target.databases.get(source.database)
            write_database(con, feed, rows, given or f"sqlite:///{folder / source.database}.sqlite")
        elif feed.dialect.record_type:
            self._write_record_types(feed, rows, folder)
        elif source.member:
            name = source.member.replace("*", feed.name)
            plain = folder / f".{name}"
            write_file(con, feed, rows, plain, sent.titles)
            password = self._target.secrets.get(str(source.password), "")
            salt = f"{feed.id}{number}".encode().ljust(12, b".")[:12]
            zip_with_password(plain, name, folder / source.file_name, password, salt)
            plain.unlink()
        else:
            write_file(con, feed, rows, folder / source.file_name, sent.titles)
            if sent.renamed and number >= sent.renamed.from_day:
                _rename_column(folder / source.file_name, feed, sent.renamed)

    def _write_record_types(self, feed: Feed, rows: str, folder: Path) -> None:
        """Keep the rows until the last feed of the same file has come; then write the file."""
        con = self._con
        con.execute(f"create or replace temp table typed_{feed.name} as {rows}")
        sharing = [f for f, _ in self._calendar if f.source.file_name == feed.source.file_name]
        if feed.id != sharing[-1].id:
            return
        queries = [(f, f"select * from typed_{f.name}") for f in sharing]
        day = con.execute("select getvariable('day')::varchar").fetchone()
        header = f'10,"EASTMERE BOROUGH COUNCIL",9999,{day[0] if day else ""},1,{day[0] if day else ""},00:00:00,"7.3","F"'
        write_record_types(con, queries, folder / feed.source.file_name, header)
        for f in sharing:
            con.execute(f"drop table typed_{f.name}")


def _rename_column(path: Path, feed: Feed, renamed: Renamed) -> None:
    encoding = feed.dialect.encoding
    content = path.read_bytes()
    header, _, rest = content.partition(b"\n")
    path.write_bytes(
        header.decode(encoding).replace(renamed.column, renamed.to).encode(encoding) + b"\n" + rest
    )
