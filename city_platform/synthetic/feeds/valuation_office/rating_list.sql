-- The rating list in force.
-- Grain: one property with its entry. Key: incrementing_entry_number.
-- Reads: address, business, address_text; variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    seen as (
        -- the office looked last between half a year and six years ago; what opened since it does not know
        select
            a.address_id,
            max_by(b.trade, b.opened_on) as trade,
            max_by(b.trading_name, b.opened_on) as trading_name,
            max_by(b.business_id, b.opened_on) as business_id,
            max(b.opened_on) as opened_on
        from address as a
        join business as b using (address_id)
        where
            a.is_commercial
            and b.opened_on
            <= getvariable('day') - 120 - lasting('valuation_office looks', b.business_id, 500)
        group by a.address_id
    ),
    ever as (
        select address_id, min(opened_on) as first_opened_on
        from business
        where is_at_home
        group by address_id
    ),
    listed as (
        select
            a.*,
            s.trade,
            s.trading_name,
            s.business_id,
            valuation_office_use(s.trade, a.kind) as use,
            -- a new list came into force in April 2026; entries changed since carry a later day
            greatest(
                date '2026-04-01',
                coalesce(a.built_on + 30, date '2026-04-01'),
                case
                    when a.kind = 'farm'
                    then e.first_opened_on
                    when s.trade is not null and happens('valuation_office alters', s.business_id, 250000)
                    then s.opened_on
                    else date '2026-04-01'
                end
            ) as effective_on
        from address as a
        left join seen as s using (address_id)
        left join ever as e using (address_id)
        where
            a.is_commercial
            and (a.kind <> 'farm' or e.first_opened_on + 150 <= getvariable('day'))
            and coalesce(a.built_on + 150, date '1900-01-01') <= getvariable('day')
            and coalesce(a.demolished_on + 100, date '9999-12-31') > getvariable('day')
    ),
    written as materialized (
        select l.*, write_address(t, 'valuation_office/rating_list', l.address_id) as place, t.locality
        from listed as l
        join address_text as t using (address_id)
    )
select
    address_id as "incrementing_entry_number",
    '9999' as "billing_authority_code",
    printf('%04d', 100 + divide(address_id, 2500)) as "ndr_community_code",
    printf('NDR%08d', address_id) as "ba_reference_number",
    use.code as "primary_description_code",
    use.text as "primary_description_text",
    70000000000 + address_id * 1009 as "uarn",
    upper(concat_ws(', ', nullif(place.line_1, ''), place.line_2, place.line_3, place.postcode)) as "full_property_identifier",
    -- whose name the office wrote down when it looked
    case when trading_name is not null and happens('valuation_office firm', business_id, 250000) then upper(trading_name) end as "firms_name",
    upper(nullif(place.line_1, '')) as "number_or_name",
    upper(place.line_2) as "street",
    upper(place.line_3) as "town",
    upper(locality) as "postal_district",
    place.postcode as "postcode",
    effective_on as "effective_date",
    case when kind = 'farm' then 'C' end as "composite_indicator",
    rateable_value as "rateable_value",
    case
        when effective_on = date '2026-04-01'
        then date '2026-03-14'
        else effective_on + 20 + pick('valuation_office takes', address_id, 90)
    end as "list_alteration_date",
    case when use.code in ('CR', 'CS7') then '442G' when use.code = 'CL' then '227G' when use.code = 'CO' then '203G' when use.code = 'CS' then '249G' else '096G' end as "scat_code",
    address_id::varchar as _key,
    address_id as _order,
    address_id as _address_id,
    place.kinds as _dirt
from written
;
