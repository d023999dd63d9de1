-- Businesses and organisations, with the values that most of their newest records state.
-- Grain: one business; one organisation. Key: business_id; organisation_id.
-- Reads: entity.observation, entity.link. Writes: entity.business, entity.organisation, temp business_owner
-- (replaced).
create or replace temp table business_record as
select
    b.entity_id as business_id,
    a.entity_id as address_id,
    w.entity_id as organisation_id,
    o.*
from entity.link as b
join entity.observation as o using (feed, record_key)
left join
    entity.link as a
    on a.feed = b.feed
    and a.record_key = b.record_key
    and a.entity_type = 'address'
    and a.role = 'site'
left join
    entity.link as w
    on w.feed = b.feed
    and w.record_key = b.record_key
    and w.entity_type = 'organisation'
where b.entity_type = 'business'
;

create or replace temp table business_owner as
select
    business_id,
    arg_max(
        organisation_id, {'known_time': known_time, 'feed': feed, 'record_key': record_key}
    ) as organisation_id
from business_record
where organisation_id is not null
group by all
;

-- The name of most records; of two as frequent the one known last.
create or replace temp table business_name as
select
    business_id,
    arg_max(name, {'records': records, 'known_time': known_time, 'name': name}) as name
from
    (
        select business_id, name, count(*) as records, max(known_time) as known_time
        from business_record
        where name is not null
        group by all
    )
group by all
;

delete from entity.business
;

insert into entity.business by name
with
    today as (
        -- the newest day that any record is about, not counting days still to come when it was known
        select max(valid_from) as day from entity.observation where valid_from <= known_time
    ),
    summed as (
        select
            r.business_id,
            arg_max(
                r.address_id, {'known_time': r.known_time, 'feed': r.feed, 'record_key': r.record_key}
            ) filter (where r.address_id is not null) as address_id,
            arg_max(
                r.legal_name, {'known_time': r.known_time, 'feed': r.feed, 'record_key': r.record_key}
            ) filter (where r.legal_name is not null) as legal_name,
            max(case when r.legal_name is not null then r.valid_to end) as licensed_to,
            min(r.valid_from) as first_seen,
            max(least(r.valid_to, t.day)) filter (where r.valid_to is not null) as last_seen,
            count(*) as records
        from business_record as r
        cross join today as t
        group by all
    )
select
    s.business_id,
    n.name,
    case when shows_company(s.legal_name) then s.legal_name end as legal_name,
    case when not shows_company(s.legal_name) then s.legal_name end as private_name,
    s.address_id,
    w.organisation_id,
    case
        when s.licensed_to is null then 'unlicensed' when s.licensed_to >= t.day then 'licensed' else 'lapsed'
    end as status,
    s.first_seen,
    s.last_seen,
    s.records
from summed as s
cross join today as t
left join business_name as n using (business_id)
left join business_owner as w using (business_id)
;

delete from entity.organisation
;

insert into entity.organisation by name
with
    -- a register may name an owner of no business that is known here
    summed as (
        select
            l.entity_id as organisation_id,
            arg_max(
                o.legal_name, {'known_time': o.known_time, 'feed': o.feed, 'record_key': o.record_key}
            ) filter (where o.legal_name is not null) as legal_name,
            mode(o.owner_number order by o.owner_number) filter (o.owner_scheme = 'company_number') as company_number
        from entity.link as l
        join entity.observation as o using (feed, record_key)
        where l.entity_type = 'organisation'
        group by all
    ),
    held as (
        select organisation_id, count(distinct address_id) as sites
        from business_record
        where organisation_id is not null
        group by all
    )
select
    s.organisation_id,
    case when shows_company(s.legal_name) then s.legal_name end as name,
    case when not shows_company(s.legal_name) then s.legal_name end as private_name,
    s.company_number,
    coalesce(h.sites, 0) as sites
from summed as s
left join held as h using (organisation_id)
;
