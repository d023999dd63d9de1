-- What was reported on the day; on the first day, everything up to it.
-- Grain: one report. Key: reference.
-- Reads: contact_request, address_text, adult, person; variables day, today, adults. Writes: temp sending.
create or replace temp table sending as
with
    due as (
        select *
        from contact_request
        where
            created_on <= getvariable('day')
            and (getvariable('day') = getvariable('today') or created_on = getvariable('day'))
    ),
    written as materialized (
        select
            r.*,
            printf('SR-%08d', r.request_id) as reference,
            case when happens('contact names', r.place_id, 90000) then p.given_name || ' ' || p.family_name end as caller,
            happens('contact picks', r.place_id, 450000) as is_picked,
            pick('contact words', r.place_id, 5) as words,
            a.uprn as true_uprn,
            write_address(a, 'contact_centre/service_requests', r.place_id) as place
        from due as r
        join address_text as a using (address_id)
        left join adult as d on d.place = dice('contact caller', r.place_id) % getvariable('adults')
        left join person as p on p.person_id = d.person_id
    )
select
    reference,
    created,
    category,
    case
        when is_repeat and closed_on <= getvariable('day')
        then 'Duplicate'
        when closed_on <= getvariable('day')
        then 'Closed'
        when created_on < getvariable('day') - 2
        then 'In progress'
        else 'Open'
    end as status,
    case category
        when 'noise'
        then
            case
                when why = 'food'
                then
                    ['Extractor fan running all night', 'Music from the premises after midnight', 'Deliveries at five in the morning',
                    'Customers shouting outside', 'Loud kitchen and bins being emptied late']
                else
                    ['Loud music late at night', 'Shouting and banging', 'Dog barking all day', 'Party until four in the morning',
                    'DIY at weekends']
            end[1 + words]
        when 'waste'
        then
            case
                when why = 'food'
                then
                    ['Food waste in the alley', 'Trade bins overflowing', 'Grease poured down the drain', 'Bags of rubbish behind the shop',
                    'Smell of rotting food']
                when why = 'shared'
                then
                    ['Bins overflowing, too many people in the house', 'Black bags left out all week', 'Recycling full of rubbish',
                    'Mattresses and bags in the front garden', 'More bins needed than they have']
                else
                    ['Bins overflowing', 'Black bags left out', 'Missed collection', 'Wrong things in the recycling',
                    'Bin not taken in for days']
            end[1 + words]
        when 'fly_tipping'
        then
            ['Mattress dumped outside', 'Rubble in the front garden', 'Fridge on the pavement', 'Bags of rubbish thrown over the wall',
            'Old sofa and a carpet left'][1 + words]
        when 'pests'
        then
            case
                when why = 'food'
                then ['Rats by the bins', 'Mouse seen inside', 'Cockroach in my food', 'Flies in the kitchen', 'Droppings on the shelf']
                else ['Rats seen', 'Mice in the yard', 'Pigeons nesting', 'Wasps in the roof', 'Bed bugs next door']
            end[1 + words]
        when 'disrepair'
        then
            case
                when why = 'empty'
                then
                    ['Windows broken, nobody lives there', 'Garden overgrown, house stands empty', 'Slates falling off the roof',
                    'Gutter leaking on the path', 'Front door kicked in and left open']
                else ['Gutter leaking on the path', 'Damp and mould', 'No hot water', 'Broken front door lock', 'Loose slates']
            end[1 + words]
        else
            ['Car without tax for weeks', 'Van with flat tyres', 'Burnt out moped', 'Caravan left on the road', 'Car with no plates'][
                1 + words
            ]
    end as description,
    one_line(place) as "location.text",
    case when is_picked then place.uprn end as "location.uprn",
    case pick('contact channel', place_id, 3) when 0 then 'phone' when 1 then 'web' else 'app' end as channel,
    caller,
    reference as _key,
    request_id as _order,
    address_id as _address_id,
    list_concat(
        place.kinds,
        case when is_repeat then ['near_repeat'] else [] end,
        case
            when not is_picked
            then []
            when place.uprn is null
            then ['missing_uprn']
            when place.uprn <> true_uprn
            then ['wrong_uprn']
            else []
        end
    ) as _dirt
from written
;
