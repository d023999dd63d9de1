-- What every record says of each person that it names, in the words that models/person.yaml compares.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.person_observation, entity.observation, entity.address_member. Writes: temp node_source.
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
    p.valid_from as since,
    p.valid_to as until
from entity.person_observation as p
left join home as h using (feed, record_key)
left join entity.observation as o using (feed, record_key)
where not p.is_placeholder and coalesce(p.given_key, p.family_key, p.number) is not null
;
