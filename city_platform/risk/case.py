"""A case as its YAML and SQL files declare it, checked when it is read.

Here: the shape of `<case>.yaml`, the sentences that say what is wrong with one, and the case's fingerprints.
Not here: running its SQL (asof.py) or fitting its models (models.py).
"""

from __future__ import annotations

import hashlib
import json
from datetime import date
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator

from city_platform.yaml_files import DeclarationError, load_documents, validate

# Law 9: no figure of a model is shown without these beside it.
BASELINES = ("random", "business_as_usual", "last_result", "scorecard", "plain_logistic")

Transform = Literal["plain", "log"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SqlFile(Strict):
    sql: str


class Label(SqlFile):
    meaning: str


class Eligible(SqlFile):
    variables: dict[Name, int | float | str] = {}


class Windows(Strict):
    """`count` consecutive windows of `days` days; without `last_day` they end with the newest label."""

    days: int = Field(gt=0)
    count: int = Field(gt=0)
    last_day: date | None = None


class Training(Strict):
    min_rows: int = Field(ge=2)
    min_positives: int = Field(ge=1)
    at_most_days: int = Field(gt=0)


class WorklistRules(Strict):
    capacity: int = Field(gt=0)
    expires_after_days: int = Field(gt=0)
    random_share: float = Field(ge=0, le=1)
    seed: str
    reference_scheme: str | None = None


class Logistic(Strict):
    kind: Literal["logistic"]
    inverse_regularisation: float = Field(gt=0)
    features: dict[Name, Transform] = Field(min_length=1)


class ScorecardRule(Strict):
    feature: Name
    at_least: float
    points: float = Field(gt=0)
    why: str


class Scorecard(Strict):
    kind: Literal["scorecard"]
    by: str
    why: str
    points: list[ScorecardRule] = Field(min_length=1)


class OneFeature(Strict):
    kind: Literal["feature"]
    feature: Name


class Random(Strict):
    kind: Literal["random"]


class ActualOrder(Strict):
    kind: Literal["actual_order"]


Model = Annotated[Logistic | Scorecard | OneFeature | Random | ActualOrder, Field(discriminator="kind")]


class Reason(Strict):
    code: Name
    features: list[Name] = Field(min_length=1)
    text: str

    @property
    def columns(self) -> list[str]:
        """The feature columns that the text is filled from."""
        return [field for _, field, _, _ in Formatter().parse(self.text) if field is not None]


class Case(Strict):
    """One use: which units are ranked, by what, how well that did, and what a visit's reasons say."""

    case: Name
    title: str
    unit_type: Literal["business", "address", "organisation"]
    label: Label
    features: SqlFile
    evidence: SqlFile
    eligible: Eligible
    windows: Windows
    training: Training
    worklist: WorklistRules
    model_in_use: Name
    models: dict[Name, Model]
    reasons: list[Reason]
    nothing_stands_out: str

    _sql: dict[str, str] = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        missing = [name for name in BASELINES if name not in self.models]
        if missing:
            raise ValueError(
                f"models lacks the baselines {', '.join(missing)}; no model is shown without them"
            )
        if self.model_in_use not in self.models:
            known = ", ".join(self.models)
            raise ValueError(f"model_in_use names '{self.model_in_use}', which is not one of models: {known}")
        in_use, fallback = self.models[self.model_in_use], self.models["scorecard"]
        if not isinstance(in_use, Logistic | Scorecard):
            raise ValueError(
                "model_in_use must be a logistic or a scorecard: the other kinds give no reasons"
            )
        if not isinstance(fallback, Scorecard):
            raise ValueError(
                "models.scorecard must be of kind scorecard: it stands in when too little is known"
            )
        explained = [name for reason in self.reasons for name in reason.features]
        twice = sorted({name for name in explained if explained.count(name) > 1})
        if twice:
            raise ValueError(f"reasons name a feature twice: {', '.join(twice)}")
        used = {*model_features(in_use), *model_features(fallback)}
        if silent := sorted(used - set(explained)):
            raise ValueError(f"reasons explain nothing of these features in use: {', '.join(silent)}")
        codes = [reason.code for reason in self.reasons]
        if len(set(codes)) < len(codes) or "nothing_stands_out" in codes:
            raise ValueError("reasons: each code may stand once, and nothing_stands_out is taken")
        for reason in self.reasons:
            if bad := [column for column in reason.columns if not column.isidentifier()]:
                raise ValueError(
                    f"reasons.{reason.code}.text may hold plain column names only, not {bad[0]!r}"
                )
        return self

    def sql(self, part: Literal["label", "features", "evidence", "eligible"]) -> str:
        """The text of one of the case's SQL files."""
        return self._sql[part]

    def feature_columns(self) -> list[str]:
        """Every numeric column that some model reads, in alphabetical order."""
        return sorted({name for model in self.models.values() for name in model_features(model)})

    def fingerprint_parts(self) -> dict[str, str]:
        """All that a score depends on besides the data: the case as JSON and each SQL file's text."""
        return {"case": self.model_dump_json(), **{f"sql.{part}": text for part, text in self._sql.items()}}

    def config_id(self, model: str) -> str:
        """Twelve hex digits that change with a model's configuration or with what it learns from."""
        parts = {
            "model": self.models[model].model_dump(mode="json"),
            "windows": self.windows.model_dump(mode="json"),
            "training": self.training.model_dump(mode="json"),
            "label": self.sql("label"),
            "features": self.sql("features"),
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:12]


def model_features(model: Model) -> list[str]:
    """The numeric feature columns that one model reads."""
    if isinstance(model, Logistic):
        return list(model.features)
    if isinstance(model, Scorecard):
        return list(dict.fromkeys(rule.feature for rule in model.points))
    return [model.feature] if isinstance(model, OneFeature) else []


def load_cases(folder: Path) -> list[Case]:
    """Reads every `*.yaml` in `folder`, by file name; a folder that is not there holds no cases.

    Raises DeclarationError with one sentence for each fault, naming file, line and field.
    """
    cases = [_load(path) for path in sorted(folder.glob("*.yaml"))]
    names = [case.case for case in cases]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DeclarationError(f"{folder}: more than one file declares the case {', '.join(twice)}.")
    return cases


def _load(path: Path) -> Case:
    documents = load_documents(path)
    if len(documents) != 1:
        raise DeclarationError(f"{path}: describe one case here, found {len(documents)}.")
    content, node = documents[0]
    case = validate(Case, content, node, path)
    for part in ("label", "features", "evidence", "eligible"):
        file = path.parent / getattr(case, part).sql
        if not file.is_file():
            raise DeclarationError(f"{path}: {part}.sql: there is no file {file.name} beside it.")
        case._sql[part] = file.read_text(encoding="utf-8")
    return case
