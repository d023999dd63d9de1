-- The visits to food businesses of the past five years.
-- Grain: one visit. Key: Inspection Id.
-- Reads: environmental_health_visit, environmental_health_registration, business_owner, organisation, address_text;
-- variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    made as (
        -- entered three days later
        select v.*, r.trading_name, r.address_id, r.opened_on
        from environmental_health_visit as v
        join environmental_health_registration as r using (registration_id)
        where v.visited_on + 3 <= getvariable('day') and v.visited_on > getvariable('today') - 1825
    ),
    operator as (
        select m.visit_id, arg_max(o.organisation_id, o.from_day) as organisation_id
        from made as m
        join business_owner as o on o.business_id = m.business_id and o.from_day <= greatest(m.visited_on, m.opened_on)
        group by m.visit_id
    ),
    written as materialized (
        -- name and address come out of the register as they stand there
        select
            m.*,
            o.organisation_id,
            write_address(t, 'environmental_health/food_registrations', m.registration_id) as place,
            write_business(
                m.trading_name, g.name, 'environmental_health/food_registrations', m.registration_id
            ) as named
        from made as m
        join operator as o using (visit_id)
        join organisation as g using (organisation_id)
        join address_text as t using (address_id)
    )
select
    printf('INS%07d', visit_id) as "Inspection Id",
    environmental_health_reference(registration_id) as "Reference",
    named.name as "Premises Name",
    concat_ws(', ', nullif(place.line_1, ''), place.line_2, place.line_3) as "Premises Address",
    place.postcode as "Postcode",
    visited_on as "Inspection Date",
    visit_type as "Visit Type",
    category_before as "Risk Category Before",
    due_before as "Due Date",
    printf('EHO%02d', officer) as "Officer",
    hygiene_score as "Hygiene Score",
    structural_score as "Structural Score",
    confidence_score as "Confidence Score",
    total as "Total Score",
    rating as "Rating",
    case when worst <= 10 then 'Y' else 'N' end as "Broadly Compliant",
    case
        when rating = 5
        then case when pick('environmental_health action', visit_id, 3) = 0 then 'Verbal advice' else 'No action' end
        when rating >= 3
        then case when pick('environmental_health action', visit_id, 4) = 0 then 'Verbal advice' else 'Advisory letter' end
        when rating = 2
        then 'Written warning'
        when rating = 1
        then case when pick('environmental_health action', visit_id, 3) = 0 then 'Hygiene improvement notice' else 'Written warning' end
        else
            ['Hygiene improvement notice', 'Hygiene improvement notice', 'Voluntary closure', 'Hygiene emergency prohibition notice'][
                1 + pick('environmental_health action', visit_id, 4)
            ]
    end as "Action Taken",
    category as "Risk Category After",
    next_due as "Next Due Date",
    printf('INS%07d', visit_id) as _key,
    visit_id as _order,
    address_id as _address_id,
    business_id as _business_id,
    organisation_id as _organisation_id,
    list_concat(
        list_filter(named.kinds, lambda kind: kind <> 'legal_form_variant'),
        list_filter(place.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn'))
    ) as _dirt
from written
;
