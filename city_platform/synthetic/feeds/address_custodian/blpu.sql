-- Record type 21: one row a property that has been entered by the day.
-- Grain: one property. Key: uprn.
-- Reads: custodian_property, custodian_occupier; variable day. Writes: temp sending.
create or replace temp table sending as
with
    occupied as (
        select property_id, arg_max(organisation, {'on': heard_on, 'id': business_id}) as organisation, max(heard_on) as heard_on
        from custodian_occupier
        where
            heard_on <= getvariable('day') and coalesce(forgotten_on, date '9999-12-31') > getvariable('day')
        group by property_id
    ),
    lived as (
        select
            p.*,
            case
                when demolished_on <= getvariable('day')
                then '8'
                when built_on > getvariable('day')
                then '6'
                else '1'
            end as status,
            case
                when demolished_on <= getvariable('day')
                then demolished_on
                when built_on <= getvariable('day')
                then greatest(built_on, entered_on)
                else entered_on
            end as state_on,
            case when demolished_on <= getvariable('day') then null else o.organisation end as organisation,
            o.heard_on
        from custodian_property as p
        left join occupied as o using (property_id)
        where entered_on <= getvariable('day')
    )
select
    '21' as record_type,
    'I' as change_type,
    property_id as pro_order,
    uprn,
    status as logical_status,
    case status when '8' then '4' when '6' then '1' else '2' end as blpu_state,
    state_on as blpu_state_date,
    parent_uprn,
    x as x_coordinate,
    y as y_coordinate,
    '1' as rpc,
    '9999' as local_custodian_code,
    entered_on as start_date,
    case when status = '8' then demolished_on end as end_date,
    case when status = '8' then demolished_on else greatest(state_on, heard_on) end as last_update_date,
    entered_on as entry_date,
    organisation,
    ward_code,
    uprn::varchar as _key,
    property_id as _order,
    address_id as _address_id
from lived
;
