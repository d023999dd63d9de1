"""Check: what is wrong with a feed's declaration and with its data, before anything is loaded.

The data is judged by the loader itself, in a warehouse that is thrown away afterwards.

Belongs here: `feed check`. Does not belong here: how records are judged (feeds/load.py and what it calls), options and exit
codes (feeds/cli.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from city_platform.city import load_city
from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.drafting.scratch import scratch
from city_platform.rebuild import prepare
from city_platform.settings import Settings

EXAMPLES = 3  # of lines that break a rule, that are shown


@dataclass(frozen=True)
class Broken:
    """One rule that the data breaks."""

    rule: str
    column: str | None
    severity: str
    times: int
    messages: tuple[str, ...]  # of the first lines; personal values are masked in them


@dataclass
class Checked:
    """One feed, looked at."""

    feed: str
    warnings: list[str] = field(default_factory=list)  # about the declaration
    status: str = "not read"  # would load, would be held, cannot be judged, missing, or not read
    message: str = ""
    rows: int | None = None
    set_aside: int = 0
    repeated: int = 0
    broken: list[Broken] = field(default_factory=list)

    @property
    def is_faulty(self) -> bool:
        return self.status in ("would be held", "cannot be judged")


def feeds_to_check(settings: Settings, name: str | None) -> list[Feed]:
    """The city's feeds, or the one that is named. Raises DeclarationError with file, line and field, or DraftError."""
    load_city(settings.city_folder)
    feeds = load_feeds(settings.city_folder)
    if name is None:
        return feeds
    found = [f for f in feeds if f.id == name]
    if not found:
        near = ", ".join(f.id for f in feeds[:12]) + (
            f" and {len(feeds) - 12} more" if len(feeds) > 12 else ""
        )
        raise DraftError(f"There is no feed {name} in {settings.city_folder}. It has: {near}.")
    return found


def check(settings: Settings, name: str | None = None, file: str | None = None) -> Iterator[Checked]:
    """Judge each feed, and its data where it is at hand; file: what to judge a single feed by.

    Of a feed that is named, the source itself is asked; of all of them, only files on this machine are read.
    """
    feeds = feeds_to_check(settings, name)
    if file and len(feeds) != 1:
        raise DraftError("--from needs the name of the feed that the file is of.")
    path = Path(file).expanduser() if file else None
    if path and not path.is_file():
        raise DraftError(f"{path} is not there.")
    for feed in feeds:
        found = Checked(feed.id, warnings=warnings_of(feed))
        is_near = settings.mirror is not None or feed.source.kind == "file" or path
        if is_near or name:
            _judge(settings, feed, path, found)
        else:
            found.message = f"comes from {feed.source.kind}: `feed check {feed.id}` asks it"
        yield found


def _judge(settings: Settings, feed: Feed, path: Path | None, found: Checked) -> None:
    from city_platform.feeds.isolate import load_alone

    said: list[str] = []
    mirror: Path | None = None
    if path:
        feed, file_name = _as_from_file(settings, feed, path)
    with scratch(settings) as warehouse:
        if path:
            mirror = warehouse.settings.home / "mirror"
            mirror.mkdir()
            (mirror / file_name).symlink_to(path.resolve())
            warehouse.settings = _with_mirror(warehouse.settings, mirror)
        prepare(warehouse)
        built = load_alone(warehouse, feed, log=said.append)
        con = warehouse.con
        rows = con.execute(
            "select status, message, rows_read, rows_quarantined, rows_repeated from provenance.delivery order by sequence"
        ).fetchall()
        found.broken = [
            Broken(r[0], r[1], r[2], int(r[3]), tuple(r[4]))
            for r in con.execute(
                f"""select * from (
                    select rule, column_name, severity, count(*) as times, list(message order by line)[:{EXAMPLES}]
                    from quality.issue where rule <> 'not_received' group by all
                ) order by severity = 'info', severity = 'warning', times desc, rule, column_name"""
            ).fetchall()
        ]
        if built.status == "failed":
            found.status, found.message = "cannot be judged", "\n  ".join(said)
            return
        if not rows:
            shown = built.message.replace(str(warehouse.settings.home), str(settings.home))
            found.status, found.message = "missing", shown
            return
        held = [r for r in rows if r[0] == "held"]
        found.status = "would be held" if held else "would load"
        found.message = str(held[-1][1]) if held else ""
        found.rows = sum(int(r[2]) for r in rows if r[2] is not None) or None
        found.set_aside = sum(int(r[3] or 0) for r in rows)
        found.repeated = sum(int(r[4] or 0) for r in rows)


