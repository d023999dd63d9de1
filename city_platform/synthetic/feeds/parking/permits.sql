-- The permits of the day and those that ended within a year, as the parking contractor's system holds them.
-- Grain: one permit. Key: permit_number.
-- Reads: parking_holder, person, surname_on_day, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    term as (
        -- the newest permit and the one before it
        select *, divide(least(getvariable('day'), until - 1) - first_on, 365) - unnest([0, 1]) as turn
        from parking_holder
        where first_on <= getvariable('day')
    ),
    permit as (
        select
            *,
            first_on + cast(turn * 365 as integer) as issued,
            -- two of five who move away hand it back
            case
                when until < first_on + cast(turn * 365 + 364 as integer) and happens('parking surrenders', holder_id, 400000)
                then until
            end as surrendered_on
        from term
        where turn >= 0
    ),
    held as (
        select
            *,
            case
                when surrendered_on <= getvariable('day') then surrendered_on else issued + 364
            end as expires,
            person_id * 4096 + date_diff('month', date '1990-01-01', issued) as permit_id,
            -- a car is kept for some years
            person_id * 64 + divide(turn, 4) as car_id
        from permit
        where issued + 364 >= getvariable('day') - 365
    ),
    written as materialized (
        select
            h.*,
            p.sex,
            p.date_of_birth,
            write_person(
                p.given_name, null, s.family_name, s.former_family_name, null::date, 'parking/permits', h.permit_id
            ) as holder,
            write_address(t, 'parking/permits', h.permit_id) as written_address
        from held as h
        join person as p on p.person_id = h.person_id
        join surname_on_day as s on s.person_id = h.person_id
        join address_text as t on t.address_id = h.address_id
    ),
    numbered as (
        select
            *,
            case permit_type when 'Carer' then 'CP' else 'RP' end
            || strftime(issued, '%y%m%d')
            || printf('%08d', (person_id * 7919 + 577) % 99999989) as number
        from written
    )
select
    number as permit_number,
    permit_type,
    zone,
    case
        when surrendered_on <= getvariable('day')
        then 'Surrendered'
        when expires < getvariable('day')
        then 'Expired'
        else 'Active'
    end as status,
    case
        when pick('parking no title', person_id, 20) = 0
        then null
        when pick('parking doctor', person_id, 60) = 0
        then 'Dr'
        when sex = 'M'
        then 'Mr'
        else ['Mrs', 'Ms', 'Miss', 'Mrs'][1 + pick('parking title', person_id, 4)]
    end as "holder.title",
    holder.given_name as "holder.forename",
    holder.family_name as "holder.surname",
    -- no mark was ever issued that begins with Q and has two numbers after two letters
    'Q'
    || substr('ABCDEFGHJKLMNOPRSTUVWXY', 1 + pick('parking mark 1', car_id, 23), 1)
    || printf('%02d', 2 + pick('parking mark age', car_id, 74))
    || ' '
    || substr('ABCDEFGHJKLMNOPRSTUVWXYZ', 1 + pick('parking mark 2', car_id, 24), 1)
    || substr('ABCDEFGHJKLMNOPRSTUVWXYZ', 1 + pick('parking mark 3', car_id, 24), 1)
    || substr('ABCDEFGHJKLMNOPRSTUVWXYZ', 1 + pick('parking mark 4', car_id, 24), 1) as "vehicle.registration",
    [
        'FORD', 'FORD', 'VAUXHALL', 'VAUXHALL', 'VOLKSWAGEN', 'VOLKSWAGEN', 'TOYOTA', 'NISSAN', 'KIA', 'HYUNDAI', 'PEUGEOT',
        'RENAULT', 'BMW', 'AUDI', 'SKODA', 'FIAT'
    ][1 + pick('parking make', car_id, 16)] as "vehicle.make",
    one_line(written_address) as address,
    written_address.uprn as uprn,
    issued,
    expires,
    number as _key,
    row_number() over (order by issued, number) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(
        holder.kinds,
        written_address.kinds,
        kinds(
            [
                case when dirty('missing_uprn', 'parking/permits', permit_id) then 'missing_uprn' end,
                case
                    when dirty('wrong_uprn', 'parking/permits', permit_id) and not dirty('missing_uprn', 'parking/permits', permit_id)
                    then 'wrong_uprn'
                end,
                -- gone, and the permit still runs
                case
                    when
                        permit_type = 'Resident' and until <= getvariable('day') and until is distinct from died_on and expires >= getvariable('day')
                    then 'old_address'
                end
            ]
        )
    ) as _dirt
from numbered
;
