-- The polygons of the city's wards, from a GeoJSON file.
-- Grain: one polygon. Key: none (a ward may have several).
-- Reads: the file of variable boundary_file; variable boundary_name (the JSON path of a name among a
-- polygon's properties). Writes: temp ward_boundary.
create or replace temp table ward_boundary as
select
    json_extract_string(feature -> '$.properties', getvariable('boundary_name')) as name,
    ST_GeomFromGeoJSON(feature -> '$.geometry') as shape
from
    (
        select unnest(json_extract(content, '$.features[*]')) as feature
        from read_text(getvariable('boundary_file'))
    )
where json_extract_string(feature -> '$.properties', getvariable('boundary_name')) is not null
;
