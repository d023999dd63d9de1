-- Record type 21: one row a property that has been entered by the day.
-- Grain: one property. Key: uprn.
-- Reads: custodian_property; variable day. Writes: temp sending.
create or replace temp table sending as
select
    '21' as record_type,
    'I' as change_type,
    address_id as pro_order,
    uprn,
    case
        when demolished_on <= getvariable('day') then '8' when built_on > getvariable('day') then '6' else '1'
    end as logical_status,
    case
        when demolished_on <= getvariable('day') then '4' when built_on > getvariable('day') then '1' else '2'
    end as blpu_state,
    case
        when demolished_on <= getvariable('day')
        then demolished_on
        else least(greatest(built_on, entered_on), getvariable('day'))
    end as blpu_state_date,
    parent_uprn,
    x as x_coordinate,
    y as y_coordinate,
    '1' as rpc,
    '9999' as local_custodian_code,
    entered_on as start_date,
    case when demolished_on <= getvariable('day') then demolished_on end as end_date,
    case when demolished_on <= getvariable('day') then demolished_on else entered_on end as last_update_date,
    entered_on as entry_date,
    null as organisation,
    ward_code,
    uprn::varchar as _key,
    address_id as _order,
    address_id as _address_id
from custodian_property
where entered_on <= getvariable('day')
;
