"""The command line as a person types it: help, check, 360, and the bootstrap that runs before anything is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from city_platform_tests.conftest import Undisturbed
from city_platform_tests.runs import ROOT, edit, in_own_interpreter, opened


def ask(undisturbed: Undisturbed, *what: str) -> subprocess.CompletedProcess[str]:
    home = undisturbed.home
    home.restore(undisturbed.saved)
    return in_own_interpreter(["360", "--city", "chicago", "--home", str(home.base), *what], home.package)


def test_360_of_an_address_shows_its_businesses_sources_and_events(undisturbed: Undisturbed) -> None:
    found = ask(undisturbed, "108 s river st")
    assert found.returncode == 0, found.stderr
    for wanted in (
        "108 S RIVER ST",
        "Businesses here",
        "What the links rest on",
        "business_affairs/business_licenses",
        "food_inspection",
    ):
        assert wanted in found.stdout, found.stdout


def test_360_of_a_business_by_number_name_and_id_is_the_same_business(undisturbed: Undisturbed) -> None:
    with opened(undisturbed.home.operator) as con:
        business_id, name, number = con.execute(
            "select b.business_id, b.name, i.value from entity.business b join entity.identifier i "
            "on i.entity_id = b.business_id where i.scheme = 'chicago_license' order by i.value limit 1"
        ).fetchone()
    for what in (number, name, business_id):
        found = ask(undisturbed, what)
        assert found.returncode == 0, found.stderr
        assert business_id in found.stdout and "Numbers" in found.stdout


def test_360_shows_the_legal_name_of_a_sole_trader_to_the_operator(undisturbed: Undisturbed) -> None:
    with opened(undisturbed.home.operator) as con:
        business_id, private = con.execute(
            "select business_id, private_name from entity.business where private_name is not null order by 1 limit 1"
        ).fetchone()
    assert private in ask(undisturbed, business_id).stdout


def test_360_of_nothing_known_says_what_to_try_and_ends_with_4(undisturbed: Undisturbed) -> None:
    found = ask(undisturbed, "9999 NOWHERE BLVD")
    assert found.returncode == 4
    assert "Nothing is known" in found.stdout and "licence number" in found.stdout


def test_360_before_any_run_says_what_makes_the_file(tmp_path: Path) -> None:
    found = in_own_interpreter(["360", "--city", "chicago", "--home", str(tmp_path), "x"])
    assert found.returncode == 1
    assert "operator.duckdb is not there yet. `city-platform run` makes it." in found.stderr
    assert "Traceback" not in found.stderr


def test_check_names_file_line_and_field(tmp_path: Path) -> None:
    city = Path(shutil.copytree(ROOT / "city_platform" / "cities" / "chicago", tmp_path / "city"))
    assert in_own_interpreter(["check", "--city", str(city)]).returncode == 0
    edit(city / "feeds" / "weather_service" / "defs.yaml", "key: [date]", "kye: [date]")
    found = in_own_interpreter(["check", "--city", str(city)])
    assert found.returncode == 1
    assert "defs.yaml, line 9: kye: there is no such field." in found.stderr


def test_help_names_every_command() -> None:
    shown = in_own_interpreter(["--help"]).stdout
    for command in ("run", "360", "review", "decide", "explain", "ui", "check"):
        assert command in shown


def bare_python(arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """The bootstrap by an interpreter that sees the standard library only."""
    return subprocess.run(
        [sys.executable, "-I", "-S", "-c", BARE.format(folder=str(folder)), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": os.environ["PATH"]},
    )


BARE = """
import runpy, sys
sys.path.insert(0, {folder!r})
sys.argv = ["city_platform", *sys.argv[1:]]
runpy.run_module("city_platform", run_name="__main__")
"""


def test_the_bootstrap_needs_nothing_installed(tmp_path: Path) -> None:
    shutil.copytree(
        ROOT / "city_platform", tmp_path / "city_platform", ignore=shutil.ignore_patterns("__pycache__")
    )
    shown = bare_python([], tmp_path)
    assert shown.returncode == 2
    assert "setup" in shown.stdout and "test-slow" in shown.stdout
    refused = bare_python(["run"], tmp_path)  # no lock file here: an installed package
    assert refused.returncode == 1
    assert "not installed here" in refused.stderr


def test_lock_files_hold_versions_and_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text()
        assert (
            "://" not in text and "--index" not in text and "--find-links" not in text and "file:" not in text
        )
        for block in text.replace("\\\n", "").splitlines():
            assert not block.strip() or ("==" in block and "--hash=sha256:" in block), block[:80]