def _with_mirror(settings: Settings, mirror: Path) -> Settings:
    from dataclasses import replace

    return replace(settings, mirror=mirror)


def _as_from_file(settings: Settings, feed: Feed, path: Path) -> tuple[Feed, str]:
    """The feed as if it came from this one file, and the name that the file then has to have."""
    source = feed.source
    if source.database:
        if settings.database_url(source.database) is not None:
            raise DraftError(f"{feed.id} comes from a database: leave --from out, and the database is asked.")
        return feed, f"{source.database}.sqlite"
    if source.kind not in ("file", "url"):
        return feed, source.file_name
    kept = {
        k: v
        for k, v in source.model_dump(exclude_unset=True).items()
        if k in ("member", "password", "at_most_mb")
    }
    return feed.model_copy(
        update={"source": type(source).model_validate({"file": path.name, **kept})}
    ), path.name


def warnings_of(feed: Feed) -> list[str]:
    """What is not wrong with a declaration, and should be thought of."""
    columns = feed.columns
    unclassified = [n for n, c in columns.items() if c.classification is None]
    personal = [n for n, c in columns.items() if c.classification == "personal"]
    found = []
    if unclassified:
        found.append(
            f"{_listed(unclassified)}: no class, so nothing of it is published (public, official or personal)"
        )
    if feed.licence.strip().upper() in ("TODO", "", "UNKNOWN"):
        found.append("licence: nobody has said on what terms we have it")
    if feed.rights is None and any(c.rights is None for c in columns.values()):
        found.append(
            "rights: not given. Say open, licensed or contract: until then analysts get nothing of it, "
            "nor anything that is joined from all feeds (entity, risk)"
        )
    if personal and not feed.legal_basis:
        found.append(f"legal_basis: not given, and it holds personal columns ({_listed(personal)})")
    if personal and not feed.retention:
        found.append("retention: not given, and it holds personal columns")
    if feed.cadence is None:
        found.append("cadence: not given, so nobody can say whether it is late")
    if feed.expect.rows_at_least <= 1:
        found.append("expect.rows_at_least: not given, so a file of one row would be loaded")
    if feed.key == "content":
        found.append("key: content, so a changed record counts as one gone and one new")
    if feed.address and not (
        feed.address.postcode or feed.address.uprn or feed.address.lat or feed.address.easting
    ):
        found.append(
            "address: neither postcode nor UPRN nor coordinates, so fewer of its addresses will be found"
        )
    if not (feed.address or feed.business or feed.people) and not feed.dialect.record_type:
        found.append("no business, address or people: it is staged, and joined with nothing")
    return found


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")


def tell(found: Checked) -> list[str]:
    """One feed's findings as lines."""
    lines = []
    if found.status in ("would load", "would be held", "cannot be judged"):
        text = f"{found.feed}: {found.status}"
        if found.rows is not None:
            text += f"; {found.rows:,} rows, {found.set_aside:,} set aside, {found.repeated:,} exact repeats"
        lines.append(text)
        lines += [f"  {found.message}"] if found.message else []
    elif found.status == "missing":
        lines.append(f"{found.feed}: declared without fault; no data at hand ({found.message.rstrip('.')})")
    else:
        lines.append(f"{found.feed}: declared without fault; {found.message}")
    for broken in found.broken:
        where = f", column {broken.column}" if broken.column else ""
        lines.append(f"  {broken.severity}: {broken.rule}{where}: {broken.times:,}")
        if broken.severity != "info" or broken.times == 1:
            lines += [f"      {message}" for message in broken.messages if message != found.message]
    lines += [f"  warning: {text}" for text in found.warnings]
    return lines
