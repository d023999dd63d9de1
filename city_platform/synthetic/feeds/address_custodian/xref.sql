-- Record type 23: which property another register's reference stands for; some lead to the neighbour.
-- Grain: one property and reference. Key: uprn, xref_key.
-- Reads: custodian_property; variable day. Writes: temp sending.
create or replace temp table sending as
with
    referred as (
        select address_id, entered_on, built_on, demolished_on, printf('CT%09d', address_id) as reference, '7666VC' as register
        from custodian_property
        where is_dwelling
        union all
        select address_id, entered_on, built_on, demolished_on, printf('NDR%08d', address_id), '7666VN'
        from custodian_property
        where is_commercial
    ),
    led as (
        select
            *,
            dirty('wrong_cross_reference', 'address_custodian/xref', address_id) and address_id > 1 as is_wrong,
            address_id * 2 + (register = '7666VN')::integer as place,
            greatest(built_on, entered_on) as from_day,
            case when demolished_on <= getvariable('day') then demolished_on end as until
        from referred
        where greatest(built_on, entered_on) <= getvariable('day')
    )
select
    '23' as record_type,
    'I' as change_type,
    l.place as pro_order,
    p.uprn,
    printf('9999X%09d%s', l.address_id, left(l.reference, 1)) as xref_key,
    l.reference as cross_reference,
    '1' as version,
    l.register as source,
    l.from_day as start_date,
    l.until as end_date,
    coalesce(l.until, l.from_day) as last_update_date,
    l.from_day as entry_date,
    concat_ws('|', p.uprn, printf('9999X%09d%s', l.address_id, left(l.reference, 1))) as _key,
    l.place as _order,
    l.address_id as _address_id,
    case when l.is_wrong then ['wrong_cross_reference'] else [] end as _dirt
from led as l
-- a wrong one leads to the property entered before it
join custodian_property as p on p.address_id = case when l.is_wrong then l.address_id - 1 else l.address_id end
;
