-- Notices of works on the day: works are built with permission, without it, and where none is needed.
-- Grain: one notice. Key: Ref.
-- Reads: planted, address, address_text, household_stay, residence, person; variables day, today. Writes:
-- temp
-- sending.
create or replace temp table sending as
with
    work as (
        select
            address_id * 4 + 1 as work_id,
            address_id,
            from_day as begun_on
        from planted
        where case_id = 'works_without_permission' and happens('notice', address_id, 850000)
        union all
        -- the same draws as the planning register's: ordinary works with their permission
        select address_id * 4, address_id, cast(getvariable('today') - 1800 + pick('planning when', address_id, 2160) as date)
        from address
        where
            kind in ('house', 'named_house', 'farm')
            and happens('planning extends', address_id, 90000)
            and happens('notice', address_id, 850000)
        union all
        -- boilers, windows and wires, for which nobody asks the planners
        select address_id * 4 + 3, address_id, cast(getvariable('today') - 1800 + pick('notice when', address_id, 2160) as date)
        from address
        where is_dwelling and happens('small works', address_id, 60000)
    ),
    owner as (
        select w.work_id, min(r.person_id) as person_id
        from work as w
        join household_stay as h on h.address_id = w.address_id and h.from_day <= w.begun_on and h.to_day > w.begun_on
        join residence as r on r.stay_id = h.stay_id and r.role = 'head'
        group by w.work_id
    ),
    written as materialized (
        select
            w.*,
            o.person_id,
            p.given_name || ' ' || p.family_name as owner_name,
            write_address(a, 'building_control/applications', w.work_id) as site
        from work as w
        join address_text as a using (address_id)
        left join owner as o using (work_id)
        left join person as p using (person_id)
        where w.begun_on - 7 <= getvariable('day')
    )
select
    printf('BN/%02d/%07d', year(begun_on) % 100, work_id) as "Ref",
    case
        pick('notice type', work_id, 3) when 0 then 'Building notice' when 1 then 'Full plans' else 'Initial notice'
    end as "Type",
    case work_id % 4
        when 3
        then ['Replacement boiler', 'Replacement windows', 'Electrical rewire'][1 + pick('notice small', work_id, 3)]
        else
            ['Single storey extension', 'Loft conversion', 'Removal of load-bearing wall', 'Two storey extension'][
                1 + pick('notice works', work_id, 4)
            ]
    end as "Works",
    concat_ws(', ', nullif(site.line_1, ''), site.line_2) as "Site",
    site.line_3 as "Site locality",
    site.postcode as "Site postcode",
    owner_name as "Owner",
    begun_on - 7 as "Received",
    case
        when begun_on + 40 + lasting('notice lasts', work_id, 120) <= getvariable('day')
        then begun_on + 40 + lasting('notice lasts', work_id, 120)
    end as "Completed",
    printf('BN/%02d/%07d', year(begun_on) % 100, work_id) as _key,
    work_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    site.kinds as _dirt
from written
;
