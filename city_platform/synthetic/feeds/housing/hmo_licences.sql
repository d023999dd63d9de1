-- The public register of licensed shared houses on the day; a licence that has run out leaves it.
-- Grain: one licence. Key: Licence Number.
-- Reads: housing_licence, person, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    term as (
        -- five years at a time, and no longer than the house is shared
        select
            *,
            cast(divide(least(getvariable('day'), to_day) - first_on, 1825) as integer) as turn
        from housing_licence
        where first_on <= getvariable('day')
    ),
    licence as (
        select
            *,
            cast(first_on + turn * 1825 as date) as commenced_on,
            cast(first_on + (turn + 1) * 1825 - 1 as date) as expires_on,
            address_id * 16 + turn as licence_id
        from term
    ),
    written as materialized (
        select
            l.*,
            write_person(
                p.given_name, null, p.family_name, null, cast(null as date), 'housing/hmo_licences', l.licence_id
            ) as holder,
            write_address(a, 'housing/hmo_licences', l.licence_id) as home
        from licence as l
        join person as p on p.person_id = l.holder_id
        join address_text as a on a.address_id = l.address_id
        where l.expires_on >= getvariable('day')
    ),
    numbered as (
        select
            *,
            holder.given_name || ' ' || holder.family_name as holder_name,
            printf('HMO/%02d/%05d', year(commenced_on) % 100, house_no) as number
        from written
    )
select
    number as "Licence Number",
    one_line(home) as "Licensed Property",
    holder_name as "Licence Holder",
    case
        when happens('housing agent', holder_id, 300000)
        then ['Mere Lettings', 'Harbour Homes', 'Castle & Co Property Management'][1 + pick('housing which agent', holder_id, 3)]
        else holder_name
    end as "Manager",
    cast(2 + pick('housing storeys', address_id, 3) as integer) as "Storeys",
    occupants as "Max Occupants",
    cast(occupants - pick('housing households', address_id, 2) as integer) as "Max Households",
    commenced_on as "Commenced",
    expires_on as "Expires",
    number as _key,
    row_number() over (order by commenced_on, licence_id) as _order,
    address_id as _address_id,
    holder_id as _person_id,
    list_concat(holder.kinds, home.kinds) as _dirt
from numbered
;
