-- What every record says of each person that it names, in the words that models/person.yaml compares.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.person_observation, entity.observation, entity.address_member. Writes: temp node_source.
-- Two entries of one name in a list of people, or two people of one name in one record, are two people.
-- Whoever stands for nobody, and who is neither named nor numbered, is no node.
create or replace temp table node_source as
with
    home as (
        select
            feed,
            record_key,
            coalesce(
                max(cluster) filter (role = 'unit'), max(cluster) filter (role = 'building'), max(cluster) filter (role = 'site')
            ) as place,
            max(cluster) filter (role = 'site') as site
        from entity.address_member
        where feed in (select distinct feed from entity.person_observation)
        group by all
    ),
    -- two who live there and bear one name, in one record
    alike as (
        select feed, record_key, given_key, family_key
        from entity.person_observation
        where lives_here and not is_placeholder and given_key is not null and family_key is not null
        group by all
        having count(*) > 1
    ),
    listed as (
        select p.feed, p.record_key, p.role, p.given_key, p.family_key, h.place, p.feed as list_name
        from entity.person_observation as p
        left join home as h using (feed, record_key)
        where p.listed_once and not p.is_placeholder
        union all
        select p.feed, p.record_key, p.role, p.given_key, p.family_key, h.place, p.feed || ' ' || p.record_key as list_name
        from entity.person_observation as p
        join alike as a using (feed, record_key, given_key, family_key)
        left join home as h using (feed, record_key)
        where not p.listed_once
    ),
    entry as (
        select
            feed,
            record_key,
            role,
            list_name,
            nullif(
                row_number() over (partition by list_name, place, given_key, family_key order by record_key, role), 1
            ) as list_entry
        from listed
    )
select
    p.feed,
    p.record_key,
    p.role,
    p.known_time,
    p.given_key as given,
    p.given_roots,
    p.middle_key as middle,
    p.family_key as family,
    p.family_parts,
    least(p.given_key, p.family_key) || ' ' || greatest(p.given_key, p.family_key) as full_name,
    case when p.date_of_birth_precision = 'day' then p.date_of_birth end as birth_date,
    case when p.date_of_birth_precision <> 'year' then date_trunc('month', p.date_of_birth)::date end as birth_month,
    year(p.date_of_birth)::integer as birth_year,
    case when p.date_of_birth_precision = 'day' then p.date_of_birth else p.born_from end as born_from,
    case when p.date_of_birth_precision = 'day' then p.date_of_birth else p.born_by end as born_by,
    p.died_on,
    p.number_scheme || ':' || p.number as number,
    h.place,
    h.site,
    case when h.place is null then o.postcode end as postcode,
    p.lives_here,
    e.list_name,
    e.list_entry,
    p.valid_from as since,
    p.valid_to as until
from entity.person_observation as p
left join home as h using (feed, record_key)
left join entry as e on e.feed = p.feed and e.record_key = p.record_key and e.role = p.role
left join entity.observation as o using (feed, record_key)
where not p.is_placeholder and coalesce(p.given_key, p.family_key, p.number) is not null
;
