-- Which records are about the same site, and about the same building and unit in it.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.observation; variable city_name; macros of parcels.sql. Writes: temp address_member; temp
-- address_not_linked (more rows).
-- Identifiers before text: records of one parcel are one site, of one building one building. What text
-- states is a front: fronts of one street whose number ranges overlap on the same side are one site. The
-- suffix decides where both have one, unless it is a slip; a front without suffix belongs to the only site
-- that its number falls in, else it is a site of its own. A text is of another town where its postcode's
-- town says so too.
create or replace temp table town_of_postcode as
select left(postcode, 5) as postcode, mode(upper(trim(locality)) order by upper(trim(locality))) as town
from entity.observation
where locality is not null and postcode is not null
group by all
;

create or replace temp table stated as
select
    o.feed,
    o.record_key,
    o.known_time,
    o.unit,
    o.number_low,
    o.number_high,
    coalesce(o.direction, '') as direction,
    o.street,
    coalesce(o.suffix, '') as suffix,
    o.premises = 'CORNER' and o.number_low is null as is_corner,
    left(o.postcode, 5) as postcode,
    o.lat,
    o.lon,
    o.parcel,
    lot_kind(o.parcel) as lot_kind,
    o.building,
    case
        when coalesce(upper(trim(o.locality)), t.town) = t.town and t.town <> getvariable('city_name')
        then t.town
        else ''
    end as town
from entity.observation as o
left join town_of_postcode as t on t.postcode = left(o.postcode, 5)
where
    (o.street is not null and (o.number_low is not null or o.premises = 'CORNER'))
    or o.parcel is not null
    or o.building is not null
;

create or replace temp table front as
select
    town,
    number_low,
    number_high,
    direction,
    street,
    suffix,
    count(*) as records,
    list_sort(list(distinct postcode) filter (postcode is not null)) as postcodes,
    median(lat) as lat,
    median(lon) as lon
from stated
where number_low is not null and street is not null
group by all
;

create or replace temp table front_run as
with
    reached as (
        select
            *,
            max(number_high) over (
                partition by town, direction, street, suffix, number_low % 2
                order by number_low, number_high
                rows between unbounded preceding and 1 preceding
            ) as reach
        from front
    )
select
    * exclude (reach),
    sum(case when reach is null or number_low > reach then 1 else 0 end) over (
        partition by town, direction, street, suffix, number_low % 2
        order by number_low, number_high
        rows between unbounded preceding and current row
    ) as run
from reached
;

create or replace temp table site_span as
select
    concat_ws('|', nullif(town, ''), direction, street, suffix, number_low % 2, run) as site,
    town,
    direction,
    street,
    suffix,
    number_low % 2 as side,
    run,
    min(number_low) as span_low,
    max(number_high) as span_high
from front_run
group by all
;

create or replace temp table own_site as
select f.*, s.site
from front_run as f
join
    site_span as s
    on s.town = f.town
    and s.direction = f.direction
    and s.street = f.street
    and s.suffix = f.suffix
    and s.side = f.number_low % 2
    and s.run = f.run
;

-- Of one street's suffixes the one of most records, and those that hardly any record has beside it.
create or replace temp table rare_suffix as
with
    used as (
        select town, direction, street, suffix, sum(records) as records
        from front
        where suffix <> ''
        group by all
    ),
    usual as (
        select town, direction, street, arg_max(suffix, {'records': records, 'suffix': suffix}) as suffix, max(records) as records
        from used
        group by all
    )
select r.town, r.direction, r.street, r.suffix, u.suffix as usual_suffix, r.records / u.records as share
from used as r
join usual as u using (town, direction, street)
where r.suffix <> u.suffix and r.records <= 0.05 * u.records
;

