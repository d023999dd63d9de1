-- Every link that was weighed, comparison by comparison, in words.
-- Grain: one pair of nodes that were compared and kept, and one comparison. Key: entity_type, node_a,
-- node_b, place.
-- Reads: entity.compared, entity.model, entity.node_record, entity.node_cluster. Writes: view
-- entity.explained_link.
-- bits: what the comparison adds without how rare the value is. record_a and record_b: the first record of
-- either node.
create view entity.explained_link as
with
    newest as (
        select entity_type, arg_max(settings, (trained_at, version)) as settings
        from entity.model
        group by entity_type
    ),
    comparison as (
        select
            entity_type,
            unnest(range(json_array_length(settings, '$.comparisons')::bigint)) as place,
            settings -> '$.comparisons' as comparisons,
            (settings ->> '$.link_from')::double as link_from
        from newest
    ),
    level as (
        select
            entity_type,
            place,
            link_from,
            comparisons ->> ('$[' || place || '].name') as comparison,
            unnest(range(json_array_length(comparisons, '$[' || place || '].levels')::bigint)) as level,
            comparisons -> ('$[' || place || '].levels') as levels
        from comparison
    ),
    label as (
        select
            entity_type,
            place,
            link_from,
            comparison,
            level,
            levels ->> ('$[' || level || '].label') as label,
            log2(
                divide((levels ->> ('$[' || level || '].m'))::double, (levels ->> ('$[' || level || '].u'))::double)
            ) as bits
        from level
    ),
    named as (
        select entity_type, node, min(feed || ':' || record_key || '#' || role) as record, count(*) as records
        from entity.node_record
        group by entity_type, node
    )
select
    p.entity_type,
    p.node_a,
    p.node_b,
    a.record as record_a,
    b.record as record_b,
    a.records as records_a,
    b.records as records_b,
    p.weight,
    p.weight >= l.link_from as is_enough,
    x.cluster = y.cluster as is_one,
    p.veto,
    l.place,
    l.comparison,
    l.label,
    coalesce(l.bits, 0) as bits
from entity.compared as p
join label as l on l.entity_type = p.entity_type and l.level = ((p.levels >> (4 * l.place)::ubigint) & 15)
left join named as a on a.entity_type = p.entity_type and a.node = p.node_a
left join named as b on b.entity_type = p.entity_type and b.node = p.node_b
left join entity.node_cluster as x on x.entity_type = p.entity_type and x.node = p.node_a
left join entity.node_cluster as y on y.entity_type = p.entity_type and y.node = p.node_b
;
