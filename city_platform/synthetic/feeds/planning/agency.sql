-- Works at homes, new buildings and changes of use, with and without permission, whatever the day.
-- Grain: one piece of work. Key: work_id.
-- Reads: address, business, business_owner, organisation, landlord, residence, empty_now, planted; variable
-- today. Writes: temp planning_work.
-- Building control draws ordinary works, what they are and whether they were granted by the same streams.
create or replace temp macro planning_weekday(day) as cast(
    day + case isodow(day) when 6 then 2 when 7 then 1 else 0 end as date
)
;

create or replace temp table planning_work as
with
    planted_work as (
        select address_id, from_day, coalesce(look_alike, 'without_permission') as why
        from planted
        where case_id = 'works_without_permission'
    ),
    builder as (
        select organisation_id, row_number() over (order by organisation_id) - 1 as place
        from organisation
        where trade = 'builder' and kind = 'company'
    ),
    builders as (select greatest(1, count(*)) as builders from builder),
    new_trade as (
        -- who opens: some ask for the change of use first, a few only once they are told to
        select
            b.address_id,
            b.opened_on,
            o.organisation_id,
            b.trade in ('takeaway', 'restaurant', 'cafe') as is_kitchen
        from business as b
        join
            (
                select business_id, arg_min(organisation_id, from_day) as organisation_id
                from business_owner
                group by business_id
            ) as o using (business_id)
        where
            not b.is_at_home
            and b.opened_on between getvariable('today') - 1700 and getvariable('today') + 360
        qualify row_number() over (partition by b.address_id, is_kitchen order by b.opened_on, b.business_id) = 1
    ),
    every_work as (
        -- an extension or a loft, some time in the five years and the one to come
        select
            address_id * 8 as work_id,
            address_id,
            getvariable('today') - 1650 + pick('planning when', address_id, 2010) as begun_on,
            'ordinary' as why,
            null::bigint as organisation_id
        from address
        where
            kind in ('house', 'named_house', 'farm')
            and happens('planning extends', address_id, 90000)
            and built_on is null
            and demolished_on is null
            and address_id not in (select address_id from planted_work)
        union all
        select address_id * 8 + 1, address_id, from_day, why, null
        from planted_work
        union all
        select address_id * 8 + 2, address_id, opened_on - 60, 'change_of_use', organisation_id
        from new_trade
        where is_kitchen
        union all
        select address_id * 8 + 6, address_id, opened_on - 20, 'shopfront', organisation_id
        from new_trade
        where not is_kitchen and happens('planning shopfront', address_id, 160000)
        union all
        select a.address_id * 8 + 4, a.address_id, a.built_on - 330, 'new_building', b.organisation_id
        from address as a
        cross join builders as n
        left join builder as b on b.place = dice('planning builder', a.address_id) % n.builders
        where a.parent_id is null and a.built_on is not null
        union all
        select address_id * 8 + 5, address_id, demolished_on - 30, 'demolition', null
        from address
        where parent_id is null and demolished_on is not null
        union all
        -- gardens and yards of houses where nobody lives
        select address_id * 8 + 7, address_id, empty_since + 90, 'untidy', null
        from empty_now
        where happens('planning untidy', address_id, 45000)
    ),
    drawn as (
        select
            *,
            -- retrospective where the trade began without asking
            why = 'change_of_use' and not happens('planning change of use', work_id, 500000) as asks_late,
            pick('planning decision', work_id, 100) as fate
        from every_work
    ),
    dated as (
        select
            *,
            case
                when why = 'without_permission' and happens('planning noticed', work_id, 620000)
                then begun_on + 10 + pick('planning notices', work_id, 200)
                when why = 'permitted_development' and happens('planning suspected', work_id, 350000)
                then begun_on + 10 + pick('planning notices', work_id, 200)
                when why = 'ordinary' and fate < 82 and happens('planning complaint', work_id, 30000)
                then begun_on + 10 + pick('planning notices', work_id, 100)
                when asks_late and happens('planning trade noticed', work_id, 100000)
                then begun_on + 90 + pick('planning notices', work_id, 200)
                when why = 'untidy'
                then greatest(begun_on, getvariable('today') - 1700) + pick('planning notices', work_id, 300)
            end as alleged_drawn
        from drawn
    ),
    asked as (
        select
            *,
            -- what is done without permission, or needs none, is not applied for; some ask for a certificate
            case
                when why = 'ordinary' or (why = 'change_of_use' and not asks_late) or why in ('shopfront', 'demolition')
                then begun_on - 110 - pick('planning ahead', work_id, 60)
                when why = 'new_building'
                then begun_on - 200 - pick('planning ahead', work_id, 120)
                when why = 'permitted_development' and happens('planning certificate', work_id, 250000)
                then begun_on - 100
                when asks_late
                then alleged_drawn + 30 + pick('planning ahead', work_id, 30)
            end as received_drawn
        from dated
    ),
    weekday as (
        select
            * exclude (alleged_drawn, received_drawn),
            planning_weekday(alleged_drawn) as alleged_on,
            planning_weekday(received_drawn) as received_on
        from asked
        where alleged_drawn is not null or received_drawn is not null
    ),
    lived as (
        -- who lived there when it was asked for
        select w.work_id, min(r.person_id) as person_id
        from weekday as w
        join residence as r on r.address_id = w.address_id and r.from_day <= w.received_on and r.to_day > w.received_on
        where r.role = 'head'
        group by w.work_id
    )
select
    w.*,
    case
        when o.organisation_id is not null
        then case when o.kind in ('sole_trader', 'partnership') then o.owner_person_id end
        -- of a rented home the landlord asks
        when why in ('ordinary', 'permitted_development')
        then coalesce(t.person_id, l.person_id)
        else l.person_id
    end as person_id,
    case when o.kind not in ('sole_trader', 'partnership') then o.name end as company,
    -- a two storey extension is no permitted development
    cast(
        case
            why
            when 'without_permission'
            then [0, 1, 2, 2][1 + pick('works kind', work_id, 4)]
            when 'permitted_development'
            then [0, 1, 3, 0][1 + pick('works kind', work_id, 4)]
            else pick('works kind', work_id, 4)
        end as integer
    ) as works,
    row_number() over (partition by year(received_on) order by received_on, work_id) as application_place,
    row_number() over (partition by year(alleged_on) order by alleged_on, work_id) as case_place
from weekday as w
left join organisation as o using (organisation_id)
left join landlord as t using (address_id)
left join lived as l using (work_id)
;
