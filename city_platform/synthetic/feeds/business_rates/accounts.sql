-- Business rates accounts that are open or ended within five years.
-- Grain: one account (a ratepayer's liability for a property). Key: ACCOUNT_NO.
-- Reads: business_rates_account, person, address_text; variables day, today, rate_of. Writes: temp sending.
create or replace temp table sending as
with
    account as (
        select
            *,
            case when ended_known_day <= getvariable('day') then to_day end as ended_on,
            -- the charge of a year, in pence
            cast(
                divide(
                    cast(rateable_value as bigint)
                    * (case when rateable_value < 51000 then 499 else 546 end)
                    * (100 - case when owner_kind = 'charity' then 80 else small_relief end),
                    1000
                ) as bigint
            ) as charge_pence
        from business_rates_account
        where
            known_day <= getvariable('day')
            and (ended_known_day > getvariable('day') or to_day > getvariable('day') - 1825)
    ),
    behind as (
        -- instalments missed, in hundredths of one
        select
            *,
            greatest(
                case
                    when
                        is_last
                        and (ended_on is null or getvariable('day') <= to_day + 500)
                        and (is_planted or happens('business_rates falls behind', account_id, 750000))
                    then
                        -- before it closes: a little more each month
                        divide(
                            greatest(
                                0,
                                least(getvariable('day'), to_day)
                                - (to_day - 110 - pick('business_rates since', account_id, 130))
                            ),
                            30
                        )
                        * (70 + pick('business_rates share', account_id, 50))
                    else 0
                end,
                case
                    when pays_late
                    then
                        100
                        * (1 + pick('business_rates late', account_id, 3))
                        + pick('business_rates late part', account_id, 80)
                    else 0
                end,
                case
                    when
                        happens('business_rates forgets', account_id, 120000)
                        and getvariable('day')
                        - (from_day + pick('business_rates forgets since', account_id, 2200)) between 0 and 20
                        + pick('business_rates forgets for', account_id, 200)
                    then 100
                    else 0
                end
            ) as missed
        from account
    ),
    written as materialized (
        select
            b.*,
            p.sex,
            write_address(t, 'business_rates/accounts', b.account_id) as place,
            write_business(
                case
                    when b.sounds_like_food
                    then business_rates_food_name(b.business_id, b.trade)
                    else b.trading_name
                end,
                b.owner_name,
                'business_rates/accounts',
                b.account_id
            ) as named,
            case
                when b.is_empty or b.owner_kind = 'sole_trader'
                then
                    write_person(
                        p.given_name,
                        p.middle_name,
                        p.family_name,
                        null,
                        null::date,
                        'business_rates/accounts',
                        b.account_id
                    )
            end as payer,
            (b.is_empty or b.owner_kind = 'sole_trader')
            and b.person_id is not null
            and dirty('placeholder_name', 'business_rates/accounts', b.account_id) as is_withheld,
            b.company_number is not null
            and dirty('missing_company_number', 'business_rates/accounts', b.account_id) as lacks_number,
            not b.is_empty
            and (
                b.is_unregistered
                or b.sounds_like_food
                or b.owner_kind in ('sole_trader', 'partnership')
                or happens('business_rates trading name', b.account_id, 550000)
            ) as has_trading_name,
            printf('%08d', b.account_id * 48271 % 99999989) as number
        from behind as b
        join address_text as t using (address_id)
        left join person as p on p.person_id = b.person_id
    )
select
    number as "ACCOUNT_NO",
    printf('NDR%08d', address_id) as "PROP_REF",
    upper(
        case
            when is_withheld
            then 'The Account Holder'
            when payer is not null
            then concat_ws(' ', case sex when 'M' then 'Mr' else 'Ms' end, payer.given_name, left(payer.middle_name, 1), payer.family_name)
            when is_empty
            then landlord_name
            else named.legal_name
        end
    ) as "RATEPAYER",
    case when not lacks_number then company_number end as "COMPANY_NO",
    case when has_trading_name then upper(named.name) end as "TRADING_NAME",
    upper(nullif(place.line_1, '')) as "PROP_ADD1",
    upper(place.line_2) as "PROP_ADD2",
    upper(place.line_3) as "PROP_ADD3",
    place.postcode as "PROP_POSTCODE",
    rateable_value as "RATEABLE_VALUE",
    -- what the property is used for is as old as the last visit of the valuation office
    case
        when is_empty
        then case address_kind when 'pub' then 'PUBLIC HOUSE AND PREMISES' when 'office' then 'OFFICES AND PREMISES' when 'business_unit' then 'WORKSHOP AND PREMISES' else 'SHOP AND PREMISES' end
        when not is_unregistered and happens('business_rates old description', account_id, 180000)
        then 'SHOP AND PREMISES'
        else business_rates_description(trade)
    end as "PROP_DESC",
    from_day as "LIAB_START",
    ended_on as "LIAB_END",
    case when is_empty then 'EMPTY' else 'OCCUPIED' end as "OCC_STATUS",
    case when small_relief > 0 then 'Y' else 'N' end as "SBR_RELIEF",
    case when owner_kind = 'charity' then 'M80' end as "CHARITY_RELIEF",
    cast(charge_pence / 100 as decimal(12, 2)) as "ANNUAL_CHARGE",
    cast(divide(charge_pence * missed, 1000) / 100 as decimal(12, 2)) as "ARREARS",
    number as _key,
    account_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    business_id as _business_id,
    organisation_id as _organisation_id,
    list_concat(
        place.kinds,
        case
            when is_withheld
            then ['placeholder_name']
            when payer is not null
            then payer.kinds
            else []
        end,
        case
            when is_empty
            then []
            else
                list_filter(
                    named.kinds,
                    lambda kind: case kind
                        when 'legal_form_variant'
                        then payer is null
                        else has_trading_name
                    end
                )
        end,
        kinds([case when lacks_number then 'missing_company_number' end])
    ) as _dirt
from written
;
