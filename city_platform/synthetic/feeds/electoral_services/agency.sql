-- Who is or will be an elector, whatever the day, and from when to when the register shows it.
-- Grain: one adult's (or attainer's) time at an address. Key: elector_id.
-- Reads: residence, household_stay, person, address, street, planted; variable today.
-- Writes: temp electoral_services_elector.
create or replace temp table electoral_services_elector as
with
    shown_anyhow as (
        -- what is planted about discounts has to show: everybody at home is registered
        select stay_id, bool_or(look_alike = 'carer') as has_carer
        from planted
        where case_id = 'spd_two_adults'
        group by stay_id
    ),
    departed as (
        -- people who left the borough and whom one carer's place brings back
        select
            r.person_id,
            row_number() over (order by dice('carer comes back', r.person_id)) as place
        from (select person_id, max(to_day) as left_on from residence group by person_id) as r
        join person as p using (person_id)
        where
            r.left_on between getvariable('today') - 1600 and getvariable('today') - 400
            and p.died_on is null
            and p.date_of_birth between date '1966-01-01' and date '2000-01-01'
    ),
    cared_for as (
        select stay_id, address_id, row_number() over (order by dice('carer wanted', stay_id)) as place
        from planted
        where case_id = 'spd_two_adults' and look_alike = 'carer'
    ),
    lived as (
        select person_id, stay_id, address_id, role, from_day, to_day, false as is_carer
        from residence
        union all
        select
            d.person_id,
            c.stay_id,
            c.address_id,
            'carer',
            getvariable('today') - 200 - pick('carer came', d.person_id, 150),
            s.to_day,
            true
        from cared_for as c
        join departed as d using (place)
        join household_stay as s using (stay_id)
    ),
    grown as (
        select
            l.*,
            p.date_of_birth,
            p.died_on,
            p.culture,
            cast(greatest(l.from_day, p.date_of_birth + interval 16 year) as date) as entitled_from,
            l.person_id * 32 + row_number() over (partition by l.person_id order by l.from_day, l.stay_id) as elector_id,
            lag(l.to_day) over (partition by l.person_id order by l.from_day, l.stay_id) as before_to_day,
            a.street_id,
            t.ward_id,
            a.tenure
        from lived as l
        join person as p using (person_id)
        join address as a using (address_id)
        join street as t using (street_id)
        where l.to_day > p.date_of_birth + interval 16 year
    ),
    dated as (
        select
            g.*,
            x.stay_id is not null as is_shown_anyhow,
            -- those who come from elsewhere in the borough are taken over from their old address
            entitled_from
            + case when g.before_to_day is null then 15 else 45 end
            + least(lasting('electoral joins', elector_id, 80), 240) as added_on,
            not happens(
                'electoral unregistered',
                elector_id,
                case tenure when 'owner' then 20000 when 'private' then 120000 else 60000 end
                + case when date_of_birth > date '1998-01-01' then 50000 else 0 end
            )
            and case
                culture when 2 then not happens('electoral entitled', g.person_id, 250000)
                when 7 then happens('electoral entitled', g.person_id, 550000)
                when 9 then happens('electoral entitled', g.person_id, 450000)
                else true
            end as registers
        from grown as g
        left join shown_anyhow as x using (stay_id)
    ),
    ended as (
        select
            *,
            case
                when is_shown_anyhow
                then least(added_on, greatest(entitled_from, getvariable('today') - 20))
                else added_on
            end as joined_on,
            least(
                case
                    when to_day = date '9999-12-31'
                    then date '9999-12-31'
                    when died_on between to_day - 1 and to_day + 1
                    then to_day + 8 + pick('electoral death', elector_id, 40)
                    else to_day + 45 + least(lasting('electoral leaves', elector_id, 110), 260)
                end,
                coalesce(
                    lead(case when registers then greatest(added_on, before_to_day + 45) end) over (
                        partition by person_id order by from_day, stay_id
                    ),
                    date '9999-12-31'
                )
            ) as removed_on
        from dated
    ),
    numbered as (
        -- the register of December 2025 runs by street; who came later follows
        select
            *,
            row_number() over (
                partition by ward_id
                order by
                    case when entitled_from <= date '2025-12-01' then date '2025-12-01' else entitled_from end,
                    case when entitled_from <= date '2025-12-01' then street_id else 0 end,
                    case when entitled_from <= date '2025-12-01' then address_id else 0 end,
                    person_id,
                    from_day
            ) as number
        from ended
        where to_day > date '2024-12-01'
    )
select
    elector_id,
    person_id,
    stay_id,
    address_id,
    date_of_birth,
    from_day,
    to_day,
    cast(joined_on as date) as joined_on,
    removed_on,
    number,
    -- the polling district: two letters for the ward
    substr('ABCDEFGHJ', 1 + divide(ward_id, 9), 1) || substr('ABCDEFGHJ', 1 + ward_id % 9, 1) as district,
    culture = 2 and not happens('electoral naturalised', person_id, 150000) as is_european
from numbered
where (registers or is_shown_anyhow) and joined_on < removed_on and removed_on > getvariable('today')
;
