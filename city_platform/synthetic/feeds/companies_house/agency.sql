-- The companies with a registered office in the borough, and their officers, whatever the day.
-- Grain: one company; one appointment. Keys: company_id; company_id, person_id.
-- Reads: organisation, business_owner, business, officer, address, household_stay, residence, person,
-- planted, adult,
-- list_sic, slot_company_first, slot_company_trade; variables today, horizon, adults.
-- Writes: temp companies_house_firm, companies_house_sic, companies_house_company, companies_house_officer.
-- Beside the companies that own the borough's businesses there are those that people run from home.
create or replace temp table companies_house_firm as
-- whose door many companies have for a registered office
select address_id, row_number() over (order by address_id) - 1 as place
from (select distinct address_id from business where trade in ('accountant', 'office'))
;

set variable companies_house_firms = (select greatest(1, count(*)) from companies_house_firm)
;

create or replace temp table companies_house_sic as
-- the codes of a trade, over a hundred slots
select trade, sic_code || ' - ' || sic_text as sic, slot
from
    (
        select *, row_number() over (partition by trade order by sic_code) - 1 as place, count(*) over (partition by trade) as codes
        from list_sic
    ), (select unnest(range(60)) as slot)
where slot % codes = place
;

create or replace temp table companies_house_company as
with
    owning as (
        select
            g.organisation_id,
            min(b.address_id) as lowest_address_id,
            arg_min(b.address_id, {'day': o.from_day, 'id': b.business_id}) as first_address_id,
            arg_min(b.trade, {'day': o.from_day, 'id': b.business_id}) as trade,
            max(case when p.business_id is not null then b.closed_on end) as planted_closing
        from organisation as g
        join business_owner as o using (organisation_id)
        join business as b using (business_id)
        left join (select distinct business_id from planted where case_id = 'about_to_close' and look_alike is null) as p using (business_id)
        where g.kind = 'company' and g.key not like 'chain%'
        group by g.organisation_id
    ),
    home as (
        select person_id, arg_min(address_id, {'day': from_day, 'id': residence_id}) as home_address_id
        from residence
        where person_id in (select owner_person_id from organisation)
        group by person_id
    ),
    owned as (
        select
            w.organisation_id,
            upper(g.name) as name,
            g.company_number,
            case
                when pick('companies_house office', w.organisation_id, 100) < 60
                then w.first_address_id
                when pick('companies_house office', w.organisation_id, 100) < 75
                then coalesce(f.address_id, w.first_address_id)
                when pick('companies_house office', w.organisation_id, 100) < 90
                then coalesce(h.home_address_id, w.first_address_id)
            end as address_id,
            g.incorporated_on,
            coalesce(g.dissolved_on, date '9999-12-31') as dissolved_on,
            w.trade,
            null::bigint as person_id,
            w.planted_closing
        from owning as w
        join organisation as g using (organisation_id)
        left join home as h on h.person_id = g.owner_person_id
        left join companies_house_firm as f on f.place = dice('companies_house firm', w.organisation_id) % getvariable('companies_house_firms')
    ),
    at_home as (
        select
            s.stay_id,
            s.address_id,
            cast(
                greatest(s.from_day, getvariable('today') - 4000) + lasting('companies_house founded', s.stay_id, 900) as date
            ) as incorporated_on,
            ['office', 'office', 'builder', 'builder', 'cleaner', 'accountant', 'garage', 'clothes', 'caterer', 'hairdresser'][
                1 + pick('companies_house home trade', s.stay_id, 10)
            ] as trade,
            s.to_day
        from household_stay as s
        where happens('companies_house at home', s.stay_id, 80000)
    ),
    headed as (
        select a.stay_id, min(r.person_id) as person_id
        from at_home as a
        join residence as r on r.stay_id = a.stay_id and r.role in ('head', 'sharer') and r.from_day <= a.incorporated_on and r.to_day > a.incorporated_on
        join person as p using (person_id)
        where p.date_of_birth < a.incorporated_on - interval 18 year
        group by a.stay_id
    ),
    worded as materialized (
        -- one list after the other: DuckDB would put each first word beside each word of the trade
        select a.*, w.word
        from at_home as a
        join slot_company_trade as w on w.trade = a.trade and w.slot = pick('companies_house word', a.stay_id, 1000)
        where a.incorporated_on < a.to_day
    ),
    home_named as (
        select
            a.*,
            h.person_id,
            upper(
                case pick('companies_house name', a.stay_id, 4)
                    when 0
                    then p.family_name || ' ' || a.word
                    when 1
                    then f.name || ' ' || a.word
                    when 2
                    then left(p.given_name, 1) || ' ' || p.family_name || ' ' || a.word
                    else left(p.given_name, 1) || left(coalesce(p.middle_name, p.family_name), 1) || left(p.family_name, 1) || ' ' || a.word
                end
            ) as stem
        from worded as a
        join headed as h using (stay_id)
        join person as p using (person_id)
        join slot_company_first as f on f.trade = a.trade and f.slot = pick('companies_house first', a.stay_id, 1000)
    ),
    home_company as (
        -- no two companies have the same name
        select
            null::bigint as organisation_id,
            stem
            || case row_number() over (partition by stem order by incorporated_on, stay_id)
                when 1
                then ''
                when 2
                then ' (EASTMERE)'
                when 3
                then ' OF EASTMERE'
                else ' ' || row_number() over (partition by stem order by incorporated_on, stay_id)
            end
            || case when pick('companies_house form', stay_id, 10) < 6 then ' LTD' else ' LIMITED' end as name,
            printf('%08d', 10000000 + stay_id * 9 + pick('companies_house number', stay_id, 9)) as company_number,
            address_id,
            incorporated_on,
            incorporated_on + 500 + lasting('companies_house lives', stay_id, 2500) as dissolved_on,
            trade,
            person_id,
            null::date as planted_closing
        from home_named
    ),
    both_kinds as (
        select *
        from owned
        where address_id is not null
        union all
        select *
        from home_company
    )
