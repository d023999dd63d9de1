-- The companies on the register whose registered office is in the borough. A dissolved one is no longer
-- there.
-- Grain: one company. Key: CompanyNumber.
-- Reads: companies_house_company, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    live as (
        select *, least(getvariable('day'), files_until) - files_after as as_of
        from companies_house_company
        where incorporated_on + 2 <= getvariable('day') and dissolved_on > getvariable('day')
    ),
    made_up as (
        -- the year's end is the end of the month of incorporation
        select
            *,
            case
                when last_day(make_date(year(as_of), month(incorporated_on), 1)) <= as_of
                then last_day(make_date(year(as_of), month(incorporated_on), 1))
                else last_day(make_date(year(as_of) - 1, month(incorporated_on), 1))
            end as candidate,
            last_day(cast(incorporated_on + interval 1 year as date)) as first_year_end
        from live
    ),
    due as (
        select
            *,
            case when candidate >= first_year_end then candidate end as made_up_on,
            last_day(
                cast(
                    case
                        when candidate >= first_year_end
                        then candidate + interval 21 month
                        else first_year_end + interval 9 month
                    end as date
                )
            ) as next_due_on
        from made_up
    ),
    written as materialized (
        select d.*, write_address(t, 'companies_house/companies', d.company_id) as place
        from due as d
        join address_text as t using (address_id)
    )
select
    name as "CompanyName",
    company_number as " CompanyNumber",
    null::varchar as "RegAddress.CareOf",
    coalesce(upper(nullif(place.line_1, '')), upper(place.line_2)) as "RegAddress.AddressLine1",
    case when coalesce(place.line_1, '') <> '' then upper(place.line_2) end as " RegAddress.AddressLine2",
    'EASTMERE' as "RegAddress.PostTown",
    'ESSEX' as "RegAddress.County",
    case when pick('companies_house country', company_id, 3) = 0 then 'UNITED KINGDOM' else 'ENGLAND' end as "RegAddress.Country",
    place.postcode as "RegAddress.PostCode",
    case
        when name like '% LLP'
        then 'Limited Liability Partnership'
        when name like '% PLC'
        then 'Public Limited Company'
        else 'Private Limited Company'
    end as "CompanyCategory",
    case
        when dissolved_on - 500 <= getvariable('day') and dissolved_on < date '9999-12-31' and happens('companies_house wound up', company_id, 120000)
        then 'Liquidation'
        when dissolved_on - 90 <= getvariable('day')
        then 'Active - Proposal to Strike off'
        else 'Active'
    end as "CompanyStatus",
    'United Kingdom' as "CountryOfOrigin",
    null::date as "DissolutionDate",
    incorporated_on as "IncorporationDate",
    day(last_day(incorporated_on)) as "Accounts.AccountRefDay",
    month(incorporated_on) as "Accounts.AccountRefMonth",
    next_due_on as "Accounts.NextDueDate",
    made_up_on as "Accounts.LastMadeUpDate",
    case
        when made_up_on is null
        then 'NO ACCOUNTS FILED'
        else ['MICRO ENTITY', 'MICRO ENTITY', 'TOTAL EXEMPTION FULL', 'TOTAL EXEMPTION FULL', 'UNAUDITED ABRIDGED', 'DORMANT'][1 + pick('companies_house category', company_id, 6)]
    end as "Accounts.AccountCategory",
    divide(pick('companies_house mortgages', company_id, 100), 90) as "Mortgages.NumMortCharges",
    sic as "SICCode.SicText_1",
    null::varchar as "SICCode.SicText_2",
    'http://business.data.gov.uk/id/company/' || company_number as "URI",
    company_number as _key,
    company_id as _order,
    address_id as _address_id,
    organisation_id as _organisation_id,
    place.kinds as _dirt
from written
;
