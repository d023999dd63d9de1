-- How the linking stands, as numbers that the next run is compared with.
-- Grain: one number of one entity type, of one feed ('' of all), of one slice ('' of all).
-- Key: entity_type, feed, metric, slice.
-- Reads: entity.observation, person_observation, link, address_settled, id_history, compared, refused,
-- not_compared.
-- Writes: temp link_size(entity_type, entity_id, records, is_shared), temp
-- measured(entity_type, feed, metric, slice, value).
-- A record counts once in each role. An address is counted at its site, so that a record with a flat counts
-- once;
-- sizes are those of every address, flats too.
create or replace temp table link_size as
select entity_type, entity_id, count(*) as records, min(feed) <> max(feed) as is_shared
from entity.link
group by entity_type, entity_id
;

create or replace temp table measured as
with
    -- what could be linked: the records that name an address, a business, an owner, a person
    named as (
        select 'address' as entity_type, feed, count(*) as records
        from entity.observation
        where coalesce(address_text, uprn, reference, street, premises, postcode) is not null
        group by feed
        union all
        select 'business', feed, count(*)
        from entity.observation
        where has_business
        group by feed
        union all
        select 'organisation', feed, count(*)
        from entity.observation
        where coalesce(legal_key, owner_number) is not null
        group by feed
        union all
        select 'person', feed, count(*)
        from entity.person_observation
        where not is_placeholder and coalesce(given_name, family_name, number) is not null
        group by feed
    ),
    linked as (
        select
            l.entity_type,
            l.feed,
            count(*) as linked,
            count(*) filter (s.records = 1) as alone,
            count(*) filter (s.is_shared) as matched
        from entity.link as l
        join link_size as s using (entity_type, entity_id)
        where l.role <> 'unit'
        group by l.entity_type, l.feed
    ),
    by_feed as (
        select
            coalesce(n.entity_type, l.entity_type) as entity_type,
            coalesce(n.feed, l.feed) as feed,
            greatest(coalesce(n.records, 0), coalesce(l.linked, 0)) as records,
            coalesce(l.linked, 0) as linked,
            coalesce(l.alone, 0) as alone,
            coalesce(l.matched, 0) as matched
        from named as n
        full join linked as l on l.entity_type = n.entity_type and l.feed = n.feed
    ),
    sizes as (
        select entity_type, count(*) as entities, max(records) as largest from link_size group by entity_type
    )
select entity_type, feed, metric, '' as slice, value::double as value
from by_feed unpivot (value for metric in (records, linked, alone, matched))
union all
select entity_type, feed, 'method', method, count(*)
from entity.link
where entity_type <> 'address'
group by all
union all
select 'address', feed, 'method', if(is_lost, 'none', way), sum(records)
from entity.address_settled
group by all
union all
select entity_type, '', metric, '', value::double
from sizes unpivot (value for metric in (entities, largest))
union all
select
    entity_type,
    '',
    'entities_of_size',
    case
        when records <= 2
        then records::varchar
        when records <= 5
        then '3–5'
        when records <= 10
        then '6–10'
        when records <= 20
        then '11–20'
        when records <= 50
        then '21–50'
        when records <= 100
        then '51–100'
        when records <= 1000
        then '101–1,000'
        else 'over 1,000'
    end,
    count(*)
from link_size
group by all
union all
select entity_type, '', 'ids_until_now', kind || ' ' || cause, count(*)
from entity.id_history
group by all
union all
select entity_type, '', 'pairs_of_weight', floor(weight)::integer::varchar, count(*)
from entity.compared
group by all
union all
select entity_type, '', 'pairs_kept_apart', reason, count(*)
from (select entity_type, regexp_replace(reason, '^decision .*', 'decision') as reason from entity.refused)
group by all
union all
select entity_type, '', 'pairs_not_compared', rule, sum(pairs_skipped)
from entity.not_compared
group by all
;
