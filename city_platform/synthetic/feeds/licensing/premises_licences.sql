-- The register of premises licences.
-- Grain: one licence. Key: Licence Number.
-- Reads: licensing_licence, business_owner, organisation, person, address_text; variable day. Writes: temp
-- sending.
create or replace temp table sending as
with
    held as (
        select *
        from licensing_licence
        where granted_on + 7 <= getvariable('day') and coalesce(closed_on, getvariable('day')) > getvariable('day') - 1825
    ),
    holder as (
        -- a licence is transferred when the new owner thinks of it
        select h.licence_id, arg_max(o.organisation_id, o.from_day) as organisation_id
        from held as h
        join business_owner as o using (business_id)
        where
            o.from_day <= h.opened_on
            or (
                o.from_day + 14 + lasting('licensing transfer', h.business_id, 70) <= getvariable('day')
                and happens('licensing transfers', h.business_id, 850000)
            )
        group by h.licence_id
    ),
    supervised as (
        select
            h.*,
            o.organisation_id,
            g.name as holder_name,
            g.kind as holder_kind,
            g.company_number,
            case
                when not h.has_alcohol
                then null
                when h.owner_supervises and g.owner_person_id is not null
                then g.owner_person_id
                else h.other_supervisor_id
            end as person_id
        from held as h
        join holder as o using (licence_id)
        join organisation as g using (organisation_id)
    ),
    written as materialized (
        select
            s.*,
            write_address(t, 'licensing/premises_licences', s.licence_id) as place,
            write_business(
                s.trading_name, s.holder_name, 'licensing/premises_licences', s.licence_id
            ) as named,
            write_person(
                p.given_name,
                p.middle_name,
                p.family_name,
                null,
                null::date,
                'licensing/premises_licences',
                s.licence_id
            ) as supervisor
        from supervised as s
        join address_text as t using (address_id)
        left join person as p using (person_id)
    )
select
    printf('EMPL%05d', licence_id) as "Licence Number",
    named.name as "Premises Name",
    nullif(place.line_1, '') as "Address 1",
    place.line_2 as "Address 2",
    place.line_3 as "Address 3",
    place.postcode as "Postcode",
    named.legal_name as "Licence Holder",
    case when not dirty('missing_company_number', 'licensing/premises_licences', licence_id) then company_number end as "Holder Company Number",
    nullif(concat_ws(' ', supervisor.given_name, supervisor.middle_name, supervisor.family_name), '') as "Designated Premises Supervisor",
    concat_ws(
        '; ',
        case
            when not has_alcohol
            then null
            when trade in ('grocer', 'newsagent')
            then 'Sale of alcohol (off)'
            else 'Sale of alcohol (on and off)'
        end,
        case when is_late then 'Late night refreshment' end,
        case when trade = 'pub' then 'Live and recorded music' end
    ) as "Licensable Activities",
    case
        when is_late
        then
            ['11:00-00:00 Mon-Sun', '11:00-00:30 Mon-Thu, 11:00-02:00 Fri-Sat, 12:00-23:30 Sun', '17:00-01:00 Mon-Sun', '10:00-03:00 Fri-Sat, 10:00-00:00 Sun-Thu'][
                1 + pick('licensing hours', licence_id, 4)
            ]
        else
            ['10:00-23:00 Mon-Sat, 12:00-22:30 Sun', '11:00-23:00 Mon-Sun', '08:00-23:00 Mon-Sun', '07:00-22:00 Mon-Sun'][
                1 + pick('licensing hours', licence_id, 4)
            ]
    end as "Licensed Hours",
    granted_on as "Granted",
    case
        when surrendered_on <= least(getvariable('day'), suspended_on)
        then 'Surrendered'
        when suspended_on <= getvariable('day')
        then 'Suspended'
        else 'Current'
    end as "Status",
    case when surrendered_on <= least(getvariable('day'), suspended_on) then surrendered_on end as "Surrendered",
    printf('EMPL%05d', licence_id) as _key,
    licence_id as _order,
    address_id as _address_id,
    person_id as _person_id,
    business_id as _business_id,
    organisation_id as _organisation_id,
    list_concat(
        place.kinds,
        named.kinds,
        coalesce(supervisor.kinds, []),
        case
            when company_number is not null and dirty('missing_company_number', 'licensing/premises_licences', licence_id)
            then ['missing_company_number']
            else []
        end
    ) as _dirt
from written
;
