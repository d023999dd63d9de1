"""Draft: from a sample to the text of one feed or several, and to what is to be said of it.

Belongs here: what a drafted feed says. Does not belong here: reading the sample (sample.py), looking at columns
(profile.py, recognise.py), the form of the text (write_yaml.py), printing (show.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from city_platform.city import load_city
from city_platform.feeds.declaration import Feed, load_feeds
from city_platform.feeds.declaration.parts import plain_name
from city_platform.feeds.drafting import dtf
from city_platform.feeds.drafting.errors import DraftError
from city_platform.feeds.drafting.keys import Key, find_key
from city_platform.feeds.drafting.mapping import propose
from city_platform.feeds.drafting.profile import Profile, profile, take_sample
from city_platform.feeds.drafting.recognise import Look, is_of_people, pattern, recognise, words_of
from city_platform.feeds.drafting.sample import Sample, Wanted, open_sample, record_rows
from city_platform.feeds.drafting.scratch import scratch
from city_platform.feeds.drafting.write_yaml import ColumnLine, FeedText, document
from city_platform.settings import Settings
from city_platform.warehouse import Warehouse
from city_platform.yaml_files import DeclarationError, load_documents, validate

OPEN_LICENCE = re.compile(
    r"open government|\bogl\b|creative commons|\bcc[- ]?(by|0|zero)|public domain|\bodc|open data|open database|\bpddl",
    re.IGNORECASE,
)
NOT_OPEN = re.compile(r"\bnc\b|\bnd\b|non-?commercial|no derivatives|not open", re.IGNORECASE)
# What a name or number never is: its digits mean nothing in sums, and its zeros count.
_TEXT_KINDS = ("postcode", "phone", "company_number", "nino")
_OF_PEOPLE = "It is about people, so every column was drafted as personal: make official what tells nothing of anybody."
_UNSURE_TO_SHOW = ("free_text", "about_a_person")


@dataclass(frozen=True)
class Found:
    """One column, as it is shown to whoever drafts."""

    name: str
    type: str
    looks_like: str
    classification: str  # empty where a person has to judge
    example: str  # a value, or its pattern where the value must not be shown


@dataclass
class Draft:
    """One feed as it was drafted."""

    feed: str  # agency/feed
    text: str
    columns: list[Found]
    rows: int
    looked_at: int
    notes: list[str] = field(default_factory=list)
    key: str = ""


@dataclass
class Written:
    """What `feed new` has done."""

    drafts: list[Draft]
    path: Path
    source: dict[str, Any]
    city_lines: list[str] = field(default_factory=list)  # added to city.yaml


def draft(name: str, address: str, settings: Settings, wanted: Wanted | None = None) -> Written:
    """Draft the feed agency/feed from what address names, and add it to the agency's defs.yaml. Raises DraftError."""
    agency, feed_name = _names(name)
    city = load_city(settings.city_folder)
    path = settings.city_folder / "feeds" / agency / "defs.yaml"
    taken = _declared(settings.city_folder)
    if name in taken:
        raise DraftError(
            f"{name} is declared in {path} already. Change it there, or give the new feed another name."
        )
    with scratch(settings) as warehouse:
        sample = open_sample(address, warehouse, wanted or Wanted())
        sample.source = _source(sample.source, address, settings)
        if sample.record_types:
            drafts = _gazetteer(agency, sample, warehouse)
            twice = [d.feed for d in drafts if d.feed in taken]
            if twice:
                raise DraftError(
                    f"{', '.join(twice)} declared in {path} already. Change it there, or take another agency."
                )
        else:
            drafts = [_table(agency, feed_name, sample, warehouse, city.country)]
    _write(path, agency, drafts)
    written = Written(drafts, path, sample.source)
    if sample.record_types and city.gazetteer is None:
        written.city_lines = _name_gazetteer(settings.city_folder, agency, drafts)
    return written


