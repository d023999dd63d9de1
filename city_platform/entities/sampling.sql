-- Pairs drawn at random within bands of weight.
-- Grain: one pair of nodes. Key: node_a, node_b.
-- Reads: entity.compared, entity.node_cluster; variables link_type, link_bounds (of the bands), link_seed,
-- link_number.
-- The order of the draw is a hash of the pair and the seed: whoever draws again draws the same.
with
    pair as (
        select
            p.node_a,
            p.node_b,
            p.weight,
            a.cluster = b.cluster as is_linked,
            len(list_filter(getvariable('link_bounds'), lambda bound:bound <= p.weight)) as place
        from entity.compared as p
        join entity.node_cluster as a on a.entity_type = p.entity_type and a.node = p.node_a
        join entity.node_cluster as b on b.entity_type = p.entity_type and b.node = p.node_b
        where p.entity_type = getvariable('link_type')
    ),
    placed as (
        select
            *,
            count(*) over (partition by is_linked, place) as population,
            row_number() over (
                partition by is_linked, place
                order by hash(node_a, node_b, getvariable('link_seed')), node_a, node_b
            ) as turn
        from pair
    )
-- one of each band; then more of the larger ones, by the fourth root: they count for more, small ones tell
-- more
select node_a, node_b, weight, is_linked, place, population
from placed
order by turn > 1, divide(turn, pow(population, 0.25)), place, is_linked
limit getvariable('link_number')
;
