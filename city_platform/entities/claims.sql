-- What the records of every entity that is made anew claim of it, one value after the other.
-- Grain: one value of one record (of a person: in one role). Key: entity_id, attribute, feed, record_key,
-- role.
-- Reads: temp touched, entity.link, entity.observation, entity.person_observation.
-- Writes: temp business_record, person_record, claim.
-- counted: what makes two values one when they are counted (a name's standard form). exactness: how exactly
-- it tells.
-- is_shown: whether it is evidence for readers; which address or owner a record leads to is in entity.link.
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
    a.entity_id as address_id,
    o.*
from held as h
join entity.observation as o using (feed, record_key)
left join entity.link as b on b.feed = h.feed and b.record_key = h.record_key and b.entity_type = 'business'
left join
    entity.link as w
    on w.feed = h.feed
    and w.record_key = h.record_key
    and w.entity_type = 'organisation'
left join
    entity.link as a
    on a.feed = h.feed
    and a.record_key = h.record_key
    and a.entity_type = 'address'
    and a.role = 'site'
;

create or replace temp table person_record as
select
    l.entity_id as person_id,
    coalesce(u.entity_id, b.entity_id, s.entity_id) as address_id,
    w.entity_id as organisation_id,
    o.*
from entity.link as l
semi join touched as t using (entity_id)
join entity.person_observation as o on o.feed = l.feed and o.record_key = l.record_key and o.role = l.role
left join
    entity.link as u
    on u.feed = l.feed
    and u.record_key = l.record_key
    and u.entity_type = 'address'
    and u.role = 'unit'
left join
    entity.link as b
    on b.feed = l.feed
    and b.record_key = l.record_key
    and b.entity_type = 'address'
    and b.role = 'building'
left join
    entity.link as s
    on s.feed = l.feed
    and s.record_key = l.record_key
    and s.entity_type = 'address'
    and s.role = 'site'
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
