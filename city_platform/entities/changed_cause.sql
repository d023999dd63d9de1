-- What may cause ids to change beside the data: weights that are others than when ids were last kept, and
-- records
-- that decisions name which are new or taken back since then.
-- Grain: one entity type; one record that a decision names; one record of a changed decision. Keys: all
-- columns.
-- Reads: temp model_now, decided_pair; entity.settled_model, settled_decision.
-- Writes: temp changed_type, settled_now, changed_record.
create or replace temp table changed_type as
select n.entity_type
from model_now as n
join entity.settled_model as s using (entity_type)
where s.version <> n.version
;

create or replace temp table settled_now as
select decision_id, entity_type, role_a as role, feed_a as feed, record_key_a as record_key
from decided_pair
union
select decision_id, entity_type, role_b, feed_b, record_key_b
from decided_pair
;

create or replace temp table changed_record as
select distinct entity_type, role, feed, record_key
from
    (
        (from settled_now except from entity.settled_decision)
        union all
        (from entity.settled_decision except from settled_now)
    )
;
