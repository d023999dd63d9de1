-- The food register, what the programme's visits found, and visits to homes, whatever the day.
-- Grain: one registration (a few businesses have two); one visit to a food business; one visit to a home.
-- Keys: registration_id; visit_id; home_visit_id.
-- Reads: business, business_owner, address, street, household_stay, residence, planted; variables today, horizon.
-- Writes: temp environmental_health_registration, environmental_health_visit, environmental_health_home_visit.
-- What a visit finds follows how clean the business is kept, and with it the officer, the season, how long nobody
-- came, a new owner, and much chance.
create or replace temp macro environmental_health_weekday(day) as day
+ case dayofweek(day) when 0 then 1 when 6 then 2 else 0 end
;

-- The reference by which inspections and ratings know a business, too.
create or replace temp macro environmental_health_reference(registration_id) as printf('EM/%05d', registration_id)
;

create or replace temp table environmental_health_registration as
with
    mark as (
        select
            business_id,
            bool_or(look_alike is null) as is_unregistered,
            bool_or(look_alike = 'closed_since') as is_closed_since
        from planted
        where case_id = 'unregistered_food'
        group by business_id
    ),
    registering as (
        select
            b.*,
            -- before it opens as the law asks, or within two months
            case
                when happens('environmental_health in time', b.business_id, 550000)
                then b.opened_on - 28 + pick('environmental_health registers', b.business_id, 28)
                else b.opened_on + pick('environmental_health registers', b.business_id, 55)
            end as registered_on,
            case
                when b.closed_on is null
                then date '9999-12-31'
                when m.is_closed_since
                then
                    greatest(b.closed_on, getvariable('today'))
                    + 60
                    + pick('environmental_health cleans late', b.business_id, 300)
                else b.closed_on + 5 + lasting('environmental_health cleans', b.business_id, 110)
            end as closed_known_day
        from business as b
        left join mark as m using (business_id)
        where b.is_food and not coalesce(m.is_unregistered, false)
    )
select business_id * 2 as registration_id, * exclude (predecessor_id), 0 as copy
from registering
union all
-- registered again, under another reference, by somebody who did not look
select
    business_id * 2 + 1,
    * exclude (predecessor_id) replace (
        cast(registered_on + 90 + pick('environmental_health again', business_id, 1200) as date) as registered_on
    ),
    1
from registering
where
    dirty('near_repeat', 'environmental_health/food_registrations', business_id)
    and registered_on + 90 + pick('environmental_health again', business_id, 1200)
    < coalesce(closed_on, date '9999-12-31')
;

