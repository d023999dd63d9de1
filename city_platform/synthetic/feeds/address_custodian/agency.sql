-- The gazetteer's own view of every address, whatever the day.
-- Grain: one address. Key: address_id.
-- Reads: address, street, ward; variables today. Writes: temp custodian_property.
create or replace temp table custodian_property as
select
    a.*,
    s.usrn,
    s.town,
    w.ward_code,
    p.uprn as parent_uprn,
    -- entered before the history began, or while the building went up
    coalesce(a.built_on - 200, getvariable('today') - 2500 - pick('entered', a.address_id, 3000)) as entered_on
from address as a
join street as s using (street_id)
join ward as w using (ward_id)
left join address as p on p.address_id = a.parent_id
;
