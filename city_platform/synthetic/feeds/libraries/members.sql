-- The cards that were used within four years, as the library system holds them.
-- Grain: one card. Key: Card Number.
-- Reads: libraries_card, libraries_told, person, surname_on_day, residence, address_text; variables day,
-- nicknames.
-- Writes: temp sending.
create or replace temp table sending as
with
    used as (
        select
            *, joined_on + cast(divide(least(getvariable('day'), stops_on) - joined_on, every_days) * every_days as integer) as last_used
        from libraries_card
        where joined_on <= getvariable('day')
    ),
    held as (
        select * from used where last_used >= getvariable('day') - 1460
    ),
    told as (
        select card_id, arg_max(address_id, from_day) as told_address_id
        from libraries_told
        where from_day + 30 <= getvariable('day')
        group by card_id
    ),
    home as (
        select person_id, arg_max(address_id, from_day) as home_address_id, arg_max(to_day, from_day) as home_until
        from residence
        where from_day <= getvariable('day')
        group by person_id
    ),
    noted as (
        select
            h.*,
            p.middle_name,
            coalesce(t.told_address_id, h.joined_address_id) as address_id,
            s.family_name,
            p.given_name as plain_given_name,
            -- who registers again writes the name in another way: a nickname, a slip, or an initial
            getvariable('nicknames')[p.given_name] as nickname,
            misspell(h.joined_family_name, 'libraries again', h.card_id) as slipped_family_name,
            coalesce(t.told_address_id, h.joined_address_id) <> o.home_address_id
            or (o.home_until <= getvariable('day') and o.home_until is distinct from h.died_on) as is_old_address
        from held as h
        join person as p using (person_id)
        join surname_on_day as s using (person_id)
        join home as o using (person_id)
        left join told as t using (card_id)
    ),
    named as (
        select
            *,
            case
                when copy = 0
                then null
                when nickname is not null
                then 'nickname'
                when slipped_family_name <> joined_family_name
                then 'misspelt_name'
                else 'initial_only'
            end as again
        from noted
    ),
    written as materialized (
        select
            n.*,
            write_person(
                case n.again
                    when 'nickname'
                    then n.nickname
                    when 'initial_only'
                    then left(n.plain_given_name, 1)
                    else n.plain_given_name
                end,
                null,
                case n.again when 'misspelt_name' then n.slipped_family_name else n.joined_family_name end,
                null,
                n.date_of_birth,
                'libraries/members',
                n.card_id
            ) as member,
            write_address(t, 'libraries/members', n.card_id) as written_address
        from named as n
        join address_text as t on t.address_id = n.address_id
    ),
    numbered as (
        select *, printf('2999%010d', 1000000 + running_number) as number
        from written
    )
select
    number as "Card Number",
    member.family_name as "Surname",
    member.given_name as "Forename",
    member.date_of_birth as "Birth Date",
    joined_on as "Joined",
    last_used as "Last Used",
    nullif(written_address.line_1, '') as "Address 1",
    written_address.line_2 as "Address 2",
    written_address.line_3 as "Address 3",
    written_address.postcode as "Postcode",
    case
        when joined_on > date_of_birth + interval 13 year and happens('libraries email', person_id, 620000)
        then
            regexp_replace(strip_accents(lower(plain_given_name || '.' || joined_family_name)), '[^a-z.]', '', 'g')
            || case when pick('libraries email number', person_id, 3) = 0 then '' else pick('libraries email number', person_id, 100)::varchar end
            || '@example.org'
    end as "Email",
    number as _key,
    row_number() over (order by joined_on, number) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_sort(list_distinct(
        list_concat(
            member.kinds,
            written_address.kinds,
            kinds(
                [
                    case when is_old_address then 'old_address' end,
                    case when joined_family_name <> family_name then 'former_surname' end,
                    case when copy = 1 then 'near_repeat' end,
                    again
                ]
            )
        )
    )) as _dirt
from numbered
;
