-- What UK addresses show beside what their records say: what the gazetteer holds of their UPRN.
-- Grain: one cluster. Key: cluster. Reads: temp address_cluster, gazetteer_place. Writes: temp
-- address_context.
create or replace temp table address_context as
select c.cluster, hash(p) as context
from address_cluster as c
join gazetteer_place as p on p.uprn = split_part(c.address, '|', 2)
where starts_with(c.address, 'uprn|')
;
