-- How agencies write things down, not always rightly. Scalar macros for the feeds' SQL.
-- Grain: one address; one household's stay; one person on a day. Keys: address_id; stay_id; person_id.
-- Reads: address, street, household_stay, person_surname, list_nicknames, dirt_rate(kind, in_a_million) from
-- dirt.yaml; variable day. Writes: temp address_text, temp former_home, temp view surname_on_day, variables
-- rate_of (kind: in a million) and nicknames.
-- Every draw goes by a stream (the feed) and an id (the record), so a record is written the same way every
-- day.
set variable rate_of = (select map(list(kind), list(in_a_million)) from dirt_rate)
;

set
    variable nicknames = (
        select map(
            list(name),
            list(nickname)
        ) from(select name, min(nickname) as nickname from list_nicknames group by name)
    )
;

create or replace temp macro dirty(kind, stream, id) as happens(
    concat('dirt ', kind, ' ', stream), id, getvariable('rate_of')[kind]
)
;

create or replace temp macro kinds(flags) as list_filter(flags, lambda kind: kind is not null)
;

-- One letter left out, doubled, exchanged with the next, or another one instead.
create or replace temp macro misspell(written, stream, id) as case
    when length(written) < 4
    then written
    else
        left(written, 1 + pick(concat('at ', stream), id, length(written) - 2))
        || case pick(concat('slip ', stream), id, 4)
            when 0
            then ''
            when 1
            then
                substr(written, 2 + pick(concat('at ', stream), id, length(written) - 2), 1)
                || substr(written, 2 + pick(concat('at ', stream), id, length(written) - 2), 1)
            when 2
            then
                substr(written, 3 + pick(concat('at ', stream), id, length(written) - 2), 1)
                || substr(written, 2 + pick(concat('at ', stream), id, length(written) - 2), 1)
            else substr('aeionrtls', 1 + pick(concat('letter ', stream), id, 9), 1)
        end
        || substr(
            written,
            case pick(concat('slip ', stream), id, 4) when 2 then 4 else 3 end
            + pick(concat('at ', stream), id, length(written) - 2)
        )
end
;

-- write_person: given_name, middle_name, family_name and date_of_birth as a record has them, and the kinds
-- of dirt.
create or replace temp macro write_person(given, middle, family, former_family, born, stream, id) as (
    case
        when given is null
        then null
        else
            {
                'given_name': case
                    when dirty('swapped_names', stream, id)
                    then family
                    when dirty('initial_only', stream, id)
                    then left(given, 1)
                    when dirty('nickname', stream, id)
                    then coalesce(getvariable('nicknames')[given], given)
                    when dirty('misspelt_name', stream, id) and id % 2 = 0
                    then misspell(given, stream, id)
                    else given
                end,
                'middle_name': case
                    when pick(concat('leaves out middle ', stream), id, 3) = 0
                    then null
                    else middle
                end,
                'family_name': case
                    when dirty('swapped_names', stream, id)
                    then given
                    when dirty('former_surname', stream, id) and former_family is not null
                    then former_family
                    when dirty('misspelt_name', stream, id) and id % 2 = 1
                    then misspell(family, stream, id)
                    else family
                end,
                'date_of_birth': case
                    when born is null or dirty('missing_birth_date', stream, id)
                    then null
                    when dirty('default_birth_date', stream, id)
                    then case id % 2 when 0 then date '1900-01-01' else date '1970-01-01' end
                    when dirty('birth_date_typo', stream, id)
                    then
                        case
                            when day(born) <= 12 and day(born) <> month(born)
                            then make_date(year(born), day(born), month(born))
                            else born - interval 10 year
                        end::date
                    else born
                end,
                -- the list is made for the few records that need one
                'kinds': case
                    when
                        not dirty('swapped_names', stream, id)
                        and not dirty('initial_only', stream, id)
                        and not dirty('nickname', stream, id)
                        and former_family is null
                        and not dirty('misspelt_name', stream, id)
                        and not dirty('missing_birth_date', stream, id)
                        and not dirty('default_birth_date', stream, id)
                        and not dirty('birth_date_typo', stream, id)
                    then []
                    else kinds(
                    [
                        case when dirty('swapped_names', stream, id) then 'swapped_names' end,
                        case
                            when
                                dirty('initial_only', stream, id)
                                and not dirty('swapped_names', stream, id)
                            then 'initial_only'
                        end,
                        case
                            when
                                dirty('nickname', stream, id)
                                and getvariable('nicknames')[given] is not null
                                and not dirty('swapped_names', stream, id)
                                and not dirty('initial_only', stream, id)
                            then 'nickname'
                        end,
                        case
                            when
                                dirty('former_surname', stream, id)
                                and former_family is not null
                                and not dirty('swapped_names', stream, id)
                            then 'former_surname'
                        end,
                        case
                            when
                                dirty('misspelt_name', stream, id)
                                and not dirty('swapped_names', stream, id)
                                and case
                                    when id % 2 = 0
                                    then
                                        not dirty('initial_only', stream, id)
                                        and not dirty('nickname', stream, id)
                                        and misspell(given, stream, id) <> given
                                    else
                                        not (dirty('former_surname', stream, id) and former_family is not null)
                                        and misspell(family, stream, id) <> family
                                end
                            then 'misspelt_name'
                        end,
                        case when dirty('missing_birth_date', stream, id) and born is not null then 'missing_birth_date' end,
                        case
                            when
                                dirty('default_birth_date', stream, id)
                                and born is not null
                                and not dirty('missing_birth_date', stream, id)
                            then 'default_birth_date'
                        end,
                        case
                            when
                                dirty('birth_date_typo', stream, id)
                                and born is not null
                                and not dirty('missing_birth_date', stream, id)
                                and not dirty('default_birth_date', stream, id)
                            then 'birth_date_typo'
                        end
                    ]
                ) end
            }
    end
)
;

