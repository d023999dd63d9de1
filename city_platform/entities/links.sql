-- Every record's entities.
-- Grain: one record and one entity in one role. Key: feed, record_key, entity_type, role.
-- Reads: temp address_member, business_member, organisation_member, assigned. Writes: entity.link (replaced).
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
            'exact' as method,
            'same street and overlapping number' as evidence
        from address_member
        union all by name
        from business_member
        union all by name
        from organisation_member
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
join assigned as a using (entity_type, role, cluster)
;
