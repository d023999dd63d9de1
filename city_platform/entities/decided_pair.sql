-- The decisions in force, neither taken back, nor faulty, nor contradicted; and the records that they name.
-- Grain: one decision of two records; one record of a type. Keys: decision_id; all columns.
-- Reads: entity.decision. Writes: temp decided_pair, temp decided_record.
create or replace temp table decided_pair as
select entity_type, feed_a, record_key_a, role_a, feed_b, record_key_b, role_b, judgement, decision_id
from entity.decision
where problem is null and revoked_at is null and judgement in ('same', 'not_same')
order by decision_id
;

create or replace temp table decided_record as
select entity_type, feed_a as feed, record_key_a as record_key, role_a as role
from decided_pair
union
select entity_type, feed_b, record_key_b, role_b
from decided_pair
;
