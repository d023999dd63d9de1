"""Reading a case: what is accepted, and what each fault is told in."""

from __future__ import annotations

import shutil

import pytest

from city_platform.risk.case import BASELINES, load_cases
from city_platform_tests.risk.small_city import CHICAGO, food_safety, with_sql


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(CHICAGO, tmp_path / "risk")
    return tmp_path / "risk"


def change(folder, old, new):
    path = folder / "food_safety.yaml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_a_city_without_the_folder_has_no_cases(tmp_path):
    assert load_cases(tmp_path / "risk") == []


def test_chicagos_case_has_every_baseline_and_a_model_that_gives_reasons():
    case = food_safety()
    assert set(BASELINES) < set(case.models) and case.model_in_use == "model"
    assert {"case", "sql.label", "sql.features", "sql.evidence", "sql.eligible"} == set(
        case.fingerprint_parts()
    )


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("model_in_use: model", "model_in_use: oracle", "'oracle', which is not one of models"),
        ("  random: {kind: random}\n", "", "lacks the baselines random"),
        ("kind: random}", "kind: dice}", ": models.random"),
        ("capacity: 250", "capacity: many", "line 27: worklist.capacity: "),
        ("features: [licence_age]", "features: [complaints]", "name a feature twice: complaints"),
        (
            "sql: food_safety_label.sql",
            "sql: elsewhere.sql",
            "label.sql: there is no file elsewhere.sql",
        ),
        ("{last_visit}", "{last_visit.x}", "plain column names only"),
        ("case: food_safety", "case: [food_safety", "not YAML: "),
    ],
)
def test_a_fault_is_told_with_file_line_and_field(folder, old, new, told):
    change(folder, old, new)
    with pytest.raises(ValueError, match=r"food_safety\.yaml") as error:
        load_cases(folder)
    assert told in str(error.value)


def test_a_change_of_sql_or_weights_changes_the_configuration_id():
    case = food_safety()
    other = with_sql(case, features=case.sql("features") + "\n-- changed")
    assert case.config_id("model") != other.config_id("model")
    assert case.config_id("model") != case.config_id("plain_logistic")
    assert case.fingerprint_parts() != other.fingerprint_parts()
