-- Enforcement cases on the day: some of the works without permission, and of those that needed none.
-- Grain: one case. Key: case_no.
-- Reads: planning_work, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    dated as (
        select *, cast(alleged_on + 30 + lasting('planning case lasts', work_id, 200) as date) as closed_on
        from planning_work
        where alleged_on <= getvariable('day')
    ),
    written as materialized (
        select d.*, write_address(a, 'planning/enforcement', d.work_id) as site
        from dated as d
        join address_text as a using (address_id)
    )
select
    printf('EN/%02d/%06d', year(alleged_on) % 100, work_id) as case_no,
    one_line(site) as site_address,
    ['Extension without permission', 'Dormer without permission', 'Outbuilding without permission'][
        1 + pick('planning allegation', work_id, 3)
    ] as allegation,
    alleged_on as opened_on,
    case when closed_on <= getvariable('day') then closed_on end as closed_on,
    case
        when closed_on <= getvariable('day')
        then
            case
                when why <> 'without_permission'
                then 'No breach'
                else ['Not expedient', 'Regularised', 'Notice served'][1 + pick('planning outcome', work_id, 3)]
            end
    end as outcome,
    'PE' || (1 + pick('planning officer', work_id, 4)) as officer,
    printf('EN/%02d/%06d', year(alleged_on) % 100, work_id) as _key,
    work_id as _order,
    address_id as _address_id,
    site.kinds as _dirt
from written
;
