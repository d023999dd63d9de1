-- Who has to do with what, as records claim.
-- Grain: one claim of one record. Key: all of subject, object, role, feed and record_key.
-- Reads: temp business_record, person_record, declared_role, touched, replaced. Writes: entity.relationship
-- (of what is
-- replaced: a row goes with its business, else with its subject).
-- declared_role(feed, role, relationship): what a feed says that the owner (role `owner`) or a person of its
-- records is
-- to the record's address, beside living there. Of who lives elsewhere and has none, it is the role itself.
delete from entity.relationship
where
    case when object_type = 'business' then object_id else subject_id end in (select entity_id from replaced)
;

insert into entity.relationship by name
with
    claimed as (
        select
            'organisation' as subject_type,
            organisation_id as subject_id,
            'business' as object_type,
            business_id as object_id,
            'owner' as role,
            valid_from,
            valid_to,
            known_time,
            feed,
            record_key
        from business_record
        where organisation_id is not null and business_id in (select entity_id from touched)
        union all
        select
            'business',
            business_id,
            'address',
            address_id,
            'trades_at',
            valid_from,
            valid_to,
            known_time,
            feed,
            record_key
        from business_record
        where address_id is not null and business_id in (select entity_id from touched)
        union all
        select
            'organisation',
            b.organisation_id,
            'address',
            b.address_id,
            d.relationship,
            b.valid_from,
            b.valid_to,
            b.known_time,
            b.feed,
            b.record_key
        from business_record as b
        join declared_role as d on d.feed = b.feed and d.role = 'owner'
        where b.address_id is not null and b.organisation_id in (select entity_id from touched)
        union all
        select
            'person',
            person_id,
            'address',
            address_id,
            'lives_at',
            valid_from,
            valid_to,
            known_time,
            feed,
            record_key
        from person_record
        where lives_here and address_id is not null
        union all
        select
            'person',
            p.person_id,
            'address',
            p.address_id,
            coalesce(d.relationship, p.role),
            p.valid_from,
            p.valid_to,
            p.known_time,
            p.feed,
            p.record_key
        from person_record as p
        left join declared_role as d using (feed, role)
        where
            p.address_id is not null
            and (d.relationship is not null or not (p.lives_here or p.role = 'officer'))
        union all
        select
            'person',
            person_id,
            'organisation',
            organisation_id,
            'officer',
            valid_from,
            valid_to,
            known_time,
            feed,
            record_key
        from person_record
        where role = 'officer' and organisation_id is not null
    )
-- one person may stand in one record twice
select
    subject_type,
    subject_id,
    object_type,
    object_id,
    role,
    min(valid_from) as valid_from,
    max(valid_to) as valid_to,
    min(known_time) as known_time,
    feed,
    record_key
from claimed
group by all
;
