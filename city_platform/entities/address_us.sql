-- US street addresses, parsed.
-- Grain: one distinct address string. Key: address_text.
-- Reads: temp address_string(address_text); variable city_name. Writes: temp
-- parsed_address.
-- Only distinct strings are parsed, and each stage is materialised: inlined, its
-- regular expressions would run again
-- for every use of what they found. A part that cannot be told is empty; without
-- number and street no site is made.
create or replace temp macro standard_suffix(word) as map {
    'ST': 'ST',
    'STREET': 'ST',
    'STR': 'ST',
    'AVE': 'AVE',
    'AV': 'AVE',
    'AVENUE': 'AVE',
    'BLVD': 'BLVD',
    'BOULEVARD': 'BLVD',
    'BL': 'BLVD',
    'RD': 'RD',
    'ROAD': 'RD',
    'DR': 'DR',
    'DRIVE': 'DR',
    'PL': 'PL',
    'PLACE': 'PL',
    'CT': 'CT',
    'COURT': 'CT',
    'PKWY': 'PKWY',
    'PKY': 'PKWY',
    'PARKWAY': 'PKWY',
    'TER': 'TER',
    'TERR': 'TER',
    'TERRACE': 'TER',
    'LN': 'LN',
    'LANE': 'LN',
    'HWY': 'HWY',
    'HIGHWAY': 'HWY',
    'SQ': 'SQ',
    'SQUARE': 'SQ',
    'PLZ': 'PLZ',
    'PLAZA': 'PLZ',
    'WAY': 'WAY'
}[word]
;

create or replace temp table parsed_address as
with
    cleaned as materialized (
        select
            address_text,
            -- grid notes such as (2200W), then punctuation; an apostrophe joins, a
            -- hyphen between numbers stays
            trim(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            replace(upper(address_text), '''', ''),
                            '\([^)]*\)|\[[^\]]*\]',
                            ' ',
                            'g'
                        ),
                        '[^A-Z0-9/-]+',
                        ' ',
                        'g'
                    ),
                    '\s+',
                    ' ',
                    'g'
                )
            ) as line
        from address_string
    ),
    town_cut as materialized (
        -- "… AVE CHICAGO IL 60647": town, state and ZIP code at the end of a one-line
        -- address
        select
            address_text,
            nullif(regexp_extract(line, ' [A-Z]{2} (\d{5})(?:-\d{4})?$', 1), '') as zip,
            regexp_replace(line, ' [A-Z]{2} \d{5}(-\d{4})?$', '') as line
        from cleaned
    ),
    town_gone as materialized (
        select
            address_text,
            zip,
            case
                when suffix(line, ' ' || getvariable('city_name'))
                then left(line, length(line) - length(getvariable('city_name')) - 1)
                else line
            end as line
        from town_cut
    ),
    numbered as materialized (
        select
            address_text,
            zip,
            regexp_extract(
                line,
                '^0*(\d{1,6})[A-Z]?(?:\s*(?:-|/| TO )\s*0*(\d{1,6})[A-Z]?)?\s+(.+)$',
                ['low', 'high', 'rest']
            ) as part
        from town_gone
    ),
    directed as materialized (
        -- a direction counts as one only if a street name follows: NORTH AVE is a
        -- street
        select
            address_text,
            zip,
            try_cast(nullif(part.low, '') as integer) as low,
            nullif(part.high, '') as high_text,
            regexp_extract(
                part.rest,
                '^(N|S|E|W|NORTH|SOUTH|EAST|WEST) (.+)$',
                ['direction', 'rest']
            ) as split,
            part.rest as rest
        from numbered
    ),
    bodied as materialized (
        select
            address_text,
            zip,
            low,
            high_text,
            case when has_direction then left(split.direction, 1) end as direction,
            case when has_direction then split.rest else rest end as body
        from
            (
                select
                    *, split.rest <> '' and standard_suffix(split.rest) is null as has_direction
                from directed
            )
    ),
    matched as materialized (
        select
            *,
            -- the first suffix after at least one word; what follows is a unit
            regexp_extract(
                body,
                '^(AVE(?:NUE)? [A-Z]|.+?) (STREET|STR|ST|AVENUE|AVE|AV|BOULEVARD|BLVD|BL|ROAD|RD|DRIVE|DR|PLACE|PL|COURT|CT|PARKWAY|PKWY|PKY|TERRACE|TERR|TER|LANE|LN|HIGHWAY|HWY|SQUARE|SQ|PLAZA|PLZ|WAY)(?: (.*))?$',
                ['street', 'suffix', 'unit']
            ) as strict,
            -- without a suffix: a unit is told by its word, by an ordinal or by a
            -- number after the street's name
            regexp_extract(
                body,
                '^(AVE(?:NUE)? [A-Z]|.+?)(?: ((?:STE|SUITE|UNIT|APT|RM|ROOM|SPC|SPACE|FL|FLR|FLOOR|BSMT|BASEMENT|LL|LOWER|CONC|BLDG|TERMINAL)(?: .*)?|\d+(?:ST|ND|RD|TH)?(?: .*)?))?$',
                ['street', 'unit']
            ) as loose
        from bodied
    ),
    named as (
        select
            address_text,
            zip,
            low,
            high_text,
            direction,
            case when strict.street <> '' then strict.street else loose.street end as street,
            standard_suffix(strict.suffix) as suffix,
            case when strict.street <> '' then strict.unit else loose.unit end as unit
        from matched
    )
select
    address_text,
    zip,
    low as number_low,
    -- 3813-15 is 3813 to 3815; a "range" that falls or is very wide is two numbers
    -- typed as one
    case
        when high_text is null
        then low
        when
            length(high_text) < length(low::varchar)
            and (left(low::varchar, length(low::varchar) - length(high_text)) || high_text)::integer
            between low and low + 100
        then (left(low::varchar, length(low::varchar) - length(high_text)) || high_text)::integer
        when high_text::integer between low and low + 100
        then high_text::integer
        else low
    end as number_high,
    direction,
    nullif(
        regexp_replace(regexp_replace(street, '^AVE ([A-Z])$', 'AVENUE \1'), '[^A-Z0-9 ]+', '', 'g'), ''
    ) as street,
    suffix,
    nullif(
        case
            when regexp_matches(unit, '^(FL |FLR |FLOOR )?\d+(ST|ND|RD|TH)?( FL| FLR| FLOOR)?$')
                and regexp_matches(unit, 'F|ST|ND|RD|TH')
            then 'FLOOR ' || regexp_extract(unit, '\d+')
            else regexp_replace(unit, '^(STE|SUITE|UNIT|APT|RM|ROOM|SPC|SPACE) ', 'UNIT ')
        end,
        ''
    ) as unit
from named
where low is not null and street is not null
;
