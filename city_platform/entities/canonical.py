"""Canonical: which of several claimed values an entity shows, by declared rules.

Belongs here: reading canonical.yaml, and the SQL that follows from it. Does not belong here: what is claimed
(claims.sql), and the rows that show it (business_rows.sql, person_rows.sql).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import TypeAdapter

Rule = Literal["most_exact", "most_trusted_source", "most_common", "most_recent"]
Rules = dict[Literal["business", "organisation", "person"], dict[str, tuple[Rule, ...]]]

# What a rule prefers the most of, among the values of one entity that count as one.
MOST = {
    "most_exact": "max(exactness)",
    "most_trusted_source": "max(coalesce(t.trust, 0))",
    "most_common": "count(*)",
    "most_recent": "max(newest)",
}


@cache
def canonical_rules() -> Rules:
    """By entity type and attribute: the rules in the order in which they count."""
    text = Path(__file__).with_name("canonical.yaml").read_text()
    return TypeAdapter(Rules).validate_python(yaml.safe_load(text))


def chosen_sql(rules: Rules) -> str:
    """A select of (entity_type, entity_id, attribute, value): of each attribute the value that the rules choose.

    Reads temp claim and temp feed_trust(feed, trust).
    """
    return "\nunion all\n".join(
        _chosen(entity_type, attribute, order)
        for entity_type, attributes in rules.items()
        for attribute, order in attributes.items()
    )


def _chosen(entity_type: str, attribute: str, order: tuple[Rule, ...]) -> str:
    most = ", ".join(f"{MOST[rule]} as {rule}" for rule in order)
    ranked = ", ".join(f"'{rule}': {rule}" for rule in order)
    # Among values that count as one, the newest spelling is shown.
    return f"""select '{entity_type}' as entity_type, entity_id, '{attribute}' as attribute,
        arg_max(said.value, {{{ranked}, 'known_time': said.known_time, 'value': said.value}}) as value
    from (
        select c.entity_id, {most},
            max({{'newest': c.newest, 'known_time': c.known_time, 'value': c.value}}) as said
        from claim as c left join feed_trust as t using (feed)
        where c.entity_type = '{entity_type}' and c.attribute = '{attribute}' and c.counted is not null
        group by c.entity_id, c.counted
    )
    group by entity_id"""
