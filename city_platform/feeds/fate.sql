-- What becomes of every record of one delivery.
-- Grain: one record of the delivery. Key: _row.
-- Reads: temp keyed; variables on_repeat and on_conflict. Writes: temp fated.
-- A record is blank, invalid (a problem that sets it aside, or no key), a repeat (all its declared columns
-- equal an earlier record's), in conflict (another record has its key and other content), deleted (it says
-- that the record is gone) or kept.
create or replace temp table fated as
with
    judged as (
        select *, record_key is not null and not _is_blank and _is_valid as _is_good from keyed
    ),
    compared as (
        select
            *,
            row_number() over (
                partition by _is_good, record_key, _row_hash order by _row
            ) as _occurrence,
            min(_row_hash) over (partition by _is_good, record_key)
            <> max(_row_hash) over (partition by _is_good, record_key) as _is_contested,
            first_value(_row_hash) over (
                partition by _is_good, record_key order by _row
            ) as _first_hash
        from judged
    )
select
    _row,
    _line,
    case
        when getvariable('on_repeat') = 'keep' and _occurrence > 1
        then record_key || '|' || _occurrence
        else record_key
    end as record_key,
    _row_hash,
    case
        when _is_blank
        then 'blank'
        when not _is_good
        then 'invalid'
        when
            _is_contested
            and (
                getvariable('on_conflict') = 'quarantine'
                or _row_hash <> _first_hash
            )
        then 'conflict'
        when _occurrence > 1 and getvariable('on_repeat') = 'collapse'
        then 'repeat'
        when _occurrence > 1 and getvariable('on_repeat') = 'quarantine'
        then 'repeat_refused'
        when _is_deleted
        then 'deleted'
        else 'kept'
    end as _fate
from compared
;
