-- What every record claims of an address and a business, standardised.
-- Grain: one record of a feed that has either, and that claims something new. Key: feed, record_key.
-- Reads: temp changed_claim, grid_place, entity.parsed_address; macros of standardise.sql, parcels.sql and
-- coordinates.sql. Writes: temp observed.
create or replace temp table observed as
select
    c.feed,
    c.record_key,
    c.claim_hash,
    c.known_time,
    c.has_business,
    c.name,
    c.alias,
    c.legal_name,
    shows_company(c.legal_name) as legal_name_is_company,
    name_key(trading_part(c.name)) as name_key,
    name_key(trading_part(c.alias)) as alias_key,
    name_key(holder_part(c.legal_name)) as legal_key,
    name_words(trading_part(c.name)) as name_words,
    name_words(trading_part(c.alias)) as alias_words,
    holder_words(c.legal_name) as legal_words,
    c.business_scheme,
    c.business_number,
    c.owner_scheme,
    c.owner_number,
    c.address_text,
    coalesce(c.locality, p.locality) as locality,
    coalesce(standard_postcode(c.postcode), p.zip) as postcode,
    c.ward,
    right_lat(coalesce(c.lat, g.lat), coalesce(c.lon, g.lon)) as lat,
    right_lon(coalesce(c.lat, g.lat), coalesce(c.lon, g.lon)) as lon,
    c.valid_from,
    c.valid_to,
    p.number_low,
    p.number_high,
    p.direction,
    p.street,
    p.suffix,
    p.unit,
    p.number_suffix,
    p.premises,
    uprn_key(c.uprn) as uprn,
    standard_parcel(c.parcel_scheme, c.parcel) as parcel,
    standard_building(c.building_scheme, c.building) as building,
    c.reference_scheme,
    reference_key(c.reference) as reference
from changed_claim as c
left join entity.parsed_address as p on p.address_text = c.address_text
left join grid_place as g on g.easting = c.easting and g.northing = c.northing
;
