-- How many people are taken for one with a relative of the same name, such as father and son.
-- Grain: one metric. Key: metric.
-- Reads: temp judged(cluster, truth_id, is_linked) of people; temp true_person, true_residence. Writes: temp
-- relative_metric(metric, value, records).
-- A relative: same given and family name, and an address where both have lived, at whatever time.
create or replace temp table relative_metric as
with
    held as (select distinct cluster, truth_id from judged where is_linked),
    together as (
        select distinct one.truth_id, other.truth_id as other_id
        from held as one
        join held as other on other.cluster = one.cluster and other.truth_id <> one.truth_id
    ),
    merged as (
        select distinct t.truth_id
        from together as t
        join true_person as one on one.person_id = t.truth_id
        join
            true_person as other
            on other.person_id = t.other_id
            and other.given_name = one.given_name
            and other.family_name = one.family_name
        join true_residence as home on home.person_id = t.truth_id
        join true_residence as other_home on other_home.person_id = t.other_id and other_home.address_id = home.address_id
    ),
    counted as (select count(distinct truth_id) as people from held)
select
    'relatives_merged' as metric,
    (select count(*) from merged) / people as value,
    people as records
from counted
where people > 0
;
