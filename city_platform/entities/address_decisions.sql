-- Moves records and whole clusters of addresses as people decided, of one role.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: temp moved_record, temp moved_cluster, entity.observation; variable decided_role (site or unit).
-- Writes: temp address_member (changed).
-- A unit goes with its site: where a record leaves its site, its unit is one of the new site.
update address_member as m
set cluster = c.target, site = case when getvariable('decided_role') = 'site' then c.target else m.site end
from moved_cluster as c
where m.role = getvariable('decided_role') and m.cluster = c.cluster
;

update address_member as m
set site = c.target
from moved_cluster as c
where getvariable('decided_role') = 'site' and m.role = 'unit' and m.site = c.cluster
;

update address_member as m
set cluster = r.cluster, site = case when getvariable('decided_role') = 'site' then r.cluster else m.site end
from moved_record as r
where
    r.cluster is not null
    and m.role = getvariable('decided_role')
    and m.feed = r.feed
    and m.record_key = r.record_key
;

update address_member as m
set cluster = r.cluster || '||' || m.unit, site = r.cluster
from moved_record as r
where
    getvariable('decided_role') = 'site'
    and r.cluster is not null
    and m.role = 'unit'
    and m.feed = r.feed
    and m.record_key = r.record_key
    and m.site <> r.cluster
;

insert into address_member by name
select
    getvariable('decided_role') as role,
    r.cluster,
    coalesce(s.site, r.cluster) as site,
    case when getvariable('decided_role') = 'unit' then o.unit end as unit,
    r.feed,
    r.record_key,
    o.known_time,
    'decision' as method,
    1.0 as probability,
    'decision ' || r.decision_id as evidence
from moved_record as r
join entity.observation as o on o.feed = r.feed and o.record_key = r.record_key
left join (select cluster, min(site) as site from address_member group by cluster) as s on s.cluster = r.cluster
where
    r.cluster is not null
    and not exists (
        select 1
        from address_member as m
        where m.role = getvariable('decided_role') and m.feed = r.feed and m.record_key = r.record_key
    )
;

update address_member as m
set method = 'decision', evidence = 'decision ' || r.decision_id
from moved_record as r
where
    r.decision_id is not null
    and m.role = getvariable('decided_role')
    and m.feed = r.feed
    and m.record_key = r.record_key
;
