"""Parquet: typed values become the text that a CSV file would hold, and what is no Parquet is said."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from city_platform_tests.feeds.small_feed import HEADER, Bench, csv_text, licences, small_feed

FEED = small_feed(source={"file": "dogs.parquet"}, dialect={"format": "parquet"})


def parquet(folder: Path, select: str) -> bytes:
    path = folder / "made.parquet"
    duckdb.sql(f"copy ({select}) to '{path}' (format parquet)")
    return path.read_bytes()


def test_typed_rows_are_the_rows_of_the_csv_file(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "dogs.csv").write_text(csv_text(licences(30)))
    content = parquet(tmp_path, f"from read_csv('{tmp_path}/dogs.csv', header = true)")
    assert bench.send(content, FEED).status == "loaded"
    found = bench.content(FEED)
    assert len(found) == 30 and {r["fee"] for r in found} == {25}
    assert [r["_line"] for r in sorted(bench.staging(FEED), key=lambda r: r["id"])] == list(range(1, 31))


def test_odd_types_are_text(bench: Bench, tmp_path: Path) -> None:
    columns = {n: {"class": "public", "meaning": "Odd"} for n in ("id", "a", "b", "c", "d", "e")}
    feed = small_feed(source={"file": "dogs.parquet"}, dialect={"format": "parquet"}, columns=columns)
    select = "select 1 as id, 12.0::double as a, true as b, [1, 2] as c, {'x': 'y'} as d, timestamp '2026-01-02 03:04:05' as e"
    bench.send(parquet(tmp_path, select), feed)
    row = bench.staging(feed)[0]
    assert [row[n] for n in "abcde"] == ["12", "true", "[1,2]", '{"x":"y"}', "2026-01-02 03:04:05"]


def test_a_row_with_a_nul_byte_is_set_aside_and_the_others_stay(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "dogs.csv").write_text(csv_text(licences(60)))
    content = parquet(
        tmp_path,
        f"select * replace (case when id = 7 then 'a' || chr(0) else dog end as dog) "
        f"from read_csv('{tmp_path}/dogs.csv', header = true, all_varchar = true)",
    )
    built = bench.send(content, FEED)
    assert (built.status, built.counts["new"], built.counts["quarantined"]) == ("loaded", 59, 1)
    assert [(i["line"], i["rule"]) for i in bench.issues()] == [(7, "line_rejected")]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"a,b\n1,2\n"])
def test_what_is_no_parquet_is_held_with_a_sentence(bench: Bench, content: bytes) -> None:
    built = bench.send(content, FEED)
    assert built.status == "held" and "cannot be read as Parquet" in built.message


def test_a_cut_file_is_held(bench: Bench, tmp_path: Path) -> None:
    listed = ", ".join(f"'{n}' as \"{n}\"" for n in HEADER)
    assert bench.send(parquet(tmp_path, f"select {listed}")[:-20], FEED).status == "held"
