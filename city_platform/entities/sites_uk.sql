-- Which records are about the same UK address: through the gazetteer, else among themselves.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.observation, temp gazetteer_lpi, gazetteer_place, gazetteer_reference; variable
-- gazetteer_feed.
-- Writes: temp address_member.
-- In this order: a cross reference, the record's own UPRN, its text against the LPIs, its text against other
-- records'. The
-- first two are vetoed where house number or flat contradict every LPI of that UPRN. A text that fits more
-- than one
-- UPRN
-- fits none. A flat that the gazetteer does not hold is a unit of the building that it does hold.
create or replace temp table stated_address as
select
    feed,
    record_key,
    known_time,
    uprn,
    reference_scheme,
    reference,
    postcode,
    number_low,
    number_high,
    number_suffix,
    street,
    premises,
    unit,
    case
        when coalesce(number_low::varchar, premises) is not null and coalesce(street, postcode) is not null
        then
            coalesce(postcode, '')
            || '|'
            || coalesce(street, '')
            || '|'
            || coalesce(number_low || '-' || number_high, '')
            || '|'
            || coalesce(number_suffix, '')
            || '|'
            || coalesce(premises, '')
            || '|'
            || coalesce(unit, '')
    end as place
from entity.observation
where feed <> getvariable('gazetteer_feed')
;

create or replace temp table text_place as
select distinct place, postcode, number_low, number_high, number_suffix, street, premises, unit
from stated_address
where place is not null
;

-- The ways to read one text: 12A is also flat A of 12, and 12 BEECH COURT also flat 12 of that building.
-- Last, the
-- building without the flat.
create or replace temp table reading as
with
    whole as (
        select place, 1 as way, postcode, number_low, number_high, number_suffix, street, premises, unit, false as is_building
        from text_place
        union all
        select place, 2, postcode, number_low, number_high, null, street, premises, 'FLAT ' || number_suffix, false
        from text_place
        where number_suffix is not null and unit is null
        union all
        select place, 2, postcode, number_low, number_high, right(unit, 1), street, premises, null, false
        from text_place
        where number_suffix is null and number_low is not null and regexp_full_match(unit, 'FLAT [A-Z]')
        union all
        select place, 3, postcode, null, null, null, null, street, 'FLAT ' || number_low || coalesce(number_suffix, ''), false
        from text_place
        where
            premises is null
            and unit is null
            and number_low is not null
            and regexp_matches(street, '[A-Z] (' || building_type() || ')$')
        union all
        select
            place,
            3,
            postcode,
            regexp_extract(unit, '[0-9]+')::integer,
            regexp_extract(unit, '[0-9]+')::integer,
            nullif(regexp_extract(unit, '[A-Z]$'), ''),
            premises,
            null,
            null,
            false
        from text_place
        where number_low is null and premises is not null and regexp_full_match(unit, 'FLAT [0-9]{1,4}[A-Z]?')
    )
select *
from whole
union all
select place, 4, postcode, number_low, number_high, number_suffix, street, premises, null, true
from whole
where way = 1 and unit is not null
;

create or replace temp table text_match as
with
    door as materialized (
        -- a range stands for each of its numbers
        select
            *,
            coalesce(unit, '') as flat,
            coalesce(number_suffix, '') as letter,
            case
                when number_low is null
                then []
                when number_high between number_low and number_low + 50
                then range(number_low, number_high + 1, 1 + (1 - (number_high - number_low) % 2))
                else [number_low]
            end as numbers,
            status is distinct from 1 as is_second
        from gazetteer_lpi
        where uprn in (select uprn from gazetteer_place)
    ),
    numbered as materialized (
        select * exclude (numbers), unnest(numbers) as number
        from door
    ),
    wanted as materialized (
        select *, coalesce(unit, '') as flat, coalesce(number_suffix, '') as letter
        from reading
    ),
    hit as (
        select
            r.place,
            r.way,
            r.is_building,
            case when l.zip = r.postcode then 1 else 2 end as rule,
            (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high) as is_part,
            l.is_second,
            l.uprn
        from wanted as r
        join numbered as l on l.street = r.street and l.number = r.number_low and l.letter = r.letter and l.flat = r.flat
        union all
        -- the street may be misspelt or left out
        select r.place, r.way, r.is_building, 3, (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high), l.is_second, l.uprn
        from wanted as r
        join numbered as l on l.zip = r.postcode and l.number = r.number_low and l.letter = r.letter and l.flat = r.flat
        where l.street is null or r.street is null or jaro_winkler_similarity(l.street, r.street) >= 0.9
        union all
        select r.place, r.way, r.is_building, 4, false, l.is_second, l.uprn
        from wanted as r
        join door as l on l.zip = r.postcode and l.premises = r.premises and l.flat = r.flat
        where l.number_low is null or r.number_low is null or r.number_low between l.number_low and l.number_high
        union all
        select r.place, r.way, r.is_building, 5, false, l.is_second, l.uprn
        from wanted as r
        join door as l on l.street = r.street and l.premises = r.premises and l.flat = r.flat
        where l.number_low is null or r.number_low is null or r.number_low between l.number_low and l.number_high
    ),
    best as (
        select place, is_building, rule, uprn
        from hit
        qualify rank() over (partition by place order by way, rule, is_part, is_second) = 1
    )
