-- The pairs of records that the national exercise finds alike, whatever the day.
-- Grain: one match. Key: match_key.
-- Reads: planted, household_stay, residence, person, person_surname, life_person, benefit_claim, stay_now,
-- empty_now; variable today.
-- Writes: temp national_fraud_initiative_match.
-- Account and claim references are reckoned as the revenues office does (feeds/revenues/agency.sql and
-- benefits.sql).
create or replace temp macro national_fraud_initiative_account(account_id) as printf(
    '%09d', account_id * 387420489 % 999999937
)
;

create or replace temp macro national_fraud_initiative_claim(claim_key, part) as printf(
    '%08d', claim_key * 38743 % 99999989
)
|| part
;

create or replace temp table national_fraud_initiative_match as
with
    spell as (
        select
            stay_id,
            household_id,
            address_id,
            from_day,
            to_day,
            household_id * 16 + row_number() over (partition by household_id order by from_day) as spell_id,
            lag(stay_id) over (partition by address_id order by from_day, stay_id) as before_stay_id,
            lag(stay_id) over (partition by household_id order by from_day) as former_stay_id
        from household_stay
    ),
    claim as (
        select
            c.*,
            s.spell_id * 4 + row_number() over (partition by c.stay_id order by c.from_day, c.person_id) - 1 as claim_key
        from benefit_claim as c
        join spell as s using (stay_id)
    ),
    grown as (
        select r.stay_id, r.person_id, r.role, r.from_day, r.to_day, p.date_of_birth
        from residence as r
        join person as p using (person_id)
        where p.date_of_birth <= getvariable('today') - interval 18 year
    ),
    departed as (
        -- whom the electoral register shows as carers (feeds/electoral_services/agency.sql)
        select
            r.person_id,
            row_number() over (order by dice('carer comes back', r.person_id)) as place
        from (select person_id, max(to_day) as left_on from residence group by person_id) as r
        join person as p using (person_id)
        where
            r.left_on between getvariable('today') - 1600 and getvariable('today') - 400
            and p.died_on is null
            and p.date_of_birth between date '1966-01-01' and date '2000-01-01'
    ),
    discounted as (
        select p.*, row_number() over (order by dice('carer wanted', p.stay_id)) as place
        from planted as p
        where p.case_id = 'spd_two_adults' and p.look_alike = 'carer'
        union all
        select p.*, null
        from planted as p
        where p.case_id = 'spd_two_adults' and p.look_alike is distinct from 'carer'
    ),
    other_adult as (
        -- the second grown-up, who is on the electoral register
        select
            d.planted_id,
            coalesce(
                max(c.person_id),
                arg_max(
                    g.person_id,
                    {
                        'last': case
                            when d.look_alike = 'just_left'
                            then g.to_day = d.from_day
                            else g.to_day > getvariable('today')
                        end,
                        'rank': case g.role when 'partner' then 2 when 'child' then 1 else 0 end,
                        'id': g.person_id
                    }
                )
            ) as person_id
        from discounted as d
        left join grown as g on g.stay_id = d.stay_id and g.person_id <> d.person_id
        left join departed as c on c.place = d.place
        group by d.planted_id
    ),
    paired as (
        select
            p.planted_id,
            p.look_alike is null as is_true,
            'CT SPD to Electoral Register' as title,
            701 as report,
            s.spell_id * 8 as match_key,
            'Council tax' as kind_1,
            national_fraud_initiative_account(s.spell_id * 4) as reference_1,
            p.person_id as person_1_id,
            p.address_id as address_1_id,
            'Electoral register' as kind_2,
            printf('ER%010d', o.person_id * 7919 + 100003) as reference_2,
            o.person_id as person_2_id,
            p.address_id as address_2_id,
            s.to_day as until
        from planted as p
        join other_adult as o using (planted_id)
        join spell as s using (stay_id)
        where p.case_id = 'spd_two_adults' and o.person_id is not null
        union all
        select
            p.planted_id,
            p.look_alike is null,
            case when c.has_housing_benefit then 'HB to Deceased Persons' else 'CTS to Deceased Persons' end,
            case when c.has_housing_benefit then 60 else 482 end,
            c.claim_key * 8 + 1,
            'Benefit claim',
            national_fraud_initiative_claim(c.claim_key, 0),
            p.person_id,
            p.address_id,
            'Deceased persons',
            printf('DP%010d', d.person_id * 7919 + 200003),
            d.person_id,
            null,
            date '9999-12-31'
        from planted as p
        join claim as c using (claim_id)
        join person as d on d.person_id = case when p.look_alike = 'same_name' then p.other_person_id else p.person_id end
        where p.case_id = 'claims_by_the_dead'
        union all
        -- a claimant is called like somebody who died, and was born in the same year
        select
            null,
            false,
            case when c.has_housing_benefit then 'HB to Deceased Persons' else 'CTS to Deceased Persons' end,
            case when c.has_housing_benefit then 60 else 482 end,
            c.claim_key * 8 + 2,
            'Benefit claim',
            national_fraud_initiative_claim(c.claim_key, 0),
            c.person_id,
            c.address_id,
            'Deceased persons',
            printf('DP%010d', max(d.person_id) * 7919 + 200003),
            max(d.person_id),
            null,
            c.to_day
        from claim as c
        join person as p using (person_id)
        join
            person as d
            on d.given_name = p.given_name
            and d.family_name = p.family_name
            and d.sex = p.sex
            and year(d.date_of_birth) = year(p.date_of_birth)
            and d.person_id <> p.person_id
        where
            d.died_on between getvariable('today') - 1500 and getvariable('today')
            and c.from_day <= getvariable('today')
            and c.to_day > getvariable('today')
        group by all
        union all
        select
            p.planted_id,
            p.look_alike is null,
            'HB to HB, Same NINO',
            2,
            c.claim_key * 8 + 3,
            'Benefit claim',
            national_fraud_initiative_claim(c.claim_key, 0),
            p.person_id,
            p.address_id,
            'Benefit claim',
            case
                when p.look_alike is null
                then national_fraud_initiative_claim(o.claim_key, 0)
                else national_fraud_initiative_claim(c.claim_key, 1)
            end,
            coalesce(p.other_person_id, p.person_id),
            coalesce(o.address_id, p.address_id),
            c.to_day
        from planted as p
        join claim as c using (claim_id)
        left join
            (
                select person_id, min(claim_key) as claim_key, arg_min(address_id, claim_key) as address_id
                from claim
                where from_day <= getvariable('today') and to_day > getvariable('today')
                group by person_id
            ) as o
            on o.person_id = p.other_person_id
        where
            p.case_id = 'nino_twice'
            and (
                p.look_alike is null
                or p.person_id in (
                    select person_id
                    from person_surname
                    where from_day between date '1900-01-02' and getvariable('today')
                )
            )
        union all
        select
            p.planted_id,
            p.look_alike is null,
            'CT to CT, Same Person',
            712,
            s.spell_id * 8 + 4,
            'Council tax',
            national_fraud_initiative_account(s.spell_id * 4),
            p.person_id,
            p.address_id,
            'Council tax',
            case
                when p.look_alike = 'just_moved'
                then national_fraud_initiative_account(f.spell_id * 4)
                when e.last_stay_id is null
                then national_fraud_initiative_account(800000000 + p.other_address_id)
                else national_fraud_initiative_account(l.spell_id * 4 + 1)
            end,
            p.person_id,
            coalesce(f.address_id, p.other_address_id),
            s.to_day
        from planted as p
        join spell as s using (stay_id)
        left join spell as f on f.stay_id = s.former_stay_id and p.look_alike = 'just_moved'
        left join empty_now as e on e.address_id = p.other_address_id
        left join spell as l on l.stay_id = e.last_stay_id
        where p.case_id = 'two_main_residences'
        union all
        -- an elector of the household before, whom nobody took off the register
        select
            null,
            false,
            'CT SPD to Electoral Register',
            701,
            s.spell_id * 8 + 5,
            'Council tax',
            national_fraud_initiative_account(s.spell_id * 4),
            n.head_id,
            s.address_id,
            'Electoral register',
            printf('ER%010d', min(b.person_id) * 7919 + 100003),
            min(b.person_id),
            s.address_id,
            s.to_day
        from stay_now as n
        join spell as s using (stay_id)
        join grown as b on b.stay_id = s.before_stay_id and b.role = 'head'
        where
            n.adults = 1
            and n.household_kind <> 4
            and s.from_day > getvariable('today') - 900
            and n.head_id is not null
            and happens('fraud initiative false', s.spell_id, 60000)
        group by all
    ),
    drawn as (
        select
            *,
            -- three fifths are found by the first exercise, some of the rest by each later one
            case
                when happens('fraud initiative finds', match_key, 600000)
                then 0
                when happens('fraud initiative finds later', match_key, 400000)
                then 1 + pick('fraud initiative when', match_key, 4)
            end as exercise
        from paired
        -- of two pairs of one account the planted one
        qualify row_number() over (partition by report, reference_1, reference_2 order by planted_id nulls last, match_key) = 1
    )
select
    *,
    getvariable('today') + 91 * exercise as released_on,
    case
        when is_true
        then 68 + pick('fraud initiative score', match_key, 32)
        else 41 + pick('fraud initiative score', match_key, 56)
    end as score
from drawn
where exercise is not null and until > getvariable('today') + 91 * exercise
;
