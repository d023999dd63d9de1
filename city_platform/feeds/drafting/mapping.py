"""Mapping: which business, address and people a feed's columns make, as far as they were recognised.

Belongs here: columns to roles. Does not belong here: recognising columns (recognise.py), writing YAML (write_yaml.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from city_platform.feeds.drafting.profile import Profile
from city_platform.feeds.drafting.recognise import Look, words_of

_NAME_WORDS = frozenset(
    "first given fore forename forenames christian last family sur surname maiden middle name names full initial initials "
    "title date of birth dob born nino ni number no national insurance s fname lname year month death died".split()
)


@dataclass(frozen=True)
class Proposal:
    """One field of a mapping, and whether a person has to say first that it is right."""

    field: str  # business, address, people, events
    value: Any
    is_sure: bool
    why: str = ""


@dataclass
class _People:
    """What belongs to one person of a record."""

    role: str
    columns: dict[str, str] = field(default_factory=dict)
    order: str | None = None
    is_sure: bool = True


def propose(profiles: Sequence[Profile], looks: Mapping[str, Look], country: str) -> list[Proposal]:
    """A mapping from what was recognised."""
    found = [*_business(profiles, looks), *_address(profiles, looks, country), *_people(profiles, looks)]
    found += _events(profiles, looks)
    return found


def _of(kind: str, profiles: Sequence[Profile], looks: Mapping[str, Look]) -> list[str]:
    return [p.name for p in profiles if p.name in looks and looks[p.name].kind == kind]


def _business(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> list[Proposal]:
    names = _of("business_name", profiles, looks)
    owners = _of("owner_name", profiles, looks)
    numbers = _of("company_number", profiles, looks)
    value: dict[str, Any] = {}
    legal = [n for n in names if {"legal", "registered", "company"} & set(words_of(n))]
    trading = [n for n in names if n not in legal] or []
    if trading:
        value["name"] = next(
            (n for n in trading if {"trading", "dba", "doing"} & set(words_of(n))), trading[0]
        )
        others = [n for n in trading if n != value["name"]]
        if others:
            value["alias"] = others[0]
    if legal or owners:
        value["legal_name"] = (legal or owners)[0]
    if value and numbers:
        value["owner_number"] = {"scheme": "company_number", "column": numbers[0]}
    if not value:
        return []
    # A supplier has no site in a list of payments: its name is the owner's.
    if _is_of_payments(profiles, looks) and "name" in value:
        value["legal_name"] = value.get("legal_name", value["name"])
        del value["name"]
        value.pop("alias", None)
    used = [v for v in value.values() if isinstance(v, str)]
    is_sure = all(looks[n].is_sure for n in used)
    return [
        Proposal(
            "business", value, is_sure, "" if is_sure else "is it a business that the records are about?"
        )
    ]


def _is_of_payments(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> bool:
    no_place = not any(
        look.kind in ("address", "address_line", "postcode", "uprn") for look in looks.values()
    )
    return no_place and any(look.kind == "amount" for look in looks.values())


def _address(profiles: Sequence[Profile], looks: Mapping[str, Look], country: str) -> list[Proposal]:
    whole = _of("address", profiles, looks)
    lines = _of("address_line", profiles, looks)
    text: list[str] = [n for n in whole if looks[n].is_sure][:1] or whole[:1]
    if lines:
        group = _prefix(lines[0])
        same = [n for n in lines if _prefix(n) == group]
        if not text or not looks[text[0]].is_sure or len(same) > 1:
            places = _positions(profiles)
            chosen = {*same, *(t for t in text if _prefix(t) == group)}
            text = sorted(chosen, key=lambda n: (_number(n), places[n]))
    if not text:
        return []
    value: dict[str, Any] = {"text": text[0] if len(text) == 1 else text}
    for kind, name in (("town", "locality"), ("postcode", "postcode"), ("ward", "ward"), ("uprn", "uprn")):
        sure = [n for n in _of(kind, profiles, looks) if looks[n].is_sure]
        columns = sure or [n for n in _of(kind, profiles, looks) if kind == "postcode"]
        columns = sorted(columns, key=lambda n: _prefix(n) != _prefix(text[0]))
        if columns:
            value[name] = columns[0]
    for pair in (("latitude", "longitude", "lat", "lon"), ("easting", "northing", "easting", "northing")):
        one, other = _of(pair[0], profiles, looks), _of(pair[1], profiles, looks)
        if one and other:
            value |= {pair[2]: one[0], pair[3]: other[0]}
            break
    is_sure = all(looks[n].is_sure for n in text) or "postcode" in value or "lat" in value or "uprn" in value
    return [Proposal("address", value, is_sure, "" if is_sure else "is it where the record's subject is?")]


def _positions(profiles: Sequence[Profile]) -> dict[str, int]:
    return {p.name: p.position for p in profiles}


def _number(name: str) -> int:
    """Of a line of an address: which one it is; XML leaves out what is empty, so that lines may stand in any order."""
    digits = [int(w) for w in words_of(name) if w.isdigit()]
    return digits[-1] if digits else 0


def _prefix(name: str) -> str:
    """What stands before the words of an address: home in home_address_1."""
    words = words_of(name)
    own = {
        "address",
        "addr",
        "line",
        "street",
        "house",
        "building",
        "flat",
        "road",
        "post",
        "postcode",
        "code",
        "town",
        "city",
        "zip",
        "name",
        "number",
        "no",
        "county",
        "suburb",
        "locality",
        "location",
        "thoroughfare",
        "add",
    }
    before = []
    for word in words:
        if word in own or word.isdigit():
            break
        before.append(word)
    return " ".join(before)


def _people(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> list[Proposal]:
    kinds = {
        "given_name": "given_name",
        "middle_name": "middle_name",
        "family_name": "family_name",
        "full_name": "full_name",
        "person_title": "title",
        "date_of_birth": "date_of_birth",
        "date_of_death": "date_of_death",
        "birth_year": "birth_year",
        "birth_month": "birth_month",
        "nino": "number",
    }
    groups: dict[str, _People] = {}
    for p in profiles:
        look = looks.get(p.name)
        if look is None or look.kind not in kinds:
            continue
        words = [w for w in words_of(p.name) if w not in _NAME_WORDS]
        role = "_".join(w for w in words if not w.isdigit()) or "person"
        number = next((w for w in words_of(p.name) if w.isdigit()), "")
        role = f"{role}_{number}" if number else role
        role = role if role[0].isalpha() else f"person_{role}"
        group = groups.setdefault(role, _People(role))
        if kinds[look.kind] in group.columns:
            continue
        group.columns[kinds[look.kind]] = p.name
        if look.kind == "full_name":
            group.order = look.order or "given_family"
        group.is_sure = group.is_sure and look.is_sure
    # A date of birth or a number that names nobody belongs to whose name stands before it.
    named = [g for g in groups.values() if {"full_name", "family_name"} & set(g.columns)]
    positions = _positions(profiles)
    for group in groups.values():
        if group in named or not named:
            continue
        for kind, column in group.columns.items():
            before = [g for g in named if min(positions[c] for c in g.columns.values()) < positions[column]]
            owner = max(before or named[:1], key=lambda g: min(positions[c] for c in g.columns.values()))
            owner.columns.setdefault(kind, column)
    found = []
    ages = [g for g in named if "date_of_birth" in g.columns]
    for group in named or [g for g in groups.values() if "number" in g.columns]:
        columns = dict(sorted(group.columns.items(), key=lambda item: positions[item[1]]))
        value: dict[str, Any] = {"role": group.role}
        if "full_name" in columns:
            columns = {
                k: v for k, v in columns.items() if k not in ("given_name", "middle_name", "family_name")
            }
        if "date_of_birth" in columns:
            columns = {k: v for k, v in columns.items() if k not in ("birth_year", "birth_month")}
        elif "birth_month" in columns and "birth_year" not in columns:
            del columns["birth_month"]
        for kind, column in columns.items():
            value[kind] = {"scheme": "nino", "column": column} if kind == "number" else column
        if group.order:
            value["order"] = group.order
        death = next((p for p in profiles if p.name == columns.get("date_of_death")), None)
        if death and death.type not in ("date", "timestamp"):
            value.pop("date_of_death")
        # Who deals with a record is not whom it is about.
        is_staff = bool(
            {"officer", "inspector", "agent", "manager", "contact", "staff", "employee"}
            & set(group.role.split("_"))
        )
        why = "is the record about this person?" if is_staff or not group.is_sure else ""
        found.append(Proposal("people", value, group.is_sure and not is_staff, why))
    return sorted(found, key=lambda p: p.value["role"] not in {g.role for g in ages})


def _events(profiles: Sequence[Profile], looks: Mapping[str, Look]) -> list[Proposal]:
    """What may have happened: days whose name says so. When it could be known, nobody can see in the data."""
    found = []
    for p in profiles:
        kind = looks[p.name].kind if p.name in looks else ""
        if p.type not in ("date", "timestamp") or kind:
            continue
        words = [
            w
            for w in words_of(p.name)
            if w not in ("date", "on", "at", "time", "day", "of", "the", "dt", "st")
        ]
        name = "_".join(words) or "recorded"
        if not name[0].isalpha():
            name = f"event_{name}"
        value = {"type": name, "event_time": p.name}
        found.append(
            Proposal(
                "events",
                value,
                False,
                "did something happen then? Add known_time where it was known before we got it",
            )
        )
    return found[:3]
