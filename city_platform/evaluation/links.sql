-- How well the records of one entity type are put together.
-- Grain: one metric in one slice. Key: slice, metric.
-- Reads: temp judged(feed, cluster, truth_id, dirt, is_linked, is_measured), one row a record in a role.
-- Writes: temp link_metric(slice, metric, value, records).
-- B-cubed: of each record, the share of its cluster that is truly with it, and the share of its true
-- fellows that are in
-- its cluster; the mean over records. Pairs: the same of pairs of records, where large clusters count for
-- more.
create or replace temp table bcubed as
with
    cluster_size as (select cluster, count(*) as n from judged group by cluster),
    truth_size as (select truth_id, count(*) as n from judged group by truth_id),
    shared as (select cluster, truth_id, count(*) as n from judged group by all)
select j.feed, j.dirt, j.is_linked, s.n / c.n as in_cluster, s.n / t.n as in_truth
from judged as j
join shared as s using (cluster, truth_id)
join cluster_size as c using (cluster)
join truth_size as t using (truth_id)
where j.is_measured
;

create or replace temp table link_metric as
with
    sliced as (
        select 'all' as slice, * exclude (dirt) from bcubed
        union all
        select 'feed:' || feed, * exclude (dirt) from bcubed
        union all
        select 'dirt:' || kind, * exclude (kind)
        from (select unnest(dirt) as kind, * exclude (dirt) from bcubed)
        union all
        select 'dirt:none', * exclude (dirt) from bcubed where len(dirt) = 0
    ),
    averaged as (
        select
            slice,
            count(*) as records,
            avg(in_cluster) as bcubed_precision,
            avg(in_truth) as bcubed_recall,
            avg(is_linked::integer) as linked
        from sliced
        group by slice
    ),
    paired as (
        select
            sum(both_n * (both_n - 1)) as together,
            (select sum(n * (n - 1)) from (select count(*) as n from judged group by cluster)) as claimed,
            (select sum(n * (n - 1)) from (select count(*) as n from judged group by truth_id)) as true_pairs
        from (select count(*) as both_n from judged group by cluster, truth_id)
    )
select slice, metric, value, records
from
    (
        select
            slice,
            records,
            bcubed_precision,
            bcubed_recall,
            2 * bcubed_precision * bcubed_recall / (bcubed_precision + bcubed_recall) as bcubed_f1,
            linked
        from averaged
    )
    unpivot (value for metric in (bcubed_precision, bcubed_recall, bcubed_f1, linked))
union all
select 'all', 'pair_precision', together / claimed, (select count(*) from judged)
from paired
where claimed > 0
union all
select 'all', 'pair_recall', together / true_pairs, (select count(*) from judged)
from paired
where true_pairs > 0
;
