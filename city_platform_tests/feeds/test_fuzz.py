"""Whatever bytes come: a delivery is loaded or held with a sentence, no row is lost without an issue, and the fast way
of reading a CSV file says the same as the exact one.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from city_platform.feeds import landing
from city_platform.feeds.problems import UnreadableError
from city_platform_tests.feeds.small_feed import Bench, new_bench, small_feed

COLUMNS: dict[str, dict[str, Any]] = {
    "id": {"type": "integer", "required": True, "class": "public", "meaning": "Number"},
    "name": {"class": "public", "meaning": "Name"},
    "day": {"type": "date", "class": "public", "meaning": "Day"},
}
LOOSE = {"rows_at_least": 0, "quarantined_at_most": 1, "left_out_at_most": 1, "fall_at_most": 1}
VALUES = st.one_of(
    st.sampled_from(
        ["", " ", "a", "a,b", 'say "hi"', '"', "two\nlines", "é", "Ωmega", "x" * 300, "NULL", "1;2", "\t"]
    ),
    st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8),
)
ROWS = st.lists(
    st.tuples(
        st.integers(0, 60).map(str) | VALUES, VALUES, st.sampled_from(["2026-01-31", "31.1.2026", "", "soon"])
    ),
    max_size=12,
)
FORMS = st.fixed_dictionaries(
    {
        "encoding": st.sampled_from(["utf-8", "utf-8-sig", "cp1252", "utf-16", "latin-1"]),
        "delimiter": st.sampled_from([",", ";", "|", "\t"]),
        "end": st.sampled_from(["\n", "\r\n", "\r"]),
        "quoting": st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
        "last_end": st.booleans(),
        "titles": st.integers(0, 2),
    }
)
DAMAGE = st.lists(
    st.tuples(
        st.sampled_from(["cut", "delete", "insert", "replace", "double"]),
        st.floats(0, 1),
        st.sampled_from(
            [b'"', b",", b"\n", b"\r", b"\r\n", b"\0", b"\xff", b"\xef\xbb\xbf", b" ", b'""', b",,", b"<"]
        ),
    ),
    max_size=3,
)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with new_bench(tmp_path_factory.mktemp("fuzz")) as bench:
        yield bench


def written(rows: list[tuple[str, ...]], form: dict[str, Any]) -> bytes:
    out = io.StringIO(newline="")
    for _ in range(form["titles"]):
        out.write("A title" + form["end"])
    writer = csv.writer(out, delimiter=form["delimiter"], quoting=form["quoting"], lineterminator=form["end"])
    writer.writerow(COLUMNS)
    for row in rows:
        # csv.writer leaves a line break that is not its own line end unquoted
        style = (
            csv.QUOTE_ALL
            if any(c in "".join(row) for c in "\r\n\x85\u2028\u2029\x0b\x0c\x1c\x1d\x1e")
            else form["quoting"]
        )
        csv.writer(out, delimiter=form["delimiter"], quoting=style, lineterminator=form["end"]).writerow(row)
    text = out.getvalue()
    if not form["last_end"]:
        text = text.removesuffix(form["end"])
    return text.encode(form["encoding"], "replace")


def damaged(content: bytes, damage: list[tuple[str, float, bytes]]) -> bytes:
    for kind, share, piece in damage:
        at = int(share * len(content))
        if kind == "cut":
            content = content[:at]
        elif kind == "delete":
            content = content[:at] + content[at + 1 :]
        elif kind == "insert":
            content = content[:at] + piece + content[at:]
        elif kind == "replace":
            content = content[:at] + piece + content[at + len(piece) :]
        else:
            content = content[:at] + content[max(0, at - 40) :]
    return content


def feed_of(form: dict[str, Any], **declared: Any) -> Any:
    dialect = {"encoding": form["encoding"], "delimiter": form["delimiter"], "skip_lines": form["titles"]}
    return small_feed(columns=COLUMNS, dialect=dialect, expect=LOOSE, **declared)


def clean(bench: Bench) -> None:
    """Forget the deliveries before, as if this were the first."""
    for table in bench.rows("select table_name from duckdb_tables() where schema_name = 'staging'"):
        bench.con.execute(f'delete from staging."{table[0]}"')
    for table in (
        "provenance.delivery",
        "provenance.build",
        "quality.issue",
        "quality.check_result",
        "quality.profile",
    ):
        bench.con.execute(f"delete from {table}")


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, form=FORMS, damage=DAMAGE, key=st.sampled_from([["id"], "content"]))
def test_nothing_is_lost_and_nothing_crashes(
    bench: Bench,
    rows: list[tuple[str, ...]],
    form: dict[str, Any],
    damage: list[tuple[str, float, bytes]],
    key: Any,
) -> None:
    clean(bench)
    feed = feed_of(form, key=key)
    built = bench.send(damaged(written(rows, form), damage), feed)
    assert built.status in ("loaded", "held")
    if built.status == "held":
        assert built.message.startswith("Feed kennels/dogs, file dogs.csv: ")
        assert [i for i in bench.issues() if i["severity"] == "error"]
        return
    c = built.counts
    assert c["read"] == c["new"] + c["changed"] + c["unchanged"] + c["repeated"] + c["quarantined"]
    assert bench.red(feed) == []
    raw = bench.rows(f"select count(*) from {feed.raw().full_name}")[0][0]
    rejected = bench.rows(f"select count(*) from {feed.rejected().full_name}")[0][0]
    assert c["read"] == raw + rejected
    set_aside = {i["line"] for i in bench.issues() if i["severity"] == "error"}
    assert len(set_aside) == c["quarantined"]  # each row that is set aside has an issue that names its line
    if not damage:
        assert c["read"] + _blank(bench) == len(rows)


def _blank(bench: Bench) -> int:
    """Lines that hold nothing at all are counted, and are no records."""
    told = [i["message"] for i in bench.issues() if i["rule"] == "blank_lines"]
    return sum(int(m.split(": ")[1].split(" ")[0].replace(",", "")) for m in told)


@settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows=ROWS, form=FORMS, damage=DAMAGE)
def test_the_fast_way_says_what_the_exact_one_says(
    bench: Bench, rows: list[tuple[str, ...]], form: dict[str, Any], damage: list[tuple[str, float, bytes]]
) -> None:
    feed = feed_of(form, key="content")
    path = Path(bench.folder) / "file.csv"
    path.write_bytes(damaged(written(rows, form), damage))
    fast = _landed(bench, feed, path)
    kept = landing.may_be_regular
    landing.may_be_regular = lambda *_: None  # type: ignore[assignment]
    try:
        exact = _landed(bench, feed, path)
    finally:
        landing.may_be_regular = kept
    assert fast == exact


def _landed(bench: Bench, feed: Any, path: Path) -> Any:
    try:
        landed = landing.land(bench.con, feed, bench.settings, "d_1", path)
    except UnreadableError as error:
        return error.problem
    records = bench.rows(
        f"select file_row_number + _line_shift, id, name, day from read_parquet('{landed.records}', file_row_number = true)"
    )
    rejected = bench.rows(f"from '{landed.rejected}' order by all") if landed.rejected else []
    return sorted(records), rejected, landed.rows, [p for p in landed.problems if p.rule != "blank_lines"]
