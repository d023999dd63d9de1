-- Which records are of one cluster today, and what each cluster holds, as two numbers that tell when it
-- changes.
-- Grain: one record in one role (member); one node (node_support); one cluster (cluster_now).
-- Keys: entity_type, link_role, feed, record_key; entity_type, node; entity_type, role, cluster.
-- Reads: entity.address_member, node_record, node_cluster, compared, observation, person_observation; temp
-- level_text,
-- decided_pair; variable made_with. Writes: temp member, node_support, address_cluster, cluster_now.
-- role is what ids are kept within and link_role the role of the link: one person may have several.
-- members: an order-free sum of what names the records; content: of all that the rows of the entity are made
-- of.
create or replace temp macro folded(total) as(total % 18446744073709551616::hugeint)::ubigint
;

create or replace temp view member as
select
    'address' as entity_type,
    role,
    hash(role, cluster) as cluster,
    role as link_role,
    feed,
    record_key,
    known_time,
    null::ubigint as node
from entity.address_member
union all
select
    r.entity_type,
    case when r.entity_type = 'person' then 'person' else r.role end as role,
    c.cluster,
    r.role,
    r.feed,
    r.record_key,
    r.known_time,
    r.node
from entity.node_record as r
join entity.node_cluster as c on c.entity_type = r.entity_type and c.node = r.node
;

-- What holds a node in its cluster: the strongest pair with another node of it.
create or replace temp table strongest_pair as
with
    held as materialized (
        select
            p.entity_type,
            p.node_a,
            p.node_b,
            {'weight': p.weight, 'levels': p.levels} as pair
        from entity.compared as p
        join entity.node_cluster as a on a.entity_type = p.entity_type and a.node = p.node_a
        join entity.node_cluster as b on b.entity_type = p.entity_type and b.node = p.node_b
        where a.cluster = b.cluster and p.veto is null
    )
select entity_type, node, max(pair) as pair
from
    (
        select entity_type, node_a as node, pair
        from held
        union all
        select entity_type, node_b, pair
        from held
    )
group by all
;

create or replace temp table decided_support as
select entity_type, node, min(decision_id) as decision_id
from
    (
        select
            d.entity_type,
            d.decision_id,
            unnest([a.node, b.node]) as node
        from decided_pair as d
        join
            entity.node_record as a
            on a.entity_type = d.entity_type
            and a.feed = d.feed_a
            and a.record_key = d.record_key_a
            and a.role = d.role_a
        join
            entity.node_record as b
            on b.entity_type = d.entity_type
            and b.feed = d.feed_b
            and b.record_key = d.record_key_b
            and b.role = d.role_b
        join entity.node_cluster as ca on ca.entity_type = a.entity_type and ca.node = a.node
        join entity.node_cluster as cb on cb.entity_type = b.entity_type and cb.node = b.node
        where d.judgement = 'same' and ca.cluster = cb.cluster
    )
group by all
;

create or replace temp table node_support as
with
    used as (
        select entity_type, node, count(*) as records
        from entity.node_record
        group by all
    )
select
    u.entity_type,
    u.node,
    case
        when d.node is not null
        then 'decision'
        when t.is_identifier
        then 'identifier'
        when s.node is null or t.is_exact
        then 'exact'
        else 'model'
    end as method,
    case
        when d.node is null and s.node is not null then round(1 / (1 + 2.0 ** -s.pair.weight), 6) else 1.0
    end as probability,
    case
        when d.node is not null
        then 'decided to be the same: ' || d.decision_id
        when s.node is not null
        then t.evidence || '; ' || printf('%.1f', s.pair.weight) || ' bits'
        when u.records > 1
        then 'all that is compared is the same'
        else 'no other observation'
    end as evidence
from used as u
left join strongest_pair as s using (entity_type, node)
left join level_text as t on t.entity_type = s.entity_type and t.levels = s.pair.levels
left join decided_support as d on d.entity_type = u.entity_type and d.node = u.node
;

create or replace temp table address_cluster as
with
    observed as (select hash(feed, record_key) as record, row_hash as content from entity.observation)
select
    m.role,
    m.cluster as address,
    hash(m.role, m.cluster) as cluster,
    count(*) as records,
    folded(sum(hash(m.feed, m.record_key, m.role))) as members,
    folded(
        sum(hash(m.feed, m.record_key, m.known_time, m.method, m.probability, m.evidence, o.content))
    ) as content
from entity.address_member as m
left join observed as o on o.record = hash(m.feed, m.record_key)
group by m.role, m.cluster
;

create or replace temp table linked_cluster as
with
    -- one join on one number: a condition on the type would make it a comparison of all with all
    said as (
        select hash(feed, record_key) as record, row_hash as content
        from entity.observation
        union all
        select hash(feed, record_key, role), row_hash
        from entity.person_observation
    ),
    supported as (
        select
            entity_type,
            node,
            hash(method, probability, evidence) as support
        from node_support
    )
select
    m.entity_type,
    m.role,
    m.cluster,
    count(*) as records,
    folded(sum(hash(m.feed, m.record_key, m.link_role))) as members,
    folded(
        sum(
            hash(
                m.feed,
                m.record_key,
                m.link_role,
                m.known_time,
                m.node,
                s.support,
                o.content
            )
        )
    ) as content
from member as m
join supported as s on s.entity_type = m.entity_type and s.node = m.node
left join
    said as o
    on o.record
    = case
        when m.entity_type = 'person'
        then hash(m.feed, m.record_key, m.link_role)
        else hash(m.feed, m.record_key)
    end
where m.entity_type <> 'address'
group by all
;
