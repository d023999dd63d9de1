-- What every record says of an owner, as models/organisation.yaml compares it.
-- Grain: one record that states an owner's number, or a legal name that is somebody's. Key: feed, record_key.
-- Reads: entity.observation, entity.address_member. Writes: temp node_source and a macro of the model's
-- levels.
-- A payment may go to the trading name of a person who trades alone: that name then stands for the owner, if
-- only one trades under it.
create or replace temp macro squeezed(words) as replace(words, ' ', '')
;

create or replace temp macro same_owner_name(one, other) as coalesce(squeezed(one) = squeezed(other), false)
;

create or replace temp macro nearly_owner_name(one, other) as coalesce(
    least(length(one), length(other)) >= 8
    and damerau_levenshtein(squeezed(one), squeezed(other)) = 1,
    false
)
;

-- same_initial: J SMITH and JOHN SMITH.
create or replace temp macro same_initial(one, other) as coalesce(
    split_part(one, ' ', -1) = split_part(other, ' ', -1)
    and left(one, 1) = left(other, 1)
    and least(length(split_part(one, ' ', 1)), length(split_part(other, ' ', 1))) = 1,
    false
)
;

create or replace temp table said_of_owner as
select
    o.feed,
    o.record_key,
    o.known_time,
    o.owner_scheme || ':' || o.owner_number as number,
    o.legal_words as name,
    coalesce(shows_body(o.legal_name), false) as is_body,
    case when o.has_business then o.name_words end as trades_as,
    m.site
from entity.observation as o
left join
    (select feed, record_key, min(site) as site from entity.address_member where role = 'site' group by all) as m
    on m.feed = o.feed
    and m.record_key = o.record_key
where o.owner_number is not null or o.legal_words is not null
;

-- At how many sites a name is an owner's, and how many numbers come with it, in steps.
create or replace temp table owner_name as
with
    counted as (
        select
            squeezed(name) as name_key,
            count(distinct site) as sites,
            count(distinct number) as numbers
        from said_of_owner
        where name is not null
        group by all
    )
select
    c.name_key,
    case when c.sites <= 2 then c.sites when c.sites <= 5 then 3 else 4 end as bearers,
    least(c.numbers, 2) as numbers
from counted as c
;

create or replace temp table node_source as
with
    traded as (
        select squeezed(trades_as) as trade_key, count(distinct squeezed(name)) as owners
        from said_of_owner
        where trades_as is not null and name is not null
        group by all
    ),
    keyed as (
        select *, squeezed(name) as name_key, squeezed(trades_as) as trade_key
        from said_of_owner
    )
select
    k.feed,
    k.record_key,
    'owner' as role,
    k.known_time,
    k.number,
    k.name,
    -- only a name that one owner trades under can stand for that owner
    case when t.owners = 1 then k.trades_as end as trades_as,
    k.site,
    k.is_body,
    n.bearers,
    n.numbers
from keyed as k
left join owner_name as n using (name_key)
left join traded as t using (trade_key)
;
