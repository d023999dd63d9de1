-- UK addresses, parsed.
-- Grain: one distinct address string. Key: address_text.
-- Reads: temp address_string(address_text), place_name(name), known_street(street); macros of
-- words_uk.sql. Writes: temp parsed_address, variable place_pattern.
-- Only distinct strings are parsed, and each stage is materialised. A part that cannot be told is empty.
-- Abbreviated words are written out, so ROAD and RD are one; a postcode and the names of places at the end
-- are
-- cut off.
-- "3 MILL HOUSE, 10 STATION ROAD" is flat 3 of MILL HOUSE at number 10; a name before a number is kept as
-- premises.
-- What stands before the names of places that end a line.
set
    variable place_pattern = (
        select coalesce('^(|.*?[A-Z].*?[ ,])(?:(?:' || names || ')[ ,]+)*(?:' || names || ')$', '^$')
        from
        (
            select string_agg(distinct plain, '|' order by plain) as names
            from(
                select nullif(
                    regexp_replace(plain_line(name), '[ ,/-]+', ' ', 'g'), ''
                ) as plain from place_name
            )
        )
    )
;

create or replace temp table parsed_address as
with
    cleaned as materialized (
        select
            address_text,
            regexp_replace(
                plain_line(address_text), '[ ,]+(?:UNITED KINGDOM|UK|GREAT BRITAIN|ENGLAND|WALES|SCOTLAND)$', ''
            ) as line
        from address_string
    ),
    coded as materialized (
        select
            address_text,
            line,
            regexp_extract(line, '(?:^|[ ,])([A-Z]{1,2}[0-9][A-Z0-9]? ?[0-9][A-Z]{2})$', 1) as code
        from cleaned
    ),
    ranged as materialized (
        -- 8-10 and 8 TO 10 become 8~10; other hyphens are spaces
        select
            address_text,
            standard_postcode(code) as zip,
            regexp_replace(
                replace(
                    regexp_replace(
                        trim(left(line, length(line) - length(code)), ' ,'),
                        '\b([0-9]+[A-Z]?)(?: ?- ?| TO | AND )([0-9]+[A-Z]?)\b',
                        '\1~\2',
                        'g'
                    ),
                    '-',
                    ' '
                ),
                ' +',
                ' ',
                'g'
            ) as line
        from coded
    ),
    placeless as materialized (
        select
            address_text,
            zip,
            -- a PO box is no place; of a text that says more, the rest is read
            regexp_extract(line, '\b(?:P ?O ?BOX(?: NO| NUMBER)? [A-Z]*[0-9]+[A-Z]*|BFPO [0-9]+)\b') as box,
            trim(
                case
                    when regexp_matches(line, getvariable('place_pattern'))
                    then regexp_replace(line, getvariable('place_pattern'), '\1')
                    else line
                end,
                ' ,'
            ) as line
        from ranged
    ),
    spelt as materialized (
        -- in TOP FLAT 12 HIGH STREET the number is the house's
        select
            address_text,
            zip,
            box,
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    regexp_replace(
                                        -- of 1 HIGH STREET/2 MILL LANE, a corner, the first door counts
                                        whole_line(
                                            regexp_replace(
                                                case when box = '' then line else trim(replace(line, box, ''), ' ,') end,
                                                '([A-Z]{3,}) ?/ ?[0-9]+[A-Z]? [A-Z].*$',
                                                '\1'
                                            )
                                        ), '(^|, )F ?([0-9]{1,4}[A-Z]?|[A-Z])(?: ,)? ([0-9])', '\1FLAT \2 , \3'
                                    ),
                                    '\bNO ([0-9])',
                                    '\1',
                                    'g'
                                ),
                                '\b(' || floor_words() || ') FL\b',
                                '\1 FLOOR',
                                'g'
                            ),
                            '\bFL ([0-9])',
                            'FLAT \1'
                        ),
                        '^F ?([0-9]+[A-Z]?)\b',
                        'FLAT \1'
                    ),
                    '\bR/O\b|\bREAR (?:OF )?(?:NO )?([0-9])|\b(?:(?:AT|TO|ON) )?(?:THE )?(?:REAR|BACK) OF\b|\bBEHIND\b',
                    'REAR OF \1'
                ),
                '\b((?:' || floor_words() || ')(?: FLOOR)? FLAT) ([0-9]+[A-Z]? [A-Z]{2})',
                '\1 , \2'
            ) as line
        from placeless
    ),
    first_part as materialized (
        -- FLAT 3, FLAT A, UNIT 3E/F; the middle of what stands before and after it stays
        select
            *,
            regexp_extract(
                line,
                '^(|.*?[ ,])('
                || unit_kind()
                || ')(?: NO| NUMBER)? ([A-Z]?[0-9]+(?: ?[A-Z]\b)?(?:[~/][A-Z0-9]+)?|[A-Z](?:/[A-Z])?)(| .*)$',
                ['before', 'kind', 'number', 'after']
            ) as one
        from spelt
    ),
    second_part as materialized (
        select
            * exclude (line, one),
            one.kind || ' ' || replace(one.number, ' ', '') as part_one,
            case when one.kind <> '' then one.before || ', ' || one.after else line end as line,
            regexp_extract(
                case when one.kind <> '' then one.before || ', ' || one.after else line end,
                '^(|.*?[ ,])('
                || unit_kind()
                || ')(?: NO| NUMBER)? ([A-Z]?[0-9]+[A-Z]?(?:[~/][A-Z0-9]+)?|[A-Z])(| .*)$',
                ['before', 'kind', 'number', 'after']
            ) as two
        from first_part
    ),
    floor_part as materialized (
        select
            * exclude (line, two, part_one),
            nullif(trim(part_one), '') as part_one,
            nullif(trim(two.kind || ' ' || two.number), '') as part_two,
            case when two.kind <> '' then two.before || ', ' || two.after else line end as line,
            regexp_extract(
                case when two.kind <> '' then two.before || ', ' || two.after else line end,
                '^(|.*?[ ,])(?:(FRONT|REAR|LEFT|RIGHT) )?(?:(FLAT|UNIT)[ ,]+(?:ON |AT )?)?(?:(BASEMENT)(?: FLOOR)?|('
                || floor_words()
                || ') FLOOR|(TOP|UPPER|LOWER|GROUND|FIRST|SECOND) (?:FLAT|UNIT))(?: (FRONT|REAR|LEFT|RIGHT))?(?: (FLAT|UNIT))?(| .*)$',
                ['before', 'side', 'kind', 'basement', 'floor', 'short', 'side_after', 'kind_after', 'after']
            ) as f
        from second_part
    ),
    other_part as materialized (
        select
            * exclude (line, f),
            concat(f.basement, f.floor, f.short) <> '' as is_floor,
            case
                when is_floor
                then
                    concat_ws(
                        ' ',
                        coalesce(nullif(f.basement, ''), nullif(f.floor, '') || ' FLOOR', f.short || ' FLOOR'),
                        nullif(f.side, ''),
                        nullif(f.side_after, ''),
                        coalesce(
                            nullif(f.kind, ''), nullif(f.kind_after, ''), case when f.short <> '' then 'FLAT' end
                        )
                    )
            end as part_floor,
            case when is_floor then f.before || ', ' || f.after else line end as line,
            regexp_extract(
                trim(case when is_floor then f.before || ', ' || f.after else line end, ' ,'),
                '^(?:THE |PART )?(FLAT REAR OF|FLAT ABOVE|ABOVE|REAR OF|REAR FLAT|REAR|LAND ADJACENT|LAND OPPOSITE|LAND REAR OF|LAND|ADJACENT|OPPOSITE|ANNEXE|FLAT|UNIT|GARAGE)(?: AT| TO| OF)?[ ,]+([0-9].*)$',
                ['part', 'rest']
            ) as by_number,
            -- behind or above something with a name
            regexp_extract(
                trim(case when is_floor then f.before || ', ' || f.after else line end, ' ,'),
                '^(?:PART )?((?:LAND )?(?:REAR OF|ADJACENT TO|OPPOSITE)|FLAT ABOVE|ABOVE) +(?:THE )?([A-Z].*)$',
                ['part', 'rest']
            ) as by_name,
            case when struct_extract(by_number, 'part') = '' then by_name else by_number end as other
        from floor_part
    ),
    unitless as materialized (
        select
            address_text,
            zip,
            box,
            part_one,
            case
                when part_one is not null
                then concat_ws(' ', least(part_one, part_two), case when part_two <> part_one then greatest(part_one, part_two) end)
                when part_floor is not null
                then part_floor
                when other.part in ('ABOVE', 'FLAT ABOVE')
                then 'FLAT ABOVE'
                else nullif(regexp_replace(other.part, ' (?:OF|TO)$', ''), '')
            end as unit,
            trim(
                regexp_replace(
                    case when other.rest <> '' then other.rest else line end, '(?: *,)+ *', ' , ', 'g'
                ),
                ' ,'
            ) as line
        from other_part
    ),
    numbered as materialized (
        -- the last number with words after it is the house's, or one that stands alone
        select
            *,
            regexp_extract(
                line || case when regexp_matches(line, '^[0-9]+[A-Z]?(?:~[0-9]+)?$') then ' ,' else '' end,
                '^(.*[ ,]|)0*([0-9]{1,4})(?: ?([A-Z])\b)?(?:([~/])0*([0-9]{1,4})([A-Z])?)?[ ,]+([A-Z].*|)$',
                ['before', 'low', 'letter', 'mark', 'second', 'letter_two', 'tail']
            ) as n
        from unitless
    ),
    sided as materialized (
        select
            address_text,
            zip,
            box,
            part_one,
            nullif(try_cast(n.low as integer), 0) as low,
            try_cast(n.second as integer) as second,
            -- 8~10, 8/10 and 22/23 are ranges; 12/3 and 4/30 are flats of numbers 12 and 4
            second is not null
            and second >= low
            and second <= low + case when n.mark = '~' then 50 else 2 end
            and (n.mark = '~' or second > low) as is_range,
            nullif(n.letter, '') as letter,
            case
                when unit is null and n.mark = '/' and second is not null and not is_range
                then 'FLAT ' || second || n.letter_two
                else unit
            end as unit,
            -- a number alone before the house's own is a flat's: 3, 12 HIGH STREET
            regexp_extract(
                trim(n.before, ' ,'), '^(?:([0-9]{1,4} ?[A-Z]?)(?:$|[ ,]+))?(.*)$', ['flat', 'name']
            ) as front,
            trim(split_part(case when low is null then line else n.tail end, ' ,', 1)) as head,
            trim(
                substr(
                    case when low is null then line else n.tail end,
                    length(split_part(case when low is null then line else n.tail end, ' ,', 1)) + 1
                ),
                ' ,'
            ) as later
        from numbered
    ),
    split as materialized (
        select
            *,
            -- a street in the first part, up to the first sure type or else the first likely one
            regexp_extract(
                head, '^(.+? (?:' || sure_type() || ')(?: (?:' || street_type() || '))*)(?: |$)', 1
            ) as sure,
            regexp_extract(head, '^(.+?(?: (?:' || street_type() || '))+)(?: |$)', 1) as likely,
            -- the first of the later parts that ends as a street does
            regexp_extract(
                ' , ' || later || ' ,',
                ' , (?:[0-9]+[A-Z]? )?((?:[A-Z]+ )+(?:' || street_type() || ')|BROADWAY|STRAND) ,',
                1
            ) as later_street,
            regexp_extract(
                head,
                '^(.*[A-Z] (?:' || building_type() || ')) ((?:[A-Z]+ )+(?:' || sure_type() || '))\b',
                ['building', 'street']
            ) as b,
            regexp_extract(
                head,
                '^(.*[A-Z] (?:' || building_type() || ')) ((?:[A-Z]+ )+?(?:' || street_type() || '))(?: |$)',
                ['building', 'street']
            ) as unnumbered,
            regexp_full_match(head, '.*[A-Z] (?:' || building_type() || ')') as head_is_building,
            regexp_full_match(head, '.*\b(?:' || sure_type() || ')') as head_is_street,
            regexp_extract(
                head,
                '^(.* |)([A-Z]+ (?:' || sure_type() || ')(?: (?:' || street_type() || '))*)(?: .*)?$',
                ['name', 'street']
            ) as two_words
        from sided
    ),
    placed as materialized (
        select
            *,
            case
                when
                    b.building <> ''
                    and not regexp_matches(b.street, '^(?:' || street_type() || '|' || building_type() || ')\b')
                then 'building and street'
                when low is not null and head_is_building and not head_is_street and later_street <> ''
                then 'building, street'
                when low is not null
                then 'numbered street'
                when later_street <> '' and not head_is_street
                then 'name, street'
                when head_is_street and later <> ''
                then 'street'
                when sure <> '' and two_words.street <> ''
                then 'name and street'
                when
                    unnumbered.building <> ''
                    and not regexp_matches(
                        unnumbered.street, '^(?:' || street_type() || '|' || building_type() || ')\b'
                    )
                then 'building and likely street'
                when
                    part_one is not null
                    and likely <> ''
                    and not regexp_matches(likely, '\b(?:' || building_type() || ')$')
                then 'likely street'
                else 'name'
            end as form
        from split
    ),
    named as (
        select
            address_text,
            zip,
            box,
            part_one,
            low,
            second,
            is_range,
            letter,
            unit,
            front,
            head,
            form,
            case
                when form = 'building and street'
                then b.street
                when form in ('building, street', 'name, street')
                then later_street
                when form = 'numbered street'
                then coalesce(nullif(sure, ''), nullif(likely, ''), head)
                when form = 'street'
                then head
                when form = 'likely street'
                then likely
                when form = 'building and likely street'
                then unnumbered.street
                when form = 'name and street'
                then two_words.street
            end as street,
            case
                when form = 'building and street'
                then b.building
                when form = 'building and likely street'
                then unnumbered.building
                when form in ('building, street', 'name, street', 'name')
                then head
                when form = 'name and street'
                then two_words.name
            end as premises
        from placed
    ),
    sought as materialized (
        -- every run of words that could be one of the streets known here, where what was read is none
        select address_text, low is not null as has_number, string_split(head, ' ') as words
        from named
        where
            (select count(*) from known_street) > 0
            and head <> ''
            and not coalesce(street in (select street from known_street), false)
    ),
    word_run as (
        select s.address_text, s.words, b.start, e.stop
        from sought as s
        cross join lateral(select unnest(range(1, 1 + case when s.has_number then 1 else least(len(s.words), 12) end)) as start) as b
        cross join lateral(select unnest(range(b.start, 1 + least(len(s.words), b.start + 5))) as stop) as e
    ),
    known as (
        select
            r.address_text,
            max_by(k.street, (r.stop, -r.start)) as street,
            max_by(array_to_string(r.words[:r.start - 1], ' '), (r.stop, -r.start)) as name
        from word_run as r
        join known_street as k on k.street = array_to_string(r.words[r.start:r.stop], ' ')
        group by all
    ),
    settled as (
        select
            n.* exclude (street, premises),
            coalesce(k.street, n.street) as street,
            case when k.street is null then n.premises else k.name end as premises,
            k.street is null and n.form in ('building and street', 'building, street') and n.low is not null as is_flat
        from named as n
        left join known as k using (address_text)
    ),
    numbers as (
        select
            address_text,
            zip,
            box,
            street,
            unit,
            part_one,
            -- FLAT 14 HIGH STREET is a flat at number 14
            low is null and without_the(premises) is null and regexp_matches(part_one, '[0-9]') as is_number,
            case
                when is_number then regexp_extract(part_one, '([0-9]{1,4})', 1)::varchar when not is_flat then low::varchar
            end as low_text,
            case
                when is_number then nullif(regexp_extract(part_one, '[0-9]([A-Z])', 1), '') when not is_flat then letter
            end as number_suffix,
            case when is_range and not is_flat then second end as high,
            case
                when is_number
                then case when starts_with(part_one, 'FLAT') then 'FLAT' end
                when unit is not null
                then unit
                when is_flat
                then case when regexp_matches(premises, '(ESTATE|PARK|CENTRE)$') then 'UNIT ' else 'FLAT ' end || low || coalesce(letter, '')
                when front.flat <> ''
                then 'FLAT ' || replace(front.flat, ' ', '')
            end as part,
            regexp_extract(
                coalesce(without_the(premises), without_the(regexp_replace(front.name, ' *,.*$', ''))), '.*[A-Z].*'
            ) as premises,
            regexp_extract(head, '^(?:CORNER|JUNCTION) (?:OF )?([A-Z].+) (?:AND|WITH) ([A-Z].+)$', ['one', 'two']) as corner
        from settled
    )
select
    address_text,
    zip,
    nullif(try_cast(nullif(low_text, '') as integer), 0) as number_low,
    coalesce(high, nullif(try_cast(nullif(low_text, '') as integer), 0)) as number_high,
    number_suffix,
    null::varchar as direction,
    case
        when corner.one <> '' then least(corner.one, corner.two) when box = '' or low_text <> '' or part <> '' then nullif(trim(street), '')
    end as street,
    null::varchar as suffix,
    nullif(replace(part, '~', '-'), '') as unit,
    case
        when corner.one <> ''
        then 'CORNER OF ' || least(corner.one, corner.two) || ' AND ' || greatest(corner.one, corner.two)
        when box = '' or low_text <> '' or part <> ''
        then nullif(premises, '')
        else case when starts_with(box, 'BFPO') then box else 'PO BOX ' || regexp_extract(box, '(\S+)$', 1) end
    end as premises
from numbers
;
