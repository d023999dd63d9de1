-- How names and references are made comparable. Temporary macros; nothing is read or written.
-- name_key: capitals without accents, punctuation, store numbers, legal forms and spaces ("Mc
-- Donald's #12, Inc." and
-- "MCDONALDS" are one name).
create or replace temp macro name_key(name) as nullif(
    replace(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        replace(translate(upper(strip_accents(name)), '''’‘`', ''), '&', ' AND '),
                        '#\s*\d+|\bNO\.?\s*\d+',
                        ' ',
                        'g'
                    ),
                    '[^\p{L}\p{N}]+',
                    ' ',
                    'g'
                ),
                '\b(L L C|L L P|L P|P C)\b',
                ' ',
                'g'
            ),
            '\b(THE|INC|INCORPORATED|LLC|LLP|LTD|LIMITED|CORP|CORPORATION|CO|COMPANY|LP|PC)\b',
            ' ',
            'g'
        ),
        ' ',
        ''
    ),
    ''
)
;

-- shows_company: whether a legal name carries a company form; without one it may be a
-- person's.
create or replace temp macro shows_company(name) as regexp_matches(
    regexp_replace(upper(name), '[^A-Z0-9]+', ' ', 'g'),
    '\b(INC|INCORPORATED|LLC|L L C|LLP|L L P|LTD|LIMITED|CORP|CORPORATION|CO|COMPANY|LP|L P|PC|P C)\b'
)
;

-- uprn_key: without the zeros that some systems put before a UPRN.
create or replace temp macro uprn_key(uprn) as nullif(ltrim(trim(uprn::varchar), '0'), '')
;

-- reference_key: of a cross reference or an account, what different systems write alike.
create or replace temp macro reference_key(reference) as
    nullif(ltrim(regexp_replace(upper(reference), '[^A-Z0-9]+', '', 'g'), '0'), '')
;
