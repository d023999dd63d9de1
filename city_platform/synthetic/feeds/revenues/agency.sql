-- What the revenues and benefits office knows whatever the day: accounts, their discounts, grown-up
-- members, names.
-- Grain: one account; one dated discount; one grown-up member of a household; one surname of who changed it.
-- Keys: account_id; account_id, kind, code, from_day; stay_id, person_id, adult_from; person_id, from_day.
-- Reads: household_stay, residence, person, address, landlord, planted, adult; variables
-- today, adults.
-- Writes: temp revenues_stay, revenues_adult, revenues_account, revenues_discount.
-- known_day is when the office heard of a beginning, ended_known_day when it heard of an end.
create or replace temp macro revenues_account_ref(account_id) as printf(
    '%09d', account_id * 387420489 % 999999937
)
;

create or replace temp macro revenues_title(person_id, sex, born) as case
    when pick('revenues title', person_id, 100) < 2
    then 'Dr'
    when sex = 'M'
    then 'Mr'
    when born > date '1992-01-01' or pick('revenues title', person_id, 100) < 22
    then ['Miss', 'Ms'][1 + pick('revenues miss', person_id, 2)]
    else 'Mrs'
end
;

create or replace temp table revenues_stay as
-- a household's spell at a property; spell_id stays the same however long the history is
with
    marked as (
        select
            stay_id,
            bool_or(case_id = 'empty_recorded_occupied' and look_alike is null) as is_never_closed,
            bool_or(case_id = 'empty_recorded_occupied' and look_alike = 'probate') as is_probate,
            bool_or(case_id = 'occupied_recorded_empty' and look_alike is null) as is_unrecorded,
            bool_or(case_id = 'two_main_residences' and look_alike = 'just_moved') as is_just_moved,
            bool_or(case_id = 'two_main_residences') as has_second,
            max(case when case_id = 'spd_two_adults' then coalesce(look_alike, 'two_adults') end) as spd,
            max(case when look_alike = 'just_left' then from_day end) as left_on
        from planted
        where stay_id is not null
        group by stay_id
    )
select
    s.stay_id,
    s.household_id,
    s.address_id,
    s.household_kind,
    s.from_day,
    s.to_day,
    s.household_id * 16 + row_number() over (partition by s.household_id order by s.from_day) as spell_id,
    coalesce(m.is_never_closed, false) as is_never_closed,
    coalesce(m.is_probate, false) as is_probate,
    coalesce(m.is_unrecorded, false) as is_unrecorded,
    coalesce(m.is_just_moved, false) as is_just_moved,
    coalesce(
        lead(m.is_just_moved) over (partition by s.household_id order by s.from_day), false
    ) as moves_on,
    coalesce(m.has_second, false) as has_second,
    m.spd,
    m.left_on
from household_stay as s
left join marked as m using (stay_id)
;

create or replace temp table revenues_adult as
select
    r.stay_id,
    r.person_id,
    r.role,
    case r.role when 'head' then 0 when 'partner' then 1 when 'sharer' then 2 when 'parent' then 3 else 4 end as rank,
    -- who is asked first: by role, then the elder; 3 bits, 17 bits and 32 bits
    (
        (case r.role when 'head' then 0 when 'partner' then 1 when 'sharer' then 2 when 'parent' then 3 else 4 end << 17)
        + (p.date_of_birth - date '1850-01-01')
        << 32
    )
    + r.person_id as place,
    p.date_of_birth,
    p.died_on,
    cast(greatest(r.from_day, p.date_of_birth + interval 18 year) as date) as adult_from,
    r.to_day
from residence as r
join person as p using (person_id)
where r.to_day > p.date_of_birth + interval 18 year
;

