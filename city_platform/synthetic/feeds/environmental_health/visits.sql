-- Visits to homes of the past five years that are in the system by the day.
-- Grain: one visit to a home. Key: visit_id.
-- Reads: environmental_health_household_visit, person, person_surname, address_text; variables day, today.
-- Writes: temp sending.
create or replace temp table sending as
with
    surname as (
        select
            person_id,
            family_name,
            from_day,
            lag(family_name) over (partition by person_id order by from_day) as former_family_name,
            lead(from_day, 1, date '9999-12-31') over (partition by person_id order by from_day) as to_day
        from person_surname
        where person_id in (select person_id from environmental_health_household_visit)
    ),
    written as materialized (
        select
            v.*,
            case
                when v.person_id is not null
                then
                    write_person(
                        p.given_name,
                        null,
                        n.family_name,
                        n.former_family_name,
                        null::date,
                        'environmental_health/visits',
                        v.visit_id
                    )
            end as occupier,
            write_address(a, 'environmental_health/visits', v.visit_id) as home
        from environmental_health_household_visit as v
        join address_text as a using (address_id)
        left join person as p on p.person_id = v.person_id
        left join
            surname as n
            on n.person_id = v.person_id
            and n.from_day <= v.visited_on
            and n.to_day > v.visited_on
        where v.visited_on >= getvariable('today') - 1825 and v.visited_on + 5 <= getvariable('day')
    )
select
    visit_id,
    visited_on,
    nullif(home.line_1, '') as address_1,
    home.line_2 as address_2,
    home.line_3 as address_3,
    home.postcode,
    case when has_uprn then home.uprn end as uprn,
    case when occupier is not null then concat_ws(' ', occupier.given_name, occupier.family_name) end as occupier_name,
    reason,
    outcome,
    cast(visit_id as varchar) as _key,
    visit_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(
        kinds(
            [
                case when has_uprn and dirty('missing_uprn', 'environmental_health/visits', visit_id) then 'missing_uprn' end,
                case
                    when
                        has_uprn
                        and dirty('wrong_uprn', 'environmental_health/visits', visit_id)
                        and not dirty('missing_uprn', 'environmental_health/visits', visit_id)
                    then 'wrong_uprn'
                end
            ]
        ),
        coalesce(occupier.kinds, []),
        list_filter(home.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn'))
    ) as _dirt
from written
;
