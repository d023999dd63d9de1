-- Works at homes and changes of use, with and without permission, whatever the day.
-- Grain: one piece of work. Key: work_id.
-- Reads: address, business, household_stay, residence, planted; variable today. Writes: temp planning_work.
create or replace temp table planning_work as
with
    lived as (
        -- who lives there when the work begins
        select h.address_id, h.stay_id, h.from_day, h.to_day, min(r.person_id) as person_id
        from household_stay as h
        join residence as r on r.stay_id = h.stay_id and r.role = 'head'
        group by all
    ),
    ordinary as (
        -- an extension or a loft, some time in the five years and the one to come
        select
            address_id * 4 as work_id,
            address_id,
            cast(getvariable('today') - 1800 + pick('planning when', address_id, 2160) as date) as begun_on,
            'ordinary' as why
        from address
        where kind in ('house', 'named_house', 'farm') and happens('planning extends', address_id, 90000)
    ),
    planted_work as (
        select address_id * 4 + 1, address_id, from_day, coalesce(look_alike, 'without_permission')
        from planted
        where case_id = 'works_without_permission'
    ),
    new_trade as (
        select address_id * 4 + 2, address_id, opened_on - 60, 'change_of_use'
        from business
        where
            trade in ('takeaway', 'restaurant', 'cafe')
            and opened_on between getvariable('today') - 1700 and getvariable('today') + 360
            and happens('planning change of use', business_id, 500000)
        qualify row_number() over (partition by address_id order by opened_on) = 1
    ),
    every_work as (
        from ordinary
        union all
        from planted_work
        union all
        from new_trade
    )
select
    w.*,
    l.person_id,
    -- what is done without permission, or needs none, is not applied for; some ask for a certificate
    case
        when why in ('ordinary', 'change_of_use')
        then begun_on - 70 - pick('planning ahead', work_id, 60)
        when why = 'permitted_development' and happens('planning certificate', work_id, 250000)
        then begun_on - 30
    end as received_on,
    case
        when why = 'without_permission' and happens('planning noticed', work_id, 550000)
        then begun_on + 10 + pick('planning notices', work_id, 200)
        when why = 'permitted_development' and happens('planning suspected', work_id, 350000)
        then begun_on + 10 + pick('planning notices', work_id, 200)
        when why = 'ordinary' and happens('planning complaint', work_id, 30000)
        then begun_on + 10 + pick('planning notices', work_id, 200)
    end as alleged_on
from every_work as w
left join lived as l on l.address_id = w.address_id and l.from_day <= w.begun_on and l.to_day > w.begun_on
qualify row_number() over (partition by w.work_id order by l.stay_id) = 1
;
