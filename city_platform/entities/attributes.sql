-- Every value that a record claims of an entity, and whether the entity shows it.
-- Grain: one value of one record. Key: entity_type, entity_id, attribute, feed, record_key.
-- Reads: temp claim, chosen, touched, replaced; entity.link, entity.observation, entity.address.
-- Writes: entity.attribute (of what is replaced).
delete from entity.attribute
where entity_id in (select entity_id from replaced)
;

insert into entity.attribute by name
with
    spoken as (
        -- of one person's several roles in one record, the first speaks
        select *
        from claim
        where is_shown
        qualify row_number() over (partition by entity_id, attribute, feed, record_key order by role) = 1
    )
select
    c.entity_type,
    c.entity_id,
    c.attribute,
    case when not c.is_private then c.value end as value,
    case when c.is_private then c.value end as private_value,
    c.feed,
    c.record_key,
    c.known_time,
    coalesce(c.value = v.value, false) as is_canonical
from spoken as c
left join chosen as v using (entity_type, entity_id, attribute)
;

insert into entity.attribute by name
with
    place as (
        select
            a.*,
            l.role,
            o.feed,
            o.record_key,
            o.known_time,
            o.address_text,
            o.postcode as stated_postcode,
            upper(o.locality) as stated_locality,
            o.ward as stated_ward,
            o.number_low
            || coalesce(o.number_suffix, '')
            || case when o.number_high > o.number_low then '-' || o.number_high else '' end as stated_number,
            concat_ws(' ', o.direction, o.street, o.suffix) as stated_street,
            concat_ws(' ', a.direction, a.street, a.suffix) as shown_street,
            o.premises as stated_premises,
            o.unit as stated_unit,
            o.lat as stated_lat,
            o.lon as stated_lon
        from entity.link as l
        semi join touched as t using (entity_id)
        join entity.address as a on a.address_id = l.entity_id
        join entity.observation as o on o.feed = l.feed and o.record_key = l.record_key
        where l.entity_type = 'address'
    ),
    stated as (
        select
            address_id,
            unnest(
                -- a part of a site has what tells it from the other parts; the rest is the site's
                case role
                    when 'unit'
                    then [{'attribute': 'unit', 'value': stated_unit, 'is_canonical': stated_unit = unit}]
                    when 'building'
                    then
                        [
                            {'attribute': 'number', 'value': stated_number, 'is_canonical': stated_number = number},
                            {'attribute': 'premises', 'value': stated_premises, 'is_canonical': stated_premises = premises}
                        ]
                    else
                        [
                            {'attribute': 'text', 'value': address_text, 'is_canonical': false},
                            {'attribute': 'number', 'value': stated_number, 'is_canonical': stated_number = number},
                            {'attribute': 'street', 'value': nullif(stated_street, ''), 'is_canonical': stated_street = shown_street},
                            {'attribute': 'premises', 'value': stated_premises, 'is_canonical': stated_premises = premises},
                            {'attribute': 'locality', 'value': stated_locality, 'is_canonical': stated_locality = locality},
                            {'attribute': 'postcode', 'value': stated_postcode, 'is_canonical': stated_postcode = postcode},
                            {'attribute': 'ward', 'value': stated_ward, 'is_canonical': stated_ward = ward},
                            {'attribute': 'point', 'value': stated_lat || ' ' || stated_lon, 'is_canonical': stated_lat = lat and stated_lon = lon}
                        ]
                end,
                recursive := true
            ),
            feed,
            record_key,
            known_time
        from place
    )
select
    'address' as entity_type,
    address_id as entity_id,
    attribute,
    value,
    feed,
    record_key,
    known_time,
    coalesce(is_canonical, false) as is_canonical
from stated
where value is not null
;
