-- What the gazetteer says of its own addresses, as observations of its BLPUs.
-- Grain: one BLPU. Key: feed, record_key.
-- Reads: temp gazetteer_place, grid_place; variables gazetteer_feed, south, north, west, east. Writes:
-- temp gazetteer_observed.
create or replace temp table gazetteer_observed as
select
    getvariable('gazetteer_feed') as feed,
    p.record_key,
    0::ubigint as claim_hash,
    p.known_time,
    false as has_business,
    p.label as address_text,
    p.locality,
    p.postcode,
    p.ward,
    case when g.lat between getvariable('south') and getvariable('north') then g.lat end as lat,
    case when g.lon between getvariable('west') and getvariable('east') then g.lon end as lon,
    p.number_low,
    p.number_high,
    p.number_suffix,
    p.street,
    p.premises,
    p.unit,
    p.uprn
from gazetteer_place as p
left join grid_place as g on g.easting = p.easting and g.northing = p.northing
;
