"""The command line of the feeds step: `city-platform feed …`.

Belongs here: options, exit codes and what is printed. Does not belong here: the work (the modules of this folder).
"""

from __future__ import annotations

import click


@click.group()
def feed() -> None:
    """Add a feed, look at one, and decide what it may send."""