def _names(name: str) -> tuple[str, str]:
    agency, slash, feed = name.partition("/")
    try:
        if not slash:
            raise ValueError(f"{name}: give the agency too, as AGENCY/FEED")
        return plain_name(agency), plain_name(feed)
    except ValueError as error:
        raise DraftError(f"{error}.") from None


def _declared(city_folder: Path) -> set[str]:
    if not any((city_folder / "feeds").glob("*/defs.yaml")):
        return set()
    try:
        return {f.id for f in load_feeds(city_folder)}
    except DeclarationError as error:
        if "no feed is declared" in str(error):
            return set()
        raise DraftError(f"The city's other feeds have to be mended first:\n{error}") from None


def _source(source: Mapping[str, Any], address: str, settings: Settings) -> dict[str, Any]:
    """A file in the inbox or the mirror is named by its place there."""
    if "file" not in source:
        return dict(source)
    path = Path(address).expanduser().resolve()
    for place in (settings.mirror, settings.inbox):
        if place and path.is_relative_to(place.resolve()):
            return dict(source) | {"file": str(path.relative_to(place.resolve()))}
    return dict(source)


# --- one table


def _table(agency: str, name: str, sample: Sample, warehouse: Warehouse, country: str) -> Draft:
    assert sample.records is not None
    if not sample.columns:
        raise DraftError("No column of it has a name that can be declared. Ask for it with a header line.")
    con = warehouse.con
    looked_at = take_sample(con, str(sample.records), sample.rows)
    profiles = [profile(con, column, n, country) for n, column in enumerate(sample.columns)]
    looks = recognise(profiles, country)
    for p in profiles:
        _settle_type(p, looks.get(p.name), sample.given.get(p.name))
    key = find_key(con, str(sample.records), profiles, looks, sample.key)
    if not key.columns and ":id" in sample.columns:  # a portal's own number of the row
        key = Key((":id",), key.repeats)
    licence = sample.portal.licence if sample.portal else None
    is_open = bool(licence and OPEN_LICENCE.search(licence) and not NOT_OPEN.search(licence))
    of_people = is_of_people(profiles, looks)
    names_people = any(look.kind == "full_name" for look in looks.values())
    lines, found = [], []
    for p in profiles:
        line, shown = _column(p, looks.get(p.name), sample, key, is_open, of_people, names_people)
        lines.append(line)
        found.append(shown)
    text = FeedText(
        head=_head(name, agency, sample, key, is_open, any(look.is_personal for look in looks.values())),
        columns=lines,
        roles=[(r.field, r.value, "" if r.is_sure else r.why) for r in propose(profiles, looks, country)],
        remarks=[*_remarks(sample, looked_at), *([_OF_PEOPLE] if of_people else []), *sample.left_out],
    )
    notes = [*sample.notes, *([_OF_PEOPLE] if of_people else []), *sample.left_out]
    if sample.rejected:
        notes.append(
            f"{sample.rejected:,} of {sample.rows + sample.rejected:,} lines are no record as the others are written, and "
            "will be set aside; `feed check` shows them."
        )
    notes += [f"{p.name}: {looks[p.name].note}" for p in profiles if p.name in looks and looks[p.name].note]
    said = ", ".join(key.columns) if key.columns else "content"
    if key.note and not key.columns:
        notes.append(f"No key: {key.note}.")
    return Draft(
        f"{agency}/{name}", _checked(document(text), agency), found, sample.rows, looked_at, notes, said
    )


