-- Every record's entities, and what each entity was made of.
-- Grain: one record and one entity in one role; one entity.
-- Keys: feed, record_key, entity_type, role; entity_id.
-- Reads: entity.address_member, temp member, node_support, touched, replaced, assigned, cluster_now.
-- Writes: entity.link, entity.entity (of what is replaced).
delete from entity.link
where entity_id in (select entity_id from replaced)
;

-- Materialised: the planner, which takes fresh tables for empty, would join touched and node_support by
-- type alone.
insert into entity.link by name
with
    linked as materialized (
        select m.feed, m.record_key, m.entity_type, m.link_role as role, t.entity_id, m.known_time, m.node
        from member as m
        join touched as t using (entity_type, role, cluster)
        where m.entity_type <> 'address'
    )
select
    m.feed,
    m.record_key,
    'address' as entity_type,
    m.role,
    t.entity_id,
    m.probability,
    m.method,
    m.known_time,
    m.evidence
from entity.address_member as m
join touched as t on t.entity_type = 'address' and t.role = m.role and t.cluster = hash(m.role, m.cluster)
union all
select
    l.feed,
    l.record_key,
    l.entity_type,
    l.role,
    l.entity_id,
    s.probability,
    s.method,
    l.known_time,
    s.evidence
from linked as l
join node_support as s on s.entity_type = l.entity_type and s.node = l.node
;

create or replace temp table entity_now as
select
    a.entity_type,
    a.entity_id,
    a.role,
    n.cluster,
    n.records,
    n.members,
    n.content
from assigned as a
join cluster_now as n using (entity_type, role, cluster)
;
