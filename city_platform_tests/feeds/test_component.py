"""What Dagster shows of a feed: whose it is, where it comes from, how often, and on what terms."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from city_platform.feeds.component import FeedComponent, address
from city_platform_tests.feeds.small_feed import small_feed


def specs(**changes: Any) -> dict[str, dg.AssetSpec]:
    [load] = FeedComponent(small_feed(**changes)).build_defs(None).assets or ()
    assert isinstance(load, dg.AssetsDefinition)
    return {s.key.path[0]: s for s in load.specs if not s.key.path[1].endswith("__history")}


def test_owner_tags_and_terms_are_shown_on_every_table() -> None:
    shown = specs(
        cadence="weekly", publisher="Kennel Club", contact="dogs@example.org", legal_basis="a byelaw"
    )
    for spec in shown.values():
        assert list(spec.owners) == ["team:kennels"]
        assert (spec.tags["agency"], spec.tags["cadence"]) == ("kennels", "weekly")
        for said in (
            "Dog licences",
            "`file:dogs.csv`",
            "made up",
            "Kennel Club",
            "dogs@example.org",
            "a byelaw",
        ):
            assert said in str(spec.description)


@pytest.mark.parametrize(
    ("cadence", "tag"), [(None, "unknown"), ("once", "once"), (10, "every_10_days"), ("monthly", "monthly")]
)
def test_the_cadence_is_a_tag_also_where_nobody_knows_it(cadence: Any, tag: str) -> None:
    assert specs(cadence=cadence)["staging"].tags["cadence"] == tag


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "csv"),
        ({"dialect": {"format": "excel"}}, "excel"),
        ({"dialect": {"format": "json_lines"}}, "json"),
        ({"dialect": {"format": "geo"}}, "geojson"),
        ({"source": {"socrata": "data.example.org/abcd-1234"}}, "json"),
        ({"source": {"database": "kennels", "table": "dogs"}}, "database"),
    ],
)
def test_the_kind_of_raw_follows_the_format(changes: dict[str, Any], kind: str) -> None:
    assert specs(**changes)["raw"].kinds == {"parquet", kind}


@pytest.mark.parametrize(
    ("source", "uri"),
    [
        ({"file": "dogs_*.csv"}, "file:dogs_*.csv"),
        ({"url": "https://me:secret@example.org:8443/dogs.csv?year=1"}, "https://example.org:8443/dogs.csv?year=1"),
        ({"socrata": "data.example.org/abcd-1234"}, "https://data.example.org/d/abcd-1234"),
        ({"arcgis": "https://gis.example.org/x/FeatureServer/0"}, "https://gis.example.org/x/FeatureServer/0"),
        ({"database": "kennels", "table": "dogs"}, "database:kennels/dogs"),
    ],
)  # fmt: skip
def test_the_source_is_shown_without_a_secret(source: dict[str, Any], uri: str) -> None:
    assert address(small_feed(source=source)) == uri
    assert specs(source=source)["raw"].metadata["dagster/uri"] == uri
