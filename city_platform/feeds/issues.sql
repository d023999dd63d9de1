-- What is wrong with the records of one delivery, in sentences.
-- Grain: one thing wrong with one value or one record. Key: none.
-- Reads: temp fated, temp found_problem (_row, _line, problem), temp rejected_line; variables feed,
-- file_name, delivery_id. Writes: temp found_issue.
create or replace temp table found_issue as
with
    whole_records as (
        select
            _line,
            null::varchar as column_name,
            null::varchar as value,
            case
                when _fate = 'blank'
                then 'blank_record'
                when _fate = 'conflict'
                then 'key_twice'
                when _fate = 'repeat_refused'
                then 'repeat'
                else 'key_missing'
            end as rule,
            case
                when _fate = 'blank'
                then 'holds no values; the record was set aside. Please leave it out'
                when _fate = 'conflict'
                then
                    'another record of the file has the same key and other content; this one was set aside. '
                    || 'Please send each key once'
                when _fate = 'repeat_refused'
                then 'repeats an earlier record, which this feed must not; it was set aside'
                else 'its key is not given in full; the record was set aside'
            end as text,
            'error' as severity
        from fated
        where
            _fate in ('blank', 'conflict', 'repeat_refused')
            or (
                _fate = 'invalid'
                and record_key is null
                and _row not in (select _row from found_problem where problem.sets_aside)
            )
    ),
    single_values as (
        select
            _line,
            problem.column_name,
            problem.value,
            problem.rule,
            case
                when problem.rule = 'required'
                then 'no value is given'
                else '"' || problem.value || '" is not ' || problem.expected
            end || case
                when problem.sets_aside
                then '; the record was set aside. Please mend it and send it again'
                else '; the value was left out, the record kept. Please mend it'
            end as text,
            case when problem.sets_aside then 'error' else 'warning' end as severity
        from found_problem
    ),
    lines as (
        select
            _line,
            null::varchar as column_name,
            null::varchar as value,
            'line_rejected' as rule,
            'cannot be read: ' || _reason || '; the whole line was set aside. Please mend it and send it again' as text,
            'error' as severity
        from rejected_line
    ),
    together as (
        from whole_records
        union all by name
        from single_values
        union all by name
        from lines
    )
select
    getvariable('delivery_id') as delivery_id,
    getvariable('feed') as feed,
    getvariable('file_name') as file_name,
    _line as line,
    column_name,
    value,
    rule,
    severity,
    'agency' as responsible,
    'Feed ' || getvariable('feed')
    || ', file ' || getvariable('file_name')
    || ', line ' || _line
    || coalesce(', column ' || column_name, '')
    || ': ' || text || '.' as message
from together
;
