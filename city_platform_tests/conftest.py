"""Fixtures of all tests: the process that runs are forked from, a small mirror, and one undisturbed run over it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from city_platform_tests.runs import (
    AS_OF,
    CITY,
    Home,
    Server,
    Tables,
    copy_package,
    in_own_interpreter,
)
from city_platform_tests.small_mirror import small_mirror

BUSINESSES = 24


@dataclass(frozen=True)
class Undisturbed:
    """What one run from an empty folder left, to be put back and to be compared with; tests must not change it."""

    home: Home
    saved: Path
    tables: Tables
    seconds: float


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The process that runs are forked from."""
    started = Server(tmp_path_factory.mktemp("runs"))
    yield started
    started.close()


@pytest.fixture(scope="session")
def whole_mirror(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small mirror that no test may change."""
    return small_mirror(tmp_path_factory.mktemp("mirror"), businesses=BUSINESSES)


@pytest.fixture
def mirror(whole_mirror: Path, tmp_path: Path) -> Path:
    """A small mirror of a test's own."""
    return Path(shutil.copytree(whole_mirror, tmp_path / "mirror"))


@pytest.fixture(scope="session")
def undisturbed(server: Server, whole_mirror: Path, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The small mirror run from an empty folder to the end."""
    folder = tmp_path_factory.mktemp("undisturbed")
    # The package is copied, so that one version of it runs from the first test to the last.
    home = Home(server, folder / "data", whole_mirror, package=copy_package(folder / "code"))
    result = home.run()
    seconds = float(result.out.rsplit("\n", 2)[-2].split()[0])
    return Undisturbed(home, home.save(folder / "saved"), home.dump(), seconds)


@dataclass(frozen=True)
class Typed:
    """A run as a person types it, in an interpreter of its own and with Dagster's own storage."""

    home: Home
    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def typed(undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> Typed:
    """The small mirror run as a person does it; the other fixtures take a shorter way."""
    home = undisturbed.home.but(base=tmp_path_factory.mktemp("typed"), is_quick=False)
    arguments = ["run", "--city", home.city, "--home", str(home.base), "--mirror", str(home.mirror)]
    result = in_own_interpreter([*arguments, "--as-of", AS_OF], home.package)
    return Typed(home, result.returncode, result.stdout, result.stderr)


@pytest.fixture
def package(undisturbed: Undisturbed, tmp_path: Path) -> Path:
    """A folder that holds a copy of the package, to be edited."""
    return Path(shutil.copytree(undisturbed.home.package, tmp_path / "code"))


@pytest.fixture
def home(undisturbed: Undisturbed, mirror: Path, package: Path) -> Home:
    """A home after one undisturbed run; mirror and package are the test's own."""
    return undisturbed.home.restore(undisturbed.saved).but(mirror=mirror, package=package)


@pytest.fixture
def new_home(server: Server, mirror: Path, package: Path, tmp_path: Path) -> Home:
    """A home in which nothing was run yet; mirror and package are the test's own."""
    return Home(server, tmp_path / "data", mirror, package=package)


@pytest.fixture
def city(package: Path, tmp_path: Path) -> Path:
    """A copy of the city's folder, to be edited."""
    return Path(shutil.copytree(package / "city_platform" / "cities" / CITY, tmp_path / "cities" / CITY))
