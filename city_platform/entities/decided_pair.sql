-- The decisions in force: neither taken back, nor faulty, nor contradicted.
-- Grain: one decision of two records. Key: decision_id.
-- Reads: entity.decision. Writes: temp decided_pair.
create or replace temp table decided_pair as
select entity_type, feed_a, record_key_a, role_a, feed_b, record_key_b, role_b, judgement, decision_id
from entity.decision
where problem is null and revoked_at is null and judgement in ('same', 'not_same')
order by decision_id
;
