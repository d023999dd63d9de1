-- Which businesses could be visited at one as-of date, and why the others could not.
-- Grain:  one business with at least one event known before the date.
-- Inputs: temp view known_event; variables as_of (DATE), seen_within_days, cooling_off_days.
-- Key:    unit_id. excluded_because is empty where the business is eligible.
create or replace temp table eligible_unit as
with
    seen as (
        select
            business_id as unit_id,
            max(event_time) filter (where event_type in ('food_inspection', 'sanitarian_visit')) as inspected,
            max(event_time) filter (
                where event_type = 'food_inspection' and (detail ->> 'inspection_type') = 'Canvass'
            ) as canvassed,
            max(event_time) filter (where event_type = 'licence_issued') as licensed,
            count(*) filter (where event_type = 'licence_issued') as terms_begun,
            max(event_time) filter (where event_type = 'licence_expired') as expired,
            count(*) filter (where event_type = 'licence_expired') as terms_ended
        from known_event
        where known_time < getvariable('as_of') and business_id is not null
        group by business_id
    )
select
    unit_id,
    case
        when inspected is null and licensed is null
        then 'neither inspected nor licensed'
        when
            greatest(inspected, licensed)
            < getvariable('as_of') - to_days(cast(getvariable('seen_within_days') as integer))
        then 'not seen lately'
        -- Every licence term known by then has ended, and nobody has been there since.
        when terms_begun > 0 and terms_ended >= terms_begun and coalesce(inspected < expired, true)
        then 'last licence term ended, not inspected since'
        when canvassed >= getvariable('as_of') - to_days(cast(getvariable('cooling_off_days') as integer))
        then 'canvassed lately'
    end as excluded_because
from seen
;
