-- What officers find who go where a worklist sends them.
-- Grain: one visit. Key: worklist_row_id.
-- Reads: temp listed(worklist_row_id, reference, rank, as_of), temp known_business(reference, business_id,
-- named as the
-- register names it), business (the truth); macros of dice.sql; variables days, first_id. Writes: temp
-- played_visit.
-- Four in a hundred find nobody in; who has closed is found closed; five in a hundred visits are misjudged:
-- the officer
-- writes down what another place deserves.
create or replace temp table played_visit as
with
    gone as (
        select
            l.*,
            k.business_id,
            k.named,
            k.address_1,
            k.address_2,
            k.address_3,
            k.postcode,
            b.hygiene,
            b.closed_on,
            hash(l.worklist_row_id) % 1000000007 as draw,
            l.as_of + cast(1 + (l.rank - 1) % getvariable('days') as integer) as visited_on
        from listed as l
        left join known_business as k using (reference)
        left join business as b using (business_id)
    ),
    met as (
        select
            *,
            case
                when business_id is null
                then 'wrong_place'
                when closed_on <= visited_on
                then 'closed'
                when happens('no access', draw, 40000)
                then 'no_access'
                when happens('misjudged', draw, 50000)
                then 'misjudged'
                else 'inspected'
            end as result,
            pick('goes', draw, 12) + 1 as officer
        from gone
    ),
    seen as (
        -- what the officer sees: the place as it is kept, the day it has, and the officer's own eye
        select
            *,
            case result
                when 'misjudged'
                then bell('another place', draw) * 2
                else hygiene
            end
            + divide(bell('that day', draw) * 8, 10)
            + divide(bell('officer', officer) * 4, 10) as impression
        from met
    ),
    scored as (
        select
            *,
            case
                when impression > 900
                then 0
                when impression > -100
                then 5
                when impression > -1000
                then 10
                when impression > -1700
                then 15
                else 20
            end as score
        from seen
    )
select
    worklist_row_id,
    rank,
    reference,
    business_id,
    result,
    visited_on,
    named as business_name,
    address_1,
    address_2,
    address_3,
    postcode,
    printf('EHO%02d', officer) as officer,
    row_number() over (order by rank, worklist_row_id) + getvariable('first_id') as inspection_id,
    case when result in ('inspected', 'misjudged') then score end as score
from scored
where result <> 'wrong_place'
;
