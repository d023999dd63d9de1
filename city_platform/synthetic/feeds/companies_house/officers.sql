-- The officers, present and former, of the companies on the register.
-- Grain: one appointment. Key: Company Number, Person Number.
-- Reads: companies_house_company, companies_house_officer, person, person_surname, residence, address_text;
-- variable
-- day. Writes: temp sending.
create or replace temp table sending as
with
    serving as (
        select o.*, c.company_number, c.organisation_id, c.address_id as office_address_id
        from companies_house_officer as o
        join companies_house_company as c using (company_id)
        where
            c.incorporated_on + 2 <= getvariable('day')
            and c.dissolved_on > getvariable('day')
            and o.from_day + 10 <= getvariable('day')
    ),
    home as (
        -- where the officer lived when it was last told
        select s.company_id, s.person_id, arg_max(r.address_id, {'day': r.from_day, 'id': r.residence_id}) as home_address_id, max(r.to_day) as until
        from serving as s
        join residence as r on r.person_id = s.person_id and r.from_day <= greatest(s.from_day, getvariable('day') - 900) and r.from_day <= getvariable('day')
        group by s.company_id, s.person_id
    ),
    surname as (
        select s.company_id, s.person_id, arg_max(n.family_name, n.from_day) as family_name
        from serving as s
        join person_surname as n on n.person_id = s.person_id and n.from_day <= s.from_day
        group by s.company_id, s.person_id
    ),
    placed as (
        select
            s.*,
            company_id * 4 + case s.role when 'secretary' then 1 else 0 end + case when s.resigned_on is null then 0 else 2 end as draw_id,
            happens('companies_house tells home', s.company_id * 4 + case s.role when 'secretary' then 1 else 0 end, 400000)
            and h.home_address_id is not null as is_home,
            case
                when happens('companies_house tells home', s.company_id * 4 + case s.role when 'secretary' then 1 else 0 end, 400000)
                then coalesce(h.home_address_id, s.office_address_id)
                else s.office_address_id
            end as address_id,
            h.until <= getvariable('day') as has_left,
            coalesce(n.family_name, p.family_name) as family_name,
            p.given_name,
            p.middle_name,
            p.date_of_birth
        from serving as s
        join person as p using (person_id)
        left join home as h using (company_id, person_id)
        left join surname as n using (company_id, person_id)
    ),
    written as materialized (
        select
            l.* exclude (given_name, middle_name, family_name),
            write_address(t, 'companies_house/officers', l.draw_id) as place,
            write_person(
                l.given_name,
                l.middle_name,
                l.family_name,
                null,
                null::date,
                'companies_house/officers',
                l.draw_id
            ) as named
        from placed as l
        join address_text as t using (address_id)
    ),
    numbered as (
        select *, printf('%08d0001', person_id * 48271 % 99999989) as person_number
        from written
    )
select
    company_number as "Company Number",
    person_number as "Person Number",
    upper(named.family_name) || ', ' || concat_ws(' ', named.given_name, named.middle_name) as "Officer Name",
    title_case(role) as "Officer Role",
    from_day as "Appointed On",
    case when resigned_on + 14 <= getvariable('day') then resigned_on end as "Resigned On",
    month(date_of_birth) as "Birth Month",
    year(date_of_birth) as "Birth Year",
    concat_ws(', ', nullif(place.line_1, ''), place.line_2, place.line_3) as "Correspondence Address",
    place.postcode as "Correspondence Postcode",
    company_number || '|' || person_number as _key,
    row_number() over (order by company_id, from_day, person_id) as _order,
    address_id as _address_id,
    person_id as _person_id,
    organisation_id as _organisation_id,
    list_concat(
        place.kinds, named.kinds, case when is_home and has_left then ['old_address'] else [] end
    ) as _dirt
from numbered
;
