"""Sample: opens what a feed is to be drafted from, and reads it as the platform will.

Belongs here: addresses (a file, a URL, a portal, a database) to records as text, each with the source and dialect that a
declaration has to name. Does not belong here: how a file is written (dialects.py), what its columns hold (profile.py).
"""

from __future__ import annotations

import csv
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from city_platform.feeds.declaration import PORTALS, Feed
from city_platform.feeds.declaration.feed import OWN_NAMES
from city_platform.feeds.drafting import dialects
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.landing import Landed, land
from city_platform.feeds.problems import NotReceivedError, UnreadableError
from city_platform.feeds.records import number_records, open_bytes, open_text
from city_platform.settings import Settings, SettingsError
from city_platform.warehouse import Warehouse

if TYPE_CHECKING:
    from city_platform.feeds.sources.portals import PortalDescription

PORTAL_ROWS = 2000
DATABASE_ROWS = 20_000
TYPED_ROWS = 500  # of each record type
DATA_FILES = (
    ".csv",
    ".tsv",
    ".txt",
    ".xlsx",
    ".xls",
    ".json",
    ".jsonl",
    ".ndjson",
    ".xml",
    ".geojson",
    ".parquet",
    ".gpkg",
)


@dataclass(frozen=True)
class Wanted:
    """What a person said of the sample beside its address."""

    sheet: str | None = None
    member: str | None = None
    password: str | None = None  # the name of a secret
    token: str | None = None  # likewise


@dataclass
class Sample:
    """What was read, and how it has to be declared."""

    source: dict[str, Any]
    dialect: dict[str, Any]  # none for what has no dialect of its own
    records: Path | None = None  # a Parquet file: the columns as text, in their order
    columns: list[str] = field(default_factory=list)  # those that can be declared, in their order
    left_out: list[str] = field(default_factory=list)  # sentences on those that cannot
    rows: int = 0
    rejected: int = 0
    is_whole: bool = True
    notes: list[str] = field(default_factory=list)
    given: dict[str, str] = field(default_factory=dict)  # types that the source itself tells
    meanings: dict[str, str] = field(default_factory=dict)
    values: dict[str, tuple[str, ...]] = field(default_factory=dict)
    key: tuple[str, ...] = ()  # that the source itself tells
    portal: PortalDescription | None = None
    record_types: list[str] = field(default_factory=list)
    file: Path | None = None  # the file itself, where it is one


def open_sample(address: str, warehouse: Warehouse, wanted: Wanted) -> Sample:
    """Read what an address names. Raises DraftError with a sentence."""
    kind, _, rest = address.partition(":")
    try:
        if kind in PORTALS and rest:
            return _portal(kind, rest, warehouse, wanted)
        if kind == "database" and rest:
            return _database(rest, warehouse)
        if "://" in address:
            return _download(address, warehouse, wanted)
        path = Path(address).expanduser()
        if path.is_dir():
            raise DraftError(f"{path} is a folder. Name one file in it.")
        if not path.is_file():
            raise DraftError(
                f"{address} is not there. Give a file, an http(s) address, or socrata:HOST/ID, ckan:HOST/RESOURCE, "
                "arcgis:URL, ratings:HOST/AUTHORITY, database:NAME/TABLE."
            )
        return _file(path, {"file": path.name}, warehouse, wanted)
    except (NotReceivedError, SettingsError) as error:
        raise DraftError(str(error)) from None
    except UnreadableError as error:
        raise DraftError(f"{address}: {error}") from None
    except OSError as error:
        raise DraftError(f"{address} cannot be read ({error.strerror}).") from None


def provisional(source: Mapping[str, Any], dialect: Mapping[str, Any], columns: Sequence[str] = ()) -> Feed:
    """A feed that takes whatever comes, all of it as text."""
    return Feed.model_validate(
        {
            "agency": "drafted",
            "name": "drafted",
            "title": "Drafted",
            "owner": "team:drafted",
            "licence": "unknown",
            "source": dict(source),
            "dialect": dict(dialect),
            "key": "content",
            "columns": {c: {"meaning": "As sent"} for c in columns},
        }
    )


# --- files


def _download(url: str, warehouse: Warehouse, wanted: Wanted) -> Sample:
    from city_platform.feeds.sources import Known, fetch

    source: dict[str, Any] = {"url": url} | ({"token": wanted.token} if wanted.token else {})
    settings = replace(warehouse.settings, mirror=None)
    folder = warehouse.settings.home / "download"
    for fetched in fetch(provisional(source, {}), settings, folder, Known()):
        return _file(fetched.path, source, warehouse, wanted)
    raise DraftError(f"{url} gave nothing.")