select
    place,
    min(uprn) as uprn,
    bool_or(is_building) as is_building,
    case when bool_or(is_building) then 'building by ' else '' end
    || [
        'postcode, street, number and flat',
        'street, number and flat',
        'postcode, number and flat',
        'postcode, name and flat',
        'street, name and flat'
    ][min(rule)] as evidence
from best
group by place
having count(distinct uprn) = 1
;

-- A record that names a UPRN, and whether its own words allow it: neither house number nor flat may
-- contradict
-- every LPI.
create or replace temp table named_uprn as
with
    named as (
        select s.feed, s.record_key, s.place, 1 as turn, g.uprn
        from stated_address as s
        join gazetteer_reference as g on g.scheme = s.reference_scheme and g.reference = s.reference
        union all
        select s.feed, s.record_key, s.place, 2, s.uprn
        from stated_address as s
        semi join gazetteer_place as p on p.uprn = s.uprn
    ),
    contradicted as (
        select n.place, n.uprn
        from (select distinct place, uprn from named) as n
        join text_place as t on t.place = n.place
        join gazetteer_place as p on p.uprn = n.uprn
        join gazetteer_lpi as l on l.uprn = n.uprn
        group by all
        having
            not bool_or(
                (
                    -- a name alone contradicts no number, unless another LPI gives the number
                    case
                        when t.number_low is null or not p.has_number
                        then true
                        when l.number_low is null
                        then coalesce(t.premises = l.premises, false)
                        else t.number_low <= l.number_high and t.number_high >= l.number_low
                    end
                    and coalesce(t.number_suffix = l.number_suffix, true)
                    and coalesce(flat_number(t.unit) = flat_number(l.unit), true)
                    and coalesce(flat_floor(t.unit) = flat_floor(l.unit), true)
                    -- 12A is flat A of 12, not its flat B
                    and (
                        coalesce(t.unit, t.number_suffix) is null
                        or coalesce(l.unit, l.number_suffix) is null
                        or not regexp_full_match(coalesce(t.unit, 'FLAT ' || t.number_suffix), 'FLAT [A-Z]')
                        or not regexp_full_match(coalesce(l.unit, 'FLAT ' || l.number_suffix), 'FLAT [A-Z]')
                        or coalesce(t.unit, 'FLAT ' || t.number_suffix) = coalesce(l.unit, 'FLAT ' || l.number_suffix)
                    )
                )
                -- 12 BEECH COURT is flat 12 of the building
                or coalesce(t.street = l.premises and 'FLAT ' || t.number_low || coalesce(t.number_suffix, '') = l.unit, false)
            )
    )
select n.feed, n.record_key, min_by(n.uprn, n.turn) as uprn, min(n.turn) as turn
from named as n
anti join contradicted as c on c.place = n.place and c.uprn = n.uprn
group by all
;

create or replace temp table settled_address as
with
    chosen as (
        select
            s.*,
            n.turn,
            t.evidence,
            -- of a building named by number, the flat that the text names
            case when p.uprn = p.top and not p.has_unit and s.unit is not null and inner_place.top = p.uprn and not t.is_building then t.uprn else coalesce(n.uprn, t.uprn) end as found
        from stated_address as s
        left join named_uprn as n using (feed, record_key)
        left join gazetteer_place as p on p.uprn = n.uprn
        left join text_match as t using (place)
        left join gazetteer_place as inner_place on inner_place.uprn = t.uprn
    )
select
    c.feed,
    c.record_key,
    c.known_time,
    'uprn|' || p.top as site,
    case
        when c.unit is not null and not p.has_unit and (p.number_suffix is null or c.unit <> 'FLAT ' || p.number_suffix)
        then 'uprn|' || p.uprn || '|' || c.unit
        when p.top <> p.uprn
        then 'uprn|' || p.uprn
    end as unit_cluster,
    case c.turn when 1 then 'gazetteer' when 2 then 'identifier' else 'exact' end as method,
    case c.turn when 1 then 'cross-reference' when 2 then 'its own UPRN' else c.evidence end as evidence
from chosen as c
join gazetteer_place as p on p.uprn = c.found
union all
select
    getvariable('gazetteer_feed'),
    record_key,
    known_time,
    'uprn|' || top,
    case when top <> uprn then 'uprn|' || uprn end,
    'gazetteer',
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
            o.site || '|' || o.unit,
            'exact',
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
    'address' as entity_type,
    'site' as role,
    site as cluster,
    site,
    null::varchar as unit,
    feed,
    record_key,
    known_time,
    method,
    evidence
from member
union all
select 'address', 'unit', unit_cluster, site, split_part(unit_cluster, '|', -1), feed, record_key, known_time, method, evidence
from member
where unit_cluster is not null
;
