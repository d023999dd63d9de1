-- How numbers of parcels and buildings are read, by scheme. Temporary macros; nothing is read or written.
-- A number stands as scheme and number, such as bbl:1001230045, so that it is never taken for another
-- scheme's.
-- bbl, New York's lots: borough (1 to 5), block of 5 digits, lot of 4; lots 1001 to 7499 are units of a
-- condominium, 7501 to 7599 the lot that bills it; without block or lot it is a placeholder.
-- bin, New York's buildings: 7 digits; those that end in 000000 stand for all that have no number yet.
-- Of any other scheme capitals and digits count, and a number of noughts is none.
create or replace temp macro plain_number(scheme, value) as
    scheme || ':' || nullif(regexp_replace(upper(value), '[^A-Z0-9]+', '', 'g'), '')
;

-- Systems that keep a number as a fraction write 1001230045.00000000
create or replace temp macro whole_number(value) as regexp_replace(trim(value), '\.0*$', '')
;

-- The ten digits of a lot, also where it is written as 1-123-45
create or replace temp macro bbl_digits(value) as case
    when regexp_full_match(trim(value), '\d[ /-]+\d{1,5}[ /-]+\d{1,4}')
    then
        left(trim(value), 1)
        || lpad(regexp_extract(value, '\d[ /-]+(\d+)', 1), 5, '0')
        || lpad(regexp_extract(value, '(\d+)\s*$', 1), 4, '0')
    else whole_number(value)
end
;

-- standard_parcel: null where the number stands for none.
create or replace temp macro standard_parcel(scheme, value) as case
    when value is null or regexp_full_match(value, '[0 ./-]*')
    then null
    when scheme <> 'bbl'
    then plain_number(scheme, value)
    when
        regexp_full_match(bbl_digits(value), '[1-5]\d{9}')
        and substr(bbl_digits(value), 2, 5) <> '00000'
        and right(bbl_digits(value), 4) <> '0000'
    then 'bbl:' || bbl_digits(value)
end
;

-- standard_building: null where the number stands for none.
create or replace temp macro standard_building(scheme, value) as case
    when value is null or regexp_full_match(value, '[0 ./-]*')
    then null
    when scheme <> 'bin'
    then plain_number(scheme, value)
    when regexp_full_match(whole_number(value), '[1-5]\d{6}') and right(whole_number(value), 6) <> '000000'
    then 'bin:' || whole_number(value)
end
;

-- lot_kind: lot, or of a condominium unit or billing.
create or replace temp macro lot_kind(parcel) as case
    when parcel is null
    then null
    when not starts_with(parcel, 'bbl:')
    then 'lot'
    when right(parcel, 4)::integer between 1001 and 7499
    then 'unit'
    when right(parcel, 4)::integer between 7501 and 7599
    then 'billing'
    else 'lot'
end
;

-- same_block: whether two of New York's lots are on one block, as those of a condominium are.
create or replace temp macro same_block(parcel, other) as starts_with(parcel, 'bbl:') and left(parcel, 10) = left(other, 10)
;

-- lot_label: how a unit is called of which only the lot is known.
create or replace temp macro lot_label(parcel) as case when lot_kind(parcel) = 'unit' then 'LOT ' || right(parcel, 4) end
;
