"""What is in a column: types, placeholders and the way values are written, on made-up columns."""

from __future__ import annotations

from typing import Any

import pytest

from city_platform_tests.feeds.drafting.desk import profiles_of


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["1", "22", "-3"], {"type": "integer"}),
        (["1.5", "22", ".5"], {"type": "number"}),
        (["007", "12"], {"type": "text"}),  # zeros that count
        (["1e5", "2"], {"type": "number"}),
        (["£1,200.50", "£3.00", "£12"], {"type": "number", "strip": "£,"}),
        (["1,200", "3,400", "12"], {"type": "integer", "strip": ","}),
        (["12%", "7%"], {"type": "integer", "strip": "%"}),
        (["1.200,50", "3,00", "12"], {"type": "number", "strip": ".", "decimal": ","}),
        (["2014-09-01", "2020-02-29"], {"type": "date", "formats": ()}),
        (["2014-09-01T00:00:00.000", "2020-02-29T00:00:00.000"], {"type": "date", "formats": ()}),
        (["2014-09-01T10:20:00", "2020-02-29 11:00:00"], {"type": "timestamp", "formats": ()}),
        (["31/12/2014", "01/02/2015"], {"type": "date", "formats": ("%d/%m/%Y",), "is_ambiguous": False}),
        (["12/31/2014", "01/02/2015"], {"type": "date", "formats": ("%m/%d/%Y",)}),
        (["01/02/2015", "03/04/2015"], {"type": "date", "formats": ("%d/%m/%Y",), "is_ambiguous": True}),
        (["31/12/14", "01/02/15"], {"type": "date", "formats": ("%d/%m/%y",)}),
        (["1 March 2015", "12 May 2016"], {"type": "date", "formats": ("%d %B %Y",)}),
        (["31/12/2014 10:20", "01/02/2015 09:00"], {"type": "timestamp", "formats": ("%d/%m/%Y %H:%M",)}),
        (["31/12/2014", "01-Feb-2015"] * 5, {"type": "date", "formats": ("%d/%m/%Y", "%d-%b-%Y")}),
        (["20140901", "20150228"], {"type": "integer"}),  # eight digits
        (["Y", "N", "Y"], {"type": "boolean"}),
        (["true", "FALSE"], {"type": "boolean"}),
        (["0", "1"], {"type": "integer"}),
        (["Y"], {"type": "text"}),
        (["31/02/2014", "30/02/2014"], {"type": "text"}),  # days that do not exist
        (["12345678901234567890"], {"type": "text"}),
        (["a", "b"], {"type": "text"}),
    ],
)
def test_the_type_is_found(values: list[str], expected: dict[str, Any]) -> None:
    (found,) = profiles_of({"c": values})
    assert {name: getattr(found, name) for name in expected} == expected


def test_eight_digits_are_a_day_where_the_name_says_so() -> None:
    (found,) = profiles_of({"start_date": ["20140901", "20150228"]})
    assert (found.type, found.formats) == ("date", ("%Y%m%d",))


def test_an_american_city_reads_the_month_first() -> None:
    (found,) = profiles_of({"c": ["01/02/2015", "03/04/2015"]}, "US")
    assert found.formats == ("%m/%d/%Y",) and found.is_ambiguous


def test_placeholders_are_told_and_count_as_missing() -> None:
    (found,) = profiles_of({"fee": ["12", "N/A", "-", "17", "unknown", "12"]})
    assert (found.type, set(found.placeholders), found.filled) == ("integer", {"N/A", "-", "unknown"}, 3)


def test_a_day_that_means_none_is_a_placeholder_among_days_only() -> None:
    (days,) = profiles_of({"c": ["1900-01-01", "2014-05-01", "2015-06-01"]})
    assert (days.type, days.placeholders) == ("date", ("1900-01-01",))
    (texts,) = profiles_of({"c": ["1900-01-01", "red", "blue"]})
    assert (texts.type, texts.placeholders, texts.filled) == ("text", (), 3)


def test_a_few_wrong_values_do_not_hide_the_type_and_are_counted() -> None:
    (found,) = profiles_of({"fee": [str(n) for n in range(99)] + ["free"]})
    assert (found.type, found.not_of_type) == ("integer", 1)
    (code,) = profiles_of({"fee code": [str(n) for n in range(99)] + ["free"]})
    assert code.type == "text"  # of a code, the one that is no number is right too


def test_few_values_that_repeat_are_listed() -> None:
    (found,) = profiles_of({"c": ["open", "closed", "open"] * 10})
    assert found.categories == ("closed", "open")
    (once,) = profiles_of({"c": ["open"] * 30 + ["shut"]})
    assert once.categories == ()


@pytest.mark.parametrize(
    ("name", "values", "unit"),
    [
        ("Fee (£)", ["1", "2"], "GBP"),
        ("fee", ["£1", "£2"], "GBP"),
        ("fee", ["1", "2"], None),
        ("latitude", ["53.1", "53.2"], "degrees"),
        ("height_metres", ["1", "2"], "m"),
        ("discount %", ["1", "2"], "%"),
        ("£ note", ["red", "blue"], None),
    ],
)
def test_a_unit_is_told_where_the_name_or_a_mark_says_it(
    name: str, values: list[str], unit: str | None
) -> None:
    assert profiles_of({name: values})[0].unit == unit


def test_an_empty_column_is_text_without_a_value() -> None:
    (found,) = profiles_of({"c": ["", " ", ""]})
    assert (found.type, found.filled, found.missing) == ("text", 0, 1.0)