create or replace temp table revenues_account as
with
    recorded as (
        select
            s.*,
            lead(from_day) over (partition by address_id order by from_day, stay_id) as next_from_day,
            row_number() over (partition by address_id order by from_day, stay_id) as turn
        from revenues_stay as s
        where not is_unrecorded
    ),
    last_head as (
        select stay_id, arg_max(person_id, to_day) as person_id, arg_max(died_on, to_day) as died_on
        from revenues_adult
        where rank = 0
        group by stay_id
    ),
    spell as (
        select
            spell_id * 4 as account_id,
            address_id,
            stay_id,
            spell_id,
            'household' as kind,
            from_day,
            case when is_never_closed then coalesce(next_from_day, date '9999-12-31') else to_day end as to_day,
            least(to_day, coalesce(next_from_day, to_day)) as left_on,
            case
                -- what is planted shows from the first day
                when is_just_moved or has_second or spd is not null
                then least(from_day + 2 + pick('revenues opens', spell_id, 25), greatest(from_day, getvariable('today')))
                else from_day + 2 + pick('revenues opens', spell_id, 25)
            end as known_day,
            case
                when to_day = date '9999-12-31' or (is_never_closed and next_from_day is null)
                then date '9999-12-31'
                when is_never_closed
                then next_from_day + 10
                when is_probate
                then least(to_day + 2 + pick('revenues closes', spell_id, 25), getvariable('today'))
                else to_day + case when moves_on then 47 else 2 end + pick('revenues closes', spell_id, 25)
            end as ended_known_day,
            null::bigint as last_person_id,
            false as after_death,
            is_probate
        from recorded
        union all
        select
            r.spell_id * 4 + 1,
            r.address_id,
            r.stay_id,
            r.spell_id,
            'empty',
            r.to_day,
            coalesce(r.next_from_day, date '9999-12-31'),
            r.to_day,
            case
                when r.is_probate
                then least(r.to_day + 3 + pick('revenues opens empty', r.spell_id, 25), getvariable('today'))
                else r.to_day + 3 + pick('revenues opens empty', r.spell_id, 25)
            end,
            coalesce(r.next_from_day, date '9999-12-31'),
            h.person_id,
            coalesce(h.died_on between r.to_day - 95 and r.to_day + 95, false),
            r.is_probate
        from recorded as r
        left join last_head as h using (stay_id)
        where r.to_day < date '9999-12-31' and not r.is_never_closed and r.to_day < coalesce(r.next_from_day, date '9999-12-31')
        union all
        select
            800000000 + a.address_id,
            a.address_id,
            null,
            null,
            'empty',
            coalesce(a.built_on, getvariable('today') - 1900 - pick('revenues first empty', a.address_id, 400)),
            coalesce(f.from_day, date '9999-12-31'),
            null,
            coalesce(a.built_on, getvariable('today') - 1900) + 10,
            coalesce(f.from_day, date '9999-12-31'),
            null,
            false,
            false
        from address as a
        left join recorded as f on f.address_id = a.address_id and f.turn = 1
        where
            a.is_dwelling
            and coalesce(f.from_day, date '9999-12-31')
            > coalesce(a.built_on, getvariable('today') - 1825)
    ),
    second as (
        select other_address_id as address_id, person_id, look_alike is not null as is_lawful
        from planted
        where case_id = 'two_main_residences' and other_address_id is not null
    ),
    hidden as (
        -- properties recorded as empty though somebody lives there
        select address_id, from_day, spell_id from revenues_stay where is_unrecorded
    ),
    works as (
        select address_id from planted where case_id = 'occupied_recorded_empty' and look_alike = 'being_renovated'
    ),
    ended as (
        select
            s.* exclude (to_day, ended_known_day),
            least(s.to_day, coalesce(a.demolished_on, date '9999-12-31')) as to_day,
            case
                when least(s.ended_known_day, coalesce(a.demolished_on, date '9999-12-31')) = date '9999-12-31'
                then date '9999-12-31'
                when s.kind = 'empty'
                then
                    least(s.to_day, coalesce(a.demolished_on, date '9999-12-31'))
                    + 2
                    + pick('revenues closes empty', s.account_id, 25)
                else s.ended_known_day
            end as ended_known_day,
            a.tenure,
            a.band,
            a.built_on,
            a.ward_id,
            -- by what the joins below find it: a join that tests one side alone compares all with all
            case when s.kind = 'empty' then s.address_id end as empty_address_id,
            case
                when
                    s.kind = 'empty'
                    and s.from_day <= getvariable('today')
                    and least(s.to_day, coalesce(a.demolished_on, date '9999-12-31')) > getvariable('today')
                then s.address_id
            end as empty_now_id
        from spell as s
        join (select address.*, street.ward_id from address join street using (street_id)) as a using (address_id)
    )
