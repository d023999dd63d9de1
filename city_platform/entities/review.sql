-- Pairs of two clusters that nearly are linked, or weigh enough and are kept apart: the strongest of any
-- two clusters.
-- Grain: one pair of clusters. Key: node_a, node_b.
-- Reads: entity.compared, entity.node_cluster, entity.node_record, entity.refused; variables link_type,
-- link_from,
-- link_below, link_half, link_number. Writes: nothing.
-- The short list is by how uncertain a pair is and how many records the smaller cluster has.
with
    pair as (
        select
            p.node_a,
            p.node_b,
            p.weight,
            coalesce('veto: ' || p.veto, r.reason) as kept_apart,
            a.cluster as cluster_a,
            b.cluster as cluster_b
        from entity.compared as p
        join entity.node_cluster as a on a.entity_type = p.entity_type and a.node = p.node_a
        join entity.node_cluster as b on b.entity_type = p.entity_type and b.node = p.node_b
        left join
            entity.refused as r
            on r.entity_type = p.entity_type
            and r.node_a = p.node_a
            and r.node_b = p.node_b
        where
            p.entity_type = getvariable('link_type')
            and a.cluster <> b.cluster
            and p.weight
            >= getvariable('link_from')
            - case when coalesce(p.veto, r.reason) is null then getvariable('link_below') else 0 end
            and not starts_with(coalesce(r.reason, ''), 'decision')
    ),
    strongest as (
        select *
        from pair
        qualify
            row_number() over (
                partition by least(cluster_a, cluster_b), greatest(cluster_a, cluster_b)
                order by weight desc, node_a, node_b
            )
            = 1
    ),
    cluster_of as (
        select
            c.cluster,
            count(distinct c.node) as nodes,
            count(*) as records,
            list(distinct c.node order by c.node) as held
        from entity.node_cluster as c
        join entity.node_record as r on r.entity_type = c.entity_type and r.node = c.node
        where
            c.entity_type = getvariable('link_type')
            and c.cluster in (
                select cluster_a
                from strongest
                union all
                select cluster_b
                from strongest
            )
        group by c.cluster
    )
select s.node_a, s.node_b, s.weight, s.kept_apart, x.held as nodes_a, y.held as nodes_b
from strongest as s
join cluster_of as x on x.cluster = s.cluster_a
join cluster_of as y on y.cluster = s.cluster_b
order by
    case
        when s.kept_apart is not null
        then 1
        else pow(2, (-1) * abs(s.weight - getvariable('link_from')) / getvariable('link_half'))
    end
    * log2(1 + least(x.records, y.records)) desc,
    s.node_a,
    s.node_b
limit getvariable('link_number')
;
