-- What every record says of each person that it names, standardised, where it claims something new.
-- Grain: one record in one of its feed's roles. Key: feed, record_key, role.
-- Reads: temp person_claim, latin_name(written, latin) (names in other letters, of people.py),
-- given_root(given,
-- roots) (nicknames, of people.py); macros of person_standardise.sql. Writes: temp person_observed.
-- A name that stands for nobody (THE OCCUPIER) is kept and marked; a date of birth that a system filled in
-- is none.
-- One column may hold two people ("Mr J & Mrs K Smith"): it is read as the first of them. A comma says that
-- the family name stands first, whatever the feed's declaration says.
create or replace temp table person_name as
with
    stated as (
        select distinct
            title,
            given_name,
            middle_name,
            family_name,
            full_name,
            name_order
        from person_claim
    ),
    spelt as (
        select
            s.*,
            coalesce(g.latin, s.given_name) as spelt_given,
            coalesce(m.latin, s.middle_name) as spelt_middle,
            coalesce(f.latin, s.family_name) as spelt_family,
            -- a letter stands for the hyphen, so that a name of two words stays one until it is known whose
            -- it is
            regexp_replace(coalesce(w.latin, s.full_name), '(\pL)-(\pL)', '\1ー\2', 'g') as spelt_whole
        from stated as s
        left join latin_name as g on g.written = s.given_name
        left join latin_name as m on m.written = s.middle_name
        left join latin_name as f on f.written = s.family_name
        left join latin_name as w on w.written = s.full_name
    ),
    worded as (
        select
            *,
            person_words(concat_ws(' ', title, spelt_given, spelt_middle, spelt_family, spelt_whole)) as whole,
            person_words(spelt_given) as given_part,
            person_words(spelt_family) as family_part,
            person_words(spelt_whole) as full_words,
            person_words(regexp_extract(upper(spelt_whole), '^(.*?)(?:&| AND )(.*)$', 1)) as first_words,
            person_words(regexp_extract(upper(spelt_whole), '^(.*?)(?:&| AND )(.*)$', 2)) as second_words,
            person_words(split_part(spelt_whole, ',', 1)) as before_comma,
            person_words(regexp_replace(spelt_whole, '^[^,]*,|&.*$| (?i:AND) .*$', '', 'g')) as after_comma
        from spelt
    ),
    single as (
        select
            *,
            case
                when second_words is null
                then full_words
                when first_words is null
                then second_words
                when name_order = 'family_given' or contains(first_words, ' ')
                then first_words
                else first_words || ' ' || split_part(second_words, ' ', -1)
            end as words
        from worded
    ),
    -- a family name may begin with small words (VAN DER BERG)
    parted as (
        select
            *,
            case
                when full_name is null
                then {'given': given_part, 'family': family_part}
                when contains(spelt_whole, ',') and before_comma is not null and after_comma is not null
                then {'given': after_comma, 'family': before_comma}
                when name_order = 'family_given'
                then regexp_extract(words, '^((?:(?:VAN|VON|DER|DEN|DE|DEL|DELLA|DI|DA|DOS|DU|LA|LE|AL|EL|BIN|ST|MC|MAC) )*\S+)(?: (.+))?$', ['family', 'given'])
                when contains(words, ' ')
                then regexp_extract(words, '^(\S+(?: \S+)*?) ((?:(?:VAN|VON|DER|DEN|DE|DEL|DELLA|DI|DA|DOS|DU|LA|LE|AL|EL|BIN|ST|MC|MAC) )*\S+)$', ['given', 'family'])
                else {'given': null::varchar, 'family': words}
            end as part
        from single
    ),
    known as (
        select
            title,
            given_name,
            middle_name,
            family_name,
            full_name,
            name_order,
            whole,
            coalesce(names_nobody(whole), false) as stands_for_nobody,
            case when not part_is_missing(part.given) then nullif(replace(part.given, 'ー', ' '), '') end as given_words,
            case when not part_is_missing(part.family) then nullif(replace(part.family, 'ー', ' '), '') end as family_words,
            person_words(spelt_middle) as middle_words
        from parted
    )
select
    *,
    stands_for_nobody or (whole is not null and given_words is null and family_words is null) as is_placeholder,
    split_part(given_words, ' ', 1) as first_given,
    nullif(trim(concat_ws(' ', substr(given_words, strpos(given_words || ' ', ' ') + 1), middle_words)), '') as further_given
from known
;

create or replace temp table person_observed as
with
    dated as (
        select
            * exclude (birth_day, birth_year),
            case when birth_day <= received and not is_default_day(birth_day) then birth_day end as birth_day,
            case when birth_year between 1850 and year(received) and birth_year <> 1900 then birth_year end as birth_year
        from person_claim
    )
select
    c.feed,
    c.record_key,
    c.role,
    c.claim_hash,
    c.known_time,
    c.lives_here,
    c.listed_once,
    n.is_placeholder,
    coalesce(c.given_name, case when c.full_name is not null then n.first_given end) as given_name,
    coalesce(c.middle_name, case when c.full_name is not null then n.further_given end) as middle_name,
    coalesce(c.family_name, case when c.full_name is not null then n.family_words end) as family_name,
    case when not n.is_placeholder then n.first_given end as given_key,
    case when not n.is_placeholder then n.further_given end as middle_key,
    case when not n.is_placeholder then replace(n.family_words, ' ', '') end as family_key,
    case when not n.is_placeholder then coalesce(r.roots, [n.first_given]) end as given_roots,
    case when not n.is_placeholder then name_parts(n.family_words) end as family_parts,
    coalesce(
        c.birth_day, make_date(c.birth_year, case when c.birth_month between 1 and 12 then c.birth_month else 1 end, 1)
    ) as date_of_birth,
    case
        when c.birth_day is not null
        then 'day'
        when c.birth_year is not null and c.birth_month between 1 and 12
        then 'month'
        when c.birth_year is not null
        then 'year'
    end as date_of_birth_precision,
    -- who has a date of birth was born on it, whatever the role says
    case when c.birth_day is null then c.born_from end as born_from,
    case when c.birth_day is null then c.born_by end as born_by,
    c.died_on,
    case when number_key(c.number) is not null then c.number_scheme end as number_scheme,
    number_key(c.number) as number,
    c.valid_from,
    c.valid_to
from dated as c
join
    person_name as n
    on n.title is not distinct from c.title
    and n.given_name is not distinct from c.given_name
    and n.middle_name is not distinct from c.middle_name
    and n.family_name is not distinct from c.family_name
    and n.full_name is not distinct from c.full_name
    and n.name_order is not distinct from c.name_order
left join given_root as r on r.given = n.first_given
;