select
    cast(b.company_number as bigint) as company_id,
    b.*,
    s.sic,
    -- how long after the year's end the accounts come in, some too late; who is about to close often stops
    -- sending them
    90
    + pick('companies_house files', cast(b.company_number as bigint), 180)
    + case when happens('companies_house files late', cast(b.company_number as bigint), 70000) then 150 else 0 end as files_after,
    coalesce(
        case
            when happens('companies_house stops filing', cast(b.company_number as bigint), 650000)
            then coalesce(b.planted_closing - 480, case when b.dissolved_on < date '9999-12-31' then b.dissolved_on - 600 end)
        end,
        date '9999-12-31'
    ) as files_until
from both_kinds as b
join companies_house_sic as s on s.trade = b.trade and s.slot = pick('companies_house sic', cast(b.company_number as bigint), 60)
where b.dissolved_on > getvariable('today') - 5
;

create or replace temp table companies_house_officer as
with
    appointed as (
        select c.company_id, o.person_id, o.role, o.from_day, null::date as resigned_on
        from companies_house_company as c
        join officer as o using (organisation_id)
        union all
        select company_id, person_id, 'director', incorporated_on, null
        from companies_house_company
        where organisation_id is null
        union all
        -- who was a director once
        select
            c.company_id,
            a.person_id,
            'director',
            c.incorporated_on,
            cast(c.incorporated_on + 150 + pick('companies_house resigned', c.company_id, 1500) as date)
        from companies_house_company as c
        join adult as a on a.place = dice('companies_house former', c.company_id) % getvariable('adults')
        where happens('companies_house had another', c.company_id, 200000)
    )
select * from appointed qualify row_number() over (partition by company_id, person_id order by resigned_on nulls first, role) = 1
;
