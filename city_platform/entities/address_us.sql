-- US street addresses, parsed.
-- Grain: one distinct address string. Key: address_text.
-- Reads: temp address_string(address_text); variable city_name. Writes: temp
-- parsed_address; variable town.
-- Only distinct strings are parsed, and each stage is materialised: inlined, its
-- regular expressions would run again
-- for every use of what they found. A part that cannot be told is empty; without
-- number and street no site is made.
-- standard_postcode: a ZIP code stays as sent.
create or replace temp macro standard_postcode(code) as code
;

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

-- Capitals without accents, then without grid notes such as (2200W) and punctuation;
-- an apostrophe joins, a hyphen
-- between numbers stays.
create or replace temp macro plain_line(address) as trim(
    regexp_replace(
        regexp_replace(
            translate(upper(strip_accents(address)), '''’‘`', ''), '\([^)]*\)|\[[^\]]*\]', ' ', 'g'
        ),
        '[^A-Z0-9/-]+',
        ' ',
        'g'
    )
)
;

create or replace temp macro is_state(word) as word in (
    'AL', 'AK', 'AZ', 'AR', 'CA', 'CO', 'CT', 'DE', 'DC', 'FL', 'GA', 'HI', 'ID', 'IL', 'IN', 'IA', 'KS',
    'KY', 'LA', 'ME', 'MD', 'MA', 'MI', 'MN', 'MS', 'MO', 'MT', 'NE', 'NV', 'NH', 'NJ', 'NM', 'NY', 'NC',
    'ND', 'OH', 'OK', 'OR', 'PA', 'RI', 'SC', 'SD', 'TN', 'TX', 'UT', 'VT', 'VA', 'WA', 'WV', 'WI', 'WY'
)
;

-- 1 is 1ST, 12 is 12TH, 63 is 63RD
create or replace temp macro ordinal(number) as number || case
    when number similar to '.*1[123]'
    then 'TH'
    else coalesce(map {'1': 'ST', '2': 'ND', '3': 'RD'}[right(number, 1)], 'TH')
end
;

set variable town = (select ' ' || plain_line(getvariable('city_name')))
;

create or replace temp table parsed_address as
with
    cleaned as materialized (
        select address_text, plain_line(address_text) as line
        from address_string
    ),
    ended as materialized (
        -- "… AVE CHICAGO IL 60647": town, state and ZIP code at the end of a one-line
        -- address
        select
            *,
            regexp_extract(
                right(line, 14), '^.*?(( [A-Z]{2}) (\d{5})(?:-\d{4})?)$', ['whole', 'word', 'zip']
            ) as tail
        from cleaned
    ),
    parted as materialized (
        select
            address_text,
            line,
            left(line, length(line) - length(tail.whole)) as head,
            tail.zip as zip,
            ltrim(tail.word) as word
        from ended
    ),
    zip_cut as materialized (
        -- "… ELM CT 60647": a court, unless the town stands before it
        select
            address_text,
            case when is_state(word) or standard_suffix(word) is not null then zip end as zip,
            case
                when is_state(word) and (standard_suffix(word) is null or suffix(head, getvariable('town')))
                then head
                when standard_suffix(word) is not null
                then head || ' ' || word
                when suffix(left(line, -3), getvariable('town')) and is_state(right(line, 2))
                then left(line, -3)
                else line
            end as line
        from parted
    ),
    town_gone as materialized (
        -- in Chicago 10 W CHICAGO is a street
        select
            address_text,
            zip,
            case
                when
                    suffix(line, getvariable('town')) and not regexp_full_match(
                        left(line, -length(getvariable('town'))), '[0-9/ -]+[A-Z]?( (N|S|E|W|NORTH|SOUTH|EAST|WEST))*'
                    )
                then left(line, -length(getvariable('town')))
                else line
            end as line
        from zip_cut
    ),
    numbered as materialized (
        -- a letter or a fraction after the number (2800-B, 1046 1/2) is left out; 0 is
        -- no number
        select
            address_text,
            zip,
            regexp_extract(
                line,
                '^0*(\d{1,6})(?:-?[A-Z])?(?: *(?:-|/| TO ) *0*(\d{1,6})[A-Z]?)?(?:[ -]+[1-7]/[2-8])? +(.+)$',
                ['low', 'high', 'rest']
            ) as part
        from town_gone
    ),
    directed as materialized (
        -- a direction counts as one only if a street name follows: NORTH AVE is a
        -- street; a letter or a second
        -- number before it belongs to the house number
        select
            address_text,
            zip,
            nullif(try_cast(part.low as integer), 0) as low,
            nullif(part.high, '') as high_text,
            regexp_extract(
                part.rest,
                '^(?:(?:AND )?\d{1,6} |[A-DF-MO-RT-VX-Z] )?(N|S|E|W|NORTH|SOUTH|EAST|WEST) (.+)$',
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
            -- 18 TH ST is 18TH ST
            regexp_replace(
                case when has_direction then split.rest else rest end, '^(\d+) (TH|ND|RD)\b', '\1\2'
            ) as body
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
    ),
    ended_twice as (
        -- of two suffixes the last counts: PLAZA DR; said twice it is one
        select
            * replace (
                case when is_second and second <> suffix then street || ' ' || suffix else street end as street,
                case when is_second then second else suffix end as suffix,
                case when is_second then null else unit end as unit
            )
        from
            (
                select *, standard_suffix(unit) as second, suffix is not null and second is not null as is_second
                from named
            )
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
        case
            when regexp_full_match(street, '\d+')
            then ordinal(street)
            when starts_with(street, 'SAINT ')
            then 'ST' || substr(street, 6)
            else regexp_replace(
                trim(regexp_replace(street, '[^A-Z0-9 ]+| +$', '', 'g')), '^AVE ([A-Z])$', 'AVENUE \1'
            )
        end,
        ''
    ) as street,
    suffix,
    nullif(
        case
            when regexp_matches(unit, '^((FL|FLR|FLOOR) )?\d+ ?(ST|ND|RD|TH)? ?(F|FL|FLR|FLOOR)?$')
                and regexp_matches(unit, 'F|ST|ND|RD|TH')
            then 'FLOOR ' || regexp_extract(unit, '0*(\d+)', 1)
            when regexp_full_match(unit, '[A-Z]?\d+[A-Z]?')
            then 'UNIT ' || unit
            else regexp_replace(unit, '^(STE|SUITE|UNIT|APT|RM|ROOM|SPC|SPACE) ', 'UNIT ')
        end,
        ''
    ) as unit,
    null::varchar as number_suffix,
    null::varchar as premises
from ended_twice
where low is not null and regexp_matches(street, '[A-Z0-9]')
;
