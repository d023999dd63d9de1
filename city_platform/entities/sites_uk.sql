-- Which records are about the same UK address: through the gazetteer, else among themselves.
-- Grain: one record in one role; one record that is linked to nothing. Key: feed, record_key, role.
-- Reads: temp stated_address, text_place, text_match, named_uprn, left_over, new_place_match,
-- gazetteer_place; variable
-- gazetteer_feed.
-- Writes: temp address_member, address_not_linked.
-- In this order: a cross reference, the record's own UPRN, its text against the LPIs word for word, its text
-- by score and margin, its text against other records'. A flat that the gazetteer does not hold is a unit of
-- the building that it does hold.
create or replace temp table settled_address as
with
    chosen as (
        select
            s.*,
            n.turn,
            t.evidence,
            m.evidence as nearly,
            m.score,
            m.margin,
            -- what a number names, the text may tell more exactly: the flat of a building, or which flat
            case
                when inner_place.level = 'unit' and inner_place.top = p.top and not t.is_building
                then t.uprn
                else coalesce(n.uprn, t.uprn, m.uprn)
            end as found,
            n.uprn <> found as is_told
        from stated_address as s
        left join named_uprn as n using (feed, record_key)
        left join gazetteer_place as p on p.uprn = n.uprn
        left join text_match as t using (place)
        left join gazetteer_place as inner_place on inner_place.uprn = t.uprn
        left join left_over as o using (feed, record_key)
        left join new_place_match as m on m.stated_text = o.stated_text
    )
select
    c.feed,
    c.record_key,
    c.known_time,
    'uprn|' || p.top as site,
    'uprn|' || p.building as building,
    case
        when c.unit is not null and not p.has_unit and (p.number_suffix is null or c.unit <> 'FLAT ' || p.number_suffix)
        then 'uprn|' || p.uprn || '|' || c.unit
        when p.level = 'unit'
        then 'uprn|' || p.uprn
    end as unit_cluster,
    case
        when c.turn = 1 then 'gazetteer' when c.turn = 2 then 'identifier' when c.evidence is not null then 'exact' else 'model'
    end as method,
    -- by how much it fits, and fits better than any other
    case when method = 'model' then round(divide(1, 1 + 2 ** -least(c.score - 10, c.margin)), 4) else 1 end as probability,
    case
        when c.turn = 1 then 'cross-reference' when c.turn = 2 then 'its own UPRN' else coalesce(c.evidence, 'by score: ' || c.nearly)
    end as evidence
from chosen as c
join gazetteer_place as p on p.uprn = c.found
union all
select
    getvariable('gazetteer_feed'),
    record_key,
    known_time,
    'uprn|' || top,
    'uprn|' || building,
    case when level = 'unit' then 'uprn|' || uprn end,
    'gazetteer',
    1,
    'the address itself'
from gazetteer_place
;

-- The rest among themselves: the same door of one street in one postcode sector. Where one record leaves
-- out the
-- postcode or
-- the street and only one that fits has it, it is that one.
create or replace temp table own_site as
with
    door as (
        select
            place,
            postcode,
            left(postcode, -2) as sector,
            street,
            case
                when number_low is null then 'name|' || premises else number_low || coalesce(number_suffix, '')
            end as door,
            unit
        from text_place
        where place in (select place from stated_address anti join settled_address using (feed, record_key))
    ),
    by_street as (
        select street, door, min(sector) as sector
        from door
        where street is not null and sector is not null
        group by all
        having count(distinct sector) = 1
    ),
    by_postcode as (
        select postcode, door, min(street) as street
        from door
        where street is not null and postcode is not null
        group by all
        having count(distinct street) = 1
    )
select
    d.place,
    d.unit,
    nullif(regexp_extract(d.unit, '^(BLOCK \S+) ', 1), '') as block,
    case when d.street is null and p.street is null then 'postcode' else 'street' end as by_what,
    starts_with(d.door, 'name|') as by_name,
    'own|'
    || coalesce(d.street, p.street, '')
    || '|'
    || coalesce(case when d.street is null and p.street is null then d.postcode end, d.sector, s.sector, '')
    || '|'
    || d.door as site
from door as d
left join by_street as s on s.street = d.street and s.door = d.door
left join by_postcode as p on p.postcode = d.postcode and p.door = d.door
;

create or replace temp table address_member as
with
    member as (
        select *
        from settled_address
        union all
        select
            s.feed,
            s.record_key,
            s.known_time,
            o.site,
            o.site || '|' || o.block,
            o.site || '|' || o.unit,
            'exact',
            1,
            case
                when count(*) over (partition by o.site) = 1
                then 'no other record'
                else 'same ' || o.by_what || ' and ' || case when o.by_name then 'name' else 'number' end
            end
        from stated_address as s
        anti join settled_address as d using (feed, record_key)
        join own_site as o using (place)
    )
select
    'site' as role,
    site as cluster,
    site,
    null::varchar as unit,
    feed,
    record_key,
    known_time,
    method,
    probability::double as probability,
    evidence
from member
union all
select 'building', building, site, null, feed, record_key, known_time, method, probability, evidence
from member
where building is not null
union all
select 'unit', unit_cluster, site, split_part(unit_cluster, '|', -1), feed, record_key, known_time, method, probability, evidence
from member
where unit_cluster is not null
;

-- What states something of an address, and is linked to none.
create or replace temp table address_not_linked as
select
    s.feed,
    s.record_key,
    case
        when s.is_box
        then 'a PO box is no place'
        when s.address_text is null and coalesce(s.uprn, s.reference) is not null
        then 'a UPRN or reference that the gazetteer does not hold, and no text'
        when s.address_text is null and s.postcode is null
        then 'coordinates alone'
        when s.number_low is null and s.premises is null and s.street is null
        then 'a postcode or a town alone'
        when s.number_low is null and s.premises is null
        then 'neither house number nor name'
        else 'neither street nor postcode'
    end as reason
from stated_address as s
anti join address_member as m on m.feed = s.feed and m.record_key = s.record_key
where coalesce(s.address_text, s.uprn, s.reference, s.postcode, s.lat::varchar) is not null
;
