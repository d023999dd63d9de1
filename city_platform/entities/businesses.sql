-- Which records are about the same business, and about the same owner.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.observation, temp address_member. Writes: temp business_member, temp organisation_member.
-- Two observations are joined by any of these, each a token that both carry:
-- the same number at the same site; the same number and name; the same name at the same site.
-- A number alone joins nothing: where it disagrees on address and name it is another register's number, or
-- a slip.
-- A record that has only one of number, name and site is joined with no other, not even with its like.
create or replace temp table business_node as
with
    stated as (
        select
            o.feed,
            o.record_key,
            o.known_time,
            m.cluster as site,
            o.name_key,
            o.alias_key,
            o.business_scheme || ':' || o.business_number as number
        from entity.observation as o
        left join address_member as m on m.feed = o.feed and m.record_key = o.record_key and m.role = 'site'
        where o.has_business and coalesce(o.name_key, o.alias_key, o.business_number) is not null
    )
select
    *,
    case
        when
            (site is not null)::integer
            + (coalesce(name_key, alias_key) is not null)::integer
            + (number is not null)::integer
            > 1
        then min(feed || ':' || record_key) over (partition by site, name_key, alias_key, number)
        else feed || ':' || record_key
    end as node
from stated
;

create or replace temp table business_observation as
select distinct node, site, name_key, alias_key, number
from business_node
;

create or replace temp table business_token as
select distinct node, token, kind
from
    (
        select node, 'number at site|' || number || '|' || site as token, 'identifier' as kind
        from business_observation
        union all
        select node, 'number and name|' || number || '|' || name_key, 'identifier'
        from business_observation
        union all
        select node, 'number and name|' || number || '|' || alias_key, 'identifier'
        from business_observation
        union all
        select node, 'name at site|' || name_key || '|' || site, 'exact'
        from business_observation
        union all
        select node, 'name at site|' || alias_key || '|' || site, 'exact'
        from business_observation
    )
where token is not null
;

-- Connected components: each round a node takes the smallest label that reaches it over a shared token.
create or replace temp table business_cluster as
with recursive
    neighbour as materialized (
        select distinct a.node as node, b.node as other
        from (select token, min(node) as node from business_token group by all) as b
        join business_token as a using (token)
        where a.node <> b.node
    ),
    edge as materialized (
        select node, other
        from neighbour
        union
        select other, node
        from neighbour
    ),
    component(node, label) using key(node) as (
        select node, node
        from business_observation
        union
        select reached.node, min(reached.label)
        from
            (
                select e.other as node, c.label
                from component as c
                join edge as e on e.node = c.node
            ) as reached
        join recurring.component as r on r.node = reached.node
        where reached.label < r.label
        group by reached.node
    )
select node, label as cluster
from component
;

create or replace temp table business_member as
with
    token_use as (
        select t.token, c.cluster, count(*) as nodes
        from business_token as t
        join business_cluster as c using (node)
        group by all
        having count(*) > 1
    ),
    support as (
        select
            t.node,
            bool_or(t.kind = 'identifier') as by_number,
            string_agg(distinct split_part(t.token, '|', 1), ', ' order by split_part(t.token, '|', 1)) as agreed
        from business_token as t
        join token_use as u using (token)
        group by t.node
    )
select
    'business' as entity_type,
    'business' as role,
    c.cluster,
    o.feed,
    o.record_key,
    o.known_time,
    case when s.by_number then 'identifier' else 'exact' end as method,
    coalesce('same ' || s.agreed, 'no other observation') as evidence
from business_node as o
join business_cluster as c using (node)
left join support as s using (node)
;

-- An owner is known by its number, or by its name where that shows a company; a company's name alone stands
-- for the
-- number that it always comes with elsewhere.
create or replace temp table organisation_member as
with
    numbered_name as (
        select
            legal_key,
            any_value(owner_scheme || '|' || owner_number) as number
        from entity.observation
        where owner_number is not null and legal_name_is_company and legal_key is not null
        group by legal_key
        having count(distinct owner_scheme || '|' || owner_number) = 1
    )
select
    'organisation' as entity_type,
    'owner' as role,
    case
        when o.owner_number is not null
        then 'number|' || o.owner_scheme || '|' || o.owner_number
        when n.number is not null
        then 'number|' || n.number
        else 'name|' || o.legal_key
    end as cluster,
    o.feed,
    o.record_key,
    o.known_time,
    case when o.owner_number is not null then 'identifier' else 'exact' end as method,
    case
        when o.owner_number is not null
        then 'same owner number'
        when n.number is not null
        then 'same company name, which has one number'
        else 'same company name'
    end as evidence
from entity.observation as o
left join numbered_name as n on n.legal_key = o.legal_key
where o.owner_number is not null or (o.legal_name_is_company and o.legal_key is not null)
;
