-- What every record says of a business, as models/business.yaml compares it.
-- Grain: one record whose feed holds businesses, and that names one. Key: feed, record_key.
-- Reads: entity.observation, entity.address_member; macros of standardise.sql. Writes: temp node_source and the
-- macros that the model's levels use.
-- A record that states a holder and no trading name (a rates account, say) is about a business only where a
-- named record at the site states the same holder.
create or replace temp macro squeezed(words) as replace(words, ' ', '')
;

-- same_words: MC DONALDS and MCDONALDS; null on either side is never the same.
create or replace temp macro same_words(one, other) as coalesce(squeezed(one) = squeezed(other), false)
;

-- within_words: whether each word of the shorter name stands in the longer, or the longer begins with it.
create or replace temp macro within_words(one, other) as coalesce(
    case
        when length(one) <= length(other)
        then
            length(one) > 3
            and (
                starts_with(squeezed(other), squeezed(one))
                or list_has_all(string_split(other, ' '), string_split(one, ' '))
            )
        else
            length(other) > 3
            and (
                starts_with(squeezed(one), squeezed(other))
                or list_has_all(string_split(one, ' '), string_split(other, ' '))
            )
    end,
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

create or replace temp table written_name as
select name, name_words(trading_part(name)) as words, name_words(holder_part(name)) as holder_words
from (select name from entity.observation union select alias from entity.observation union select legal_name from entity.observation)
where name is not null
;

create or replace temp table said_of_business as
select
    o.feed,
    o.record_key,
    o.known_time,
    o.valid_from,
    o.valid_to,
    m.site,
    coalesce(n.words, a.words) as name,
    case when n.words is not null and squeezed(a.words) <> squeezed(n.words) then a.words end as alias,
    case when not names_no_owner(o.legal_name) then l.holder_words end as legal,
    o.business_scheme || ':' || o.business_number as number
from entity.observation as o
left join
    (select feed, record_key, min(site) as site from entity.address_member where role = 'site' group by all) as m
    on m.feed = o.feed
    and m.record_key = o.record_key
left join written_name as n on n.name = o.name
left join written_name as a on a.name = o.alias
left join written_name as l on l.name = o.legal_name
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

-- Who is stated to hold a business at a site, from when to when, and under how many names.
create or replace temp table holding as
select site, legal, coalesce(valid_from, date '0001-01-01') as valid_from, coalesce(valid_to, date '9999-12-31') as valid_to
from said_of_business
where site is not null and legal is not null and name is not null
group by all
;

create or replace temp table held_name as
select distinct site, legal, name
from said_of_business
where site is not null and legal is not null and name is not null
;

-- The only holder of a site on the days on which records without a holder saw a name there.
create or replace temp table sole_holder as
with
    seen as (
        select distinct site, name, alias, valid_from as day
        from said_of_business
        where legal is null and site is not null and name is not null and valid_from is not null
    ),
    on_day as (
        select d.site, d.day, count(distinct h.legal) as holders, min(h.legal) as holder
        from (select distinct site, day from seen) as d
        join holding as h on h.site = d.site and d.day between h.valid_from and h.valid_to
        group by all
    ),
    over_time as (
        select
            s.site,
            s.name,
            s.alias,
            min(s.day) as first_day,
            max(s.day) as last_day,
            min(d.holder) filter (d.holders = 1) as holder
        from seen as s
        join on_day as d on d.site = s.site and d.day = s.day
        group by all
        having count(distinct d.holder) filter (d.holders = 1) = 1 and count(*) <= 2 * count(*) filter (d.holders = 1)
    )
select
    o.site,
    o.name,
    o.alias,
    o.holder,
    -- whether the holder's own trading name was seen there at the time too: then this may be somebody else
    exists (
        select 1
        from held_name as h
        join seen as s on s.site = h.site and s.name = h.name
        where h.site = o.site and h.legal = o.holder and h.name <> o.name and s.day between o.first_day and o.last_day
    ) as is_beside_holder
from over_time as o
;

create or replace temp table node_source as
select
    s.feed,
    s.record_key,
    'business' as role,
    s.known_time,
    s.site,
    c.crowd,
    s.name,
    s.alias,
    s.legal,
    s.number,
    h.holder as holder_there,
    h.is_beside_holder,
    n.names > 1 as holds_several
from said_of_business as s
left join crowded as c on c.site = s.site
left join
    sole_holder as h
    on h.site = s.site
    and h.name = s.name
    and h.alias is not distinct from s.alias
    and s.legal is null
left join
    (select site, legal, count(*) as names from held_name group by all) as n
    on n.site = s.site
    and n.legal = s.legal
where coalesce(s.name, s.number) is not null or n.names is not null
;
