-- Grants that the council has awarded to charities and small businesses in five years.
-- Grain: one award. Key: Grant Ref.
-- Reads: finance_grant; variables day, today. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            *,
            printf('EBC/%d/%05d', year(awarded_on), grant_id) as reference,
            write_business(name, name, 'finance/grants', grant_id) as named,
            kind = 'company'
            and company_number is not null
            and not dirty('missing_company_number', 'finance/grants', grant_id) as has_number
        from finance_grant
        where awarded_on + 10 <= getvariable('day') and awarded_on > getvariable('today') - 1825
    )
select
    reference as "Grant Ref",
    case when named.name = name then named.legal_name else named.name end as "Recipient",
    case kind
        when 'charity' then 'Charity' when 'company' then 'Limited company' else 'Small business'
    end as "Recipient Type",
    case when has_number then company_number end as "Company Number",
    case when kind = 'charity' and not happens('finance no charity number', grant_id, 150000) then (1100000 + organisation_id)::varchar end as "Charity Number",
    cast(
        case
            when kind = 'charity'
            then 500 * (1 + divide(lasting('finance grant', grant_id, 6000), 500))
            else 250 * (4 + pick('finance grant', grant_id, 36))
        end as decimal(12, 2)
    ) as "Amount",
    case
        when kind = 'charity'
        then
            ['Community activities', 'Youth club running costs', 'Warm spaces', 'Building repairs', 'Volunteer training', 'Advice service'][
                1 + pick('finance purpose', grant_id, 6)
            ]
        else
            ['Shop front improvement', 'Start-up support', 'Energy efficiency', 'Digital skills', 'Apprenticeship support'][
                1 + pick('finance purpose', grant_id, 5)
            ]
    end as "Purpose",
    awarded_on as "Award Date",
    reference as _key,
    row_number() over (order by awarded_on, grant_id) as _order,
    person_id as _person_id,
    case when businesses = 1 then business_id end as _business_id,
    organisation_id as _organisation_id,
    list_concat(
        list_filter(named.kinds, lambda kind: kind <> 'trading_name_as_legal' and (kind <> 'legal_form_variant' or named.name = name)),
        kinds([case when kind = 'company' and not has_number then 'missing_company_number' end])
    ) as _dirt
from written
;
