-- Notices of works that building control has on the day.
-- Grain: one notice. Key: Ref.
-- Reads: building_control_work, address, address_text, person; variable day. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            w.*,
            write_person(
                p.given_name, null, p.family_name, null, cast(null as date), 'building_control/applications', w.work_id
            ) as owner,
            write_address(a, 'building_control/applications', w.work_id) as site,
            b.is_dwelling,
            printf(
                '%s/%02d/%05d',
                case notice_type when 'Building notice' then 'BN' when 'Full plans' then 'FP' else 'IN' end,
                year(received_on) % 100,
                place
            ) as reference
        from building_control_work as w
        join address_text as a using (address_id)
        join address as b using (address_id)
        left join person as p using (person_id)
        where w.received_on <= getvariable('day')
    )
select
    reference as "Ref",
    notice_type as "Type",
    case
        why
        when 'small'
        then
            [
                'Replacement boiler', 'Replacement windows', 'Electrical rewire', 'Re-roofing', 'Cavity wall insulation',
                'Shower room'
            ][1 + pick('notice small', work_id, 6)]
        when 'new_building'
        then case when is_dwelling then 'New dwelling' else 'New building' end
        when 'permitted_development'
        then
            ['Single storey rear extension', 'Loft conversion', 'Two storey extension', 'Garage conversion'][1 + works]
            || case when happens('notice wall', work_id, 250000) then ' and removal of load-bearing wall' else '' end
        else
            [
                ['Single storey extension', 'Single storey rear extension', 'Kitchen extension'],
                ['Loft conversion', 'Loft conversion with dormer', 'Room in roof'],
                ['Two storey extension', 'Two storey side extension', 'Side and rear extension'],
                ['Garage conversion', 'Conversion of garage', 'Garage conversion with WC']
            ][1 + works][1 + pick('notice works', work_id, 3)]
    end as "Works",
    concat_ws(', ', nullif(site.line_1, ''), site.line_2) as "Site",
    site.line_3 as "Site locality",
    site.postcode as "Site postcode",
    owner.given_name || ' ' || owner.family_name as "Owner",
    received_on as "Received",
    case when completed_on <= getvariable('day') then completed_on end as "Completed",
    reference as _key,
    row_number() over (order by received_on, work_id) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(coalesce(owner.kinds, []), site.kinds) as _dirt
from written
;
