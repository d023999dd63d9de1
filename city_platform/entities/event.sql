-- Events with the address, business and owner that they happened at.
-- Grain: one thing that happened, as one record tells it. Key: event_id.
-- Reads: temp told, entity.link, entity.business. Writes: entity.event (replaced).
-- An event that is part of another takes over that one's address, business and owner where its own record
-- has none.
delete from entity.event
;

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
    coalesce(o.entity_id, w.organisation_id) as organisation_id
from told as t
left join entity.link as a on a.feed = t.feed and a.record_key = t.record_key and a.role = 'site'
left join entity.link as b on b.feed = t.feed and b.record_key = t.record_key and b.role = 'business'
left join entity.link as o on o.feed = t.feed and o.record_key = t.record_key and o.role = 'owner'
left join entity.business as w on w.business_id = b.entity_id
;

insert into entity.event by name
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
    e.observer,
    e.outcome,
    e.amount,
    e.detail
from placed_event as e
left join placed_event as p on p.event_id = e.wanted_parent
;
