-- The records that prove each reason.
-- Grain:  one unit, reason and record.
-- Inputs: temp table unit_as_of (unit_id, as_of); temp view known_event.
-- Key:    unit_id, as_of, code, feed, record_key. code is a reason's code in food_safety.yaml.
create or replace temp table evidence as
with
    own as (
        select
            u.unit_id,
            u.as_of,
            e.*,
            coalesce(e.event_type = 'food_inspection' and (e.detail ->> 'inspection_type') = 'Canvass', false) as is_canvass,
            coalesce(e.detail ->> 'inspection_purpose', '') as purpose
        from unit_as_of as u
        join known_event as e on e.business_id = u.unit_id and e.known_time < u.as_of
    ),
    newest as (
        select
            unit_id,
            as_of,
            max_by(event_id, (event_time, feed, record_key)) filter (where is_canvass) as canvass_id,
            max_by(event_id, (event_time, feed, record_key)) filter (
                where event_type = 'food_inspection'
            ) as inspection_id,
            max_by(event_id, (event_time, feed, record_key)) as any_id,
            min_by(event_id, (event_time, feed, record_key)) filter (
                where event_type = 'licence_issued'
            ) as first_licence_id,
            max_by(organisation_id, (event_time, feed, record_key)) as organisation_id,
            max_by(address_id, (event_time, feed, record_key)) as address_id
        from own
        group by unit_id, as_of
    ),
    found as (
        select unit_id, as_of, 'critical_history' as code, feed, record_key, event_time
        from own
        where event_type = 'violation' and try_cast(outcome as integer) between 1 and 14
        union all
        select unit_id, as_of, 'other_violations', feed, record_key, event_time
        from own
        where event_type = 'violation' and try_cast(outcome as integer) between 15 and 70
        union all
        select own.unit_id, own.as_of, 'last_visit', own.feed, own.record_key, own.event_time
        from own
        join newest on newest.unit_id = own.unit_id and newest.as_of = own.as_of
        where own.event_id = coalesce(newest.canvass_id, newest.any_id)
        union all
        select own.unit_id, own.as_of, 'kind_of_place', own.feed, own.record_key, own.event_time
        from own
        join newest on newest.unit_id = own.unit_id and newest.as_of = own.as_of
        where own.event_id = newest.inspection_id
        union all
        select unit_id, as_of, 'other_visits', feed, record_key, event_time
        from own
        where
            event_type = 'sanitarian_visit'
            and (
                purpose ilike '%food poisoning%'
                or (
                    (purpose ilike '%complaint%' or purpose ilike '%re-insp%')
                    and event_time >= as_of - interval 730 day
                )
            )
        union all
        select own.unit_id, own.as_of, 'licence_age', own.feed, own.record_key, own.event_time
        from own
        join newest on newest.unit_id = own.unit_id and newest.as_of = own.as_of
        where own.event_id = newest.first_licence_id
        union all
        select newest.unit_id, newest.as_of, 'complaints_at_address', e.feed, e.record_key, e.event_time
        from newest
        join
            known_event as e
            on e.address_id = newest.address_id
            and e.known_time < newest.as_of
            and e.event_time >= newest.as_of - interval 365 day
        where e.event_type = 'complaint_opened'
        union all
        select newest.unit_id, newest.as_of, 'same_owner', e.feed, e.record_key, e.event_time
        from newest
        join
            known_event as e
            on e.organisation_id = newest.organisation_id
            and e.business_id <> newest.unit_id
            and e.known_time < newest.as_of
        where e.event_type = 'violation' and try_cast(e.outcome as integer) between 1 and 14
        union all
        select own.unit_id, own.as_of, 'nothing_stands_out', own.feed, own.record_key, own.event_time
        from own
        join newest on newest.unit_id = own.unit_id and newest.as_of = own.as_of
        where own.event_id = newest.any_id
    )
select unit_id, as_of, code, feed, record_key, max(event_time) as event_time
from found
group by unit_id, as_of, code, feed, record_key
;
