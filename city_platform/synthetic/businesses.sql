-- Businesses, who owns them from when to when, companies with their officers, and landlords.
-- Grain: one local unit; one owner of it for a time; one legal owner; one officer; one let dwelling.
-- Keys: business_id; business_id, from_day; organisation_id; organisation_id, person_id; address_id.
-- Reads: address, street, person, residence, list_chains, slot_family, slot_company_*; variables today,
-- horizon.
-- Writes: business, business_owner, organisation, officer, landlord.
create or replace temp table adult as
-- people who can own and direct: grown up and at home here before the history begins
select person_id, row_number() over (order by person_id) - 1 as place
from person
where
    date_of_birth < getvariable('today') - interval 28 year
    and coalesce(died_on, date '9999-12-31') > getvariable('horizon')
    and person_id in (select person_id from residence where from_day < getvariable('today') - interval 4 year)
;

set variable adults = (select greatest(1, count(*)) from adult)
;

create or replace temp table stint as
with
    premises as (
        select
            *,
            case
                when kind = 'pub'
                then 'pub'
                when kind = 'office'
                then
                    ['office', 'office', 'accountant', 'estate_agent', 'charity', 'care_home', 'hotel', 'school_kitchen'][
                        1 + pick('office trade', address_id, 8)
                    ]
                when kind = 'business_unit'
                then
                    ['warehouse', 'warehouse', 'factory', 'garage', 'garage', 'builder', 'cleaner', 'caterer'][
                        1 + pick('unit trade', address_id, 8)
                    ]
                when kind = 'farm'
                then 'grocer'
                when kind = 'shop'
                then 'shop'
                else 'caterer'
            end as use
        from address
        where
            (is_commercial and (kind <> 'farm' or happens('farm shop', address_id, 150000)))
            or (is_dwelling and happens('cooks at home', address_id, 4000))
    ),
    turn as (
        select
            *,
            unnest(range(9)) as k
        from premises
    ),
    timed as (
        select
            *,
            address_id * 16 + k as seed_id,
            90 + lasting('business life', address_id * 16 + k, 2200) as life,
            5 + lasting('empty shop', address_id * 16 + k, 160) as gap
        from turn
    ),
    placed as (
        select
            *,
            getvariable('today')
            - 5 * 365
            - pick('first opening', address_id, 2600)
            + cast(sum(life + gap) over (partition by address_id order by k) - life - gap as integer) as opened_on
        from timed
    )
select
    seed_id,
    address_id,
    use,
    is_dwelling,
    deprivation,
    greatest(opened_on, coalesce(built_on, date '1900-01-01')) as opened_on,
    case when opened_on + life < getvariable('horizon') then least(opened_on + life, coalesce(demolished_on, date '9999-12-31')) else demolished_on end as closed_on
from placed
where
    opened_on < getvariable('horizon')
    and opened_on + life > getvariable('today') - 5 * 365
    and opened_on + life > coalesce(built_on, date '1900-01-01')
    and opened_on < coalesce(demolished_on, date '9999-12-31')
;

create or replace temp table trading as
with
    traded as (
        select
            row_number() over (order by address_id, opened_on) as business_id,
            * replace (
                case
                    when use = 'shop'
                    then
                        [
                            'restaurant', 'restaurant', 'restaurant', 'takeaway', 'takeaway', 'takeaway', 'cafe', 'cafe',
                            'cafe', 'grocer', 'grocer', 'grocer', 'butcher', 'baker', 'hairdresser', 'hairdresser',
                            'hairdresser', 'newsagent', 'newsagent', 'pharmacy', 'clothes', 'clothes', 'clothes',
                            'estate_agent', 'charity'
                        ][1 + pick('shop trade', seed_id, 25)]
                    else use
                end as use
            )
        from stint
    )
select
    t.*,
    c.name as chain_name,
    c.legal_name as chain_legal_name
from traded as t
left join
    (
        select *, row_number() over (partition by trade order by name) - 1 as place, count(*) over (partition by trade) as chains
        from list_chains
    ) as c
    on c.trade = t.use
    and happens('belongs to a chain', t.seed_id, 110000)
    and c.place = pick('chain', t.seed_id, 1000) % c.chains
;

