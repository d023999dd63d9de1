-- Texts that fit no address of the gazetteer word for word, matched by score and margin.
-- Grain: one distinct stated text. Key: stated_text.
-- Reads: temp stated_address, reading, named_uprn, text_match, gazetteer_lpi, gazetteer_place;
-- entity.place_match (of the
-- run before); macros of words_uk.sql; variables place_match_code, score_from, margin_from. Writes: temp
-- left_over, stated_text,
-- gazetteer_row, word_weight, new_place_match.
-- Candidates share the postcode, a rare word, or a number and a middling word, or a number and the beginning
-- or end of
-- a word, or a number and the postcode's sector. A conflict of house number, letter or flat is a veto. Words
-- weigh by
-- how few postcodes have them, in whole bits. An entry of the memo holds as long as every row that could be a
-- candidate, and every weight, is what it was: depends_on is a hash of just those.
create or replace temp table left_over as
select
    s.*,
    hash(
        address_text,
        locality,
        postcode,
        number_low,
        number_high,
        number_suffix,
        street,
        premises,
        unit,
        place
    ) as stated_text
from stated_address as s
anti join named_uprn as n on n.feed = s.feed and n.record_key = s.record_key
where s.address_text is not null and not s.is_box and (s.place is null or s.place not in (select place from text_match))
;

create or replace temp table stated_text as
select distinct
    stated_text,
    place,
    address_text,
    locality,
    postcode,
    number_low,
    number_high,
    number_suffix,
    street,
    premises,
    unit
from left_over
;

-- The gazetteer's rows as words and numbers.
create or replace temp table gazetteer_row as
select
    hash(l.uprn, l.lpi_key) as row_id,
    l.uprn,
    l.zip,
    l.number_low,
    l.number_high,
    l.number_suffix,
    l.unit,
    l.status is distinct from 1 as is_second,
    list_filter(words_of(l.premises), lambda w: not list_contains(words_of(coalesce(l.street, '')), w)) as houses,
    words_of(concat_ws(' , ', l.premises, l.street)) as names,
    list_filter(
        words_of(concat_ws(' , ', l.locality, l.town_name, l.post_town)), lambda w: not list_contains(names, w)
    ) as places
from gazetteer_lpi as l
semi join gazetteer_place as p on p.uprn = l.uprn
where (select count(*) from stated_text) > 0
;

create or replace temp table word_weight as
with
    held as (
        select distinct unnest(list_concat(names, places)) as word, coalesce(zip, '') as zip
        from gazetteer_row
    ),
    counted as (
        select word, count(*) as postcodes
        from held
        group by all
    ),
    -- a small gazetteer says little of how rare a word is
    total as (
        select greatest(10, round(log2(greatest(1, count(distinct zip))))) as bits
        from gazetteer_row
    )
select word, greatest(1, least(12, bits - floor(log2(postcodes))))::integer as weight, weight >= bits - 3 as is_rare
from counted
cross join total
;

create or replace temp table row_word as
select
    r.row_id,
    w.word,
    w.weight,
    w.is_rare,
    n.is_name and not is_kind(w.word) as is_name,
    coalesce(is_name and list_contains(r.houses, w.word), false) as is_house
from
    (
        select row_id, unnest(names) as word, true as is_name
        from gazetteer_row
        union all
        select row_id, unnest(places), false
        from gazetteer_row
    ) as n
join gazetteer_row as r using (row_id)
join word_weight as w using (word)
;

-- Of a text, the words that are neither its number, its unit nor its postcode; in whose care post goes is no
-- place.
create or replace temp table text_word as
with
    spread as (
        select
            stated_text,
            list_filter(words_of(premises), lambda w: not list_contains(words_of(coalesce(street, '')), w)) as houses,
            words_of(concat_ws(' , ', premises, street)) as names,
            unnest(
                list_filter(
                    words_of(
                        concat_ws(' , ', regexp_replace(address_text, '(?i)\bC/[O0] [^,]*,', ' '), locality)
                    ),
                    lambda w: not coalesce(list_contains(string_split(unit, ' '), w), false)
                    and not coalesce(list_contains(string_split(postcode, ' '), w), false)
                    and w <> replace(coalesce(postcode, ''), ' ', '')
                    and (not regexp_matches(w, '[0-9]') or list_contains(names, w))
                )
            ) as word
        from stated_text
    )
