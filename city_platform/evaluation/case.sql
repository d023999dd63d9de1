-- How a case's scores and worklist compare with what is true of its units.
-- Grain: one metric. Key: metric.
-- Reads: temp scored(unit_id, score, is_listed), one unit; temp unit_truth(unit_id, truth_id); temp
-- planted_truth
-- (truth_id, is_planted), for a case of which there is any; temp latent(truth_id, badness), where units
-- have it.
-- Writes: temp case_metric(metric, value, records).
create or replace temp table case_metric as
with
    judged_unit as (
        select s.*, p.is_planted, l.badness
        from scored as s
        left join unit_truth as u using (unit_id)
        left join planted_truth as p using (truth_id)
        left join latent as l using (truth_id)
    ),
    ranked as (
        select *, rank() over (order by score) + (count(*) over (partition by score) - 1) / 2 as place
        from judged_unit
    ),
    counted as (
        select
            count(*) as units,
            count(*) filter (is_planted) as planted,
            sum(place) filter (is_planted) as planted_places,
            count(*) filter (is_listed) as listed,
            count(*) filter (is_listed and is_planted) as planted_listed,
            count(*) filter (is_listed and not is_planted) as look_alikes_listed,
            corr(place, badness_place) as rank_correlation,
            count(badness) as with_badness
        from
            (
                select *, case when badness is not null then rank() over (order by badness) end as badness_place
                from ranked
            )
    )
select 'listed' as metric, listed::double as value, units as records
from counted
union all
select 'rank_correlation', rank_correlation, with_badness
from counted
where rank_correlation is not null
union all
select 'planted_eligible', planted, units
from counted
where planted > 0
union all
select 'planted_listed', planted_listed, planted
from counted
where planted > 0
union all
select 'look_alikes_listed', look_alikes_listed, listed
from counted
where planted > 0
union all
select 'auc', (planted_places - planted * (planted + 1) / 2) / (planted * (units - planted)), units
from counted
where planted > 0 and units > planted
;