select
    e.account_id,
    e.address_id,
    e.stay_id,
    e.spell_id,
    case
        when e.kind = 'household'
        then 'household'
        when c.address_id is not null and c.is_lawful
        then 'second_home'
        when c.address_id is not null
        then 'second_claim'
        else 'empty'
    end as kind,
    case when c.address_id is not null then least(e.from_day + 5, getvariable('today')) else e.from_day end as from_day,
    e.to_day,
    e.left_on,
    case
        when c.address_id is not null
        then least(e.known_day, getvariable('today'))
        when h.address_id is not null
        then least(e.known_day, h.from_day)
        else e.known_day
    end as known_day,
    e.ended_known_day,
    e.band,
    e.after_death,
    e.is_probate,
    h.spell_id as hidden_spell_id,
    w.address_id is not null as is_renovated,
    -- who pays for a property in which nobody lives
    case
        when e.kind = 'household'
        then null
        when c.address_id is not null
        then c.person_id
        when e.tenure = 'private'
        then l.person_id
        when e.tenure = 'owner' and e.last_person_id is not null
        then e.last_person_id
        when e.tenure = 'owner' and e.built_on is null
        then o.person_id
    end as owner_id,
    case
        when e.kind = 'household' or c.address_id is not null
        then null
        when e.tenure = 'council'
        then 'EASTMERE BOROUGH COUNCIL'
        when e.tenure = 'association'
        then
            ['ESTUARY VIEW HOUSING ASSOCIATION', 'EASTMERE HOMES LTD', 'MARSHLAND HOUSING TRUST'][
                1 + pick('revenues association', e.ward_id, 3)
            ]
        when e.tenure = 'owner' and e.last_person_id is null and e.built_on is not null
        then ['MEREFIELD HOMES LTD', 'SALTINGS DEVELOPMENTS LTD'][1 + pick('revenues developer', e.ward_id, 2)]
    end as owner_name,
    e.after_death and e.tenure = 'owner' and c.address_id is null as has_executors
from ended as e
left join second as c on c.address_id = e.empty_now_id
left join hidden as h on h.address_id = e.empty_address_id and e.from_day <= h.from_day and e.to_day > h.from_day
left join works as w on w.address_id = e.empty_now_id
left join landlord as l on l.address_id = e.address_id
left join adult as o on o.place = dice('revenues absent owner', e.address_id) % getvariable('adults')
where
    e.to_day > getvariable('today') - 1825
    and e.from_day < e.to_day
    -- an empty home that was let again before the office heard of it never had an account
    and (e.kind = 'household' or e.known_day < e.to_day or c.address_id is not null)
;

