-- Who pays business rates for which property from when to when, whatever the day.
-- Grain: one account: a ratepayer's liability for a property for a time. Key: account_id.
-- Reads: business, business_owner, organisation, address, planted, adult; variables today, adults, rate_of.
-- Writes: temp business_rates_account.
-- known_day is when the office heard of a beginning, ended_known_day when it heard of the end.
create or replace temp macro business_rates_description(trade) as case trade
    when 'restaurant' then 'RESTAURANT AND PREMISES'
    when 'takeaway' then 'HOT FOOD TAKEAWAY AND PREMISES'
    when 'cafe' then 'CAFE AND PREMISES'
    when 'pub' then 'PUBLIC HOUSE AND PREMISES'
    when 'hotel' then 'HOTEL AND PREMISES'
    when 'care_home' then 'CARE HOME AND PREMISES'
    when 'school_kitchen' then 'SCHOOL AND PREMISES'
    when 'hairdresser' then 'HAIRDRESSING SALON AND PREMISES'
    when 'accountant' then 'OFFICES AND PREMISES'
    when 'estate_agent' then 'OFFICES AND PREMISES'
    when 'office' then 'OFFICES AND PREMISES'
    when 'garage' then 'VEHICLE REPAIR WORKSHOP AND PREMISES'
    when 'warehouse' then 'WAREHOUSE AND PREMISES'
    when 'factory' then 'FACTORY AND PREMISES'
    when 'builder' then 'STORE AND PREMISES'
    when 'cleaner' then 'WORKSHOP AND PREMISES'
    when 'caterer' then 'KITCHEN AND PREMISES'
    when 'charity' then 'COMMUNITY CENTRE AND PREMISES'
    else 'SHOP AND PREMISES'
end
;

-- A name that sounds like food, over the door of a business that has none.
create or replace temp macro business_rates_food_name(business_id, trade) as ['Sugar & Spice', 'The Honey Pot', 'Peach Kitchen', 'The Cake Room', 'Ginger Deli', 'Coco Cafe'][
    1 + pick('business_rates food name', business_id, 6)
]
|| case trade
    when 'hairdresser' then ' Hair & Beauty'
    when 'clothes' then ' Boutique'
    when 'pharmacy' then ' Pharmacy'
    when 'estate_agent' then ' Lettings'
    else ' Studio'
end
;

create or replace temp table business_rates_account as
with
    rateable as (
        -- a farm is exempt, its shop is not; who cooks at home pays council tax
        select *
        from address
        where is_commercial
    ),
    mark as (
        select
            business_id,
            bool_or(case_id = 'about_to_close' and look_alike is null) as closes,
            bool_or(case_id = 'about_to_close' and look_alike = 'pays_late') as pays_late,
            bool_or(case_id = 'unregistered_food' and look_alike is null) as is_unregistered,
            bool_or(case_id = 'unregistered_food' and look_alike = 'sounds_like_food') as sounds_like_food
        from planted
        where business_id is not null
        group by business_id
    ),
    local_unit as (
        select
            b.*,
            a.rateable_value,
            a.kind as address_kind,
            a.demolished_on,
            lead(b.opened_on) over (partition by b.address_id order by b.opened_on, b.business_id) as next_opened_on,
            row_number() over (partition by b.address_id order by b.opened_on, b.business_id) as place,
            coalesce(m.closes, false) as closes,
            coalesce(m.pays_late, false) as pays_late,
            coalesce(m.is_unregistered, false) as is_unregistered,
            coalesce(m.sounds_like_food, false) as sounds_like_food
        from business as b
        join rateable as a using (address_id)
        left join mark as m using (business_id)
    ),
    spell as (
        select
            u.business_id * 4 + row_number() over (partition by u.business_id order by o.from_day) as account_id,
            u.address_id,
            u.business_id,
            o.organisation_id,
            o.from_day,
            coalesce(o.to_day, u.closed_on, date '9999-12-31') as to_day,
            o.to_day is null and u.closed_on is not null as is_last,
            false as is_empty
        from local_unit as u
        join business_owner as o using (business_id)
        union all
        select
            business_id * 4 + 3,
            address_id,
            null,
            null,
            closed_on,
            least(coalesce(next_opened_on, date '9999-12-31'), coalesce(demolished_on, date '9999-12-31')),
            false,
            true
        from local_unit
        where closed_on is not null and address_kind <> 'farm'
        union all
        select
            50000000 + a.address_id,
            a.address_id,
            null,
            null,
            coalesce(a.built_on, getvariable('today') - 1900 - pick('business_rates first empty', a.address_id, 400)),
            least(coalesce(u.opened_on, date '9999-12-31'), coalesce(a.demolished_on, date '9999-12-31')),
            false,
            true
        from rateable as a
        left join local_unit as u on u.address_id = a.address_id and u.place = 1
        where a.kind <> 'farm'
    ),
    heard as (
        select
            *,
            from_day + 5 + lasting('business_rates hears', account_id, case when is_empty then 35 else 22 end) as known_day,
            case
                when to_day = date '9999-12-31'
                then to_day
                else to_day + 3 + lasting('business_rates hears end', account_id, 25)
            end as ended_known_day,
            case
                when is_empty
                then cast(dice('business_rates landlord person', address_id) % getvariable('adults') as bigint)
            end as landlord_place
        from spell
        where from_day < to_day and to_day > getvariable('today') - 1825
    )
select
    h.* exclude (landlord_place),
    u.trade,
    u.trading_name,
    u.chain_name,
    coalesce(u.closes, false) as is_planted,
    coalesce(u.pays_late, false) as pays_late,
    coalesce(u.is_unregistered, false) as is_unregistered,
    coalesce(u.sounds_like_food, false) as sounds_like_food,
    a.rateable_value,
    a.kind as address_kind,
    g.kind as owner_kind,
    g.name as owner_name,
    g.company_number,
    case
        when h.is_empty
        then case when happens('business_rates landlord is a person', h.address_id, 350000) then l.person_id end
        else g.owner_person_id
    end as person_id,
    -- who lets shops and sheds
    case
        when h.is_empty
        then
            ['SALTINGS ESTATES LTD', 'MERE & MARSH PROPERTY LIMITED', 'ESTUARY COMMERCIAL LIMITED', 'QUAYSIDE ASSETS LLP', 'BLACKSHORE INVESTMENTS LTD', 'EASTMERE BOROUGH COUNCIL'][
                1 + pick('business_rates landlord', divide(h.address_id, 12), 6)
            ]
    end as landlord_name,
    case
        when h.is_empty or g.kind = 'charity' or u.chain_name is not null or a.rateable_value >= 15000
        then 0
        -- who is planted has another property, and so a charge to be late with
        when u.closes or u.pays_late or g.key like 'several%' or happens('business_rates no relief', h.account_id, 120000)
        then 0
        when a.rateable_value <= 12000
        then 100
        else divide((15000 - a.rateable_value) * 100, 3000)
    end as small_relief
from heard as h
join address as a using (address_id)
left join local_unit as u using (business_id)
left join organisation as g using (organisation_id)
left join adult as l on l.place = h.landlord_place
where h.known_day < h.ended_known_day
;