def _settle_type(p: Profile, look: Look | None, given: str | None) -> None:
    """What a type is where more is known than the values say."""
    kind = look.kind if look else ""
    is_name = kind in _TEXT_KINDS or (kind == "identifier" and p.type in ("number", "boolean"))
    if kind == "date_of_birth" and p.type not in ("date", "timestamp"):
        is_name = True
    if given == "text" and p.type in ("integer", "number", "boolean") and kind in ("identifier", ""):
        is_name = True
    if is_name:
        p.type, p.formats, p.strip, p.decimal, p.not_of_type = "text", (), "", ".", 0
    elif given and given != p.type and not p.filled:
        p.type = given
    elif (
        given in ("timestamp", "number")
        and kind != "identifier"
        and p.type in ("date", "integer")
        and not p.formats
    ):
        # The sample may hold whole numbers, or midnights, only.
        p.type = given


def _column(
    p: Profile,
    look: Look | None,
    sample: Sample,
    key: Key,
    is_open: bool,
    of_people: bool,
    names_people: bool,
) -> tuple[ColumnLine, Found]:
    classification = _class(p, look, is_open, of_people, names_people)
    is_shown = classification in ("public", "official")
    categories = (
        p.categories if is_shown and (look is None or look.kind in ("place_name", "ward", "town")) else ()
    )
    if p.name in sample.values and p.type == "text":
        categories = sample.values[p.name]
    fields: dict[str, Any] = {}
    if p.type != "text":
        fields["type"] = p.type
    if p.name in key.columns:
        fields["required"] = True
    if p.unit:
        fields["unit"] = p.unit
    if p.formats:
        fields["format"] = p.formats[0] if len(p.formats) == 1 else list(p.formats)
    if p.strip:
        fields["strip"] = p.strip
    if p.decimal != ".":
        fields["decimal"] = p.decimal
    if p.placeholders:
        fields["missing"] = list(p.placeholders)
    if categories:
        fields["values"] = list(categories)
    if classification:
        fields["class"] = classification
    fields["meaning"] = _meaning(p, look, sample)
    comments = [] if classification else ["class?"]
    if p.is_ambiguous:
        comments.append("day or month first? both fit")
    if p.not_of_type:
        comments.append(f"{p.not_of_type:,} value(s) are no {p.type}")
    if not p.filled:
        comments.append("empty in the sample")
    kind = f"{p.type} {' or '.join(p.formats)}".strip()
    example = ""
    if p.values:
        value = p.values[0][0]
        is_safe = is_shown and (look is None or look.kind not in _UNSURE_TO_SHOW)
        example = value[:40] if is_safe else pattern(value)[:40]
    return (
        ColumnLine(p.name, fields, "; ".join(comments)),
        Found(p.name, kind, look.shown if look else "", classification, example),
    )


def _class(p: Profile, look: Look | None, is_open: bool, of_people: bool, names_people: bool) -> str:
    """personal, public, official, or nothing where a person has to judge."""
    harmless = "public" if is_open else "official"
    kind = look.kind if look else ""
    if of_people or (look and look.is_personal):
        return "personal"
    if kind == "free_text":
        return ""  # anything may stand in it
    if not kind and p.type == "text" and not p.categories and p.filled:
        # Few values that repeat are codes of something; many that nobody can name may be anything.
        # Beside names they may tell of somebody.
        is_code = p.longest <= 80 and p.distinct <= (12 if names_people else max(12, 0.2 * p.filled))
        return harmless if is_code else ""
    return harmless


def _meaning(p: Profile, look: Look | None, sample: Sample) -> str:
    said = " ".join(sample.meanings.get(p.name, "").split())
    if len(said) >= 3:
        return said[:300]
    words = words_of(p.name)
    text = " ".join(p.name.replace("_", " ").split()).strip()
    if "_" in p.name or p.name.islower() or not re.search(r"\s", p.name):
        text = " ".join(words)
    text = text[:1].upper() + text[1:]
    if look and look.kind in ("latitude", "longitude") and "WGS" not in text:
        text = f"{look.kind.capitalize()} (WGS 84)"
    if look and look.kind in ("easting", "northing"):
        text = f"{look.kind.capitalize()}, British National Grid"
    return text if len(text) >= 3 else f"{text or p.name} (what does it mean?)"


