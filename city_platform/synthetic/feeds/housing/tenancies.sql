-- Tenancies as the housing system holds them on the day; those that ended within five years too.
-- Grain: one tenancy. Key: tenancy_ref.
-- Reads: housing_tenancy, person, surname_on_day, address_text; variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            t.*,
            p.sex,
            p.nino,
            write_person(
                p.given_name, null, n.family_name, n.former_family_name, p.date_of_birth, 'housing/tenancies', t.tenancy_id
            ) as tenant,
            write_person(
                q.given_name, null, m.family_name, m.former_family_name, q.date_of_birth, 'housing/tenancies joint', t.tenancy_id
            ) as joint,
            write_address(a, 'housing/tenancies', t.tenancy_id) as home,
            a.uprn as true_uprn,
            t.to_day <= getvariable('day') as is_over,
            -- rents rise by three in a hundred each April
            greatest(0, year(least(t.to_day, getvariable('day')) - interval 3 month) - 2020) as rises,
            -- what is owed is another sum each month
            'housing owes ' || strftime(least(t.to_day, getvariable('day')), '%Y-%m') as owing
        from housing_tenancy as t
        join person as p using (person_id)
        join surname_on_day as n using (person_id)
        left join person as q on q.person_id = t.partner_id
        left join surname_on_day as m on m.person_id = t.partner_id
        join address_text as a on a.address_id = t.address_id
        where t.from_day <= getvariable('day') and t.to_day > getvariable('today') - 1825
    )
select
    printf('T%08d', tenancy_id) as tenancy_ref,
    case tenure when 'council' then 'Council' else 'Association' end as landlord,
    case sex when 'F' then ['Ms', 'Mrs', 'Miss'][1 + pick('housing title', tenancy_id, 3)] else 'Mr' end as tenant_title,
    tenant.given_name as tenant_forename,
    tenant.family_name as tenant_surname,
    tenant.date_of_birth as tenant_dob,
    case when not happens('housing no nino', tenancy_id, 80000) then nino end as tenant_nino,
    joint.given_name as joint_forename,
    joint.family_name as joint_surname,
    joint.date_of_birth as joint_dob,
    nullif(home.line_1, '') as address_1,
    home.line_2 as address_2,
    home.line_3 as address_3,
    home.postcode,
    home.uprn,
    from_day as started,
    case when is_over then to_day end as ended,
    cast(divide(rent_pence * (100 + 3 * rises), 100) as integer) as weekly_rent_pence,
    cast(
        case
            when falls_behind
            then divide(lasting('housing owes', tenancy_id, 42000) * (60 + pick(owing, tenancy_id, 81)), 100)
            else 0
        end as integer
    ) as arrears_pence,
    case when is_over then 'Former' else 'Current' end as status,
    printf('T%08d', tenancy_id) as _key,
    tenancy_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    partner_id as _person_2_id,
    list_distinct(
        list_concat(
            tenant.kinds,
            coalesce(joint.kinds, []),
            home.kinds,
            case when home.uprn is null then ['missing_uprn'] when home.uprn <> true_uprn then ['wrong_uprn'] else [] end
        )
    ) as _dirt
from written
;
