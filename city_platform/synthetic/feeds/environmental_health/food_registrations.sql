-- The register of food businesses as it stands on the day; those struck off within five years too.
-- Grain: one registration; a few businesses have two. Key: reference.
-- Reads: environmental_health_registration, environmental_health_operator, organisation, person;
-- variables day, today.
-- Writes: temp sending.
create or replace temp table sending as
with
    operator as (
        select business_id, arg_max(organisation_id, from_day) as organisation_id
        from environmental_health_operator
        where known_on <= getvariable('day')
        group by business_id
    ),
    written as materialized (
        select
            r.*,
            o.organisation_id,
            g.kind,
            g.owner_person_id,
            g.company_number,
            write_business(r.trading_name, g.name, 'environmental_health/food_registrations', r.registration_id) as owned,
            case
                when g.kind = 'sole_trader'
                then
                    write_person(
                        p.given_name,
                        p.middle_name,
                        p.family_name,
                        null,
                        null::date,
                        'environmental_health/food_registrations',
                        r.registration_id
                    )
            end as trader,
            happens('environmental_health uprn', r.registration_id, 450000) as has_uprn,
            g.company_number is not null
            and dirty('missing_company_number', 'environmental_health/food_registrations', r.registration_id) as lacks_number
        from environmental_health_registration as r
        join operator as o using (business_id)
        join organisation as g using (organisation_id)
        left join person as p on p.person_id = g.owner_person_id
        where
            r.registered_on <= getvariable('day')
            and coalesce(r.struck_off_on, date '9999-12-31') > getvariable('today') - 1825
    )
select
    reference,
    named.name as trading_name,
    case when trader is null then owned.legal_name else concat_ws(' ', trader.given_name, trader.family_name) end as operator,
    case when not lacks_number then company_number end as company_number,
    nullif(place.line_1, '') as address_1,
    place.line_2 as address_2,
    place.line_3 as address_3,
    place.postcode,
    case when has_uprn then place.uprn end as uprn,
    environmental_health_business_type(trade) as business_type,
    registered_on,
    case when struck_off_on <= getvariable('day') then struck_off_on end as closed_on,
    -- numbers that are kept for plays
    case
        when happens('environmental_health no phone', registration_id, 220000)
        then null
        when happens('environmental_health mobile', registration_id, 450000)
        then printf('07700 900%03d', pick('environmental_health phone', registration_id, 1000))
        else printf('01632 960%03d', pick('environmental_health phone', registration_id, 1000))
    end as phone,
    reference as _key,
    registration_id as _order,
    address_id as _address_id,
    case when trader is not null then owner_person_id end as _person_id,
    business_id as _business_id,
    organisation_id as _organisation_id,
    list_concat(
        kinds(
            [
                case when has_uprn and dirty('missing_uprn', 'environmental_health/food_registrations', registration_id) then 'missing_uprn' end,
                case
                    when
                        has_uprn
                        and dirty('wrong_uprn', 'environmental_health/food_registrations', registration_id)
                        and not dirty('missing_uprn', 'environmental_health/food_registrations', registration_id)
                    then 'wrong_uprn'
                end
            ]
        ),
        list_filter(place.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn')),
        list_filter(named.kinds, lambda kind: kind <> 'legal_form_variant'),
        case when trader is null then list_filter(owned.kinds, lambda kind: kind = 'legal_form_variant') else trader.kinds end,
        kinds([case when lacks_number then 'missing_company_number' end, case when is_repeat then 'near_repeat' end])
    ) as _dirt
from written
;
