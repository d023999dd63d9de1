-- What every record claims of an address and a business, standardised.
-- Grain: one record of a feed that has either. Key: feed, record_key.
-- Reads: temp claim, temp parsed_address; macros of standardise.sql; variables south, north, west, east.
-- Writes: entity.observation.
insert into entity.observation by name
select
    c.feed,
    c.record_key,
    c.known_time,
    c.has_business,
    c.name,
    c.alias,
    c.legal_name,
    shows_company(c.legal_name) as legal_name_is_company,
    name_key(c.name) as name_key,
    name_key(c.alias) as alias_key,
    name_key(c.legal_name) as legal_key,
    c.business_scheme,
    c.business_number,
    c.owner_scheme,
    c.owner_number,
    c.address_text,
    c.locality,
    coalesce(c.postcode, p.zip) as postcode,
    c.ward,
    case when c.lat between getvariable('south') and getvariable('north') then c.lat end as lat,
    case when c.lon between getvariable('west') and getvariable('east') then c.lon end as lon,
    c.valid_from,
    c.valid_to,
    p.number_low,
    p.number_high,
    p.direction,
    p.street,
    p.suffix,
    p.unit
from claim as c
left join parsed_address as p on p.address_text = c.address_text
;
