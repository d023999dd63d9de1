-- What people are called and numbered, and who lives where when.
-- Grain: one person; one surname of a person from a day on; one stay of a person at an address.
-- Keys: person_id; person_id, from_day; person_id, household_id, from_day.
-- Reads: life_person, life_membership, life_household, life_surname (people.py), slot_given, slot_family,
-- address;
-- variables seed, today. Writes: person, person_surname, temp surname_change, household_stay, residence.
create or replace temp table named_person as
select
    l.*,
    -- who is called like his father draws his father's name
    case when l.namesake >= 0 then l.namesake else l.person_id end as given_from,
    -- culture, sex and generation in one number: a join on it alone stays fast at three million
    (l.culture * 2 + l.sex) * 4 + least(3, greatest(0, divide(year(l.date_of_birth) - 1925, 25))) as naming
from life_person as l
;

create or replace temp table given_slot as
select cast(((culture * 2 + sex) * 4 + generation) * 1000 + slot as integer) as place, name
from slot_given
;

create or replace temp table family_slot as
select cast(culture * 1000 + slot as integer) as place, name, name_for_women
from slot_family
;

create or replace table person_surname as
with
    line_culture as (select person_id as line, culture from life_person),
    stated as (
        select p.person_id, p.sex, p.birth_line as line, date '1900-01-01' as from_day
        from life_person as p
        union all
        select r.person_id, p.sex, r.line, r.day
        from life_surname as r
        join life_person as p using (person_id)
    )
select
    s.person_id,
    s.from_day,
    case when s.sex = 1 and f.name_for_women is not null then f.name_for_women else f.name end as family_name
from stated as s
join line_culture as c on c.line = s.line
join
    family_slot as f
    on f.place = cast(c.culture * 1000 + pick('family name', s.line, 1000) as integer)
;

-- Of those alone whose surname changes: each surname with the one before it, and the days between which it
-- is theirs.
create or replace temp table surname_change as
select
    person_id,
    from_day,
    family_name,
    lag(family_name) over (partition by person_id order by from_day) as former_family,
    lead(from_day, 1, date '9999-12-31') over (partition by person_id order by from_day) as to_day
from person_surname
where person_id in (select person_id from person_surname where from_day > date '1900-01-01')
;

create or replace table person as
with
    given as (
        select
            n.*,
            g.name as given_name,
            case when pick('has middle name', n.person_id, 100) < 55 then m.name end as middle_name
        from
            (
                select
                    n.*,
                    cast(s.naming * 1000 + pick('given name', n.given_from, 1000) as integer) as given_place,
                    cast(n.naming * 1000 + pick('middle name', n.person_id, 1000) as integer) as middle_place
                from named_person as n
                join named_person as s on s.person_id = n.given_from
            ) as n
        join given_slot as g on g.place = n.given_place
        join given_slot as m on m.place = n.middle_place
    ),
    newest as (
        select person_id, arg_max(family_name, from_day) as family_name
        from person_surname
        where from_day <= getvariable('today')
        group by person_id
    )
select
    g.person_id,
    case g.sex when 1 then 'F' else 'M' end as sex,
    g.culture,
    g.given_name,
    g.middle_name,
    f.family_name,
    g.date_of_birth,
    g.died_on,
    g.given_from <> g.person_id as is_namesake,
    -- letters that no number was ever issued with, so that none is anybody's
    substr('DFIQUV', 1 + cast(divide(g.person_id, 24000000) % 6 as integer), 1)
    || substr('DFIQUV', 1 + cast(divide(g.person_id, 4000000) % 6 as integer), 1)
    || printf('%06d', (g.person_id * 7919 + getvariable('seed') * 104729) % 1000000)
    || substr('ABCD', 1 + cast(divide(g.person_id, 1000000) % 4 as integer), 1) as nino
from given as g
join newest as f using (person_id)
order by g.person_id
;

create or replace table household_stay as
select
    household_id,
    address_id,
    kind as household_kind,
    from_day,
    to_day,
    row_number() over (order by address_id, from_day, household_id) as stay_id
from life_household
;

create or replace table residence as
select
    m.person_id,
    h.household_id,
    h.stay_id,
    h.address_id,
    m.role,
    greatest(m.from_day, h.from_day) as from_day,
    least(m.to_day, h.to_day) as to_day,
    row_number() over (order by h.address_id, h.from_day, h.household_id, m.person_id, m.from_day) as residence_id
from life_membership as m
join household_stay as h on h.household_id = m.household_id and h.from_day < m.to_day and h.to_day > m.from_day
;
