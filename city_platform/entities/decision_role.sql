-- In which roles the records that decisions name have somebody or something.
-- Grain: one record, type and role. Key: all columns.
-- Reads: temp wanted_record; entity.observation, entity.person_observation. Writes: nothing.
with
    observed as (
        select
            o.feed,
            o.record_key,
            o.has_business,
            coalesce(o.owner_number, o.legal_key) is not null as has_owner
        from entity.observation as o
        semi join wanted_record as w on w.feed = o.feed and w.record_key = o.record_key
    )
select distinct 'person' as entity_type, p.feed, p.record_key, p.role
from entity.person_observation as p
semi join wanted_record as w on w.feed = p.feed and w.record_key = p.record_key
union all
select 'address', feed, record_key, unnest(['site', 'unit'])
from observed
union all
select 'business', feed, record_key, 'business'
from observed
where has_business
union all
select 'organisation', feed, record_key, 'owner'
from observed
where has_owner
;
