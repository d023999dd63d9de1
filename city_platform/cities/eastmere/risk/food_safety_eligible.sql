-- Which businesses the programme says are due at one as-of date, and why the others are not visited.
-- Grain:  one business with at least one food visit or registration known before the date.
-- Inputs: temp view known_event; variables as_of (DATE), due_within_days, cooling_off_days, seen_within_days.
-- Key:    unit_id. excluded_because is empty where the business is eligible.
create or replace temp table eligible_unit as
with
    seen as (
        select
            business_id as unit_id,
            max(event_time) filter (event_type = 'food_inspection') as inspected,
            max(event_time) filter (event_type = 'food_registered') as registered,
            max_by(try_cast(detail ->> 'next_due_on' as date), event_time) filter (
                event_type = 'food_inspection'
            ) as due_on,
            max(event_time) filter (event_type = 'rates_liability_ended') as left_on,
            max(event_time) filter (event_type = 'rates_liability_started') as came_on
        from known_event
        where known_time < getvariable('as_of') and business_id is not null
        group by business_id
    )
select
    unit_id,
    case
        when
            coalesce(greatest(inspected, registered), inspected, registered)
            < getvariable('as_of') - to_days(cast(getvariable('seen_within_days') as integer))
        then 'not seen for years'
        when left_on > greatest(inspected, registered, coalesce(came_on, registered, inspected))
        then 'liability for rates has ended since'
        when inspected >= getvariable('as_of') - to_days(cast(getvariable('cooling_off_days') as integer))
        then 'visited lately'
        when due_on > getvariable('as_of') + to_days(cast(getvariable('due_within_days') as integer))
        then 'not due yet'
    end as excluded_because
from seen
where coalesce(inspected, registered) is not null
;
