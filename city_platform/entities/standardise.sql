-- How names and references are made comparable. Temporary macros; nothing is read or written.
-- name_words: capitals without accents, punctuation, store numbers and legal forms ("Mc Donald's #12, Inc."
-- is MC DONALDS).
create or replace temp macro name_words(name) as nullif(
    trim(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        replace(translate(upper(strip_accents(name)), '''’‘`', ''), '&', ' AND '),
                        '(\bSTORE *)?(#\s*\d+[A-Z]?\b|#\s*\d+|\bNO\.?\s*\d+)',
                        ' ',
                        'g'
                    ),
                    '[^\p{L}\p{N}]+',
                    ' ',
                    'g'
                ),
                '\b(L L C|L L P|L P|P C|P L C|C I C|C I O)\b',
                ' ',
                'g'
            ),
            ' *\b(THE|INC|INCORPORATED|LLC|LLP|LTD|LIMITED|CORP|CORPORATION|CO|COMPANY|LP|PC|PLC|CIC|CIO)\b *| +',
            ' ',
            'g'
        )
    ),
    ''
)
;

-- name_key: the words without spaces ("Mc Donald's #12, Inc." and "MCDONALDS" are one name).
create or replace temp macro name_key(name) as nullif(replace(name_words(name), ' ', ''), '')
;

-- trading_part, holder_part: what stands after and before "trading as" ("A. Fern t/a Fern's Diner"); whole
-- names where it does not say so. dba before a name says nothing of a holder.
create or replace temp macro trading_part(name) as coalesce(
    nullif(
        trim(regexp_extract(name, '(?i)(^|[\s(,])(t/a|d/b/a|dba|trading as|doing business as)[\s:.]+(.+?)\)?\s*$', 3)), ''
    ),
    name
)
;

create or replace temp macro holder_part(name) as coalesce(
    nullif(trim(regexp_extract(name, '(?i)^(.*?)[\s(,]+(t/a|d/b/a|dba|trading as|doing business as)[\s:.]', 1)), ''), name
)
;

-- shows_company: whether a legal name carries the form of a company or of a public body; without one it may
-- be a person's.
create or replace temp macro shows_company(name) as regexp_matches(
    regexp_replace(upper(name), '[^A-Z0-9]+', ' ', 'g'),
    '\b(INC|INCORPORATED|LLC|L L C|LLP|L L P|LTD|LIMITED|CORP|CORPORATION|CO|COMPANY|LP|L P|PC|P C|PLC|P L C|CIC|CIO'
    || '|(BOROUGH|CITY|COUNTY|DISTRICT|PARISH|TOWN|METROPOLITAN) COUNCIL|BOARD OF EDUCATION|NHS|CHARITABLE TRUST)\b'
)
;

-- shows_body: whether a name is of a body of some kind (a charity, a partnership, a club) rather than one
-- person's. It says how a name is compared, never that it may be published.
create or replace temp macro shows_body(name) as shows_company(name)
or regexp_matches(
    regexp_replace(replace(upper(name), '&', ' AND '), '[^A-Z0-9]+', ' ', 'g'),
    '\b(TRUST|TRUSTEES|FOUNDATION|CHARITY|PARTNERS|PARTNERSHIP|ASSOCIATION|ASSOCIATES|SOCIETY|CLUB|CHURCH|MOSQUE|SCHOOL|ACADEMY'
    || '|COLLEGE|UNIVERSITY|COUNCIL|GROUP|HOLDINGS|ENTERPRISES?|SERVICES|BROTHERS|BROS|SONS|DAUGHTERS|CENTRE|CENTER|HOSPITAL)\b'
)
;

-- names_no_owner: whether a legal name stands for whoever it may be, or is withheld.
create or replace temp macro names_no_owner(name) as regexp_matches(
    trim(regexp_replace(upper(strip_accents(name)), '[^\p{L}\p{N}]+', ' ', 'g')),
    '^(THE )?(CURRENT |NEW |PRESENT )?(ACCOUNT HOLDERS?|OCCUPIERS?|OCCUPANTS?|OWNERS?|PROPRIETORS?|LANDLORDS?|TENANTS?|RATE ?PAYERS?)$'
    || '|\b(REDACTED|WITHHELD|CONFIDENTIAL|UNKNOWN|ANONYMOUS)\b|^NOT (PROVIDED|KNOWN|STATED|GIVEN|APPLICABLE|AVAILABLE)'
    || '|^(TBC|TBA|N A|NA|NONE|NULL|NIL|VOID|VACANT|EMPTY|X+)$|^[^\pL]*$'
)
;

-- person_part: the given and the family name of a legal name that may be a person's, without title and
-- middle names.
create or replace temp macro person_part(name) as regexp_replace(
    trim(
        regexp_replace(
            regexp_replace(translate(upper(strip_accents(name)), '''’‘`', ''), '[^\p{L}]+', ' ', 'g'),
            '^ *(MR|MRS|MS|MISS|MX|DR|REV|PROF|SIR|DAME)\b|\b(JR|JNR|SR|SNR|ESQ|II|III)\b',
            ' ',
            'g'
        )
    ),
    '^(\S+) .*?(\S+)$',
    '\1 \2'
)
;

-- holder_words: a legal name's words, of one person's only the given and the family name; null where it
-- names nobody.
create or replace temp macro holder_words(name) as case
    when name is null or names_no_owner(name)
    then null
    when shows_body(name)
    then name_words(holder_part(name))
    else nullif(person_part(holder_part(name)), '')
end
;

-- uprn_key: without the zeros that some systems put before a UPRN.
create or replace temp macro uprn_key(uprn) as nullif(ltrim(trim(uprn::varchar), '0'), '')
;

-- reference_key: of a cross reference or an account, what different systems write alike.
create or replace temp macro reference_key(reference) as
    nullif(ltrim(regexp_replace(upper(reference), '[^A-Z0-9]+', '', 'g'), '0'), '')
;
