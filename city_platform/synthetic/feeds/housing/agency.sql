-- Who rents from the council or an association, and which shared houses are licensed, whatever the day.
-- Grain: one tenancy; one licence. Keys: tenancy_id; licence_id.
-- Reads: household_stay, residence, person, address, landlord, planted, former_home. Writes: temp
-- housing_tenancy,
-- temp housing_licence.
create or replace temp table housing_tenancy as
with
    member as (
        select
            r.stay_id,
            arg_min(r.person_id, {'place': r.role <> 'head', 'from': r.from_day, 'id': r.person_id}) as person_id,
            arg_min(r.person_id, {'from': r.from_day, 'id': r.person_id}) filter (r.role = 'partner') as partner_id
        from residence as r
        join person as p using (person_id)
        where r.role in ('head', 'partner', 'sharer')
        group by r.stay_id
    )
select
    h.stay_id as tenancy_id,
    h.stay_id,
    h.address_id,
    a.tenure,
    m.person_id,
    case when happens('housing joint', h.stay_id, 550000) then m.partner_id end as partner_id,
    h.from_day,
    h.to_day,
    cast(8000 + pick('housing rent', h.address_id, 9000) as integer) as weekly_rent_pence,
    case
        when happens('housing arrears', h.stay_id, 220000) then lasting('housing owes', h.stay_id, 42000) else 0
    end as arrears_pence
from household_stay as h
join address as a using (address_id)
join member as m using (stay_id)
where a.tenure in ('council', 'association') and m.person_id is not null
;

create or replace temp table housing_licence as
with
    shared as (
        select stay_id, address_id, from_day, 'mandatory' as why
        from planted
        where case_id = 'undeclared_hmo' and look_alike = 'licensed'
        union all
        -- smaller ones that asked for a licence of their own accord
        select stay_id, address_id, from_day, 'additional'
        from stay_now
        where household_kind = 4 and adults between 3 and 4 and happens('housing small licence', stay_id, 350000)
        union all
        -- licences of houses that are shared no more
        select h.stay_id, h.address_id, h.from_day, 'lapsed'
        from household_stay as h
        where h.household_kind = 4 and h.to_day < getvariable('today') and happens('housing old licence', h.stay_id, 200000)
    )
select
    s.stay_id as licence_id,
    s.address_id,
    coalesce(l.person_id, a.person_id) as holder_id,
    greatest(s.from_day, getvariable('today') - 1700) + 30 + pick('housing licensed after', s.stay_id, 60) as commenced_on,
    case s.why when 'additional' then 4 else 5 + pick('housing occupants', s.stay_id, 4) end as occupants
from shared as s
left join landlord as l using (address_id)
join adult as a on a.place = dice('housing holder', s.stay_id) % getvariable('adults')
;
