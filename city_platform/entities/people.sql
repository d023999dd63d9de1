-- Which records are about the same person.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.person_observation, temp address_member. Writes: temp person_member.
-- Observations that say the same are one node. Nodes are joined by any of these:
-- given name, family name and full date of birth, also with the two names swapped;
-- given name and date of birth at one address (another family name); initial, family name and date of birth
-- there, where only one given name fits;
-- given and family name at one address, where all dates of birth of that name there agree;
-- a number with both names, with the date of birth, or with one of the names where no dates of birth differ;
-- both names and the month of birth, where the register tells no day.
-- A number alone joins nothing, nor does an initial without a date of birth.
-- What has a full date of birth is joined first; what has none is then added, and joins two dates of birth
-- never.
create or replace temp table person_record as
with
    place as (
        select
            feed,
            record_key,
            coalesce(max(cluster) filter (role = 'unit'), max(cluster) filter (role = 'site')) as place
        from address_member
        where feed in (select distinct feed from entity.person_observation)
        group by all
    )
select
    row_number() over () as row,
    o.feed,
    o.record_key,
    o.role,
    o.known_time,
    -- who has to do with a place but lives elsewhere is not taken for who lives there
    case when o.lives_here then p.place else 'not at home|' || p.place end as place,
    o.given_key as given,
    o.family_key as family,
    case when o.date_of_birth_precision = 'day' then o.date_of_birth end as birth_date,
    case when o.date_of_birth_precision <> 'year' then date_trunc('month', o.date_of_birth) end as birth_month,
    year(o.date_of_birth) as birth_year,
    o.number_scheme || ':' || o.number as number
from entity.person_observation as o
left join place as p using (feed, record_key)
where not o.is_placeholder and coalesce(o.given_key, o.family_key, o.number) is not null
;

create or replace temp table person_node as
select
    min(row) as node,
    place,
    given,
    case when length(given) > 1 then given end as whole_given,
    family,
    birth_date,
    birth_month,
    birth_year,
    number,
    birth_date is not null as is_dated,
    list(row) as records
from person_record
group by all
;

-- What nodes may be joined by, one row a node and token. A token is named by its kind and, in dated and
-- undated, by the
-- smallest of its nodes that have a full date of birth and of those that have none.
-- Kinds are powers of two, so that those that agreed add up; person_agreement names them.
create or replace temp table person_token as
with
    token as (
        select 1 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where whole_given is not null and family is not null and is_dated
        group by whole_given, family, birth_date
        
        union all
        select 2 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where whole_given is not null and family is not null and is_dated
        group by least(whole_given, family), greatest(whole_given, family), birth_date
        having min(whole_given) <> max(whole_given)
        union all
        select 4 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where whole_given is not null and is_dated and place is not null
        group by whole_given, birth_date, place
        having min(coalesce(family, '')) <> max(coalesce(family, ''))
        union all
        select 8 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where given is not null and family is not null and is_dated and place is not null
        group by left(given, 1), family, birth_date, place
        having min(length(given)) = 1 and min(whole_given) is not distinct from max(whole_given)
        union all
        select 16 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where whole_given is not null and family is not null and place is not null
        group by whole_given, family, place
        having min(birth_date) is not distinct from max(birth_date) and min(birth_month) is not distinct from max(birth_month) and min(birth_year) is not distinct from max(birth_year)
        union all
        select 32 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where number is not null and whole_given is not null and family is not null
        group by number, least(whole_given, family), greatest(whole_given, family)
        
        union all
        select 64 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where number is not null and is_dated
        group by number, birth_date
        
        union all
        select 128 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where number is not null and whole_given is not null
        group by number, whole_given
        having min(birth_date) is not distinct from max(birth_date) and min(birth_month) is not distinct from max(birth_month) and min(birth_year) is not distinct from max(birth_year)
        union all
        select 256 as kind, list(node) as nodes, min(node) filter (is_dated) as dated, min(node) filter (not is_dated) as undated, sum(len(records)) as records
        from person_node
        where number is not null and family is not null
        group by number, family
        having min(birth_date) is not distinct from max(birth_date) and min(birth_month) is not distinct from max(birth_month) and min(birth_year) is not distinct from max(birth_year)
        union all
        -- several days in one month: only what tells no day is joined
        select
            512 as kind,
            case when min(birth_date) = max(birth_date) then list(node) else list(node) filter (not is_dated) end as nodes,
            case when min(birth_date) = max(birth_date) then min(node) filter (is_dated) end as dated,
            min(node) filter (not is_dated) as undated,
            sum(len(records)) as records
        from person_node
        where whole_given is not null and family is not null and birth_month is not null
        group by whole_given, family, birth_month
        having bool_or(not is_dated)
    )
select unnest(nodes) as node, kind, dated, undated, records > 1 as is_shared
from token
;

create or replace temp table person_agreement as
select *
from
    (
        values
            (1, 'name and birth date'),
            (2, 'swapped name and birth date'),
            (4, 'given name and birth date at address'),
            (8, 'initial, family name and birth date at address'),
            (16, 'name at address'),
            (32, 'number and name'),
            (64, 'number and birth date'),
            (128, 'number and given name'),
            (256, 'number and family name'),
            (512, 'name and birth month')
    ) as t(kind, agreed)
