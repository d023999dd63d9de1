"""`city new`: a city starts as a folder in which everything that is there is without fault, and its first feed follows."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from city_platform.city import load_city
from city_platform.cli import main
from city_platform_tests.feeds.drafting.desk import Desk, csv_text, shops


def command(*arguments: str) -> Result:
    return CliRunner().invoke(main, list(arguments))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ("Ourtown", "GB", "en_GB", "Europe/London")),
        (["--name", "Springfield: the city", "--country", "US", "--time-zone", "America/Chicago"],
         ("Springfield: the city", "US", "en_US", "America/Chicago")),
    ],
)  # fmt: skip
def test_a_city_is_started_and_loads(tmp_path: Path, options: list[str], expected: tuple[str, ...]) -> None:
    folder = tmp_path / "ourtown"
    result = command("city", "new", str(folder), *options)
    assert result.exit_code == 0, result.output
    city = load_city(folder)
    assert (city.name, city.country, city.locale, city.time_zone) == expected
    assert f"city-platform check --city {folder}" in result.output


def test_a_city_without_feeds_is_told_what_comes_next(tmp_path: Path) -> None:
    folder = tmp_path / "ourtown"
    command("city", "new", str(folder))
    result = command("check", "--city", str(folder), "--home", str(tmp_path / "home"))
    assert result.exit_code == 0
    assert (
        "has no feed yet" in result.output
        and f"feed new AGENCY/FEED --from FILE_OR_URL --city {folder}" in result.output
    )


def test_the_first_feed_is_added_and_checked(desk: Desk) -> None:
    options = ["--city", str(desk.city), "--home", str(desk.folder / "home")]
    path = desk.file("shops.csv", csv_text(shops()))
    assert command("feed", "new", "office/things", "--from", str(path), *options).exit_code == 0
    result = command("check", *options)
    assert result.exit_code == 0 and "Ourtown: 1 feeds" in result.output


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["Our Town"], "small letters"),
        (["ourtown", "--time-zone", "Europe/Ourtown"], "no such time zone"),
    ],
)
def test_what_cannot_be_a_city_gets_a_sentence_and_no_folder(
    tmp_path: Path, arguments: list[str], sentence: str
) -> None:
    result = command("city", "new", str(tmp_path / arguments[0]), *arguments[1:])
    assert result.exit_code == 1 and sentence in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_city_that_is_there_is_left_alone(desk: Desk) -> None:
    before = (desk.city / "city.yaml").read_text(encoding="utf-8")
    result = command("city", "new", str(desk.city), "--name", "Other")
    assert result.exit_code == 1 and "is a city already" in result.stderr
    assert (desk.city / "city.yaml").read_text(encoding="utf-8") == before