-- A rare suffix is a slip where the usual one has the same number, and the points are the same (a street and
-- the
-- place beside it are 100 m apart), or, where points do not tell, the postcode is the same and the suffix has
-- under 2% of the street's records and no number that the usual one has not.
create or replace temp table slip as
with
    beside as (
        select
            o.*,
            r.share,
            s.site as usual_site,
            count(distinct s.site) over (
                partition by o.town, o.direction, o.street, o.suffix, o.number_low, o.number_high
            ) as usual_sites
        from own_site as o
        join rare_suffix as r using (town, direction, street, suffix)
        left join
            site_span as s
            on s.town = o.town
            and s.direction = o.direction
            and s.street = o.street
            and s.suffix = r.usual_suffix
            and s.side = o.number_low % 2
            and s.span_low <= o.number_high
            and s.span_high >= o.number_low
    ),
    strange as (
        select distinct town, direction, street, suffix
        from beside
        where usual_site is null
    ),
    usual_front as (
        select
            site,
            median(lat) as lat,
            median(lon) as lon,
            list_distinct(flatten(list(postcodes) filter (postcodes is not null))) as postcodes
        from own_site
        group by site
    ),
    measured as (
        select
            b.*,
            x.town is not null as is_elsewhere_too,
            111195 * sqrt((b.lat - u.lat) ** 2 + ((b.lon - u.lon) * cos(radians(u.lat))) ** 2) as metres,
            list_has_any(b.postcodes, u.postcodes) as has_same_postcode
        from beside as b
        join usual_front as u on u.site = b.usual_site
        left join strange as x using (town, direction, street, suffix)
        where b.usual_sites = 1
    )
select town, direction, street, suffix, number_low, number_high, usual_site
from measured
where
    metres <= 50
    or (coalesce(metres, 0) <= 150 and has_same_postcode and share < 0.02 and not is_elsewhere_too)
;

create or replace temp table with_suffix as
select
    o.* exclude (site),
    coalesce(s.usual_site, o.site) as site
from own_site as o
left join slip as s using (town, direction, street, suffix, number_low, number_high)
;

create or replace temp table front_site as
with
    without_suffix as (
        select
            f.town,
            f.direction,
            f.street,
            f.number_low,
            f.number_high,
            min(w.site) as site,
            count(distinct w.site) as sites
        from front as f
        join
            with_suffix as w
            on w.town = f.town
            and w.direction = f.direction
            and w.street = f.street
            and w.suffix <> ''
            and w.number_low % 2 = f.number_low % 2
        join
            site_span as s
            on s.town = w.town
            and s.direction = w.direction
            and s.street = w.street
            and s.suffix = w.suffix
            and s.side = w.number_low % 2
            and s.run = w.run
            and s.span_low <= f.number_high
            and s.span_high >= f.number_low
        where f.suffix = ''
        group by all
    )
select
    w.town,
    w.number_low,
    w.number_high,
    w.direction,
    w.street,
    w.suffix,
    case when w.suffix = '' and n.sites = 1 then n.site else w.site end as site
from with_suffix as w
left join without_suffix as n using (town, direction, street, number_low, number_high)
;

-- What each record's text says, beside its identifiers.
create or replace temp table texted as
select
    s.*,
    case when s.is_corner then 'corner|' || s.street else f.site end as text_site,
    hash(s.town, s.number_low, s.number_high, s.direction, s.street, s.suffix) as text_front
from stated as s
left join front_site as f using (town, number_low, number_high, direction, street, suffix)
;

-- The one lot, or the one lot that bills a condominium, that a text always comes with.
create or replace temp table lot_of_text as
select text_site, min(parcel) as parcel
from texted
where lot_kind in ('lot', 'billing') and text_site is not null
group by all
having count(distinct parcel) = 1
;

-- Where a building is: on the lot that most of its records name, else that of their texts, else it is a site.
create or replace temp table building_site as
select
    t.building,
    coalesce(
        mode(t.parcel order by t.parcel) filter (t.lot_kind in ('lot', 'billing')),
        mode(l.parcel order by l.parcel),
        t.building
    ) as site
from texted as t
left join lot_of_text as l on l.text_site = t.text_site
where t.building is not null
group by t.building
;

