-- What is alarming about the newest run, against the run before it. Without a run before, nothing is, but
-- drift.
-- Grain: one alarm. Key: check_name, entity_type, feed, and what the message names.
-- Reads: entity.link_metric, temp usual_records(entity_type, records).
-- Writes: temp link_alarm(check_name, entity_type, feed, message).
-- Explodes: the largest entity has grown beyond three times the largest before, and beyond what is usual of
-- its
-- type.
-- Matches: of a feed's records, the share that is linked at all, or that shares its entity with another
-- feed's
-- record,
-- fell by more than 20 points or to less than half. Feeds of fewer than 50 records jump by chance.
create or replace temp table link_alarm as
with
    newest as (select max(run_number) as run_number from entity.link_metric),
    last_before as (
        select max(m.run_number) as run_number
        from entity.link_metric as m
        join newest as n on m.run_number < n.run_number
    ),
    now_measured as (select m.* from entity.link_metric as m join newest using (run_number)),
    before_measured as (select m.* from entity.link_metric as m join last_before using (run_number)),
    changed as (
        select n.entity_type, n.feed, n.metric, n.slice, n.value, b.value as value_before
        from now_measured as n
        join
            before_measured as b
            on b.entity_type = n.entity_type
            and b.feed = n.feed
            and b.metric = n.metric
            and b.slice = n.slice
    ),
    shares as (
        select
            c.entity_type,
            c.feed,
            c.metric,
            divide(c.value, r.value) as share,
            divide(c.value_before, r.value_before) as share_before
        from changed as c
        join
            changed as r
            on r.entity_type = c.entity_type
            and r.feed = c.feed
            and r.metric = 'records'
        where c.metric in ('linked', 'matched') and least(r.value, r.value_before) >= 50
    )
select
    'no_cluster_explodes' as check_name,
    entity_type,
    feed,
    format(
        'The largest {} has {:,} records; the largest of the last run had {:,}.',
        entity_type,
        value::bigint,
        value_before::bigint
    ) as message
from changed
join usual_records using (entity_type)
where metric = 'largest' and value > greatest(records, 3 * value_before)
union all
select
    'feeds_still_match',
    entity_type,
    feed,
    format(
        '{}: of its records that name {} {}, {}% are {}; {}% were at the last run.',
        feed,
        if(entity_type in ('address', 'organisation'), 'an', 'a'),
        entity_type,
        round(100 * share)::integer,
        if(metric = 'linked', 'linked', 'one with a record of another feed'),
        round(100 * share_before)::integer
    )
from shares
where share < share_before - 0.2 or share < 0.5 * share_before
union all
select
    'links_are_as_right_as_last_run',
    entity_type,
    feed,
    format(
        'By people''s decisions the {} of {} links is {:.3f}; it was {:.3f} at the last run.',
        metric,
        entity_type,
        value,
        value_before
    )
from changed
where metric in ('precision', 'recall') and value < value_before - 0.02
union all
select
    'term_frequencies_hold',
    entity_type,
    feed,
    format(
        'Of {} nodes, {:.0f}% of what {} holds differs from what the weights were made for.',
        entity_type,
        100 * value,
        slice
    )
from now_measured
where metric = 'drift' and value > 0.1
;
