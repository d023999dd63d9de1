-- The register of food businesses, not always cleaned in time.
-- Grain: one registration. Key: Reference.
-- Reads: environmental_health_registration, business_owner, organisation, address_text; variable day.
-- Writes: temp sending.
create or replace temp table sending as
with
    held as (
        select
            *,
            case when closed_known_day <= getvariable('day') and copy = 0 then closed_on end as closed_noted
        from environmental_health_registration
        where
            registered_on + 4 <= getvariable('day')
            -- what closed three years ago is cleared away
            and (closed_known_day > getvariable('day') or closed_on > getvariable('day') - 1095)
            and (copy = 0 or registered_on + 500 > getvariable('day'))
    ),
    operator as (
        -- a quarter of those who take over never say so
        select h.registration_id, arg_max(o.organisation_id, o.from_day) as organisation_id
        from held as h
        join business_owner as o using (business_id)
        where
            o.from_day <= h.opened_on
            or (
                o.from_day + 10 + lasting('environmental_health told', h.business_id, 90) <= getvariable('day')
                and happens('environmental_health tells', h.business_id, 750000)
            )
        group by h.registration_id
    ),
    written as materialized (
        select
            h.*,
            g.name as operator_name,
            o.organisation_id,
            g.owner_person_id,
            g.kind,
            write_address(t, 'environmental_health/food_registrations', h.registration_id) as place,
            write_business(
                case when h.copy = 1 then misspell(h.trading_name, 'environmental_health again', h.registration_id) else h.trading_name end,
                g.name,
                'environmental_health/food_registrations',
                h.registration_id
            ) as named
        from held as h
        join operator as o using (registration_id)
        join organisation as g using (organisation_id)
        join address_text as t using (address_id)
    )
select
    environmental_health_reference(registration_id) as "Reference",
    named.name as "Trading Name",
    named.legal_name as "Food Business Operator",
    nullif(place.line_1, '') as "Address 1",
    place.line_2 as "Address 2",
    place.line_3 as "Address 3",
    place.postcode as "Postcode",
    case when not happens('environmental_health no uprn', registration_id, 350000) then place.uprn end as "UPRN",
    case trade
        when 'restaurant'
        then 'Restaurant/Cafe/Canteen'
        when 'cafe'
        then 'Restaurant/Cafe/Canteen'
        when 'takeaway'
        then 'Takeaway/sandwich shop'
        when 'pub'
        then 'Pub/bar/nightclub'
        when 'hotel'
        then 'Hotel/bed & breakfast/guest house'
        when 'care_home'
        then 'Hospitals/Childcare/Caring Premises'
        when 'school_kitchen'
        then 'School/college/university'
        when 'grocer'
        then case when chain_name is null then 'Retailers - other' else 'Retailers - supermarkets/hypermarkets' end
        when 'caterer'
        then case when is_at_home then 'Other catering premises' else 'Mobile caterer' end
        else 'Retailers - other'
    end as "Business Type",
    registered_on as "Registered On",
    closed_noted as "Closed On",
    case
        when happens('environmental_health phone', registration_id, 780000)
        then
            case
                when pick('environmental_health mobile', registration_id, 10) < 6
                -- numbers that Ofcom keeps for drama
                then printf('07700 900%03d', pick('environmental_health phone number', registration_id, 1000))
                else printf('01632 960%03d', pick('environmental_health phone number', registration_id, 1000))
            end
    end as "Phone",
    environmental_health_reference(registration_id) as _key,
    registration_id as _order,
    address_id as _address_id,
    owner_person_id as _person_id,
    business_id as _business_id,
    organisation_id as _organisation_id,
    list_distinct(
        list_concat(
            named.kinds,
            list_filter(
                place.kinds,
                lambda kind: kind not in ('missing_uprn', 'wrong_uprn')
                or not happens('environmental_health no uprn', registration_id, 350000)
            ),
            case when copy = 1 then ['near_repeat', 'misspelt_business'] else [] end
        )
    ) as _dirt
from written
;
