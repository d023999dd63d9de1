-- The records that prove each reason.
-- Grain:  one unit, reason and record.
-- Inputs: temp table unit_as_of (unit_id, as_of); temp view known_event.
-- Key:    unit_id, as_of, code, feed, record_key. code is a reason's code in food_safety.yaml.
create or replace temp table evidence as
with
    own as (
        select u.unit_id, u.as_of, e.*
        from unit_as_of as u
        join known_event as e on e.business_id = u.unit_id and e.known_time < u.as_of
        where e.event_type in ('food_inspection', 'food_registered')
    ),
    newest as (
        select
            unit_id,
            as_of,
            max_by(event_id, (event_type = 'food_inspection', event_time, record_key)) as event_id,
            max_by(address_id, (event_time, record_key)) as address_id,
            max_by(organisation_id, (event_time, record_key)) filter (organisation_id is not null) as organisation_id
        from own
        group by unit_id, as_of
    ),
    found as (
        select unit_id, as_of, 'bad_results' as code, feed, record_key, event_time
        from own
        where (detail ->> 'broadly_compliant') = 'no'
        union all
        select o.unit_id, o.as_of, c.code, o.feed, o.record_key, o.event_time
        from own as o
        join newest as n on n.unit_id = o.unit_id and n.as_of = o.as_of and n.event_id = o.event_id
        cross join (values ('last_visit'), ('category'), ('nothing_stands_out')) as c (code)
        union all
        select unit_id, as_of, 'follow_ups', feed, record_key, event_time
        from own
        where (detail ->> 'visit_type') in ('revisit', 'complaint') and event_time >= as_of - interval 1095 day
        union all
        select n.unit_id, n.as_of, 'requests_at_address', e.feed, e.record_key, e.event_time
        from newest as n
        join known_event as e on e.address_id = n.address_id and e.known_time < n.as_of
        where
            e.event_type = 'service_request'
            and e.outcome in ('waste', 'pests')
            and e.event_time >= n.as_of - interval 365 day
        union all
        select n.unit_id, n.as_of, 'same_operator', e.feed, e.record_key, e.event_time
        from newest as n
        join
            known_event as e
            on e.organisation_id = n.organisation_id
            and e.business_id <> n.unit_id
            and e.known_time < n.as_of
        where e.event_type = 'food_inspection' and (e.detail ->> 'broadly_compliant') = 'no'
    )
select unit_id, as_of, code, feed, record_key, max(event_time) as event_time
from found
group by unit_id, as_of, code, feed, record_key
;
