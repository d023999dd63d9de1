-- The ground: wards, streets, postcodes and addresses.
-- Grain: one ward, one street, one address. Key: ward_id, street_id, address_id.
-- Reads: list_street_words, slot_street_first, slot_street_suffix, slot_block_name,
-- slot_farm_name (names.py); variables seed, addresses, today.
-- Writes: ward, street, address.
-- Streets lie along the axes of a grid of 200 m, so a coordinate needs no sine. The grid lies in the sea
-- off Essex:
-- no coordinate of Eastmere is anybody's home.
set variable street_count = (select cast(divide(getvariable('addresses'), 42) + 12 as integer))
;

set variable grid = (select cast(ceil(sqrt(getvariable('street_count'))) as integer))
;

set
    variable ward_grid
    = (select cast(least(9, greatest(2, round(sqrt(getvariable('addresses') / 1250)))) as integer))
;

create or replace temp table first_word as
select word, row_number() over (order by dice('word', hash(word)), word) - 1 as place
from list_street_words
where kind = 'first'
;

create or replace table ward as
select
    w.ward_id,
    f.word as ward,
    printf('E05099%03d', w.ward_id + 1) as ward_code,
    f.word || [' Green', ' End', ' Cross', ' Hill', ' Town', ' Bank'][
        1 + pick('locality', w.ward_id, 6)
    ] as locality,
    -- how poor a ward is, 0 to 100: tenure, hygiene, complaints and benefits follow it
    pick('deprivation', w.ward_id, 101) as deprivation
from (select unnest(range(cast(getvariable('ward_grid') * getvariable('ward_grid') as integer))) as ward_id) as w
join first_word as f on f.place = w.ward_id
;

create or replace temp table laid_street as
select
    n as street_id,
    cast(n % getvariable('grid') as integer) as grid_column,
    cast(divide(n, getvariable('grid')) as integer) as grid_row,
    case
        when p < 42
        then 'terrace'
        when p < 72
        then 'semi'
        when p < 80
        then 'blocks'
        when p < 87
        then 'high_street'
        when p < 90
        then 'business_park'
        else 'rural'
    end as kind
from
    (
        select unnest(range(cast(getvariable('street_count') as integer))) as n
    ), lateral(select pick('street kind', n, 100) as p)
;

create or replace table street as
with
    placed as (
        select
            s.*,
            divide(grid_row * getvariable('ward_grid'), getvariable('grid'))
            * getvariable('ward_grid')
            + divide(grid_column * getvariable('ward_grid'), getvariable('grid')) as ward_id,
            pick('first word', street_id, 1000) as first_slot,
            pick('suffix', street_id, 1000) as suffix_slot
        from laid_street as s
    ),
    named as (
        select
            p.*,
            w.locality,
            case
                when p.kind = 'high_street' and p.street_id % 3 = 0
                then 'High Street'
                else f.name || ' ' || case
                    when p.kind = 'rural'
                    then ['Lane', 'Road', 'Hill', 'Way'][1 + p.suffix_slot % 4]
                    when p.kind = 'business_park'
                    then ['Road', 'Way', 'Drive'][1 + p.suffix_slot % 3]
                    else t.name
                end
            end as plain_name
        from placed as p
        join ward as w using (ward_id)
        join slot_street_first as f on f.slot = p.first_slot
        join slot_street_suffix as t on t.slot = p.suffix_slot
    ),
    numbered as (
        -- within a locality a name stands once
        select *, row_number() over (partition by locality, plain_name order by street_id) as turn
        from named
    )
select
    street_id,
    cast(99900000 + street_id * 3 + pick('usrn', street_id, 3) as integer) as usrn,
    case
        when turn = 1
        then plain_name
        when turn <= 9
        then ['Upper', 'Lower', 'Old', 'New', 'Little', 'Great', 'North', 'South'][turn - 1] || ' ' || plain_name
        else plain_name || ' ' || turn
    end as name,
    kind,
    cast(ward_id as integer) as ward_id,
    locality,
    'Eastmere' as town,
    cast(620000 + grid_column * 200 + 20 as integer) as x,
    cast(175000 + grid_row * 200 + 20 as integer) as y,
    pick('direction', street_id, 2) = 1 as runs_north
from numbered
;

