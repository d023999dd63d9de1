-- US street addresses, parsed.
-- Grain: one distinct address string. Key: address_text.
-- Reads: temp address_string(address_text); variable city_name. Writes: temp parsed_address; variable town.
-- Only distinct strings are parsed, and each stage is materialised: inlined, its regular expressions
-- would run again for every use of what they found. What is rare is looked for only where a cheap test
-- says that it may be there.
-- A part that cannot be told is empty. A number and a street make a site, and so does the corner of two
-- streets: premises is then CORNER, and the street both of them, by the alphabet. A post-office box
-- makes none. Suffixes, routes, units and directions are those of USPS Publication 28; a direction after
-- the street belongs to its suffix: 7TH and ST SE, in a grid 500 and E.
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
    'CIR': 'CIR',
    'CIRCLE': 'CIR',
    'TRL': 'TRL',
    'TRAIL': 'TRL',
    'TPKE': 'TPKE',
    'TURNPIKE': 'TPKE',
    'EXPY': 'EXPY',
    'EXPRESSWAY': 'EXPY',
    'FWY': 'FWY',
    'FREEWAY': 'FWY',
    'ALY': 'ALY',
    'ALLEY': 'ALY',
    'CSWY': 'CSWY',
    'CAUSEWAY': 'CSWY',
    'XING': 'XING',
    'CROSSING': 'XING',
    'PIKE': 'PIKE',
    'LOOP': 'LOOP',
    'WAY': 'WAY'
}[word]
;

create or replace temp macro suffix_words() as 'STREET|STR|ST|AVENUE|AVE|AV|BOULEVARD|BLVD|BL|ROAD|RD|DRIVE|DR|PLACE|PL|COURT|CT|PARKWAY|PKWY|PKY|TERRACE|TERR|TER|LANE|LN|HIGHWAY|HWY|SQUARE|SQ|PLAZA|PLZ|CIRCLE|CIR|TRAIL|TRL|TURNPIKE|TPKE|EXPRESSWAY|EXPY|FREEWAY|FWY|ALLEY|ALY|CAUSEWAY|CSWY|CROSSING|XING|PIKE|LOOP|WAY'
;

create or replace temp macro direction_words() as 'N|S|E|W|NORTH|SOUTH|EAST|WEST|NE|NW|SE|SW|NORTHEAST|NORTHWEST|SOUTHEAST|SOUTHWEST'
;

create or replace temp macro route_words() as 'HIGHWAY|HWY|ROUTE|RTE|RT|US|STATE|ST (?:RTE|RT|ROUTE|HWY|HIGHWAY)|COUNTY|CO|SR|CR|FM|INTERSTATE|IH|I'
;

-- Of those that a road may be named after: AL HIGHWAY 157, INDIANA HIGHWAY 212.
create or replace temp macro state_names() as 'AL|AK|AZ|AR|CA|CO|CT|DE|FL|GA|HI|ID|IL|IN|IA|KS|KY|LA|ME|MD|MA|MI|MN|MS|MO|MT|NE|NV|NH|NJ|NM|NY|NC|ND|OH|OK|OR|PA|RI|SC|SD|TN|TX|UT|VT|VA|WA|WV|WI|WY|ALABAMA|ALASKA|ARIZONA|ARKANSAS|CALIFORNIA|COLORADO|CONNECTICUT|DELAWARE|FLORIDA|GEORGIA|HAWAII|IDAHO|ILLINOIS|INDIANA|IOWA|KANSAS|KENTUCKY|LOUISIANA|MAINE|MARYLAND|MASSACHUSETTS|MICHIGAN|MINNESOTA|MISSISSIPPI|MISSOURI|MONTANA|NEBRASKA|NEVADA|NEW HAMPSHIRE|NEW JERSEY|NEW MEXICO|NEW YORK|NORTH CAROLINA|NORTH DAKOTA|OHIO|OKLAHOMA|OREGON|PENNSYLVANIA|RHODE ISLAND|SOUTH CAROLINA|SOUTH DAKOTA|TENNESSEE|TEXAS|UTAH|VERMONT|VIRGINIA|WASHINGTON|WEST VIRGINIA|WISCONSIN|WYOMING'
;

