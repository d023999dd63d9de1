-- Water used in each of the five latest years, in bands; the running year as if it went on as it began.
-- Grain: one premises and year. Key: PREMISES_ID, YEAR.
-- Reads: water_company_premises, residence, business; variable day. Writes: temp sending.
-- Read up to the last day of the month before.
set variable water_company_read = (select cast(date_trunc('month', getvariable('day')) as date))
;

create or replace temp table sending as
with
    span as (
        select
            y as year,
            make_date(y, 1, 1) as from_day,
            least(make_date(y + 1, 1, 1), getvariable('water_company_read')) as to_day
        from (select unnest(range(5)) + year(getvariable('water_company_read') - 1) - 4 as y)
    ),
    lived as (
        select
            r.address_id,
            s.year,
            sum(least(r.to_day, s.to_day) - greatest(r.from_day, s.from_day)) as person_days,
            max(least(r.to_day, s.to_day)) - min(greatest(r.from_day, s.from_day)) as home_days
        from residence as r
        cross join span as s
        where r.from_day < s.to_day and r.to_day > s.from_day
        group by r.address_id, s.year
    ),
    traded as (
        select
            b.address_id,
            s.year,
            sum(
                (least(coalesce(b.closed_on, s.to_day), s.to_day) - greatest(b.opened_on, s.from_day))
                * case
                    when b.is_at_home
                    then 60
                    when b.trade in ('pub', 'hotel', 'care_home', 'restaurant', 'hairdresser', 'school_kitchen', 'factory')
                    then 1500
                    when b.is_food
                    then 700
                    else 180
                end
            ) as litres
        from business as b
        cross join span as s
        where b.opened_on < s.to_day and coalesce(b.closed_on, date '9999-12-31') > s.from_day
        group by b.address_id, s.year
    ),
    used as (
        select
            p.*,
            s.year,
            s.to_day - s.from_day as days,
            s.to_day,
            p.supply_id * 4096 + s.year as reading_id,
            coalesce(l.home_days, 0) as home_days,
            coalesce(t.litres, 0) as business_litres,
            -- 50 litres a day for the home, 105 for each who lives there; away, a tenth of it
            divide((coalesce(l.home_days, 0) * 50 + coalesce(l.person_days, 0) * 105) * p.habit, 1000)
            - case
                when p.away_since < s.to_day
                then
                    divide((s.to_day - greatest(p.away_since, s.from_day)) * 140 * p.habit, 1000)
                else 0
            end as home_litres
        from water_company_premises as p
        join span as s on p.built_on < s.to_day and p.demolished_on > s.from_day
        left join lived as l on l.address_id = p.address_id and l.year = s.year
        left join traded as t on t.address_id = p.address_id and t.year = s.year
    ),
    measured as (
        select
            *,
            -- cubic metres a year
            divide((
                divide(
                    greatest(0, home_litres)
                    * (1000 + divide(bell('water year', reading_id) * case when is_metered then 80 else 250 end, 1000)),
                    1000
                )
                + business_litres
                -- builders mix concrete and wash down
                + case when works_since < to_day then 130 * least(days, to_day - works_since) else 0 end
                -- now and then somebody sleeps there
                + case when is_second_home then 18 * days else 0 end
                -- leaks, and taps that are run so that pipes do not burst
                + case
                    when happens('water leak', reading_id, 12000)
                    then 150 * days
                    when happens('water drip', reading_id, 120000)
                    then 15 * days
                    else 0
                end
            )
            * 365, days * 1000) as cubic_metres
        from used
    )
select
    premises_id as "PREMISES_ID",
    address as "SUPPLY_ADDRESS",
    uprn as "UPRN",
    year as "YEAR",
    case
        when cubic_metres < 2
        then 'NONE'
        when cubic_metres < 25
        then 'VERY LOW'
        when cubic_metres < 60
        then 'LOW'
        when cubic_metres < 130
        then 'MEDIUM'
        when cubic_metres < 230
        then 'HIGH'
        else 'VERY HIGH'
    end as "CONSUMPTION_BAND",
    case when is_metered then 'Y' else 'N' end as "METERED",
    case
        when (home_days > 90 or business_litres > 0) <> happens('water occupied', reading_id, 40000)
        then 'Y'
        else 'N'
    end as "OCCUPIED",
    premises_id || '|' || year as _key,
    reading_id as _order,
    address_id as _address_id,
    kinds as _dirt
from measured
;