select
    s.stated_text,
    s.word,
    w.weight,
    coalesce(w.is_rare, false) as is_rare,
    list_contains(s.names, s.word) and not is_kind(s.word) as is_name,
    coalesce(is_name and list_contains(s.houses, s.word), false) as is_house
from spread as s
left join word_weight as w using (word)
;

create or replace temp macro block_keys(numbers, zip, words, rare_words) as list_distinct(
    list_concat(
        list_concat(
            case when zip is null then [] else [hash('postcode', zip)] end,
            list_transform(rare_words, lambda w: hash('rare', w))
        ),
        flatten(
            list_transform(
                numbers,
                lambda n: list_concat(
                    case when zip is null then [] else [hash('sector', n, left(zip, -2))] end,
                    list_concat(
                        list_transform(words, lambda w: hash('word', n, w)),
                        list_concat(
                            list_transform(words, lambda w: hash('begins', n, left(w, 3))),
                            list_transform(words, lambda w: hash('ends', n, right(w, 3)))
                        )
                    )
                )
            )
        )
    )
)
;

create or replace temp table text_key as
with
    worded as (
        select
            stated_text,
            list(word) filter (length(word) > 3 and not is_kind(word)) as words,
            list(word) filter (is_rare) as rare_words
        from text_word
        group by all
    )
select
    t.stated_text,
    unnest(
        block_keys(
            list_distinct(
                list_filter([t.number_low, t.number_high, flat_lowest(flat_number(t.unit))], lambda n: n is not null)
            ),
            t.postcode,
            coalesce(w.words, []),
            coalesce(w.rare_words, [])
        )
    ) as block
from stated_text as t
left join worded as w using (stated_text)
;

create or replace temp table row_key as
with
    worded as (
        select
            row_id,
            list(word) filter (length(word) > 3 and not is_kind(word)) as words,
            list(word) filter (is_rare) as rare_words,
            bit_xor(hash(word, weight, is_name, is_house)) as content
        from row_word
        group by all
    ),
    keyed as (
        select
            r.row_id,
            hash(
                r.uprn,
                r.zip,
                r.number_low,
                r.number_high,
                r.number_suffix,
                r.unit,
                r.is_second,
                w.content
            ) as content,
            unnest(
                block_keys(
                    list_distinct(
                        list_concat(
                            case
                                when r.number_high between r.number_low and r.number_low + 50
                                then range(r.number_low, r.number_high + 1)
                                when r.number_low is not null
                                then [r.number_low]
                                else []
                            end,
                            list_filter([flat_lowest(flat_number(r.unit))], lambda n: n is not null)
                        )
                    ),
                    r.zip,
                    coalesce(w.words, []),
                    coalesce(w.rare_words, [])
                )
            ) as block
        from gazetteer_row as r
        left join worded as w using (row_id)
    )
select *
from keyed
where block in (select block from text_key)
;

-- A block of more rows than this proves too little, and is not looked into.
create or replace temp table usable_block as
select block, bit_xor(hash(row_id, content)) as content
from row_key
group by all
having count(*) <= 400
;

create or replace temp table wanted_match as
with
    blocks as (
        select k.stated_text, bit_xor(hash(k.block, b.content)) as content
        from text_key as k
        join usable_block as b using (block)
        group by all
    ),
    words as (
        select stated_text, bit_xor(hash(word, weight, is_name, is_house)) as content
        from text_word
        group by all
    )
select t.stated_text, hash(getvariable('place_match_code'), b.content, w.content) as depends_on
from stated_text as t
left join blocks as b using (stated_text)
left join words as w using (stated_text)
;

create or replace temp table to_match as
select w.stated_text
from wanted_match as w
anti join entity.place_match as m on m.stated_text = w.stated_text and m.depends_on = w.depends_on
;

