"""City options: which city a command is about, and where its data lives. Every command line uses them.

Belongs here: `--city`, `--home`, `--mirror`, and the settings that follow. Does not belong here: what a command does.
"""

from __future__ import annotations

import os
from pathlib import Path

import click

from city_platform.settings import Settings, SettingsError

OPTIONS = {
    "mirror": "Read each feed from its file in this folder instead.",
    "home": "Where each city's data lives, one folder a city.  [default: data]",
    "city": "A city that ships, or the path of a city folder.",
}


def city_options(command: click.decorators.FC) -> click.decorators.FC:
    """Which city, and where its data lives."""
    return _with(command, "home", "city")


def city_and_mirror_options(command: click.decorators.FC) -> click.decorators.FC:
    """Which city, where its data lives, and where its files lie."""
    return _with(command, "mirror", "home", "city")


def set_environment(city: str | None, home: str | None, mirror: str | None = None) -> None:
    """Options stand for environment variables, which Settings reads."""
    for variable, value in (("CITY", city), ("HOME", home), ("MIRROR", mirror)):
        if value:
            is_folder = variable != "CITY"
            os.environ[f"CITY_PLATFORM_{variable}"] = str(Path(value).absolute()) if is_folder else value


def settings_of(city: str | None, home: str | None) -> Settings:
    """The settings that the options ask for; what is wrong with them is a wrong call."""
    set_environment(city, home)
    try:
        return Settings.from_environment()
    except SettingsError as error:
        raise click.UsageError(str(error)) from None


def _with(command: click.decorators.FC, *names: str) -> click.decorators.FC:
    for name in names:
        command = click.option(f"--{name}", envvar=f"CITY_PLATFORM_{name.upper()}", help=OPTIONS[name])(
            command
        )
    return command
