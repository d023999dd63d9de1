-- The input of uk_addresses.py: a list of addresses, and the same addresses written carelessly.
-- Grain: one address of the list; one question. Key: unique_id.
-- Reads: temp office(address_concat, postcode); macros of dice.sql and misspell of dirt.sql; variables
-- rate_of, is_heavy.
-- Writes: temp canonical, messy.
-- Companies House has one address in several spellings. Of those in one postcode that agree in every number
-- and every
-- word for a part of a building, and of which one has all the words of the other, the longest stands for all.
create or replace temp table worded as
select
    address_concat,
    postcode,
    list_sort(list_distinct(regexp_extract_all(upper(address_concat), '[A-Z0-9]+'))) as words,
    list_filter(
        words, lambda w: regexp_matches(w, '[0-9]') or length(w) = 1 or w in (
            'FLAT', 'UNIT', 'SUITE', 'ROOM', 'OFFICE', 'FLOOR', 'GROUND', 'FIRST', 'SECOND', 'THIRD', 'TOP', 'REAR', 'SHOP', 'STUDIO'
        )
    ) as parts
from office
;

create or replace temp table place as
select
    row_number() over (order by postcode, address_concat) as id,
    regexp_replace(trim(address_concat), ' +', ' ', 'g') as line,
    postcode,
    hash(id, getvariable('seed')) % 5 = 0 as is_out,
    -- the neighbour's postcode, as dirt.sql has it
    left(postcode, length(postcode) - 1) || translate(right(postcode, 1), 'ABDEFGHJLNPQRSTUWXYZ', 'BAEDGFJHNLQPSRUTXWZY') as near_postcode
from worded as w
where not exists (
    select 1
    from worded as o
    where
        o.postcode = w.postcode
        and o.parts = w.parts
        and list_has_all(o.words, w.words)
        and (len(o.words), o.address_concat) > (len(w.words), w.address_concat)
)
;

-- Which kinds of dirt an address gets: each at its own rate, or one of the kinds that it can have.
create or replace temp table kinds as
with
    parts as (
        select
            *,
            regexp_extract(
                line, '^(.*?)([A-Z][A-Z'']{3,})( (?:STREET|ROAD|LANE|AVENUE|CLOSE|DRIVE|WAY|PLACE|HILL|GROVE|COURT|CRESCENT|SQUARE|GARDENS|TERRACE)\b)(.*)$',
                ['before', 'name', 'kind', 'after']
            ) as street,
            regexp_extract(
                line, '^(?:FLAT|APARTMENT) ([0-9]+|[A-F])[ ,]+([0-9]+)( .*)$', ['flat', 'number', 'rest']
            ) as flat
        from place
    ),
    able as (
        select
            *,
            list_filter(
                [
                    'wrong_postcode',
                    'missing_postcode',
                    case when street.name <> '' then 'misspelt_street' end,
                    case when regexp_matches(street.kind, 'ROAD|STREET|AVENUE|CLOSE') then 'abbreviated_street' end,
                    case when flat.flat <> '' then 'flat_after_number' end,
                    case when flat.flat <> '' then 'flat_short' end,
                    case when getvariable('is_heavy') then 'missing_part' end,
                    case when getvariable('is_heavy') and contains(line, ',') then 'other_order' end
                ],
                lambda k: k is not null
            ) as possible
        from parts
    )
select
    *,
    case
        when getvariable('is_heavy')
        then
            list_distinct(
                [possible[1 + pick('kind', id, len(possible))]]
                || case when pick('second', id, 3) = 0 then [possible[1 + pick('second kind', id, len(possible))]] else [] end
            )
        else
            list_filter(
                possible, lambda k: happens('dirt ' || k, id, cast(getvariable('rate_of')[k] * 1000000 as integer))
            )
    end as kinds
from able
;

create or replace temp table canonical as
select id::varchar as unique_id, line as address_concat, postcode
from place
where not is_out
;

create or replace temp table messy as
with
    flatted as (
        select
            *,
            case
                when list_contains(kinds, 'flat_after_number')
                then flat.number || case when regexp_full_match(flat.flat, '[A-F]') then flat.flat else '/' || flat.flat end || flat.rest
                when list_contains(kinds, 'flat_short')
                then 'F' || flat.flat || ' ' || flat.number || flat.rest
                else line
            end as one
        from kinds
    ),
    streeted as (
        select
            *,
            case
                when list_contains(kinds, 'misspelt_street') and street.name <> ''
                then replace(one, street.name || street.kind, upper(misspell(street.name, 'companies', id)) || street.kind)
                else one
            end as two
        from flatted
    ),
    shortened as (
        select
            *,
            case
                when list_contains(kinds, 'abbreviated_street')
                then
                    replace(
                        two,
                        street.kind,
                        map {' ROAD': ' RD', ' STREET': ' ST', ' AVENUE': ' AVE', ' CLOSE': ' CL'}[street.kind]
                    )
                else two
            end as three
        from streeted
    ),
    parted as (
        select
            *,
            case
                -- the last word, a county or a town, is left out
                when list_contains(kinds, 'missing_part') and length(three) - length(replace(three, ' ', '')) > 2
                then regexp_replace(three, ' [A-Z]+$', '')
                else three
            end as four
        from shortened
    )
select
    'q' || id as unique_id,
    -- what stands before the first comma comes last
    case
        when list_contains(kinds, 'other_order')
        then regexp_replace(four, '^([^,]*), *(.*)$', '\2, \1')
        else four
    end as address_concat,
    case
        when list_contains(kinds, 'missing_postcode')
        then null
        when list_contains(kinds, 'wrong_postcode')
        then near_postcode
        else postcode
    end as postcode,
    case when not is_out then id::varchar end as truth_id,
    kinds
from parted
;
