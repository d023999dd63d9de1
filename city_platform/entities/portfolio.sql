-- All addresses that an owner has to do with, otherwise than living there.
-- Grain: one owner and one address in one role. Key: owner_type, owner_id, address_id, role.
-- Reads: entity.relationship, temp touched, replaced. Writes: entity.portfolio (of what is replaced).
-- An organisation has to do with the addresses of its businesses by the records that name both.
delete from entity.portfolio
where owner_id in (select entity_id from replaced)
;

insert into entity.portfolio by name
with
    held as (
        select
            subject_type as owner_type,
            subject_id as owner_id,
            object_id as address_id,
            role,
            valid_from,
            valid_to,
            known_time
        from entity.relationship
        where object_type = 'address' and subject_type in ('person', 'organisation') and role <> 'lives_at'
        union all
        select
            o.subject_type,
            o.subject_id,
            t.object_id,
            t.role,
            t.valid_from,
            t.valid_to,
            t.known_time
        from entity.relationship as o
        join entity.relationship as t on t.subject_id = o.object_id and t.feed = o.feed and t.record_key = o.record_key
        where o.subject_type = 'organisation' and o.object_type = 'business' and t.object_type = 'address'
    )
select
    owner_type,
    owner_id,
    address_id,
    role,
    min(valid_from) as valid_from,
    -- open where one record says no last day
    case when count(valid_to) = count(*) then max(valid_to) end as valid_to,
    min(known_time) as known_time,
    count(*) as records
from held
where owner_id in (select entity_id from touched)
group by all
;
