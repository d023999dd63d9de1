-- Addresses of a UK city: sites, buildings and units, each with what it is part of.
-- Grain: one address that is made anew. Key: address_id.
-- Reads: entity.observation, entity.link, temp touched, address_cluster, gazetteer_place; variable
-- gazetteer_feed. Writes: temp address_now.
-- What the gazetteer says of an address is canonical; of one that it does not hold, what most records say.
create or replace temp table address_now as
with
    held as materialized (
        -- uprn|1: the gazetteer's own; uprn|1|FLAT 9: a part of it that the gazetteer does not hold
        select
            a.entity_id as address_id,
            a.role as level,
            p.uprn,
            nullif(split_part(c.address, '|', 3), '') as part,
            p.* exclude (uprn, level)
        from touched as a
        join address_cluster as c using (role, cluster)
        left join
            gazetteer_place as p
            on p.uprn = case when starts_with(c.address, 'uprn|') then split_part(c.address, '|', 2) end
        where a.entity_type = 'address'
    ),
    member_record as (
        select
            l.entity_id as address_id,
            l.role,
            o.feed = getvariable('gazetteer_feed') as is_gazetteer,
            o.uprn as stated_uprn,
            o.* exclude (feed, record_key, uprn)
        from entity.link as l
        semi join touched as t using (entity_id)
        join entity.observation as o using (feed, record_key)
        where l.entity_type = 'address'
    ),
    summed as (
        select
            m.address_id,
            min(m.number_low) as number_low,
            max(m.number_high) as number_high,
            min(m.number_suffix) as number_suffix,
            min(m.street) as street,
            mode(m.premises order by m.premises) as premises,
            min(m.unit) filter (where m.role = 'unit') as unit,
            mode(upper(m.locality) order by upper(m.locality)) as locality,
            mode(m.postcode order by m.postcode) as postcode,
            coalesce(
                any_value(m.lat) filter (where m.is_gazetteer and m.stated_uprn = h.uprn),
                median(m.lat) filter (where not m.is_gazetteer)
            ) as lat,
            coalesce(
                any_value(m.lon) filter (where m.is_gazetteer and m.stated_uprn = h.uprn),
                median(m.lon) filter (where not m.is_gazetteer)
            ) as lon,
            bool_or(m.is_gazetteer and m.stated_uprn = h.uprn and m.lat is not null) as is_located,
            mode(m.ward order by m.ward) as ward,
            bool_or(m.has_business) as has_business,
            count(*) as records
        from member_record as m
        join held as h using (address_id)
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
        -- of the same records, the building, else the site
        select
            u.entity_id as address_id, min_by(s.entity_id, {'is_site': s.role = 'site', 'entity_id': s.entity_id}) as parent_address_id
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
    told as (
        select
            h.address_id,
            h.level,
            case when h.part is null then h.uprn end as uprn,
            h.part,
            h.label as gazetteer_label,
            h.uprn is not null as is_held,
            case when is_held then h.number_low else s.number_low end as number_low,
            case when is_held then h.number_high else s.number_high end as number_high,
            case when is_held then h.number_suffix else s.number_suffix end as number_suffix,
            case when is_held then h.street else s.street end as street,
            case when is_held then h.premises else s.premises end as premises,
            case when is_held then coalesce(h.part, case when h.level = 'unit' or h.has_unit then h.unit end) else s.unit end as unit,
            coalesce(upper(h.locality), s.locality) as locality,
            coalesce(h.postcode, s.postcode) as postcode,
            s.lat,
            s.lon,
            coalesce(h.ward, s.ward) as ward,
            coalesce(case when h.part is null then h.class end, case when s.has_business then 'commercial' end) as class,
            case when h.part is null then h.lifecycle end as lifecycle,
            case when s.lat is null then 'none' when s.is_located then 'gazetteer' else 'records' end as located_by,
            s.records
        from held as h
        join summed as s using (address_id)
    )
select
    t.* exclude (part, gazetteer_label, is_held),
    p.parent_address_id,
    t.number_low
    || coalesce(t.number_suffix, '')
    || case when t.number_high > t.number_low then '-' || t.number_high else '' end as number,
    case
        when t.is_held
        then concat_ws(', ', title(t.part), t.gazetteer_label)
        else label_uk(t.unit, t.premises, t.number_low, t.number_high, t.number_suffix, t.street, t.postcode)
    end as label,
    round(d.within_m, 1) as located_within_m
from told as t
left join parent as p using (address_id)
left join spread as d using (address_id)
;
