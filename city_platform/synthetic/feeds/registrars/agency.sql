-- Every death of a resident with its entry in the register, whatever the day.
-- Grain: one death. Key: person_id.
-- Reads: person, person_surname, residence; variable today. Writes: temp registrars_entry.
create or replace temp table registrars_entry as
with
    home as (
        select
            p.person_id,
            p.died_on,
            p.died_on + 2 + pick('registrars after', p.person_id, 8) as registered_on,
            arg_max(r.address_id, r.from_day) as address_id
        from person as p
        join residence as r on r.person_id = p.person_id and r.from_day <= p.died_on
        where p.died_on is not null
        group by all
    ),
    named as (
        select
            n.person_id,
            arg_max(n.family_name, n.from_day) as family_name,
            case when count(*) > 1 then arg_min(n.family_name, n.from_day) end as former_family_name
        from person_surname as n
        join home as h on h.person_id = n.person_id and n.from_day <= h.died_on
        group by n.person_id
    )
select
    h.*,
    n.family_name,
    n.former_family_name,
    row_number() over (partition by year(h.registered_on) order by h.registered_on, h.person_id) as running_number
from home as h
join named as n using (person_id)
;
