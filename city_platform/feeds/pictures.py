"""Pictures of the feeds step.

Belongs here: drawing. Does not belong here: counting (provenance.delivery holds the numbers).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import duckdb

FATES = ("new", "changed", "unchanged", "repeated", "quarantined")
COLOURS = ("#1b7837", "#f1a340", "#9ecae1", "#bdbdbd", "#b2182b")
LATEST = 3  # deliveries shown a feed


def delivery_picture(con: duckdb.DuckDBPyConnection) -> bytes:
    """A PNG: for each feed's newest loaded deliveries, the rows by what became of them."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = con.execute(
        f"""select feed || '  #' || sequence, {", ".join(f"rows_{f}" for f in FATES)} from provenance.delivery
        where status = 'loaded'
        qualify row_number() over (partition by feed order by sequence desc) <= {LATEST}
        order by feed desc, sequence"""
    ).fetchall()
    figure = Figure(figsize=(9, 1.2 + 0.38 * max(len(rows), 1)), layout="constrained")
    axes = figure.add_subplot()
    labels = [str(r[0]) for r in rows]
    left = [0] * len(rows)
    for position, (fate, colour) in enumerate(zip(FATES, COLOURS, strict=True), start=1):
        values = [int(r[position] or 0) for r in rows]
        axes.barh(labels, values, left=left, color=colour, label=fate)
        left = [a + b for a, b in zip(left, values, strict=True)]
    for index, total in enumerate(left):
        axes.text(total, index, f" {total:,}", va="center", fontsize=8)
    axes.set_title("Rows of the newest loaded deliveries, by what became of them", fontsize=10, loc="left")
    axes.margins(x=0.12)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axes.tick_params(labelsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    if rows:
        figure.legend(loc="outside lower center", ncols=len(FATES), fontsize=8, frameon=False)
    out = io.BytesIO()
    FigureCanvasAgg(figure).print_png(out)
    return out.getvalue()
