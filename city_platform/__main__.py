"""`python -m city_platform …`: what `make` does, where there is no make. Runs before anything is installed.

Belongs here: the environment in .venv, and handing over to the command line in it; the standard library only.
Does not belong here: the commands themselves (cli.py).
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
TESTS = {"test": ["-m", "not slow", "--numprocesses", "2"], "test-slow": ["-m", "slow"]}
USAGE = """\
python -m city_platform COMMAND [OPTIONS]

  setup       make the environment in .venv from requirements.lock
  run         set up, then take the default city through the whole pipeline
  test        set up, then run the tests; further options go to pytest
  test-slow   the long ones
  ui          set up, then open the Dagster UI
  …           any command of `city-platform --help`
"""


def main() -> int:
    arguments = sys.argv[1:]
    if not arguments:
        print(USAGE)
        return 2
    command, rest = arguments[0], arguments[1:]
    is_checkout = (ROOT / "requirements.lock").is_file()
    if not is_checkout:  # installed as a package: the environment is the user's own
        return _command_line(arguments)
    python = set_up(with_tests=command in TESTS or command == "setup")
    if command == "setup":
        print(f"Ready: {ENVIRONMENT}. Try `make run`, or {ENVIRONMENT / 'bin' / 'city-platform'} --help")
        return 0
    if command in TESTS:
        os.chdir(ROOT)
        return subprocess.call([str(python), "-m", "pytest", *TESTS[command], *rest])
    if Path(sys.prefix).resolve() == ENVIRONMENT.resolve():
        return _command_line([command, *rest])
    return subprocess.call([str(python), "-m", "city_platform.cli", command, *rest])


def set_up(with_tests: bool) -> Path:
    """Make .venv from the lock files where it is missing or they have changed; returns its Python."""
    if sys.version_info < (3, 11):  # noqa: UP036 - runs before pip has had a say
        raise SystemExit(
            f"Python 3.11 or newer is needed; this is {sys.version.split()[0]} ({sys.executable})."
        )
    if ENVIRONMENT.exists() and not (ENVIRONMENT / "pyvenv.cfg").exists():
        raise SystemExit(f"{ENVIRONMENT} is there and is no environment; move it away.")
    scripts = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
    python = scripts / ("python.exe" if os.name == "nt" else "python")
    for lock in ["requirements.lock", *(["requirements-dev.lock"] if with_tests else [])]:
        content = (ROOT / lock).read_bytes()
        stamp = ENVIRONMENT / f"{lock}.{hashlib.sha256(content).hexdigest()[:16]}"
        if stamp.exists():
            continue
        if not python.exists():
            print(f"Making {ENVIRONMENT} …", flush=True)
            venv.create(ENVIRONMENT, with_pip=True)
        print(f"Installing {lock} (a minute or two the first time) …", flush=True)
        install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        subprocess.check_call([*install, "--require-hashes", "-r", str(ROOT / lock)])
        if lock == "requirements.lock":
            _install_package(python)
        for old in ENVIRONMENT.glob(f"{lock}.*"):
            old.unlink()
        stamp.touch()
    return python


def _install_package(python: Path) -> None:
    """The package itself, as it stands in this checkout, with its `city-platform` command."""
    subprocess.check_call(
        [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]
        + ["--no-build-isolation", "--editable", str(ROOT)]
    )


def _command_line(arguments: list[str]) -> int:
    if importlib.util.find_spec("click") is None:
        raise SystemExit(
            "The packages that city_platform needs are not installed here: pip install city-platform."
        )
    from city_platform.cli import main as command_line

    sys.argv = ["city-platform", *arguments]
    command_line()
    return 0


if __name__ == "__main__":
    sys.exit(main())
