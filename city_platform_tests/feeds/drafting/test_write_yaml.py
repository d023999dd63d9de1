"""The text of a draft: whatever a column is called and holds, what is written is YAML that is read as a feed again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from city_platform.feeds.declaration import COMPONENT, load_feeds
from city_platform.feeds.declaration.feed import OWN_NAMES
from city_platform.feeds.drafting.sample import _declarable
from city_platform.feeds.drafting.write_yaml import ColumnLine, FeedText, document, flow

# Whatever a CSV file can hold in UTF-8.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
AWKWARD = st.sampled_from(
    ["yes", "No", "null", "~", "1", "1.0", "1e3", "0x1F", "2014-09-01", "a: b", "a #b", "- a", "{a}", "[a]", "&a", "*a",
     "!a", "%a", "@a", "`a", "'a", "a'b", "\\", "a\\b", "?", "? a", ":", "=", "<<", ".inf", "12:30", " a", "a ", "£", "a,b", "|", ">"]
)  # fmt: skip


@given(
    st.recursive(
        TEXT | AWKWARD | st.booleans() | st.none() | st.integers(-999, 999), lambda v: st.lists(v, max_size=3)
    )
)
@settings(max_examples=100, deadline=None)
def test_a_value_is_read_again_as_it_was(value: Any) -> None:
    assert yaml.safe_load(flow({"k": value}) + "\n") == {"k": value}


@given(st.lists(TEXT | AWKWARD, min_size=1, max_size=6), st.lists(TEXT | AWKWARD, max_size=3), TEXT)
@settings(max_examples=50, deadline=None)
def test_a_draft_loads_whatever_its_columns_are_called(
    tmp_path_factory: Any, sent: list[str], values: list[str], comment: str
) -> None:
    names, sentences = _declarable(sent)
    assert len(names) + len({n for n in sent if n not in names}) == len(set(sent)) and (
        len(names) == len(sent)
    ) == (not sentences)
    if not names:
        return
    lines = [
        ColumnLine(n, {"missing": values, "class": "official", "meaning": f"as sent: {n}"}) for n in names
    ]
    head: list[tuple[str, Any, str]] = [
        ("name", "things", ""),
        ("title", "Things", "".join(c for c in comment if c.isprintable())),
        ("owner", "team:office", ""),
        ("licence", "TODO", ""),
        ("source", {"file": "things.csv"}, ""),
        ("key", [names[0]], ""),
    ]
    folder: Path = tmp_path_factory.mktemp("city")
    path = folder / "feeds" / "office" / "defs.yaml"
    path.parent.mkdir(parents=True)
    path.write_text(document(FeedText(head, lines)), encoding="utf-8")
    (feed,) = load_feeds(folder)
    assert list(feed.columns) == names
    assert all(list(c.missing) == values for c in feed.columns.values())


def test_names_that_cannot_be_declared_are_told_and_left_out() -> None:
    own = sorted(OWN_NAMES)[0]
    names, sentences = _declarable(["id", "Name", "name", "", 'a"b', own, "twice", "twice", "fee"])
    assert names == ["id", "fee"]
    assert len(sentences) == 6
    assert "Column twice stands there more than once: it stays in raw and is used nowhere." in sentences


def test_what_is_not_sure_stands_in_comments() -> None:
    text = document(
        FeedText(
            [("name", "things", ""), ("cadence", None, "daily")],
            [ColumnLine("id", {"meaning": "Number"}, "class?")],
            [
                ("business", {"name": "id"}, "is it one?"),
                ("people", {"role": "tenant", "full_name": "id", "order": "given_family"}, ""),
                ("people", {"role": "officer", "full_name": "id", "order": "given_family"}, "who?"),
                ("events", {"type": "seen", "event_time": "id"}, "when?"),
            ],
        )
    )
    read = yaml.safe_load(text)
    assert read["type"] == COMPONENT
    assert read["attributes"].keys() == {"name", "columns", "people"}
    assert [p["role"] for p in read["attributes"]["people"]] == ["tenant"]
    for line in ("  # cadence: daily", "  # business: {name: id}", "  #   - {type: seen, event_time: id}"):
        assert line in text.splitlines()