def _file(path: Path, source: dict[str, Any], warehouse: Warehouse, wanted: Wanted) -> Sample:
    settings = warehouse.settings
    shown = path
    kind = dialects.kind_of(path)
    notes: list[str] = []
    if kind == "sqlite":
        raise DraftError(
            f"{path.name} is an SQLite database: put it into the inbox as NAME.sqlite and draft from database:NAME/TABLE."
        )
    if kind == "zip":
        member, note = _choose_member(path, wanted)
        source = {**source, "member": member} | ({"password": wanted.password} if wanted.password else {})
        notes += note
        shown = _unpacked(path, source, settings)
        kind = dialects.kind_of(shown)
        if kind == "zip":
            raise DraftError(f"{path.name} holds a zip inside a zip. Unpack it once.")
    written: dict[str, Any] = {"format": kind}
    header: list[str] = []
    if kind == "csv":
        found = dialects.delimited(shown)
        written, header = found.dialect, found.header
        notes += found.notes
        if found.record_types:
            return Sample(source, written, record_types=found.record_types, file=shown, notes=notes)
    elif kind == "excel":
        if wanted.password and "member" not in source:
            source = {**source, "password": wanted.password}
        sheet_dialect, header, sheet_notes = _sheet(shown, source, settings, wanted)
        written |= sheet_dialect
        notes += sheet_notes
    elif kind == "json":
        record, encoding = dialects.json_path(shown)
        written |= ({"record": record} if record else {}) | (
            {"encoding": encoding} if encoding != "utf-8" else {}
        )
        header = dialects.json_names(_json_records(shown, record, encoding))
        notes += [f"The records are in {record}."] if record else []
    elif kind == "json_lines":
        encoding, said = dialects.encoding_of(shown)
        written |= {"encoding": encoding} if encoding != "utf-8" else {}
        notes += said
        header = dialects.json_names(_json_lines(shown, encoding))
    elif kind == "xml":
        written["record"] = dialects.xml_record(shown)
        notes.append(f"Each element {written['record']} is a record.")
    elif kind == "geo":
        notes.append("longitude, latitude and geometry are those of each feature, in degrees (WGS 84).")
    sample = Sample(source, written, file=path, notes=notes)
    _read(sample, path, header, warehouse)
    return sample


def _choose_member(path: Path, wanted: Wanted) -> tuple[str, list[str]]:
    """The one file of a zip that a feed is to be drafted from, as a pattern that the next zip's fits too."""
    with zipfile.ZipFile(path) as packed:
        files = [m for m in packed.infolist() if not m.is_dir() and not m.filename.startswith("__MACOSX/")]
    names = [m.filename for m in files]
    if wanted.member:
        return wanted.member, []
    data = [m for m in files if m.filename.lower().endswith(DATA_FILES)] or files
    if not data:
        raise DraftError(f"{path.name} is a zip with nothing in it. Ask for it again.")
    chosen = max(data, key=lambda m: m.file_size)
    ending = Path(chosen.filename).suffix
    is_only = sum(n.lower().endswith(ending.lower()) for n in names) == 1
    member = f"*{ending}" if is_only and ending else chosen.filename
    notes = [f"Of the zip, {chosen.filename} is read (member: {member})."]
    if len(data) > 1:
        others = ", ".join(m.filename for m in data if m is not chosen)
        notes.append(f"The zip holds {others} too: --member chooses another one.")
    return member, notes


def _unpacked(path: Path, source: Mapping[str, Any], settings: Settings) -> Path:
    from city_platform.feeds.formats.zipped import unpack_member

    feed = provisional({k: v for k, v in source.items() if k != "url"} | {"file": path.name}, {})
    with zipfile.ZipFile(path) as packed:
        is_locked = any(m.flag_bits & 0x1 for m in packed.infolist())
    if is_locked and not source.get("password"):
        raise DraftError(
            f"{path.name} is behind a password: set its secret (CITY_PLATFORM_SECRET_NAME, or a file in {settings.home.name}/"
            "secrets), and give the secret's name with --password NAME."
        )
    target = settings.home / "member"
    found = unpack_member(feed.source, settings, path, target)
    return found.rename(target.with_suffix(Path(str(source["member"])).suffix or ".data"))