-- A condominium's unit lot is on the lot of its building, else on that of its text in the same block.
create or replace temp table unit_lot_site as
select
    t.parcel,
    coalesce(
        mode(b.site order by b.site) filter (b.site <> b.building),
        mode(l.parcel order by l.parcel) filter (same_block(l.parcel, t.parcel)),
        mode(b.site order by b.site),
        mode(t.text_site order by t.text_site),
        t.parcel
    ) as site
from texted as t
left join building_site as b using (building)
left join lot_of_text as l on l.text_site = t.text_site
where t.lot_kind = 'unit'
group by t.parcel
;

create or replace temp table identified as
select
    t.*,
    case
        when t.lot_kind in ('lot', 'billing') then t.parcel when t.lot_kind = 'unit' then u.site else b.site
    end as number_site,
    b.site as site_of_building
from texted as t
left join building_site as b using (building)
left join unit_lot_site as u using (parcel)
;

create or replace temp table sited as
with
    by_front as (
        select text_front, min(number_site) as site
        from identified
        where number_site is not null and text_site is not null
        group by all
        having count(distinct number_site) = 1
    ),
    by_text as (
        select text_site, min(number_site) as site
        from identified
        where number_site is not null and text_site is not null
        group by all
        having count(distinct number_site) = 1
    )
select
    i.feed,
    i.record_key,
    i.known_time,
    i.unit,
    i.parcel,
    i.lot_kind,
    coalesce(i.number_site, f.site, t.site, i.text_site) as site,
    -- a building that others put on another lot is not told by this record
    case when i.site_of_building = i.number_site then i.building end as building,
    case
        when i.number_site is null
        then 'exact'
        else 'identifier'
    end as method,
    case
        when i.lot_kind in ('lot', 'billing')
        then 'same parcel'
        when i.lot_kind = 'unit'
        then 'lot of the condominium'
        when i.number_site is not null
        then 'same building'
        when i.is_corner
        then 'same corner'
        else 'same street and overlapping number'
    end as evidence
from identified as i
left join by_front as f on f.text_front = i.text_front
left join by_text as t on t.text_site = i.text_site
where coalesce(i.number_site, i.text_site) is not null
;

create or replace temp table address_member as
with
    only_building as (
        select site, min(building) as building
        from sited
        where building is not null
        group by all
        having count(distinct building) = 1
    ),
    housed as (
        select s.*, coalesce(s.building, o.building, s.site) as house
        from sited as s
        left join only_building as o using (site)
    ),
    only_unit_lot as (
        select house, unit, min(parcel) as parcel
        from housed
        where lot_kind = 'unit' and unit is not null
        group by all
        having count(distinct parcel) = 1
    )
select
    'site' as role,
    site as cluster,
    site,
    null::varchar as unit,
    feed,
    record_key,
    known_time,
    method,
    1.0::double as probability,
    evidence
from sited
union all
select
    'building',
    building,
    site,
    null,
    feed,
    record_key,
    known_time,
    'identifier',
    1.0,
    'same building'
from sited
where building is not null
union all
select
    'unit',
    case when h.lot_kind = 'unit' then h.parcel else coalesce(u.parcel, h.house || '|' || h.unit) end,
    h.site,
    coalesce(h.unit, lot_label(h.parcel)),
    h.feed,
    h.record_key,
    h.known_time,
    case when h.lot_kind = 'unit' then 'identifier' else h.method end,
    1.0,
    case when h.lot_kind = 'unit' then 'same lot of a condominium' else h.evidence end
from housed as h
left join only_unit_lot as u on u.house = h.house and u.unit = h.unit
where h.unit is not null or h.lot_kind = 'unit'
;

insert into address_not_linked by name
select
    o.feed,
    o.record_key,
    case
        when regexp_matches(upper(o.address_text), '\bBOX\b') then 'a PO box is no place' else 'no house number and street can be told'
    end as reason
from entity.observation as o
anti join address_member as m on m.feed = o.feed and m.record_key = o.record_key
where o.address_text is not null
;
