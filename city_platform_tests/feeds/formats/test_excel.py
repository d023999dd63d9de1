"""Workbooks, old and new, with a password and without."""

from __future__ import annotations

import io
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from city_platform_tests.feeds.small_feed import COLUMNS, Bench, licences, small_feed

ROWS = [["A title"], list(COLUMNS), *[list(r) for r in licences(6)]]
PASSWORD = "a long sentence"


def old(rows: list[list[Any]]) -> bytes:
    import xlwt

    book = xlwt.Workbook()
    sheet = book.add_sheet("Dogs")
    for n, row in enumerate(rows):
        for m, value in enumerate(row):
            if isinstance(value, date):
                sheet.write(n, m, value, xlwt.easyxf(num_format_str="YYYY-MM-DD"))
            else:
                sheet.write(n, m, value)
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def new(rows: list[list[Any]]) -> bytes:
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet = book.add_worksheet("Dogs")
        for n, row in enumerate(rows):
            sheet.write_row(n, 0, row)
    return out.getvalue()


def locked(content: bytes) -> bytes:
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(content)).encrypt(PASSWORD, out)
    return out.getvalue()


def feed(**source: Any) -> Any:
    dialect = {"format": "excel", "skip_lines": 1}
    return small_feed(source={"file": "dogs.xlsx", **source}, dialect=dialect)


def test_an_old_workbook_is_read_as_a_new_one_is(bench: Bench) -> None:
    assert bench.send(new(ROWS), feed()).status == "loaded"
    before = bench.content(feed())
    built = bench.send(old(ROWS), feed())
    assert (built.status, built.counts["unchanged"]) == ("loaded", 6)
    assert bench.content(feed()) == before


def test_days_in_an_old_workbook_are_days(bench: Bench) -> None:
    rows = [*ROWS[:2], *[[*r[:3], date(2014, 3, 4), *r[4:]] for r in ROWS[2:]]]
    assert bench.send(old(rows), feed()).status == "loaded"
    assert {r["issued"] for r in bench.staging(feed())} == {date(2014, 3, 4)}


def test_a_locked_workbook_opens_with_its_secret(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", PASSWORD)
    built = bench.send(locked(new(ROWS)), feed(password="kennels"))
    assert (built.status, built.counts["new"]) == ("loaded", 6)
    assert not list(Path(bench.settings.landing).rglob("*unlocked*"))  # no copy without its password is left


def test_a_workbook_without_a_lock_needs_no_password(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", PASSWORD)
    assert bench.send(new(ROWS), feed(password="kennels")).status == "loaded"


@pytest.mark.parametrize("secret", ["another", None])
def test_a_wrong_or_missing_secret_is_said_and_not_shown(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, secret: str | None
) -> None:
    if secret:
        monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", secret)
    built = bench.send(locked(new(ROWS)), feed(password="kennels"))
    assert built.status == "missing"
    assert "kennels" in built.message.lower() and "another" not in built.message
    assert "is not the password" in built.message if secret else "is not set" in built.message


def test_a_locked_workbook_without_a_declared_password_is_held(bench: Bench) -> None:
    built = bench.send(locked(new(ROWS)), feed())
    assert built.status == "held"
    assert "name its secret (source.password" in built.message


def test_a_locked_workbook_that_is_cut_is_no_other_fault(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CITY_PLATFORM_SECRET_KENNELS", PASSWORD)
    built = bench.send(locked(new(ROWS))[:3000], feed(password="kennels"))
    assert built.status in ("held", "missing")
    assert "cannot be opened" in built.message or "password" in built.message
