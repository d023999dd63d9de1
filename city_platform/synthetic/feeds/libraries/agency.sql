-- Who joins the library and when, whatever the day.
-- Grain: one card; a few people have two. Key: card_id.
-- Reads: residence, person, person_surname, list_nicknames (variable nicknames); variables today, rate_of.
-- Writes: temp libraries_card, libraries_told.
create or replace temp table libraries_card as
with
    lived as (
        select r.person_id, min(r.from_day) as came, max(r.to_day) as went
        from residence as r
        group by r.person_id
    ),
    joining as (
        select
            l.*,
            p.date_of_birth,
            p.died_on,
            greatest(l.came, cast(p.date_of_birth + interval 3 year as date))
            + lasting('libraries joins', l.person_id, 700) as first_joined
        from lived as l
        join person as p using (person_id)
        where
            happens(
                'libraries member',
                l.person_id,
                case
                    when p.date_of_birth > getvariable('today') - interval 16 year
                    then 520000
                    when p.date_of_birth < getvariable('today') - interval 66 year
                    then 380000
                    else 260000
                end
            )
    ),
    card as (
        select *, 0 as copy, first_joined as joined_on
        from joining
        union all
        -- a lost card, and a second registration instead of a new card
        select *, 1, first_joined + 60 + pick('libraries again', person_id, 900)
        from joining
        where dirty('near_repeat', 'libraries/members', person_id)
    )
select
    c.person_id * 2 + c.copy as card_id,
    c.person_id,
    c.copy,
    c.date_of_birth,
    c.died_on,
    c.went,
    cast(c.joined_on as date) as joined_on,
    14 + lasting('libraries every', c.person_id * 2 + c.copy, 40) as every_days,
    least(c.joined_on + lasting('libraries stops', c.person_id * 2 + c.copy, 1300), c.went - 1) as stops_on,
    r.address_id as joined_address_id,
    r.from_day as joined_address_from,
    n.family_name as joined_family_name,
    row_number() over (order by c.joined_on, c.person_id, c.copy) as running_number
from card as c
join residence as r on r.person_id = c.person_id and r.from_day <= c.joined_on and r.to_day > c.joined_on
join
    (
        select person_id, family_name, from_day, lead(from_day, 1, date '9999-12-31') over (partition by person_id order by from_day) as to_day
        from person_surname
    ) as n
    on n.person_id = c.person_id
    and n.from_day <= c.joined_on
    and n.to_day > c.joined_on
;

create or replace temp table libraries_told as
-- the moves that a member told the library of: few
select c.card_id, r.address_id, r.from_day
from libraries_card as c
join residence as r on r.person_id = c.person_id and r.from_day > c.joined_on
where happens('libraries told', c.card_id * 4194304 + r.address_id, 300000)
;
