-- The gazetteer's own view of every property, whatever the day, and of those that are only planned.
-- Grain: one property; one use of a property for a time; one occupier of a property for a time.
-- Keys: property_id; property_id, turn; business_id.
-- Reads: address, street, ward, business; variables today, addresses.
-- Writes: temp custodian_property, custodian_use, custodian_occupier.
-- A planned plot is no address of the borough: its address_id is empty, and nobody ever moves in.
create or replace temp table custodian_property as
with
    planned as (
        -- plots with permission that nobody has built on yet, entered over the years and in the one to come
        select *, unnest(range(1, 2 + pick('custodian plots', street_id, 5))) as plot
        from street
        where happens('custodian planned', street_id, 120000)
    )
select
    a.address_id as property_id,
    a.address_id,
    a.uprn,
    a.kind,
    a.class_code,
    a.sao_text,
    a.pao_number,
    a.pao_suffix,
    a.pao_number_end,
    a.pao_text,
    a.other_name,
    a.former_number,
    a.parent_id is not null as has_parent,
    a.site_id,
    a.postcode,
    a.x,
    a.y,
    a.is_dwelling,
    a.is_commercial,
    a.built_on,
    a.demolished_on,
    s.usrn,
    s.town,
    w.ward_code,
    p.uprn as parent_uprn,
    -- entered before the history began, or while the building went up
    coalesce(a.built_on - 200, getvariable('today') - 2500 - pick('entered', a.address_id, 3000)) as entered_on
from address as a
join street as s using (street_id)
join ward as w using (ward_id)
left join address as p on p.address_id = a.parent_id
union all by name
select
    getvariable('addresses') + l.street_id * 8 + l.plot as property_id,
    999900000000 + l.street_id * 8 + l.plot as uprn,
    'plot' as kind,
    'RD' as class_code,
    'PLOT ' || l.plot as sao_text,
    'LAND AT ' || upper(regexp_replace(l.name, ' [^ ]+$', '')) || ' YARD' as pao_text,
    false as has_parent,
    getvariable('addresses') + l.street_id * 8 as site_id,
    l.x + 100 + l.plot * 4 as x,
    l.y + 44 as y,
    false as is_dwelling,
    false as is_commercial,
    date '9999-12-31' as built_on,
    l.usrn,
    l.town,
    w.ward_code,
    getvariable('today') - 700 + pick('custodian planned on', l.street_id, 1060) as entered_on
from planned as l
join ward as w using (ward_id)
;

create or replace temp table custodian_occupier as
-- who trades there, where the custodian has heard of it: late, and not of all
select
    b.address_id as property_id,
    b.business_id,
    upper(b.trading_name) as organisation,
    cast(
        greatest(b.opened_on, a.entered_on)
        + 30
        + pick('custodian hears', b.business_id, 240) as date
    ) as heard_on,
    b.closed_on + 40 + pick('custodian hears of the end', b.business_id, 300) as forgotten_on,
    case b.trade
        when 'restaurant'
        then 'CR07'
        when 'cafe'
        then 'CR07'
        when 'takeaway'
        then 'CR10'
        when 'pub'
        then 'CR06'
        when 'estate_agent'
        then 'CR02'
        when 'hotel'
        then 'CH01'
        when 'care_home'
        then 'RI01'
        when 'factory'
        then 'CI01'
        when 'garage'
        then 'CI03'
        when 'builder'
        then 'CI03'
        else a.class_code
    end as class_code
from business as b
join custodian_property as a using (address_id)
where
    not b.is_at_home
    and a.kind <> 'farm'
    and happens('custodian knows', b.business_id, 600000)
    and heard_on < coalesce(b.closed_on, date '9999-12-31')
;

create or replace temp table custodian_use as
with
    stated as (
        select property_id, class_code, entered_on as from_day, entered_on, demolished_on
        from custodian_property
        union all
        select o.property_id, o.class_code, o.heard_on, p.entered_on, p.demolished_on
        from custodian_occupier as o
        join custodian_property as p using (property_id)
    ),
    changed as (
        select *
        from stated
        qualify class_code is distinct from lag(class_code) over (partition by property_id order by from_day, class_code)
    )
select
    property_id,
    row_number() over uses as turn,
    class_code,
    from_day,
    lead(from_day) over uses as next_day,
    demolished_on
from changed
window uses as (partition by property_id order by from_day, class_code)
;
