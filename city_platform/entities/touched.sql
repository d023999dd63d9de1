-- Which entities are made anew in this run.
-- Grain: one entity. Key: entity_id.
-- Reads: temp assigned, changed_member, old_link, lost_id, member. Writes: temp touched, replaced.
-- Touched is an entity whose records, their content or what holds them together changed, and one of whose
-- records had its link to another entity changed: where a person lives is an id of an address.
-- replaced: these, and the ids that are gone.
create or replace temp table moved_record as
with
    new_link as (
        select m.entity_type, m.link_role, m.feed, m.record_key, a.entity_id
        from changed_member as m
        join assigned as a using (entity_type, role, cluster)
    )
select distinct feed, record_key
from new_link as n
full join old_link as o using (entity_type, link_role, feed, record_key)
where n.entity_id is distinct from o.entity_id
;

create or replace temp table touched as
with
    moved as (
        select distinct m.entity_type, m.role, m.cluster
        from member as m
        semi join moved_record as r using (feed, record_key)
    )
select a.entity_type, a.role, a.cluster, a.entity_id
from assigned as a
left join moved as m using (entity_type, role, cluster)
where not a.is_untouched or m.cluster is not null
;

create or replace temp table replaced as
select entity_id
from touched
union
select old_id
from lost_id
;