-- Each text beside each row that it could be, where no door contradicts.
create or replace temp table door_pair as
with
    pair as (
        select distinct k.stated_text, r.row_id
        from text_key as k
        semi join to_match as m on m.stated_text = k.stated_text
        semi join usable_block as b on b.block = k.block
        join row_key as r on r.block = k.block
    ),
    read_text as (
        select t.stated_text, t.postcode, r.number_low, r.number_high, r.number_suffix, r.unit, r.way
        from stated_text as t
        join reading as r on r.place = t.place and not r.is_building
        semi join to_match as m on m.stated_text = t.stated_text
        union all
        select t.stated_text, t.postcode, t.number_low, t.number_high, t.number_suffix, t.unit, 1
        from stated_text as t
        semi join to_match as m on m.stated_text = t.stated_text
        where t.place is null
    ),
    beside as (
        select
            p.stated_text,
            p.row_id,
            l.uprn,
            t.way,
            case
                when t.number_low is null and l.number_low is null
                then 0
                when t.number_low is null
                then -3
                when l.number_low is null
                then -4
                when t.number_low = l.number_low and t.number_high = l.number_high
                then 7
                -- two ranges that only overlap
                when t.number_high > t.number_low and l.number_high > l.number_low
                then 2
                else 5
            end as by_number,
            case
                when t.unit = l.unit
                then 4
                when t.unit is null and l.unit is null
                then 0
                when l.unit is null
                then -2
                when t.unit is null
                then -5
                when left(t.unit, 4) <> left(l.unit, 4)
                then -4
                else -1
            end as by_flat,
            case
                when t.postcode is null or l.zip is null
                then 0
                when t.postcode = l.zip
                then 9
                when hamming(lpad(t.postcode, 8, ' '), lpad(l.zip, 8, ' ')) = 1
                then 5
                when left(t.postcode, -2) = left(l.zip, -2)
                then 2
                else -5
            end as by_postcode,
            case when l.is_second then -2 else 0 end as by_status,
            t.unit is not null and l.unit is null as is_building
        from pair as p
        join read_text as t using (stated_text)
        join gazetteer_row as l using (row_id)
        where
            not coalesce(t.number_low > l.number_high or t.number_high < l.number_low, false)
            -- 9 is not in 8-10
            and not coalesce(
                l.number_high > l.number_low and (l.number_high - l.number_low) % 2 = 0 and t.number_low % 2 <> l.number_low % 2,
                false
            )
            and not (t.number_low is not null and l.number_low is not null and t.number_suffix is distinct from l.number_suffix)
            and not flats_conflict(t.unit, l.unit)
            and not (t.unit is null and flat_number(l.unit) is not null)
            -- 27B is no part of 27
            and not (t.way > 1 and t.unit is not null and l.unit is null)
    )
select *
from beside
qualify
    row_number() over (
        partition by stated_text, row_id order by by_number + by_flat desc, way, by_number desc, is_building
    )
    = 1
;

create or replace temp table scored_pair as
with
    -- how much of each word of the row the text has
    row_side as (
        select
            p.stated_text,
            p.row_id,
            r.word,
            r.weight,
            r.is_name,
            r.is_house,
            max(case when t.word = r.word then 1.0 when words_alike(t.word, r.word) then 0.7 else 0 end) as likeness
        from door_pair as p
        join row_word as r using (row_id)
        join text_word as t using (stated_text)
        group by all
    ),
    row_sum as (
        select
            stated_text,
            row_id,
            sum(weight * likeness) as matched,
            sum(weight * likeness) filter (is_name) as names_matched,
            sum(weight) filter (is_name) as names,
            sum(weight * likeness) filter (is_house) as houses_matched,
            sum(weight) filter (is_house) as houses,
            count(*) filter (is_name and likeness = 0) as names_missing,
            bool_or(likeness = 0 and regexp_matches(word, '[0-9]')) as has_other_number,
            count(*) filter (is_name is not null and is_kind(word)) > 0 as has_kind,
            count(*) filter (is_kind(word) and likeness > 0) > 0 as has_same_kind,
            bool_and(likeness = 1.0) as is_all_there,
            bool_and(likeness = 1.0) filter (is_name) as is_spelt
        from row_side
        group by all
    ),
    text_side as (
        select
            p.stated_text,
            p.row_id,
            t.word,
            t.weight,
            t.is_name,
            t.is_house,
            bool_or(t.word = r.word) as is_same,
            bool_or(coalesce(t.word = r.word or words_alike(t.word, r.word), false)) as is_there
        from door_pair as p
        join text_word as t using (stated_text)
        left join row_word as r using (row_id)
        group by all
    ),
    text_sum as (
        select
            stated_text,
            row_id,
            sum(case when is_name and weight is not null then weight end) as names,
            sum(case when is_name and weight is not null and is_there then weight end) as names_there,
            -- a word that names something else here speaks against the row more than one that nobody knows
            count(*) filter (not is_there and weight is not null and not is_kind(word)) as known_missing,
            count(*) filter (not is_there and weight is null) as unknown_missing,
            bool_or(not is_there and regexp_matches(word, '[0-9]')) as has_other_number,
            count(*) filter (is_house) as houses,
            count(*) filter (is_house and is_there) as houses_there,
            count(*) filter (is_kind(word)) > 0 as has_kind,
            bool_and(coalesce(is_same, false)) as is_all_there
        from text_side
        group by all
    )
