-- What becomes of every record of one delivery.
-- Grain: one record of the delivery. Key: _line.
-- Reads: temp judged; variables on_repeat and on_conflict. Writes: temp fated.
-- A record is blank, invalid (a problem that sets it aside, or no key), a repeat (all its declared columns
-- equal an
-- earlier record's), in conflict (another record has its key and other content) or kept.
create or replace temp table fated as
with
    keyed as (
        select
            *,
            record_key is not null
            and not is_blank
            and len(list_filter(problems, lambda p: p.sets_aside)) = 0 as is_valid
        from judged
    ),
    compared as (
        select
            *,
            row_number() over (
                partition by is_valid, record_key, _row_hash order by _line
            ) as occurrence,
            min(_row_hash) over (partition by is_valid, record_key)
            <> max(_row_hash) over (partition by is_valid, record_key) as is_contested,
            first_value(_row_hash) over (
                partition by is_valid, record_key order by _line
            ) as first_hash
        from keyed
    )
select
    * exclude (record_key, is_contested, first_hash),
    case
        when getvariable('on_repeat') = 'keep' and occurrence > 1
        then record_key || '|' || occurrence
        else record_key
    end as record_key,
    case
        when is_blank
        then 'blank'
        when not is_valid
        then 'invalid'
        when
            is_contested
            and (
                getvariable('on_conflict') = 'quarantine'
                or _row_hash <> first_hash
            )
        then 'conflict'
        when occurrence > 1 and getvariable('on_repeat') = 'collapse'
        then 'repeat'
        when occurrence > 1 and getvariable('on_repeat') = 'quarantine'
        then 'repeat_refused'
        else 'kept'
    end as fate
from compared
;