def _sheet(
    path: Path, source: Mapping[str, Any], settings: Settings, wanted: Wanted
) -> tuple[dict[str, Any], list[str], list[str]]:
    """Which sheet of a workbook, and where its header is."""
    from python_calamine import CalamineError, CalamineWorkbook

    from city_platform.feeds.formats.writing import as_text

    if source.get("password") and "member" not in source:
        from city_platform.feeds.formats.locked import unlock

        feed = provisional({"file": path.name, "password": source["password"]}, {"format": "excel"})
        path = unlock(feed.source, settings, path, settings.home / "unlocked")
    try:
        with path.open("rb") as opened:
            book = CalamineWorkbook.from_filelike(opened)
            names = list(book.sheet_names)
            if wanted.sheet and wanted.sheet not in names:
                raise DraftError(
                    f"{path.name} holds no sheet {wanted.sheet!r}; it holds: {', '.join(names)}."
                )
            heights = {n: book.get_sheet_by_name(n).height for n in names}
            chosen = wanted.sheet or max(names, key=lambda n: heights[n])
            sheet = book.get_sheet_by_name(chosen)
            start = sheet.start
            rows = [
                [""] * (start[1] if start else 0) + [as_text(v) for v in row]
                for _, row in zip(range(dialects.RECORDS), sheet.iter_rows(), strict=False)
            ]
    except (CalamineError, ValueError, OSError) as error:
        if isinstance(error, DraftError):
            raise
        raise DraftError(
            f"{path.name} cannot be opened as a workbook ({error}). If it is behind a password, set its secret and name it "
            "with --password NAME."
        ) from None
    notes = []
    if len(names) > 1:
        others = ", ".join(n for n in names if n != chosen)
        notes.append(f"Sheet {chosen} is read; there is {others} too: --sheet chooses another one.")
    filled = [(n, row) for n, row in enumerate(rows) if any(v.strip() for v in row)]
    if not filled:
        raise DraftError(f"{path.name}: sheet {chosen} is empty.")
    at = dialects.header_row([row for _, row in filled])
    line, header = filled[at]
    while header and not header[-1]:
        header = header[:-1]
    dialect: dict[str, Any] = {"sheet": chosen}
    if at:
        dialect["skip_lines"] = line
        notes.append(f"{line} row(s) stand above the header.")
    has_header, header = dialects.names_of(header, [row for _, row in filled[at + 1 :]])
    dialect["header"] = has_header
    if not has_header:
        notes.append("No row names the columns: they are matched by place, under names made up here.")
    return dialect, header, notes


def _json_records(path: Path, record: str | None, encoding: str) -> list[dict[str, Any]]:
    with open_bytes(path) as source:
        found = json.loads(source.read().decode("utf-8-sig" if encoding == "utf-8" else encoding))
    for key in (record or "").split(".") if record else ():
        found = found[key]
    return list(found[: dialects.RECORDS])


def _json_lines(path: Path, encoding: str) -> list[dict[str, Any]]:
    import io

    found = []
    with open_bytes(path) as source:
        text = io.TextIOWrapper(
            source, encoding="utf-8-sig" if encoding == "utf-8" else encoding, errors="replace"
        )
        for line, _ in zip(text, range(dialects.RECORDS), strict=False):
            try:
                value = json.loads(line)
            except ValueError:
                continue
            if isinstance(value, dict):
                found.append(value)
    return found


# --- reading


def _read(sample: Sample, path: Path, header: Sequence[str], warehouse: Warehouse) -> None:
    """Read the records by the dialect that was found, and mend the dialect where lines are set aside by it."""
    try:
        best = _land(sample, sample.dialect, path, header, warehouse)
    except UnreadableError as error:
        if (
            error.problem.rule != "cut_short"
            or sample.dialect.get("format") != "csv"
            or "ragged" in sample.dialect
        ):
            raise
        # A last line that leaves out columns at its end looks as if it were cut.
        sample.dialect = sample.dialect | {"ragged": True}
        best = _land(sample, sample.dialect, path, header, warehouse)
        sample.notes.append(
            "Its last line is short: it was taken for ragged. If the file was cut, ask for it again."
        )
    if best.rows_rejected and sample.dialect.get("format") == "csv":
        for change, note in (
            (
                {"ragged": True},
                "Rows are ragged: some leave out columns at their end, or have empty ones more.",
            ),
            ({"quote": None}, "Quotation marks are letters like others in it (quote: null)."),
        ):
            name, value = next(iter(change.items()))
            if sample.dialect.get(name, "") == value:
                continue
            if name == "ragged" and best.rows_rejected < dialects.MANY_SHORT * best.rows:
                continue
            tried = sample.dialect | change
            try:
                landed = _land(sample, tried, path, header, warehouse)
            except UnreadableError:
                continue
            if landed.rows_rejected < best.rows_rejected:
                best, sample.dialect = landed, tried
                sample.notes.append(note)
        best = _land(sample, sample.dialect, path, header, warehouse)
    sample.records, sample.rejected = best.records, best.rows_rejected
    sample.rows = best.rows - best.rows_rejected
    if not sample.rows:
        raise DraftError(f"{path.name} holds no record that can be read. Ask for it again, with its rows.")


