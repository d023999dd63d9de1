-- Addresses: sites, and units with the site they are part of.
-- Grain: one address that is made anew. Key: address_id.
-- Reads: entity.observation, entity.link, temp touched. Writes: temp address_now.
-- Parts come from the cluster; a point is the middle of the records' own points, with the farthest of them
-- beside it.
create or replace temp table address_now as
with
    member_record as (
        select l.entity_id as address_id, l.role, l.feed, l.record_key, o.* exclude (feed, record_key)
        from entity.link as l
        semi join touched as t using (entity_id)
        join entity.observation as o using (feed, record_key)
        where l.entity_type = 'address'
    ),
    summed as (
        select
            address_id,
            role as level,
            min(number_low) as number_low,
            max(number_high) as number_high,
            mode(direction order by direction) as direction,
            min(street) as street,
            min(suffix) as suffix,
            min(unit) filter (where role = 'unit') as unit,
            mode(upper(locality) order by upper(locality)) as locality,
            mode(postcode order by postcode) as postcode,
            median(lat) as lat,
            median(lon) as lon,
            mode(ward order by ward) as ward,
            case when bool_or(has_business) then 'commercial' end as class,
            count(*) as records
        from member_record
        group by all
    ),
    spread as (
        -- metres on a sphere, flat over the size of a site
        select
            m.address_id,
            max(111195 * sqrt((m.lat - s.lat) ** 2 + ((m.lon - s.lon) * cos(radians(s.lat))) ** 2)) as within_m
        from member_record as m
        join summed as s using (address_id)
        group by all
    ),
    parent as (
        select distinct u.entity_id as address_id, s.entity_id as parent_address_id
        from entity.link as u
        semi join touched as t using (entity_id)
        join
            entity.link as s
            on s.feed = u.feed
            and s.record_key = u.record_key
            and s.entity_type = 'address'
            and s.role = 'site'
        where u.entity_type = 'address' and u.role = 'unit'
    )
select
    s.*,
    p.parent_address_id,
    s.number_low || case when s.number_high > s.number_low then '-' || s.number_high else '' end as number,
    concat_ws(
        ' ',
        s.number_low || case when s.number_high > s.number_low then '-' || s.number_high else '' end,
        s.direction,
        s.street,
        s.suffix,
        s.unit
    ) as label,
    case when s.lat is null then 'none' else 'records' end as located_by,
    round(d.within_m, 1) as located_within_m
from summed as s
left join parent as p using (address_id)
left join spread as d using (address_id)
;