create or replace temp table site as
with
    plotted as (
        select
            s.*,
            w.deprivation,
            case
                s.kind
                when 'terrace'
                then 30 + pick('plots', street_id, 40)
                when 'semi'
                then 16 + pick('plots', street_id, 40)
                when 'blocks'
                then 3 + pick('plots', street_id, 6)
                when 'high_street'
                then 24 + pick('plots', street_id, 40)
                when 'business_park'
                then 8 + pick('plots', street_id, 16)
                else 4 + pick('plots', street_id, 8)
            end as plots
        from street as s
        join ward as w using (ward_id)
    ),
    plot as (
        select *, unnest(range(1, plots + 1)) as number from plotted
    ),
    drawn as (
        select *, street_id * 100 + number as site_id, pick('site kind', street_id * 100 + number, 100) as p
        from plot
    )
select
    site_id,
    street_id,
    name as street_name,
    number,
    plots,
    deprivation,
    x,
    y,
    runs_north,
    case
        when kind = 'terrace'
        then
            case
                when p < 80
                then 'house'
                when p < 93
                then 'converted'
                when p < 97
                then 'shop_with_flat'
                else 'house'
            end
        when kind = 'semi'
        then case when p < 95 then 'house' when p < 98 then 'converted' else 'shop' end
        when kind = 'blocks'
        then 'block'
        when kind = 'high_street'
        then
            case
                when p < 55
                then 'shop_with_flat'
                when p < 78
                then 'shop'
                when p < 86
                then 'office'
                when p < 91
                then 'pub'
                when p < 95
                then 'converted'
                else 'house'
            end
        when kind = 'business_park'
        then 'business_unit'
        else case when p < 35 then 'farm' else 'named_house' end
    end as kind,
    case
        kind
        when 'blocks'
        then 12 + pick('flats', site_id, 37)
        when 'terrace'
        then 2 + pick('flats', site_id, 4)
        else 2 + pick('flats', site_id, 3)
    end as flats
from drawn
;

create or replace temp table door as
-- one row a door: the site itself, and each part of it
select site_id, 0 as part, kind, flats, street_id, street_name, number, plots, deprivation, x, y, runs_north
from site
union all
select site_id, unnest(range(1, flats + 1)), case kind when 'block' then 'flat_block' else 'flat_converted' end,
    flats, street_id, street_name, number, plots, deprivation, x, y, runs_north
from site
where kind in ('block', 'converted')
union all
select site_id, p.part, case p.part when 1 then 'shop' else 'flat_above' end, flats, street_id, street_name, number, plots, deprivation, x, y, runs_north
from site
cross join (values (1), (2)) as p (part)
where kind = 'shop_with_flat'
;

create or replace table address as
with
    cut as (
        select *, row_number() over (order by site_id, part) as address_id
        from door
        qualify address_id <= getvariable('addresses')
    ),
    sited as (
        select
            *,
            min(address_id) over (partition by site_id) as site_address_id,
            count(*) over (partition by site_id) > 1 as has_parts,
            -- sixteen plots of a street share a postcode
            dense_rank() over (order by street_id, divide(number, 16)) - 1 as postcode_place,
            case
                when happens('new site', site_id, 15000)
                then getvariable('today') - pick('built', site_id, 1600)
            end as built_on,
            case
                when part = 0 and happens('gone', site_id, 5000)
                then getvariable('today') - 30 - pick('demolished', site_id, 1700)
            end as site_demolished_on
        from cut
    ),
    settled as (
        select
            s.*,
            max(site_demolished_on) over (partition by site_id) as demolished_on_drawn,
            ['A', 'B', 'C', 'D', 'E', 'F'] as letters
        from sited as s
    )
