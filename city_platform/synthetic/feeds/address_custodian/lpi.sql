-- Record type 24: every address of a property: the approved one, alternatives, and those of old.
-- Grain: one address of one property. Key: uprn, lpi_key.
-- Reads: custodian_property; variable day. Writes: temp sending.
create or replace temp table sending as
with
    known as (
        select
            *,
            case
                when demolished_on <= getvariable('day')
                then '8'
                when built_on > getvariable('day')
                then '6'
                else '1'
            end as status,
            kind in ('shop', 'flat_above') and has_parent and happens('custodian other name', property_id, 450000) as is_named_twice,
            former_number is not null and built_on is null as was_renumbered
        from custodian_property
        where entered_on <= getvariable('day')
    ),
    worded as (
        select *, 1 as turn, sao_text as part, pao_number as number, pao_suffix as letter, pao_number_end as last_number, pao_text as name
        from known
        union all
        -- the house's own name instead of its number
        select *, 2, sao_text, null, null, null, other_name
        from known
        where other_name is not null
        union all
        -- the number that it had before the street was numbered anew
        select *, 3, sao_text, former_number, null, null, pao_text
        from known
        where was_renumbered
        union all
        -- the shop below by what it is, and the flat above it by a letter: 12A High Street
        select *, 4, 'GROUND FLOOR SHOP', pao_number, null, null, pao_text
        from known
        where is_named_twice and kind = 'shop'
        union all
        select *, 5, null, pao_number, 'A', null, pao_text
        from known
        where is_named_twice and kind = 'flat_above'
    ),
    dated as (
        select
            * exclude (status),
            case
                when turn = 3 then '8' when turn > 1 and status = '1' then '3' else status
            end as status,
            property_id * 8 + turn as place,
            -- about half of the custodian's flats have their number in a field of its own
            pick('custodian flat style', site_id, 5) < 2 and regexp_full_match(part, '(FLAT|UNIT|PLOT) [0-9]+') as is_split,
            case when turn = 1 and was_renumbered then entered_on + 900 else entered_on end as from_day,
            case
                when turn = 3 then entered_on + 900 when demolished_on <= getvariable('day') then demolished_on
            end as until
        from worded
    )
select
    '24' as record_type,
    'I' as change_type,
    place as pro_order,
    uprn,
    printf('9999L%09d%d', property_id, turn) as lpi_key,
    'ENG' as language,
    status as logical_status,
    from_day as start_date,
    until as end_date,
    coalesce(until, from_day) as last_update_date,
    entered_on as entry_date,
    case when is_split then cast(regexp_extract(part, '[0-9]+$') as integer) end as sao_start_number,
    null as sao_start_suffix,
    cast(null as integer) as sao_end_number,
    null as sao_end_suffix,
    case when is_split then regexp_extract(part, '^[A-Z]+') else part end as sao_text,
    number as pao_start_number,
    letter as pao_start_suffix,
    last_number as pao_end_number,
    null as pao_end_suffix,
    name as pao_text,
    usrn,
    null as level,
    case when kind in ('converted', 'block', 'shop_with_flat', 'plot') or status = '8' then 'N' else 'Y' end as postal_address,
    postcode,
    upper(town) as post_town,
    case when turn = 1 then 'Y' else 'N' end as official_flag,
    concat_ws('|', uprn, printf('9999L%09d%d', property_id, turn)) as _key,
    place as _order,
    address_id as _address_id
from dated
;
