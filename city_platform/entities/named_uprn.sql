-- Records that name an address of the gazetteer by a cross reference or by its UPRN.
-- Grain: one record. Key: feed, record_key.
-- Reads: temp stated_address, text_place, gazetteer_reference, gazetteer_place, gazetteer_lpi; macros of
-- words_uk.sql.
-- Writes: temp named_uprn.
-- The record's own words have to allow it: neither house number nor flat may contradict every LPI of the
-- UPRN.
create or replace temp table named_uprn as
with
    named as (
        select s.feed, s.record_key, s.place, 1 as turn, g.uprn
        from stated_address as s
        join gazetteer_reference as g on g.scheme = s.reference_scheme and g.reference = s.reference
        union all
        select s.feed, s.record_key, s.place, 2, s.uprn
        from stated_address as s
        semi join gazetteer_place as p on p.uprn = s.uprn
    ),
    contradicted as (
        select n.place, n.uprn
        from (select distinct place, uprn from named) as n
        join text_place as t on t.place = n.place
        join gazetteer_place as p on p.uprn = n.uprn
        join gazetteer_lpi as l on l.uprn = n.uprn
        group by all
        having
            not bool_or(
                (
                    -- a name alone contradicts no number, unless another LPI gives the number
                    case
                        when t.number_low is null or not p.has_number
                        then true
                        when l.number_low is null
                        then coalesce(t.premises = l.premises, false)
                        else t.number_low <= l.number_high and t.number_high >= l.number_low
                    end
                    and coalesce(t.number_suffix = l.number_suffix, true)
                    and not flats_conflict(t.unit, l.unit)
                    -- 12A is flat A of 12, not its flat B
                    and (
                        coalesce(t.unit, t.number_suffix) is null
                        or coalesce(l.unit, l.number_suffix) is null
                        or not regexp_full_match(coalesce(t.unit, 'FLAT ' || t.number_suffix), 'FLAT [A-Z]')
                        or not regexp_full_match(coalesce(l.unit, 'FLAT ' || l.number_suffix), 'FLAT [A-Z]')
                        or coalesce(t.unit, 'FLAT ' || t.number_suffix) = coalesce(l.unit, 'FLAT ' || l.number_suffix)
                    )
                )
                -- 12 BEECH COURT is flat 12 of the building
                or coalesce(t.street = l.premises and 'FLAT ' || t.number_low || coalesce(t.number_suffix, '') = l.unit, false)
            )
    )
select n.feed, n.record_key, min_by(n.uprn, n.turn) as uprn, min(n.turn) as turn
from named as n
anti join contradicted as c on c.place = n.place and c.uprn = n.uprn
group by all
;
