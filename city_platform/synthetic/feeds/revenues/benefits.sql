-- Claims for housing benefit and council tax support, those that ended in the past five years too.
-- Grain: one claim. Key: CLAIM_REF.
-- Reads: benefit_claim, planted, revenues_stay, revenues_adult, surname_change, former_home, person,
-- address_text;
-- variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    marked as (
        select
            claim_id,
            bool_or(case_id = 'claims_by_the_dead' and look_alike is null) as goes_on,
            bool_or(case_id = 'claims_by_the_dead' and look_alike = 'just_died') as is_just_dead,
            bool_or(case_id = 'nino_twice' and look_alike = 'former_name') as has_former_name,
            max(case when case_id = 'nino_twice' and look_alike is null then other_person_id end) as other_person_id
        from planted
        where claim_id is not null
        group by claim_id
    ),
    claim as (
        select
            c.*,
            s.household_kind,
            s.spell_id * 4 + row_number() over (partition by c.stay_id order by c.from_day, c.person_id) - 1 as claim_key,
            coalesce(m.goes_on, false) as goes_on,
            coalesce(m.is_just_dead, false) as is_just_dead,
            coalesce(m.has_former_name, false) as has_former_name,
            m.other_person_id,
            coalesce(c.died_on between c.to_day - 1 and c.to_day + 1, false) as ends_by_death
        from benefit_claim as c
        join revenues_stay as s using (stay_id)
        left join marked as m using (claim_id)
    ),
    -- who married and is marked so has two claims under one number: one under the former name that has ended,
    -- one under the new name; the claim itself is part 0, the other part 1
    changed as (
        select
            c.claim_key,
            n.from_day as change_day,
            n.former_family,
            n.from_day > c.from_day + 60 as is_within
        from claim as c
        join
            surname_change as n
            on n.person_id = c.person_id
            and n.former_family is not null
            and n.from_day <= getvariable('day')
            and n.to_day > getvariable('day')
        where c.has_former_name
    ),
    split as (
        select c.*, 0 as part, null::varchar as claimed_as
        from claim as c
        left join changed as h using (claim_key)
        where h.claim_key is null
        union all
        select
            c.* replace (
                case when h.is_within then h.change_day else c.from_day end as from_day
            ),
            case when h.is_within then 1 else 0 end,
            null
        from claim as c
        join changed as h using (claim_key)
        union all
        select
            c.* replace (
                case
                    when h.is_within then c.from_day else least(h.change_day, c.from_day - 20) - 500
                end as from_day,
                case when h.is_within then h.change_day else least(h.change_day, c.from_day - 20) end as to_day,
                null as died_on,
                false as goes_on,
                false as is_just_dead,
                false as ends_by_death
            ),
            case when h.is_within then 0 else 1 end,
            h.former_family
        from claim as c
        join changed as h using (claim_key)
    ),
    told as (
        -- when the office hears of the end: of a death within three weeks, of a move within six
        select
            s.*,
            case
                when s.goes_on or s.to_day = date '9999-12-31'
                then date '9999-12-31'
                when s.is_just_dead
                then s.to_day + 30 + pick('benefits hears late', s.claim_key, 30)
                when s.ends_by_death
                then s.to_day + 4 + pick('benefits hears of death', s.claim_key, 17)
                else s.to_day + 3 + pick('benefits hears of move', s.claim_key, 40)
            end as ended_known_day
        from split as s
    ),
    shown as (
        select
            t.*,
            case when ended_known_day <= getvariable('day') then to_day end as ended_on,
            least(greatest(from_day, getvariable('day') - 14), to_day - 1) as seen_on,
            case
                when
                    f.former_address_id is not null
                    and dirty('old_address', 'revenues/benefits', claim_key)
                    and ended_known_day > getvariable('day')
                then f.former_address_id
                else t.address_id
            end as shown_address_id
        from told as t
        left join former_home as f using (stay_id)
        where
            -- the other of two claims is opened at once
            from_day + case when part = 0 then 10 else 0 end <= getvariable('day')
            and from_day < to_day
            and to_day > getvariable('today') - 1825
    ),
    partnered as (
        select s.claim_key, s.part, min(d.person_id) as partner_id
        from shown as s
        join revenues_adult as d using (stay_id)
        where d.rank = 1 and d.person_id <> s.person_id and d.adult_from <= s.seen_on and d.to_day > s.seen_on
        group by s.claim_key, s.part
    ),
    written as materialized (
        select
            s.*,
            x.partner_id,
            p.sex,
            p.date_of_birth as born,
            q.sex as sex_2,
            q.date_of_birth as born_2,
            coalesce(o.nino, p.nino) as nino,
            q.nino as partner_nino,
            write_address(t, 'revenues/benefits', s.claim_key) as place,
            write_person(
                p.given_name,
                p.middle_name,
                coalesce(s.claimed_as, n.family_name, p.family_name),
                case when s.has_former_name then null else n.former_family end,
                p.date_of_birth,
                'revenues/benefits',
                s.claim_key * 4 + s.part
            ) as first,
            write_person(
                q.given_name,
                q.middle_name,
                coalesce(m.family_name, q.family_name),
                m.former_family,
                q.date_of_birth,
                'revenues/benefits',
                s.claim_key * 4 + 2
            ) as second
        from shown as s
        join address_text as t on t.address_id = s.shown_address_id
        join person as p using (person_id)
        left join partnered as x using (claim_key, part)
        left join person as q on q.person_id = x.partner_id
        left join person as o on o.person_id = s.other_person_id
        left join
            surname_change as n
            on n.person_id = s.person_id
            and n.from_day <= getvariable('day')
            and n.to_day > getvariable('day')
        left join
            surname_change as m
            on m.person_id = x.partner_id
            and m.from_day <= getvariable('day')
            and m.to_day > getvariable('day')
    )
select
    printf('%08d', claim_key * 38743 % 99999989) || part as "CLAIM_REF",
    case when has_housing_benefit then 'HB/CTS' else 'CTS' end as "CLAIM_TYPE",
    case when ended_on is null then 'LIVE' else 'CLOSED' end as "STATUS",
    revenues_title(person_id, sex, born) as "CLMT_TITLE",
    first.given_name as "CLMT_FORENAME",
    first.middle_name as "CLMT_MIDDLE",
    first.family_name as "CLMT_SURNAME",
    first.date_of_birth as "CLMT_DOB",
    nino as "CLMT_NINO",
    second.given_name as "PTNR_FORENAME",
    second.family_name as "PTNR_SURNAME",
    second.date_of_birth as "PTNR_DOB",
    case when second is not null then partner_nino end as "PTNR_NINO",
    nullif(place.line_1, '') as "ADDR_1",
    place.line_2 as "ADDR_2",
    place.line_3 as "ADDR_3",
    place.postcode as "POSTCODE",
    printf('CT%09d', shown_address_id) as "CT_PROPREF",
    case when has_housing_benefit then cast(award_pence / 100 as decimal(9, 2)) end as "HB_WEEKLY",
    cast((500 + pick('benefits support', claim_key, 2600)) / 100 as decimal(9, 2)) as "CTS_WEEKLY",
    from_day as "CLAIM_START",
    ended_on as "CLAIM_END",
    "CLAIM_REF" as _key,
    claim_key * 2 + part as _order,
    address_id as _address_id,
    person_id as _person_id,
    partner_id as _person_2_id,
    list_concat(
        place.kinds,
        first.kinds,
        coalesce(second.kinds, []),
        case when shown_address_id <> address_id then ['old_address'] else [] end
    ) as _dirt
from written
;
