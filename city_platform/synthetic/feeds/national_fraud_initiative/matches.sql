-- Matches that the national exercise has returned so far.
-- Grain: one pair of records. Key: MATCH_ID.
-- Reads: national_fraud_initiative_match, person, address_text; variable day. Writes: temp
-- sending.
create or replace temp table sending as
with
    returned as (
        select *
        from national_fraud_initiative_match
        where released_on <= getvariable('day')
    ),
    written as materialized (
        select
            r.*,
            write_address(t, 'national_fraud_initiative/matches', r.match_key * 2) as place_1,
            write_address(u, 'national_fraud_initiative/matches', r.match_key * 2 + 1) as place_2,
            write_person(
                p.given_name,
                p.middle_name,
                p.family_name,
                null,
                case when r.report = 712 then null else p.date_of_birth end,
                'national_fraud_initiative/matches',
                r.match_key * 2
            ) as first,
            write_person(
                q.given_name,
                q.middle_name,
                q.family_name,
                null,
                case when r.report in (701, 712) then null else q.date_of_birth end,
                'national_fraud_initiative/matches',
                r.match_key * 2 + 1
            ) as second
        from returned as r
        join address_text as t on t.address_id = r.address_1_id
        join person as p on p.person_id = r.person_1_id
        join person as q on q.person_id = r.person_2_id
        left join address_text as u on u.address_id = r.address_2_id
    )
select
    printf('%d-%d-%09d', 2026 + divide(exercise, 4), report, match_key) as "MATCH_ID",
    report as "REPORT_NO",
    title as "REPORT_TITLE",
    case when score >= 85 then 'High' when score >= 60 then 'Medium' else 'Low' end as "MATCH_QUALITY",
    score as "MATCH_SCORE",
    released_on as "RELEASED",
    kind_1 as "DATASET_1",
    reference_1 as "REF_1",
    first.family_name as "SURNAME_1",
    concat_ws(' ', first.given_name, first.middle_name) as "FORENAMES_1",
    case when report <> 712 then first.date_of_birth end as "DOB_1",
    one_line(place_1) as "ADDRESS_1",
    place_1.postcode as "POSTCODE_1",
    kind_2 as "DATASET_2",
    reference_2 as "REF_2",
    second.family_name as "SURNAME_2",
    concat_ws(' ', second.given_name, second.middle_name) as "FORENAMES_2",
    case when report not in (701, 712) then second.date_of_birth end as "DOB_2",
    one_line(place_2) as "ADDRESS_2",
    place_2.postcode as "POSTCODE_2",
    "MATCH_ID" as _key,
    row_number() over (order by report, score desc, match_key) as _order,
    address_1_id as _address_id,
    person_1_id as _person_id,
    person_2_id as _person_2_id,
    list_concat(place_1.kinds, coalesce(place_2.kinds, []), first.kinds, second.kinds) as _dirt
from written
;
