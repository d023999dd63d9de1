-- Notices of works, whatever the day: built with permission, without it, and where none is needed.
-- Grain: one notice. Key: work_id.
-- Reads: planted, address, residence, landlord; variable today. Writes: temp building_control_work.
-- Ordinary works, what they are and whether the planners granted them are drawn by the planning register's
-- own streams: nobody builds what was refused.
create or replace temp table building_control_work as
with
    planted_work as (
        select address_id, from_day, coalesce(look_alike, 'without_permission') as why
        from planted
        where case_id = 'works_without_permission'
    ),
    every_work as (
        select address_id * 8 + 1 as work_id, address_id, from_day as begun_on, why
        from planted_work
        where happens('notice', address_id, case why when 'without_permission' then 920000 else 850000 end)
        union all
        select address_id * 8, address_id, getvariable('today') - 1650 + pick('planning when', address_id, 2010), 'ordinary'
        from address
        where
            kind in ('house', 'named_house', 'farm')
            and happens('planning extends', address_id, 90000)
            and built_on is null
            and demolished_on is null
            and address_id not in (select address_id from planted_work)
            and pick('planning decision', address_id * 8, 100) < 82
            and happens('notice', address_id, 900000)
        union all
        -- boilers, windows and wires, for which nobody asks the planners
        select address_id * 8 + 3, address_id, getvariable('today') - 1800 + pick('notice when', address_id, 2160), 'small'
        from address
        where is_dwelling and built_on is null and demolished_on is null and happens('small works', address_id, 60000)
        union all
        select address_id * 8 + 4, address_id, built_on - 330, 'new_building'
        from address
        where
            parent_id is null
            and built_on > getvariable('today') - 1100
            and happens('notice', address_id, 900000)
    ),
    dated as (
        select
            * replace (cast(begun_on as date) as begun_on),
            -- a notice is given a week before the first spade, on a working day
            cast(begun_on - 5 - case isodow(cast(begun_on - 5 as date)) when 6 then 1 when 7 then 2 else 0 end as date) as received_on,
            case
                why
                when 'small'
                then 'Building notice'
                when 'new_building'
                then ['Full plans', 'Initial notice'][1 + pick('notice type', work_id, 2)]
                else ['Building notice', 'Full plans', 'Initial notice'][1 + pick('notice type', work_id, 3)]
            end as notice_type,
            case why when 'small' then 10 when 'new_building' then 280 else 45 end as least_days,
            case why when 'small' then 20 when 'new_building' then 60 else 110 end as more_days,
            cast(
                case
                    why
                    when 'without_permission'
                    then [0, 1, 2, 2][1 + pick('works kind', work_id, 4)]
                    when 'permitted_development'
                    then [0, 1, 3, 0][1 + pick('works kind', work_id, 4)]
                    else pick('works kind', work_id, 4)
                end as integer
            ) as works
        from every_work
    ),
    owner as (
        select d.work_id, min(r.person_id) as person_id
        from dated as d
        join residence as r on r.address_id = d.address_id and r.from_day <= d.received_on and r.to_day > d.received_on
        where r.role = 'head'
        group by d.work_id
    )
select
    d.* exclude (least_days, more_days),
    cast(begun_on + least_days + lasting('notice lasts', d.work_id, more_days) as date) as completed_on,
    -- of a rented home the landlord has it built
    coalesce(l.person_id, o.person_id) as person_id,
    row_number() over (
        partition by notice_type, year(received_on) order by received_on, d.work_id
    ) as place
from dated as d
left join owner as o using (work_id)
left join landlord as l on l.address_id = d.address_id
;
