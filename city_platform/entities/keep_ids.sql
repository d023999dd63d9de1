-- Ids that last: each cluster of records gets an id, the one that it had wherever that can be said.
-- Grain: one cluster. Key: entity_type, role, cluster.
-- Reads: temp member, cluster_now, changed_type(entity_type), changed_record(entity_type, feed, record_key,
-- role);
-- entity.entity, entity.link and entity.id_history as they stand from before; variable run_id.
-- Writes: temp assigned, old_link, changed_member, lost_id; entity.id_history, entity.redirect.
-- A cluster of the same records as before keeps its id, as mutual best overlap would have it; only the
-- others are
-- looked at. An id is kept on mutual best overlap (records in common; ties by id and by smallest record).
-- Else a new
-- one is derived from the founding record: the earliest known, ties by feed and record key. An id is never
-- used again:
-- where its record founded one before, the count of those goes into the new one (before the feed: a key may
-- hold
-- anything).
create or replace temp table same_records as
select
    n.entity_type,
    n.role,
    n.cluster,
    e.entity_id,
    n.content = e.content as is_untouched
from cluster_now as n
join
    entity.entity as e
    on e.entity_type = n.entity_type
    and e.role = n.role
    and e.members = n.members
    and e.records = n.records
;

create or replace temp table changed_member as
select m.*
from member as m
anti join same_records as s using (entity_type, role, cluster)
;

-- The links of all ids that do not simply stay.
create or replace temp table old_link as
select
    entity_type,
    case when entity_type = 'person' then 'person' else role end as role,
    role as link_role,
    feed,
    record_key,
    entity_id
from entity.link
where entity_id not in (select entity_id from same_records)
;

create or replace temp table overlap as
select
    m.entity_type,
    m.role,
    m.cluster,
    l.entity_id,
    count(*) as shared
from changed_member as m
join old_link as l using (entity_type, link_role, feed, record_key)
group by all
;

create or replace temp table smallest_record as
select
    entity_type,
    role,
    cluster,
    min({'record': feed || ':' || record_key, 'link_role': link_role}) as smallest
from changed_member
where (entity_type, cluster) in (select (entity_type, cluster) from overlap)
group by all
;

create or replace temp table kept_id as
with
    ranked as (
        select
            o.*,
            row_number() over (
                partition by o.entity_type, o.role, o.cluster order by o.shared desc, o.entity_id
            ) as best_id,
            row_number() over (
                partition by o.entity_type, o.role, o.entity_id order by o.shared desc, s.smallest
            ) as best_cluster
        from overlap as o
        join smallest_record as s using (entity_type, role, cluster)
    )
select entity_type, role, cluster, entity_id
from ranked
where best_id = 1 and best_cluster = 1
;

create or replace temp table founded as
with
    founder as (
        select
            entity_type,
            role,
            cluster,
            arg_min(
                {'feed': feed, 'record_key': record_key, 'link_role': link_role},
                {'known_time': known_time, 'feed': feed, 'record_key': record_key, 'link_role': link_role}
            ) as record
        from changed_member
        anti join kept_id using (entity_type, role, cluster)
        group by all
    ),
    founded_before as (
        select entity_type, founding_feed as feed, founding_record_key as record_key, count(*) as times
        from entity.id_history
        where kind = 'create'
        group by all
    )
select
    f.entity_type,
    f.role,
    f.cluster,
    f.record.feed as founding_feed,
    f.record.record_key as founding_record_key,
    left(f.entity_type, 1)
    || '_'
    || left(
        sha256(
            f.record.link_role
            || '|'
            || coalesce(b.times || '|', '')
            || f.record.feed
            || '|'
            || f.record.record_key
        ),
        16
    ) as entity_id
from founder as f
left join
    founded_before as b
    on b.entity_type = f.entity_type
    and b.feed = f.record.feed
    and b.record_key = f.record.record_key
;

create or replace temp table assigned as
select entity_type, role, cluster, entity_id, is_untouched
from same_records
union all
select entity_type, role, cluster, entity_id, false
from kept_id
union all
select entity_type, role, cluster, entity_id, false
from founded
;

-- What became of the ids that stand no more: merged into the id that holds most of their records, or retired.
create or replace temp table lost_id as
with
    lost as (
        select distinct entity_type, entity_id
        from old_link
        where entity_id not in (select entity_id from kept_id)
    )
select
    l.entity_type,
    l.entity_id as old_id,
    arg_max(a.entity_id, {'shared': o.shared, 'entity_id': a.entity_id}) as new_id
from lost as l
left join overlap as o on o.entity_type = l.entity_type and o.entity_id = l.entity_id
left join assigned as a on a.entity_type = o.entity_type and a.role = o.role and a.cluster = o.cluster
group by all
;

-- Ids that a new or revoked decision is about, by its records, as they were and as they are.
create or replace temp table decided_id as
select distinct l.entity_id
from old_link as l
join
    changed_record as d
    on d.entity_type = l.entity_type
    and d.feed = l.feed
    and d.record_key = l.record_key
    and d.role = l.link_role
union
select distinct a.entity_id
from changed_member as m
join
    changed_record as d
    on d.entity_type = m.entity_type
    and d.feed = m.feed
    and d.record_key = m.record_key
    and d.role = m.link_role
join assigned as a on a.entity_type = m.entity_type and a.role = m.role and a.cluster = m.cluster
;

create or replace temp table changed_id as
select
    'create' as kind,
    entity_type,
    '' as old_id,
    entity_id as new_id,
    founding_feed,
    founding_record_key
from founded
union all
-- a split: records of an id that stands are now under another that is new
select 'split', f.entity_type, o.entity_id, f.entity_id, null, null
from founded as f
join overlap as o using (entity_type, role, cluster)
where o.entity_id in (select entity_id from kept_id)
union all
select
    case when new_id is null then 'retire' else 'merge' end,
    entity_type,
    old_id,
    coalesce(new_id, ''),
    null,
    null
from lost_id
;

insert into entity.id_history by name
with
    -- what is new has what a decision says of the ids that its records had
    came_from as (
        select distinct f.entity_id as new_id
        from founded as f
        join overlap as o using (entity_type, role, cluster)
        where o.entity_id in (select entity_id from decided_id)
    )
select
    getvariable('run_id') as run_id,
    c.*,
    case
        when c.entity_type in (select entity_type from changed_type)
        then 'model'
        when
            c.old_id in (select entity_id from decided_id)
            or c.new_id in (select entity_id from decided_id)
            or c.new_id in (select new_id from came_from)
        then 'decision'
        else 'data'
    end as cause
from changed_id as c
;

-- Earlier redirects follow on; a redirect never points at an id that is itself redirected.
create or replace temp table redirected as
select r.entity_type, r.old_id, l.new_id
from entity.redirect as r
join lost_id as l on l.entity_type = r.entity_type and l.old_id = r.new_id
union all
select entity_type, old_id, new_id
from lost_id
;

delete from entity.redirect
where old_id in (select old_id from redirected)
;

insert into entity.redirect by name
select *
from redirected
;
