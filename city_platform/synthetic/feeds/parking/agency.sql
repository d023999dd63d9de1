-- Who applies for a parking permit, where and from when, whatever the day.
-- Grain: one holder at one address, who renews every year. Key: holder_id, first_on.
-- Reads: residence, person, address, street, planted, temp adult; variable today. Writes: temp
-- parking_holder.
create or replace temp table parking_holder as
with
    controlled as (
        -- where parking is tight: not every ward has a zone
        select
            a.address_id,
            printf('CPZ %s%d', substr('ABCDEFGHJKLMNPRSTUVWXYZ', 1 + s.ward_id % 23, 1), 1 + divide(s.ward_id, 23)) as zone,
            s.kind in ('terrace', 'blocks', 'high_street')
            and (s.ward_id = 0 or pick('parking zone', s.ward_id, 100) < 65) as is_controlled
        from address as a
        join street as s using (street_id)
    ),
    resident as (
        select
            r.person_id,
            r.address_id,
            'Resident' as permit_type,
            greatest(r.from_day, cast(p.date_of_birth + interval 18 year as date))
            + pick('parking applies', r.person_id * 4194304 + r.address_id, 150) as first_on,
            r.to_day as until
        from residence as r
        join person as p using (person_id)
        join controlled as c on c.address_id = r.address_id and c.is_controlled
        where
            happens(
                'parking permit',
                r.person_id * 4194304 + r.address_id,
                case r.role when 'head' then 420000 when 'partner' then 300000 when 'sharer' then 200000 else 100000 end
            )
        union all
        -- who claims two homes may have a permit at the second
        select
            person_id,
            other_address_id,
            'Resident',
            greatest(from_day, getvariable('today') - 900) + pick('parking second', person_id, 300),
            date '9999-12-31'
        from planted
        where
            case_id = 'two_main_residences'
            and look_alike is null
            and other_address_id is not null
            and happens('parking second home', person_id, 600000)
        union all
        -- who cares for somebody old parks there, and lives elsewhere
        select
            d.person_id, t.address_id, 'Carer', getvariable('today') - 20 - pick('parking carer', t.stay_id, 320), date '9999-12-31'
        from planted as t
        join adult as d on d.place = dice('parking carer is', t.stay_id) % getvariable('adults')
        where t.case_id = 'spd_two_adults' and t.look_alike = 'carer'
    )
select
    r.person_id * 4194304 + r.address_id as holder_id,
    r.person_id,
    r.address_id,
    r.permit_type,
    c.zone,
    cast(r.first_on as date) as first_on,
    r.until,
    p.died_on
from resident as r
join person as p using (person_id)
join controlled as c on c.address_id = r.address_id
where r.first_on < r.until
;
