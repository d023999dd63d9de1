-- What the council pays to whom, and gives, whatever the day.
-- Grain: one supplier's name in the hat (a busy one has several); one payment; one grant.
-- Keys: place; payment_id; grant_id.
-- Reads: organisation, business_owner, business, planted, slot_company_first, slot_company_trade; variables
-- addresses,
-- today, horizon.
-- Writes: temp finance_body, finance_supplier, finance_payment, finance_grant.
create or replace temp table finance_body as
-- who runs what from when to when; somebody who trades alone is paid under the name over the door
select
    g.organisation_id,
    arg_min(b.business_id, {'day': o.from_day, 'id': b.business_id}) as business_id,
    arg_min(b.trade, {'day': o.from_day, 'id': b.business_id}) as trade,
    count(*) as businesses,
    any_value(g.kind) as kind,
    any_value(g.owner_person_id) as person_id,
    any_value(g.company_number) as company_number,
    case
        when any_value(g.kind) in ('sole_trader', 'partnership')
        then arg_min(b.trading_name, {'day': o.from_day, 'id': b.business_id})
        else any_value(g.name)
    end as name,
    arg_min(b.trading_name, {'day': o.from_day, 'id': b.business_id}) as trading_name,
    min(o.from_day) as from_day,
    max(coalesce(o.to_day, b.closed_on, date '9999-12-31')) as to_day
from business_owner as o
join business as b using (business_id)
join organisation as g using (organisation_id)
where g.kind <> 'public'
group by g.organisation_id
;

create or replace temp table finance_supplier as
with
    outside as (
        select
            unnest(range(cast(60 + divide(getvariable('addresses'), 250) as integer))) as outside_id
    ),
    outside_named as (
        select
            outside_id,
            ['office', 'builder', 'builder', 'care_home', 'care_home', 'cleaner', 'garage', 'accountant', 'warehouse', 'factory'][
                1 + pick('finance outside trade', outside_id, 10)
            ] as trade
        from outside
    ),
    outside_worded as materialized (
        select o.*, f.name as first_word
        from outside_named as o
        join slot_company_first as f on f.trade = o.trade and f.slot = pick('finance outside first', o.outside_id, 1000)
    ),
    hat as (
        select
            b.organisation_id,
            null::bigint as outside_id,
            case when b.businesses = 1 then b.business_id end as business_id,
            b.trade,
            b.kind,
            b.person_id,
            b.company_number,
            b.name,
            b.trading_name,
            b.from_day,
            b.to_day,
            -- about eight in a hundred supply, of some trades more than of others
            case
                when
                    not happens(
                        'finance supplies',
                        b.organisation_id,
                        case
                            when b.trade in ('builder', 'cleaner', 'care_home', 'charity', 'caterer')
                            then 420000
                            when b.trade in ('garage', 'office', 'warehouse', 'accountant', 'factory', 'hotel')
                            then 300000
                            else 45000
                        end
                    )
                then 0
                when b.trade in ('builder', 'cleaner', 'care_home', 'charity')
                then 5
                when b.trade in ('garage', 'office', 'warehouse', 'caterer')
                then 3
                when b.trade in ('accountant', 'factory', 'hotel')
                then 2
                else 1
            end as times
        from finance_body as b
        where not (b.kind = 'sole_trader' and b.trade = 'caterer' and happens('finance never', b.organisation_id, 700000))
        union all
        select
            null,
            o.outside_id,
            null,
            o.trade,
            'company',
            null,
            printf('%08d', 4000000 + o.outside_id * 13 + pick('finance outside number', o.outside_id, 13)),
            o.first_word || ' ' || w.word || case pick('finance outside form', o.outside_id, 6) when 0 then ' PLC' when 1 then ' LLP' when 2 then ' LTD' when 3 then ' LTD' else ' LIMITED' end,
            o.first_word || ' ' || w.word,
            date '1900-01-01',
            date '9999-12-31',
            2 + pick('finance outside size', o.outside_id, 14)
        from outside_worded as o
        join slot_company_trade as w on w.trade = o.trade and w.slot = pick('finance outside word', o.outside_id, 1000)
    ),
    put_in as (
        select *, unnest(range(times)) as n
        from hat
    )
select * exclude (times), row_number() over (order by outside_id is null, outside_id, organisation_id, n) - 1 as place
from put_in
;

set variable finance_places = (select count(*) from finance_supplier)
;

