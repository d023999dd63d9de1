"""Declarations: what is wrong in a feed's YAML is told by file, line and field; a feed is short to declare."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from city_platform.feeds.declaration import load_feeds
from city_platform.settings import CITIES
from city_platform.yaml_files import DeclarationError

DOGS = """\
type: city_platform.feeds.component.FeedComponent
attributes:
  name: dogs
  title: Dog licences
  owner: team:kennels
  licence: made up
  rights: open
  source: {file: dogs.csv}
  key: [id]
  columns:
    id: {type: integer, required: true, class: public, meaning: Number of the licence}
    dog: {class: public, meaning: Name of the dog}
    keeper: {class: personal, meaning: Name of the keeper}
    issued: {type: date, class: public, meaning: Day of issue}
    fee: {type: integer, class: public, range: [0, 100], meaning: Fee paid}
  business: {name: dog}
  address: {text: dog}
  events:
    - {type: licence_issued, event_time: issued, detail: [dog]}
    - type: licence_ended
      event_time: issued
"""


def declare(city: Path, text: str, agency: str = "kennels") -> Path:
    path = city / "feeds" / agency / "defs.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


# name: what is replaced, by what, the line and the field that the message names, and its words
FAULTS: dict[str, tuple[str, str, int, str, str]] = {
    "unknown field": ("  title:", "  titel:", 4, "titel", "there is no such field"),
    "field left out": ("  licence: made up\n", "", 3, "licence", "this field is needed"),
    "unknown type": ("type: date", "type: day", 14, "columns.issued.type", "'date'"),
    "unknown field of a column": ("class: personal", "klass: personal", 13, "columns.keeper.klass", "no such field"),
    "unknown classification": ("class: personal", "class: secret", 13, "columns.keeper.class", "'personal'"),
    "key of no column": ("key: [id]", "key: [id, nr]", 9, "key.1", "there is no column nr"),
    "business of no column": ("{name: dog}", "{name: cat}", 16, "business.name", "there is no column cat"),
    "address of no column": ("{text: dog}", "{text: cat}", 17, "address.text", "there is no column cat"),
    "event of no column": (
        "      event_time: issued", "      event_time: ended", 21, "events.1.event_time", "there is no column ended",
    ),
    "event without a time": (
        "      event_time: issued", "      event_time: dog", 21, "events.1.event_time", "a date or a timestamp",
    ),
    "detail of no column": ("detail: [dog]", "detail: [dog, cat]", 19, "events.0.detail.1", "no column cat"),
    "personal detail": ("detail: [dog]", "detail: [dog, keeper]", 19, "events.0.detail.1", "keeper is not public"),
    "personal outcome": (
        "      event_time: issued", "      event_time: issued\n      outcome: keeper", 22, "events.1.outcome", "not public",
    ),
    "known from no column": (
        "      event_time: issued", "      event_time: issued\n      known_time: {column: noted}", 22,
        "events.1.known_time.column", "there is no column noted",
    ),
    "part of no feed": (
        "      event_time: issued",
        "      event_time: issued\n      parent: {feed: vets/cats, event: visit, columns: [id]}", 3,
        "events.1.parent.feed", "there is no feed vets/cats",
    ),
    "names that differ in capitals only": ("    fee:", "    DOG:", 15, "columns.DOG", "capitals only"),
    "a name of the platform's own": ("    fee:", "    First_Seen:", 15, "columns.First_Seen", "platform's own"),
    "a name with a quotation mark": ("    fee:", "    'a\"b':", 15, 'columns.a"b', "quotation mark"),
    "capitals in the feed's name": ("name: dogs", "name: Dogs", 3, "name", "small letters"),
    "no source": ("{file: dogs.csv}", "{}", 8, "source", "give a url, or the name of a file"),
    "another address": ("{file: dogs.csv}", "{url: x/dogs.csv}", 8, "source", "http:// or https://"),
    "unknown encoding": ("  key:", "  dialect: {encoding: utf-9}\n  key:", 9, "dialect.encoding", "no such encoding"),
    "no text encoding": ("  key:", "  dialect: {encoding: base64}\n  key:", 9, "dialect.encoding", "no such encoding"),
    "delimiter of two": ("  key:", "  dialect: {delimiter: '||'}\n  key:", 9, "dialect.delimiter", "one|1 char"),
    "delimiter that is a digit": ("  key:", "  dialect: {delimiter: '1'}\n  key:", 9, "dialect.delimiter", "no letter"),
    "delimiter and quote alike": ("  key:", "  dialect: {delimiter: '\"'}\n  key:", 9, "dialect", "have to differ"),
    "range of a text": ("    dog: {", "    dog: {range: [1, 2], ", 12, "columns.dog", "a range needs type"),
    "format of a text": ("    dog: {", "    dog: {format: '%Y', ", 12, "columns.dog", "a format needs type"),
    "values of a number": ("range: [0, 100]", "values: ['1']", 15, "columns.fee", "values need type: text"),
    "keep with a key": ("  key:", "  on_repeat: keep\n  key:", 9, "on_repeat", "keep needs key: content"),
    "no such column of a person": ("  events:", "  people: [{role: keeper, full_name: owner, order: given_family}]\n  events:", 18, "people.0.full_name", "no column owner"),
    "two people of one role": ("  events:", "  people: [{role: keeper, family_name: keeper}, {role: keeper, family_name: keeper}]\n  events:", 18, "people.1.role", "stands twice"),
    "full name without order": ("  events:", "  people: [{role: keeper, full_name: keeper}]\n  events:", 18, "people.0", "needs an order"),
    "person without a name": ("  events:", "  people: [{role: keeper, date_of_birth: issued}]\n  events:", 18, "people.0", "give a full_name"),
    "day of a person as text": ("  events:", "  people: [{role: keeper, family_name: keeper, valid_from: dog}]\n  events:", 18, "people.0.valid_from", "a date or a timestamp"),
    "another component": ("FeedComponent", "FoodComponent", 1, "type", "has to be city_platform"),
    "no fields": (DOGS.split("\n", 1)[1], "attributes: [dogs]\n", 1, "attributes", "fields and values"),
    "not YAML": ("{class: public, meaning: Name of the dog}", "{class: public", 13, "", "not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_told_by_file_line_and_field(tmp_path: Path, name: str) -> None:
    old, new, line, field, words = FAULTS[name]
    assert DOGS.count(old) == 1
    path = declare(tmp_path, DOGS.replace(old, new))
    with pytest.raises(DeclarationError) as error:
        load_feeds(tmp_path)
    told = str(error.value).splitlines()
    found = [t for t in told if f"{path}, line {line}: {field}" in t]
    assert found, told
    assert any(w in found[0] for w in words.split("|")), found


def test_every_fault_of_a_feed_is_told_at_once(tmp_path: Path) -> None:
    text = DOGS.replace("detail: [dog]", "detail: [cat]").replace("{name: dog}", "{name: cat}")
    declare(tmp_path, text)
    with pytest.raises(DeclarationError) as error:
        load_feeds(tmp_path)
    assert len(str(error.value).splitlines()) == 2


def test_a_feed_declared_twice_is_told_with_both_places(tmp_path: Path) -> None:
    path = declare(tmp_path, f"{DOGS}---\n{DOGS}")
    with pytest.raises(DeclarationError) as error:
        load_feeds(tmp_path)
    assert f"{path}, line 25: name: feed kennels/dogs is declared twice" in str(error.value)
    assert f"first in {path}, line 3" in str(error.value)


def test_feeds_of_one_name_of_two_agencies_are_two(tmp_path: Path) -> None:
    declare(tmp_path, DOGS)
    declare(tmp_path, DOGS, agency="vets")
    assert [f.id for f in load_feeds(tmp_path)] == ["kennels/dogs", "vets/dogs"]


def test_a_city_without_feeds_is_told(tmp_path: Path) -> None:
    with pytest.raises(DeclarationError, match="no feed is declared"):
        load_feeds(tmp_path)


SHIPPED = sorted(p.parent.name for p in CITIES.glob("*/city.yaml"))


@pytest.mark.parametrize("city", SHIPPED)
def test_the_feeds_of_a_shipped_city_load_and_every_column_is_classified(city: str) -> None:
    for feed in load_feeds(CITIES / city):
        assert feed.rights is not None
        assert {c.classification for c in feed.columns.values()} <= {"public", "official", "personal"}


def test_a_feed_costs_at_most_25_lines_beside_its_columns() -> None:
    lengths = {}
    for path in CITIES.glob("*/feeds/*/defs.yaml"):
        for document in path.read_text().split("\n---\n"):
            attributes = yaml.safe_load(document)["attributes"]
            lines = [line for line in document.splitlines() if line.strip() not in ("", "---")]
            lengths[attributes["name"]] = len(lines) - len(attributes["columns"])
    assert lengths
    assert max(lengths.values()) <= 25, lengths
