-- Enforcement cases on the day: some of the works without permission, and of those that needed none.
-- Grain: one case. Key: case_no.
-- Reads: planning_work, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    dated as (
        select
            *,
            planning_weekday(
                alleged_on
                + 21
                + lasting(
                    'planning case lasts',
                    work_id,
                    case why when 'without_permission' then 330 when 'untidy' then 200 when 'change_of_use' then 160 else 55 end
                )
            ) as closed_on
        from planning_work
        where alleged_on <= getvariable('day')
    ),
    written as materialized (
        select
            d.*,
            write_address(a, 'planning/enforcement', d.work_id) as site,
            printf('EN/%02d/%05d', year(alleged_on) % 100, case_place) as number,
            closed_on <= getvariable('day') as is_closed
        from dated as d
        join address_text as a using (address_id)
    )
select
    number as case_no,
    one_line(site) as site_address,
    case
        why
        when 'change_of_use'
        then 'Change of use without permission'
        when 'untidy'
        then 'Untidy land'
        else
            [
                'Extension without permission', 'Dormer without permission', 'Two storey extension without permission',
                'Conversion of garage without permission'
            ][1 + works]
    end as allegation,
    alleged_on as opened_on,
    case when is_closed then closed_on end as closed_on,
    case
        when is_closed
        then
            case
                why
                when 'without_permission'
                then ['Not expedient', 'Notice served', 'Notice served'][1 + pick('planning outcome', work_id, 3)]
                when 'untidy'
                then ['Not expedient', 'Notice served'][1 + pick('planning outcome', work_id, 2)]
                when 'change_of_use'
                then 'Regularised'
                else 'No breach'
            end
    end as outcome,
    'PE' || (1 + pick('planning officer', work_id, 4)) as officer,
    number as _key,
    row_number() over (order by alleged_on, work_id) as _order,
    address_id as _address_id,
    site.kinds as _dirt
from written
;