create or replace temp table finance_payment as
with
    month as (
        select
            cast(month_day as date) as month_day,
            (year(month_day) - 2020) * 12 + month(month_day) as month_id
        from (
            select unnest(
                generate_series(
                    cast(date_trunc('month', getvariable('today') - interval 25 month) as date),
                    getvariable('horizon'),
                    interval 1 month
                )
            ) as month_day
        )
    ),
    slot as (
        select month_day, month_id * 10000000 + unnest(range(cast(20 + divide(getvariable('addresses'), 20) as integer))) as payment_id
        from month
    ),
    dated as (
        select
            payment_id,
            month_day + pick('finance day', payment_id, 28) as drawn_on,
            dice('finance supplier', payment_id) % getvariable('finance_places') as place,
            happens('finance redacted', payment_id, 40000) as is_redacted
        from slot
    ),
    paid as (
        select
            d.payment_id,
            d.drawn_on,
            d.is_redacted,
            s.organisation_id,
            s.outside_id,
            s.business_id,
            s.trade,
            s.kind,
            s.person_id,
            s.company_number,
            s.name,
            s.trading_name,
            false as is_planted
        from dated as d
        join finance_supplier as s using (place)
        where d.drawn_on between s.from_day + 30 and s.to_day + 30
        union all
        -- food that the council ate, from kitchens that nobody registered
        select
            9000000000 + p.business_id * 4 + p.k,
            cast(
                greatest(p.opened_on + 40, getvariable('today') - 600)
                + pick(
                    'finance fed',
                    p.business_id * 4 + p.k,
                    cast(greatest(1, getvariable('today') - 20 - greatest(p.opened_on + 40, getvariable('today') - 600)) as integer)
                ) as date
            ),
            false,
            b.organisation_id,
            null,
            p.business_id,
            p.trade,
            b.kind,
            b.person_id,
            b.company_number,
            case when b.kind in ('sole_trader', 'partnership') then p.trading_name else b.name end,
            p.trading_name,
            true
        from
            (
                select
                    p.business_id,
                    u.trade,
                    u.trading_name,
                    u.opened_on,
                    unnest(range(1 + pick('finance meals', p.business_id, 3))) as k
                from planted as p
                join business as u using (business_id)
                where
                    p.case_id = 'unregistered_food'
                    and p.look_alike is null
                    and (
                        u.trade = 'caterer'
                        or (u.trade in ('restaurant', 'takeaway', 'cafe', 'baker', 'pub', 'hotel') and happens('finance eats', p.business_id, 300000))
                    )
            ) as p
        join
            (
                select business_id, arg_max(organisation_id, from_day) as organisation_id
                from business_owner
                where from_day <= getvariable('today')
                group by business_id
            ) as o using (business_id)
        join finance_body as b using (organisation_id)
    ),
    twice as (
        select *, false as is_repeat
        from paid
        union all
        -- the same invoice paid again, under a number of its own
        select * replace (payment_id + 5000000 as payment_id, drawn_on + 4 + pick('finance again', payment_id, 30) as drawn_on), true
        from paid
        where dirty('near_repeat', 'finance/payments', payment_id) and not is_planted
    )
select
    * exclude (drawn_on),
    cast(drawn_on + case dayofweek(drawn_on) when 0 then 1 when 6 then 2 else 0 end as date) as paid_on,
    -- the payment that an amount and a text belong to
    case when is_repeat then payment_id - 5000000 else payment_id end as invoice_id
from twice
;

create or replace temp table finance_grant as
with
    recipient as (
        select *, row_number() over (order by organisation_id, n) - 1 as place
        from
            (
                select
                    *,
                    unnest(
                        range(
                            case
                                when kind = 'charity'
                                then 4
                                when kind = 'company' and businesses > 1
                                then 0
                                when happens('finance asks for a grant', organisation_id, 120000)
                                then 1
                                else 0
                            end
                        )
                    ) as n
                from finance_body
            )
    ),
    -- rounds are held each quarter, for ten years whatever the history's length
    slot as (
        select
            unnest(range(cast(40 * (6 + divide(getvariable('addresses'), 1000)) as integer))) as grant_id
    ),
    counted as (
        select count(*) as recipients from recipient
    )
select
    s.grant_id,
    cast(
        date '2021-07-15' + interval 3 month * cast(s.grant_id % 40 as integer) + interval 1 day * pick('finance round', s.grant_id, 12) as date
    ) as awarded_on,
    r.* exclude (n, place)
from slot as s
cross join counted as c
join recipient as r on r.place = dice('finance recipient', s.grant_id) % c.recipients
where
    cast(date '2021-07-15' + interval 3 month * cast(s.grant_id % 40 as integer) as date) between r.from_day + 60 and r.to_day
;
