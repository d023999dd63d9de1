-- The register of applications on the day.
-- Grain: one application. Key: application_no.
-- Reads: planning_work, address, person, address_text; variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    dated as (
        select
            *,
            planning_weekday(received_on + 40 + pick('planning takes', work_id, 45)) as decided_on,
            case
                why when 'change_of_use' then 'COU' when 'permitted_development' then 'LDC' when 'ordinary' then 'HOU' else 'FUL'
            end as application_type
        from planning_work
        where received_on between getvariable('today') - 1825 and getvariable('day')
    ),
    written as materialized (
        select
            d.*,
            a.x,
            a.y,
            b.kind as building,
            write_person(
                p.given_name, p.middle_name, p.family_name, null, cast(null as date), 'planning/applications', d.work_id
            ) as applicant,
            write_address(a, 'planning/applications', d.work_id) as site,
            printf('%02d/%05d/%s', year(received_on) % 100, application_place, application_type) as number,
            decided_on <= getvariable('day') as is_decided
        from dated as d
        join address_text as a using (address_id)
        join address as b using (address_id)
        left join person as p using (person_id)
    )
select
    number as application_no,
    application_type,
    case
        why
        when 'change_of_use'
        then
            [
                'Change of use from shop to hot food takeaway', 'Change of use from Class E retail to restaurant',
                'Change of use of ground floor to cafe with extraction flue to rear'
            ][1 + pick('planning proposal', work_id, 3)]
            || case when asks_late then ' (retrospective)' else '' end
        when 'permitted_development'
        then
            'Certificate of lawfulness (proposed): '
            || ['single storey rear extension', 'rear dormer', 'two storey extension', 'conversion of garage'][1 + works]
        when 'shopfront'
        then
            ['Installation of new shopfront', 'New shopfront and fascia sign', 'Replacement of shopfront and roller shutter'][
                1 + pick('planning proposal', work_id, 3)
            ]
        when 'demolition'
        then 'Demolition of existing building and clearance of site'
        when 'new_building'
        then
            case
                when building in ('block', 'converted')
                then 'Erection of a building of self-contained flats with bin and cycle stores'
                when building in ('shop', 'shop_with_flat', 'pub', 'office', 'business_unit')
                then 'Erection of commercial building with associated parking'
                else 'Erection of detached dwelling with parking and landscaping'
            end
        else
            [
                ['Single storey rear extension', 'Single storey side extension', 'Single storey side and rear extension'],
                ['Loft conversion with rear dormer', 'Hip to gable roof extension', 'Loft conversion with front rooflights'],
                ['Two storey side extension', 'Two storey rear extension', 'Part two storey, part single storey rear extension'],
                ['Conversion of garage to living room', 'Garage conversion with new window', 'Conversion of integral garage']
            ][1 + works][1 + pick('planning proposal', work_id, 3)]
            || ['', '', ' following demolition of conservatory', ' and front porch', ' and new boundary wall'][
                1 + pick('planning proposal too', work_id, 5)
            ]
    end as proposal,
    one_line(site) as site_address,
    x as easting,
    y as northing,
    nullif(concat_ws(' ', applicant.given_name, applicant.middle_name, applicant.family_name), '') as applicant,
    company as applicant_company,
    received_on,
    case when is_decided then decided_on end as decided_on,
    case
        when is_decided
        then
            case
                when fate < 82 or why in ('permitted_development', 'new_building', 'demolition')
                then 'Granted'
                when fate < 94
                then 'Refused'
                else 'Withdrawn'
            end
    end as decision,
    number as _key,
    row_number() over (order by received_on, work_id) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(coalesce(applicant.kinds, []), site.kinds) as _dirt
from written
;
