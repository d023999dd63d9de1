-- What records claim of entities: identifiers, relationships and attributes.
-- Grain: one identifier by one feed; one claim of one record; one value of one record.
-- Keys: entity_type, entity_id, scheme, value, feed; all of the relationship; entity, attribute, feed,
-- record_key.
-- Reads: temp business_record, entity.observation, entity.link, entity.business, entity.organisation,
-- entity.address.
-- Writes: entity.identifier, entity.relationship, entity.attribute (replaced).
delete from entity.identifier
;

insert into entity.identifier by name
with
    stated as (
        select
            'business' as entity_type,
            business_id as entity_id,
            business_scheme as scheme,
            business_number as value,
            feed,
            min(known_time) as known_time
        from business_record
        where business_number is not null
        group by all
        union all
        select 'organisation', organisation_id, owner_scheme, owner_number, feed, min(known_time)
        from business_record
        where owner_number is not null and organisation_id is not null
        group by all
        union all
        select 'address', a.address_id, 'uprn', a.uprn, o.feed, min(o.known_time)
        from entity.address as a
        join entity.link as l on l.entity_type = 'address' and l.entity_id = a.address_id
        join entity.observation as o on o.feed = l.feed and o.record_key = l.record_key and o.uprn = a.uprn
        group by all
    )
select *, count(distinct entity_id) over (partition by entity_type, scheme, value) > 1 as is_collision
from stated
;

delete from entity.relationship
;

insert into entity.relationship by name
select
    'organisation' as subject_type,
    organisation_id as subject_id,
    'business' as object_type,
    business_id as object_id,
    'owner' as role,
    valid_from,
    valid_to,
    known_time,
    feed,
    record_key
from business_record
where organisation_id is not null
union all
select
    'business',
    business_id,
    'address',
    address_id,
    'trades_at',
    valid_from,
    valid_to,
    known_time,
    feed,
    record_key
from business_record
where address_id is not null
;

delete from entity.attribute
;

insert into entity.attribute by name
with
    claimed as (
        select
            'business' as entity_type,
            business_id as entity_id,
            unnest(
                [
                    {'attribute': 'name', 'value': name, 'is_private': false},
                    {'attribute': 'alias', 'value': alias, 'is_private': false},
                    {'attribute': 'legal_name', 'value': legal_name, 'is_private': not legal_name_is_company}
                ]
            ) as claim,
            feed,
            record_key,
            known_time
        from business_record
        union all
        select
            'address',
            l.entity_id,
            unnest(
                [
                    {'attribute': 'text', 'value': o.address_text, 'is_private': false},
                    {'attribute': 'postcode', 'value': o.postcode, 'is_private': false},
                    {'attribute': 'ward', 'value': o.ward, 'is_private': false}
                ]
            ),
            o.feed,
            o.record_key,
            o.known_time
        from entity.link as l
        join entity.observation as o using (feed, record_key)
        where l.entity_type = 'address' and l.role = 'site'
    )
select
    c.entity_type,
    c.entity_id,
    c.claim.attribute as attribute,
    case when not c.claim.is_private then c.claim.value end as value,
    case when c.claim.is_private then c.claim.value end as private_value,
    c.feed,
    c.record_key,
    c.known_time,
    case
        when c.claim.attribute = 'name'
        then c.claim.value = b.name
        when c.claim.attribute = 'legal_name'
        then c.claim.value = coalesce(b.legal_name, b.private_name)
        when c.claim.attribute = 'postcode'
        then c.claim.value = a.postcode
        when c.claim.attribute = 'ward'
        then c.claim.value = a.ward
        else false
    end as is_canonical
from claimed as c
left join entity.business as b on b.business_id = c.entity_id
left join entity.address as a on a.address_id = c.entity_id
where c.claim.value is not null
;