-- A business that moves: one that closes is the forerunner of one that opens elsewhere in the same trade
-- soon after.
create or replace temp table moved as
with
    closing as (
        select business_id, use, closed_on, row_number() over (partition by use, quarter(closed_on), year(closed_on) order by dice('moves from', business_id)) as place
        from trading
        where closed_on is not null and chain_name is null
    ),
    opening as (
        select business_id, use, opened_on, row_number() over (partition by use, quarter(opened_on), year(opened_on) order by dice('moves to', business_id)) as place
        from trading
        where chain_name is null and not is_dwelling
    )
select o.business_id, min(c.business_id) as predecessor_id
from closing as c
join
    opening as o
    on o.use = c.use
    and o.place = c.place
    and year(o.opened_on) = year(c.closed_on)
    and quarter(o.opened_on) = quarter(c.closed_on)
    and o.business_id <> c.business_id
    and happens('moves', c.business_id, 250000)
    and o.opened_on between c.closed_on - 30 and c.closed_on + 60
group by o.business_id
;

-- Where each one began: a business that moves keeps its name and its owner, however often it moves.
create or replace temp table origin as
with recursive
    back as (
        select business_id, business_id as root_id
        from trading
        union all
        select b.business_id, m.predecessor_id
        from back as b
        join moved as m on m.business_id = b.root_id
    )
select b.business_id, b.root_id, r.seed_id as root_seed, r.address_id as root_address_id, r.is_dwelling as root_at_home
from back as b
join trading as r on r.business_id = b.root_id
where b.root_id not in (select business_id from moved)
;

create or replace temp table ownership as
-- who owns from the first day, and who takes over where it changes hands; a chain, an owner of several, or
-- one of its own
with
    first_owner as (
        select
            t.*,
            m.predecessor_id,
            case
                when chain_name is not null
                then 'chain ' || chain_name
                when not o.root_at_home and happens('several sites', o.root_seed, 100000)
                then 'several ' || pick('several', o.root_seed, cast(greatest(2, divide((select count(*) from trading), 30)) as integer))
                else 'own ' || o.root_id
            end as owner_key,
            o.root_id as name_from,
            o.root_address_id,
            case
                when chain_name is null
                    and happens('changes hands', seed_id, 180000)
                    and opened_on + 400 < coalesce(closed_on, getvariable('horizon'))
                then
                    opened_on + 200 + pick(
                        'handover', seed_id, cast(coalesce(closed_on, getvariable('horizon')) - opened_on - 250 as integer)
                    )
            end as handed_over_on
        from trading as t
        join origin as o using (business_id)
        left join moved as m using (business_id)
    )
select *, 1 as turn, owner_key as key, opened_on as from_day, handed_over_on as to_day
from first_owner
union all
select *, 2, 'next ' || business_id, handed_over_on, null
from first_owner
where handed_over_on is not null
;

create or replace table organisation as
with
    founded as (
        select
            key,
            min(from_day) as first_day,
            min(business_id) as first_business,
            any_value(chain_legal_name) as chain_legal_name,
            arg_min(use, business_id) as trade,
            bool_or(is_dwelling) as at_home,
            bool_and(coalesce(to_day, closed_on) is not null) as all_ended,
            max(coalesce(to_day, closed_on)) as last_day
        from ownership
        group by key
    ),
    drawn as (
        select
            *,
            row_number() over (order by first_business, key) as organisation_id,
            case
                when trade = 'school_kitchen'
                then 'public'
                when trade = 'charity'
                then 'charity'
                when chain_legal_name is not null or key like 'several%'
                then 'company'
                when at_home
                then 'sole_trader'
                when pick('legal form', hash(key) % 1000000007, 100) < 33
                then 'sole_trader'
                when pick('legal form', hash(key) % 1000000007, 100) < 40
                then 'partnership'
                else 'company'
            end as kind
        from founded
    ),
    owned as (
        select d.*, a.person_id as owner_person_id
        from drawn as d
        left join adult as a on a.place = dice('owner', d.organisation_id) % getvariable('adults')
    )