;

-- Connected components, of what has a full date of birth and of the rest apart: each round a node takes the
-- smallest label that reaches it over a shared token.
create or replace temp table person_part as
with recursive
    neighbour as materialized (
        select distinct t.node, case when n.is_dated then t.dated else t.undated end as other
        from person_token as t
        join person_node as n using (node)
        where t.is_shared and t.node <> case when n.is_dated then t.dated else t.undated end
    ),
    edge as materialized (
        select node, other
        from neighbour
        union all
        select other, node
        from neighbour
    ),
    component(node, label) using key(node) as (
        select node, least(node, min(other))
        from edge
        group by node
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
select n.node, n.is_dated, n.birth_date, n.birth_month, n.birth_year, coalesce(c.label, n.node) as part
from person_node as n
left join component as c using (node)
;

-- Parts without a full date of birth that contradict themselves fall apart again.
create or replace temp table person_settled as
with
    torn as (
        select part
        from person_part
        where not is_dated
        group by part
        having count(distinct birth_month) > 1 or count(distinct birth_year) > 1
    )
select p.* replace (case when t.part is null then p.part else p.node end as part)
from person_part as p
left join torn as t using (part)
;

-- A part without a date is added to the parts with one that it shares a token with: to one of any dates, or
-- to
-- several of one and the same date. Where it fits more it stays alone.
create or replace temp table person_added as
with
    shared as (
        select distinct u.part as undated, d.part as dated
        from person_token as t
        join person_settled as u on u.node = t.node and not u.is_dated
        join person_settled as d on d.node = t.dated
    ),
    fit as (
        select s.undated, s.dated, d.birth_date
        from shared as s
        join (select distinct part, birth_date from person_settled where is_dated) as d on d.part = s.dated
    ),
    stated as (
        select part as undated, max(birth_month) as birth_month, max(birth_year) as birth_year
        from person_settled
        where not is_dated
        group by part
    ),
    chosen as (
        select f.undated, min(f.dated) as dated
        from fit as f
        join stated as s using (undated)
        group by f.undated
        having
            (min(f.dated) = max(f.dated) or min(f.birth_date) = max(f.birth_date))
            and bool_or(
                coalesce(s.birth_month = date_trunc('month', f.birth_date), true)
                and coalesce(s.birth_year = year(f.birth_date), true)
            )
    )
select s.undated, s.dated, c.dated as first_dated
from shared as s
join chosen as c using (undated)
;

-- Parts of one date that such a part holds together.
create or replace temp table person_held as
with recursive
    edge as materialized (
        select dated as part, first_dated as other
        from person_added
        where dated <> first_dated
        union
        select first_dated, dated
        from person_added
        where dated <> first_dated
    ),
    component(part, label) using key(part) as (
        select part, part
        from (select distinct part from edge)
        union
        select reached.part, min(reached.label)
        from
            (
                select e.other as part, c.label
                from component as c
                join edge as e on e.part = c.part
            ) as reached
        join recurring.component as r on r.part = reached.part
        where reached.label < r.label
        group by reached.part
    )
select part, label
from component
;

create or replace temp table person_cluster as
with
    added as (
        select s.node, coalesce(a.first_dated, s.part) as part
        from person_settled as s
        left join (select distinct undated, first_dated from person_added) as a on a.undated = s.part
    )
select a.node, coalesce(h.label, a.part) as cluster
from added as a
left join person_held as h using (part)
;

-- What agreed: a token that another record of the same person has too.
create or replace temp table person_support as
with
    held as (
        select t.node, t.kind, t.dated, t.undated, c.cluster, len(n.records) as records
        from person_token as t
        join person_cluster as c using (node)
        join person_node as n using (node)
        where t.is_shared
    ),
    used as (
        select kind, dated, undated, cluster
        from held
        group by all
        having sum(records) > 1
    )
select h.node, bit_or(h.kind) as kinds
from held as h
join
    used as u
    on u.kind = h.kind
    and u.dated is not distinct from h.dated
    and u.undated is not distinct from h.undated
    and u.cluster = h.cluster
group by h.node
;

-- A node with nothing that could join it is a person for each of its records, however alike they are.
create or replace temp table person_member as
with
    evidence as (
        select s.kinds, 'same ' || string_agg(a.agreed, ', ' order by a.kind) as evidence, s.kinds & 480 > 0 as by_number
        from (select distinct kinds from person_support) as s
        join person_agreement as a on a.kind & s.kinds > 0
        group by s.kinds
    ),
    joined as (
        select
            unnest(n.records) as row,
            case when j.node is not null then c.cluster end as cluster,
            s.kinds
        from person_node as n
        join person_cluster as c using (node)
        left join (select distinct node from person_token) as j using (node)
        left join person_support as s using (node)
    )
select
    'person' as entity_type,
    r.role,
    coalesce('node ' || j.cluster, 'record ' || r.row) as cluster,
    r.feed,
    r.record_key,
    r.known_time,
    case when e.by_number then 'identifier' else 'exact' end as method,
    coalesce(e.evidence, 'no other observation') as evidence
from person_record as r
join joined as j using (row)
left join evidence as e using (kinds)
;
