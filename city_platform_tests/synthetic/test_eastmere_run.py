"""Claims about Eastmere taken through the whole pipeline: the truth stays apart, days arrive, officers are played."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from city_platform.settings import Settings
from city_platform.synthetic.borough import Size
from city_platform.synthetic.outcomes import FIRST_ID
from city_platform.synthetic.synthesise import synthesise
from city_platform_tests.runs import QUICK_DAGSTER, VOLATILE, Result, Server, differences, dump, opened

ADDRESSES = 1500
DAYS = 2
CLOCK = VOLATILE | {"known_time"}  # of what says no day of its own: when it was loaded
INSPECTIONS = 'staging."environmental_health__food_inspections"'


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small Eastmere with two later days, not yet run; tests copy it."""
    settings = Settings.from_environment({"CITY_PLATFORM_HOME": str(tmp_path_factory.mktemp("made"))})
    synthesise(settings, Size(ADDRESSES, 1, DAYS), memory_limit="1GB")
    return settings.home


def place(made: Path, base: Path) -> Path:
    home = Path(shutil.copytree(made, base / "eastmere"))
    (home / "dagster").mkdir()
    (home / "dagster" / "dagster.yaml").write_text(QUICK_DAGSTER)
    return home


def run(server: Server, home: Path, *arguments: str) -> Result:
    result = server.start([*arguments, "--home", str(home.parent)]).wait()
    assert result.code == 0, f"exit code {result.code}\n{result.out}\n{result.err[-4000:]}"
    return result


def test_without_the_truth_the_result_is_the_same(server: Server, made: Path, tmp_path: Path) -> None:
    with_truth, without = place(made, tmp_path / "with"), place(made, tmp_path / "without")
    shutil.rmtree(without / "truth")
    said = run(server, with_truth, "run", "--as-of", "2026-06-30").out
    assert "no skill in a real one" in said
    assert "Against the truth" not in run(server, without, "run", "--as-of", "2026-06-30").out
    one, other = (dump(home / "warehouse.duckdb", CLOCK) for home in (with_truth, without))
    metrics = one.pop("evaluation.metric")
    assert other.pop("evaluation.metric") == metrics[:1]  # its columns' names alone
    assert {row[0] for row in metrics[1:]} >= {
        "address",
        "business",
        "organisation",
        "person",
        "case:food_safety",
    }
    assert differences(one, other) == {}
    for file in ("analyst.duckdb", "operator.duckdb"):
        published = [dump(home / "published" / file, CLOCK) for home in (with_truth, without)]
        assert not any(name.startswith("evaluation.") for name in published[0])
        assert differences(*published) == {}
    # that a home stands in a feed of people tells an analyst nothing of who lives there; an operator has to know
    held = {}
    for file in ("analyst", "operator"):
        with opened(with_truth / "published" / f"{file}.duckdb") as con:
            held[file] = {f for (f,) in con.execute("select distinct feed from entity.link").fetchall()}
    assert "revenues/benefits" in held["operator"] and "business_rates/accounts" in held["analyst"]
    assert not held["analyst"] & {
        "revenues/benefits",
        "revenues/council_tax",
        "libraries/members",
        "schools/admissions",
    }


@pytest.mark.slow  # a run a day
def test_days_arrive_and_officers_answer(server: Server, made: Path, tmp_path: Path) -> None:
    home = place(made, tmp_path)
    run(server, home, "run", "--as-of", "2026-06-30")
    assert sorted(p.name for p in (home / "days").iterdir()) == ["2026-07-01", "2026-07-02"]

    with opened(home / "warehouse.duckdb") as con:
        requests = con.execute("select count(*) from staging.contact_centre__service_requests").fetchone()[0]
        listed = con.execute("select count(*) from risk.worklist").fetchone()[0]
    assert listed > 0
    said = server.start(["synthesise", "--home", str(home.parent), "outcomes"]).wait()
    assert said.code == 0, said.err
    assert f"Worklist of 2026-06-30: {listed} visits" in said.out
    again = server.start(["synthesise", "--home", str(home.parent), "outcomes"]).wait()
    assert again.out == said.out

    out = run(server, home, "run", "--as-of", "2026-07-02").out
    assert "2026-07-01: " in out and "2026-07-02: " in out and list((home / "days").iterdir()) == []
    with opened(home / "warehouse.duckdb") as con:
        played, references = con.execute(
            f"select count(*), count(distinct reference) from {INSPECTIONS} where inspection_id > ?",
            [FIRST_ID],
        ).fetchone()
        assert played == listed and references == listed
        # an append keeps what came before
        later = con.execute(
            "select count(*), max(created) >= timestamp '2026-07-01' from staging.contact_centre__service_requests"
        ).fetchone()
        assert later[0] >= requests
        dates = con.execute("select distinct as_of from risk.score order by 1").fetchall()
        assert [str(d) for (d,) in dates] == ["2026-06-30", "2026-07-01", "2026-07-02"]
        linked = con.execute(
            "select count(*) from entity.event where feed = 'environmental_health/food_inspections' "
            "and business_id is not null and try_cast(record_key as bigint) > ?",
            [FIRST_ID],
        ).fetchone()[0]
        assert linked == listed
