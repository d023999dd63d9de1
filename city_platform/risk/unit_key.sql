-- The lasting name of each unit, and how sure its links are.
-- Grain:  one unit of the case's type.
-- Inputs: entity.link; variable unit_type.
-- Key:    unit_id. unit_key is the first record linked to the unit: ids may differ between equal histories,
-- records
-- do not, so ordering, ties and draws go by it.
create or replace temp table unit_key as
select
    entity_id as unit_id, min(feed || ':' || record_key) as unit_key, min(probability) as match_confidence
from entity.link
where entity_type = getvariable('unit_type')
group by entity_id
;
