-- Visits to homes: noise, pests, disrepair, dirt.
-- Grain: one visit. Key: visit_id.
-- Reads: environmental_health_home_visit, person, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            v.*,
            write_address(t, 'environmental_health/visits', v.draw_id) as place,
            case
                when v.is_named
                then
                    write_person(
                        p.given_name,
                        null,
                        p.family_name,
                        null,
                        null::date,
                        'environmental_health/visits',
                        v.draw_id
                    )
            end as occupier
        from environmental_health_home_visit as v
        join address_text as t using (address_id)
        left join person as p using (person_id)
        where v.visited_on + 1 <= getvariable('day')
    )
select
    printf('EH/H/%07d', home_visit_id) as "visit_id",
    visited_on as "visit_date",
    concat_ws(', ', nullif(place.line_1, ''), place.line_2, place.line_3) as "address",
    place.postcode as "postcode",
    occupier.given_name || ' ' || occupier.family_name as "occupier",
    reason as "reason",
    ['Neighbour', 'Neighbour', 'Occupier', 'Landlord', 'Other council service'][1 + pick('environmental_health source', draw_id, 5)] as "reported_by",
    printf('EHO%02d', 1 + pick('environmental_health home officer', draw_id, 12)) as "officer",
    case
        when visited_on + 10 + lasting('environmental_health home open', draw_id, 45) > getvariable('day')
        then null
        when reason = 'Filthy and verminous'
        then ['Section 83 notice served', 'Cleared by occupier', 'Referred to social care'][1 + pick('environmental_health outcome', draw_id, 3)]
        when reason = 'Noise'
        then
            ['No nuisance found', 'No nuisance found', 'Advice given', 'Warning letter', 'Abatement notice served'][
                1 + pick('environmental_health outcome', draw_id, 5)
            ]
        when reason = 'Pests'
        then ['Treated', 'Treated', 'No infestation found', 'Advice given'][1 + pick('environmental_health outcome', draw_id, 4)]
        else
            ['No hazard found', 'Advice given', 'Landlord repaired', 'Improvement notice served'][
                1 + pick('environmental_health outcome', draw_id, 4)
            ]
    end as "outcome",
    printf('EH/H/%07d', home_visit_id) as _key,
    home_visit_id as _order,
    address_id as _address_id,
    case when is_named then person_id end as _person_id,
    list_concat(
        list_filter(place.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn')),
        coalesce(occupier.kinds, [])
    ) as _dirt
from written
;
