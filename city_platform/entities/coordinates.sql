-- Where a coordinate lies, as seen from the city. Temporary macros; nothing is read or written.
-- Read variables south, north, west, east: outside them a point is not in the city. Of a point that is in
-- it only the other way round the axes were swapped; it is used the right way round.
create or replace temp macro in_city(lat, lon) as coalesce(
    lat between getvariable('south') and getvariable('north') and lon between getvariable('west') and getvariable('east'), false
)
;

create or replace temp macro is_swapped(lat, lon) as not in_city(lat, lon) and in_city(lon, lat)
;

create or replace temp macro right_lat(lat, lon) as case when in_city(lat, lon) then lat when is_swapped(lat, lon) then lon end
;

create or replace temp macro right_lon(lat, lon) as case when in_city(lat, lon) then lon when is_swapped(lat, lon) then lat end
;
