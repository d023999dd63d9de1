-- The visits that models are tried on: the first labelled visit to each unit in each window.
-- Grain:  one unit and window.
-- Inputs: temp tables labelled_visit, unit_key; temp table risk_window (window_start, window_end).
-- Key:    unit_id, as_of. as_of is the first day of the window: features are frozen there.
create or replace temp table window_row as
select
    visit.unit_id,
    any_value(unit_key.unit_key) as unit_key,
    risk_window.window_start as as_of,
    min(visit.happened_on) as happened_on,
    min_by(visit.known_time, visit.happened_on) as known_time,
    min_by(visit.label, visit.happened_on) as label
from labelled_visit as visit
join unit_key on unit_key.unit_id = visit.unit_id
join
    risk_window
    on visit.happened_on >= risk_window.window_start
    and visit.happened_on < risk_window.window_end
group by visit.unit_id, risk_window.window_start
;
