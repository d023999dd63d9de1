-- Address links that deserve a look: less than certain, by the records that have the same text and address.
-- Grain: one address and one text of records linked to it. Key: address_id, text_a.
-- Reads: entity.link, entity.attribute, entity.address; variable link_number. Writes: nothing.
-- Beside it stands the record that is surest of the address: the gazetteer's, where there is one.
with
    unsure as (
        select l.entity_id as address_id, t.value as text, l.evidence, l.probability, l.feed, l.record_key
        from entity.link as l
        join
            entity.attribute as t
            on t.entity_type = 'address'
            and t.attribute = 'text'
            and t.feed = l.feed
            and t.record_key = l.record_key
        where l.entity_type = 'address' and l.probability < 0.999 and l.method <> 'decision'
    ),
    grouped as (
        select
            address_id,
            text,
            min(evidence) as evidence,
            min(probability) as probability,
            count(*) as records,
            min({'feed':feed, 'record_key':record_key}) as record
        from unsure
        group by address_id, text
        order by (1 - min(probability)) * log2(1 + count(*)) desc, address_id, text
        limit getvariable('link_number')
    ),
    surest as (
        select
            l.entity_id as address_id,
            min(
                {
                    'doubt': case when l.evidence = 'the address itself' then -1 else 1 - l.probability end,
                    'feed':l.feed,
                    'record_key':l.record_key
                }
            ) as record
        from entity.link as l
        semi join grouped as g on g.address_id = l.entity_id
        left join
            unsure as u on u.address_id = l.entity_id and u.feed = l.feed and u.record_key = l.record_key
        where l.entity_type = 'address' and u.feed is null
        group by l.entity_id
    )
select
    g.record.feed as feed_a,
    g.record.record_key as record_key_a,
    s.record.feed as feed_b,
    s.record.record_key as record_key_b,
    g.text as text_a,
    t.value as text_b,
    g.address_id,
    a.label,
    g.evidence,
    g.probability,
    g.records
from grouped as g
join surest as s using (address_id)
join entity.address as a using (address_id)
left join
    entity.attribute as t
    on t.entity_type = 'address'
    and t.attribute = 'text'
    and t.feed = s.record.feed
    and t.record_key = s.record.record_key
order by (1 - g.probability) * log2(1 + g.records) desc, g.address_id, g.text
;
