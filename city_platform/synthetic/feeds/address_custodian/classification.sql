-- Record type 32: what each property is used for; what it was used for once has an end.
-- Grain: one use of one property. Key: uprn, class_key.
-- Reads: custodian_property, custodian_use; variable day. Writes: temp sending.
create or replace temp table sending as
with
    dated as (
        select
            p.uprn,
            p.address_id,
            u.property_id * 16 + u.turn as place,
            printf('9999C%09d%02d', u.property_id, u.turn) as class_key,
            u.class_code,
            u.from_day,
            least(u.next_day, u.demolished_on) as until
        from custodian_use as u
        join custodian_property as p using (property_id)
        where u.from_day <= getvariable('day')
    )
select
    '32' as record_type,
    'I' as change_type,
    place as pro_order,
    uprn,
    class_key,
    class_code as classification_code,
    from_day as start_date,
    case when until <= getvariable('day') then until end as end_date,
    case when until <= getvariable('day') then until else from_day end as last_update_date,
    from_day as entry_date,
    'AddressBase Premium Classification Scheme' as class_scheme,
    '1.0' as scheme_version,
    concat_ws('|', uprn, class_key) as _key,
    place as _order,
    address_id as _address_id
from dated
;
