-- Payments over £500 of the last twenty-four whole months.
-- Grain: one payment. Key: Transaction Number.
-- Reads: finance_payment; variable day. Writes: temp sending.
create or replace temp table sending as
with
    published as (
        select
            *,
            divide(
                cast(
                    520
                    + lasting(
                        'finance amount', invoice_id, case
                            when trade = 'builder'
                            then 9000
                            when trade = 'care_home'
                            then 7000
                            when trade in ('caterer', 'restaurant', 'takeaway', 'cafe', 'baker', 'butcher', 'pub')
                            then 700
                            else 2600
                        end
                    ) as bigint
                )
                * (1000 + pick('finance pence', invoice_id, 977)),
                10
            ) as pence
        from finance_payment
        where
            paid_on < cast(date_trunc('month', getvariable('day')) as date)
            and paid_on >= cast(date_trunc('month', getvariable('day')) - interval 24 month as date)
    ),
    named as (
        select *, coalesce(organisation_id, 100000000 + outside_id) as supplier_id
        from published
    ),
    written as materialized (
        -- the ledger has one name and one number of a supplier
        select
            *,
            write_business(name, name, 'finance/payments', supplier_id) as named,
            not is_redacted
            and company_number is not null
            and not dirty('missing_company_number', 'finance/payments', supplier_id) as has_number
        from named
    )
select
    'Eastmere Borough Council' as "Body Name",
    case trade
        when 'care_home'
        then 'Adult Social Care'
        when 'builder'
        then 'Housing and Property'
        when 'cleaner'
        then 'Facilities'
        when 'garage'
        then 'Fleet and Highways'
        when 'charity'
        then 'Communities'
        when 'accountant'
        then 'Finance and Audit'
        when 'office'
        then 'Corporate Services'
        when 'warehouse'
        then 'Fleet and Highways'
        when 'factory'
        then 'Parks and Streets'
        else ['Democratic Services', 'Culture and Events', 'Children and Schools'][1 + pick('finance department', invoice_id, 3)]
    end as "Department",
    case when is_redacted then 'REDACTED PERSONAL DATA' when named.name = name then named.legal_name else named.name end as "Supplier Name",
    case
        when is_redacted
        then null
        when organisation_id is not null
        then printf('%07d', 1000000 + organisation_id)
        else printf('%07d', 6000000 + outside_id)
    end as "Supplier ID",
    case when has_number then company_number end as "Company Number",
    paid_on as "Payment Date",
    cast(pence / 100 as decimal(14, 2)) as "Amount",
    case
        when is_redacted
        then 'Allowances'
        else
            case trade
                when 'care_home'
                then ['Residential placements', 'Nursing placements', 'Respite care'][1 + pick('finance text', invoice_id, 3)]
                when 'builder'
                then ['Responsive repairs', 'Void works', 'Planned maintenance', 'Disabled adaptations'][1 + pick('finance text', invoice_id, 4)]
                when 'cleaner'
                then ['Contract cleaning', 'Window cleaning', 'Deep clean'][1 + pick('finance text', invoice_id, 3)]
                when 'garage'
                then ['Vehicle repairs', 'MOT and servicing', 'Tyres'][1 + pick('finance text', invoice_id, 3)]
                when 'charity'
                then ['Service level agreement', 'Grant to voluntary organisation', 'Youth provision'][1 + pick('finance text', invoice_id, 3)]
                when 'accountant'
                then 'Professional fees'
                when 'office'
                then ['Consultancy', 'Software licences', 'Agency staff', 'Training'][1 + pick('finance text', invoice_id, 4)]
                when 'warehouse'
                then ['Storage and removals', 'Haulage'][1 + pick('finance text', invoice_id, 2)]
                when 'factory'
                then ['Signage', 'Street furniture'][1 + pick('finance text', invoice_id, 2)]
                when 'hotel'
                then ['Temporary accommodation', 'Room hire'][1 + pick('finance text', invoice_id, 2)]
                when 'grocer'
                then 'Provisions'
                when 'newsagent'
                then 'Newspapers and periodicals'
                else
                    case
                        when trade in ('caterer', 'restaurant', 'takeaway', 'cafe', 'baker', 'butcher', 'pub')
                        then ['Catering - civic event', 'Catering - training day', 'Catering - school meals cover', 'Hospitality'][1 + pick('finance text', invoice_id, 4)]
                        else ['Equipment and materials', 'Miscellaneous supplies'][1 + pick('finance text', invoice_id, 2)]
                    end
            end
    end as "Description",
    printf('%010d', payment_id) as "Transaction Number",
    printf('%010d', payment_id) as _key,
    row_number() over (order by paid_on, payment_id) as _order,
    case when not is_redacted then person_id end as _person_id,
    case when not is_redacted then business_id end as _business_id,
    case when not is_redacted then organisation_id end as _organisation_id,
    case
        when is_redacted
        then []
        else
            list_concat(
                list_filter(named.kinds, lambda kind: kind <> 'trading_name_as_legal' and (kind <> 'legal_form_variant' or named.name = name)),
                kinds(
                    [
                        case when company_number is not null and not has_number then 'missing_company_number' end,
                        case when is_repeat then 'near_repeat' end
                    ]
                )
            )
    end as _dirt
from written
;
