-- A BS7666 gazetteer, read for matching.
-- Grain: one LPI; one BLPU; one cross reference. Keys: uprn, lpi_key; uprn; scheme, reference.
-- Reads: temp views blpu, lpi, street, xref, classification over its feeds; macros of words_uk.sql. Writes:
-- temp
-- gazetteer_street, gazetteer_use, gazetteer_lpi, gazetteer_plot, gazetteer_place, gazetteer_reference,
-- place_name, known_street.
-- Records deleted by the custodian (change type D) count as gone. Of a BLPU's LPIs the approved one is
-- canonical.
create or replace temp table gazetteer_street as
select
    usrn::varchar as usrn,
    street_descriptor,
    replace(whole_line(plain_line(street_descriptor)), ' ,', '') as street,
    coalesce(nullif(locality_name, ''), nullif(town_name, '')) as locality,
    town_name
from street
where change_type is distinct from 'D'
;

create or replace temp table gazetteer_use as
select
    uprn_key(uprn) as uprn,
    min_by(
        classification_code, {'is_over': end_date is not null, 'start_date': start_date, 'class_key': class_key}
    ) as class
from classification
where change_type is distinct from 'D'
group by all
;

create or replace temp table gazetteer_lpi as
with
    stated as (
        select
            uprn_key(l.uprn) as uprn,
            l.lpi_key,
            l.logical_status::integer as status,
            nullif(l.pao_start_number::integer, 0) as number_low,
            coalesce(nullif(l.pao_end_number::integer, 0), number_low) as number_high,
            nullif(upper(trim(l.pao_start_suffix)), '') as number_suffix,
            nullif(trim(l.pao_text), '') as pao_text,
            nullif(trim(l.sao_text), '') as sao_text,
            nullif(l.sao_start_number::integer, 0)
            || coalesce(upper(trim(l.sao_start_suffix)), '')
            || coalesce(
                '-' || nullif(l.sao_end_number::integer, 0) || coalesce(upper(trim(l.sao_end_suffix)), ''), ''
            ) as sao_number,
            standard_postcode(l.postcode) as zip,
            l.post_town,
            s.street,
            s.street_descriptor,
            s.locality,
            s.town_name,
            -- a part that has only a number is a flat, unless what is done there says otherwise
            case when left(u.class, 1) in ('C', 'O') then 'UNIT ' else 'FLAT ' end as kind
        from lpi as l
        left join gazetteer_street as s on s.usrn = l.usrn::varchar
        left join gazetteer_use as u on u.uprn = uprn_key(l.uprn)
        where l.change_type is distinct from 'D'
    )
select
    uprn,
    lpi_key,
    status,
    number_low,
    number_high,
    number_suffix,
    street,
    without_the(replace(whole_line(plain_line(pao_text)), ' ,', '')) as premises,
    case
        when sao_number is null
        then regexp_replace(flat_key(sao_text), '^([0-9]+[A-Z]?)$', 'FLAT \1')
        when flat_key(sao_text) in ('FLAT', 'UNIT', 'ROOM', 'STUDIO', 'KIOSK', 'STALL', 'PLOT', 'ARCH', 'PITCH')
        then flat_key(sao_text) || ' ' || sao_number
        else kind || sao_number
    end as unit,
    zip,
    locality,
    town_name,
    post_town,
    label_uk(
        case
            when sao_text is null or regexp_matches(sao_text, '[0-9]')
            then unit
            else concat_ws(' ', sao_text, sao_number)
        end,
        pao_text,
        number_low,
        number_high,
        number_suffix,
        street_descriptor,
        zip
    ) as label
from stated
;

