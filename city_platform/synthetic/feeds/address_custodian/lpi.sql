-- Record type 24: every address of a property: the approved one, alternatives, and those of old.
-- Grain: one address of one property. Key: uprn, lpi_key.
-- Reads: custodian_property; variable day. Writes: temp sending.
create or replace temp table sending as
with
    worded as (
        select *, 1 as turn, pao_number as number, pao_text as name, case
                when demolished_on <= getvariable('day') then '8' when built_on > getvariable('day') then '6' else '1'
            end as status
        from custodian_property
        union all
        -- the house's own name instead of its number
        select *, 2, null, other_name, '3'
        from custodian_property
        where other_name is not null
        union all
        -- the number that it had before the street was numbered anew
        select *, 3, former_number, pao_text, '8'
        from custodian_property
        where former_number is not null
    ),
    entered as (
        select *, address_id * 4 + turn as place
        from worded
        where entered_on <= getvariable('day')
    )
select
    '24' as record_type,
    'I' as change_type,
    place as pro_order,
    uprn,
    printf('9999L%09d%d', address_id, turn) as lpi_key,
    'ENG' as language,
    status as logical_status,
    entered_on as start_date,
    case
        when demolished_on <= getvariable('day')
        then demolished_on
        when turn = 3
        then entered_on + 900
    end as end_date,
    entered_on as last_update_date,
    entered_on as entry_date,
    cast(null as integer) as sao_start_number,
    null as sao_start_suffix,
    cast(null as integer) as sao_end_number,
    null as sao_end_suffix,
    sao_text,
    number as pao_start_number,
    case when turn = 1 then pao_suffix end as pao_start_suffix,
    case when turn = 1 then pao_number_end end as pao_end_number,
    null as pao_end_suffix,
    name as pao_text,
    usrn,
    null as level,
    case when kind in ('converted', 'block', 'shop_with_flat') then 'N' else 'Y' end as postal_address,
    postcode,
    upper(town) as post_town,
    'Y' as official_flag,
    concat_ws('|', uprn, printf('9999L%09d%d', address_id, turn)) as _key,
    place as _order,
    address_id as _address_id
from entered
;
