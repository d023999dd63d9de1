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
            case when happens('contact names', r.request_id, 180000) then p.given_name || ' ' || p.family_name end as caller,
            write_address(a, 'contact_centre/service_requests', r.request_id) as place
        from due as r
        join address_text as a using (address_id)
        left join adult as d on d.place = dice('contact caller', r.request_id) % getvariable('adults')
        left join person as p on p.person_id = d.person_id
    )
select
    printf('SR-%010d', request_id) as reference,
    created_on + to_minutes(420 + pick('contact minute', request_id, 840)) as created,
    category,
    case category
        when 'noise'
        then ['Loud music late at night', 'Shouting and banging', 'Dog barking all day'][1 + pick('contact words', request_id, 3)]
        when 'waste'
        then ['Bins overflowing', 'Black bags left out', 'Missed collection'][1 + pick('contact words', request_id, 3)]
        when 'fly_tipping'
        then ['Mattress dumped outside', 'Rubble in the front garden', 'Fridge on the pavement'][1 + pick('contact words', request_id, 3)]
        when 'pests'
        then ['Rats seen', 'Mice in the yard', 'Pigeons nesting'][1 + pick('contact words', request_id, 3)]
        when 'disrepair'
        then ['Gutter leaking on the path', 'Windows broken', 'Damp and mould'][1 + pick('contact words', request_id, 3)]
        else 'Car without tax for weeks'
    end as description,
    one_line(place) as "location.text",
    case when happens('contact picks', request_id, 450000) then place.uprn end as "location.uprn",
    case pick('contact channel', request_id, 3) when 0 then 'phone' when 1 then 'web' else 'app' end as channel,
    caller,
    printf('SR-%010d', request_id) as _key,
    request_id as _order,
    address_id as _address_id,
    place.kinds as _dirt
from written
;
