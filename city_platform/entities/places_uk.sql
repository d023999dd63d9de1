-- What records state of UK addresses, and the gazetteer's addresses that fit a text word for word.
-- Grain: one record; one distinct stated place; one way to read one; one place that fits one UPRN. Keys:
-- feed,
-- record_key; place; place, way, unit; place.
-- Reads: entity.observation, temp gazetteer_lpi, gazetteer_place; macros of words_uk.sql; variable
-- gazetteer_feed.
-- Writes: temp stated_address, text_place, reading, text_match.
-- A text that fits more than one UPRN fits none, and street and number without the postcode's sector are
-- enough only where the street is in one place.  place and stated_text are hashes of what is stated.
create or replace temp table stated_address as
select
    feed,
    record_key,
    known_time,
    address_text,
    locality,
    uprn,
    reference_scheme,
    reference,
    postcode,
    lat,
    number_low,
    number_high,
    number_suffix,
    street,
    premises,
    unit,
    -- 3/5 may be numbers 3 to 5, or flat 5 of number 3
    coalesce(number_high > number_low and regexp_matches(address_text, '[0-9] ?/ ?[0-9]'), false) as is_slashed,
    coalesce(is_box(premises) and number_low is null, false) as is_box,
    case
        when coalesce(number_low::varchar, premises) is not null and coalesce(street, postcode) is not null and not is_box
        then hash(postcode, number_low, number_high, number_suffix, street, premises, unit, is_slashed)
    end as place
from entity.observation
where feed <> getvariable('gazetteer_feed')
;

create or replace temp table text_place as
select distinct place, postcode, number_low, number_high, number_suffix, street, premises, unit, is_slashed
from stated_address
where place is not null
;

-- The ways to read one text: 12A is also flat A of 12, and 12 BEECH COURT also flat 12 of that building.
-- Last, the
-- building without the flat.
create or replace temp table reading as
with
    whole as (
        select place, 1 as way, postcode, number_low, number_high, number_suffix, street, premises, unit, is_slashed, false as is_building
        from text_place
        union all
        select place, 2, postcode, number_low, number_high, null, street, premises, 'FLAT ' || number_suffix, false, false
        from text_place
        where number_suffix is not null and unit is null
        union all
        select place, 2, postcode, number_low, number_high, right(unit, 1), street, premises, null, false, false
        from text_place
        where number_suffix is null and number_low is not null and regexp_full_match(unit, 'FLAT [A-Z]')
        union all
        select place, 2, postcode, number_low, number_low, number_suffix, street, premises, 'FLAT ' || number_high, false, false
        from text_place
        where is_slashed and unit is null
        union all
        select
            place,
            3,
            postcode,
            null,
            null,
            null,
            null,
            street,
            'FLAT ' || number_low || coalesce(number_suffix, ''),
            false,
            false
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
            false,
            false
        from text_place
        where number_low is null and premises is not null and regexp_full_match(unit, 'FLAT [0-9]{1,4}[A-Z]?')
    )
select *
from whole
union all
select place, 4, postcode, number_low, number_high, number_suffix, street, premises, null, is_slashed, true
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
    -- a street's name that stands in several places tells no place
    one_street as materialized (
        select street
        from door
        group by all
        having count(distinct coalesce(locality, left(zip, -2))) <= 1
    ),
    numbered as materialized (
        select * exclude (numbers), unnest(numbers) as number
        from door
    ),
    wanted as materialized (
        select
            *,
            coalesce(unit, '') as flat,
            coalesce(number_suffix, '') as letter,
            left(postcode, -2) as sector,
            street in (select street from one_street) as is_one_street
        from reading
    ),
    hit as (
        select
            r.place,
            r.way,
            r.is_building,
            r.is_slashed,
            case when l.zip = r.postcode then 1 else 2 end as rule,
            (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high) as is_part,
            l.is_second,
            l.uprn
        from wanted as r
        join numbered as l on l.street = r.street and l.number = r.number_low and l.letter = r.letter and l.flat = r.flat
        where case when r.sector is null or l.zip is null then r.is_one_street else left(l.zip, -2) = r.sector end
        union all
        -- the street may be misspelt or left out
        select
            r.place,
            r.way,
            r.is_building,
            r.is_slashed,
            3,
            (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high),
            l.is_second,
            l.uprn
        from wanted as r
        join numbered as l on l.zip = r.postcode and l.number = r.number_low and l.letter = r.letter and l.flat = r.flat
        where l.street is null or r.street is null or jaro_winkler_similarity(l.street, r.street) >= 0.9
        union all
        select
            r.place,
            r.way,
            r.is_building,
            r.is_slashed,
            4,
            r.is_slashed and (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high),
            l.is_second,
            l.uprn
        from wanted as r
        join door as l on l.zip = r.postcode and l.premises = r.premises and l.flat = r.flat
        where l.number_low is null or r.number_low is null or r.number_low between l.number_low and l.number_high
        union all
        select
            r.place,
            r.way,
            r.is_building,
            r.is_slashed,
            5,
            r.is_slashed and (l.number_low, l.number_high) is distinct from (r.number_low, r.number_high),
            l.is_second,
            l.uprn
        from wanted as r
        join door as l on l.street = r.street and l.premises = r.premises and l.flat = r.flat
        where
            (l.number_low is null or r.number_low is null or r.number_low between l.number_low and l.number_high)
            and case when r.sector is null or l.zip is null then r.is_one_street else left(l.zip, -2) = r.sector end
    ),
    best as (
        -- an agreeing postcode goes before the way of reading; 3/5 as a range goes before flat 5 only where
        -- the
        -- gazetteer has just that range
        select place, is_building, rule, uprn
        from hit
        qualify
            rank() over (
                partition by place
                order by
                    is_building,
                    case when rule in (1, 4) then 1 when rule in (2, 5) then 2 else 3 end,
                    way + case when is_slashed and is_part then 2 else 0 end,
                    rule,
                    is_part,
                    is_second
            )
            = 1
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
