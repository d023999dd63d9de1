"""Versions: which weights are in force for an entity type, frozen together with the frequencies of values.

Belongs here: entity.model. Does not belong here: estimating weights (entities/train.py), the model's fields (model.py).

The newest row of entity.model counts. Weights that ship are written there when they are first used; a newer release's
replace older shipped ones, and never trained ones.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from city_platform.entities.linking.model import EntityType, Model, as_json, load_model
from city_platform.entities.linking.nodes import ensure_frequencies, with_prior
from city_platform.rebuild import fingerprint

if TYPE_CHECKING:
    import duckdb

SHIPPED = "shipped"


@dataclass(frozen=True)
class Version:
    """One version of the weights of an entity type."""

    version: str
    model: Model  # with the prior of its file, not that of the nodes' number
    note: str


def newest_version(con: duckdb.DuckDBPyConnection, entity_type: str) -> Version | None:
    """The version that counts, if there is one."""
    row = con.execute(
        "select version, settings, note from entity.model where entity_type = ? order by trained_at desc, version limit 1",
        [entity_type],
    ).fetchone()
    return Version(str(row[0]), Model.model_validate(json.loads(row[1])), str(row[2])) if row else None


def model_in_force(con: duckdb.DuckDBPyConnection, entity_type: EntityType) -> tuple[Model, str]:
    """The model of an entity type and its version; freezes the shipped one where none is in force.

    Reads temp node_source where values' frequencies have to be counted.
    """
    newest, shipped = newest_version(con, entity_type), load_model(entity_type)
    if newest and (newest.note != SHIPPED or newest.model == shipped):
        return with_prior(con, newest.model), newest.version
    con.execute("delete from entity.term_frequency where entity_type = ?", [entity_type])
    ensure_frequencies(con, shipped, "node_source")
    return with_prior(con, shipped), write_version(con, shipped, None, SHIPPED)


def trained_versions(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The versions that were trained here, so that a run can tell that there is a new one."""
    rows = con.execute("select version from entity.model where note <> ? order by all", [SHIPPED]).fetchall()
    return [str(version) for (version,) in rows]


def write_version(con: duckdb.DuckDBPyConnection, model: Model, trained_on: int | None, note: str) -> str:
    """Record a model with the frequencies that stand beside it; returns its version."""
    frequencies = con.execute(
        "select count(*), coalesce(bit_xor(hash(column_name, value_hash, frequency)), 0) from entity.term_frequency "
        "where entity_type = ?",
        [model.entity_type],
    ).fetchone()
    version = fingerprint(as_json(model), frequencies)
    con.execute(
        "insert into entity.model by name select $1 as entity_type, $2 as version, $3::json as settings, "
        "$4::timestamp as trained_at, $5::bigint as trained_on, $6 as note "
        "where not exists (select 1 from entity.model where entity_type = $1 and version = $2)",
        [
            model.entity_type,
            version,
            json.dumps(as_json(model)),
            datetime.now(UTC).replace(tzinfo=None),
            trained_on,
            note,
        ],
    )
    return version
