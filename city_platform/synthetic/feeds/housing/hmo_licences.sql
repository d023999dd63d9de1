-- The public register of licensed shared houses on the day.
-- Grain: one licence. Key: Licence Number.
-- Reads: housing_licence, person, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            l.*,
            p.given_name || ' ' || p.family_name as holder,
            write_address(a, 'housing/hmo_licences', l.licence_id) as home
        from housing_licence as l
        join person as p on p.person_id = l.holder_id
        join address_text as a on a.address_id = l.address_id
        where l.commenced_on <= getvariable('day')
    )
select
    printf('HMO/%06d', licence_id) as "Licence Number",
    one_line(home) as "Licensed Property",
    holder as "Licence Holder",
    case when happens('housing agent', licence_id, 300000) then 'Mere Lettings' else holder end as "Manager",
    cast(2 + pick('housing storeys', licence_id, 3) as integer) as "Storeys",
    cast(occupants as integer) as "Max Occupants",
    cast(occupants - pick('housing households', licence_id, 2) as integer) as "Max Households",
    commenced_on as "Commenced",
    commenced_on + 1825 as "Expires",
    printf('HMO/%06d', licence_id) as _key,
    licence_id as _order,
    address_id as _address_id,
    holder_id as _person_id,
    list_filter(home.kinds, lambda kind: kind <> 'missing_uprn' and kind <> 'wrong_uprn') as _dirt
from written
;