def _head(
    name: str, agency: str, sample: Sample, key: Key, is_open: bool, is_personal: bool
) -> list[tuple[str, Any, str]]:
    portal = sample.portal
    head: list[tuple[str, Any, str]] = [
        ("name", name, ""),
        ("title", (portal.title if portal else name.replace("_", " ").capitalize())[:200], ""),
        ("owner", f"team:{agency.replace('_', '-')}", "who answers for it with us"),
        ("contact", None, "who is told at the agency what is wrong"),
    ]
    if portal and portal.publisher:
        head.append(("publisher", portal.publisher, ""))
    if portal and portal.licence:
        head.append(("licence", portal.licence, ""))
    else:
        head.append(("licence", "TODO", "on what terms we have it"))
    if is_open:
        head.append(("rights", "open", ""))
    else:
        head.append(
            (
                "rights",
                None,
                "open, licensed or contract: without it analysts get nothing of it, nor what is joined from all feeds",
            )
        )
    if is_personal:
        head.append(("legal_basis", None, "on which we hold personal values"))
        head.append(("retention", None, "for how long, and why"))
    head.append(("source", sample.source, ""))
    if sample.dialect:
        head.append(("dialect", sample.dialect, ""))
    cadence = portal.cadence if portal else None
    head.append(
        (
            "cadence",
            cadence,
            "" if cadence else "daily, weekly, monthly, quarterly, yearly, a number of days, or once",
        )
    )
    head.append(("key", list(key.columns) if key.columns else "content", "" if key.columns else key.note))
    if not key.columns and key.repeats:
        head.append(
            (
                "on_repeat",
                None,
                f"{key.repeats:,} exact repeats were found: keep, collapse (as now) or quarantine",
            )
        )
    head.append(("expect", {"rows_at_least": max(1, sample.rows // 2)}, ""))
    return head


def _remarks(sample: Sample, looked_at: int) -> list[str]:
    of = f"{looked_at:,} of {sample.rows:,} rows" if looked_at < sample.rows else f"{sample.rows:,} rows"
    if not sample.is_whole:
        of = f"the first {of}, so a key may repeat and a value be new in the others"
    return [f"Drafted by `feed new` from {of}. Read it through: what is commented needs a person."]


# --- a gazetteer


def _gazetteer(agency: str, sample: Sample, warehouse: Warehouse) -> list[Draft]:
    """One feed for each record type of a DTF 7.3 file that the standard has as a table."""
    types = sample.record_types
    base = sample.dialect | {"record_types": types}
    if "99" in types:
        base["trailer"] = {"type": "99", "count": dtf.TRAILER_COUNT}
    base = {k: v for k, v in base.items() if k not in ("skip_lines", "ragged")}
    drafts, notes = [], list(sample.notes)
    for kind in dtf.KNOWN:
        if kind.number not in types:
            continue
        one = replace(sample, dialect=base)
        rows = record_rows(one, kind.number, warehouse.settings)
        width = len(rows[0]) if rows else 0
        columns = dtf.layout_of(kind, width, rows)
        if columns is None:
            notes.append(
                f"Records of type {kind.number} ({kind.title.lower()}) have {width} fields, which neither layout of DTF 7.3 "
                "that is known here has: no feed was drafted for them."
            )
            continue
        drafts.append(_typed(agency, kind, columns, rows, one))
    skipped = [t for t in types if t not in {k.number for k in dtf.KNOWN} | {"10", "29", "99"}]
    if skipped:
        notes.append(f"Records of type {', '.join(skipped)} make no feed: the platform does not use them.")
    if not drafts:
        raise DraftError(" ".join(notes) or "The file holds no record type that the platform knows.")
    drafts[0].notes = notes
    return drafts


def _typed(
    agency: str, kind: dtf.RecordType, columns: Sequence[str], rows: Sequence[Sequence[str]], sample: Sample
) -> Draft:
    key = _gazetteer_key(kind, columns, rows)
    lines, found = [], []
    for position, name in enumerate(columns):
        type_ = dtf.type_of(name)
        fields: dict[str, Any] = {"type": type_} if type_ != "text" else {}
        if name in key:
            fields["required"] = True
        fields["class"] = "public"
        if name == "change_type":
            fields["values"] = ["I", "U", "D"]
        if name in dtf.METRES:
            fields["unit"] = "m"
        if name in dtf.DEGREES:
            fields["unit"] = "degrees"
        meaning = dtf.meaning_of(name)
        fields["meaning"] = f"{meaning}: {kind.number}" if name == "record_type" else meaning
        lines.append(ColumnLine(name, fields))
        values = [row[position] for row in rows if position < len(row) and row[position]]
        found.append(Found(name, type_, meaning, "public", values[0][:40] if values else ""))
    dialect = {"format": "csv", **sample.dialect, "record_type": kind.number}
    order = ("format", "encoding", "delimiter", "quote", "header", "record_type", "record_types", "trailer")
    head: list[tuple[str, Any, str]] = [
        ("name", kind.feed, ""),
        ("title", kind.title, ""),
        ("owner", f"team:{agency.replace('_', '-')}", "who answers for it with us"),
        ("licence", "Public Sector Geospatial Agreement", "check it"),
        ("rights", "licensed", ""),
        ("source", sample.source, ""),
        ("dialect", {k: dialect[k] for k in order if k in dialect}, ""),
        ("key", list(key), ""),
        ("expect", {"rows_at_least": max(1, sample.rows // 2)}, ""),
    ]
    text = document(FeedText(head, lines))
    return Draft(
        f"{agency}/{kind.feed}", _checked(text, agency), found, sample.rows, sample.rows, key=", ".join(key)
    )


def _gazetteer_key(
    kind: dtf.RecordType, columns: Sequence[str], rows: Sequence[Sequence[str]]
) -> tuple[str, ...]:
    """The standard's key: a street is described once in each language, where there are two."""
    if kind.number != "15":
        return kind.key
    places = [columns.index(c) for c in ("usrn",)]
    named = [tuple(row[p] for p in places) for row in rows]
    return kind.key if len(set(named)) < len(named) else ("usrn",)


def _name_gazetteer(city_folder: Path, agency: str, drafts: Sequence[Draft]) -> list[str]:
    """Say in city.yaml that this is the city's own list of addresses, where all that it needs is there."""
    names = {d.feed.partition("/")[2] for d in drafts}
    columns = {d.feed.partition("/")[2]: {c.name for c in d.columns} for d in drafts}
    if not set(dtf.GAZETTEER) <= names or "postcode" not in columns["lpi"]:
        return []
    line = f"gazetteer: {{standard: bs7666, agency: {agency}}}"
    path = city_folder / "city.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(before + ("" if before.endswith("\n") else "\n") + line + "\n", encoding="utf-8")
    return [line]


# --- writing


def _checked(text: str, agency: str) -> str:
    """The text, which has to be a feed: anything else is a fault here, and nothing is written."""
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "draft.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            for content, node in load_documents(path):
                inner = next(v for k, v in node.value if k.value == "attributes")
                validate(Feed, {"agency": agency, **content["attributes"]}, inner, path)
        except (DeclarationError, StopIteration) as error:
            message = str(error).replace(str(path), "the draft")
            raise DraftError(
                f"What was drafted is no feed, which is a fault of the drafting: {message}"
            ) from None
    return text


def _write(path: Path, agency: str, drafts: Sequence[Draft]) -> None:
    """Add the drafts to what the agency's file holds."""
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = [before.rstrip("\n") + "\n"] if before.strip() else []
    parts += [d.text for d in drafts]
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".new")
    beside.write_text("---\n".join(parts), encoding="utf-8")
    beside.replace(path)
