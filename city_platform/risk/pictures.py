"""Pictures of backtests. Here: drawing what `risk.backtest` holds. Not here: computing any of it."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


def backtest_picture(backtest: pd.DataFrame) -> bytes:
    """A PNG, 900 × 450 pixels: each model's AUC and interval in each window and over all.

    `backtest` holds the rows of one case of `risk.backtest`; without any, the picture says so.
    """
    import pandas as pd
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4.5), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    rows = backtest[
        (backtest["metric"] == "auc") & (backtest["compared_with"] == "") & (backtest["slice"] == "all")
    ].assign(
        start=lambda table: pd.to_datetime(table["window_start"]),
        end=lambda table: pd.to_datetime(table["window_end"]),
    )
    if rows.empty:
        axes.set_axis_off()
        axes.text(0.5, 0.5, "Too few labelled visits for a backtest", ha="center", va="center")
    else:
        spans = sorted(
            set(zip(rows["start"], rows["end"], strict=True)), key=lambda span: (span[1] - span[0], span)
        )
        shortest = spans[0][1] - spans[0][0]
        places = {span: place for place, span in enumerate(spans)}
        models = list(dict.fromkeys(rows["model"]))
        for number, model in enumerate(models):
            own = rows[rows["model"] == model]
            offset = (number - (len(models) - 1) / 2) * 0.8 / len(models)
            axes.errorbar(
                [places[span] + offset for span in zip(own["start"], own["end"], strict=True)],
                own["value"],
                yerr=[(own["value"] - own["low"]).clip(lower=0), (own["high"] - own["value"]).clip(lower=0)],
                fmt="o",
                markersize=4,
                linewidth=1,
                color=f"C{number}",
                label=model.replace("_", " "),
            )
        axes.axhline(0.5, color="grey", linewidth=0.8, linestyle=":")
        names = [f"{start:%d %b\n%Y}" if end - start == shortest else "all\nwindows" for start, end in spans]
        axes.set_xticks(range(len(spans)), names)
        axes.set_ylabel("AUC (0.5: no better than chance)")
        axes.set_xlabel("First day of the window; bars are 95% intervals")
        figure.legend(loc="outside upper center", ncols=len(models), frameon=False, fontsize="small")
    picture = BytesIO()
    # Without metadata the same rows always give the same bytes.
    figure.savefig(picture, format="png", metadata={"Software": None})
    return picture.getvalue()
