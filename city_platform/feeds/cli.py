"""The command line of the feeds step: `city-platform feed …`.

Belongs here: options, exit codes and what is printed. Does not belong here: the work (the modules of this folder).
"""

from __future__ import annotations

import sys

import click


@click.group()
def feed() -> None:
    """Add a feed, look at one, and decide what it may send."""


@feed.command()
@click.argument("name", metavar="AGENCY/FEED")
@click.option("--rename", metavar="OLD=NEW", help="The declared column OLD is sent as NEW from now on.")
@click.option("--release", is_flag=True, help="The delivery that is held now is right as it is: load it.")
@click.option("--by", help="Who decides.  [default: the user of this machine]")
@click.option("--reason", default="", help="Why; kept with the decision.")
@click.option("--city", envvar="CITY_PLATFORM_CITY", help="A city that ships, or the path of a city folder.")
@click.option("--home", envvar="CITY_PLATFORM_HOME", help="Where each city's data lives.  [default: data]")
@click.option(
    "--mirror", envvar="CITY_PLATFORM_MIRROR", help="Read the feed from its file in this folder instead."
)
def accept(
    name: str,
    rename: str | None,
    release: bool,
    by: str | None,
    reason: str,
    city: str | None,
    home: str | None,
    mirror: str | None,
) -> None:
    """Accept what a feed sends otherwise than agreed, and load it.

    The decision is a line of <home>/feed_decisions.csv; it holds for every later run.

    \b
    city-platform feed accept libraries/members --rename "Card Number=Card No" --reason "new system"
    city-platform feed accept housing/tenancies --release --reason "the stock transfer of June"
    """
    import os

    if bool(rename) == release:
        raise click.UsageError("Give --rename OLD=NEW or --release, one of them.")
    if rename and "=" not in rename:
        raise click.UsageError(f"--rename {rename}: write OLD=NEW, the declared name first.")
    for variable, value in (("CITY", city), ("HOME", home), ("MIRROR", mirror)):
        if value:
            os.environ[f"CITY_PLATFORM_{variable}"] = value
    from city_platform.feeds.accept import AcceptError, accept_and_load
    from city_platform.settings import Settings, SettingsError
    from city_platform.warehouse import WarehouseError
    from city_platform.yaml_files import DeclarationError

    try:
        old, _, new = (rename or "").partition("=")
        built = accept_and_load(Settings.from_environment(), name, old, new, by, reason)
    except (SettingsError, AcceptError, DeclarationError, WarehouseError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    c = built.counts
    click.echo(f"{name}: {built.status}. {built.message}".strip())
    if built.status == "loaded" and c:
        click.echo(
            f"  {c['read']:,} read = {c['new']:,} new + {c['changed']:,} changed + {c['unchanged']:,} unchanged + "
            f"{c['repeated']:,} repeated + {c['quarantined']:,} set aside"
        )
        click.echo("  `city-platform run` brings what depends on it up to it.")
    sys.exit(0 if built.status in ("loaded", "unchanged") else 3)
