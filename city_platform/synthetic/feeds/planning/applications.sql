-- The register of applications on the day.
-- Grain: one application. Key: application_no.
-- Reads: planning_work, person, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    dated as (
        select *, cast(received_on + 40 + pick('planning takes', work_id, 50) as date) as decided_on
        from planning_work
        where received_on <= getvariable('day')
    ),
    written as materialized (
        select
            d.*,
            a.x,
            a.y,
            p.given_name || ' ' || p.family_name as applicant,
            case
                d.why when 'change_of_use' then 'COU' when 'permitted_development' then 'LDC' else 'HOU'
            end as application_type,
            write_address(a, 'planning/applications', d.work_id) as site
        from dated as d
        join address_text as a using (address_id)
        left join person as p using (person_id)
    )
select
    printf('%02d/%06d/%s', year(received_on) % 100, work_id, application_type) as application_no,
    application_type,
    case application_type
        when 'COU'
        then 'Change of use to hot food and restaurant'
        when 'LDC'
        then 'Certificate of lawfulness for a rear dormer'
        else
            ['Single storey rear extension', 'Loft conversion with rear dormer', 'Two storey side extension',
            'Garage conversion', 'Front porch and new roof'][1 + pick('planning proposal', work_id, 5)]
    end as proposal,
    one_line(site) as site_address,
    x as easting,
    y as northing,
    applicant,
    received_on,
    case when decided_on <= getvariable('day') then decided_on end as decided_on,
    case
        when decided_on <= getvariable('day')
        then
            case
                when pick('planning decision', work_id, 100) < 82
                then 'Granted'
                when pick('planning decision', work_id, 100) < 94
                then 'Refused'
                else 'Withdrawn'
            end
    end as decision,
    printf('%02d/%06d/%s', year(received_on) % 100, work_id, application_type) as _key,
    work_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    site.kinds as _dirt
from written
;
