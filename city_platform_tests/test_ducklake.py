"""The same small run on a DuckLake instead of a DuckDB file: the same tables, by the same SQL."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from city_platform.warehouse import load_extension
from city_platform_tests.conftest import Undisturbed
from city_platform_tests.runs import AS_OF, Home, Tables, differences, dump, edit, in_own_interpreter


@contextmanager
def lake(meta: Path) -> Iterator[object]:
    """The DuckLake, attached and in use."""
    import duckdb

    con = duckdb.connect(config={"autoinstall_known_extensions": False})
    try:
        con.execute("set timezone = 'UTC'")
        load_extension(con, "ducklake")
        con.execute(f"attach 'ducklake:{meta}' as lake (read_only)")
        con.execute("use lake")
        yield con
    finally:
        con.close()


def tables_of(meta: Path) -> Tables:
    with lake(meta) as con:
        return dump(con)


def when_built(meta: Path) -> dict[str, object]:
    with lake(meta) as con:
        return dict(con.execute("select asset, rebuilt_at from provenance.build").fetchall())  # type: ignore[attr-defined]


def test_run_on_a_ducklake_gives_the_same_tables(
    new_home: Home, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    meta = tmp_path / "meta.ducklake"
    home = new_home.but(environment={"CITY_PLATFORM_CATALOG": f"ducklake:{meta}"})
    home.run()
    assert not home.warehouse.exists()
    assert differences(tables_of(meta), undisturbed.tables) == {}
    assert differences(dump(home.analyst), dump_analyst(undisturbed)) == {}


@pytest.mark.slow  # five runs
def test_runs_on_a_ducklake_are_as_incremental(
    new_home: Home, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    meta = tmp_path / "meta.ducklake"
    environment = {"CITY_PLATFORM_CATALOG": f"ducklake:{meta}"}
    home = new_home.but(environment=environment)
    home.run()

    before = when_built(meta)
    arguments = ["run", "--city", home.city, "--home", str(home.base), "--mirror", str(home.mirror)]
    again = in_own_interpreter([*arguments, "--as-of", AS_OF], home.package, **environment)
    assert again.returncode == 0, again.stderr
    assert when_built(meta) == before

    plain = undisturbed.home.restore(undisturbed.saved).but(mirror=home.mirror)
    plain.run()  # a repeat for each feed, as on the lake
    edit(home.mirror / "food_inspections.csv", "Risk 1 (High)", "Risk 3 (Low)")
    home.run()
    after = when_built(meta)
    rebuilt = {asset for asset in after if after[asset] != before[asset]}
    assert "feeds/public_health/food_inspections" in rebuilt
    assert "feeds/weather_service/weather" not in rebuilt
    plain.run()
    assert differences(tables_of(meta), plain.dump()) == {}


def dump_analyst(undisturbed: Undisturbed) -> Tables:
    return dump(undisturbed.saved / "published" / "analyst.duckdb")