select
    p.*,
    -- every word the same, none left out
    coalesce(r.is_all_there and t.is_all_there and p.by_number >= 0 and p.by_flat >= 0, false) as is_same,
    by_number
    + by_flat
    + by_postcode
    + by_status
    + coalesce(r.matched, 0)
    + case when is_same then 3 else 0 end
    - least(6, 1.5 * coalesce(r.names_missing, 0))
    - least(6, 2.0 * coalesce(t.known_missing, 0))
    - least(3, 0.5 * coalesce(t.unknown_missing, 0))
    -- a road is no close
    - case when r.has_kind and t.has_kind and not r.has_same_kind then 3 else 0 end as score,
    -- many words that agree make up for so much only
    least(score, score - coalesce(r.matched, 0) + 20) as capped,
    coalesce(r.is_spelt, false) as is_spelt,
    coalesce(r.names_matched, 0) as names_matched
from door_pair as p
left join row_sum as r using (stated_text, row_id)
left join text_sum as t using (stated_text, row_id)
where
    -- of what names the place, half has to agree: the row's own words, or those of the text that are known
    -- here
    coalesce(r.names_matched, 0) >= 0.5 * least(coalesce(r.names, 0), coalesce(t.names, coalesce(r.names, 0)))
    and coalesce(r.matched, 0) > 0
    -- without a number that agrees, the house has to by its name
    and (
        p.by_number > 0
        or is_same
        or (
            coalesce(r.houses_matched >= 0.6 * r.houses, false)
            and coalesce(t.houses_there >= 0.6 * t.houses, false)
        )
    )
    and not (coalesce(r.has_other_number, false) and coalesce(t.has_other_number, false))
;

create or replace temp table new_place_match as
with
    by_uprn as (
        select
            stated_text,
            uprn,
            max(score) as score,
            max(capped) as capped,
            max_by(
                {
                    'is_building': is_building,
                    'evidence': concat_ws(
                        ', ',
                        case
                            when by_postcode = 9
                            then 'postcode'
                            when by_postcode = 5
                            then 'postcode but for a letter'
                            when by_postcode = 2
                            then 'postcode sector'
                        end,
                        case
                            when is_spelt
                            then 'name of street or house'
                            when names_matched > 0
                            then 'name of street or house nearly'
                        end,
                        case when by_number = 7 then 'number' when by_number = 5 then 'number range' end,
                        case when by_flat = 4 then 'flat' end
                    )
                },
                {
                    'score': score,
                    'row_id': row_id
                }
            ) as what
        from scored_pair
        group by all
    ),
    ranked as (
        select
            *,
            row_number() over (partition by stated_text order by score desc, uprn) as place,
            score - coalesce(lead(score) over (partition by stated_text order by score desc, uprn), 0) as margin
        from by_uprn
    ),
    best as (
        select *, capped >= getvariable('score_from') and margin >= getvariable('margin_from') as is_found
        from ranked
        where place = 1
    )
select m.stated_text, m.depends_on, m.uprn, m.score, m.margin, m.is_building, m.evidence
from entity.place_match as m
semi join wanted_match as w on w.stated_text = m.stated_text and w.depends_on = m.depends_on
union all
select
    w.stated_text,
    w.depends_on,
    case when b.is_found then b.uprn end,
    round(b.score, 4),
    round(b.margin, 4),
    coalesce(b.is_found and b.what.is_building, false),
    case when b.is_found then b.what.evidence end
from to_match as m
join wanted_match as w using (stated_text)
left join best as b using (stated_text)
;
