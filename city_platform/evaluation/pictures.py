"""Pictures of the evaluation. Belongs here: drawing. Does not belong here: measuring (measure.py)."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

COLOURS = {"bcubed_precision": "#9ecae1", "bcubed_recall": "#4292c6", "bcubed_f1": "#08306b"}
NAMES = {"bcubed_precision": "precision", "bcubed_recall": "recall", "bcubed_f1": "F1"}
ADDRESS = (
    "old_address wrong_postcode missing_postcode misspelt_street flat_after_number flat_as_word flat_short "
    "abbreviated_street missing_uprn wrong_uprn wrong_cross_reference"
).split()
BUSINESS = (
    "trading_name_as_legal misspelt_business missing_company_number legal_form_variant near_repeat".split()
)
PERSON = (
    "misspelt_name nickname swapped_names initial_only missing_birth_date default_birth_date birth_date_typo "
    "former_surname old_address near_repeat"
).split()
# The kinds that can make a link of each type wrong; a misspelt name does nothing to an address.
BEARS_ON = {"address": ADDRESS, "business": BUSINESS, "organisation": BUSINESS, "person": PERSON}


def links_picture(metrics: pd.DataFrame) -> bytes:
    """Links against the truth: by entity type, and by kind of dirt (F1). metrics: rows of evaluation.metric. PNG."""
    from matplotlib.figure import Figure

    links = metrics[~metrics["subject"].str.startswith("case:")]
    kinds = links[links["slice"].str.startswith("dirt:") & (links["metric"] == "bcubed_f1")]
    bears = [
        kind == "none" or kind in BEARS_ON[subject]
        for subject, kind in zip(kinds["subject"], kinds["slice"].str.removeprefix("dirt:"), strict=True)
    ]
    kinds = kinds[bears]
    subjects = sorted(links["subject"].unique())
    height = 2.0 + 0.24 * max(len(kinds), 4)
    figure = Figure(figsize=(11, height), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1, 1.6])
    overall = links[links["slice"] == "all"]
    for n, metric in enumerate(COLOURS):
        values = [
            overall[(overall["subject"] == s) & (overall["metric"] == metric)]["value"].sum()
            for s in subjects
        ]
        places = [i + (n - 1) * 0.25 for i in range(len(subjects))]
        left.barh(places, values, 0.24, color=COLOURS[metric], label=NAMES[metric])
        for place, value in zip(places, values, strict=True):
            left.text(value + 0.01, place, f"{value:.3f}", va="center", fontsize=8)
    left.set_yticks(range(len(subjects)), subjects)
    left.set_xlim(0, 1.15)
    left.invert_yaxis()
    left.legend(loc="upper center", bbox_to_anchor=(0.5, -0.04), ncols=3, frameon=False, fontsize=8)
    left.set_title("Links against the truth (B-cubed)")
    right.margins(y=0.01)
    kinds = kinds.sort_values(["subject", "value"], ascending=[True, False])
    names = [
        f"{subject}: {kind}  ({records:,})"
        for subject, kind, records in zip(
            kinds["subject"], kinds["slice"].str.removeprefix("dirt:"), kinds["records"], strict=True
        )
    ]
    clean = ["#08306b" if "dirt:none" in str(s) else "#e6550d" for s in kinds["slice"]]
    right.barh(range(len(kinds)), kinds["value"], color=clean)
    right.set_yticks(range(len(kinds)), names, fontsize=8)
    right.set_xlim(0, 1.05)
    right.invert_yaxis()
    right.set_title("F1 by kind of dirt (records); dark: none")
    figure.supxlabel(
        "A made-up city: this checks the machinery; skill in a real city is another matter.", fontsize=9
    )
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=90, metadata={"Software": None})
    return picture.getvalue()
