"""The command line: what a person does outside the Dagster UI.

Belongs here: options, exit codes and what is printed. Does not belong here: the work (the four steps).
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from city_platform.city_options import city_options, settings_of
from city_platform.entities.cli import decide, explain, retrain, review
from city_platform.feeds.cli import feed


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="city-platform", prog_name="city-platform")
def main() -> None:
    """Join what a city's agencies hold, and turn it into work worth doing."""


@main.command()
@city_options
@click.option(
    "--mirror", envvar="CITY_PLATFORM_MIRROR", help="Read each feed from its file in this folder instead."
)
@click.option("--as-of", envvar="CITY_PLATFORM_AS_OF", help="Score as of this date, as YYYY-MM-DD.")
def run(city: str | None, home: str | None, mirror: str | None, as_of: str | None) -> None:
    """Take what the agencies have sent and bring everything up to it.

    Exit code 0: all is well. 3: it ran, but a feed is held or missing. 1: it failed. 2: wrongly called.
    """
    if mirror:
        if not Path(mirror).is_dir():
            raise click.UsageError(
                f"There is no folder {mirror} to read the feeds from. Name the folder that holds the files with "
                "--mirror (Chicago's are described in README.md, “The data”)."
            )
        os.environ["CITY_PLATFORM_MIRROR"] = str(Path(mirror).absolute())
    if as_of:
        os.environ["CITY_PLATFORM_AS_OF"] = as_of
    settings = settings_of(city, home)
    from city_platform.run import run_city
    from city_platform.warehouse import WarehouseError
    from city_platform.yaml_files import DeclarationError

    try:
        code = run_city(settings)
    except (WarehouseError, DeclarationError, ValueError) as error:
        click.echo(f"Error: {error}", err=True)
        code = 1
    sys.exit(code)


@main.group(invoke_without_command=True)
@click.option("--addresses", type=click.IntRange(min=100), help="How many addresses.  [default: 20000]")
@click.option("--seed", type=click.IntRange(min=0), help="Another seed, another borough.  [default: 1]")
@click.option(
    "--days", default=0, show_default=True, type=click.IntRange(0, 366), help="Days of later deliveries."
)
@click.option("--memory-limit", default="8GB", show_default=True, help="Memory that DuckDB may use.")
@click.option("--home", envvar="CITY_PLATFORM_HOME", help="Where each city's data lives.  [default: data]")
@click.pass_context
def synthesise(
    context: click.Context,
    addresses: int | None,
    seed: int | None,
    days: int,
    memory_limit: str,
    home: str | None,
) -> None:
    """Make Eastmere, a borough that does not exist, and what its agencies send.

    The same size, seed and days give the same bytes. The first day's files go to the inbox, those of later days to
    days/, one folder each: `city-platform run --as-of DATE` lets them arrive. The truth goes to truth/.
    """
    if context.invoked_subcommand:
        context.obj = home
        return
    settings = settings_of("eastmere", home)
    from city_platform.city import load_city
    from city_platform.synthetic.borough import Size
    from city_platform.synthetic.synthesise import synthesise as make

    own = load_city(settings.city_folder).synthetic
    default = Size(own.addresses, own.seed) if own else Size()
    size = Size(
        default.addresses if addresses is None else addresses, default.seed if seed is None else seed, days
    )
    click.echo(f"Making Eastmere: {size.addresses:,} addresses, seed {size.seed}, in {settings.home}")
    made = make(settings, size, lambda text: click.echo(f"  {text}"), memory_limit)
    click.echo(
        f"{made.records:,} records of {made.feeds} feeds in {made.seconds:.1f} s "
        f"({made.records / made.seconds:,.0f} a second)"
    )


@synthesise.command()
@click.pass_context
def outcomes(context: click.Context) -> None:
    """Play the officers who answer Eastmere's newest food worklist.

    They go; some find nobody in or the shop closed, some misjudge. What they find stands in environmental health's own
    file in the inbox, and the next `city-platform run` loads it.
    """
    settings = settings_of("eastmere", context.obj)
    from city_platform.synthetic.outcomes import play

    try:
        played = play(settings)
    except FileNotFoundError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    said = ", ".join(f"{n} {result.replace('_', ' ')}" for result, n in sorted(played.results.items()))
    visits = sum(played.results.values())
    click.echo(f"Worklist of {played.as_of}: {visits} visits ({said}); {played.bad} not broadly compliant")
    click.echo(f"Written to {played.path}. `city-platform run` loads it.")