select
    o.organisation_id,
    o.kind,
    o.key,
    o.trade,
    case
        when o.kind in ('sole_trader', 'partnership', 'company') and o.chain_legal_name is null
        then o.owner_person_id
    end as owner_person_id,
    case
        when o.chain_legal_name is not null
        then o.chain_legal_name
        when o.kind = 'sole_trader'
        then p.given_name || ' ' || p.family_name
        when o.kind = 'partnership'
        then p.given_name || ' ' || p.family_name || ' & Partners'
        when o.kind = 'public'
        then 'Eastmere Borough Council'
        else
            case pick('company name', o.organisation_id, 4)
                when 0
                then f.name || ' ' || t.word
                when 1
                then p.family_name || ' ' || t.word
                when 2
                then f.name || ' & ' || p.family_name
                else left(p.given_name, 1) || ' ' || p.family_name || ' ' || t.word
            end
            || case
                when o.kind = 'charity'
                then ' Trust'
                when pick('form', o.organisation_id, 100) < 78
                then ' LIMITED'
                when pick('form', o.organisation_id, 100) < 96
                then ' LTD'
                else ' LLP'
            end
    end as name,
    case
        when o.kind = 'company' then printf('%08d', 70000000 + o.organisation_id * 11 + pick('company number', o.organisation_id, 11))
    end as company_number,
    o.first_day - 20 - lasting('incorporated before', o.organisation_id, 900) as incorporated_on,
    case when o.kind = 'company' and o.all_ended and o.chain_legal_name is null then o.last_day + 60 + lasting('dissolved', o.organisation_id, 250) end as dissolved_on
from owned as o
left join person as p on p.person_id = o.owner_person_id
join slot_company_first as f on f.trade = o.trade and f.slot = pick('company first', o.organisation_id, 1000)
join slot_company_tail as t on t.slot = pick('company tail', o.organisation_id, 1000)
;

create or replace table business_owner as
select o.business_id, g.organisation_id, o.from_day, o.to_day
from ownership as o
join organisation as g using (key)
;

create or replace table business as
select
    o.business_id,
    o.address_id,
    o.use as trade,
    o.use in (
        'restaurant', 'takeaway', 'cafe', 'pub', 'grocer', 'butcher', 'baker', 'newsagent', 'caterer', 'hotel', 'care_home',
        'school_kitchen'
    ) as is_food,
    o.is_dwelling as is_at_home,
    coalesce(
        o.chain_name,
        case
            when o.use = 'pub'
            then f.name
            when pick('trading name', o.name_from, 10) < 4
            then f.name || ' ' || w.word
            when pick('trading name', o.name_from, 10) < 7 and p.family_name is not null
            then p.family_name || case when p.family_name like '%s' then ''' ' else '''s ' end || w.word
            else regexp_replace(s.name, ' [^ ]+$', '') || ' ' || w.word
        end
    ) as trading_name,
    o.chain_name,
    o.opened_on,
    o.closed_on,
    o.predecessor_id,
    -- how clean it is kept, about normal in thousandths; poorer wards and new owners do worse
    bell('hygiene', o.business_id) - (o.deprivation - 50) * 8 + case when o.chain_name is null then 0 else 700 end as hygiene,
    o.deprivation
from ownership as o
join organisation as g on g.key = o.key
join address as a on a.address_id = o.root_address_id
join street as s using (street_id)
left join person as p on p.person_id = g.owner_person_id
join slot_company_first as f on f.trade = o.use and f.slot = pick('trading first', o.name_from, 1000)
join slot_company_trade as w on w.trade = o.use and w.slot = pick('trading word', o.name_from, 1000)
where o.turn = 1
order by o.business_id
;

create or replace table officer as
select
    organisation_id,
    person_id,
    min(role) as role,
    min(from_day) as from_day,
    cast(null as date) as to_day
from
    (
        select organisation_id, owner_person_id as person_id, 'director' as role, incorporated_on as from_day
        from organisation
        where kind = 'company' and owner_person_id is not null
        union all
        select o.organisation_id, a.person_id, 'secretary', o.incorporated_on + 30
        from organisation as o
        join adult as a on a.place = dice('second officer', o.organisation_id) % getvariable('adults')
        where o.kind = 'company' and happens('has second officer', o.organisation_id, 450000)
    )
group by organisation_id, person_id
;

-- Let dwellings: most landlords have one or two, some have many.
create or replace table landlord as
with
    let as (
        select address_id, cast((select count(*) from address where tenure = 'private') as bigint) as lets
        from address
        where tenure = 'private' and is_dwelling
    ),
    held as (
        select
            address_id,
            case
                when happens('large landlord', address_id, 250000)
                then pick('which large', address_id, cast(1 + divide(lets, 60) as integer))
                else lets + pick('which small', address_id, cast(1 + divide(lets, 2) as integer))
            end as landlord_place,
            lets
        from let
    )
select h.address_id, a.person_id, h.landlord_place < h.lets as is_large
from held as h
join adult as a on a.place = dice('landlord', h.landlord_place) % getvariable('adults')
;
