-- Home fire safety visits, whatever the day: to the old more than to others, and those that the planted cases
-- and their look-alikes are about.
-- Grain: one visit. Key: visit_id.
-- Reads: household_stay, residence, person, planted, address; variable today. Writes: temp
-- fire_service_visit.
create or replace temp table fire_service_visit as
with
    planted_home as (
        select stay_id, address_id, look_alike, min(from_day) as from_day
        from planted
        where case_id = 'two_services_one_household'
        group by all
    ),
    called as (
        -- environmental health goes on from_day: the fire service within the month, or two years before
        select
            p.stay_id * 8 + case when p.look_alike is null then 1 when p.look_alike = 'neighbours' then 2 else 3 end as seed_id,
            case
                when p.look_alike is distinct from 'neighbours' then p.address_id else coalesce(n.address_id, b.address_id)
            end as address_id,
            case
                when p.look_alike = 'two_years_apart' then p.from_day - 700 else p.from_day + 2 + pick('fire after', p.stay_id, 18)
            end as drawn_on
        from planted_home as p
        left join address as n on n.address_id = p.address_id + 1 and n.is_dwelling
        left join address as b on b.address_id = p.address_id - 1 and b.is_dwelling
        union all
        -- one of these days, if they still live there then
        select
            stay_id * 8,
            address_id,
            getvariable('today') - 1825 + pick('fire when', stay_id, 2190)
        from household_stay
        where
            happens('fire visits', stay_id, case when household_kind in (6, 7) then 240000 else 55000 end)
            and to_day > getvariable('today') - 1825
            and address_id not in (select address_id from planted_home)
    ),
    met as (
        -- who opened the door: the head of the household, or whoever has come longest
        select
            c.seed_id,
            c.address_id,
            cast(c.drawn_on as date) as visited_on,
            h.stay_id,
            arg_min(
                r.person_id,
                {'place': case r.role when 'head' then 0 when 'partner' then 1 when 'sharer' then 2 else 3 end, 'from': r.from_day, 'id': r.person_id}
            ) as person_id,
            bool_or(p.date_of_birth < c.drawn_on - interval 65 year) as is_over_65,
            bool_or(p.date_of_birth > c.drawn_on - interval 5 year) as is_under_5,
            count(*) as members
        from called as c
        join household_stay as h on h.address_id = c.address_id and h.from_day <= c.drawn_on and h.to_day > c.drawn_on
        join residence as r on r.stay_id = h.stay_id and r.from_day <= c.drawn_on and r.to_day > c.drawn_on
        join person as p using (person_id)
        group by c.seed_id, c.address_id, c.drawn_on, h.stay_id
        -- a visit meets one household; whom it was for where it was drawn for one
        qualify row_number() over (partition by c.seed_id order by h.stay_id <> divide(c.seed_id, 8), h.stay_id) = 1
    )
select *, row_number() over (order by visited_on, seed_id) as visit_id
from met
where seed_id % 8 > 0 or stay_id = divide(seed_id, 8)
;
