-- The kept records of one delivery beside what staging holds.
-- Grain: one record that is kept, or that staging holds and this delivery says is gone. Key: record_key.
-- Reads: temp fated, temp view current_record; variable is_snapshot. Writes: temp compared.
-- A record whose new version was set aside keeps its good one: it is neither changed nor removed.
create or replace temp table compared as
select
    coalesce(kept.record_key, held.record_key) as record_key,
    kept._row,
    kept._fate,
    held.first_seen,
    case
        when kept._fate = 'deleted'
        then case when held.record_key is null then 'unknown' else 'deleted' end
        when held.record_key is null
        then 'new'
        when kept.record_key is null
        then 'removed'
        when kept._row_hash = held._row_hash
        then 'unchanged'
        else 'changed'
    end as change
from (select record_key, _row, _row_hash, _fate from fated where _fate in ('kept', 'deleted')) as kept
full join current_record as held on held.record_key = kept.record_key
where
    kept.record_key is not null
    or (
        getvariable('is_snapshot')
        and held.record_key not in (
            select record_key from fated where _fate not in ('kept', 'deleted') and record_key is not null
        )
    )
;
