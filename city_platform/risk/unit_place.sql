-- Where to go for each unit, and the agency's own number for it.
-- Grain:  one unit.
-- Inputs: temp table unit_as_of; entity.business, entity.organisation, entity.address, entity.identifier;
-- variables
-- unit_type, reference_scheme.
-- Key:    unit_id.
create or replace temp table unit_place as
with
    unit as (select distinct unit_id from unit_as_of),
    reference as (
        -- Of the numbers known latest, the smallest; a number that stands for another unit too names neither.
        select entity_id as unit_id, value as agency_reference
        from entity.identifier
        where
            entity_type = getvariable('unit_type')
            and scheme = getvariable('reference_scheme')
            and not is_collision
        qualify
            row_number() over (partition by entity_id order by known_time desc, length(value), value) = 1
    )
select
    unit.unit_id,
    coalesce(business.name, organisation.name) as name,
    address.label as address,
    address.ward as area,
    reference.agency_reference
from unit
left join entity.business as business on getvariable('unit_type') = 'business' and business.business_id = unit.unit_id
left join
    entity.organisation as organisation
    on getvariable('unit_type') = 'organisation'
    and organisation.organisation_id = unit.unit_id
left join
    entity.address as address
    on address.address_id
    = case when getvariable('unit_type') = 'address' then unit.unit_id else business.address_id end
left join reference on reference.unit_id = unit.unit_id
;