def _land(
    sample: Sample, dialect: Mapping[str, Any], path: Path, header: Sequence[str], warehouse: Warehouse
) -> Landed:
    source = {k: v for k, v in sample.source.items() if k in ("member", "password")} | {"file": path.name}
    is_named = dialect.get("format") in ("json", "json_lines") or dialect.get("header") is False
    feed = provisional(source, dialect, header if is_named else ())
    landed = land(warehouse.con, feed, warehouse.settings, "drafted", path, {})
    told = [str(p.column) for p in landed.problems if p.rule == "added_column"]
    described = warehouse.con.execute(f"describe select * from read_parquet('{landed.records}')").fetchall()
    kept = [str(r[0]) for r in described if r[0] not in ("_delivery_id", "_line_shift")]
    sent = kept if is_named and dialect.get("header") is False else [*(c for c in kept if c in header), *told]
    sent = sent if is_named else told or kept
    if (
        dialect.get("format") == "xml"
    ):  # an element that holds others is a column nowhere else than where it is empty
        sent = [n for n in sent if not any(other.startswith((f"{n}.", f"{n}@")) for other in sent)]
    sample.columns, sample.left_out = _declarable(sent)
    return landed


def _declarable(sent: Sequence[str]) -> tuple[list[str], list[str]]:
    """The names that a declaration can hold, and a sentence on each of the others."""
    good: list[str] = []
    sentences = []
    lowered = [name.lower() for name in sent]
    for position, name in enumerate(sent, start=1):
        shown = name or f"number {position}"
        if not name.strip():
            reason = "has no name"
        elif lowered.count(name.lower()) > 1:
            reason = (
                "stands there more than once"
                if sent.count(name) > 1
                else "differs from another one in capitals only"
            )
        elif (
            name.lower() in OWN_NAMES
            or name.lower().startswith("_sent ")
            or name in ("_line", "_delivery_id")
        ):
            reason = "has one of the platform's own names"
        elif '"' in name or "\n" in name or "\r" in name or len(name) > 200 or not name.isprintable():
            reason = "has a name that cannot be declared (quotation marks, line breaks or more than 200 characters)"
        else:
            good.append(name)
            continue
        sentence = f"Column {' '.join(shown.split())[:60]} {reason}: it stays in raw and is used nowhere."
        if sentence not in sentences:
            sentences.append(sentence)
    return good, sentences


# --- portals and databases


def _portal(kind: str, address: str, warehouse: Warehouse, wanted: Wanted) -> Sample:
    from city_platform.feeds.sources.web import Web

    portal = import_module(f"city_platform.feeds.sources.{kind}")
    source: dict[str, Any] = {kind: address}
    if wanted.token and kind != "ratings":
        source["token"] = wanted.token
    feed = provisional(source, {})
    secret = warehouse.settings.secret(wanted.token) if wanted.token else None
    with Web(feed, portal.headers(secret)) as web:
        described: PortalDescription = portal.describe(address, web)
        records = portal.sample(address, web, PORTAL_ROWS)
    if not records:
        raise DraftError(f"{address} holds no record, so nothing can be said of its columns.")
    path = warehouse.settings.home / "portal.jsonl"
    with path.open("w", encoding="utf-8") as out:
        for record in records:
            out.write(json.dumps(record) + "\n")
    names = dialects.json_names(records)
    sample = Sample(source, {"format": "json_lines"}, portal=described)
    sample.is_whole = len(records) < PORTAL_ROWS
    _read(sample, path, names, warehouse)
    sample.dialect = {}
    known = {c.name: c for c in described.columns}
    if known:
        empty = [n for n in known if n not in names]
        sample.columns = [n for n in known if n in sample.columns]
        if empty:
            sample.notes.append(f"Empty in the sample, and so not declared: {', '.join(empty)}.")
    sample.meanings = {n: c.meaning for n, c in known.items()}
    sample.given = {n: c.type for n, c in known.items()}
    sample.values = {n: c.values for n, c in known.items() if c.values}
    return sample


