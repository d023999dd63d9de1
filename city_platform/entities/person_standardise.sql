-- How people's names, numbers and dates are made comparable. Temporary macros; nothing is read or written.
-- person_words: capitals without accents, punctuation, titles and what stands after a name ("Dr. Zoë
-- O'Neil-Hay, Jnr OBE" is ZOE ONEIL HAY). Titles that are also names (MAJOR, LORD) are titles before two
-- words.
create or replace temp macro person_words(name) as nullif(
    trim(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        translate(upper(strip_accents(name)), 'ØŁĐ''’‘`', 'OLD'), '[^\p{L}\p{N}]+', ' ', 'g'
                    ),
                    '\b(MR|MRS|MS|MISS|MX|MSTR|DR|REV|REVD|REVEREND|PROF|PROFESSOR|SIR|DAME|CLLR|COUNCILLOR)\b'
                    || '|( (JR|JNR|SR|SNR|ESQ|DECD|DECEASED|OBE|MBE|CBE|KC|QC|JP|PHD))+ *$',
                    ' ',
                    'g'
                ),
                '^ *(?:MAJOR|MAJ|CAPTAIN|CAPT|COLONEL|COL|LT|SGT|LORD|LADY|HON|FR|FATHER|SISTER) +(\S+ +\S)', '\1'
            ),
            ' +',
            ' ',
            'g'
        )
    ),
    ''
)
;

-- name_parts: the words of a compound surname (SMITH JONES), without small ones; of a simple one itself.
create or replace temp macro name_parts(words) as list_distinct(
    list_append(list_filter(string_split(words, ' '), lambda word: length(word) > 3), replace(words, ' ', ''))
)
;

-- names_nobody: whether words stand for whoever it may be, for an estate or for a company.
create or replace temp macro names_nobody(words) as regexp_matches(
    words,
    '^(THE )?(CURRENT |NEW |PRESENT )?(ACCOUNT HOLDERS?|OCCUPIERS?|OCCUPANTS?)( .*)?$'
    || '|^(THE )?(OWNERS?|OWNER OCCUPIERS?|TENANTS?|RESIDENTS?|LANDLORDS?|HOUSEHOLDERS?|LIABLE (PARTY|PERSON)'
    || '|(COUNCIL TAX|RATE|BILL|TAX) ?PAYERS?|PROPRIETORS?|MANAGERS?|DIRECTORS?|COMPANY SECRETARY)$'
    || '|^(NAME )?NOT (PROVIDED|KNOWN|STATED|GIVEN|APPLICABLE|DISCLOSED|RECORDED|SUPPLIED|AVAILABLE)'
    || '|^NO (NAME|DETAILS|ONE|BODY)\b|^NOBODY$'
    || '|^(NAME|UNKNOWN|WITHHELD|REDACTED|CONFIDENTIAL|ANON|ANONYMOUS)( (NAME|UNKNOWN|PERSON))*$'
    || '|^(VOID|EMPTY|VACANT)( (PROPERTY|DWELLING|HOUSE|FLAT))?$'
    || '|\b(EXECUTORS?|EXECUTRIX|EXECS?|EXORS?|ADMINISTRATORS?|REPRESENTATIVES?|REPS?|ESTATE|TRUSTEES?) (OF|FOR)\b'
    || '|^(THE )?(EXECUTORS?|EXORS?)\b|\b(EXECUTORS?|EXORS?)$|^THE LATE\b'
    || '|^(TBC|TBA|TO BE (CONFIRMED|ADVISED)|N A|NA|NONE|NULL|NIL|(TEST ?)+|XX+|ZZ+)$|^[^\pL]*$'
    || '|\b(LTD|LIMITED|PLC|LLP|INC|INCORPORATED|LLC|CIC|COUNCIL|ASSOCIATION|PROPERTIES|LETTINGS|UNIVERSITY|TRUST)\b'
)
;

-- part_is_missing: whether one part of a name says that it is missing.
create or replace temp macro part_is_missing(words) as regexp_matches(
    words, '^(BABY|INFANT|BOY|GIRL|MALE|FEMALE|CHILD|UNNAMED)( (BOY|GIRL|[12AB]))?$|^THE$'
)
or names_nobody(words)
;

-- number_key: capitals and digits only ("qq 12 34 56 c" is QQ123456C).
create or replace temp macro number_key(number) as nullif(regexp_replace(upper(number), '[^A-Z0-9]+', '', 'g'), '')
;

-- read_day: a day that stands as text, ISO or the day first.
create or replace temp macro read_day(day) as coalesce(
    try_cast(day as date),
    try_strptime(trim(day), ['%d/%m/%Y', '%d-%m-%Y', '%d.%m.%Y', '%d %b %Y', '%d %B %Y', '%Y%m%d'])::date
)
;

-- is_default_day: a date of birth that systems fill in where none is known.
create or replace temp macro is_default_day(day) as day < date '1850-01-01'
or day in (
    date '1899-12-30',
    date '1899-12-31',
    date '1900-01-01',
    date '1900-12-31',
    date '1901-01-01',
    date '1970-01-01'
)
;