@main.command(name="360")
@click.argument("what")
@city_options
@click.option(
    "--events", "newest", default=10, show_default=True, help="How many of the newest events to show."
)
def three_sixty(what: str, city: str | None, home: str | None, newest: int) -> None:
    """Show all that is known, by source, about one address or business.

    WHAT is an address ("1635 W DIVERSEY"), a business's name, an id (b_…, a_…) or a number (licence, account).
    """
    settings = settings_of(city, home)
    from city_platform.publish.three_sixty import look_up
    from city_platform.warehouse import WarehouseError

    try:
        found = look_up(settings, what, newest)
    except WarehouseError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    sys.exit(0 if found else 4)


@main.command()
@city_options
@click.option("--port", default=3000, show_default=True, help="Port on this machine.")
def ui(city: str | None, home: str | None, port: int) -> None:
    """Open the Dagster UI on this machine only (it has no passwords); Ctrl-C ends it."""
    settings = settings_of(city, home)
    from city_platform.city import load_city
    from city_platform.instance import prepare_instance
    from city_platform.run import make_city

    prepare_instance(settings)
    make_city(settings, load_city(settings.city_folder), click.echo)
    workspace = Path(__file__).resolve().parent.parent / "workspace.yaml"
    where = ["-w", str(workspace)] if workspace.exists() else ["-m", "city_platform.definitions"]
    os.chdir(workspace.parent if workspace.exists() else Path.cwd())
    command = [sys.executable, "-m", "dagster", "dev", *where, "--host", "127.0.0.1", "--port", str(port)]
    click.echo(f"The Dagster UI of {settings.city_folder.name} will be at http://127.0.0.1:{port}")
    os.execv(sys.executable, command)


@main.command()
@city_options
def check(city: str | None, home: str | None) -> None:
    """Read every YAML file of a city and say what is wrong with it."""
    settings = settings_of(city, home)
    from city_platform.city import load_city
    from city_platform.feeds.declaration import load_feeds
    from city_platform.risk.case import load_cases

    try:
        name = load_city(settings.city_folder).name
        if not any((settings.city_folder / "feeds").glob("*/defs.yaml")):
            click.echo(
                f"{name}: city.yaml read without fault. It has no feed yet: `city-platform feed new AGENCY/FEED "
                f"--from FILE_OR_URL --city {settings.city_folder}` writes the first."
            )
            sys.exit(0)
        feeds = load_feeds(settings.city_folder)
        cases = load_cases(settings.city_folder / "risk")
    except ValueError as error:
        click.echo(str(error), err=True)
        sys.exit(1)
    click.echo(f"{name}: {len(feeds)} feeds and {len(cases)} case(s) read without fault.")


for command in (review, decide, explain, retrain, feed):
    main.add_command(command)


@main.group(name="city")
def city_group() -> None:
    """Start a city."""


@city_group.command(name="new")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--name", help="What it is called.  [default: the folder's name]")
@click.option("--country", type=click.Choice(["GB", "US"]), default="GB", show_default=True)
@click.option(
    "--locale",
    type=click.Choice(["en_GB", "en_US"]),
    help="How addresses are read.  [default: the country's]",
)
@click.option("--time-zone", help="Such as America/Chicago.  [default: the country's]")
def new_city(folder: Path, name: str | None, country: str, locale: str | None, time_zone: str | None) -> None:
    """Start a city folder: its city.yaml, and room for feeds and cases.

    \b
    city-platform city new cities/west_yorkshire --name "West Yorkshire"
    city-platform city new /srv/springfield --country US --time-zone America/Chicago
    """
    from city_platform.feeds.drafting.errors import DraftError
    from city_platform.feeds.drafting.new_city import start_city

    try:
        made = start_city(folder, name, country, locale, time_zone)
    except (DraftError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    for path in made.files:
        click.echo(f"Written: {path}")
    shown = str(folder) if "/" in str(folder) else f"./{folder}"  # a bare name is a city that ships
    click.echo(
        f"Next:\n  narrow the box in {made.files[0]}\n"
        f"  city-platform check --city {shown}\n"
        f"  city-platform feed new AGENCY/FEED --from FILE_OR_URL --city {shown}"
    )


if __name__ == "__main__":
    main()
