-- What is planted for a rule to find, and the innocent look-alikes beside it.
-- Grain: one planted case or look-alike; one claim for benefits. Keys: planted_id; claim_id.
-- Reads: the borough's tables; plant_rate(case_id, look_alike, in_a_million) from planted.yaml; variable
-- today.
-- Writes: planted, benefit_claim, temp stay_now, temp planted_base.
-- planted_base holds everybody who could have been drawn, so that a test can say whether the rate came out
-- as asked.
create or replace temp table stay_now as
-- every household at home today, with who is grown up
select
    h.*,
    a.tenure,
    a.deprivation,
    a.kind as address_kind,
    count(*) as members,
    count(*) filter (p.date_of_birth <= getvariable('today') - interval 18 year) as adults,
    count(*) filter (p.date_of_birth <= getvariable('today') - interval 18 year and r.role = 'child') as grown_children,
    count(*) filter (p.date_of_birth > getvariable('today') - interval 22 year and r.role = 'child' and p.date_of_birth <= getvariable('today') - interval 18 year) as grown_children_under_22,
    min(p.date_of_birth) as oldest_born,
    arg_min(r.person_id, {'place': case r.role when 'head' then 0 when 'partner' then 1 when 'sharer' then 2 when 'parent' then 3 else 4 end, 'born': p.date_of_birth, 'id': p.person_id}) filter (p.date_of_birth <= getvariable('today') - interval 18 year) as head_id,
    count(distinct n.family_name) as surnames
from household_stay as h
join address as a using (address_id)
join residence as r on r.stay_id = h.stay_id and r.from_day <= getvariable('today') and r.to_day > getvariable('today')
join person as p using (person_id)
join person as n on n.person_id = r.person_id
where h.from_day <= getvariable('today') and h.to_day > getvariable('today')
group by all
;

create or replace temp table empty_now as
-- every dwelling that stands today and in which nobody lives
with
    last_stay as (
        select address_id, max(to_day) as empty_since, arg_max(stay_id, to_day) as last_stay_id
        from household_stay
        where from_day <= getvariable('today')
        group by address_id
    )
select a.address_id, a.kind, l.last_stay_id, coalesce(l.empty_since, a.built_on, getvariable('today') - 2000) as empty_since
from address as a
left join last_stay as l using (address_id)
where
    a.is_dwelling
    and coalesce(a.built_on, date '1900-01-01') <= getvariable('today')
    and coalesce(a.demolished_on, date '9999-12-31') > getvariable('today')
    and coalesce(l.empty_since, date '1900-01-01') <= getvariable('today')
;

create or replace table benefit_claim as
-- housing benefit and council tax support: likelier in a rented home, in a poor ward, in old age
with
    claimable as (
        select
            h.stay_id,
            h.address_id,
            h.from_day,
            h.to_day,
            a.tenure,
            r.person_id,
            p.died_on,
            r.to_day as claimant_left,
            r.from_day as claimant_came
        from household_stay as h
        join address as a using (address_id)
        join residence as r on r.stay_id = h.stay_id and r.role = 'head'
        join person as p using (person_id)
        where
            pick('claims', h.stay_id, 1000)
            < case a.tenure when 'owner' then 25 when 'private' then 120 else 380 end
            + a.deprivation
            + case when p.date_of_birth < getvariable('today') - interval 67 year then 110 else 0 end
    )
select
    row_number() over (order by stay_id, person_id) as claim_id,
    stay_id,
    address_id,
    person_id,
    tenure <> 'owner' as has_housing_benefit,
    cast(greatest(claimant_came, from_day) + 14 + pick('claims after', stay_id, 120) as date) as from_day,
    -- a claim ends when the household leaves, or when its claimant dies
    least(claimant_left, to_day) as to_day,
    died_on,
    cast(2000 + pick('award', stay_id, 12000) as integer) as award_pence
from claimable
where least(claimant_left, to_day) > greatest(claimant_came, from_day) + 140
;

create or replace temp table same_name as
-- claimants who live, and somebody of the same name and about the same age who died
select c.claim_id, min(d.person_id) as dead_id, max(d.died_on) as died_on
from benefit_claim as c
join person as me using (person_id)
join
    person as d
    on d.given_name = me.given_name
    and d.family_name = me.family_name
    and abs(year(d.date_of_birth) - year(me.date_of_birth)) <= 5
    and d.person_id <> me.person_id
where
    c.from_day <= getvariable('today')
    and c.to_day > getvariable('today')
    and coalesce(me.died_on, date '9999-12-31') > getvariable('today')
    and d.died_on between getvariable('today') - 730 and getvariable('today') - 22
group by c.claim_id
;

