-- Addresses: sites, and buildings and units with what they are part of.
-- Grain: one address that is made anew. Key: address_id.
-- Reads: entity.observation, entity.link, temp touched; macros of parcels.sql. Writes: temp address_now.
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
    fronted as (
        -- of a corner house, the street that most records name
        select
            address_id,
            mode({'street':street, 'direction':direction} order by street, direction) as front
        from member_record
        where street is not null
        group by all
    ),
    summed as (
        select
            m.address_id,
            m.role as level,
            min(m.number_low) filter (is_front) as number_low,
            max(m.number_high) filter (is_front) as number_high,
            min(f.front.direction) as direction,
            min(f.front.street) as street,
            mode(m.suffix order by m.suffix) filter (is_front) as suffix,
            min(coalesce(m.unit, lot_label(m.parcel))) filter (m.role = 'unit') as unit,
            mode(m.premises order by m.premises) filter (m.premises <> 'CORNER') as premises,
            mode(upper(m.locality) order by upper(m.locality)) as locality,
            mode(m.postcode order by m.postcode) as postcode,
            median(m.lat) as lat,
            median(m.lon) as lon,
            mode(m.ward order by m.ward) as ward,
            case when bool_or(m.has_business) then 'commercial' end as class,
            count(*) as records,
            min(case when m.role = 'building' then m.building else coalesce(m.parcel, m.building) end) as number_of_it
        from
            (
                select
                    m.*,
                    m.street = f.front.street
                    and m.direction is not distinct from f.front.direction as is_front
                from member_record as m
                left join fronted as f using (address_id)
            ) as m
        left join fronted as f using (address_id)
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
    above as (
        select
            u.entity_id as address_id,
            s.role,
            s.entity_id as parent_address_id,
            count(*) as records
        from entity.link as u
        semi join touched as t using (entity_id)
        join
            entity.link as s
            on s.feed = u.feed
            and s.record_key = u.record_key
            and s.entity_type = 'address'
            and s.role in ('site', 'building')
            and s.role <> u.role
        where u.entity_type = 'address' and u.role in ('building', 'unit')
        group by all
    ),
    parent as (
        -- of the same records, the building, else the site
        select
            address_id,
            min_by(
                parent_address_id,
                {'is_site': role = 'site', 'fewer': -records, 'parent_address_id': parent_address_id}
            ) as parent_address_id
        from above
        group by address_id
    )
select
    s.* exclude (number_of_it),
    p.parent_address_id,
    s.number_low || case when s.number_high > s.number_low then '-' || s.number_high else '' end as number,
    coalesce(
        nullif(
            concat_ws(
                ' ',
                s.number_low || case when s.number_high > s.number_low then '-' || s.number_high else '' end,
                s.direction,
                s.street,
                s.suffix,
                s.unit,
                case when s.level = 'building' then 'BUILDING ' || split_part(s.number_of_it, ':', 2) end
            ),
            ''
        ),
        s.number_of_it
    ) as label,
    case when s.lat is null then 'none' else 'records' end as located_by,
    round(d.within_m, 1) as located_within_m
from summed as s
left join parent as p using (address_id)
left join spread as d using (address_id)
;
