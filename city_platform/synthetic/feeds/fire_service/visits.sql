-- Home fire safety visits up to the day.
-- Grain: one visit. Key: VisitNumber.
-- Reads: fire_service_visit, person, person_surname, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    surname as (
        -- what the occupier was called on the day of the visit
        select
            v.visit_id,
            arg_max(s.family_name, s.from_day) as family_name,
            case when count(*) > 1 then arg_min(s.family_name, s.from_day) end as former_family_name
        from fire_service_visit as v
        join person_surname as s on s.person_id = v.person_id and s.from_day <= v.visited_on
        group by v.visit_id
    ),
    written as materialized (
        select
            v.*,
            write_person(
                p.given_name, null, n.family_name, n.former_family_name, cast(null as date), 'fire_service/visits', v.seed_id
            ) as occupier,
            write_address(a, 'fire_service/visits', v.seed_id) as home,
            a.uprn as true_uprn,
            happens('fire uprn', v.seed_id, 400000) as has_uprn,
            printf('FS%07d', v.visit_id) as number
        from fire_service_visit as v
        join surname as n using (visit_id)
        join person as p using (person_id)
        join address_text as a using (address_id)
        where v.visited_on <= getvariable('day')
    )
select
    number as "VisitNumber",
    visited_on as "VisitDate",
    ['Mere Road', 'Harbour', 'Northgate'][1 + pick('fire station', divide(address_id, 400), 3)] as "Station",
    occupier.given_name || ' ' || occupier.family_name as "OccupierName",
    nullif(home.line_1, '') as "Address1",
    home.line_2 as "Address2",
    home.line_3 as "Address3",
    home.postcode as "PostCode",
    case when has_uprn then home.uprn end as "UPRN",
    case when is_over_65 then 'Y' else 'N' end as "Over65",
    case when members = 1 then 'Y' else 'N' end as "LivesAlone",
    case when is_under_5 then 'Y' else 'N' end as "ChildUnder5",
    case when happens('fire smoker', seed_id, 220000) then 'Y' else 'N' end as "Smoker",
    case
        when happens('fire mobility', seed_id, case when is_over_65 then 340000 else 60000 end) then 'Y' else 'N'
    end as "MobilityOrHearing",
    cast(pick('fire alarms', seed_id, 4) as integer) as "AlarmsFitted",
    number as _key,
    visit_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(
        occupier.kinds,
        home.kinds,
        case
            when not has_uprn
            then []
            when home.uprn is null
            then ['missing_uprn']
            when home.uprn <> true_uprn
            then ['wrong_uprn']
            else []
        end
    ) as _dirt
from written
;
