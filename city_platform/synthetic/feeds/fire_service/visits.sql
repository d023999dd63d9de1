-- Home fire safety visits up to the day.
-- Grain: one visit. Key: VisitNumber.
-- Reads: household_stay, residence, person, planted, address, address_text; variables day, today. Writes:
-- temp
-- sending.
create or replace temp table sending as
with
    called as (
        -- those whom two services visit in a month (environmental health goes on from_day), and their
        -- look-alikes
        select
            stay_id * 4 + 1 as visit_id,
            case when look_alike = 'neighbours' then address_id + 1 else address_id end as address_id,
            case
                when look_alike = 'two_years_apart' then from_day - 700 else from_day + 2 + pick('fire after', stay_id, 18)
            end as visited_on
        from planted
        where case_id = 'two_services_one_household'
        union all
        select
            stay_id * 4,
            address_id,
            greatest(from_day, getvariable('today') - 1800) + 20 + pick('fire when', stay_id, 900)
        from household_stay
        where happens('fire visits', stay_id, case when household_kind in (6, 7) then 160000 else 22000 end)
    ),
    met as (
        select c.*, r.person_id, p.date_of_birth
        from called as c
        join address as a on a.address_id = c.address_id and a.is_dwelling
        left join household_stay as h on h.address_id = c.address_id and h.from_day <= c.visited_on and h.to_day > c.visited_on
        left join residence as r on r.stay_id = h.stay_id and r.role = 'head' and r.from_day <= c.visited_on and r.to_day > c.visited_on
        left join person as p using (person_id)
        where c.visited_on <= getvariable('day')
        qualify row_number() over (partition by c.visit_id order by h.stay_id, r.residence_id) = 1
    ),
    written as materialized (
        select
            m.*,
            write_person(p.given_name, null, p.family_name, null, cast(null as date), 'fire_service/visits', m.visit_id) as occupier,
            write_address(a, 'fire_service/visits', m.visit_id) as home
        from met as m
        join address_text as a using (address_id)
        left join person as p using (person_id)
    )
select
    printf('FS%09d', visit_id) as "VisitNumber",
    cast(visited_on as date) as "VisitDate",
    ['Mere Road', 'Harbour', 'Northgate'][1 + pick('fire station', address_id, 3)] as "Station",
    occupier.given_name || ' ' || occupier.family_name as "OccupierName",
    nullif(home.line_1, '') as "Address1",
    home.line_2 as "Address2",
    home.line_3 as "Address3",
    home.postcode as "PostCode",
    case when happens('fire uprn', visit_id, 400000) then home.uprn end as "UPRN",
    case when date_of_birth < visited_on - interval 65 year then 'Y' else 'N' end as "Over65",
    case when happens('fire smoker', visit_id, 220000) then 'Y' else 'N' end as "Smoker",
    cast(pick('fire alarms', visit_id, 4) as integer) as "AlarmsFitted",
    printf('FS%09d', visit_id) as _key,
    visit_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(coalesce(occupier.kinds, []), home.kinds) as _dirt
from written
;
