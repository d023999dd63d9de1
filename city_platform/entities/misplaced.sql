-- Records whose coordinates are not in the city, or have their axes swapped.
-- Grain: one record. Key: feed, line of a delivery.
-- Reads: temp claim, entity.observation; macros of coordinates.sql. Writes: temp misplaced, shaped as
-- quality.issue.
create or replace temp table misplaced as
with
    given as (
        select
            c.delivery_id,
            c.feed,
            c.line,
            c.record_key,
            case
                when is_swapped(c.lat, c.lon)
                then 'swapped_axes'
                when o.lat is null
                then 'outside_city'
            end as rule
        from claim as c
        join entity.observation as o using (feed, record_key)
        where (c.lat is not null and c.lon is not null) or (c.easting is not null and c.northing is not null)
    )
select
    delivery_id,
    feed,
    null::varchar as file_name,
    line,
    null::varchar as column_name,
    null::varchar as value,
    rule,
    'warning' as severity,
    'agency' as responsible,
    'Feed ' || feed
    || ', record ' || record_key
    || case
        when rule = 'swapped_axes'
        then ': latitude and longitude stand in each other''s place; they were exchanged. Please mend it.'
        else ': its coordinates are not in the city; they were left out, the record kept. Please mend them.'
    end as message
from given
where rule is not null
;
