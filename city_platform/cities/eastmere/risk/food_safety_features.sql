-- What was known of each business just before each as-of date.
-- Grain:  one unit and as-of date.
-- Inputs: temp table unit_as_of (unit_id, as_of); temp view known_event.
-- Key:    unit_id, as_of.
-- Every read of known_event carries known_time < as_of. Who inspected, and who will, is left out on purpose.
create or replace temp table feature as
with
    visit as (
        select
            u.unit_id,
            u.as_of,
            e.event_id,
            e.event_time,
            e.organisation_id,
            e.address_id,
            coalesce(e.amount, 0) as total,
            cast(coalesce((e.detail ->> 'broadly_compliant') = 'no', false) as integer) as is_bad,
            e.detail ->> 'visit_type' as visit_type,
            e.detail ->> 'risk_category' as category,
            try_cast(e.detail ->> 'next_due_on' as date) as due_on
        from unit_as_of as u
        join known_event as e on e.business_id = u.unit_id and e.known_time < u.as_of
        where e.event_type = 'food_inspection'
    ),
    summed as (
        select
            unit_id,
            as_of,
            count(*) as visits,
            sum(is_bad) as bad_visits,
            avg(total) as mean_total,
            max_by(total, event_time) as last_total,
            max_by(is_bad, event_time) as last_bad,
            max_by(category, event_time) as category,
            max_by(due_on, event_time) as due_on,
            max(event_time) as last_visit,
            count(*) filter (visit_type = 'revisit' and event_time >= as_of - interval 1095 day) as revisits,
            count(*) filter (visit_type = 'complaint' and event_time >= as_of - interval 1095 day) as complaint_visits,
            max_by(visit_type = 'new business', event_time) as new_operator
        from visit
        group by unit_id, as_of
    ),
    place as (
        select
            u.unit_id,
            u.as_of,
            max_by(e.address_id, e.event_time) as address_id,
            max_by(e.organisation_id, e.event_time) filter (e.organisation_id is not null) as organisation_id
        from unit_as_of as u
        join known_event as e on e.business_id = u.unit_id and e.known_time < u.as_of
        group by u.unit_id, u.as_of
    ),
    reported as (
        select p.unit_id, p.as_of, count(*) as requests
        from place as p
        join known_event as e on e.address_id = p.address_id and e.known_time < p.as_of
        where
            e.event_type = 'service_request'
            and e.outcome in ('waste', 'pests')
            and e.event_time >= p.as_of - interval 365 day
        group by p.unit_id, p.as_of
    ),
    sibling as (
        select
            p.unit_id,
            p.as_of,
            avg(cast((e.detail ->> 'broadly_compliant') = 'no' as integer)) as sibling_bad
        from place as p
        join
            known_event as e
            on e.organisation_id = p.organisation_id
            and e.known_time < p.as_of
            and e.business_id <> p.unit_id
        where e.event_type = 'food_inspection'
        group by p.unit_id, p.as_of
    )
select
    u.unit_id,
    u.as_of,
    coalesce(s.visits, 0) as visits,
    coalesce(s.bad_visits, 0) as bad_visits,
    -- drawn towards the city's share, as if one visit in five had been bad before
    (coalesce(s.bad_visits, 0) + 0.4) / (coalesce(s.visits, 0) + 2) as rate_bad,
    coalesce(s.mean_total, 15) as mean_total,
    coalesce(s.last_total, 15) as last_total,
    coalesce(s.last_bad, 0) as last_bad,
    coalesce(date_diff('day', s.last_visit, u.as_of), 1460) as days_since_visit,
    cast(s.visits is null as integer) as never_visited,
    coalesce(map {'A': 5, 'B': 4, 'C': 3, 'D': 2, 'E': 1}[s.category], 3) as category_rank,
    coalesce(s.revisits, 0) as revisits,
    coalesce(s.complaint_visits, 0) as complaint_visits,
    coalesce(r.requests, 0) as requests,
    coalesce(b.sibling_bad, 0) as sibling_bad,
    coalesce(cast(s.new_operator as integer), 0) as new_operator,
    coalesce(strftime(s.last_visit, '%-d %B %Y'), 'none') as last_visit,
    coalesce(strftime(s.due_on, '%-d %B %Y'), 'as a new business') as due,
    coalesce(s.category, 'not given yet') as category
from unit_as_of as u
left join summed as s using (unit_id, as_of)
left join reported as r using (unit_id, as_of)
left join sibling as b using (unit_id, as_of)
;
