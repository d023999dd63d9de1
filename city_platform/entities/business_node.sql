-- What every record says of a business, as models/business.yaml compares it.
-- Grain: one record whose feed holds businesses, and that names one. Key: feed, record_key.
-- Reads: entity.observation, entity.address_member; macros of standardise.sql. Writes: temp node_source and
-- the
-- macros that the model's levels use.
-- A record that states a holder and no trading name (a rates account, say) is about a business only where a
-- named record at the site states the same holder.
create or replace temp macro squeezed(words) as replace(words, ' ', '')
;

-- same_words: MC DONALDS and MCDONALDS; null on either side is never the same.
create or replace temp macro same_words(one, other) as coalesce(squeezed(one) = squeezed(other), false)
;

-- within_words: whether all words of one name stand in the other, or one begins with the other.
create or replace temp macro within_words(one, other) as coalesce(
    least(length(one), length(other)) > 3
    and (
        starts_with(squeezed(other), squeezed(one))
        or starts_with(squeezed(one), squeezed(other))
        or list_has_all(string_split(other, ' '), string_split(one, ' '))
        or list_has_all(string_split(one, ' '), string_split(other, ' '))
    ),
    false
)
;

-- nearly_words: a slip of the pen apart, whatever the spaces (WALGREENS and WALGREEN).
create or replace temp macro nearly_words(one, other) as coalesce(
    jaro_winkler_similarity(squeezed(one), squeezed(other)) >= 0.94
    or (
        least(length(one), length(other)) >= 5
        and damerau_levenshtein(squeezed(one), squeezed(other)) <= case when least(length(one), length(other)) >= 9 then 2 else 1 end
    ),
    false
)
;

-- like_words: written otherwise, with most of the letters in the same places.
create or replace temp macro like_words(one, other) as coalesce(
    jaro_winkler_similarity(squeezed(one), squeezed(other)) >= 0.86, false
)
;

-- shared_words: how many longer words two names have in common.
create or replace temp macro shared_words(one, other) as coalesce(
    len(
        list_filter(
            list_intersect(string_split(one, ' '), string_split(other, ' ')), lambda word: length(word) > 3
        )
    ),
    0
)
;

create or replace temp table said_of_business as
select
    o.feed,
    o.record_key,
    o.known_time,
    o.valid_from,
    o.valid_to,
    m.site,
    coalesce(o.name_words, o.alias_words) as name,
    case when squeezed(o.alias_words) <> squeezed(o.name_words) then o.alias_words end as alias,
    o.legal_words as holder,
    o.business_scheme || ':' || o.business_number as number
from entity.observation as o
left join
    (select feed, record_key, min(site) as site from entity.address_member where role = 'site' group by all) as m
    on m.feed = o.feed
    and m.record_key = o.record_key
where o.has_business
;

-- How many names a site has, in steps, so that one more seldom changes what its records say: an airport has
-- many.
create or replace temp table crowded as
select site, case when count(distinct name) <= 3 then 1 when count(distinct name) <= 12 then 2 else 3 end as crowd
from said_of_business
where site is not null
group by site
;

-- Who is stated to hold a business at a site, under which name, from when to when.
create or replace temp table holding as
select
    site,
    holder,
    name,
    coalesce(valid_from, date '0001-01-01') as valid_from,
    coalesce(valid_to, date '9999-12-31') as valid_to
from said_of_business
where site is not null and holder is not null and name is not null
group by all
;

create or replace temp table held_name as
select site, holder, name, count(*) over (partition by site, holder) as names
from (select distinct site, holder, name from holding)
;

-- What was seen at a site on one day (a visit, not a term) without its holder being stated, and who held it
-- then: of those who traded
-- under that name the last to begin, else the only one that the site had.
create or replace temp table seen as
select distinct site, name, alias, valid_from as day
from said_of_business
where holder is null and site is not null and name is not null and valid_from = valid_to
;

create or replace temp table held_on_day as
with
    candidate as (
        select s.site, s.name, s.alias, s.day, h.holder, h.valid_from, same_words(h.name, s.name) or same_words(h.name, s.alias) as is_named
        from seen as s
        join holding as h on h.site = s.site and s.day between h.valid_from and h.valid_to
    )
select
    site,
    name,
    alias,
    day,
    coalesce(
        max({'valid_from': valid_from, 'holder': holder}) filter (where is_named).holder,
        case when count(distinct holder) = 1 then min(holder) end
    ) as holder
from candidate
group by all
having holder is not null
;

-- Names that were seen while their holder's own trading name was seen there too: they may be somebody else's.
create or replace temp table beside_holder as
with
    span as (
        select site, name, min(day) as first_day, max(day) as last_day
        from seen
        group by all
    )
select distinct d.site, d.name, d.holder
from (select distinct site, name, holder from held_on_day) as d
join held_name as h on h.site = d.site and h.holder = d.holder and h.name <> d.name
join span as mine on mine.site = d.site and mine.name = d.name
join span as its on its.site = h.site and its.name = h.name
where its.first_day <= mine.last_day and its.last_day >= mine.first_day
;

-- Every join is on equal values: a condition of one side only would make them slow.
create or replace temp table node_source as
with
    keyed as (
        select
            *,
            case when holder is null and valid_from = valid_to then hash(site, name, coalesce(alias, ''), valid_from) end as seen_key,
            case when holder is not null then hash(site, holder) end as held_key
        from said_of_business
    ),
    holder_then as (
        select hash(d.site, d.name, coalesce(d.alias, ''), d.day) as seen_key, d.holder, b.holder is not null as is_beside_holder
        from held_on_day as d
        left join beside_holder as b on b.site = d.site and b.name = d.name and b.holder = d.holder
    ),
    holds as (
        select distinct hash(site, holder) as held_key, names
        from held_name
    )
select
    s.feed,
    s.record_key,
    'business' as role,
    s.known_time,
    s.site,
    c.crowd,
    s.name,
    s.alias,
    s.holder,
    n.names > 1 as holds_several,
    s.number,
    d.holder as holder_there,
    d.is_beside_holder
from keyed as s
left join crowded as c on c.site = s.site
left join holder_then as d on d.seen_key = s.seen_key
left join holds as n on n.held_key = s.held_key
where coalesce(s.name, s.number) is not null or n.names is not null
;