select
    address_id,
    999000000000 + address_id * 7 + pick('uprn', address_id, 7) as uprn,
    case when part > 0 then site_address_id end as parent_id,
    site_address_id as site_id,
    case when part > 0 then 'unit' when has_parts then 'building' else 'site' end as level,
    kind,
    case
        when kind in ('house', 'named_house')
        then ['RD02', 'RD03', 'RD04'][1 + pick('house class', site_id, 3)]
        when kind in ('flat_block', 'flat_converted', 'flat_above')
        then 'RD06'
        when kind = 'farm'
        then 'RD02'
        when kind in ('converted', 'block', 'shop_with_flat')
        then 'PP'
        when kind = 'shop'
        then 'CR08'
        when kind = 'office'
        then 'CO01'
        when kind = 'pub'
        then 'CR06'
        else 'CI04'
    end as class_code,
    case
        when part = 0 and kind = 'business_unit'
        then 'UNIT ' || number
        when kind = 'flat_block'
        then 'FLAT ' || part
        when kind = 'flat_converted'
        then
            case pick('flat style', site_id, 3)
                when 0
                then 'FLAT ' || part
                when 1
                then 'FLAT ' || letters[part]
                else
                    ['GROUND FLOOR FLAT', 'FIRST FLOOR FLAT', 'SECOND FLOOR FLAT', 'TOP FLOOR FLAT', 'BASEMENT FLAT'][part]
            end
        when kind = 'flat_above'
        then ['FLAT', 'FIRST FLOOR FLAT', 'FLAT ABOVE'][1 + pick('above style', site_id, 3)]
        when part = 1 and kind = 'shop'
        then ['GROUND FLOOR', 'SHOP'][1 + pick('shop style', site_id, 2)]
    end as sao_text,
    case when kind in ('farm', 'named_house', 'business_unit') then null else cast(number as integer) end as pao_number,
    case
        when kind = 'house' and happens('letter', site_id, 12000)
        then 'A'
    end as pao_suffix,
    case
        when kind in ('shop', 'office') and part = 0 and happens('double front', site_id, 60000)
        then cast(number + 2 as integer)
    end as pao_number_end,
    upper(
        case
            when kind = 'farm'
            then farm.name
            when kind = 'named_house'
            then house.name || [' Cottage', ' Lodge', ' House', ' Barn'][1 + pick('house name end', site_id, 4)]
            when kind = 'business_unit'
            then
                regexp_replace(street_name, ' [^ ]+$', '')
                || [' Business Park', ' Trading Estate', ' Industrial Estate'][1 + pick('park', street_id, 3)]
            when kind in ('block', 'flat_block')
            then tower.name
        end
    ) as pao_text,
    street_id,
    printf(
        'EM%d %d%s%s',
        1 + divide(postcode_place, 4000),
        divide(postcode_place, 400) % 10,
        substr('ABDEFGHJLNPQRSTUWXYZ', 1 + divide(postcode_place, 20) % 20, 1),
        substr('ABDEFGHJLNPQRSTUWXYZ', 1 + postcode_place % 20, 1)
    ) as postcode,
    cast(case when runs_north then x + 8 + number % 2 * 24 else x + divide(number * 160, plots + 1) end as integer) as x,
    cast(case when runs_north then y + divide(number * 160, plots + 1) else y + 8 + number % 2 * 24 end as integer) as y,
    kind in ('house', 'named_house', 'farm', 'flat_block', 'flat_converted', 'flat_above') as is_dwelling,
    kind in ('shop', 'office', 'pub', 'business_unit', 'farm') as is_commercial,
    case
        when kind in ('flat_block')
        then
            case
                when pick('block tenure', site_id, 100) < 25 + divide(deprivation, 3)
                then 'council'
                when pick('block tenure', site_id, 100) < 70
                then case when pick('tenure', address_id, 100) < 45 then 'owner' else 'private' end
                else 'association'
            end
        when kind in ('flat_converted', 'flat_above')
        then case when pick('tenure', address_id, 100) < 22 then 'owner' else 'private' end
        when kind in ('house', 'named_house')
        then
            case
                when pick('tenure', address_id, 100) < 76 - divide(deprivation, 4)
                then 'owner'
                when pick('tenure', address_id, 100) < 92 - divide(deprivation, 8)
                then 'private'
                when pick('tenure', address_id, 100) < 97
                then 'council'
                else 'association'
            end
        when kind = 'farm'
        then 'owner'
    end as tenure,
    ['A', 'B', 'C', 'D', 'E', 'F', 'G', 'H'][
        greatest(
            1,
            least(
                8,
                case when kind like 'flat%' then 2 when kind = 'house' then 4 else 6 end
                + divide(bell('band', address_id) + (50 - deprivation) * 15 + 500, 1000)
            )
        )
    ] as band,
    cast(divide(1000 + abs(bell('rateable value', address_id)) * 22, 50) * 50 as integer) as rateable_value,
    built_on,
    case
        when built_on is null
        then demolished_on_drawn
    end as demolished_on,
    -- a house that is also called by a name, and one whose number was changed
    case when kind = 'house' and happens('named too', site_id, 30000) then upper(house.name || [' Cottage', ' Lodge', ' House', ' Villa'][1 + pick('house name end', site_id, 4)])
    end as other_name,
    case
        when kind = 'house' and happens('renumbered', site_id, 8000)
        then cast(number + 100 as integer)
    end as former_number,
    deprivation
from settled
join slot_block_name as tower on tower.slot = pick('building name', site_id, 1000)
join slot_street_first as house on house.slot = pick('house name', site_id, 1000)
join slot_farm_name as farm on farm.slot = pick('farm name', site_id, 1000)
;
