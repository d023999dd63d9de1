-- Which records are about the same site, and about the same unit in it.
-- Grain: one record in one role. Key: feed, record_key, role.
-- Reads: entity.observation. Writes: temp front_site, temp address_member.
-- Fronts of one street whose number ranges overlap on the same side are one site. The suffix decides where
-- both have
-- one; a front without suffix belongs to the only site that its number falls in, else it is a site of its
-- own.
create or replace temp table front as
select distinct number_low, number_high, coalesce(direction, '') as direction, street, coalesce(suffix, '') as suffix
from entity.observation
where number_low is not null and street is not null
;

create or replace temp table front_run as
with
    reached as (
        select
            *,
            max(number_high) over (
                partition by direction, street, suffix, number_low % 2
                order by number_low, number_high
                rows between unbounded preceding and 1 preceding
            ) as reach
        from front
    )
select
    * exclude (reach),
    sum(case when reach is null or number_low > reach then 1 else 0 end) over (
        partition by direction, street, suffix, number_low % 2
        order by number_low, number_high
        rows between unbounded preceding and current row
    ) as run
from reached
;

create or replace temp table site_span as
select
    direction || '|' || street || '|' || suffix || '|' || number_low % 2 || '|' || run as site,
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

create or replace temp table front_site as
with
    own as (
        select f.*, s.site
        from front_run as f
        join
            site_span as s
            on s.direction = f.direction
            and s.street = f.street
            and s.suffix = f.suffix
            and s.side = f.number_low % 2
            and s.run = f.run
    ),
    with_suffix as (
        select
            f.direction,
            f.street,
            f.number_low,
            f.number_high,
            min(s.site) as site,
            count(distinct s.site) as sites
        from own as f
        join
            site_span as s
            on s.direction = f.direction
            and s.street = f.street
            and s.suffix <> ''
            and s.side = f.number_low % 2
            and s.span_low <= f.number_high
            and s.span_high >= f.number_low
        where f.suffix = ''
        group by all
    )
select
    o.number_low,
    o.number_high,
    o.direction,
    o.street,
    o.suffix,
    case when o.suffix = '' and w.sites = 1 then w.site else o.site end as site
from own as o
left join
    with_suffix as w
    on w.direction = o.direction
    and w.street = o.street
    and w.number_low = o.number_low
    and w.number_high = o.number_high
;

create or replace temp table address_member as
with
    sited as (
        select o.feed, o.record_key, o.known_time, o.unit, f.site
        from entity.observation as o
        join
            front_site as f
            on f.number_low = o.number_low
            and f.number_high = o.number_high
            and f.direction = coalesce(o.direction, '')
            and f.street = o.street
            and f.suffix = coalesce(o.suffix, '')
    )
select 'address' as entity_type, 'site' as role, site as cluster, site, null as unit, feed, record_key, known_time, 'exact' as method, 'same street and overlapping number' as evidence
from sited
union all
select 'address', 'unit', site || '|' || unit, site, unit, feed, record_key, known_time, 'exact', 'same street and overlapping number'
from sited
where unit is not null
;
