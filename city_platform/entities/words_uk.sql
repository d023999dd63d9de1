-- How UK addresses are made comparable: temporary macros.
-- Grain: one macro. Key: its name. Nothing is read or written.
-- Abbreviated words are written out: ROAD and RD are one.
-- standard_postcode: "ab12 3cd" is "AB12 3CD"; anything else is empty.
create or replace temp macro standard_postcode(code) as nullif(
    regexp_replace(
        regexp_extract(
            regexp_replace(upper(code), '[^A-Z0-9]+', '', 'g'), '^[A-Z]{1,2}[0-9][A-Z0-9]?[0-9][A-Z]{2}$'
        ),
        '(...)$',
        ' \1'
    ),
    ''
)
;

-- Capitals without accents and apostrophes; of the marks only commas, slashes and hyphens stay.
create or replace temp macro plain_line(address) as trim(
    regexp_replace(
        regexp_replace(
            replace(translate(replace(upper(strip_accents(address)), chr(10), ','), '''’‘`', ''), '&', ' AND '),
            '[^A-Z0-9,/-]+',
            ' ',
            'g'
        ),
        ' *(?:, *)+',
        ' , ',
        'g'
    ),
    ' ,'
)
;

create or replace temp macro whole_word(word) as case
    when word = 'STR' then 'STREET'
    when word = 'RD' then 'ROAD'
    when word in ('AV', 'AVE') then 'AVENUE'
    when word = 'LN' then 'LANE'
    when word in ('CL', 'CLS') then 'CLOSE'
    when word in ('CRES', 'CRESC') then 'CRESCENT'
    when word in ('DR', 'DRV') then 'DRIVE'
    when word = 'GDN' then 'GARDEN'
    when word = 'GDNS' then 'GARDENS'
    when word = 'GRN' then 'GREEN'
    when word in ('GRV', 'GR') then 'GROVE'
    when word = 'PL' then 'PLACE'
    when word = 'SQ' then 'SQUARE'
    when word in ('TER', 'TERR') then 'TERRACE'
    when word in ('CT', 'CRT') then 'COURT'
    when word = 'PK' then 'PARK'
    when word = 'PDE' then 'PARADE'
    when word = 'HSE' then 'HOUSE'
    when word = 'COTT' then 'COTTAGE'
    when word = 'COTTS' then 'COTTAGES'
    when word in ('BLD', 'BLDG') then 'BUILDING'
    when word = 'BLDGS' then 'BUILDINGS'
    when word = 'IND' then 'INDUSTRIAL'
    when word = 'EST' then 'ESTATE'
    when word = 'CTR' then 'CENTRE'
    when word = 'STN' then 'STATION'
    when word = 'GT' then 'GREAT'
    when word = 'LT' then 'LITTLE'
    when word = 'MT' then 'MOUNT'
    when word = 'UPR' then 'UPPER'
    when word = 'LWR' then 'LOWER'
    when word = 'NTH' then 'NORTH'
    when word = 'STH' then 'SOUTH'
    when word in ('APT', 'APPT', 'APARTMENT', 'FLATS', 'FLT', 'MAISONETTE') then 'FLAT'
    when word in ('UNITS', 'SUITE', 'STE', 'OFFICE', 'OFFICES', 'SHOP', 'WORKSHOP') then 'UNIT'
    when word in ('RM', 'BEDSIT') then 'ROOM'
    when word = 'BSMT' then 'BASEMENT'
    when word = 'FLR' then 'FLOOR'
    when word = 'GFF' then 'GROUND FLOOR FLAT'
    when word = 'FFF' then 'FIRST FLOOR FLAT'
    when word = 'SFF' then 'SECOND FLOOR FLAT'
    when word = 'TFF' then 'TOP FLOOR FLAT'
    when word = 'ANNEX' then 'ANNEXE'
    when word = 'ADJ' then 'ADJACENT'
    when word = 'OPP' then 'OPPOSITE'
    when word = 'OVER' then 'ABOVE'
    when word = '1ST' then 'FIRST'
    when word = '2ND' then 'SECOND'
    when word = '3RD' then 'THIRD'
    when word = '4TH' then 'FOURTH'
    when word = '5TH' then 'FIFTH'
    when word = '6TH' then 'SIXTH'
    when word = '7TH' then 'SEVENTH'
    when word = '8TH' then 'EIGHTH'
    when word = '9TH' then 'NINTH'
    else word
end
;

-- Words that end the name of a street wherever they stand, and words that often do.
create or replace temp macro sure_type() as
    'STREET|ROAD|LANE|AVENUE|CLOSE|DRIVE|CRESCENT|GROVE|MEWS|BOULEVARD|BYPASS'
;

create or replace temp macro street_type() as
    sure_type()
    || '|WAY|PLACE|TERRACE|SQUARE|GARDENS|GARDEN|HILL|PARK|ROW|WALK|RISE|VIEW|GREEN|COURT|YARD|QUAY|PARADE|BROADWAY|VALE|END|FIELDS|FIELD|MEADOWS|MEADOW|PATH|PASSAGE|ALLEY|GATE|BANK|BRIDGE|CHASE|CIRCUS|CAUSEWAY|COMMON|COPSE|CORNER|CROFT|CROSS|DALE|DENE|DRIFT|DROVE|EMBANKMENT|ESPLANADE|FOLD|GLADE|GLEN|HEATH|HEIGHTS|LEA|LEYS|LINK|LOKE|MARKET|MOUNT|ORCHARD|PADDOCK|PIECE|PROMENADE|RIDE|RIDGE|STRAND|TURN|VILLAS|WHARF|WOOD|WYND|ARCADE|APPROACH|PLAIN|HYTHE|SIDE|PIGHTLE|HIGHWAY|OVAL|SPINNEY|COTTAGES|BUILDINGS|ESTATE'
;

-- Words that end the name of a building.
create or replace temp macro building_type() as
    'HOUSE|COURT|LODGE|FARM|FARMHOUSE|COTTAGE|COTTAGES|MANSIONS|BUILDING|BUILDINGS|CENTRE|ESTATE|TOWER|TOWERS|VILLAS|VILLA|TERRACE|APARTMENTS|FLATS|BARN|BARNS|CHAMBERS|HALL|MANOR|MILL|HEIGHTS|WHARF|ARCADE|PARK|WORKS|SCHOOL|CLUB|HOTEL|INN|ARMS|CHURCH|GARAGE|SURGERY|LIBRARY|NURSERY|STABLES|HEAD|TAVERN|STORES|COLLEGE|HOSPITAL|PAVILION|BUNGALOW'
;

-- whole_line: abbreviated words written out; ST is SAINT before a name, else STREET.
create or replace temp macro whole_line(line) as regexp_replace(
    regexp_replace(
        regexp_replace(
            regexp_replace(
                list_aggregate(
                    list_transform(string_split(line, ' '), lambda w: whole_word(w)), 'string_agg', ' '
                ),
                '([A-Z]) ST( ,|$)',
                '\1 STREET\2',
                'g'
            ),
            '(^|, |[0-9][A-Z]? )ST ([A-Z])',
            '\1SAINT \2',
            'g'
        ),
        '([A-Z]) ST ([^,]*\b(?:' || street_type() || ')\b)',
        '\1 SAINT \2'
    ),
    '([A-Z]) ST ',
    '\1 STREET ',
    'g'
)
;

create or replace temp macro without_the(name) as
    nullif(regexp_replace(trim(name, ' ,'), '^THE +([A-Z0-9])', '\1'), '')
;

-- flat_key: the part of a building that a flat's own words name, one way: "FLAT 3", "FIRST FLOOR FLAT".
create or replace temp macro floor_words() as
    'BASEMENT|LOWER GROUND|GROUND|FIRST|SECOND|THIRD|FOURTH|FIFTH|SIXTH|SEVENTH|EIGHTH|NINTH|TOP|UPPER|LOWER'
;

create or replace temp macro unit_kind() as 'FLAT|UNIT|ROOM|STUDIO|KIOSK|STALL|PLOT|ARCH|PITCH|BLOCK|CHALET|BAY'
;

-- What the whole text of a part says, where it is known to be one (a gazetteer's SAO_TEXT).
create or replace temp macro flat_key(part) as nullif(
    regexp_replace(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    regexp_replace(
                        regexp_replace(whole_line(plain_line(part)), '\bFL\b', 'FLOOR', 'g'),
                        '^F ?([0-9]+[A-Z]?)$',
                        'FLAT \1'
                    ),
                    '^THE | (?:NO|NUMBER)\b|,',
                    '',
                    'g'
                ),
                '^FLAT (' || floor_words() || ')( FLOOR)?$',
                '\1\2 FLAT'
            ),
            '^(' || floor_words() || ') (FLAT|UNIT)$',
            '\1 FLOOR \2'
        ),
        '^BASEMENT FLOOR',
        'BASEMENT'
    ),
    ''
)
;

-- What two names of a flat can contradict each other in: its number or letter, and its floor.
create or replace temp macro flat_number(unit) as coalesce(
    nullif(regexp_extract(unit, 'FLAT (\S*[0-9]\S*|[A-Z]\b)', 1), ''),
    nullif(regexp_extract(unit, '\S*[0-9]\S*|\b[A-Z]\b'), '')
)
;

create or replace temp macro flat_side(unit) as nullif(regexp_extract(unit, '\b(?:FRONT|REAR|LEFT|RIGHT)\b'), '')
;

create or replace temp macro flat_floor(unit) as nullif(regexp_extract(unit, '^(?:' || floor_words() || ')\b'), '')
;

-- is_box: a post-office box is no place.
create or replace temp macro is_box(premises) as regexp_full_match(premises, '(?:PO BOX|BFPO) \S+')
;

-- flats_conflict: two parts of a building that cannot be one door: other numbers or letters, or other floors
-- where a
-- number does not settle it. UNIT 5 lies in UNIT 4-6.
create or replace temp macro flat_lowest(number) as try_cast(regexp_extract(number, '^[0-9]+') as integer)
;

create or replace temp macro flat_highest(number) as
    try_cast(regexp_extract(number, '^(?:[0-9]+-)?([0-9]+)$', 1) as integer)
;

create or replace temp macro flat_numbers_conflict(a, b) as (
    coalesce(a <> b, false)
    and not coalesce(
        (contains(a, '-') or contains(b, '-'))
        and flat_lowest(a) <= flat_highest(b)
        and flat_highest(a) >= flat_lowest(b),
        false
    )
)
;

create or replace temp macro flats_conflict(a, b) as (
    flat_numbers_conflict(flat_number(a), flat_number(b))
    or coalesce(flat_floor(a) <> flat_floor(b), false)
    or coalesce(flat_side(a) <> flat_side(b), false)
)
;

-- A word that says what kind of street or building something is, not which.
create or replace temp macro is_kind(word) as
    regexp_full_match(word, street_type() || '|' || building_type() || '|' || unit_kind() || '|BUSINESS|TRADING|INDUSTRIAL|FLOOR')
;

-- words_of: the distinct words of a line, each written out, without those that tell nothing.
create or replace temp macro words_of(line) as list_filter(
    list_distinct(string_split(regexp_replace(replace(whole_line(plain_line(line)), '~', ' '), '[ ,/-]+', ' ', 'g'), ' ')),
    lambda w: length(w) > 1 and w not in ('AND', 'OF', 'THE', 'AT', 'ON', 'IN', 'NEAR', 'UK', 'NO')
)
;

-- words_alike: one slip apart, or two in a long word, or one cut short.
create or replace temp macro words_alike(a, b) as (
    (least(length(a), length(b)) > 2 and greatest(length(a), length(b)) > 3 and left(a, 1) = left(b, 1) and damerau_levenshtein(a, b) <= 1)
    or (length(a) > 3 and length(b) > 3 and damerau_levenshtein(a, b) <= case when least(length(a), length(b)) > 7 then 2 else 1 end)
    or (length(a) > 2 and length(b) > length(a) + 1 and starts_with(b, a))
    or (length(b) > 2 and length(a) > length(b) + 1 and starts_with(a, b))
)
;

-- title: "12A ST MARY'S ROAD" is "12A St Mary's Road".
create or replace temp macro title(line) as list_aggregate(
    list_transform(
        string_split(line, ' '),
        lambda w: case when regexp_matches(w, '^[0-9]') then upper(w) else upper(left(w, 1)) || lower(substr(w, 2)) end
    ),
    'string_agg',
    ' '
)
;

-- label_uk: an address in one line, from parts that may be empty.
create or replace temp macro label_uk(unit, premises, low, high, letter, street, postcode) as concat_ws(
    ', ',
    title(unit),
    title(premises),
    nullif(
        concat_ws(' ', low || coalesce(letter, '') || case when high > low then '-' || high else '' end, title(street)), ''
    ),
    postcode
)
;
