-- Who rents from the council or an association, and which shared houses are licensed, whatever the day.
-- Grain: one tenancy; one licensed house. Keys: tenancy_id; address_id.
-- Reads: household_stay, stay_now, residence, address, landlord, adult, planted; variables today, adults.
-- Writes: temp housing_tenancy, temp housing_licence.
create or replace temp table housing_tenancy as
with
    member as (
        -- those who signed: they came when the tenancy began
        select
            r.stay_id,
            arg_min(r.person_id, {'place': r.role <> 'head', 'id': r.person_id}) as person_id,
            arg_min(r.person_id, {'place': 0, 'id': r.person_id}) filter (r.role = 'partner') as partner_id
        from residence as r
        join household_stay as h using (stay_id)
        where r.role in ('head', 'partner', 'sharer') and r.from_day <= h.from_day
        group by r.stay_id
    )
select
    h.stay_id as tenancy_id,
    h.address_id,
    a.tenure,
    m.person_id,
    case when m.partner_id <> m.person_id and happens('housing joint', h.stay_id, 550000) then m.partner_id end as partner_id,
    h.from_day,
    h.to_day,
    cast(
        case when a.kind like 'flat%' then 8800 else 10400 end + pick('housing rent', h.address_id, 4000) as integer
    ) as rent_pence,
    happens('housing arrears', h.stay_id, 220000) as falls_behind
from household_stay as h
join address as a using (address_id)
join member as m using (stay_id)
where a.tenure in ('council', 'association') and m.person_id is not null
;

create or replace temp table housing_licence as
with
    undeclared as (
        select address_id, from_day
        from planted
        where case_id = 'undeclared_hmo' and look_alike is null
    ),
    shared as (
        select stay_id, address_id, from_day, date '9999-12-31' as to_day, 0 as place
        from planted
        where case_id = 'undeclared_hmo' and look_alike = 'licensed'
        union all
        -- smaller ones that asked for a licence of their own accord
        select stay_id, address_id, from_day, date '9999-12-31', 1
        from stay_now
        where household_kind = 4 and adults between 3 and 4 and happens('housing small licence', stay_id, 350000)
        union all
        -- houses that were shared once: their licence runs out, and nobody renews it
        select stay_id, address_id, from_day, to_day, 2
        from household_stay
        where
            household_kind = 4
            and to_day between getvariable('today') - 1500 and getvariable('today')
            and happens('housing old licence', stay_id, 120000)
    ),
    one_a_house as (
        select s.*
        from shared as s
        left join undeclared as u using (address_id)
        where s.place < 2 or u.address_id is null
        qualify row_number() over (partition by s.address_id order by s.place, s.from_day desc, s.stay_id) = 1
    )
select *, row_number() over (order by first_on, address_id) as house_no
from
    (
        select
            s.address_id,
            coalesce(l.person_id, a.person_id) as holder_id,
            -- the landlord has his licence before those who share move in, for five years at a time
            cast(s.from_day - 15 - pick('housing licensed before', s.stay_id, 240) as date) as first_on,
            s.to_day,
            cast(case s.place when 1 then 4 else 5 + pick('housing occupants', s.stay_id, 4) end as integer) as occupants
        from one_a_house as s
        left join landlord as l using (address_id)
        join adult as a on a.place = dice('housing holder', s.stay_id) % getvariable('adults')
    )
;
