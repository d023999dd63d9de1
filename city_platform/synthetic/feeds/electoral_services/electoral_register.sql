-- The register of electors with the month's additions.
-- Grain: one entry of an elector. Key: ELECTOR_PREFIX, ELECTOR_NUMBER, ELECTOR_SUFFIX.
-- Reads: electoral_services_elector, surname_change, person, address_text; variable day.
-- Writes: temp sending.
create or replace temp table sending as
with
    entered as (
        select *, 0 as suffix, elector_id * 2 as entry_id
        from electoral_services_elector
        where joined_on <= getvariable('day') and removed_on > getvariable('day')
        union all
        -- some are entered twice
        select *, 1, elector_id * 2 + 1
        from electoral_services_elector
        where
            joined_on + 20 <= getvariable('day')
            and removed_on > getvariable('day')
            and dirty('near_repeat', 'electoral_services/electoral_register', elector_id)
    ),
    written as materialized (
        select
            e.*,
            n.from_day as renamed_on,
            t.uprn as true_uprn,
            write_address(t, 'electoral_services/electoral_register', e.entry_id) as place,
            write_person(
                p.given_name,
                p.middle_name,
                coalesce(n.family_name, p.family_name),
                n.former_family,
                cast(null as date),
                'electoral_services/electoral_register',
                e.entry_id
            ) as elector
        from entered as e
        join address_text as t using (address_id)
        join person as p using (person_id)
        left join
            surname_change as n
            on n.person_id = e.person_id
            and n.from_day <= getvariable('day')
            and n.to_day > getvariable('day')
    )
select
    district as "ELECTOR_PREFIX",
    number as "ELECTOR_NUMBER",
    suffix as "ELECTOR_SUFFIX",
    concat_ws(' ', upper(elector.family_name) || ',', elector.given_name, elector.middle_name) as "ELECTOR_NAME",
    case
        when date_of_birth + interval 18 year > getvariable('day') then cast(date_of_birth + interval 18 year as date)
    end as "DATE_OF_ATTAINMENT",
    case
        when joined_on > getvariable('day') - 31
        then 'N'
        when renamed_on > getvariable('day') - 90
        then 'M'
    end as "CHANGE_TYPE",
    case when is_european then 'G' end as "FRANCHISE_FLAG",
    nullif(place.line_1, '') as "PROPERTY_ADDRESS_1",
    place.line_2 as "PROPERTY_ADDRESS_2",
    place.line_3 as "PROPERTY_ADDRESS_3",
    place.postcode as "PROPERTY_POSTCODE",
    place.uprn as "PROPERTY_UPRN",
    district || '|' || number || '|' || suffix as _key,
    row_number() over (order by district, number, suffix) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(
        place.kinds,
        elector.kinds,
        case when to_day <= getvariable('day') then ['old_address'] else [] end,
        case when suffix = 1 then ['near_repeat'] else [] end,
        case
            when place.uprn is null then ['missing_uprn'] when place.uprn <> true_uprn then ['wrong_uprn'] else []
        end
    ) as _dirt
from written
;
