-- Ids that last: each cluster of records gets an id, the one that it had wherever that can be said.
-- Grain: one cluster. Key: entity_type, role, cluster.
-- Reads: temp member(entity_type, role, cluster, link_role, feed, record_key, known_time), where role is
-- what ids are kept
-- within and link_role the role of the link (one person may have several); entity.link and
-- entity.id_history as
-- they stand from before; variable run_id. Writes: temp assigned, entity.id_history, entity.redirect.
-- An id is kept on mutual best overlap (records in common; ties by id and by smallest record). Else a new
-- one is
-- derived from the founding record: the earliest known, ties by feed and record key. An id is never used
-- again: where
-- its record founded one before, the count of those goes into the new one (before the feed: a key may hold
-- anything).
create or replace temp table overlap as
select m.entity_type, m.role, m.cluster, l.entity_id, count(*) as shared
from member as m
join
    entity.link as l
    on l.entity_type = m.entity_type
    and l.role = m.link_role
    and l.feed = m.feed
    and l.record_key = m.record_key
group by all
;

create or replace temp table smallest_record as
select entity_type, role, cluster, min({'record': feed || ':' || record_key, 'link_role': link_role}) as smallest
from member
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

create or replace temp table assigned as
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
        from member
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
    k.entity_id is null as is_new,
    coalesce(
        k.entity_id,
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
        )
    ) as entity_id
from founder as f
left join kept_id as k using (entity_type, role, cluster)
left join
    founded_before as b
    on b.entity_type = f.entity_type
    and b.feed = f.record.feed
    and b.record_key = f.record.record_key
;

-- What became of the ids that stand no more: merged into the id that holds most of their records, or retired.
create or replace temp table lost_id as
with
    lost as (
        select distinct entity_type, entity_id
        from entity.link
        where entity_id not in (select entity_id from assigned)
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

create or replace temp table changed_id as
select
    'create' as kind,
    a.entity_type,
    '' as old_id,
    a.entity_id as new_id,
    a.founding_feed,
    a.founding_record_key
from assigned as a
where a.is_new
union all
-- a split: records of an id that stands are now under another that is new
select 'split', a.entity_type, o.entity_id, a.entity_id, null, null
from assigned as a
join overlap as o using (entity_type, role, cluster)
where a.is_new and o.entity_id in (select entity_id from assigned)
union all
select case when new_id is null then 'retire' else 'merge' end, entity_type, old_id, coalesce(new_id, ''), null, null
from lost_id
;

insert into entity.id_history by name
select getvariable('run_id') as run_id, *, 'data' as cause
from changed_id
;

-- Earlier redirects follow on; a redirect never points at an id that is itself redirected.
create or replace temp table redirected as
select r.entity_type, r.old_id, case when l.old_id is null then r.new_id else l.new_id end as new_id
from entity.redirect as r
left join lost_id as l on l.entity_type = r.entity_type and l.old_id = r.new_id
union all
select entity_type, old_id, new_id
from lost_id
;

delete from entity.redirect
;

insert into entity.redirect by name
select *
from redirected
;
