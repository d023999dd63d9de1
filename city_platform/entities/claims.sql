-- What the records of every entity that is made anew claim of it, one value after the other.
-- Grain: one value of one record (of a person: in one role). Key: entity_id, attribute, feed, record_key,
-- role.
-- Reads: temp touched, entity.link, entity.observation, entity.person_observation.
-- Writes: temp claiming_record, record_place, business_record, person_record, claim.
-- counted: what makes two values one when they are counted (a name's standard form). exactness: how exactly
-- it tells.
-- is_shown: whether it is evidence for readers; which address or owner a record leads to is in entity.link.
create or replace temp table claiming_record as
select distinct l.feed, l.record_key
from entity.link as l
semi join touched as t using (entity_id)
where l.entity_type <> 'address'
;

-- Where a record is: its site, and the most exact of its addresses.
create or replace temp table record_place as
select
    l.feed,
    l.record_key,
    max(l.entity_id) filter (where l.role = 'site') as site_id,
    coalesce(
        max(l.entity_id) filter (where l.role = 'unit'), max(l.entity_id) filter (where l.role = 'building'), site_id
    ) as address_id
from entity.link as l
semi join claiming_record as c using (feed, record_key)
where l.entity_type = 'address'
group by all
;

create or replace temp table business_record as
with
    held as (
        select distinct l.feed, l.record_key
        from entity.link as l
        semi join touched as t using (entity_id)
        where l.entity_type in ('business', 'organisation')
    )
select
    b.entity_id as business_id,
    w.entity_id as organisation_id,
    p.site_id as address_id,
    o.*
from held as h
join entity.observation as o using (feed, record_key)
left join entity.link as b on b.feed = h.feed and b.record_key = h.record_key and b.entity_type = 'business'
left join
    entity.link as w
    on w.feed = h.feed
    and w.record_key = h.record_key
    and w.entity_type = 'organisation'
left join record_place as p on p.feed = h.feed and p.record_key = h.record_key
;

create or replace temp table person_record as
select
    l.entity_id as person_id,
    p.address_id,
    w.entity_id as organisation_id,
    o.*
from entity.link as l
semi join touched as t using (entity_id)
join entity.person_observation as o on o.feed = l.feed and o.record_key = l.record_key and o.role = l.role
left join record_place as p on p.feed = l.feed and p.record_key = l.record_key
left join
    entity.link as w
    on w.feed = l.feed
    and w.record_key = l.record_key
    and w.entity_type = 'organisation'
where l.entity_type = 'person'
;

create or replace temp table claim as
with
    stated as (
        select
            'business' as entity_type,
            business_id as entity_id,
            unnest(
                [
                    {'attribute': 'name', 'value': name, 'counted': name, 'exactness': 0, 'is_private': false, 'is_shown': true},
                    {'attribute': 'alias', 'value': alias, 'counted': alias, 'exactness': 0, 'is_private': false, 'is_shown': true},
                    {'attribute': 'legal_name', 'value': legal_name, 'counted': legal_name, 'exactness': 0, 'is_private': not legal_name_is_company, 'is_shown': true},
                    {'attribute': 'address', 'value': address_id, 'counted': address_id, 'exactness': 0, 'is_private': false, 'is_shown': false},
                    {'attribute': 'organisation', 'value': organisation_id, 'counted': organisation_id, 'exactness': 0, 'is_private': false, 'is_shown': false}
                ],
                recursive := true
            ),
            feed,
            record_key,
            '' as role,
            known_time,
            known_time as newest
        from business_record
        where business_id in (select entity_id from touched)
        union all
        select
            'organisation',
            organisation_id,
            unnest(
                [
                    {'attribute': 'name', 'value': legal_name, 'counted': legal_name, 'exactness': 0, 'is_private': not legal_name_is_company, 'is_shown': true},
                    {'attribute': 'company_number', 'value': case when owner_scheme = 'company_number' then owner_number end, 'counted': owner_number, 'exactness': 0, 'is_private': false, 'is_shown': true}
                ],
                recursive := true
            ),
            feed,
            record_key,
            '',
            known_time,
            known_time
        from business_record
        where organisation_id in (select entity_id from touched)
        union all
        select
            'person',
            person_id,
            unnest(
                [
                    {'attribute': 'given_name', 'value': given_name, 'counted': given_key, 'exactness': (length(given_key) > 1)::integer, 'is_private': true, 'is_shown': true},
                    {'attribute': 'family_name', 'value': family_name, 'counted': family_key, 'exactness': 0, 'is_private': true, 'is_shown': true},
                    {'attribute': 'date_of_birth', 'value': left(date_of_birth::varchar, case date_of_birth_precision when 'day' then 10 when 'month' then 7 else 4 end), 'counted': date_of_birth::varchar, 'exactness': list_position(['year', 'month', 'day'], date_of_birth_precision), 'is_private': true, 'is_shown': true},
                    {'attribute': 'died_on', 'value': died_on::varchar, 'counted': died_on::varchar, 'exactness': 0, 'is_private': true, 'is_shown': true},
                    {'attribute': 'address', 'value': case when lives_here then address_id end, 'counted': address_id, 'exactness': 0, 'is_private': true, 'is_shown': false}
                ],
                recursive := true
            ),
            feed,
            record_key,
            role,
            known_time,
            coalesce(valid_from::timestamp, known_time)
        from person_record
    )
select *
from stated
where value is not null
;