create or replace temp table planted_base as
with
    wide as (
        -- one row for each that could be drawn: (case, look-alike, what its draw goes by, who and where)
        select 'empty_recorded_occupied' as case_id, null as look_alike, address_id as draw_id, address_id, null::bigint as person_id, null::bigint as business_id, last_stay_id as stay_id, null::bigint as claim_id, empty_since as from_day
        from empty_now where empty_since <= getvariable('today') - 180 and last_stay_id is not null
        union all
        select 'empty_recorded_occupied', 'away_working', stay_id, address_id, head_id, null, stay_id, null, getvariable('today') - 200
        from stay_now where members = 1
        union all
        select 'empty_recorded_occupied', 'probate', e.address_id, e.address_id, r.person_id, null, e.last_stay_id, null, e.empty_since
        from empty_now as e join residence as r on r.stay_id = e.last_stay_id and r.role = 'head' join person as p using (person_id)
        where p.died_on between e.empty_since - 95 and e.empty_since + 95 and p.died_on <= getvariable('today')
        union all
        select 'occupied_recorded_empty', null, stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where from_day < getvariable('today') - 120
        union all
        select 'occupied_recorded_empty', 'being_renovated', address_id, address_id, null, null, last_stay_id, null, empty_since
        from empty_now where empty_since <= getvariable('today') - 180
        union all
        select 'spd_two_adults', null, stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where adults = 2 and grown_children = 0 and household_kind in (1, 2, 7)
        union all
        select 'spd_two_adults', 'student_away', stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where adults = 2 and grown_children_under_22 = 1
        union all
        select 'spd_two_adults', 'carer', stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where members = 1 and oldest_born < getvariable('today') - interval 75 year
        union all
        select 'spd_two_adults', 'just_left', s.stay_id, s.address_id, s.head_id, null, s.stay_id, null, max(r.to_day)
        from stay_now as s join residence as r using (stay_id) join person as p using (person_id)
        where s.adults = 1 and r.to_day between getvariable('today') - 40 and getvariable('today') and p.died_on is null
            and p.date_of_birth < getvariable('today') - interval 18 year
        group by all
        union all
        select 'claims_by_the_dead', null, claim_id, address_id, person_id, null, stay_id, claim_id, died_on
        from benefit_claim where died_on between getvariable('today') - 730 and getvariable('today') - 61 and to_day >= died_on - 1
        union all
        select 'claims_by_the_dead', 'just_died', claim_id, address_id, person_id, null, stay_id, claim_id, died_on
        from benefit_claim where died_on between getvariable('today') - 21 and getvariable('today') and to_day >= died_on - 1
        union all
        select 'claims_by_the_dead', 'same_name', c.claim_id, c.address_id, c.person_id, null, c.stay_id, c.claim_id, n.died_on
        from benefit_claim as c join same_name as n using (claim_id)
        union all
        select 'nino_twice', null, claim_id, address_id, person_id, null, stay_id, claim_id, from_day
        from benefit_claim where from_day <= getvariable('today') and to_day > getvariable('today')
        union all
        select 'nino_twice', 'former_name', c.claim_id, c.address_id, c.person_id, null, c.stay_id, c.claim_id, c.from_day
        from benefit_claim as c
        where c.from_day <= getvariable('today') and c.to_day > getvariable('today')
            and c.person_id in (
                select person_id
                from person_surname
                where from_day <= getvariable('today')
                group by person_id
                having count(*) > 1
            )
        union all
        select 'two_main_residences', null, stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where members = 1 and tenure = 'owner'
        union all
        select 'two_main_residences', 'lawful_second_home', stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where members = 1 and tenure = 'owner'
        union all
        select 'two_main_residences', 'just_moved', s.stay_id, s.address_id, s.head_id, null, s.stay_id, null, s.from_day
        from stay_now as s
        where s.from_day > getvariable('today') - 45
            and s.household_id in (select household_id from household_stay where to_day between getvariable('today') - 46 and getvariable('today'))
        union all
        select 'undeclared_hmo', l.look_alike, stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now cross join (values (null), ('licensed')) as l (look_alike)
        where household_kind = 4 and adults >= 5
        union all
        select 'undeclared_hmo', 'large_family', stay_id, address_id, head_id, null, stay_id, null, from_day
        from stay_now where household_kind <> 4 and members >= 6
        union all
        select 'works_without_permission', null, address_id, address_id, null, null, null, null, cast(getvariable('today') - 30 - pick('works day', address_id, 700) as date)
        from address where kind in ('house', 'named_house', 'farm') and demolished_on is null
        union all
        select 'works_without_permission', 'permitted_development', address_id, address_id, null, null, null, null, cast(getvariable('today') - 30 - pick('works day', address_id, 700) as date)
        from address where kind in ('house', 'named_house', 'farm') and demolished_on is null
        union all
        select 'unregistered_food', null, business_id, address_id, null, business_id, null, null, opened_on
        from business where is_food and opened_on < getvariable('today') - 60 and coalesce(closed_on, date '9999-12-31') > getvariable('today')
        union all
        select 'unregistered_food', 'sounds_like_food', business_id, address_id, null, business_id, null, null, opened_on
        from business where not is_food and opened_on < getvariable('today') and coalesce(closed_on, date '9999-12-31') > getvariable('today')
        union all
        select 'unregistered_food', 'closed_since', business_id, address_id, null, business_id, null, null, closed_on
        from business where is_food and closed_on between getvariable('today') - 365 and getvariable('today')
        union all
        select 'about_to_close', null, business_id, address_id, null, business_id, null, null, closed_on
        from business where closed_on > getvariable('today') and closed_on <= getvariable('today') + 90 and opened_on < getvariable('today') - 60
        union all
        select 'about_to_close', 'pays_late', business_id, address_id, null, business_id, null, null, opened_on
        from business where opened_on < getvariable('today') - 60 and coalesce(closed_on, date '9999-12-31') > getvariable('today') + 90
        union all
        select 'two_services_one_household', l.look_alike, stay_id, address_id, head_id, null, stay_id, null, cast(getvariable('today') - 40 - pick('visited', stay_id, 500) as date)
        from stay_now cross join (values (null), ('neighbours'), ('two_years_apart')) as l (look_alike)
        where from_day < getvariable('today') - 600
    )