-- Levels: the topmost of a chain of parents is the site. What stands between and has parts, and is itself no
-- part by its
-- own words, is a building; all else beneath a site is a unit. A parent that is not in the gazetteer is none,
-- and so is
-- one in a circle of parents.
create or replace temp table gazetteer_plot as
with recursive
    plot as materialized (
        select
            uprn_key(b.uprn) as uprn,
            uprn_key(b.parent_uprn) as stated_parent,
            b.record_key,
            coalesce(b.entry_date::timestamp, b.first_seen) as known_time,
            map {'1': 'current', '6': 'provisional', '8': 'historical'}[b.logical_status::varchar] as lifecycle,
            b.ward_code as ward,
            b.x_coordinate as easting,
            b.y_coordinate as northing
        from blpu as b
        where b.change_type is distinct from 'D'
    ),
    known as materialized (
        select p.uprn, p.stated_parent as parent
        from plot as p
        semi join plot as up on up.uprn = p.stated_parent
    ),
    climbed(uprn, ancestor, steps) as (
        select uprn, parent, 1
        from known
        union all
        select c.uprn, k.parent, c.steps + 1
        from climbed as c
        join known as k on k.uprn = c.ancestor
        where c.steps < 10 and c.ancestor <> c.uprn
    ),
    straight as (
        select *
        from known
        where uprn not in (select uprn from climbed where ancestor = uprn)
    )
select p.* exclude (stated_parent), k.parent
from plot as p
left join straight as k on k.uprn = p.uprn
;

create or replace temp table gazetteer_place as
with recursive
    climbed(uprn, ancestor, steps) as (
        select uprn, uprn, 0
        from gazetteer_plot
        union all
        select c.uprn, p.parent, c.steps + 1
        from climbed as c
        join gazetteer_plot as p on p.uprn = c.ancestor
        where p.parent is not null and c.steps < 10
    ),
    canonical as materialized (
        select
            uprn,
            min_by(
                {
                    'number_low': number_low,
                    'number_high': number_high,
                    'number_suffix': number_suffix,
                    'street': street,
                    'premises': premises,
                    'unit': unit,
                    'zip': zip,
                    'locality': locality,
                    'label': label
                },
                {
                    'rank': coalesce(map {1: 0, 6: 1, 3: 2, 8: 3}[status], 4),
                    'lpi_key': lpi_key
                }
            ) as lpi,
            count(unit) > 0 as has_unit,
            count(number_low) > 0 as has_number
        from gazetteer_lpi
        group by all
    ),
    levelled as (
        select
            c.uprn,
            max_by(c.ancestor, c.steps) as top,
            min_by(c.ancestor, c.steps) filter (b.uprn is not null) as building
        from climbed as c
        left join
            (
                select p.uprn
                from gazetteer_plot as p
                left join canonical as l using (uprn)
                where
                    p.parent is not null
                    and not coalesce(l.has_unit, false)
                    and p.uprn in (select parent from gazetteer_plot)
            ) as b
            on b.uprn = c.ancestor
        group by all
    )
select
    p.*,
    t.top,
    t.building,
    case when p.uprn = t.top then 'site' when p.uprn = t.building then 'building' else 'unit' end as level,
    c.lpi.number_low as number_low,
    c.lpi.number_high as number_high,
    c.lpi.number_suffix as number_suffix,
    c.lpi.street as street,
    c.lpi.premises as premises,
    c.lpi.unit as unit,
    c.lpi.zip as postcode,
    c.lpi.locality as locality,
    coalesce(c.lpi.label, 'UPRN ' || p.uprn) as label,
    coalesce(c.has_unit, false) as has_unit,
    coalesce(c.has_number, false) as has_number,
    u.class
from gazetteer_plot as p
join levelled as t using (uprn)
left join canonical as c using (uprn)
left join gazetteer_use as u using (uprn)
;

-- A reference that leads to several UPRNs leads to none; one that is over counts where it is the only one.
create or replace temp table gazetteer_reference as
with
    stated as (
        select
            map {'7666VC': 'council_tax', '7666VN': 'non_domestic_rates'}[upper(trim(x.source))] as scheme,
            reference_key(x.cross_reference) as reference,
            uprn_key(x.uprn) as uprn,
            x.end_date is not null as is_over
        from xref as x
        semi join gazetteer_place as p on p.uprn = uprn_key(x.uprn)
        where x.change_type is distinct from 'D'
    ),
    newest as (
        select *
        from stated
        where scheme is not null and reference is not null
        qualify is_over = min(is_over) over (partition by scheme, reference)
    )
select scheme, reference, min(uprn) as uprn
from newest
group by all
having count(distinct uprn) = 1
;

create or replace temp table place_name as
select distinct unnest([locality, town_name]) as name
from gazetteer_street
union
select distinct post_town
from gazetteer_lpi
;

create or replace temp table known_street as
select distinct street
from gazetteer_street
where street is not null
;
