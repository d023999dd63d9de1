-- Record type 15: one row a street.
-- Grain: one street. Key: usrn.
-- Reads: street. Writes: temp sending.
create or replace temp table sending as
select
    '15' as record_type,
    'I' as change_type,
    street_id + 1 as pro_order,
    usrn,
    upper(name) as street_descriptor,
    upper(locality) as locality_name,
    upper(town) as town_name,
    'EASTMERE' as administrative_area,
    'ENG' as language,
    usrn::varchar as _key,
    street_id as _order
from street
;
