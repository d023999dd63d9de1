-- What was found at each canvass visit to a business: what the case learns from and is measured by.
-- Grain:  one business and day with at least one canvass inspection (several records of one day are one
-- visit).
-- Inputs: temp view known_event.
-- Key:    unit_id, happened_on. unit_id is empty where an inspection is linked to no business.
-- Label:  any violation numbered 1 to 14: the critical ones until Chicago changed its numbers on 1 July
-- 2018, so
-- later inspections carry no label here.
create or replace temp table labelled_visit as
with
    critical as (
        select parent_event_id, max(known_time) as known_time
        from known_event
        where event_type = 'violation' and try_cast(outcome as integer) between 1 and 14
        group by parent_event_id
    )
select
    inspection.business_id as unit_id,
    cast(inspection.event_time as date) as happened_on,
    max(greatest(inspection.known_time, critical.known_time)) as known_time,
    bool_or(critical.parent_event_id is not null) as label,
    count(*) as records
from known_event as inspection
left join critical on critical.parent_event_id = inspection.event_id
where
    inspection.event_type = 'food_inspection'
    and (inspection.detail ->> 'inspection_type') = 'Canvass'
    and inspection.event_time < timestamp '2018-07-01'
group by inspection.business_id, cast(inspection.event_time as date)
;
