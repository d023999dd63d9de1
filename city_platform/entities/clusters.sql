-- What every cluster holds today.
-- Grain: one cluster. Key: entity_type, role, cluster.
-- Reads: temp address_cluster, address_context, linked_cluster; variable made_with. Writes: temp cluster_now.
-- An address shows more than its records say (what the gazetteer holds): temp address_context(cluster,
-- context).
create or replace temp table cluster_now as
select
    'address' as entity_type,
    a.role,
    a.cluster,
    a.records,
    a.members,
    hash(a.content, c.context, getvariable('made_with')) as content
from address_cluster as a
left join address_context as c using (cluster)
union all
select
    entity_type,
    role,
    cluster,
    records,
    members,
    hash(content, getvariable('made_with'))
from linked_cluster
;
