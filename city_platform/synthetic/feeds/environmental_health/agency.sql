-- The food register, the inspections of those on it, and visits to homes, whatever the day.
-- Grain: one registration; one operator from the day it was told; one inspection; one visit to a home.
-- Keys: registration_id; business_id, known_on; inspection_id; visit_id.
-- Reads: business, business_owner, organisation, address, address_text, household_stay, residence, planted;
-- variable today.
-- Writes: temp environmental_health_operator, environmental_health_registration,
-- environmental_health_inspection, environmental_health_household_visit.
-- Food Standards publishes from the registrations and the inspections.
create or replace temp macro environmental_health_business_type(trade) as case trade
    when 'restaurant' then 'Restaurant/Cafe/Canteen'
    when 'cafe' then 'Restaurant/Cafe/Canteen'
    when 'takeaway' then 'Takeaway/sandwich shop'
    when 'pub' then 'Pub/bar/nightclub'
    when 'hotel' then 'Hotel/bed & breakfast/guest house'
    when 'care_home' then 'Hospitals/Childcare/Caring Premises'
    when 'school_kitchen' then 'School/college/university'
    when 'caterer' then 'Other catering premises'
    else 'Retailers - other'
end
;

-- A day on which the office works: Saturday and Sunday become Monday.
create or replace temp macro environmental_health_weekday(day) as day
+ cast(greatest(0, 8 - isodow(day)) % 3 * cast(isodow(day) > 5 as integer) as integer)
;

create or replace temp table environmental_health_operator as
-- a new owner says so late
select
    business_id,
    organisation_id,
    from_day,
    case
        when row_number() over (partition by business_id order by from_day) = 1
        then date '1900-01-01'
        else from_day + 20 + lasting('environmental_health told', business_id, 90)
    end as known_on
from business_owner
;

create or replace temp table environmental_health_registration as
with
    mark as (
        select
            business_id,
            bool_or(look_alike is null) as is_unregistered,
            coalesce(bool_or(look_alike = 'closed_since'), false) as is_closed_since
        from planted
        where case_id = 'unregistered_food'
        group by business_id
    ),
    drawn as (
        select
            b.*,
            coalesce(m.is_closed_since, false) as is_closed_since,
            b.opened_on
            + 7
            + lasting('environmental_health registers', b.business_id, 25)
            + case
                when happens('environmental_health late', b.business_id, 120000)
                then 40 + pick('environmental_health how late', b.business_id, 320)
                else 0
            end as drawn_on
        from business as b
        left join mark as m using (business_id)
        where b.is_food and not coalesce(m.is_unregistered, false)
    ),
    dated as (
        select
            *,
            case
                when is_closed_since
                then greatest(opened_on, least(drawn_on, closed_on - 30))
                -- who has been open for two months today and is not on the register is planted
                when opened_on < getvariable('today') - 60 and drawn_on > getvariable('today') - 7
                then getvariable('today') - 7 - pick('environmental_health last chance', business_id, 45)
                else drawn_on
            end as registered_on,
            closed_on + case
                when is_closed_since
                then 380 + pick('environmental_health never hears', business_id, 150)
                else 60 + pick('environmental_health hears', business_id, 341)
            end as struck_off_on
        from drawn
    ),
    listed as (
        select *
        from dated
        where registered_on < coalesce(closed_on, date '9999-12-31')
    ),
    twice as (
        select *, business_id as registration_id, false as is_repeat
        from listed
        union all
        -- the same business once more, under a number of its own
        select * replace (registered_on + 30 + pick('environmental_health again', business_id, 700) as registered_on),
            800000 + business_id, true
        from listed
        where dirty('near_repeat', 'environmental_health/food_registrations', business_id)
    ),
    first_owner as (
        select business_id, arg_min(organisation_id, from_day) as organisation_id, max(from_day) as handed_over_on
        from environmental_health_operator
        group by business_id
    )
select
    t.registration_id,
    printf('EM/%06d', t.registration_id) as reference,
    t.business_id,
    t.address_id,
    t.is_repeat,
    t.trade,
    t.is_at_home,
    t.hygiene,
    t.trading_name,
    t.opened_on,
    t.closed_on,
    cast(t.registered_on as date) as registered_on,
    cast(t.struck_off_on as date) as struck_off_on,
    nullif(f.handed_over_on, t.opened_on) as handed_over_on,
    a.ward_id,
    write_address(a, 'environmental_health/food_registrations', t.registration_id) as place,
    write_business(t.trading_name, o.name, 'environmental_health/food_registrations', t.registration_id) as named
from twice as t
join first_owner as f using (business_id)
join organisation as o using (organisation_id)
join address_text as a using (address_id)
where t.registered_on < coalesce(t.closed_on, date '9999-12-31')
;