create or replace temp table environmental_health_visit as
with recursive
    visited as (
        select
            r.registration_id,
            r.business_id,
            r.closed_on,
            s.ward_id,
            greatest(r.registered_on, r.opened_on) as begun_on,
            r.hygiene,
            o.handed_over_on,
            -- what the food and the guests add to the risk, whatever is found
            case r.trade
                when 'care_home'
                then 47
                when 'school_kitchen'
                then 42
                when 'butcher'
                then 40
                when 'restaurant'
                then 37
                when 'takeaway'
                then 37
                when 'hotel'
                then 37
                when 'caterer'
                then 32
                when 'cafe'
                then 32
                when 'baker'
                then 25
                when 'pub'
                then 27
                when 'grocer'
                then 20
                else 10
            end
            + 5 * pick('environmental_health hazard', r.business_id, 3) as hazard
        from environmental_health_registration as r
        join address as a using (address_id)
        join street as s using (street_id)
        left join
            (
                select business_id, max(from_day) as handed_over_on
                from business_owner
                group by business_id
                having count(*) > 1
            ) as o using (business_id)
        where r.copy = 0
    ),
    found as (
        select
            registration_id,
            business_id,
            closed_on,
            ward_id,
            hygiene,
            handed_over_on,
            hazard,
            0 as turn,
            begun_on as visited_on,
            'registered' as visit_type,
            null::varchar as category_before,
            begun_on + 28 as due_before,
            null::integer as officer,
            null::integer as hygiene_score,
            null::integer as structural_score,
            null::integer as confidence_score,
            null::varchar as category,
            begun_on + 28 as next_due
        from visited
        union all
        select
            registration_id,
            business_id,
            closed_on,
            ward_id,
            hygiene,
            handed_over_on,
            hazard,
            turn,
            visited_on,
            visit_type,
            category_before,
            due_before,
            officer,
            hygiene_score,
            structural_score,
            confidence_score,
            case
                when risk >= 92 then 'A' when risk >= 72 then 'B' when risk >= 52 then 'C' when risk >= 31 then 'D' else 'E'
            end,
            visited_on
            + case
                when risk >= 92 then 183 when risk >= 72 then 365 when risk >= 52 then 548 when risk >= 31 then 730 else 1095
            end
        from
            (
                select *, hazard + hygiene_score + structural_score + confidence_score as risk
                from
                    (
                        select
                            *,
                            case
                                when h > 250 then 0 when h > -850 then 5 when h > -1620 then 10 when h > -2150 then 15 when h > -2700 then 20 else 25
                            end as hygiene_score,
                            case
                                when s > 300 then 0 when s > -850 then 5 when s > -1750 then 10 when s > -2400 then 15 else 20
                            end as structural_score,
                            case
                                when c > 200 then 0 when c > -900 then 5 when c > -1680 then 10 when c > -2500 then 20 else 30
                            end as confidence_score
                        from
                            (
                                select
                                    *,
                                    state + divide(bell('environmental_health hygiene', visit_id) * 55, 100) as h,
                                    state + divide(bell('environmental_health structure', visit_id) * 60, 100) as s,
                                    state + divide(bell('environmental_health confidence', visit_id) * 55, 100) as c
                                from
                                    (
                                        select
                                            * exclude (officer, state),
                                            drawn_officer as officer,
                                            -- as the officer sees it, in thousandths
                                            divide(hygiene * 62, 100)
                                            + divide(bell('environmental_health year', business_id * 256 + (year(visited_on) - 1990)) * 30, 100)
                                            + divide(bell('environmental_health noise', visit_id) * 62, 100)
                                            + [-520, 310, 90, -140, 480, -260, 20, 610, -60, -380, 200, 130][drawn_officer]
                                            - case when month(visited_on) between 6 and 9 then 220 else 0 end
                                            - least(450, divide((visited_on - came_before) * 30, 100))
                                            + case
                                                when handed_over_on is null or visited_on < handed_over_on
                                                then 0
                                                else
                                                    divide(bell('environmental_health new owner', business_id) * 50, 100)
                                                    - case when visited_on < handed_over_on + 400 then 450 else 0 end
                                            end
                                            + case visit_type when 'New business' then -120 when 'Complaint' then -450 when 'Revisit' then 650 else 0 end
                                            as state
                                        from
                                            (
                                                select
                                                    * exclude (visited_on),
                                                    environmental_health_weekday(visited_on) as visited_on,
                                                    case
                                                        when happens('environmental_health own area', visit_id, 600000)
                                                        then 1 + cast(ward_id % 12 as integer)
                                                        else 1 + pick('environmental_health officer', visit_id, 12)
                                                    end as drawn_officer,
                                                    null::integer as state
                                                from
                                                    (
                                                        select
                                                            registration_id,
                                                            business_id,
                                                            closed_on,
                                                            ward_id,
                                                            hygiene,
                                                            handed_over_on,
                                                            hazard,
                                                            turn + 1 as turn,
                                                            registration_id * 64 + turn + 1 as visit_id,
                                                            visited_on as came_before,
                                                            category as category_before,
                                                            officer,
                                                            least(next_due, coalesce(taken_over_on, next_due)) as due_before,
                                                            least(programmed_on, complained_on, coalesce(again_on, programmed_on), coalesce(taken_over_on, programmed_on)) as visited_on,
                                                            case
                                                                when again_on <= least(programmed_on, complained_on)
                                                                then 'Revisit'
                                                                when taken_over_on <= least(programmed_on, complained_on)
                                                                then 'New business'
                                                                when complained_on < programmed_on
                                                                then 'Complaint'
                                                                when visit_type = 'registered'
                                                                then 'New business'
                                                                else 'Programmed'
                                                            end as visit_type
                                                        from
                                                            (
                                                                select
                                                                    *,
                                                                    next_due + case
                                                                        coalesce(category, 'new')
                                                                        when 'A'
                                                                        then lasting('environmental_health late', registration_id * 64 + turn, 20) - 12
                                                                        when 'B'
                                                                        then lasting('environmental_health late', registration_id * 64 + turn, 35) - 18
                                                                        when 'C'
                                                                        then lasting('environmental_health late', registration_id * 64 + turn, 60) - 20
                                                                        when 'D'
                                                                        then lasting('environmental_health late', registration_id * 64 + turn, 110) - 20
                                                                        when 'E'
                                                                        then lasting('environmental_health late', registration_id * 64 + turn, 220) - 10
                                                                        else lasting('environmental_health late', registration_id * 64 + turn, 40) - 5
                                                                    end as programmed_on,
                                                                    visited_on
                                                                    + 20
                                                                    + lasting(
                                                                        'environmental_health complains', registration_id * 64 + turn, greatest(1200, 5200 + hygiene * 2)
                                                                    ) as complained_on,
                                                                    case
                                                                        when
                                                                            greatest(hygiene_score, structural_score, confidence_score) > 10
                                                                            and (visit_type <> 'Revisit' or happens('environmental_health again', registration_id * 64 + turn, 400000))
                                                                        then visited_on + 30 + pick('environmental_health revisits', registration_id * 64 + turn, 70)
                                                                    end as again_on,
                                                                    case
                                                                        when
                                                                            handed_over_on > visited_on
                                                                            and happens('environmental_health hears', registration_id, 700000)
                                                                        then handed_over_on + 25 + lasting('environmental_health takes over', registration_id, 60)
                                                                    end as taken_over_on
                                                                from found
                                                                where turn < 60
                                                            )
                                                    )
                                            )
                                    )
                            )
                    )
            )
        where visited_on < least(coalesce(closed_on, getvariable('horizon')), getvariable('horizon'))
    )