-- Every address in its right words: what the gazetteer has, and what others write from.
create or replace temp table address_text as
select
    a.address_id,
    a.uprn,
    a.sao_text,
    a.pao_text,
    concat(a.pao_number, a.pao_suffix, case when a.pao_number_end is not null then '-' || a.pao_number_end end) as number,
    s.name as street,
    s.locality,
    s.town,
    a.postcode,
    -- the neighbour's postcode, for a slip that lands on a real one
    left(a.postcode, length(a.postcode) - 1) || translate(right(a.postcode, 1), 'ABDEFGHJLNPQRSTUWXYZ', 'BAEDGFJHNLQPSRUTXWZY') as near_postcode,
    regexp_extract(a.sao_text, '^FLAT ([0-9]+|[A-F])$', 1) as flat,
    a.ward_id,
    a.x,
    a.y
from (select address.*, street.ward_id from address join street using (street_id)) as a
join street as s using (street_id)
order by a.address_id
;

create or replace temp macro title_case(written) as array_to_string(
    list_transform(string_split(lower(written), ' '), lambda w: upper(left(w, 1)) || substr(w, 2)), ' '
)
;

-- write_address: a is a row of address_text as a struct. line_1 (flat and house), line_2 (street), line_3
-- (locality or
-- town), postcode, uprn, and the kinds of dirt. A flat is written in one of three ways.
create or replace temp macro write_address(a, stream, id) as (
    case
        when a.address_id is null
        then null
        else
            {
                'line_1': concat_ws(
                    ', ',
                    case
                        when coalesce(a.flat, '') = ''
                        then title_case(a.sao_text)
                        when a.number = ''
                        then title_case(a.sao_text)
                        when pick(concat('flat way ', stream), id, 1000000) < getvariable('rate_of')['flat_as_word']
                        then 'Flat ' || a.flat
                        else null
                    end,
                    title_case(a.pao_text)
                ),
                'line_2': case
                    when coalesce(a.flat, '') = '' or a.number = ''
                    then ''
                    when pick(concat('flat way ', stream), id, 1000000) < getvariable('rate_of')['flat_as_word']
                    then ''
                    when
                        pick(concat('flat way ', stream), id, 1000000)
                        < getvariable('rate_of')['flat_as_word'] + getvariable('rate_of')['flat_short']
                    then 'F' || a.flat || ' '
                    else ''
                end
                || case
                    when
                        coalesce(a.flat, '') <> ''
                        and a.number <> ''
                        and pick(concat('flat way ', stream), id, 1000000)
                        >= getvariable('rate_of')['flat_as_word'] + getvariable('rate_of')['flat_short']
                    then
                        a.number
                        || case when regexp_full_match(a.flat, '[A-Z]') then a.flat else '/' || a.flat end
                        || ' '
                    when a.number <> ''
                    then a.number || ' '
                    else ''
                end
                || case
                    when dirty('misspelt_street', stream, id)
                    then misspell(a.street, stream, id)
                    when dirty('abbreviated_street', stream, id)
                    then
                        regexp_replace(
                            regexp_replace(
                                regexp_replace(
                                    regexp_replace(a.street, ' Road$', ' Rd'), ' Street$', ' St'
                                ),
                                ' Avenue$',
                                ' Ave'
                            ),
                            ' Close$',
                            ' Cl'
                        )
                    else a.street
                end,
                'line_3': case when pick(concat('locality ', stream), id, 3) = 0 then a.town else a.locality end,
                'postcode': case
                    when dirty('missing_postcode', stream, id)
                    then null
                    when dirty('wrong_postcode', stream, id)
                    then a.near_postcode
                    else a.postcode
                end,
                'uprn': case
                    when dirty('missing_uprn', stream, id)
                    then null
                    when dirty('wrong_uprn', stream, id)
                    then a.uprn + 7
                    else a.uprn
                end,
                'kinds': case
                    when
                        (coalesce(a.flat, '') = '' or a.number = '')
                        and not dirty('missing_postcode', stream, id)
                        and not dirty('wrong_postcode', stream, id)
                        and not dirty('misspelt_street', stream, id)
                        and not dirty('abbreviated_street', stream, id)
                    then []
                    else kinds(
                    [
                        case when dirty('missing_postcode', stream, id) then 'missing_postcode' end,
                        case
                            when
                                dirty('wrong_postcode', stream, id)
                                and not dirty('missing_postcode', stream, id)
                                and a.near_postcode <> a.postcode
                            then 'wrong_postcode'
                        end,
                        case when dirty('misspelt_street', stream, id) and misspell(a.street, stream, id) <> a.street then 'misspelt_street' end,
                        case
                            when
                                dirty('abbreviated_street', stream, id)
                                and not dirty('misspelt_street', stream, id)
                                and regexp_matches(a.street, ' (Road|Street|Avenue|Close)$')
                            then 'abbreviated_street'
                        end,
                        case
                            when coalesce(a.flat, '') = '' or a.number = ''
                            then null
                            when pick(concat('flat way ', stream), id, 1000000) < getvariable('rate_of')['flat_as_word']
                            then 'flat_as_word'
                            when
                                pick(concat('flat way ', stream), id, 1000000)
                                < getvariable('rate_of')['flat_as_word'] + getvariable('rate_of')['flat_short']
                            then 'flat_short'
                            else 'flat_after_number'
                        end
                    ]
                ) end
            }
    end
)
;

