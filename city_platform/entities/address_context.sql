-- What addresses show beside what their records say: nothing, where no gazetteer is read.
-- Grain: one cluster. Key: cluster. Writes: temp address_context.
create or replace temp table address_context (cluster ubigint, context ubigint)
;