select
    w.*,
    r.in_a_million,
    -- a case and its look-alikes are drawn apart; what is planted is no look-alike of itself
    case
        when r.look_alike = 'licensed'  -- every home of sharers that is not planted has its licence
        then not happens('plant undeclared_hmo ', w.draw_id, 1000000 - r.in_a_million)
        else happens(concat('plant ', w.case_id, ' ', w.look_alike), w.draw_id, r.in_a_million)
    end as is_drawn
from wide as w
join plant_rate as r on r.case_id = w.case_id and r.look_alike is not distinct from w.look_alike
;

create or replace temp table planted_once as
-- of two cases planted at one address one stays; a look-alike stays where no case is planted
select * exclude (in_a_million, is_drawn)
from planted_base
where is_drawn
qualify
    case
        when look_alike is null
        then row_number() over (partition by look_alike is null, address_id order by dice(case_id, draw_id)) = 1
        else not bool_or(look_alike is null) over (partition by address_id)
    end
;

create or replace temp table second_home as
-- a second dwelling for each that claims two: one that stands empty and has no other part to play
with
    free as (
        select address_id, row_number() over (order by dice('second home', address_id)) as place
        from empty_now
        where address_id not in (select address_id from planted_once)
    ),
    wanting as (
        select case_id, look_alike, draw_id, row_number() over (order by look_alike is not null, dice('wants second', draw_id)) as place
        from planted_once
        where case_id = 'two_main_residences' and look_alike is distinct from 'just_moved'
    )
select w.case_id, w.look_alike, w.draw_id, f.address_id as other_address_id
from wanting as w
join free as f using (place)
;

create or replace temp table second_claim as
-- whose number stands twice: on another claim of somebody else
with
    taking as (
        select draw_id, claim_id, person_id, row_number() over (order by dice('takes', claim_id)) as place
        from planted_once
        where case_id = 'nino_twice' and look_alike is null
    ),
    giving as (
        select person_id, row_number() over (order by dice('gives', claim_id)) as place
        from benefit_claim
        where
            from_day <= getvariable('today')
            and to_day > getvariable('today')
            and person_id not in (select person_id from taking)
    )
select t.draw_id, g.person_id as other_person_id
from taking as t
join giving as g using (place)
;

create or replace table planted as
select
    row_number() over (order by p.case_id, p.look_alike nulls first, p.draw_id) as planted_id,
    p.* exclude (draw_id),
    s.other_address_id,
    coalesce(c.other_person_id, case when p.look_alike = 'same_name' then n.dead_id end) as other_person_id
from planted_once as p
left join
    second_home as s
    on s.case_id = p.case_id
    and s.look_alike is not distinct from p.look_alike
    and s.draw_id = p.draw_id
left join same_name as n on n.claim_id = p.claim_id
left join second_claim as c on p.case_id = 'nino_twice' and p.look_alike is null and c.draw_id = p.draw_id
where
    p.case_id <> 'two_main_residences' or p.look_alike is not distinct from 'just_moved' or s.other_address_id is not null
;
