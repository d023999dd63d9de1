"""Shown: the console and the tables in which commands show what they found.

Belongs here: how wide, and how a table looks. Does not belong here: what is shown.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

PIPED_WIDTH = 150  # columns, where the output is no terminal


def console() -> Console:
    """The console, as wide as its terminal, or wide enough for a file."""
    from rich.console import Console

    own = Console(highlight=False)
    return own if own.is_terminal else Console(highlight=False, width=PIPED_WIDTH)


def plain_table(
    title: str, columns: Iterable[str], right: Collection[str] = (), whole: Collection[str] = ()
) -> Table:
    """A table without rows. right: columns of numbers; whole: columns that are never folded into several lines."""
    from rich import box
    from rich.table import Table

    table = Table(title=title or None, title_justify="left", box=box.SIMPLE, pad_edge=False)
    for name in columns:
        # what is cut cannot be asked for
        table.add_column(
            name, justify="right" if name in right else "left", overflow="fold", no_wrap=name in whole
        )
    return table