-- one_line: a written address as agencies without separate lines have it.
create or replace temp macro one_line(w) as concat_ws(
    ', ', nullif(w.line_1, ''), nullif(w.line_2, ''), nullif(w.line_3, ''), w.postcode
)
;

-- write_business: a trading name as a record has it, and the kinds of dirt. legal is its owner's name.
create or replace temp macro write_business(trading, legal, stream, id) as {
    'name': case
        when dirty('trading_name_as_legal', stream, id)
        then legal
        when dirty('misspelt_business', stream, id)
        then misspell(trading, stream, id)
        else trading
    end,
    'legal_name': case
        when dirty('legal_form_variant', stream, id)
        then
            case
                when legal like '% LIMITED'
                then replace(legal, ' LIMITED', ' Ltd')
                when legal like '% LTD'
                then replace(legal, ' LTD', ' Limited')
                else legal
            end
        else legal
    end,
    'kinds': kinds(
        [
            case when dirty('trading_name_as_legal', stream, id) then 'trading_name_as_legal' end,
            case
                when dirty('misspelt_business', stream, id) and not dirty('trading_name_as_legal', stream, id) and misspell(trading, stream, id) <> trading
                then 'misspelt_business'
            end,
            case when dirty('legal_form_variant', stream, id) and legal similar to '.* (LIMITED|LTD)' then 'legal_form_variant' end
        ]
    )
}
;

-- What everybody is called on the day that is sent, and was called first, where that was otherwise.
create or replace temp view surname_on_day as
select
    person_id,
    arg_max(family_name, from_day) as family_name,
    case when count(*) > 1 then arg_min(family_name, from_day) end as former_family_name
from person_surname
where from_day <= getvariable('day')
group by person_id
;

-- A household's home before this one, for records that nobody has brought up to date.
create or replace temp table former_home as
select stay_id, lag(address_id) over (partition by household_id order by from_day) as former_address_id
from household_stay
qualify former_address_id is not null
;
