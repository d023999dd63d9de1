-- The water company's premises, as it wrote them down once.
-- Grain: one premises. Key: premises_id.
-- Reads: address, address_text, planted; variable today. Writes: temp water_company_premises.
create or replace temp table water_company_premises as
with
    supplied as (
        select
            address_id,
            0 as turn,
            address_id * 2 as supply_id,
            is_dwelling,
            coalesce(built_on, date '1900-01-01') as built_on,
            coalesce(demolished_on, date '9999-12-31') as demolished_on
        from address
        where is_dwelling or is_commercial
    ),
    entered as (
        select * from supplied
        union all
        -- some stand in the list twice
        select * replace (1 as turn, supply_id + 1 as supply_id)
        from supplied
        where dirty('near_repeat', 'water_company/consumption', address_id)
    ),
    marked as (
        select
            address_id,
            max(case when look_alike = 'away_working' then from_day end) as away_since,
            max(case when look_alike = 'being_renovated' then greatest(from_day, getvariable('today') - 400) end) as works_since
        from planted
        where
            look_alike = 'away_working'
            -- what is planted as empty stays dry
            or (
                look_alike = 'being_renovated'
                and address_id not in (
                    select address_id
                    from planted
                    where case_id = 'empty_recorded_occupied' and look_alike is null
                )
            )
        group by address_id
    ),
    second as (
        select distinct other_address_id as address_id
        from planted
        where case_id = 'two_main_residences' and other_address_id is not null
    ),
    written as materialized (
        select
            e.*,
            m.away_since,
            m.works_since,
            c.address_id is not null as is_second_home,
            t.uprn as true_uprn,
            write_address(t, 'water_company/consumption', e.supply_id) as place
        from entered as e
        join address_text as t using (address_id)
        left join marked as m using (address_id)
        left join second as c using (address_id)
    )
select
    printf('%010d', 1000000000 + supply_id * 387420489 % 999999937) as premises_id,
    address_id,
    turn,
    supply_id,
    is_dwelling,
    built_on,
    demolished_on,
    away_since,
    works_since,
    is_second_home,
    upper(one_line(place)) as address,
    -- the company took the numbers over from elsewhere, and not many of them
    case when pick('water has number', supply_id, 100) < 55 then place.uprn end as uprn,
    list_concat(
        place.kinds,
        case when turn = 1 then ['near_repeat'] else [] end,
        case
            when pick('water has number', supply_id, 100) >= 55
            then []
            when place.uprn is null
            then ['missing_uprn']
            when place.uprn <> true_uprn
            then ['wrong_uprn']
            else []
        end
    ) as kinds,
    happens('water metered', address_id, 580000) as is_metered,
    -- how thirsty a home is, in thousandths, and how leaky
    greatest(400, 1000 + divide(bell('water habit', address_id), 4)) as habit
from written
;
