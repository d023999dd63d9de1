"""Show: what `feed new` found, and what to type next, on the terminal.

Belongs here: printing a draft. Does not belong here: drafting (draft.py), judging (check.py).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from city_platform.feeds.drafting.draft import Draft, Written
from city_platform.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console

WIDTH = 120
COLUMNS = 60  # of a feed that are shown


def show(written: Written, address: str, settings: Settings) -> None:
    """Print every draft, and the next commands."""
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:  # nothing is known of its width
        console.width = WIDTH
    is_one = len(written.drafts) == 1
    for drafted in written.drafts:
        console.print(_headline(drafted), markup=False)
        if is_one:
            _table(console, drafted)
        for note in drafted.notes:
            console.print(f"  {note}", markup=False, soft_wrap=True)
    console.print(f"Written to {written.path}", markup=False, soft_wrap=True)
    for line in written.city_lines:
        console.print(f"Added to city.yaml: {line}", markup=False)
    unjudged = [c.name for d in written.drafts for c in d.columns if not c.classification]
    if unjudged:
        console.print(
            f"Judge the class of: {', '.join(unjudged)} (search for `class?`).", markup=False, soft_wrap=True
        )
    console.print("Next:", markup=False)
    for command in next_commands(written, address, settings):
        console.print(f"  {command}", markup=False, soft_wrap=True)


def next_commands(written: Written, address: str, settings: Settings) -> list[str]:
    """What to type now."""
    city = settings.city_option
    home = "" if settings.home.parent == Path("data").absolute() else f" --home {settings.home.parent}"
    commands = []
    file = written.source.get("file")
    place = settings.mirror or settings.inbox
    if file and not (place / str(file)).exists():
        commands.append(f"mkdir -p {settings.inbox} && cp {address} {settings.inbox}/{file}")
    target = written.drafts[0].feed if len(written.drafts) == 1 else ""
    commands.append(f"city-platform feed check {target}{city}{home}".replace("  ", " "))
    commands.append(f"city-platform run{city}{home}")
    return commands


def _headline(drafted: Draft) -> str:
    seen = f"{drafted.rows:,} rows"
    if drafted.looked_at < drafted.rows:
        seen += f", {drafted.looked_at:,} of them looked at"
    return f"{drafted.feed}: {seen}, {len(drafted.columns)} columns, key: {drafted.key}"


def _table(console: Console, drafted: Draft) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 2))
    for title, least, most in (
        ("column", 12, 36),
        ("type", 9, 26),
        ("looks like", 10, 28),
        ("class", 8, 8),
        ("such as", 8, 40),
    ):
        table.add_column(title, overflow="ellipsis", no_wrap=True, min_width=least, max_width=most)
    for column in drafted.columns[:COLUMNS]:
        cells = (column.name, column.type, column.looks_like, column.classification or "?", column.example)
        table.add_row(*(Text(" ".join(cell.split())) for cell in cells))
    console.print(table)
    if len(drafted.columns) > COLUMNS:
        console.print(f"  … and {len(drafted.columns) - COLUMNS} more", markup=False)
