-- What was found at each programmed visit: what the case learns from and is measured by.
-- Grain:  one business and day with at least one programmed visit.
-- Inputs: temp view known_event.
-- Key:    unit_id, happened_on. unit_id is empty where a visit is linked to no business.
create or replace temp table labelled_visit as
select
    business_id as unit_id,
    cast(event_time as date) as happened_on,
    max(known_time) as known_time,
    bool_or((detail ->> 'broadly_compliant') = 'no') as label,
    count(*) as records
from known_event
where
    event_type = 'food_inspection'
    and (detail ->> 'visit_type') = 'programmed'
    and (detail ->> 'broadly_compliant') is not null  -- a visit at which nobody was in says nothing
group by business_id, cast(event_time as date)
;