create or replace temp table revenues_discount as
with
    step as (
        select stay_id, adult_from as day, 1 as change from revenues_adult
        union all
        select stay_id, to_day, -1 from revenues_adult where to_day < date '9999-12-31'
    ),
    summed as (
        select stay_id, day, sum(change) as change from step group by stay_id, day
    ),
    counted as (
        select
            stay_id,
            day as from_day,
            lead(day, 1, date '9999-12-31') over (partition by stay_id order by day) as to_day,
            sum(change) over (partition by stay_id order by day) as adults
        from summed
    ),
    household as (
        select a.*, s.spd, s.household_kind, s.has_second, s.to_day as stay_to_day, s.left_on as adult_left_on
        from revenues_account as a
        join revenues_stay as s using (stay_id)
        where a.kind = 'household'
    ),
    youngest as (
        -- who grew up or came last of those at home today
        select stay_id, max(adult_from) as grown_on
        from revenues_adult
        where to_day > getvariable('today') and adult_from <= getvariable('today')
        group by stay_id
    ),
    found as (
        -- one adult, who asks for it
        select
            h.account_id,
            h.account_id as draw_id,
            'DISCOUNT' as kind,
            'SPD' as code,
            25 as percentage,
            greatest(c.from_day, h.from_day) as from_day,
            case when c.to_day >= h.stay_to_day then h.to_day else least(c.to_day, h.to_day) end as to_day,
            case when h.spd = 'just_left' and c.from_day = h.adult_left_on then 0 else 4 + pick('revenues asks', h.account_id, 30) end as asks,
            null::date as expires_on
        from household as h
        join counted as c using (stay_id)
        where
            c.adults = 1
            and coalesce(h.spd, '') not in ('two_adults', 'student_away')
            and (h.spd is not null or h.has_second or happens('revenues takes up', h.account_id, 920000))
            and (h.spd is not null or h.household_kind <> 4 or not happens('revenues students', h.account_id, 340000))
        union all
        -- one of two adults, one person's discount; or with a student or somebody impaired who does not count
        select
            h.account_id,
            h.account_id,
            'DISCOUNT',
            'SPD',
            25,
            case
                when h.spd = 'student_away'
                then greatest(h.from_day, getvariable('today') - 300 - pick('revenues student', h.account_id, 900))
                when pick('revenues since', h.account_id, 10) < 6 or h.from_day > getvariable('today') - 400
                then h.from_day
                else greatest(h.from_day, getvariable('today') - 100 - pick('revenues spd', h.account_id, 900))
            end,
            h.to_day,
            0,
            null
        from household as h
        where h.spd in ('two_adults', 'student_away')
        union all
        select
            h.account_id,
            h.account_id,
            'DISREGARD',
            'STU',
            0,
            greatest(y.grown_on, h.from_day),
            h.to_day,
            0,
            date '2027-07-31' + 366 * pick('revenues course', h.account_id, 3)
        from household as h
        join youngest as y using (stay_id)
        where h.spd = 'student_away'
        union all
        select
            h.account_id,
            h.account_id,
            'DISREGARD',
            'CAR',
            0,
            greatest(h.from_day, getvariable('today') - 90 - pick('revenues carer', h.account_id, 700)),
            h.to_day,
            0,
            null
        from household as h
        where h.spd = 'carer'
        union all
        select h.account_id, h.account_id, k.kind, k.code, k.percentage, h.from_day + 30, h.to_day, 20, null
        from household as h
        cross join (values ('DISCOUNT', 'SPD', 25), ('DISREGARD', 'SMI', 0)) as k (kind, code, percentage)
        where
            h.spd is null
            and h.household_kind in (1, 7)
            and happens('revenues impaired', h.account_id, 7000)
        union all
        -- homes in which all are students
        select h.account_id, h.account_id, 'EXEMPTION', 'N', 100, h.from_day, h.to_day, 15, null
        from household as h
        where h.household_kind = 4 and h.spd is null and happens('revenues students', h.account_id, 340000)
        union all
        select h.account_id, h.account_id, 'RELIEF', 'DIS', 0, h.from_day + 60, h.to_day, 20, null
        from household as h
        where happens('revenues disabled', h.account_id, 6000)
        union all
        -- homes in which nobody lives
        select
            account_id,
            account_id,
            'EXEMPTION',
            'F',
            100,
            from_day,
            case when is_probate then to_day else least(to_day, from_day + 180 + pick('revenues probate', account_id, 500)) end,
            case when is_probate then least(20, greatest(0, getvariable('today') - known_day)) else 20 end,
            null
        from revenues_account
        where kind = 'empty' and (after_death or is_probate)
        union all
        select
            a.account_id,
            a.account_id,
            'EXEMPTION',
            ['E', 'I', 'B', 'L'][1 + pick('revenues class', a.account_id, 4)],
            100,
            a.from_day,
            a.to_day,
            15,
            null
        from revenues_account as a
        where a.hidden_spell_id is not null and not a.after_death and happens('revenues exempt', a.account_id, 600000)
        union all
        select
            account_id,
            account_id,
            'DISCOUNT',
            'PCC',
            100,
            from_day,
            least(to_day, from_day + 30),
            10,
            from_day + 30
        from revenues_account
        where kind = 'empty' and not (after_death or is_probate) and happens('revenues first month', account_id, 600000)
        union all
        select
            account_id,
            account_id,
            'DISCOUNT',
            'PCD',
            50,
            greatest(from_day + 30, getvariable('today') - 30 - pick('revenues works', account_id, 300)),
            to_day,
            14,
            greatest(from_day + 30, getvariable('today') - 30 - pick('revenues works', account_id, 300)) + 365
        from revenues_account
        where is_renovated
        union all
        -- since April 2024 a home that has been empty for a year pays twice, before that after two years
        select
            account_id,
            account_id,
            'PREMIUM',
            'LTE',
            100,
            case
                when from_day + 730 < date '2024-04-01'
                then from_day + 730
                else greatest(from_day + 365, date '2024-04-01')
            end,
            to_day,
            0,
            null
        from revenues_account
        where kind = 'empty' and not (after_death or is_probate or is_renovated)
            and not (hidden_spell_id is not null and happens('revenues exempt', account_id, 600000))
        union all
        select account_id, account_id, 'DISCOUNT', 'SPD', 25, from_day, to_day, 0, null
        from revenues_account
        where kind = 'second_claim'
        union all
        select account_id, account_id, 'DISCOUNT', 'SHO', 0, from_day, to_day, 0, null
        from revenues_account
        where kind = 'second_home'
        union all
        select account_id, account_id, 'PREMIUM', 'SHP', 100, greatest(from_day, date '2025-04-01'), to_day, 0, null
        from revenues_account
        where kind = 'second_home'
    )
select
    f.account_id,
    f.kind,
    f.code,
    f.percentage,
    cast(f.from_day as date) as from_day,
    cast(f.to_day as date) as to_day,
    cast(greatest(f.from_day + cast(f.asks as integer), a.known_day) as date) as known_day,
    case
        when f.to_day = date '9999-12-31'
        then f.to_day
        when f.to_day >= a.to_day
        then a.ended_known_day
        else least(f.to_day + 3 + pick('revenues tells', f.draw_id, 25), a.ended_known_day)
    end::date as ended_known_day,
    cast(f.expires_on as date) as expires_on
from found as f
join revenues_account as a using (account_id)
where f.from_day < f.to_day and f.from_day + cast(f.asks as integer) < f.to_day and f.to_day > getvariable('today') - 1825
-- of two spells that begin on one day the longer one
qualify row_number() over (partition by f.account_id, f.kind, f.code, f.from_day order by f.to_day desc) = 1
;
