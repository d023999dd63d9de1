-- The admissions of the past five school years, as the schools team's system holds them.
-- Grain: one application. Key: Application No.
-- Reads: schools_application, schools_school, person, surname_on_day, residence, address_text; variable day.
-- Writes: temp sending.
create or replace temp table sending as
with
    held as (
        select
            *,
            least(phase_ends, went) as leaves_on,
            case when least(phase_ends, went) <= getvariable('day') then least(phase_ends, went) end as left_on
        from schools_application
        where
            admitted_on <= getvariable('day')
            -- five school years, this one among them
            and admitted_on >= make_date(
                year(getvariable('day')) - case when month(getvariable('day')) < 9 then 5 else 4 end, 9, 1
            )
    ),
    lived as (
        select h.application_id, arg_max(r.address_id, r.from_day) as newest_address_id
        from held as h
        join residence as r on r.person_id = h.person_id
        where r.from_day <= getvariable('day') and r.from_day < greatest(h.leaves_on, h.admitted_on + 1)
        group by h.application_id
    ),
    noted as (
        select
            h.* exclude (address_id),
            case
                when dirty('old_address', 'schools/admissions', h.application_id) then h.address_id else l.newest_address_id
            end as address_id,
            l.newest_address_id
        from held as h
        join lived as l using (application_id)
    ),
    written as materialized (
        select
            n.*,
            k.school,
            write_person(
                c.given_name,
                c.middle_name,
                s.family_name,
                s.former_family_name,
                n.date_of_birth,
                'schools/admissions',
                n.application_id
            ) as child,
            write_person(
                p.given_name, null, g.family_name, g.former_family_name, null::date, 'schools/admissions parent', n.application_id
            ) as parent,
            write_address(t, 'schools/admissions', n.application_id) as written_address
        from noted as n
        join person as c on c.person_id = n.person_id
        join surname_on_day as s on s.person_id = n.person_id
        join schools_school as k on k.ward_id = n.ward_id and k.phase = n.phase
        join address_text as t on t.address_id = n.address_id
        left join person as p on p.person_id = n.parent_id
        left join surname_on_day as g on g.person_id = n.parent_id
    ),
    numbered as (
        select *, printf('ADM%010d', application_id * 48271 % 2147483647) as number, (person_id * 7919 + 1301) % 99999989 as serial
        from written
    ),
    summed as (
        -- the check letter's sum: the authority 999 (none has it), a year of nought, and the serial number
        select
            *,
            2 * 9 + 3 * 9 + 4 * 9 + 5 * 0
            + 6 * (divide(serial, 10000000) % 10)
            + 7 * (divide(serial, 1000000) % 10)
            + 8 * (divide(serial, 100000) % 10)
            + 9 * (divide(serial, 10000) % 10)
            + 10 * (divide(serial, 1000) % 10)
            + 11 * (divide(serial, 100) % 10)
            + 12 * (divide(serial, 10) % 10)
            + 13 * (serial % 10) as weighed
        from numbered
    )
select
    number as "Application No",
    substr('ABCDEFGHJKLMNPQRTUVWXYZ', 1 + cast(weighed % 23 as integer), 1) || printf('9990%08d', serial) as "UPN",
    child.family_name as "Child Surname",
    child.given_name as "Child Forename",
    child.middle_name as "Child Middle Name",
    child.date_of_birth as "Date of Birth",
    parent.given_name as "Parent Forename",
    parent.family_name as "Parent Surname",
    nullif(written_address.line_1, '') as "Address 1",
    written_address.line_2 as "Address 2",
    written_address.line_3 as "Address 3",
    written_address.postcode as "Postcode",
    school as "School",
    ['Reception', 'Year 7', 'In-year'][1 + kind] as "Intake",
    admitted_on as "Admitted",
    left_on as "Left",
    case when has_meals then 'Y' else 'N' end as "FSM",
    number as _key,
    row_number() over (order by admitted_on, number) as _order,
    address_id as _address_id,
    person_id as _person_id,
    parent_id as _person_2_id,
    list_concat(
        list_sort(list_distinct(list_concat(child.kinds, coalesce(parent.kinds, [])))),
        written_address.kinds,
        case when address_id <> newest_address_id then ['old_address'] else [] end
    ) as _dirt
from summed
;
