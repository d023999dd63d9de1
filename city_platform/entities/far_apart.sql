-- Sites whose records' points lie more than a kilometre apart: two places may have been taken for one.
-- Grain: one site. Key: message.
-- Reads: entity.link, entity.observation, entity.address. Writes: temp far_apart, shaped as quality.issue.
-- It is told of the feed whose record is farthest from the middle; ties by feed and record key.
create or replace temp table far_apart as
with
    point as (
        select l.entity_id as address_id, o.feed, o.record_key, o.lat, o.lon
        from entity.link as l
        join entity.observation as o using (feed, record_key)
        where l.entity_type = 'address' and l.role = 'site' and o.lat is not null and o.lon is not null
    ),
    wide as (
        select
            address_id,
            median(lat) as lat,
            median(lon) as lon,
            111195 * sqrt((max(lat) - min(lat)) ** 2 + ((max(lon) - min(lon)) * cos(radians(min(lat)))) ** 2) as metres
        from point
        group by address_id
        having metres > 1000
    ),
    farthest as (
        select
            p.address_id,
            min(
                {
                    'near': -round((p.lat - w.lat) ** 2 + ((p.lon - w.lon) * cos(radians(w.lat))) ** 2, 12),
                    'feed': p.feed,
                    'record_key': p.record_key
                }
            ) as record
        from point as p
        join wide as w using (address_id)
        group by p.address_id
    )
select
    null::varchar as delivery_id,
    f.record.feed as feed,
    null::varchar as file_name,
    null::bigint as line,
    null::varchar as column_name,
    null::varchar as value,
    'points_far_apart' as rule,
    'warning' as severity,
    'us' as responsible,
    'Feed ' || f.record.feed
    || ', record ' || f.record.record_key
    || ': its point is far from those of other records of the same site, ' || w.address_id
    || ', which lie ' || printf('%.1f', w.metres / 1000)
    || ' km apart. Either a point is wrong or two places were taken for one.' as message
from wide as w
join farthest as f using (address_id)
;
