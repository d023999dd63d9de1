-- The deaths that were registered in the past five years, as the register office's system writes them.
-- Grain: one entry. Key: entry_no.
-- Reads: registrars_entry, person, address_text; variable day. Writes: temp sending.
create or replace temp table sending as
with
    written as materialized (
        select
            e.*,
            p.sex,
            write_person(
                p.given_name,
                p.middle_name,
                e.family_name,
                e.former_family_name,
                p.date_of_birth,
                'registrars/deaths',
                e.person_id
            ) as deceased,
            write_address(t, 'registrars/deaths', e.person_id) as written_address
        from registrars_entry as e
        join person as p using (person_id)
        join address_text as t on t.address_id = e.address_id
        where
            e.registered_on <= getvariable('day')
            and e.registered_on > getvariable('day') - interval 5 year
    ),
    numbered as (
        select *, strftime(registered_on, 'EM%Y') || printf('%06d', running_number) as number
        from written
    )
select
    number as entry_no,
    upper(deceased.family_name) || ', ' || concat_ws(' ', deceased.given_name, deceased.middle_name) as name,
    deceased.date_of_birth as birth_date,
    died_on as death_date,
    registered_on as registered,
    sex,
    concat_ws(
        ', ', nullif(written_address.line_1, ''), nullif(written_address.line_2, ''), nullif(written_address.line_3, '')
    ) as address,
    written_address.postcode as postcode,
    number as _key,
    row_number() over (order by number) as _order,
    address_id as _address_id,
    person_id as _person_id,
    list_concat(deceased.kinds, written_address.kinds) as _dirt
from numbered
;