select
    row_number() over (order by visited_on, registration_id, turn) as visit_id,
    f.* exclude (closed_on, hygiene, hazard, handed_over_on),
    -- the food hygiene rating scheme's table
    case
        when total <= 15 and worst <= 5
        then 5
        when total <= 20 and worst <= 10
        then 4
        when total <= 30 and worst <= 10
        then 3
        when total <= 40 and worst <= 15
        then 2
        when total <= 50 and worst <= 20
        then 1
        else 0
    end as rating
from
    (
        select
            *,
            hygiene_score + structural_score + confidence_score as total,
            greatest(hygiene_score, structural_score, confidence_score) as worst
        from found
        where turn > 0
    ) as f
;

create or replace temp table environmental_health_home_visit as
with
    slot as (
        -- ten years, whatever the history's length
        select
            address_id,
            tenure,
            deprivation,
            address_id * 4 + k as draw_id,
            cast(
                getvariable('today') - 1825 + pick('environmental_health home day', address_id * 4 + k, 3650) as date
            ) as visited_on,
            pick('environmental_health home', address_id * 4 + k, 1000000) as drawn
        from address, (select unnest(range(3)) as k)
        where is_dwelling and pick('environmental_health home', address_id * 4 + k, 1000000) < 420000
    ),
    hmo as (
        select distinct stay_id
        from planted
        where case_id = 'undeclared_hmo' and look_alike is distinct from 'large_family'
    ),
    visited as (
        select
            s.draw_id,
            s.address_id,
            h.stay_id,
            h.household_kind,
            environmental_health_weekday(s.visited_on) as visited_on,
            false as is_planted,
            null::bigint as person_id
        from slot as s
        join household_stay as h on h.address_id = s.address_id and h.from_day <= s.visited_on and h.to_day > s.visited_on + 2
        left join hmo as m on m.stay_id = h.stay_id
        where
            s.drawn
            < (18000 + 450 * s.deprivation)
            * case s.tenure when 'private' then 2 when 'owner' then 1 else 2 end
            * case when m.stay_id is not null then 5 when h.household_kind = 4 then 3 else 1 end
        union all
        select
            50000000 + p.planted_id,
            p.address_id,
            p.stay_id,
            h.household_kind,
            p.from_day,
            true,
            p.person_id
        from planted as p
        join household_stay as h using (stay_id)
        where p.case_id = 'two_services_one_household'
    ),
    headed as (
        select v.draw_id, min(r.person_id) as person_id
        from visited as v
        join residence as r on r.stay_id = v.stay_id and r.role in ('head', 'sharer') and r.from_day <= v.visited_on and r.to_day > v.visited_on
        group by v.draw_id
    )
select
    row_number() over (order by v.visited_on, v.draw_id) as home_visit_id,
    v.draw_id,
    v.address_id,
    v.visited_on,
    coalesce(v.person_id, h.person_id) as person_id,
    v.is_planted or happens('environmental_health occupier', v.draw_id, 450000) as is_named,
    case
        when v.household_kind = 4
        then
            ['Noise', 'Noise', 'Noise', 'Overcrowding', 'Overcrowding', 'Refuse in garden', 'Refuse in garden', 'Disrepair', 'Disrepair', 'Pests'][
                1 + pick('environmental_health reason', v.draw_id, 10)
            ]
        else
            ['Noise', 'Noise', 'Noise', 'Noise', 'Pests', 'Pests', 'Disrepair', 'Disrepair', 'Refuse in garden', 'Filthy and verminous'][
                1 + pick('environmental_health reason', v.draw_id, 10)
            ]
    end as reason
from visited as v
left join headed as h using (draw_id)
;
