"""Deliveries one after another: what each one does to staging and history, and what is kept of it."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform.feeds import load
from city_platform.feeds.declaration import Feed
from city_platform_tests.feeds.small_feed import (
    COLUMNS,
    HEADER,
    Bench,
    Row,
    csv_text,
    licence,
    licences,
    new_bench,
    small_feed,
    with_column,
)

A = licences(20)
B = [*A[1:], licence(2, dog="Bello"), licence(30)]
B.pop(0)  # licence 1 is gone, 2 is changed, 30 is new
BAD = "no,such,columns\n1,2,3\n"
APPEND = {"delivery": "append"}


def dogs(bench: Bench, feed: Feed | None = None) -> dict[str, str]:
    return {r["record_key"]: r["dog"] for r in bench.staging(feed)}


def test_a_then_b_then_a_are_three_deliveries(bench: Bench) -> None:
    for content in (A, B, A):
        assert bench.send(content).status == "loaded"
    assert bench.statuses() == ["loaded"] * 3
    assert bench.fates(0) == {"read": 20, "new": 20}
    assert bench.fates(1) == {"read": 20, "new": 1, "changed": 1, "unchanged": 18, "removed": 1}
    assert bench.fates(2) == {"read": 20, "new": 1, "changed": 1, "unchanged": 18, "removed": 1}
    assert dogs(bench) == {str(n): f"Rex {n}" for n in range(1, 21)}
    assert len({d["delivery_id"] for d in bench.deliveries()}) == 3


def test_the_same_bytes_twice_are_a_repeat_that_loads_nothing(bench: Bench) -> None:
    bench.send(A)
    before, files = bench.staging(), bench.kept()
    built = bench.send(A)
    assert (built.status, built.rebuilt) == ("unchanged", False)
    assert bench.statuses() == ["loaded", "repeat"]
    assert (bench.staging(), bench.kept()) == (before, files)
    assert bench.fates() == {}


def test_the_same_bytes_of_two_feeds_are_two_deliveries(bench: Bench) -> None:
    other = small_feed(agency="vets")
    bench.send(A)
    assert bench.load(other).status == "loaded"
    assert bench.content(other) == bench.content()
    assert len(bench.deliveries(other)) == len(bench.deliveries()) == 1


def test_the_same_bad_bytes_are_not_recorded_again_while_they_are_held(bench: Bench) -> None:
    bench.send(A)
    first = bench.send(BAD)
    again = bench.send(BAD)
    assert (first.status, again.status) == ("held", "held")
    assert again.message == first.message
    assert bench.statuses() == ["loaded", "held"]
    assert len(bench.issues()) == 1


def test_bad_bytes_after_good_ones_are_held_also_when_they_were_held_before(bench: Bench) -> None:
    for content in (A, BAD, A):
        bench.send(content)
    built = bench.send(BAD)
    assert built.status == "held"
    assert bench.statuses() == ["loaded", "held", "repeat", "held"]


def test_held_then_good_loads_and_turns_green(bench: Bench) -> None:
    assert bench.send(BAD).failed != []
    built = bench.send(A)
    assert (built.status, built.failed) == ("loaded", [])
    assert bench.statuses() == ["held", "loaded"]


def test_a_snapshot_closes_what_is_gone_and_append_does_not(bench: Bench) -> None:
    bench.send(A)
    bench.send(B)
    gone = [v for v in bench.told() if v["record_key"] == "1"]
    assert [(v["valid_from"], v["valid_to"]) for v in gone] == [(1, 2)]
    assert "1" not in dogs(bench)
    with new_bench(bench.folder) as other:
        feed = small_feed(**APPEND)
        other.send(A, feed)
        other.send([licence(2, dog="Bello"), licence(30)], feed)
        assert other.fates() == {"read": 2, "new": 1, "changed": 1}
        assert len(dogs(other, feed)) == 21
        assert [(v["valid_from"], v["valid_to"]) for v in other.told(feed) if v["record_key"] == "1"] == [
            (1, None)
        ]


@pytest.mark.parametrize(
    "bad",
    [licence(2, issued="2014-02-31"), ("2", "Rex", "K", "", "", "")],
    ids=["a date that is not", "a required value that is missing"],
)
def test_a_record_whose_new_version_is_set_aside_keeps_its_good_one(bench: Bench, bad: Row) -> None:
    feed = small_feed(expect={"quarantined_at_most": 0.1})
    bench.send(A, feed)
    bench.send([A[0], bad, *A[2:]], feed)
    assert bench.fates() == {"read": 20, "unchanged": 19, "quarantined": 1}
    assert dogs(bench, feed)["2"] == "Rex 2"
    assert [(v["valid_from"], v["valid_to"]) for v in bench.told(feed) if v["record_key"] == "2"] == [
        (1, None)
    ]


def test_a_record_that_comes_back_keeps_when_it_was_first_seen(bench: Bench) -> None:
    for content in (A, B, A):
        bench.send(content)
    times = [d["retrieved_at"] for d in bench.deliveries()]
    (back,) = (r for r in bench.staging() if r["record_key"] == "1")
    assert (back["first_seen"], back["changed_at"]) == (times[0], times[2])
    versions = [(v["valid_from"], v["valid_to"]) for v in bench.told() if v["record_key"] == "1"]
    assert versions == [(1, 2), (3, None)]


def test_kept_bytes_are_those_that_were_sent_and_raw_is_their_text(bench: Bench) -> None:
    contents = [csv_text(A), csv_text([*A, licence(21, dog=' "Rex", the\nfirst ')]), BAD, csv_text(B)]
    for content in contents:
        bench.send(content)
    sent = {d["delivery_id"]: d for d in bench.deliveries()}
    kept = {p.name.split(".")[0]: p.read_bytes() for p in bench.kept()}
    assert kept.keys() == sent.keys()
    for (name, content), text in zip(sorted(kept.items()), contents, strict=True):
        assert content == text.encode()
        assert hashlib.sha256(content).hexdigest() == sent[name]["sha256"]
        assert len(content) == sent[name]["bytes"]
    columns = ", ".join(HEADER)
    for place, rows in ((0, A), (1, [*A, licence(21, dog=' "Rex", the\nfirst ')]), (3, B)):
        found = bench.rows(
            f"select {columns} from {small_feed().raw().full_name} where _delivery_id = ? order by _line",
            bench.deliveries()[place]["delivery_id"],
        )
        assert found == rows


def fresh_copy(bench: Bench, contents: list[Any], feed: Feed) -> tuple[Any, Any]:
    """Staging and history as they are where the feed was declared so from the start."""
    with new_bench(bench.folder) as fresh:
        for content in contents:
            fresh.send(content, feed)
        return fresh.content(feed), strip(fresh.told(feed))


def strip(versions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(({k: v for k, v in row.items() if k != "_delivery_id"} for row in versions), key=str)


WITH_COAT = [*HEADER, "coat"]
COATED = [csv_text([(*r, "brown") for r in rows], WITH_COAT) for rows in (A, B)]
CHANGES: dict[str, tuple[dict[str, Any], list[Any]]] = {
    "another type": ({"columns": with_column("fee", type="number")}, [A, B]),
    "text instead of a whole number": ({"columns": with_column("fee", type="text", range=None)}, [A, B]),
    "a narrower range": (
        {"columns": with_column("fee", range=[0, 24]), "expect": {"left_out_at_most": 1}},
        [A, B],
    ),
    "a further column": ({"columns": with_column("coat")}, COATED),
    "another key": ({"key": ["id", "issued"]}, [A, B]),
    "append": (APPEND, [A, B]),
    "a column less": ({"columns": {k: v for k, v in COLUMNS.items() if k != "ended"}}, [A, B]),
    "a bad delivery in the middle": ({"columns": with_column("fee", type="number")}, [A, BAD, B]),
    "one that was held is good now": ({"expect": {"fall_at_most": 1}}, [A, A[:3], B]),
    "one that was good is held now": ({"expect": {"rows_at_least": 10}}, [A[:9], A, B]),
    "another quotation mark": ({"dialect": {"quote": "'"}}, [[*A, licence(21, dog="'Rex'")], A]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_declaration_gives_what_it_would_have_given_from_the_start(bench: Bench, name: str) -> None:
    changes, contents = CHANGES[name]
    for content in contents:
        bench.send(content)
    feed = small_feed(**changes)
    built = bench.load(feed)
    assert built.status in ("loaded", "unchanged")
    assert built.failed == []
    content, history = fresh_copy(bench, contents, feed)
    assert bench.content(feed) == content
    assert strip(bench.told(feed)) == history
    assert content != [] and bench.red(feed) == []
    again = bench.load(feed)
    assert not again.rebuilt


def test_a_declaration_tried_and_taken_back_leaves_everything_as_it_was(bench: Bench) -> None:
    for content in (A[:9], A, B):
        bench.send(content)
    staging, history = bench.staging(), bench.versions()
    bench.load(small_feed(expect={"rows_at_least": 10}))
    assert bench.statuses()[0] == "held"
    bench.load()
    assert (bench.staging(), bench.versions()) == (staging, history)


def test_lines_rejected_under_an_older_dialect_are_no_longer_shown_as_rejected(bench: Bench) -> None:
    lines = csv_text(A) + '21,"Rex" the first,K,2014-01-01,,25\n'
    bench.send(lines)
    assert bench.fates()["quarantined"] == 1
    feed = small_feed(dialect={"quote": "'"})
    assert bench.load(feed).failed == []
    assert bench.fates(0) == {"read": 21, "new": 21}
    assert bench.rows(f"select * from {feed.rejected().full_name}") == []
    assert dogs(bench, feed)["21"] == '"Rex" the first'


def test_a_declaration_that_refuses_everything_keeps_the_last_good_table_and_says_so(bench: Bench) -> None:
    bench.send(A)
    bench.send(B)
    staging, history = bench.staging(), bench.versions()
    strict = small_feed(expect={"rows_at_least": 1000})
    for _ in range(2):
        built = bench.load(strict)
        assert built.status == "held"
        assert "as it is declared now, nothing that was loaded can be loaded" in built.message
        assert "at least 1,000 are expected" in built.message
        assert (bench.staging(), bench.versions()) == (staging, history)
        assert bench.red() == []
    assert bench.statuses()[:2] == ["loaded", "loaded"]
    assert bench.load().status in ("loaded", "unchanged")
    assert bench.content() == fresh_copy(bench, [A, B], small_feed())[0]


def test_a_file_that_suits_a_new_declaration_loads_where_no_older_one_does(bench: Bench) -> None:
    bench.send(A)
    columns = {("name" if c == "dog" else c): v for c, v in COLUMNS.items()}
    feed = small_feed(columns=columns)
    assert bench.load(feed).status == "held"
    built = bench.send(csv_text(B, columns), feed)
    assert (built.status, built.message) == ("loaded", "")
    assert bench.content(feed) == fresh_copy(bench, [csv_text(B, columns)], feed)[0]


def test_what_was_landed_by_a_killed_run_is_loaded_by_the_next(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.send(A)

    class Killed(BaseException):
        pass

    def die(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(load, "_apply", die)
        with pytest.raises(Killed):
            bench.send(B)
    assert bench.statuses() == ["loaded", "landed"]
    shutil.rmtree(bench.mirror)  # the bytes that are kept are enough
    built = bench.load()
    assert bench.statuses() == ["loaded", "loaded"]
    assert built.status == "missing"
    content, history = fresh_copy(bench, [A, B], small_feed())
    assert (bench.content(), strip(bench.told())) == (content, history)


def test_files_that_a_killed_run_never_recorded_are_removed(bench: Bench) -> None:
    bench.send(A)
    base = bench.kept()[0].parent.parent
    orphans = [base / kind / f"d_00009_abc{ending}" for kind, ending in (
        ("sent", ".csv"), ("records", ".parquet"), ("rejected", ".parquet"),
    )]  # fmt: skip
    for path in orphans:
        path.parent.mkdir(exist_ok=True)
        shutil.copy(bench.kept(kind="records")[0], path)
    (base / ".working").mkdir()
    (base / ".working" / "numbered.csv").write_text("half a li")
    bench.send(B)
    assert [p for p in orphans if p.exists()] == []
    assert len(bench.rows(f"select * from {small_feed().raw().full_name}")) == 40
    assert sorted(p.name for p in base.iterdir()) == ["records", "rejected", "sent"]


TWICE = [licence(1), licence(2), licence(1), licence(1)]


@pytest.mark.parametrize(
    ("on_repeat", "fates", "keys"),
    [
        ("keep", {"read": 4, "new": 4}, 4),
        ("collapse", {"read": 4, "new": 2, "repeated": 2}, 2),
        ("quarantine", {"read": 4, "new": 2, "quarantined": 2}, 2),
    ],
)
def test_an_exact_repeat_without_a_key_is_what_the_feed_says_it_is(
    bench: Bench, on_repeat: str, fates: dict[str, int], keys: int
) -> None:
    feed = small_feed(key="content", on_repeat=on_repeat, expect={"quarantined_at_most": 1})
    bench.send(TWICE, feed)
    assert bench.fates() == fates
    assert len(dogs(bench, feed)) == keys
    assert [(i["rule"], i["line"]) for i in bench.issues()] == [
        ("repeat", n) for n in (4, 5) if on_repeat == "quarantine"
    ]
    bench.send(TWICE[:3], feed)
    gone = 1 if on_repeat == "keep" else 0
    assert bench.fates().get("removed", 0) == gone
    assert bench.red(feed) == []


# A model of what staging must hold, in a few lines of Python.

KINDS = ("good", "other", "bad", "twice", "differing")
FILES = st.lists(
    st.dictionaries(st.integers(1, 6), st.sampled_from(KINDS), min_size=1, max_size=6), min_size=1, max_size=5
)


def rows_of(file: dict[int, str], place: int) -> list[Row]:
    rows: list[Row] = []
    for number, kind in file.items():
        good, other = licence(number), licence(number, dog=f"Other {place % 2}")
        rows += {
            "good": [good],
            "other": [other],
            "bad": [licence(number, issued="2014-02-31")],
            "twice": [good, good],
            "differing": [good, other],
        }[kind]
    return rows


def expected(
    held: dict[str, Row], rows: list[Row], is_snapshot: bool
) -> tuple[dict[str, Row], dict[str, int]]:
    """Staging after one delivery, and what became of its rows."""
    by_key: dict[str, list[Row]] = {}
    for row in rows:
        by_key.setdefault(row[0], []).append(row)
    good = {k: v[0] for k, v in by_key.items() if len(set(v)) == 1 and v[0][3] != "2014-02-31"}
    after = {k: v for k, v in held.items() if not is_snapshot or k in by_key} | good
    return after, {
        "read": len(rows),
        "new": len(good.keys() - held.keys()),
        "changed": sum(1 for k in good.keys() & held.keys() if good[k] != held[k]),
        "unchanged": sum(1 for k in good.keys() & held.keys() if good[k] == held[k]),
        "repeated": sum(len(by_key[k]) - 1 for k in good),
        "quarantined": sum(len(v) for k, v in by_key.items() if k not in good),
        "removed": len(held.keys() - after.keys()),
    }


@pytest.fixture(scope="module")
def module_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("model")


@settings(
    max_examples=15, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
@given(files=FILES, is_snapshot=st.booleans())
def test_any_row_of_deliveries_leaves_what_the_model_says(
    module_folder: Path, files: list[dict[int, str]], is_snapshot: bool
) -> None:
    feed = small_feed(
        delivery="snapshot" if is_snapshot else "append",
        expect={"quarantined_at_most": 1, "fall_at_most": 1},
    )
    with new_bench(module_folder) as bench:
        held: dict[str, Row] = {}
        first: dict[str, int] = {}
        sent: list[list[Row]] = []
        for place, file in enumerate(files):
            rows = rows_of(file, place)
            built = bench.send(rows, feed)
            if sent and sent[-1] == rows:
                assert bench.statuses()[-1] == "repeat"
                continue
            sent.append(rows)
            held, fates = expected(held, rows, is_snapshot)
            first = {k: len(sent) for k in held} | first
            assert (built.status, built.failed) == ("loaded", [])
            assert bench.fates() == {k: v for k, v in fates.items() if v}
            assert fates["read"] == sum(
                fates[f] for f in "new changed unchanged repeated quarantined".split()
            )
            found = {r["record_key"]: (str(r["id"]), r["dog"], str(r["issued"])) for r in bench.staging(feed)}
            assert found == {k: (v[0], v[1], v[3]) for k, v in held.items()}
        times = [d["retrieved_at"] for d in bench.deliveries() if d["status"] == "loaded"]
        assert {r["record_key"]: times.index(r["first_seen"]) + 1 for r in bench.staging(feed)} == {
            k: first[k] for k in held
        }
        assert_intervals_do_not_overlap(bench, feed)
        before = strip(bench.told(feed))
        content = bench.staging(feed)
        load._replay(bench.warehouse, feed, "anew")
        assert (strip(bench.told(feed)), bench.staging(feed)) == (before, content)


def assert_intervals_do_not_overlap(bench: Bench, feed: Feed) -> None:
    versions: dict[str, list[tuple[Any, Any]]] = {}
    for v in sorted(bench.versions(feed), key=lambda v: v["valid_from"]):
        versions.setdefault(v["record_key"], []).append((v["valid_from"], v["valid_to"]))
    for spans in versions.values():
        assert all(start < (end or max(start, end or start).max) for start, end in spans)
        for (_, end), (start, _) in zip(spans, spans[1:], strict=False):
            assert end is not None and end <= start
