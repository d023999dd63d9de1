-- Discounts, disregards, exemptions, premiums and reliefs of council tax accounts.
-- Grain: one of them, of an account, from a day on. Key: ACCOUNT_REF, TYPE, CODE, START_DATE.
-- Reads: revenues_discount, revenues_account; variable day. Writes: temp sending.
create or replace temp table sending as
with
    known as (
        select
            d.account_id,
            a.address_id,
            d.kind,
            d.code,
            d.percentage,
            d.from_day,
            d.known_day,
            case when d.ended_known_day <= getvariable('day') then d.to_day else d.expires_on end as ended_on,
            -- what depends on who lives there is looked at again, the first time after one to three years
            case
                when d.code in ('SPD', 'STU', 'CAR', 'SMI', 'N')
                then d.from_day + 365 + 91 * pick('revenues review', d.account_id, 8)
            end as first_review
        from revenues_discount as d
        join revenues_account as a using (account_id)
        where d.known_day <= getvariable('day') and d.from_day <= getvariable('day')
    )
select
    revenues_account_ref(account_id) as "ACCOUNT_REF",
    kind as "TYPE",
    code as "CODE",
    from_day as "START_DATE",
    ended_on as "EXPIRY_DATE",
    percentage as "PERCENTAGE",
    case
        when first_review <= least(getvariable('day'), coalesce(ended_on, getvariable('day')))
        then
            first_review
            + cast(
                1095
                * divide(least(getvariable('day'), coalesce(ended_on, getvariable('day'))) - first_review, 1095)
                as integer
            )
    end as "REVIEW_DATE",
    revenues_account_ref(account_id)
    || '|'
    || kind
    || '|'
    || code
    || '|'
    || strftime(from_day, '%d/%m/%Y') as _key,
    row_number() over (order by account_id, kind, code, from_day) as _order,
    address_id as _address_id,
    []::varchar[] as _dirt
from known
;