def _database(address: str, warehouse: Warehouse) -> Sample:
    """A table of a database: its columns as the database describes them, and its first rows."""
    from sqlalchemy import MetaData, Table, inspect, select
    from sqlalchemy.exc import NoSuchTableError, SQLAlchemyError

    from city_platform.feeds.formats.writing import as_text

    name, _, table = address.partition("/")
    if not name or not table:
        raise DraftError(f"database:{address}: give it as database:NAME/TABLE.")
    engine, shown = _engine(name, warehouse.settings)
    schema, _, own = table.rpartition(".")
    path = warehouse.settings.home / "database.csv"
    try:
        inspector = inspect(engine)
        described = inspector.get_columns(own, schema=schema or None)
        key = inspector.get_pk_constraint(own, schema=schema or None).get("constrained_columns") or []
        reflected = Table(own, MetaData(), schema=schema or None, autoload_with=engine)
        with engine.connect() as connection, path.open("w", encoding="utf-8", newline="") as out:
            writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
            writer.writerow([c["name"] for c in described])
            rows = 0
            for row in connection.execute(select(reflected).limit(DATABASE_ROWS)):
                writer.writerow([as_text(v) for v in row])
                rows += 1
    except NoSuchTableError:
        raise DraftError(f"{shown} has no table {table}, or we may not see it.") from None
    except SQLAlchemyError as error:
        reason = type(getattr(error, "orig", None) or error).__name__  # its text may hold what is secret
        raise DraftError(
            f"{shown} did not give {table} ({reason}). Check its address and what we may read there."
        ) from None
    finally:
        engine.dispose()
    if not rows:
        raise DraftError(f"{shown}: {table} holds no row, so nothing can be said of its columns.")
    sample = Sample({"database": name, "table": table}, {"format": "csv"}, is_whole=rows < DATABASE_ROWS)
    _read(sample, path, [str(c["name"]) for c in described], warehouse)
    sample.dialect = {}
    sample.key = tuple(str(c) for c in key)
    sample.meanings = {
        str(c["name"]): " ".join(str(c["comment"]).split()) for c in described if c.get("comment")
    }
    sample.given = {str(c["name"]): _database_type(c["type"]) for c in described}
    return sample


def _engine(name: str, settings: Settings) -> tuple[Any, str]:
    """The engine of a named database, and how it may be shown."""
    from sqlalchemy import create_engine
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import SQLAlchemyError

    variable = f"CITY_PLATFORM_DATABASE_{name.upper()}"
    given = settings.database_url(name)
    if given is None:
        path = (settings.mirror or settings.inbox) / f"{name}.sqlite"
        if not path.is_file():
            raise DraftError(
                f"{path.name} is not in the inbox, and {variable} gives no address of a database."
            )
        return create_engine(f"sqlite:///file:{path.resolve()}?mode=ro&uri=true"), path.name
    try:
        url = make_url(given)
        return create_engine(url), url.render_as_string(hide_password=True).split("?")[0]
    except (SQLAlchemyError, ImportError, ValueError):
        raise DraftError(
            f"{variable} is no address that SQLAlchemy can use, or its driver is not installed."
        ) from None


def _database_type(given: Any) -> str:
    from sqlalchemy import types

    for kinds, ours in (
        ((types.Boolean,), "boolean"),
        ((types.Integer,), "integer"),
        ((types.Numeric,), "number"),
        ((types.DateTime,), "timestamp"),
        ((types.Date,), "date"),
    ):
        if isinstance(given, kinds):
            return ours
    return "text"


def record_rows(sample: Sample, kind: str, settings: Settings) -> list[list[str]]:
    """The first records of one type of a file of several; sets how many the file holds. Raises DraftError."""
    assert sample.file is not None
    dialect = provisional({"file": sample.file.name}, sample.dialect | {"record_type": kind}).dialect
    rows: list[list[str]] = []
    with open_text(sample.file, dialect) as text:
        for row in csv.reader(text, delimiter=dialect.delimiter, quotechar=dialect.quote):
            if row and row[0].strip() == kind:
                rows.append(row)
                if len(rows) >= TYPED_ROWS:
                    break
    names = [f"column_{n}" for n in range(1, len(rows[0]) + 1)] if rows else []
    try:
        sample.rows = number_records(sample.file, dialect, settings.home / "typed.csv", names).records
    except UnreadableError as error:
        raise DraftError(f"{sample.file.name}: {error}") from None
    return rows
