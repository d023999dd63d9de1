-- Events with the address, business, owner and person that they happened to.
-- Grain: one thing that happened, as one record tells it. Key: event_id.
-- Reads: temp told, entity.link, entity.business. Writes: temp event_now.
-- An event that is part of another takes over that one's address, business, owner and person where its own
-- record
-- has none; it is about a person where that one is.
create or replace temp table placed_event as
select
    'e_' || left(sha256(t.feed || '|' || t.record_key || '|' || t.event_type), 16) as event_id,
    t.*,
    case
        when t.parent_feed is not null
        then
            'e_'
            || left(sha256(t.parent_feed || '|' || t.parent_record_key || '|' || t.parent_event_type), 16)
    end as wanted_parent,
    a.entity_id as address_id,
    b.entity_id as business_id,
    coalesce(o.entity_id, w.organisation_id) as organisation_id,
    p.entity_id as person_id
from told as t
left join entity.link as a on a.feed = t.feed and a.record_key = t.record_key and a.entity_type = 'address' and a.role = 'site'
left join entity.link as b on b.feed = t.feed and b.record_key = t.record_key and b.entity_type = 'business'
left join entity.link as o on o.feed = t.feed and o.record_key = t.record_key and o.entity_type = 'organisation'
left join entity.link as p on p.feed = t.feed and p.record_key = t.record_key and p.entity_type = 'person' and p.role = t.person_role
left join entity.business as w on w.business_id = b.entity_id
;

create or replace temp table event_now as
select
    e.event_id,
    p.event_id as parent_event_id,
    e.feed,
    e.record_key,
    e.event_type,
    e.event_time,
    e.known_time,
    coalesce(e.address_id, p.address_id) as address_id,
    coalesce(e.business_id, p.business_id) as business_id,
    coalesce(e.organisation_id, p.organisation_id) as organisation_id,
    coalesce(e.person_id, p.person_id) as person_id,
    e.is_personal or coalesce(p.is_personal, false) as is_personal,
    e.observer,
    e.outcome,
    e.amount,
    e.detail
from placed_event as e
left join placed_event as p on p.event_id = e.wanted_parent
;