-- What an officer writes down for how bad it is: of food handling and of the building, and of confidence in
-- who runs it.
create or replace temp macro environmental_health_score(badness) as case
    when badness < 50 then 0 when badness < 1050 then 5 when badness < 1720 then 10 when badness < 2900 then 15 when badness < 3900 then 20 else 25
end
;

create or replace temp macro environmental_health_confidence(badness) as case
    when badness < -50 then 0 when badness < 950 then 5 when badness < 1890 then 10 when badness < 3400 then 20 else 30
end
;

-- Visit after visit: what is found decides when the next one falls due, and why it is made.
-- `badness`, in thousandths, is how bad a visit finds the place: its hygiene, the officer's strictness, the
-- season, a change of hands, and chance.
create or replace temp table environmental_health_inspection as
with recursive
    premises as (
        select
            business_id,
            reference,
            trade,
            ward_id,
            hygiene,
            handed_over_on,
            registered_on,
            least(coalesce(closed_on, date '9999-12-31'), getvariable('today') + 380) as until,
            -- how much harm the kind of food and who eats it could do
            case trade
                when 'care_home' then 62
                when 'school_kitchen' then 52
                when 'restaurant' then 42
                when 'takeaway' then 42
                when 'caterer' then 40
                when 'hotel' then 40
                when 'butcher' then 42
                when 'cafe' then 34
                when 'pub' then 32
                when 'baker' then 28
                when 'grocer' then 22
                else 12
            end
            + 5 * pick('environmental_health hazard', business_id, 4) as hazard
        from environmental_health_registration
        where not is_repeat
    ),
    visit (
        business_id, turn, inspected_on, visit_type, officer, hygiene_score, structural_score, confidence_score,
        total_score, rating, risk_category, due_on, next_on, next_type
    ) as (
        -- before the first: nothing but when it will be, for an old business some time before the history
        select
            business_id,
            cast(-1 as bigint),
            cast(null as date),
            cast(null as varchar),
            cast(null as integer),
            cast(null as bigint),
            cast(null as bigint),
            cast(null as bigint),
            cast(null as bigint),
            cast(null as bigint),
            cast(null as varchar),
            cast(null as date),
            cast(
                environmental_health_weekday(
                    case
                        when registered_on > getvariable('today') - 1825
                        then registered_on + 10 + lasting('environmental_health first visit', business_id, 30)
                        else greatest(registered_on + 10, getvariable('today') - 1825 - pick('environmental_health before', business_id, 600))
                    end
                ) as date
            ),
            case when registered_on > getvariable('today') - 2000 then 'new business' else 'programmed' end
        from premises
        union all
        select
            business_id,
            turn,
            inspected_on,
            visit_type,
            officer,
            hygiene_score,
            structural_score,
            confidence_score,
            total_score,
            rating,
            risk_category,
            due_on,
            cast(
                environmental_health_weekday(
                    case
                        when is_revisited and revisit_on < due_on - 2
                        then revisit_on
                        when complaint_on < due_on - 2
                        then complaint_on
                        else greatest(inspected_on + 14, planned_on)
                    end
                ) as date
            ),
            case
                when is_revisited and revisit_on < due_on - 2
                then 'revisit'
                when complaint_on < due_on - 2
                then 'complaint'
                else 'programmed'
            end
        from
            (
                select
                    *,
                    rating <= 2
                    and happens(
                        'environmental_health revisits', seed, case when visit_type = 'revisit' then 350000 else 880000 end
                    ) as is_revisited,
                    inspected_on + 28 + pick('environmental_health revisits after', seed, 62) as revisit_on,
                    inspected_on
                    + 10
                    + lasting(
                        'environmental_health complaint',
                        seed,
                        case
                            when hygiene < -1500
                            then 1500
                            when hygiene < -700
                            then 3000
                            when hygiene < 200
                            then 7000
                            else 18000
                        end
                    ) as complaint_on,
                    due_on + case
                        when risk_category in ('A', 'B')
                        then pick('environmental_health soon', seed, 40) - 25
                        when happens('environmental_health behind', seed, 280000)
                        then 25 + pick('environmental_health how far behind', seed, 240)
                        else pick('environmental_health soon', seed, 60) - 42
                    end as planned_on
                from
                    (
                        select
                            *,
                            -- a full inspection sets the category and when the next one is due; others
                            -- leave them
                            case when sets_due then inspected_on + [182, 365, 548, 730, 1096][instr('ABCDE', risk_category)] else last_due_on end as due_on
                        from
                            (
                                select
                                    *,
                                    case
                                        when not sets_due
                                        then last_category
                                        when hazard + total_score + case when rating = 0 then 20 else 0 end >= 92
                                        then 'A'
                                        when hazard + total_score >= 72
                                        then 'B'
                                        when hazard + total_score >= 52
                                        then 'C'
                                        when hazard + total_score >= 31
                                        then 'D'
                                        else 'E'
                                    end as risk_category
                                from
                                    (
                                        select
                                            *,
                                            case
                                                when total_score <= 15 and worst <= 5
                                                then 5
                                                when total_score <= 20 and worst <= 10
                                                then 4
                                                when worst <= 10
                                                then 3
                                                when total_score <= 40 and worst <= 15
                                                then 2
                                                when total_score <= 50 and worst <= 20
                                                then 1
                                                else 0
                                            end as rating
                                        from
                                            (
                                                select
                                                    *,
                                                    hygiene_score + structural_score + confidence_score as total_score,
                                                    greatest(hygiene_score, structural_score, confidence_score) as worst
                                                from
                                                    (
                                                        select
                                                            *,
                                                            environmental_health_score(badness + divide(bell('environmental_health food', seed) * 450, 1000)) as hygiene_score,
                                                            environmental_health_score(badness + divide(bell('environmental_health structure', seed) * 450, 1000)) as structural_score,
                                                            environmental_health_confidence(
                                                                badness + divide(bell('environmental_health trust', seed) * 450, 1000)
                                                            ) as confidence_score
                                                        from
                                                            (
                                                                select
                                                                    *,
                                                                    -- twelve officers, from lenient to strict
                                                                    [-690, -480, -350, -250, -140, -50, 50, 140, 250, 350, 480, 690][
                                                                        1 + (officer * 5 + pick('environmental_health strictness', 1, 12)) % 12
                                                                    ]
                                                                    + bell('environmental_health visit', seed)
                                                                    - hygiene
                                                                    -- heat, and the rush before Christmas
                                                                    + case when month(inspected_on) between 6 and 8 then 220 when month(inspected_on) = 12 then 120 else -60 end
                                                                    -- who took it over keeps it in another
                                                                    -- way, and worse at first
                                                                    + case
                                                                        when inspected_on < handed_over_on or handed_over_on is null
                                                                        then 0
                                                                        else
                                                                            divide(bell('environmental_health new hands', business_id) * 600, 1000)
                                                                            + case when inspected_on < handed_over_on + 270 then 350 else 0 end
                                                                    end
                                                                    + case visit_type when 'revisit' then -800 when 'complaint' then 500 when 'new business' then 150 else 0 end as badness
                                                                from
                                                                    (
                                                                        select
                                                                            business_id,
                                                                            v.turn + 1 as turn,
                                                                            business_id * 64 + v.turn + 1 as seed,
                                                                            v.next_on as inspected_on,
                                                                            v.next_type as visit_type,
                                                                            v.next_type in ('programmed', 'new business') as sets_due,
                                                                            v.due_on as last_due_on,
                                                                            v.risk_category as last_category,
                                                                            p.hygiene,
                                                                            p.hazard,
                                                                            p.handed_over_on,
                                                                            -- an officer has a patch for a
                                                                            -- year
                                                                            case
                                                                                when happens('environmental_health own patch', business_id * 64 + v.turn + 1, 600000)
                                                                                then pick('environmental_health patch', p.ward_id * 32 + year(v.next_on) - 2015, 12)
                                                                                else pick('environmental_health officer', business_id * 64 + v.turn + 1, 12)
                                                                            end as officer
                                                                        from visit as v
                                                                        join premises as p using (business_id)
                                                                        where v.next_on < p.until and v.turn < 62
                                                                    )
                                                            )
                                                    )
                                            )
                                    )
                            )
                    )
            )
    )
