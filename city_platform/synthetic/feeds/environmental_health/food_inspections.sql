-- Food hygiene inspections of the past five years that are in the system by the day.
-- Grain: one inspection. Key: inspection_id.
-- Reads: environmental_health_inspection, environmental_health_registration; variables day, today.
-- Writes: temp sending.
create or replace temp table sending as
select
    i.inspection_id,
    r.reference,
    r.named.name as business_name,
    nullif(r.place.line_1, '') as address_1,
    r.place.line_2 as address_2,
    r.place.line_3 as address_3,
    r.place.postcode,
    i.inspected_on,
    i.risk_category,
    i.due_on as next_due_on,
    i.visit_type,
    printf('EHO%02d', i.officer + 1) as officer,
    i.hygiene_score,
    i.structural_score,
    i.confidence_score,
    i.total_score,
    i.rating,
    case when i.rating >= 3 then 'yes' else 'no' end as broadly_compliant,
    i.action,
    cast(i.inspection_id as varchar) as _key,
    i.inspection_id as _order,
    r.address_id as _address_id,
    r.business_id as _business_id,
    list_concat(
        list_filter(r.place.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn')),
        list_filter(r.named.kinds, lambda kind: kind <> 'legal_form_variant')
    ) as _dirt
from environmental_health_inspection as i
join environmental_health_registration as r on r.registration_id = i.business_id
where i.inspected_on >= getvariable('today') - 1825 and i.inspected_on + 3 <= getvariable('day')
;
