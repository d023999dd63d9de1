"""Pictures of the linking. Belongs here: drawing what entity.link_metric and the models hold. Does not: computing it.

Each picture is a PNG; the same numbers always give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# entity type, feed, metric, slice → value: one run's rows of entity.link_metric
Numbers = Mapping[tuple[str, str, str, str], float]

SIZES = ("1", "2", "3–5", "6–10", "11–20", "21–50", "51–100", "101–1,000", "over 1,000")
FOR, AGAINST, PLAIN = "#2171b5", "#cb181d", "#6baed6"
# What became of a feed's records, from the best to the worst.
FATES = (
    ("with another feed's record", "#08519c"),
    ("with its own feed's records", "#6baed6"),
    ("alone in its entity", "#fdae6b"),
    ("linked to nothing", "#cb181d"),
)
# In which way a record was settled: of addresses as in entity.address_settled, of the others the link's method.
METHODS = {
    "cross-reference": "#08306b",
    "identifier": "#2171b5",
    "text": "#6baed6",
    "exact": "#9ecae1",
    "text by score and margin": "#74c476",
    "model": "#31a354",
    "among themselves": "#c7e9c0",
    "decision": "#54278f",
    "no other record": "#fdae6b",
    "none": "#cb181d",
}
KINDS = {"create": "#6baed6", "merge": "#31a354", "split": "#fdae6b", "retire": "#969696"}
FEEDS_SHOWN = 30


@dataclass(frozen=True)
class LevelWeight:
    """What one level of one comparison weighs, in bits; is_rarer_more: rare values weigh more than that, common less."""

    comparison: str
    label: str
    bits: float
    is_rarer_more: bool


def model_picture(
    entity_type: str, numbers: Numbers, levels: Sequence[LevelWeight], link_from: float | None
) -> bytes:
    """What each level weighs, how many pairs came to which weight, and how large the entities are, of one type.

    Without levels (addresses, which no weights join) only the sizes.
    """
    from matplotlib.figure import Figure

    if not levels:
        figure = Figure(figsize=(5.5, 3.2), layout="constrained")
        _draw_sizes(figure.subplots(), entity_type, numbers)
        return _png(figure)
    figure = Figure(figsize=(12, max(4.5, 0.9 + 0.2 * len(levels))), layout="constrained")
    grid = figure.add_gridspec(2, 2, width_ratios=[1.2, 1])
    _draw_weights(figure.add_subplot(grid[:, 0]), levels)
    _draw_scores(figure.add_subplot(grid[0, 1]), entity_type, numbers, link_from)
    _draw_sizes(figure.add_subplot(grid[1, 1]), entity_type, numbers)
    figure.suptitle(entity_type, fontweight="bold")
    return _png(figure)


def unmatched_picture(numbers: Numbers) -> bytes:
    """Of each feed's records that name an entity of a type, the share that came to each fate."""
    from matplotlib.figure import Figure

    counted = {}
    for entity_type in _types(numbers, "records"):
        rows = []
        for feed in _feeds(numbers, entity_type, "records"):
            records, linked, alone, matched = (
                numbers.get((entity_type, feed, metric, ""), 0.0)
                for metric in ("records", "linked", "alone", "matched")
            )
            rows.append((feed, [matched, linked - alone - matched, alone, records - linked]))
        counted[entity_type] = _worst_first(rows)
    figure = Figure(figsize=(11, _height(counted)), layout="constrained")
    _draw_shares(figure, counted, FATES)
    return _png(figure)


def methods_picture(numbers: Numbers) -> bytes:
    """Of each feed's records of a type, the share that was settled in each way."""
    from matplotlib.figure import Figure

    seen = {part for _, _, metric, part in numbers if metric == "method"}
    ways = {way: colour for way, colour in METHODS.items() if way in seen}
    counted = {
        entity_type: [
            (feed, [numbers.get((entity_type, feed, "method", m), 0.0) for m in ways])
            for feed in _feeds(numbers, entity_type, "method")
        ]
        for entity_type in _types(numbers, "method")
    }
    figure = Figure(figsize=(11, _height(counted)), layout="constrained")
    _draw_shares(figure, counted, tuple(ways.items()))
    return _png(figure)