create or replace temp macro unit_words() as 'STE|SUITE|UNIT|APT|APARTMENT|RM|ROOM|SPC|SPACE|FL|FLR|FLOOR|BSMT|BASEMENT|LL|LOWER|LOWR|UPPR|CONC|BLDG|BUILDING|TERMINAL|REAR|FRNT|LBBY|LOBBY|MEZZANINE|OFC|OFFICE|DEPT|HNGR|TRLR|PENTHOUSE'
;

-- short_direction: NORTHEAST is NE
create or replace temp macro short_direction(word) as case
    when length(word) <= 2
    then word
    when length(word) <= 5
    then left(word, 1)
    else left(word, 1) || case when suffix(word, 'EAST') then 'E' else 'W' end
end
;

-- Capitals without accents, nor blanks and full stops at the end; an apostrophe joins.
create or replace temp macro capitals(address) as rtrim(
    case
        when regexp_matches(address, '[''’‘`]')
        then translate(upper(strip_accents(address)), '''’‘`', '')
        else upper(strip_accents(address))
    end,
    ' .,' || chr(9) || chr(10) || chr(13)
)
;

-- Without grid notes such as (2200W) and punctuation; a hyphen between numbers and the slash stay, & is AND.
create or replace temp macro plain_line(text) as case
    when not regexp_matches(text, '[^A-Z0-9/ -]|  ')
    then trim(text)
    else
        trim(
            regexp_replace(
                case
                    when regexp_matches(text, '[(\[&@]')
                    then
                        replace(
                            replace(regexp_replace(text, '\([^)]*\)|\[[^\]]*\]', ' ', 'g'), '&', ' AND '), '@', ' AND '
                        )
                    else text
                end,
                '[^A-Z0-9/-]+',
                ' ',
                'g'
            )
        )
end
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

-- standard_route: HWY is HIGHWAY, CO RD is COUNTY ROAD
create or replace temp macro standard_route(kind) as array_to_string(
    list_transform(
        string_split(case when kind = 'US' then 'US HWY' else kind end, ' '),
        lambda word: coalesce(
            map {
                'HWY': 'HIGHWAY',
                'RTE': 'ROUTE',
                'RT': 'ROUTE',
                'RD': 'ROAD',
                'ST': 'STATE',
                'CO': 'COUNTY',
                'SR': 'STATE ROUTE',
                'CR': 'COUNTY ROAD',
                'I': 'INTERSTATE',
                'IH': 'INTERSTATE'
            }[word],
            word
        )
    ),
    ' '
)
;

-- standard_street: 63 is 63RD, FIRST is 1ST, SAINT at the beginning is ST.
create or replace temp macro standard_street(name) as case
    when left(name, 1) between '0' and '9'
    then case when regexp_full_match(name, '\d+') then ordinal(name) else name end
    when starts_with(name, 'SAINT ')
    then 'ST' || substr(name, 6)
    when starts_with(name, 'AVE ')
    then regexp_replace(name, '^AVE ([A-Z])$', 'AVENUE \1')
    else coalesce(
        map {
            'FIRST': '1ST',
            'SECOND': '2ND',
            'THIRD': '3RD',
            'FOURTH': '4TH',
            'FIFTH': '5TH',
            'SIXTH': '6TH',
            'SEVENTH': '7TH',
            'EIGHTH': '8TH',
            'NINTH': '9TH',
            'TENTH': '10TH'
        }[name],
        name
    )
end
;

-- corner_street: one of the streets of a corner, without its direction.
create or replace temp macro corner_street(text) as list_transform(
    [
        regexp_extract(
            text,
            '^(?:(?:' || direction_words() || ') )?(.+?)(?: (' || suffix_words() || '))?$',
            ['street', 'suffix']
        )
    ],
    lambda x: concat_ws(' ', standard_street(x.street), standard_suffix(x.suffix))
)[1]
;

set variable town = (select ' ' || plain_line(capitals(getvariable('city_name'))))
;

create or replace temp table parsed_address as
with
    capital as materialized (
        select address_text, capitals(address_text) as text
        from address_string
    ),
    ended as materialized (
        -- "… AVE, CHICAGO, IL 60647": town after a comma, state and ZIP code at the end of a one-line address
        select
            address_text,
            text,
            regexp_extract(
                right(text, 64),
                '((?:,\s*([A-Z][^,0-9]*?))?(?:[\s,.]+([A-Z]{2}))?(?:[\s,.]+(\d{5})(?:-\d{4})?)?)$',
                ['whole', 'town', 'word', 'zip']
            ) as tail
        from capital
    ),
    parted as materialized (
        select
            address_text,
            plain_line(left(text, length(text) - length(tail.whole))) as head,
            -- ", IL" is a state
            case when tail.town = '' or is_state(tail.town) then '' else plain_line(tail.town) end as town,
            case when is_state(tail.town) and tail.word = '' then tail.town else tail.word end as word,
            tail.zip as zip
        from ended
    ),
    judged as materialized (
        -- "… ELM CT 60647" is a court, unless the town stands before it
        select
            *,
            town <> ''
            and regexp_matches(head, '[A-Z]')
            and not regexp_matches(town, '^(' || unit_words() || ')\b') as has_town,
            is_state(word)
            and (
                has_town
                or suffix(head, getvariable('town'))
                or (zip <> '' and standard_suffix(word) is null)
            ) as has_state,
            zip <> '' and (
                has_state
                or standard_suffix(word) is not null
                or (word = '' and suffix(head || ' ' || town, getvariable('town')))
            ) as has_zip
        from parted
    ),
    zip_cut as materialized (
        select
            address_text,
            has_state,
            case when has_state and has_town then town end as locality,
            case when has_zip then zip end as zip,
            case
                when has_state
                then head || case when has_town or town = '' then '' else ' ' || town end
                else
                    concat_ws(
                        ' ', nullif(head, ''), nullif(town, ''), nullif(word, ''), case when not has_zip then nullif(zip, '') end
                    )
            end as line
        from judged
    ),
    town_gone as materialized (
        -- in Chicago 10 W CHICAGO is a street
        select
            * exclude (line),
            case
                when
                    suffix(line, getvariable('town')) and not regexp_full_match(
                        left(line, -length(getvariable('town'))), '[0-9/ -]+[A-Z]?( (' || direction_words() || '))*'
                    )
                then left(line, -length(getvariable('town')))
                else line
            end as line
        from zip_cut
    ),
    begun as materialized (
        -- "REAR OF 12 …", "STE 4, 12 …" and "FERN BUSINESS PARK 12 …": what stands before the number
        select
            * exclude (line),
            case
                when
                    left(line, 1) not between '0' and '9'
                    and not regexp_matches(line, '^(' || route_words() || ')\b|\b(AND|AT|CORNER)\b')
                then
                    regexp_extract(
                        line,
                        '^(?:((?:' || unit_words() || ')(?: [A-Z]?\d+[A-Z]?| [A-Z])?|FRONT|BEHIND|R/O|REAR)(?: OF)?|([A-Z][A-Z ]*[A-Z]{2})) (\d[0-9A-Z/-]* (?:(?:' || direction_words() || ') [A-Z0-9]|.*[A-Z] (?:' || suffix_words() || ')\b).*)$',
                        ['unit', 'name', 'line']
                    )
            end as before,
            -- of two addresses of one building, and of a box beside a street, the first counts
            case
                when contains(line, ' BOX ')
                then trim(regexp_replace(line, '\b(P ?O |POST OFFICE )?BOX [A-Z0-9-]+', ''))
                when contains(line, ' AND ') or contains(line, '/') or contains(line, ' AKA ')
                then
                    regexp_replace(
                        line, '^(\d.*[A-Z]{2}.*?) ?(?:/|\bAND\b|\bAKA\b) ?\d+(?:-\d+)? (?:' || direction_words() || ') [A-Z0-9].*$', '\1'
                    )
                else line
            end as line
        from town_gone
    ),
    numbered as materialized (
        -- a letter or a fraction after the number (2800-B, 1046 1/2) is no part of the site; 0 is no number
        select
            address_text,
            has_state,
            locality,
            zip,
            before.unit as unit_before,
            before.name as premises,
            line,
            regexp_extract(
                case when before.line <> '' then before.line else line end,
                '^([A-Z])?0*(\d{1,6})(?:-?([A-Z]))?(?: *(-|/| - | TO ) *(\d{1,6})[A-Z]?)?(?:[ -]+([1-7]/[2-8]))? +(.+)$',
                ['letter_before', 'low', 'letter', 'between', 'high', 'fraction', 'rest']
            ) as part
        from begun
    ),
    directed as materialized (
        -- a letter or a second number before the direction belongs to the house number
        select
            * exclude (part, line),
            nullif(try_cast(part.low as integer), 0) as low,
            nullif(part.high, '') as high_text,
            part.between as between_numbers,
            nullif(concat(part.letter_before, part.letter, part.fraction), '') as number_suffix,
            regexp_extract(
                case when starts_with(part.rest, 'U S ') then '' else part.rest end,
                '^(?:(?:AND )?\d{1,6} |[A-DF-MO-RT-VX-Z] )?(' || direction_words() || ') (([^ ]+).*)$',
                ['direction', 'rest', 'word']
            ) as split,
            case when starts_with(part.rest, 'U S ') then 'US' || substr(part.rest, 4) else part.rest end as rest
        from numbered
    ),
    bodied as materialized (
        -- a direction counts as one only if a street's name follows: NORTH AVE STE 4 is a street
        select
            * exclude (split, rest),
            case
                when split.rest = ''
                then false
                when standard_suffix(split.word) is null
                then true
                else
                    regexp_matches(split.rest, '^[^ ]+ [A-Z]|^(HIGHWAY|HWY) \d')
                    and not regexp_matches(split.rest, '^[^ ]+ (' || unit_words() || ')\b')
            end as has_direction,
            case when has_direction then short_direction(split.direction) end as direction,
            case when has_direction then split.rest else rest end as told,
            -- 18 TH ST is 18TH ST
            case
                when left(told, 1) between '0' and '9'
                then regexp_replace(told, '^(\d+) (TH|ND|RD)\b', '\1\2')
                else told
            end as body
        from directed
    ),
    matched as materialized (
        select
            * exclude (has_direction, told),
            -- the first suffix after at least one word; what follows is a unit
            regexp_extract(
                body,
                '^(AVE(?:NUE)? [A-Z]|.+?) (' || suffix_words() || ')(?: (.*))?$',
                ['street', 'suffix', 'unit']
            ) as strict,
            -- HIGHWAY 62, US HIGHWAY 41, COUNTY ROAD Y
            case
                when regexp_matches(body, '^(' || route_words() || '|' || state_names() || ')\b|^IH?\d')
                then
                    regexp_extract(
                        body,
                        '^((?:US |STATE |ST |COUNTY |CO |(?:' || state_names() || ') )?(?:HIGHWAY|HWY|ROUTE|RTE|RT|ROAD|RD)|US|SR|CR|FM|INTERSTATE|IH?)[ -]?(?:NO |NUMBER )?(\d{1,4}(?:-\d{1,4})?[A-Z]?|[A-Z])((?: (?:BUSINESS|BUS|BYPASS|ALTERNATE|ALT|SPUR))?)(?: (' || direction_words() || '))?(?: (.*))?$',
                        ['kind', 'number', 'branch', 'direction', 'unit']
                    )
            end as route
        from bodied
    ),
    named as materialized (
        select
            * exclude (strict, route),
            strict,
            nullif(route.kind, '') is not null as is_route,
            route,
            -- without a suffix: a unit is told by its word, by an ordinal or by a number after the street's
            -- name
            case
                when strict.street = '' and coalesce(route.kind, '') = ''
                then
                    regexp_extract(
                        body,
                        '^(AVE(?:NUE)? [A-Z]|.+?)(?: (' || direction_words() || '))?(?: ((?:' || unit_words() || ')(?: .*)?|\d+(?:ST|ND|RD|TH)?(?: .*)?))?$',
                        ['street', 'direction', 'unit']
                    )
            end as loose,
            -- of two suffixes the last counts: PLAZA DR, COURT HOUSE SQ; but ST FOOD CT is a part of a house
            case
                when strict.unit <> ''
                then
                    regexp_extract(
                        strict.unit,
                        '^(?:((?:[A-Z]{3,} )?)(' || suffix_words() || ')(?: |$))?(?:(' || direction_words() || ')(?: |$))?(.*)$',
                        ['name', 'suffix', 'direction', 'unit']
                    )
            end as second
        from matched
    ),
    turned as materialized (
        select
            *,
            -- AVE STREET LEVEL and AVE TER 3 tell a part of a house
            coalesce(second.suffix, '') <> ''
            and regexp_matches(second.unit, '^$|^(' || unit_words() || ')\b')
            and (
                second.name = ''
                or (
                    standard_suffix(strict.suffix) not in ('ST', 'AVE', 'BLVD', 'RD', 'DR')
                    and not regexp_full_match(trim(second.name), unit_words())
                )
            ) as has_second,
            case
                when is_route
                then route.direction
                when strict.street = ''
                then loose.direction
                -- "CENTER ST EAST HAZEL CREST, IL" names a town
                when
                    (coalesce(second.suffix, '') = '' or has_second)
                    and regexp_matches(second.unit, '^$|^[^ ]*\d|^(' || unit_words() || ')\b')
                then second.direction
            end as direction_word
        from named
    ),
    chosen as materialized (
        select
            * exclude (strict, route, loose, second, direction_word),
            case when direction_word <> '' then short_direction(direction_word) end as last_direction,
            -- W 29TH ST N is a street; of N FERN AVE N the end is a part of the house
            last_direction is not null and not coalesce(
                (direction in ('N', 'S') and last_direction in ('N', 'S'))
                or (direction in ('E', 'W') and last_direction in ('E', 'W')),
                false
            ) as has_direction,
            case
                when is_route
                then
                    standard_route(route.kind)
                    || ' ' || route.number || route.branch
                when strict.street = ''
                then loose.street
                when has_second and second.name = '' and standard_suffix(second.suffix) = standard_suffix(strict.suffix)
                then strict.street
                when has_second
                then concat_ws(' ', strict.street, standard_suffix(strict.suffix), nullif(trim(second.name), ''))
                else strict.street
            end as street,
            case
                when is_route or strict.street = ''
                then null
                when has_second
                then standard_suffix(second.suffix)
                else standard_suffix(strict.suffix)
            end as word_suffix,
            case
                when is_route
                then concat_ws(' ', case when not has_direction then nullif(route.direction, '') end, nullif(route.unit, ''))
                when strict.street = ''
                then concat_ws(' ', case when not has_direction then nullif(loose.direction, '') end, nullif(loose.unit, ''))
                when has_second or (has_direction and second.suffix = '')
                then concat_ws(' ', case when not has_direction then nullif(second.direction, '') end, nullif(second.unit, ''))
                else strict.unit
            end as part
        from turned
    ),
    placed as materialized (
        -- "… AVE SKOKIE, IL": what is left between the street and a state is a town
        select
            * exclude (part, locality, rest),
            coalesce(rest.town, '') <> '' and not regexp_matches(
                rest.town, '\b(' || unit_words() || '|FRONT|UPPER|MAIN|GROUND|FIRST|SECOND)\b'
            ) as has_town,
            case when has_town then rest.town else locality end as locality,
            coalesce(nullif(case when has_town then rest.unit else part end, ''), nullif(unit_before, '')) as unit
        from
            (
                select
                    *,
                    case
                        when part <> '' and has_state and locality is null
                        then regexp_extract(part, '^(.*?) ?\b([A-Z]{3,}(?: [A-Z]{2,})*)$', ['unit', 'town'])
                    end as rest
                from chosen
            )
    ),
    corner as materialized (
        select
            address_text,
            locality,
            zip,
            regexp_extract(
                line,
                '^(?:(?:THE )?(?:(?:' || direction_words() || ') )?(?:CORNER|INTERSECTION|JUNCTION|JCT) (?:OF )?)?([A-Z0-9][A-Z0-9 ]{0,40}?) ?(?:\bAND\b|\bAT\b|/) ?([A-Z0-9][A-Z0-9 ]{0,40})$',
                ['one', 'other']
            ) as streets
        from numbered
        where part.low = '' and (contains(line, ' AND ') or contains(line, ' AT ') or contains(line, '/'))
    ),
    cornered as materialized (
        select
            * exclude (streets),
            corner_street(streets.one) as one_street,
            corner_street(streets.other) as other_street
        from corner
        where streets.one <> '' and not regexp_matches(concat(streets.one, ' ', streets.other), '\b(AND|BETWEEN)\b')
    )
select
    address_text,
    zip,
    locality,
    case
        when is_hyphenated then (low::varchar || high_text)::integer else low
    end as number_low,
    case
        when is_hyphenated
        then number_low
        when end_completed between low and low + 100
        then end_completed
        when high_text::integer between low and low + 100
        then high_text::integer
        else low
    end as number_high,
    direction,
    nullif(
        case
            when word_suffix is null and has_direction and regexp_full_match(street, '\d+')
            then street
            else
                standard_street(
                    case
                        when not is_route and (contains(street, '-') or contains(street, '/'))
                        then trim(regexp_replace(street, '[^A-Z0-9 ]+| +$', '', 'g'))
                        else street
                    end
                )
        end,
        ''
    ) as street,
    nullif(concat_ws(' ', word_suffix, case when has_direction then last_direction end), '') as suffix,
    -- a word for a part without the part tells nothing
    case
        when unit is null or (is_state(unit) and unit <> 'FL') or regexp_full_match(unit, '(STE|SUITE|UNIT|APT|APARTMENT|RM|ROOM|SPC|SPACE|FL|FLR|FLOOR|BLDG|BUILDING)')
        then null
        when
            left(unit, 1) between '0' and '9' and regexp_full_match(unit, '\d+ ?(ST|ND|RD|TH|ST F|ND F|RD F|TH F)? ?(F|FL|FLR|FLOOR)?')
            and regexp_matches(unit, 'F|ST|ND|RD|TH')
        then 'FLOOR ' || regexp_extract(unit, '0*(\d+)', 1)
        when regexp_full_match(unit, '[A-Z]?\d+[A-Z]?')
        then 'UNIT ' || unit
        when starts_with(unit, 'F')
        then
            coalesce(
                'FLOOR ' || nullif(regexp_extract(unit, '^(?:FL|FLR|FLOOR) 0*(\d+) ?(?:ST|ND|RD|TH)? ?(?:F|FL|FLR|FLOOR)?$', 1), ''),
                unit
            )
        else regexp_replace(unit, '^(STE|SUITE|UNIT|APT|APARTMENT|RM|ROOM|SPC|SPACE) ', 'UNIT ')
    end as unit,
    number_suffix,
    nullif(premises, '') as premises
from
    (
        select
            *,
            -- 3813-15 is 3813 to 3815; a "range" that falls or is very wide is two numbers typed as one,
            -- or, of
            -- few digits, one number with a hyphen, as in Queens and Hawaii: 94-210
            case
                when length(high_text) < length(low::varchar)
                then (left(low::varchar, length(low::varchar) - length(high_text)) || high_text)::integer
            end as end_completed,
            coalesce(
                between_numbers = '-'
                and low < 1000
                and length(high_text) between 2 and 3
                and not coalesce(end_completed between low and low + 100, false)
                and not high_text::integer between low and low + 100
                and (high_text::integer < low or length(high_text) > length(low::varchar)),
                false
            ) as is_hyphenated
        from placed
        where low is not null and street <> 'AND' and regexp_matches(street, '[A-Z0-9]')
    )
union all by name
select
    address_text,
    zip,
    locality,
    least(one_street, other_street) || ' & ' || greatest(one_street, other_street) as street,
    'CORNER' as premises
from cornered
where one_street <> other_street and regexp_matches(one_street, '[A-Z]{2}') and regexp_matches(other_street, '[A-Z]{2}')
;
