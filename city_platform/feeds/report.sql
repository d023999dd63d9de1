-- What is wrong with the newest delivery of one feed, for those who can mend it. That nothing could be
-- fetched is
-- told to both: it may be the agency's server or our settings.
-- Grain: one thing wrong. Key: none; in the order in which it is to be read.
-- Reads: quality.issue, provenance.delivery; parameters: the feed, who has to mend it.
select i.file_name, i.line, i.column_name, i.value, i.rule, i.severity, i.message
from quality.issue as i
where
    i.feed = $feed
    and (i.responsible = $responsible or i.rule = 'not_received')
    and (
        i.delivery_id is null
        or i.delivery_id = (
            select arg_max(d.delivery_id, d.sequence)
            from provenance.delivery as d
            where d.feed = $feed and d.status <> 'repeat'
        )
    )
order by
    case i.severity when 'error' then 1 when 'warning' then 2 else 3 end,
    i.line nulls first,
    i.column_name nulls first,
    i.rule,
    i.message
