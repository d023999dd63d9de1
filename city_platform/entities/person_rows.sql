-- People, with the values that the rules choose among those claimed.
-- Grain: one person that is made anew. Key: person_id.
-- Reads: temp chosen, person_record. Writes: temp person_now.
create or replace temp table person_now as
with
    shown as (
        select
            entity_id as person_id,
            max(value) filter (where attribute = 'given_name') as given_name,
            max(value) filter (where attribute = 'family_name') as family_name,
            max(value) filter (where attribute = 'date_of_birth') as born,
            max(value) filter (where attribute = 'died_on') as died_on,
            max(value) filter (where attribute = 'address') as address_id
        from chosen
        where entity_type = 'person'
        group by all
    ),
    counted as (select person_id, count(*) as records from person_record group by all)
select
    c.person_id,
    s.given_name,
    s.family_name,
    -- as much of a date as is known: 1980, 1980-02 or 1980-02-03
    rpad(s.born, 10, substr('0000-01-01', length(s.born) + 1))::date as date_of_birth,
    case length(s.born) when 10 then 'day' when 7 then 'month' when 4 then 'year' end as date_of_birth_precision,
    s.died_on::date as died_on,
    s.address_id,
    c.records
from counted as c
left join shown as s using (person_id)
;
