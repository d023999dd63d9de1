-- The published rating of every food business that is on the register on the day.
-- Grain: one registered business. Key: FHRSID.
-- Reads: environmental_health_registration, environmental_health_inspection; variable day.
-- Writes: temp sending.
-- The council publishes what it found: environmental_health/agency.sql has run before, for agencies go by the
-- alphabet.
create or replace temp table sending as
with
    published as (
        -- a rating below the best can be appealed against for three weeks before it is published
        select business_id, max_by(i, i.turn) as inspection
        from environmental_health_inspection as i
        where i.inspected_on + case when i.rating = 5 then 7 else 28 end <= getvariable('day')
        group by business_id
    ),
    rated as (
        select
            r.*,
            p.inspection,
            case
                -- wrapped sweets and a kettle: no risk worth a rating
                when r.trade = 'newsagent' and happens('food_standards exempt', r.business_id, 220000)
                then 'Exempt'
                when p.inspection is null or r.is_repeat
                then 'AwaitingInspection'
                else cast(p.inspection.rating as varchar)
            end as rating
        from environmental_health_registration as r
        left join published as p using (business_id)
        where r.registered_on <= getvariable('day') and coalesce(r.struck_off_on, date '9999-12-31') > getvariable('day')
    ),
    shown as (
        select *, rating between '0' and '5' as is_rated, environmental_health_business_type(trade) as type
        from rated
    )
select
    1000000 + registration_id * 3 as "FHRSID",
    reference as "LocalAuthorityBusinessID",
    named.name as "BusinessName",
    type as "BusinessType",
    case type
        when 'Restaurant/Cafe/Canteen'
        then 1
        when 'Takeaway/sandwich shop'
        then 7844
        when 'Pub/bar/nightclub'
        then 7843
        when 'Hotel/bed & breakfast/guest house'
        then 7842
        when 'Hospitals/Childcare/Caring Premises'
        then 5
        when 'School/college/university'
        then 7845
        when 'Other catering premises'
        then 7841
        else 4613
    end as "BusinessTypeID",
    -- where somebody cooks at home the address is withheld
    case when not is_at_home then nullif(place.line_1, '') end as "AddressLine1",
    case when not is_at_home then place.line_2 end as "AddressLine2",
    place.line_3 as "AddressLine3",
    case when not is_at_home then place.postcode end as "PostCode",
    rating as "RatingValue",
    'fhrs_' || lower(rating) || '_en-GB' as "RatingKey",
    case when is_rated then inspection.inspected_on end as "RatingDate",
    '999' as "LocalAuthorityCode",
    case when is_rated then inspection.hygiene_score end as "Scores.Hygiene",
    case when is_rated then inspection.structural_score end as "Scores.Structural",
    case when is_rated then inspection.confidence_score end as "Scores.ConfidenceInManagement",
    'FHRS' as "SchemeType",
    cast(1000000 + registration_id * 3 as varchar) as _key,
    registration_id as _order,
    address_id as _address_id,
    business_id as _business_id,
    list_concat(
        case
            when is_at_home then [] else list_filter(place.kinds, lambda kind: kind not in ('missing_uprn', 'wrong_uprn'))
        end,
        list_filter(named.kinds, lambda kind: kind <> 'legal_form_variant'),
        case when is_repeat then ['near_repeat'] else [] end
    ) as _dirt
from shown
;
