-- What admissions are drawn from, whatever the day.
-- Grain: one school of a phase in a ward; one application of a child. Keys: ward_id, phase; application_id.
-- Reads: ward, person, residence, address, street; variable today. Writes: temp schools_school,
-- schools_application.
create or replace temp table schools_school as
select
    ward_id,
    'primary' as phase,
    ward || [
        ' Primary School', ' Community Primary School', ' Church of England Primary School', ' Primary Academy'
    ][1 + pick('schools primary', ward_id, 4)] as school
from ward
union all
-- three wards share a secondary school
select w.ward_id, 'secondary', m.locality || [' Academy', ' High School', ' School'][1 + pick('schools secondary', m.ward_id, 3)]
from ward as w
join ward as m on m.ward_id = w.ward_id - w.ward_id % 3
;

create or replace temp table schools_application as
with
    child as (
        select
            r.person_id,
            p.date_of_birth,
            min(r.from_day) as came,
            max(r.to_day) as went,
            -- the September in which the child is four
            year(p.date_of_birth) + case when month(p.date_of_birth) < 9 then 4 else 5 end as starts
        from residence as r
        join person as p using (person_id)
        where p.date_of_birth > getvariable('today') - interval 25 year
        group by all
        having bool_or(r.role = 'child')
    ),
    round as (
        select *, 0 as kind, make_date(starts, 9, 2) + pick('schools first day', person_id, 4) as admitted_on
        from child
        union all
        select *, 1, make_date(starts + 7, 9, 2) + pick('schools first day', person_id, 4)
        from child
        union all
        -- those who come to live here in between apply when they come
        select *, 2, came + 7 + pick('schools in-year', person_id, 35)
        from child
        where came > make_date(starts, 9, 2) and came < make_date(starts + 12, 4, 1)
    ),
    termly as (
        select
            * replace (
                case
                    when kind < 2
                    then admitted_on
                    when month(admitted_on) = 8 or (month(admitted_on) = 7 and day(admitted_on) > 18)
                    then make_date(year(admitted_on), 9, 4)
                    when isodow(admitted_on) > 5
                    then admitted_on + 2
                    else admitted_on
                end as admitted_on
            )
        from round
    ),
    placed as (
        select
            t.*,
            r.address_id,
            r.stay_id,
            r.household_id,
            case when admitted_on < make_date(starts + 7, 8, 1) then 'primary' else 'secondary' end as phase,
            s.ward_id,
            a.tenure,
            a.deprivation
        from termly as t
        join residence as r on r.person_id = t.person_id and r.from_day <= t.admitted_on and r.to_day > t.admitted_on
        join address as a using (address_id)
        join street as s using (street_id)
    )
select
    p.person_id * 4 + p.kind as application_id,
    p.person_id,
    p.date_of_birth,
    p.kind,
    p.admitted_on,
    p.address_id,
    p.household_id,
    p.went,
    p.phase,
    -- four of five go to the school of their ward
    case
        when happens('schools own ward', p.household_id, 800000)
        then p.ward_id
        else pick('schools other ward', p.household_id, cast((select count(*) from ward) as integer))
    end as ward_id,
    case when p.phase = 'primary' then make_date(starts + 7, 7, 22) else make_date(starts + 12, 6, 26) end as phase_ends,
    -- of two parents the same one applies for all the children
    arg_min(
        g.person_id, case g.role when 'partner' then divide(pick('schools parent', p.household_id, 10), 6) * 2 else 1 end * 10000000 + g.person_id
    ) as parent_id,
    pick('schools meals', p.household_id, 100)
    < 6 + divide(p.deprivation, 4) + case when p.tenure in ('council', 'association') then 18 else 0 end as has_meals
from placed as p
left join
    residence as g
    on g.stay_id = p.stay_id
    and g.role in ('head', 'partner')
    and g.from_day <= p.admitted_on
    and g.to_day > p.admitted_on
    and g.person_id <> p.person_id
group by all
;
