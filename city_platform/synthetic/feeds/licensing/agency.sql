-- Who holds a licence for which premises, whatever the day.
-- Grain: one premises licence. Key: licence_id.
-- Reads: business, organisation, business_owner, planted, adult; variables adults. Writes: temp
-- licensing_licence.
create or replace temp table licensing_licence as
with
    mark as (
        select distinct business_id
        from planted
        where case_id = 'unregistered_food' and look_alike is null
    ),
    licensed as (
        select
            b.*,
            cast(b.opened_on - 45 + pick('licensing granted', b.business_id, 90) as date) as granted_on
        from business as b
        left join mark as m using (business_id)
        where
            happens(
                'licensing holds',
                b.business_id,
                case
                    b.trade
                    when 'pub'
                    then 1000000
                    when 'hotel'
                    then 900000
                    when 'restaurant'
                    then case when m.business_id is null then 740000 else 850000 end
                    when 'grocer'
                    then 700000
                    when 'newsagent'
                    then 600000
                    when 'takeaway'
                    then case when m.business_id is null then 450000 else 700000 end
                    when 'cafe'
                    then 110000
                    else 0
                end
            )
    )
select
    row_number() over (order by l.granted_on, l.business_id) as licence_id,
    l.business_id,
    l.address_id,
    l.trade,
    l.trading_name,
    l.granted_on,
    l.opened_on,
    l.closed_on,
    l.trade <> 'takeaway' or happens('licensing alcohol', l.business_id, 150000) as has_alcohol,
    l.trade in ('takeaway', 'pub') or happens('licensing late', l.business_id, 180000) as is_late,
    -- two in five that close never give the licence back; it is suspended when the fee of the year is not
    -- paid
    case
        when l.closed_on is null
        then date '9999-12-31'
        when happens('licensing gives back', l.business_id, 600000)
        then l.closed_on + lasting('licensing gives back', l.business_id, 70)
        else date '9999-12-31'
    end as surrendered_on,
    case
        when l.closed_on is null
        then date '9999-12-31'
        else l.closed_on + 200 + pick('licensing fee', l.business_id, 365)
    end as suspended_on,
    a.person_id as other_supervisor_id,
    happens('licensing owner supervises', l.business_id, 650000) as owner_supervises
from licensed as l
left join adult as a on a.place = dice('licensing supervisor', l.business_id) % getvariable('adults')
where l.granted_on < coalesce(l.closed_on, date '9999-12-31')
;
