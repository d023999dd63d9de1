-- Every record's entities.
-- Grain: one record and one entity in one role. Key: feed, record_key, entity_type, role.
-- Reads: temp address_member, business_member, organisation_member, person_member, assigned. Writes:
-- entity.link (replaced).
delete from entity.link
;

insert into entity.link by name
with
    membership as (
        select
            entity_type,
            role,
            cluster,
            feed,
            record_key,
            known_time,
            method,
            evidence
        from address_member
        union all by name
        from business_member
        union all by name
        from organisation_member
        union all by name
        from person_member
    )
select
    m.feed,
    m.record_key,
    m.entity_type,
    m.role,
    a.entity_id,
    1.0 as probability,
    m.method,
    m.known_time,
    m.evidence
from membership as m
join
    assigned as a
    on a.entity_type = m.entity_type
    and a.cluster = m.cluster
    -- one person may have several roles
    and a.role = case when m.entity_type = 'person' then 'person' else m.role end
;
