"""The command line of the entities step: `city-platform review`, `decide`, `explain` and `retrain`.

Belongs here: options, exit codes and what is printed. Does not belong here: the work (the modules of this folder).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from city_platform.city_options import city_options, settings_of
from city_platform.shown import console as shown_console
from city_platform.shown import plain_table

if TYPE_CHECKING:
    import duckdb

    from city_platform.entities.linking.model import EntityType
    from city_platform.entities.sampling import Measured
    from city_platform.settings import Settings

TYPES = click.Choice(["person", "business", "organisation", "address"])
UNTRAINED = 3  # the exit code where weights were not trained
NOTHING = 4  # the exit code where there is nothing to show


def _opened(settings: Settings) -> duckdb.DuckDBPyConnection:
    from city_platform.warehouse import WarehouseError, read_published

    try:
        return read_published(settings.published / "operator.duckdb")
    except WarehouseError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)


@click.command()
@click.option("--type", "entity_type", type=TYPES, help="Only links of this type.  [default: all]")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="How many to show.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Instead, N pairs drawn at random, to measure the links by.",
)
@click.option(
    "--seed",
    default=1,
    show_default=True,
    type=click.IntRange(min=0),
    help="Of the sample: another draws others.",
)
@click.option("--measure", is_flag=True, help="Say how right the links are, by the judgements of samples.")
@click.option("--ask", is_flag=True, help="Ask for a judgement of each, and record it.")
@click.option("--by", help="With --ask: who judges.")
@city_options
def review(
    entity_type: str | None,
    limit: int,
    sample: int | None,
    seed: int,
    measure: bool,
    ask: bool,
    by: str | None,
    city: str | None,
    home: str | None,
) -> None:
    """Show the links that most deserve a person's look: uncertain, and with much hanging on them.

    Each with both records, what agrees and differs, and the command that records what you decide. Those that somebody has
    judged are left out. Exit code 4: there is nothing to look at.

    \b
    city-platform review --type person --limit 5
    city-platform review --ask --by "A. Clerk"                          # asks, and records
    city-platform review --sample 40 --type person --ask --by "A. Clerk"
    city-platform review --measure
    """
    if ask and not by:
        raise click.UsageError("With --ask say who judges: --by NAME.")
    if measure and (ask or sample):
        raise click.UsageError("--measure only reads; give it alone.")
    settings = settings_of(city, home)
    if measure:
        sys.exit(_measure(settings))
    from city_platform.entities.linked import NotLinkedError

    con = _opened(settings)
    try:
        if sample:
            shown = _sample(con, settings, entity_type, sample, seed, by if ask else None)
        else:
            shown = _review(con, settings, entity_type, limit, by if ask else None)
    except NotLinkedError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    finally:
        con.close()
    if not shown:
        click.echo("There is nothing to look at.")
        sys.exit(NOTHING)


def _types(con: duckdb.DuckDBPyConnection, entity_type: str | None) -> list[EntityType]:
    from city_platform.entities.linked import linked_types

    return [t for t in linked_types(con) if entity_type in (None, t)]


def _review(
    con: duckdb.DuckDBPyConnection, settings: Settings, entity_type: str | None, limit: int, by: str | None
) -> int:
    from city_platform.entities.address_links import address_items, show_address_item
    from city_platform.entities.decisions import decisions_path
    from city_platform.entities.review import command, judged_pairs, show_item, worth_a_look

    console = shown_console()
    judged = judged_pairs(decisions_path(settings))
    place = 0
    for place, item in enumerate(worth_a_look(con, _types(con, entity_type), limit, judged), start=1):
        show_item(console, con, item, place, settings, with_commands=by is None)
        if by and not _ask(settings, item.candidate.entity_type, item.a, item.b, by, ""):
            return place
    if entity_type in (None, "address"):
        for address in address_items(con, limit - place, judged):
            place += 1
            show_address_item(console, address, place)
            if by and not _ask(settings, "address", address.a, address.b, by, ""):
                return place
            if not by:
                for judgement in ("same", "not-same", "unsure"):
                    console.print(
                        command(settings, address.a, address.b, "address", judgement),
                        soft_wrap=True,
                        markup=False,
                    )
                console.print()
    return place


def _sample(
    con: duckdb.DuckDBPyConnection,
    settings: Settings,
    entity_type: str | None,
    number: int,
    seed: int,
    by: str | None,
) -> int:
    from city_platform.entities.decisions import decisions_path
    from city_platform.entities.linked import address_of, model_of, record_of
    from city_platform.entities.review import command, judged_pairs, show_blind
    from city_platform.entities.sampling import draw

    types = _types(con, entity_type)
    if not types:
        raise click.UsageError(
            "Addresses are found by rules and not by weight: a sample is of persons, businesses or organisations."
        )
    console = shown_console()
    judged = judged_pairs(decisions_path(settings))
    shown = 0
    for kind in types:
        drawn = draw(con, model_of(con, kind), number, seed)
        records = record_of(con, kind, [n for d in drawn for n in (d.node_a, d.node_b)])
        todo = [d for d in drawn if frozenset((str(records[d.node_a]), str(records[d.node_b]))) not in judged]
        console.print(
            f"{kind}: {len(drawn)} pairs drawn with seed {seed}, {len(drawn) - len(todo)} of them judged. What the model thinks is not shown."
        )
        for place, d in enumerate(todo, start=1):
            shown += 1
            a, b = records[d.node_a], records[d.node_b]
            console.rule(f"[bold]{place} of {len(todo)}. {kind}[/bold]", align="left")
            for name, record in (("one", a), ("other", b)):
                console.print(f"{name}: {record}, at {address_of(con, record)}", markup=False, soft_wrap=True)
            show_blind(console, con, kind, d.node_a, d.node_b)
            if by and not _ask(settings, kind, a, b, by, str(d)):
                return shown
            if not by:
                for judgement in ("same", "not-same", "unsure"):
                    console.print(
                        command(settings, a, b, kind, judgement, str(d)), soft_wrap=True, markup=False
                    )
                console.print()
    return shown


def _ask(settings: Settings, kind: str, a: object, b: object, by: str, sample: str) -> bool:
    """Ask for a judgement and record it; returns whether to go on."""
    from city_platform.entities.decide import append, new_values
    from city_platform.entities.decisions import decisions_path, parse_record

    said = click.prompt("same, not same, unsure, skip or quit", type=click.Choice(["s", "n", "u", "k", "q"]))
    if said in ("k", "q"):
        return bool(said == "k")
    why = click.prompt("why")
    one, other = parse_record(str(a)), parse_record(str(b))
    if one and other:
        judgement = {"s": "same", "n": "not_same", "u": "unsure"}[said]
        path = decisions_path(settings)
        click.echo(
            f"{append(path, new_values(kind, one, other, judgement, by, why, sample))} recorded in {path}"
        )
    return True


def _measure(settings: Settings) -> int:
    from city_platform.entities.decisions import decisions_path, read_file
    from city_platform.entities.sampling import judged_lines
    from city_platform.entities.sampling import measure as measure_links

    found = measure_links(judged_lines(read_file(decisions_path(settings)).lines))
    if not found:
        click.echo(
            f"No pair of a sample has been judged yet. Start with: city-platform review{settings.city_option} --sample 40"
        )
        return NOTHING
    table = plain_table(
        "How right the links are, by people's judgement of pairs drawn at random",
        ("", "", "estimate", "95% interval", "judged", "of pairs", "unsure"),
        right=("estimate", "judged", "of pairs", "unsure"),
    )
    for m in found:
        value = "–" if m.value is None else f"{m.value:.3f}"
        table.add_row(
            m.entity_type,
            m.metric,
            value,
            f"{m.low:.3f} to {m.high:.3f}",
            f"{m.n:,}",
            f"{m.pairs:,}",
            f"{m.unsure:,}",
        )
    console = shown_console()
    console.print(table)
    console.print(
        "Of the pairs of kinds of record that share a block and weigh enough to be kept: precision, how many of those that "
        "were linked are the same; recall, how many of the same were linked. Pairs that no block brought together are not in it."
    )
    for text in _not_judged(found):
        console.print(text)
    return 0


def _not_judged(found: list[Measured]) -> list[str]:
    return [
        f"{m.entity_type}: {100 * m.not_judged:.1f}% of the pairs are in bands of which none was judged; the estimate is "
        "without them, the interval with them. Judge more: the same seed with a larger --sample goes on."
        for m in found
        if m.not_judged > 0 and m.metric == "precision"
    ]


@click.command()
@click.argument("record_a", required=False)
@click.argument("record_b", required=False)
@click.argument("judgement", required=False, type=click.Choice(["same", "not-same", "unsure"]))
@click.option("--by", required=True, help="Who decides.")
@click.option("--why", required=True, help="Why; kept with the decision.")
@click.option("--type", "entity_type", type=TYPES, help="Of what, where the records name several.")
@click.option("--revoke", metavar="DECISION_ID", help="Take this decision back instead.")
@click.option(
    "--sample", default="", metavar="TEXT", help="Of a pair that was drawn: as `review --sample` writes it."
)
@city_options
def decide(
    record_a: str | None,
    record_b: str | None,
    judgement: str | None,
    by: str,
    why: str,
    entity_type: str | None,
    revoke: str | None,
    sample: str,
    city: str | None,
    home: str | None,
) -> None:
    """Record that two records are, or are not, the same person, business, organisation or address.

    A record is AGENCY/FEED:KEY, and #ROLE after it where it names several people. The decision is a line of
    <home>/<city>/decisions.csv: every later run obeys it, until it is taken back. Exit code 2: it cannot be taken.

    \b
    city-platform decide housing/tenancies:ab12#tenant revenues/council_tax:cd34#liable same --by "A. Clerk" --why "rang them"
    city-platform decide --revoke d_0123456789ab --by "A. Clerk" --why "wrong file"
    """
    if revoke and (record_a or record_b or judgement):
        raise click.UsageError("--revoke takes back one decision; give no records with it.")
    from city_platform.entities.sampling import SAMPLE

    if sample and not SAMPLE.fullmatch(sample):
        raise click.UsageError(
            "--sample is not as `city-platform review --sample N` writes it; leave it out."
        )
    if not revoke and not (record_a and record_b and judgement):
        raise click.UsageError("Give two records and a judgement: RECORD_A RECORD_B same|not-same|unsure.")
    settings = settings_of(city, home)
    from city_platform.entities.decide import (
        DecideError,
        append,
        find_records,
        new_values,
        revoking_values,
        standing,
    )
    from city_platform.entities.decisions import decisions_path

    path = decisions_path(settings)
    try:
        if revoke:
            values = revoking_values(path, revoke, by, why)
        else:
            con = _opened(settings)
            try:
                kind, a, b = find_records(con, (str(record_a), str(record_b)), entity_type)
            finally:
                con.close()
            values = new_values(kind, a, b, str(judgement), by, why, sample)
            for text in standing(path, values):
                click.echo(f"Already decided of these two: {text}")
        decision_id = append(path, values)
    except DecideError as error:
        raise click.UsageError(str(error)) from None
    except OSError as error:
        click.echo(f"Error: {path}: {error.strerror or error}", err=True)
        sys.exit(1)
    if revoke:
        click.echo(f"{revoke} is taken back, in {path}.")
    else:
        said = values["judgement"].replace("_", " ")
        click.echo(
            f"{decision_id}: {values['record_a']} and {values['record_b']} are {_as_said(said, kind)}, in {path}."
        )
    click.echo(f"`city-platform run{settings.city_option}` obeys it.")


def _as_said(judgement: str, kind: str) -> str:
    return {"same": f"one {kind}", "not same": f"not one {kind}"}.get(judgement, "left unsure")


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--type", "entity_type", type=TYPES, help="Of what, where the records name several.")
@click.option(
    "--picture",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Draw the sum as a waterfall, to this PNG file.",
)
@city_options
def explain(
    a: str, b: str, entity_type: str | None, picture: Path | None, city: str | None, home: str | None
) -> None:
    """Say why two records, or two entities, are one, or are not.

    A and B are records (AGENCY/FEED:KEY, and #ROLE after it where it names several people) or ids (p_…, b_…, o_…): what
    agrees and how much that weighs, which blocks bring them together, what keeps them apart, and the chain of links.
    """
    settings = settings_of(city, home)
    from city_platform.entities.address_links import show_addresses
    from city_platform.entities.decide import DecideError, find_records
    from city_platform.entities.explain import draw, show
    from city_platform.entities.explain import explain as explain_pair
    from city_platform.entities.linked import NotLinkedError

    con = _opened(settings)
    try:
        show(shown_console(), con, found := explain_pair(con, a, b, entity_type))
        if picture:
            click.echo(f"Drawn: {draw(found, picture)}")
    except DecideError as error:
        raise click.UsageError(str(error)) from None
    except NotLinkedError as error:
        if str(error) != "address":
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        if picture:
            raise click.UsageError("Addresses are found by rules: there is no sum to draw.") from None
        if a.startswith("a_"):
            raise click.UsageError(
                "Of addresses name two records: what is settled is which address each is at."
            ) from None
        try:
            _, one, other = find_records(con, (a, b), "address")
        except DecideError as said:
            raise click.UsageError(str(said)) from None
        show_addresses(shown_console(), con, one, other)
    finally:
        con.close()


@click.command()
@click.option(
    "--type",
    "entity_types",
    type=click.Choice(["person", "business", "organisation"]),
    multiple=True,
    help="Only the weights of this type; may be given again.  [default: all]",
)
@click.option("--shipped", is_flag=True, help="Instead, go back to the weights that ship.")
@city_options
def retrain(entity_types: tuple[EntityType, ...], shipped: bool, city: str | None, home: str | None) -> None:
    """Estimate the weights of linking anew from the city's own records, with Splink.

    What too few records speak for keeps its weight. The next run links everything anew with the new weights. Exit code 0:
    all were trained. 3: of some type the weights in force stay, and it is said why.
    """
    settings = settings_of(city, home)
    from city_platform.entities.linking.model import LINKED
    from city_platform.entities.train import back_to_shipped, retrain_types
    from city_platform.warehouse import Warehouse, WarehouseError

    types: tuple[EntityType, ...] = entity_types or LINKED
    try:
        with Warehouse(settings) as warehouse:
            if shipped:
                with warehouse.transaction() as con:
                    for entity_type in types:
                        back_to_shipped(con, entity_type)
                said, is_trained = ["The shipped weights are in force again."], True
            else:
                said, checks = retrain_types(warehouse, types)
                is_trained = all(": version " in text for text in said) and all(c.passed for c in checks)
    except WarehouseError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(1)
    for text in said:
        click.echo(text)
    click.echo(f"`city-platform run{settings.city_option}` links with the weights in force.")
    sys.exit(0 if is_trained else UNTRAINED)
