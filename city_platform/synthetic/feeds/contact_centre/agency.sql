-- Everything that is ever reported, over the five years and the one to come.
-- Grain: one report. Key: request_id.
-- Reads: address, household_stay, planted, business, empty_now; variable today. Writes: temp
-- contact_request.
create or replace temp table contact_request as
with
    disposition as (
        -- how many in a year a thousand such places are reported, and what for
        select address_id, 60 + deprivation as a_year, 'home' as why, getvariable('today') - 1825 as since
        from address
        where is_dwelling
        union all
        select h.address_id, 900, 'shared', h.from_day
        from household_stay as h
        join planted as p on p.stay_id = h.stay_id and p.case_id = 'undeclared_hmo' and coalesce(p.look_alike, '') <> 'large_family'
        union all
        select address_id, 500, 'empty', empty_since
        from empty_now
        where empty_since < getvariable('today') - 90
        union all
        -- the dirtier a kitchen is kept, the more its neighbours see of it
        select address_id, cast(greatest(60, 350 - divide(hygiene, 5)) as integer), 'food', opened_on
        from business
        where is_food and not is_at_home
    ),
    -- up to eight reports a place: enough for five years and one of the worst
    turn as (
        select *, unnest(range(8)) as k
        from disposition
    ),
    drawn as (
        select
            *,
            address_id * 64 + case why when 'home' then 0 when 'shared' then 8 when 'empty' then 16 else 24 end + k as request_id
        from turn
    ),
    dated as (
        select *, getvariable('today') - 1825 + pick('contact day', request_id, 2190) as created_on
        from drawn
        -- six years in eight draws
        where happens('contact reports', request_id, least(1000000, a_year * 750))
    )
select
    request_id,
    address_id,
    why,
    cast(created_on as date) as created_on,
    case why
        when 'home'
        then
            ['noise', 'noise', 'waste', 'waste', 'fly_tipping', 'pests', 'disrepair', 'abandoned_vehicle'][
                1 + pick('contact category', request_id, 8)
            ]
        when 'shared'
        then ['noise', 'noise', 'waste', 'waste', 'disrepair'][1 + pick('contact category', request_id, 5)]
        when 'empty'
        then ['fly_tipping', 'fly_tipping', 'pests', 'disrepair'][1 + pick('contact category', request_id, 4)]
        else ['waste', 'pests', 'pests', 'noise'][1 + pick('contact category', request_id, 4)]
    end as category
from dated
where created_on >= greatest(since, getvariable('today') - 1825)
-- of two businesses or households of one address the first is reported
qualify row_number() over (partition by request_id order by since, a_year) = 1
;
