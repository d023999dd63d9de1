-- Businesses and organisations, with the values that the rules choose among those claimed.
-- Grain: one business; one organisation. Key: business_id; organisation_id.
-- Reads: temp chosen, touched, business_record; entity.link, entity.observation, entity.business.
-- Writes: temp business_now (every business), organisation_now (those made anew).
-- The newest day that any record is about moves the status and the last day of every business.
create or replace temp table business_now as
with
    today as (
        -- not counting days still to come when they were known
        select max(valid_from) as day
        from entity.observation
        where valid_from <= known_time
    ),
    summed as (
        select
            l.entity_id as business_id,
            max(case when o.legal_name is not null then o.valid_to end) as licensed_to,
            min(o.valid_from) as first_seen,
            max(least(o.valid_to, t.day)) filter (where o.valid_to is not null) as last_seen,
            count(*) as records
        from entity.link as l
        join entity.observation as o using (feed, record_key)
        cross join today as t
        where l.entity_type = 'business'
        group by all
    ),
    shown as (
        select
            entity_id as business_id,
            max(value) filter (where attribute = 'name') as name,
            max(value) filter (where attribute = 'legal_name') as legal_name,
            max(value) filter (where attribute = 'address') as address_id,
            max(value) filter (where attribute = 'organisation') as organisation_id
        from chosen
        where entity_type = 'business'
        group by all
        union all
        select business_id, name, coalesce(legal_name, private_name), address_id, organisation_id
        from entity.business
        where business_id not in (select entity_id from replaced)
    )
select
    s.business_id,
    w.name,
    case when shows_company(w.legal_name) then w.legal_name end as legal_name,
    case when not shows_company(w.legal_name) then w.legal_name end as private_name,
    w.address_id,
    w.organisation_id,
    case
        when s.licensed_to is null
        then 'unlicensed'
        when s.licensed_to >= t.day
        then 'licensed'
        else 'lapsed'
    end as status,
    s.first_seen,
    s.last_seen,
    s.records
from summed as s
cross join today as t
left join shown as w using (business_id)
;

create or replace temp table organisation_now as
with
    shown as (
        select
            entity_id as organisation_id,
            max(value) filter (where attribute = 'name') as legal_name,
            max(value) filter (where attribute = 'company_number') as company_number
        from chosen
        where entity_type = 'organisation'
        group by all
    ),
    held as (
        select organisation_id, count(distinct address_id) as sites
        from business_record
        where business_id is not null
        group by all
    )
select
    t.entity_id as organisation_id,
    case when shows_company(s.legal_name) then s.legal_name end as name,
    case when not shows_company(s.legal_name) then s.legal_name end as private_name,
    s.company_number,
    coalesce(h.sites, 0) as sites
from touched as t
left join shown as s on s.organisation_id = t.entity_id
left join held as h on h.organisation_id = t.entity_id
where t.entity_type = 'organisation'
;
