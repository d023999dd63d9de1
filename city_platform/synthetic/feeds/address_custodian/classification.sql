-- Record type 32: what each property is used for.
-- Grain: one property. Key: uprn, class_key.
-- Reads: custodian_property; variable day. Writes: temp sending.
create or replace temp table sending as
select
    '32' as record_type,
    'I' as change_type,
    address_id as pro_order,
    uprn,
    printf('9999C%09d', address_id) as class_key,
    class_code as classification_code,
    entered_on as start_date,
    case when demolished_on <= getvariable('day') then demolished_on end as end_date,
    entered_on as last_update_date,
    entered_on as entry_date,
    'AddressBase Premium Classification Scheme' as class_scheme,
    '1.0' as scheme_version,
    concat_ws('|', uprn, printf('9999C%09d', address_id)) as _key,
    address_id as _order,
    address_id as _address_id
from custodian_property
where entered_on <= getvariable('day')
;
