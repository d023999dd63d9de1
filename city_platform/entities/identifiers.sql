-- The numbers by which records name entities.
-- Grain: one identifier that one feed states for one entity. Key: entity_type, entity_id, scheme, value,
-- feed.
-- Reads: temp business_record, person_record, touched, replaced; entity.address, entity.link,
-- entity.observation.
-- Writes: entity.identifier (of what is replaced; whether a value stands for several entities, of all).
delete from entity.identifier
where entity_id in (select entity_id from replaced)
;

insert into entity.identifier by name
select
    'business' as entity_type,
    business_id as entity_id,
    business_scheme as scheme,
    business_number as value,
    feed,
    min(known_time) as known_time,
    false as is_collision
from business_record
where business_number is not null and business_id in (select entity_id from touched)
group by all
union all
select 'organisation', organisation_id, owner_scheme, owner_number, feed, min(known_time), false
from business_record
where owner_number is not null and organisation_id in (select entity_id from touched)
group by all
union all
select 'person', person_id, number_scheme, number, feed, min(known_time), false
from person_record
where number is not null
group by all
union all
select 'address', a.address_id, 'uprn', a.uprn, o.feed, min(o.known_time), false
from entity.address as a
join entity.link as l on l.entity_type = 'address' and l.entity_id = a.address_id
join entity.observation as o on o.feed = l.feed and o.record_key = l.record_key and o.uprn = a.uprn
where a.address_id in (select entity_id from touched)
group by all
union all
-- numbers of lots and buildings, as scheme:number; a unit lot is the unit's own
select 'address', l.entity_id, split_part(n.number, ':', 1), split_part(n.number, ':', 2), l.feed, min(l.known_time), false
from entity.link as l
semi join touched as t using (entity_id)
join entity.observation as o using (feed, record_key)
cross join
    lateral(
        select
            case
                when l.role = 'building'
                then o.building
                when (l.role = 'unit') = (lot_kind(o.parcel) = 'unit')
                then o.parcel
            end as number
    ) as n
where l.entity_type = 'address' and n.number is not null
group by all
;

create or replace temp table collision as
select entity_type, scheme, value
from entity.identifier
group by all
having count(distinct entity_id) > 1
;

update entity.identifier
set is_collision = not is_collision
where is_collision <> ((entity_type, scheme, value) in (select (entity_type, scheme, value) from collision))
;
