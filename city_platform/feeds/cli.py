"""The command line of the feeds step: `city-platform feed …`.

Belongs here: options, exit codes and what is printed. Does not belong here: the work (the modules of this folder).
"""

from __future__ import annotations

import sys

import click

from city_platform.city_options import city_and_mirror_options, set_environment


@click.group()
def feed() -> None:
    """Add a feed, look at one, and decide what it may send."""


@feed.command()
@click.argument("name", metavar="AGENCY/FEED")
@click.option("--rename", metavar="OLD=NEW", help="The declared column OLD is sent as NEW from now on.")
@click.option("--release", is_flag=True, help="The delivery that is held now is right as it is: load it.")
@click.option("--by", help="Who decides.  [default: the user of this machine]")
@click.option("--reason", default="", help="Why; kept with the decision.")
@city_and_mirror_options
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
    if bool(rename) == release:
        raise click.UsageError("Give --rename OLD=NEW or --release, one of them.")
    if rename and "=" not in rename:
        raise click.UsageError(f"--rename {rename}: write OLD=NEW, the declared name first.")
    set_environment(city, home, mirror)
    from city_platform.feeds.accept import AcceptError
    from city_platform.feeds.one import accept_and_load
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


@feed.command()
@click.argument("what", metavar="[AGENCY or AGENCY/FEED]", required=False)
@click.option("--out", metavar="DIR", help="Where to write it.  [default: reports/ in the city's data]")
@city_and_mirror_options
def report(what: str | None, out: str | None, city: str | None, home: str | None, mirror: str | None) -> None:
    """Write what was wrong with the newest deliveries, to be sent to who can mend it.

    One page and one CSV an agency, of what that agency can mend; and _us, what we have to. Every run writes them all
    to reports/ too. Waits for a run that goes on.
    """
    from pathlib import Path

    set_environment(city, home, mirror)
    from city_platform.feeds.report import ReportError, write_wanted
    from city_platform.settings import Settings, SettingsError
    from city_platform.warehouse import WarehouseError
    from city_platform.yaml_files import DeclarationError

    try:
        settings = Settings.from_environment()
        pages = write_wanted(settings, what, Path(out) if out else settings.reports, click.echo)
    except (SettingsError, ReportError, DeclarationError, WarehouseError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    for page, issues in pages:
        click.echo(f"{issues:>9,} to mend  {page}")
    click.echo("Beside each page stands the CSV with everything. Values of personal columns are masked.")


@feed.command()
@click.argument("name", metavar="AGENCY/FEED")
@click.option("--from", "first", metavar="DATE", help="Load the days from this one on, as YYYY-MM-DD.")
@click.option("--to", "last", metavar="DATE", help="The last of these days.  [default: today]")
@click.option("--debug", is_flag=True, help="Show a whole error, values and all; nothing keeps it.")
@city_and_mirror_options
def load(
    name: str,
    first: str | None,
    last: str | None,
    debug: bool,
    city: str | None,
    home: str | None,
    mirror: str | None,
) -> None:
    """Load one feed now; of a feed that is sent day by day, all days of a range at once.

    Exit code 0: loaded, or nothing is new. 3: held or missing. 1: it failed.

    \b
    city-platform feed load police/incidents --from 2020-07-01 --to 2020-07-31
    """
    set_environment(city, home, mirror)
    from city_platform.feeds.backfill import BackfillError
    from city_platform.feeds.one import load_one
    from city_platform.settings import Settings, SettingsError
    from city_platform.warehouse import WarehouseError
    from city_platform.yaml_files import DeclarationError

    try:
        sys.exit(load_one(Settings.from_environment(), name, first, last, click.echo, debug))
    except (SettingsError, BackfillError, DeclarationError, WarehouseError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


@feed.command()
@click.argument("name", metavar="AGENCY/FEED")
@click.option(
    "--from",
    "address",
    required=True,
    help="A file, an http(s) address, socrata:HOST/ID, ckan:HOST/RESOURCE, arcgis:URL, ratings:HOST/AUTHORITY or "
    "database:NAME/TABLE.",
)
@click.option("--sheet", help="Of a workbook: which sheet.  [default: the longest]")
@click.option("--member", help="Of a zip: which file in it, by name or pattern.  [default: the largest]")
@click.option("--password", metavar="NAME", help="The name of the secret that opens a zip or a workbook.")
@click.option("--token", metavar="NAME", help="The name of the secret that a portal or server asks for.")
@city_and_mirror_options
def new(
    name: str,
    address: str,
    sheet: str | None,
    member: str | None,
    password: str | None,
    token: str | None,
    city: str | None,
    home: str | None,
    mirror: str | None,
) -> None:
    """Write a feed's YAML from a sample of its data.

    The data is looked at, not loaded. What looks personal is declared so, and none of its values are shown. What was
    not recognised for sure stands in comments. A file in DTF 7.3 makes one feed for each of its record types.

    \b
    city-platform feed new licensing/dogs --from ~/Downloads/dogs.xlsx --city cities/ours
    city-platform feed new licensing/street_trading --from socrata:data.example.gov/abcd-1234
    city-platform feed new address_custodian/gazetteer --from gazetteer.csv
    """
    set_environment(city, home, mirror)
    from city_platform.feeds.drafting.draft import draft
    from city_platform.feeds.drafting.errors import DraftError
    from city_platform.feeds.drafting.sample import Wanted
    from city_platform.feeds.drafting.show import show
    from city_platform.settings import Settings, SettingsError
    from city_platform.yaml_files import DeclarationError

    try:
        settings = Settings.from_environment()
        written = draft(name, address, settings, Wanted(sheet, member, password, token))
    except (SettingsError, DraftError, DeclarationError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    show(written, address, settings)


@feed.command()
@click.argument("name", metavar="[AGENCY/FEED]", required=False)
@click.option("--from", "file", metavar="FILE", help="Judge this file as if the agency had sent it.")
@city_and_mirror_options
def check(name: str | None, file: str | None, city: str | None, home: str | None, mirror: str | None) -> None:
    """Say what is wrong with a feed's YAML and its data, without loading anything.

    Without a name, every feed of the city is looked at, and the data of those whose files are on this machine. With a
    name, its source is asked. Exit code 0: it would be loaded. 1: it would not, or its YAML is faulty. 3: of the feed that
    is named there was no data to judge.

    \b
    city-platform feed check
    city-platform feed check licensing/dogs --from dogs_july.csv
    """
    set_environment(city, home, mirror)
    from city_platform.feeds.drafting.check import check as check_feeds
    from city_platform.feeds.drafting.check import tell
    from city_platform.feeds.drafting.errors import DraftError
    from city_platform.settings import Settings, SettingsError
    from city_platform.yaml_files import DeclarationError

    is_faulty = is_missing = False
    try:
        for found in check_feeds(Settings.from_environment(), name, file):
            click.echo("\n".join(tell(found)))
            is_faulty = is_faulty or found.is_faulty
            is_missing = name is not None and found.status == "missing"
    except (SettingsError, DraftError, DeclarationError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    sys.exit(1 if is_faulty else 3 if is_missing else 0)
