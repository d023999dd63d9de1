-- People, with the values that most of their records state, and what records claim of them.
-- Grain: one person; one identifier by one feed; one claim of one record; one value of one record.
-- Keys: person_id; entity_type, entity_id, scheme, value, feed; all of the relationship; entity, attribute,
-- feed,
-- record_key.
-- Reads: entity.person_observation, entity.link. Writes: entity.person (replaced), entity.identifier,
-- entity.relationship, entity.attribute (added to).
create or replace temp table person_fact as
select
    l.entity_id as person_id,
    coalesce(u.entity_id, s.entity_id) as address_id,
    w.entity_id as organisation_id,
    o.*,
    -- the larger the newer
    row_number() over (
        order by coalesce(o.valid_from::timestamp, o.known_time), o.known_time, o.feed, o.record_key, o.role
    ) as newness
from entity.link as l
join entity.person_observation as o using (feed, record_key, role)
left join
    entity.link as u
    on u.feed = l.feed
    and u.record_key = l.record_key
    and u.entity_type = 'address'
    and u.role = 'unit'
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

-- The name of most records, a whole one before an initial; of two as frequent the newest; in its newest
-- spelling.
create or replace temp table person_called as
with
    used as (
        select
            person_id,
            given_key,
            family_key,
            count(*) as records,
            max(newness) as newest,
            arg_max(given_name, newness) as given_name,
            arg_max(family_name, newness) as family_name
        from person_fact
        group by grouping sets ((person_id, given_key), (person_id, family_key))
    )
select
    person_id,
    arg_max(
        given_name, (length(given_key) > 1)::bigint * 1000000000000000 + records * 1000000000 + newest
    ) filter (given_key is not null) as given_name,
    arg_max(family_name, records * 1000000000 + newest) filter (family_key is not null) as family_name
from used
group by person_id
;

-- The date of birth of most records, of those that tell it most exactly.
create or replace temp table person_birth as
with
    used as (
        select
            person_id,
            date_of_birth,
            list_position(['year', 'month', 'day'], date_of_birth_precision) as exactness,
            count(*) as records,
            max(newness) as newest
        from person_fact
        where date_of_birth is not null
        group by all
    )
select
    person_id,
    arg_max(date_of_birth, exactness * 1000000000000000 + records * 1000000000 + newest) as date_of_birth,
    ['year', 'month', 'day'][max(exactness)] as date_of_birth_precision
from used
group by person_id
;

delete from entity.person
;

insert into entity.person by name
with
    summed as (
        select
            person_id,
            arg_max(died_on, newness) filter (died_on is not null) as died_on,
            arg_max(address_id, newness) filter (lives_here and address_id is not null) as address_id,
            count(*) as records
        from person_fact
        group by person_id
    )
select
    s.person_id,
    n.given_name,
    n.family_name,
    b.date_of_birth,
    b.date_of_birth_precision,
    s.died_on,
    s.address_id,
    s.records
from summed as s
left join person_called as n using (person_id)
left join person_birth as b using (person_id)
;

insert into entity.identifier by name
with
    stated as (
        select
            'person' as entity_type,
            person_id as entity_id,
            number_scheme as scheme,
            number as value,
            feed,
            min(known_time) as known_time
        from person_fact
        where number is not null
        group by all
    ),
    used as (select scheme, value, count(distinct entity_id) > 1 as is_collision from stated group by all)
select s.*, u.is_collision
from stated as s
join used as u using (scheme, value)
;

insert into entity.relationship by name
select
    'person' as subject_type,
    person_id as subject_id,
    'address' as object_type,
    address_id as object_id,
    'lives_at' as role,
    min(valid_from) as valid_from,
    max(valid_to) as valid_to,
    min(known_time) as known_time,
    feed,
    record_key
from person_fact
where lives_here and address_id is not null
group by all
union all
select
    'person',
    person_id,
    'organisation',
    organisation_id,
    'officer',
    valid_from,
    valid_to,
    known_time,
    feed,
    record_key
from person_fact
where role = 'officer' and organisation_id is not null
;

insert into entity.attribute by name
with
    claimed as (
        select
            person_id,
            unnest(
                [
                    {'attribute': 'given_name', 'value': given_name},
                    {'attribute': 'family_name', 'value': family_name},
                    {
                        'attribute': 'date_of_birth',
                        'value': left(
                            date_of_birth::varchar,
                            case date_of_birth_precision when 'day' then 10 when 'month' then 7 else 4 end
                        )
                    }
                ]
            ) as claim,
            feed,
            record_key,
            known_time,
            -- of one person's several roles in one record, the first speaks
            row_number() over (partition by person_id, feed, record_key order by role) as place
        from person_fact
    )
select
    'person' as entity_type,
    c.person_id as entity_id,
    c.claim.attribute as attribute,
    null as value,
    c.claim.value as private_value,
    c.feed,
    c.record_key,
    c.known_time,
    coalesce(
        case
            when c.claim.attribute = 'given_name'
            then c.claim.value = p.given_name
            when c.claim.attribute = 'family_name'
            then c.claim.value = p.family_name
            else c.claim.value = p.date_of_birth::varchar
        end,
        false
    ) as is_canonical
from claimed as c
join entity.person as p using (person_id)
where c.claim.value is not null and c.place = 1
;