def ids_picture(changed: Mapping[tuple[str, str, str], float]) -> bytes:
    """How many ids were created, merged, split and retired, by type and cause. changed: (type, kind, cause) → number."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.4), layout="constrained")
    axes = figure.subplots()
    places = sorted({(entity_type, cause) for (entity_type, _, cause), n in changed.items() if n > 0})
    if not places:
        return _sentence(figure, axes, "No id changed in this run")
    for n, (kind, colour) in enumerate(KINDS.items()):
        values = [changed.get((t, kind, cause), 0.0) for t, cause in places]
        bars = axes.barh(
            [i + (n - 1.5) * 0.2 for i in range(len(places))], values, 0.19, color=colour, label=kind
        )
        axes.bar_label(
            bars, labels=[f" {int(v):,}" if v else "" for v in values], fontsize="x-small", padding=1
        )
    axes.set_yticks(range(len(places)), [f"{t}, by {cause}" for t, cause in places])
    axes.invert_yaxis()
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, 4 * max(changed.values()))
    axes.set_xlabel("ids changed in this run (a scale of powers of ten)")
    figure.legend(loc="outside upper center", ncols=len(KINDS), frameon=False, fontsize="small")
    _clean(axes)
    return _png(figure)


def _draw_weights(axes: Axes, levels: Sequence[LevelWeight]) -> None:
    bars = axes.barh(
        range(len(levels)),
        [w.bits for w in levels],
        0.75,
        color=[FOR if w.bits > 0 else AGAINST for w in levels],
    )
    axes.bar_label(bars, labels=[f" {w.bits:+.1f}" for w in levels], fontsize="x-small", padding=2)
    axes.set_yticks(
        range(len(levels)),
        [f"{w.comparison}: {w.label}{' *' if w.is_rarer_more else ''}" for w in levels],
        fontsize="x-small",
    )
    for n in range(1, len(levels)):
        if levels[n].comparison != levels[n - 1].comparison:
            axes.axhline(n - 0.5, color="#cccccc", linewidth=0.8)
    axes.set_ylim(len(levels) - 0.4, -0.6)
    axes.margins(x=0.14)
    axes.axvline(0, color="black", linewidth=0.8)
    axes.set_xlabel("bits for (right) or against (left) one entity;  * rarer values weigh more")
    axes.set_title("What each agreement weighs", fontsize="medium")
    _clean(axes)


def _draw_scores(axes: Axes, entity_type: str, numbers: Numbers, link_from: float | None) -> None:
    pairs = {
        int(part): value
        for (kind, _, metric, part), value in numbers.items()
        if kind == entity_type and metric == "pairs_of_weight"
    }
    axes.set_title("Pairs that were compared and kept, by weight", fontsize="medium")
    if not pairs:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "No pair was kept", ha="center", va="center")
        return
    weights = sorted(pairs)
    colours = [FOR if link_from is not None and w >= link_from else PLAIN for w in weights]
    axes.bar([w + 0.5 for w in weights], [pairs[w] for w in weights], 0.95, color=colours)
    if link_from is not None:
        axes.axvline(link_from, color=AGAINST, linewidth=1)
        axes.annotate(
            f" linked from {link_from:g}",
            (link_from, 1),
            xycoords=("data", "axes fraction"),
            va="top",
            fontsize="small",
            color=AGAINST,
        )
    axes.set_xlabel("weight in bits")
    axes.set_ylabel("pairs")
    _clean(axes)


def _draw_sizes(axes: Axes, entity_type: str, numbers: Numbers) -> None:
    values = [numbers.get((entity_type, "", "entities_of_size", size), 0.0) for size in SIZES]
    bars = axes.bar(range(len(SIZES)), values, 0.8, color=PLAIN)
    axes.bar_label(bars, labels=[f"{int(v):,}" if v else "" for v in values], fontsize="x-small")
    axes.set_yscale("symlog", linthresh=1)
    axes.margins(y=0.15)
    names = [
        size.replace("–1,", "–\n1,").replace("51–", "51–\n").replace("over ", "over\n") for size in SIZES
    ]
    axes.set_xticks(range(len(SIZES)), names, fontsize="x-small")
    axes.set_xlabel("records in one " + entity_type)
    axes.set_ylabel("entities")
    largest = numbers.get((entity_type, "", "largest", ""), 0.0)
    axes.set_title(f"Sizes of the entities; the largest has {int(largest):,} records", fontsize="medium")
    _clean(axes)


def _draw_shares(
    figure: Figure,
    counted: Mapping[str, Sequence[tuple[str, list[float]]]],
    parts: Sequence[tuple[str, str]],
) -> None:
    """A panel for each entity type, a bar for each feed."""
    if not any(counted.values()):
        _sentence(figure, figure.subplots(), "Nothing is linked")
        return
    heights = [max(len(rows), 2) for rows in counted.values()]
    panels = figure.subplots(len(counted), 1, height_ratios=heights, sharex=True, squeeze=False)[:, 0]
    for axes, (entity_type, rows) in zip(panels, counted.items(), strict=True):
        left = [0.0] * len(rows)
        totals = [sum(values) for _, values in rows]
        for n, (name, colour) in enumerate(parts):
            width = [100 * values[n] / total for (_, values), total in zip(rows, totals, strict=True)]
            axes.barh(range(len(rows)), width, 0.8, left=left, color=colour, label=name)
            left = [a + b for a, b in zip(left, width, strict=True)]
        axes.set_yticks(
            range(len(rows)),
            [f"{feed} ({int(total):,})" for (feed, _), total in zip(rows, totals, strict=True)],
            fontsize="x-small",
        )
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.set_xlim(0, 100)
        axes.set_title(entity_type, fontsize="medium", loc="left")
        _clean(axes)
    panels[-1].set_xlabel("% of the feed's records, once in each role")
    handles, labels = panels[0].get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside upper center", ncols=min(len(parts), 7), frameon=False, fontsize="small"
    )


def _types(numbers: Numbers, metric: str) -> list[str]:
    return sorted({entity_type for entity_type, _, m, _ in numbers if m == metric})


def _feeds(numbers: Numbers, entity_type: str, metric: str) -> list[str]:
    """The feeds that hold the most of a type, in the order of their names."""
    sums: dict[str, float] = {}
    for (t, feed, m, _), value in numbers.items():
        if t == entity_type and m == metric and value > 0:
            sums[feed] = sums.get(feed, 0.0) + value
    return sorted(sorted(sums, key=lambda feed: (-sums[feed], feed))[:FEEDS_SHOWN])


def _worst_first(rows: list[tuple[str, list[float]]]) -> list[tuple[str, list[float]]]:
    return sorted(rows, key=lambda row: (row[1][0] / sum(row[1]), row[0]))


def _height(counted: Mapping[str, Sequence[object]]) -> float:
    return 1.0 + sum(0.45 + 0.19 * max(len(rows), 2) for rows in counted.values())


def _clean(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)


def _sentence(figure: Figure, axes: Axes, text: str) -> bytes:
    axes.set_axis_off()
    axes.text(0.5, 0.5, text, ha="center", va="center")
    return _png(figure)


def _png(figure: Figure) -> bytes:
    picture = io.BytesIO()
    # Without metadata the same numbers always give the same bytes.
    figure.savefig(picture, format="png", dpi=90, metadata={"Software": None})
    return picture.getvalue()
