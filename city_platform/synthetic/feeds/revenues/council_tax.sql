-- Council tax accounts of the past five years.
-- Grain: one account (a liable household's or owner's spell at a property). Key: ACCOUNT_REF.
-- Reads: revenues_account, revenues_stay, revenues_adult, revenues_discount, surname_change, person,
-- address_text;
-- variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    account as (
        select
            a.*,
            case when a.ended_known_day <= getvariable('day') then a.to_day end as ended_on,
            -- who is liable is known with three weeks' delay
            least(
                greatest(a.from_day, getvariable('day') - 21), coalesce(a.left_on, a.to_day) - 1
            ) as seen_on
        from revenues_account as a
        where a.known_day <= getvariable('day')
    ),
    ranked as (
        select
            a.account_id,
            min(d.place, 2) as adults
        from account as a
        join revenues_adult as d using (stay_id)
        where a.kind = 'household' and d.adult_from <= a.seen_on and d.to_day > a.seen_on
        group by a.account_id
    ),
    granted as (
        select
            a.account_id,
            max(case when d.kind = 'DISCOUNT' then d.code end) as discount,
            max(case when d.kind = 'DISREGARD' then d.code end) as disregard,
            max(case when d.kind = 'EXEMPTION' then d.code end) as exemption,
            max(case when d.kind = 'PREMIUM' then d.code end) as premium,
            bool_or(d.kind = 'RELIEF') as is_disabled,
            max(case when d.kind in ('DISCOUNT', 'EXEMPTION') then d.percentage end) as percentage
        from account as a
        join revenues_discount as d using (account_id)
        where
            d.known_day <= getvariable('day')
            and d.from_day <= least(getvariable('day'), coalesce(a.ended_on - 1, getvariable('day')))
            and (
                d.ended_known_day > getvariable('day')
                or d.to_day > least(getvariable('day'), coalesce(a.ended_on - 1, getvariable('day')))
            )
        group by a.account_id
    ),
    liable as (
        select
            a.*,
            g.discount,
            g.disregard,
            g.exemption,
            g.premium,
            coalesce(g.is_disabled, false) as is_disabled,
            coalesce(g.percentage, 0) as percentage,
            case when a.kind = 'household' then r.adults[1] & 4294967295 else a.owner_id end as first_id,
            case
                when
                    coalesce(g.discount, '') <> 'SPD'
                    and (
                        (r.adults[2] >> 49 = 1 and happens('revenues names both', a.account_id, 850000))
                        or (r.adults[2] >> 49 = 2 and happens('revenues names both', a.account_id, 400000))
                    )
                then r.adults[2] & 4294967295
            end as second_id,
            -- what band D costs a year, in pence, from 2021 on
            divide(
            [184212, 189714, 197280, 207072, 217350, 227988, 237108][
                least(7, year(least(getvariable('day'), coalesce(a.ended_on - 1, getvariable('day'))) - interval 3 month) - 2020)
            ]
            * ([5, 6, 7, 8, 9, 11, 13, 15, 18][
                instr('ABCDEFGH', a.band) + case when coalesce(g.is_disabled, false) then 0 else 1 end
            ]),
                9
            ) as full_pence
        from account as a
        left join ranked as r using (account_id)
        left join granted as g using (account_id)
    ),
    written as materialized (
        select
            l.*,
            p.sex,
            p.date_of_birth as born,
            q.sex as sex_2,
            q.date_of_birth as born_2,
            write_address(t, 'revenues/council_tax', l.account_id) as place,
            write_person(
                p.given_name,
                p.middle_name,
                coalesce(n.family_name, p.family_name),
                n.former_family,
                case when pick('revenues birth date', l.account_id, 100) < 35 then p.date_of_birth end,
                'revenues/council_tax',
                l.account_id * 2
            ) as first,
            write_person(
                q.given_name,
                q.middle_name,
                coalesce(m.family_name, q.family_name),
                m.former_family,
                case when pick('revenues birth date', l.account_id, 100) < 20 then q.date_of_birth end,
                'revenues/council_tax',
                l.account_id * 2 + 1
            ) as second
        from liable as l
        join address_text as t using (address_id)
        left join person as p on p.person_id = l.first_id
        left join person as q on q.person_id = l.second_id
        left join
            surname_change as n
            on n.person_id = l.first_id
            and n.from_day <= getvariable('day')
            and n.to_day > getvariable('day')
        left join
            surname_change as m
            on m.person_id = l.second_id
            and m.from_day <= getvariable('day')
            and m.to_day > getvariable('day')
    )
select
    revenues_account_ref(account_id) as "ACCOUNT_REF",
    printf('CT%09d', address_id) as "PROPERTY_REF",
    nullif(place.line_1, '') as "ADDRESS_1",
    place.line_2 as "ADDRESS_2",
    place.line_3 as "ADDRESS_3",
    place.postcode as "POSTCODE",
    band as "BAND",
    from_day as "LIAB_START",
    ended_on as "LIAB_END",
    case
        when first is null
        then null
        when has_executors
        then 'Exors of'
        else revenues_title(first_id, sex, born)
    end as "TITLE_1",
    nullif(concat_ws(' ', first.given_name, left(first.middle_name, 1)), '') as "FORENAME_1",
    coalesce(first.family_name, owner_name, 'THE OCCUPIER') as "SURNAME_1",
    case when pick('revenues birth date', account_id, 100) < 35 then first.date_of_birth end as "DOB_1",
    case when second is not null then revenues_title(second_id, sex_2, born_2) end as "TITLE_2",
    case when second is not null then concat_ws(' ', second.given_name, left(second.middle_name, 1)) end as "FORENAME_2",
    second.family_name as "SURNAME_2",
    case when pick('revenues birth date', account_id, 100) < 20 then second.date_of_birth end as "DOB_2",
    case when second is null then 'N' else 'Y' end as "JOINT_LIABLE",
    case
        kind when 'empty' then 'EMPTY' when 'second_home' then 'SECOND HOME' else 'OCCUPIED'
    end as "OCC_STATUS",
    discount as "DISC_CODE",
    disregard as "DISREGARD_CODE",
    exemption as "EXEMPT_CLASS",
    premium as "PREMIUM_CODE",
    case when is_disabled then 'Y' else 'N' end as "DISABLED_RED",
    cast(full_pence / 100 as decimal(10, 2)) as "FULL_LIABILITY",
    cast(divide(full_pence * percentage, 100) / 100 as decimal(10, 2)) as "AMT_DISCOUNTED",
    revenues_account_ref(account_id) as _key,
    account_id as _order,
    address_id as _address_id,
    first_id as _person_id,
    second_id as _person_2_id,
    list_concat(
        place.kinds,
        coalesce(first.kinds, []),
        coalesce(second.kinds, []),
        case when first is null and owner_name is null then ['placeholder_name'] else [] end
    ) as _dirt
from written
;