select
    120000 + row_number() over (order by v.inspected_on, v.business_id, v.turn) as inspection_id,
    v.* exclude (next_on, next_type),
    case
        when rating >= 4
        then 'No further action'
        when rating = 3
        then case when pick('environmental_health action', v.business_id * 64 + v.turn, 100) < 70 then 'Advice given' else 'Written warning' end
        when rating = 2
        then case when pick('environmental_health action', v.business_id * 64 + v.turn, 100) < 85 then 'Written warning' else 'Hygiene improvement notice' end
        when rating = 1
        then case when pick('environmental_health action', v.business_id * 64 + v.turn, 100) < 55 then 'Written warning' else 'Hygiene improvement notice' end
        else
            case
                when pick('environmental_health action', v.business_id * 64 + v.turn, 100) < 70
                then 'Hygiene improvement notice'
                when pick('environmental_health action', v.business_id * 64 + v.turn, 100) < 90
                then 'Voluntary closure'
                else 'Emergency prohibition notice'
            end
    end as action
from visit as v
where turn >= 0
;

create or replace temp table environmental_health_household_visit as
with
    home as (
        -- one household in sixty a year; sharers and poor wards more
        select
            h.stay_id,
            h.address_id,
            h.to_day,
            a.tenure,
            greatest(h.from_day, getvariable('today') - 1825) as since,
            divide((case when h.household_kind = 4 then 8000 else 26000 end) * (150 - a.deprivation), 100) as mean_days
        from household_stay as h
        join address as a using (address_id)
        where h.to_day > getvariable('today') - 1825 and h.from_day < getvariable('today') + 380
    ),
    due as (
        -- between the steps that `lasting` takes every day is as likely as the next
        select
            *,
            since
            + lasting('environmental_health home', stay_id, mean_days)
            + pick('environmental_health home day', stay_id, cast(divide(mean_days * 2, 125) as integer))
            - divide(mean_days, 125) as first_on
        from home
    ),
    first_visit as (
        select *
        from due
        where first_on < to_day and first_on >= since and first_on < getvariable('today') + 380
    ),
    visited as (
        select stay_id, address_id, tenure, 0 as turn, cast(first_on as date) as visited_on
        from first_visit
        union all
        -- to see whether it was put right
        select stay_id, address_id, tenure, 1, first_on + 14 + pick('environmental_health home again', stay_id, 28)
        from first_visit
        where
            happens('environmental_health home follow up', stay_id, 280000)
            and first_on + 14 + pick('environmental_health home again', stay_id, 28) < to_day
        union all
        -- another matter
        select stay_id, address_id, tenure, 2, first_on + 60 + lasting('environmental_health home later', stay_id, 500)
        from first_visit
        where
            happens('environmental_health home other matter', stay_id, 170000)
            and first_on + 60 + lasting('environmental_health home later', stay_id, 500) < to_day
        union all
        -- one of the two services of a planted household, and of its look-alikes
        select p.stay_id, p.address_id, a.tenure, 3, min(p.from_day)
        from planted as p
        join address as a using (address_id)
        where p.case_id = 'two_services_one_household'
        group by p.stay_id, p.address_id, a.tenure
    ),
    timed as (
        select * replace (cast(visited_on as date) as visited_on), stay_id * 4 + turn as seed
        from visited
        where visited_on < getvariable('today') + 380
    ),
    reasoned as (
        -- a second look is about what the first was about
        select
            *,
            case
                when
                    pick('environmental_health reason', seed - turn % 2, 100) < case tenure when 'owner' then 48 else 36 end
                then 'noise'
                when pick('environmental_health reason', seed - turn % 2, 100) < 65
                then 'pests'
                when pick('environmental_health reason', seed - turn % 2, 100) < case tenure when 'owner' then 78 else 92 end
                then 'disrepair'
                else 'filthy premises'
            end as reason
        from timed
    ),
    at_home as (
        select
            t.seed,
            arg_min(
                r.person_id,
                {'place': case r.role when 'head' then 0 when 'partner' then 1 when 'sharer' then 2 else 3 end, 'id': r.person_id}
            ) as person_id
        from timed as t
        join residence as r on r.stay_id = t.stay_id and r.from_day <= t.visited_on and r.to_day > t.visited_on
        where r.role <> 'child'
        group by t.seed
    )
select
    30000 + row_number() over (order by t.visited_on, t.seed) as visit_id,
    t.address_id,
    t.visited_on,
    t.reason,
    case
        when happens('environmental_health no access', t.seed, 90000)
        then 'No access'
        when t.reason = 'noise'
        then ['No action', 'Advice given', 'Advice given', 'Warning letter', 'Abatement notice served'][1 + pick('environmental_health outcome', t.seed, 5)]
        when t.reason = 'pests'
        then ['Treated', 'Treated', 'Advice given', 'No action', 'Notice served'][1 + pick('environmental_health outcome', t.seed, 5)]
        when t.reason = 'disrepair'
        then
            ['Advice given', 'Landlord written to', 'Landlord written to', 'Improvement notice served', 'No action'][
                1 + pick('environmental_health outcome', t.seed, 5)
            ]
        else
            ['Cleaned', 'Notice served', 'Referred to adult social care', 'Referred to adult social care', 'Advice given'][
                1 + pick('environmental_health outcome', t.seed, 5)
            ]
    end as outcome,
    case when happens('environmental_health names occupier', t.seed, 450000) then h.person_id end as person_id,
    happens('environmental_health home uprn', t.seed, 550000) as has_uprn
from reasoned as t
left join at_home as h using (seed)
;
