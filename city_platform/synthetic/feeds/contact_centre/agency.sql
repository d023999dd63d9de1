-- Everything that is ever reported, over the five years and the one to come.
-- Grain: one report. Key: request_id.
-- Reads: address, household_stay, planted, business, empty_now; variable today. Writes: temp
-- contact_request.
create or replace temp table contact_request as
with
    next_stay as (
        select address_id, min(from_day) as let_on
        from household_stay
        where from_day > getvariable('today')
        group by address_id
    ),
    disposition as (
        -- how many in a year a thousand such places are reported, what for, and from when to when
        select
            address_id,
            cast(35 + divide(deprivation * 11, 10) as integer) as a_year,
            'home' as why,
            coalesce(built_on, date '1900-01-01') as since,
            coalesce(demolished_on, date '9999-12-31') as until
        from address
        where is_dwelling
        union all
        -- homes of sharers, the large ones more than the small, and licensed or not
        select h.address_id, case when p.stay_id is not null then 900 else 160 end, 'shared', h.from_day, h.to_day
        from household_stay as h
        left join
            planted as p
            on p.stay_id = h.stay_id
            and p.case_id = 'undeclared_hmo'
            and p.look_alike is distinct from 'large_family'
        where h.household_kind = 4 and h.to_day > getvariable('today') - 1825
        union all
        select e.address_id, 500, 'empty', e.empty_since + 60, coalesce(n.let_on, date '9999-12-31')
        from empty_now as e
        left join next_stay as n using (address_id)
        union all
        -- the dirtier a kitchen is kept, the more its neighbours see of it
        select
            address_id,
            cast(greatest(60, 350 - divide(hygiene, 5)) as integer),
            'food',
            opened_on,
            coalesce(closed_on + 30, date '9999-12-31')
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
            address_id * 64 + case why when 'home' then 0 when 'shared' then 8 when 'empty' then 16 else 24 end + k as place_id
        from turn
    ),
    dated as (
        select *, cast(getvariable('today') - 1825 + pick('contact day', place_id, 2190) as date) as created_on
        from drawn
        -- six years in eight draws
        where happens('contact reports', place_id, least(1000000, a_year * 750))
    ),
    once as (
        select *, false as is_repeat
        from dated
        where created_on >= since and created_on < until
        -- of two businesses or households of one address the first is reported
        qualify row_number() over (partition by place_id order by since, until, a_year) = 1
    ),
    told as (
        from once
        union all
        -- somebody else calls about the same thing on the same day
        select * replace (true as is_repeat, place_id + 32 as place_id)
        from once
        where dirty('near_repeat', 'contact_centre/service_requests', place_id)
    ),
    minuted as (
        select
            *,
            place_id - case when is_repeat then 32 else 0 end as matter_id,
            created_on
            + to_minutes(420 + pick('contact minute', matter_id, 780) + case when is_repeat then 4 + pick('contact again', place_id, 50) else 0 end)
            as created
        from told
    )
select
    row_number() over (order by created, place_id) as request_id,
    place_id,
    address_id,
    why,
    is_repeat,
    created_on,
    created,
    case why
        when 'home'
        then
            ['noise', 'noise', 'waste', 'waste', 'fly_tipping', 'pests', 'disrepair', 'abandoned_vehicle'][
                1 + pick('contact category', matter_id, 8)
            ]
        when 'shared'
        then ['noise', 'noise', 'waste', 'waste', 'disrepair'][1 + pick('contact category', matter_id, 5)]
        when 'empty'
        then ['fly_tipping', 'fly_tipping', 'pests', 'disrepair'][1 + pick('contact category', matter_id, 4)]
        else ['waste', 'pests', 'pests', 'noise'][1 + pick('contact category', matter_id, 4)]
    end as category,
    created_on + lasting('contact closes', matter_id, 11) as closed_on
from minuted
;
