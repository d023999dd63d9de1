-- How many records of each feed came to an address in which way.
-- Grain: one feed and one way. Key: feed, way.
-- Reads: temp address_member_now, address_not_linked. Writes: temp address_settled_now.
create or replace temp table address_settled_now as
select
    feed,
    case
        when method = 'gazetteer'
        then 'cross-reference'
        when method = 'identifier'
        then 'identifier'
        when method = 'model'
        then 'text by score and margin'
        when starts_with(cluster, 'uprn|')
        then 'text'
        when evidence = 'no other record'
        then 'no other record'
        else 'among themselves'
    end as way,
    count(*) as records,
    false as is_lost
from address_member_now
where role = 'site' and evidence is distinct from 'the address itself'
group by all
union all
select feed, reason, count(*), true
from address_not_linked
group by all
;
