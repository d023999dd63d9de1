-- British National Grid to WGS 84.
-- Grain: one point. Key: easting, northing.
-- Reads: temp grid_point(easting, northing). Writes: temp grid_place(easting, northing, lat, lon).
-- Inverse transverse Mercator on Airy 1830, then a seven-parameter shift (Ordnance Survey's guide to
-- coordinate
-- systems): right to about 5 metres, which is good for wards and maps, not for telling doors apart.
create or replace temp table grid_place as
with
    constant_of as (
        select
            6377563.396e0 as a,
            6356256.909e0 as b,
            (a * a - b * b) / (a * a) as e2,
            (1 - sqrt(1 - e2)) / (1 + sqrt(1 - e2)) as e1,
            0.9996012717e0 as scale,
            -- metres along the meridian from the equator to the true origin, 49° N
            a * (
                (1 - e2 / 4 - 3 * e2 ** 2 / 64 - 5 * e2 ** 3 / 256) * radians(49)
                - (3 * e2 / 8 + 3 * e2 ** 2 / 32 + 45 * e2 ** 3 / 1024) * sin(2 * radians(49))
                + (15 * e2 ** 2 / 256 + 45 * e2 ** 3 / 1024) * sin(4 * radians(49))
                - (35 * e2 ** 3 / 3072) * sin(6 * radians(49))
            ) as origin
    ),
    rectified as (
        select
            p.easting,
            p.northing,
            c.*,
            (c.origin + (p.northing + 100000) / c.scale)
            / (c.a * (1 - c.e2 / 4 - 3 * c.e2 ** 2 / 64 - 5 * c.e2 ** 3 / 256)) as mu
        from grid_point as p
        cross join constant_of as c
        where p.easting between 0 and 700000 and p.northing between 0 and 1300000
    ),
    footed as (
        select
            *,
            mu
            + (3 * e1 / 2 - 27 * e1 ** 3 / 32) * sin(2 * mu)
            + (21 * e1 ** 2 / 16 - 55 * e1 ** 4 / 32) * sin(4 * mu)
            + (151 * e1 ** 3 / 96) * sin(6 * mu)
            + (1097 * e1 ** 4 / 512) * sin(8 * mu) as foot
        from rectified
    ),
    measured as (
        select
            *,
            e2 / (1 - e2) as ep2,
            ep2 * cos(foot) ** 2 as c1,
            tan(foot) ** 2 as t1,
            a / sqrt(1 - e2 * sin(foot) ** 2) as n1,
            a * (1 - e2) / (1 - e2 * sin(foot) ** 2) ** 1.5 as r1,
            (easting - 400000) / (n1 * scale) as d
        from footed
    ),
    on_airy as (
        select
            easting,
            northing,
            a,
            e2,
            foot
            - (n1 * tan(foot) / r1)
            * (
                d ** 2 / 2
                - (5 + 3 * t1 + 10 * c1 - 4 * c1 ** 2 - 9 * ep2) * d ** 4 / 24
                + (61 + 90 * t1 + 298 * c1 + 45 * t1 ** 2 - 252 * ep2 - 3 * c1 ** 2) * d ** 6 / 720
            ) as phi,
            radians(-2)
            + (
                d
                - (1 + 2 * t1 + c1) * d ** 3 / 6
                + (5 - 2 * c1 + 28 * t1 - 3 * c1 ** 2 + 8 * ep2 + 24 * t1 ** 2) * d ** 5 / 120
            )
            / cos(foot) as lambda_
        from measured
    ),
    in_space as (
        select
            easting,
            northing,
            a / sqrt(1 - e2 * sin(phi) ** 2) as nu,
            nu * cos(phi) * cos(lambda_) as x,
            nu * cos(phi) * sin(lambda_) as y,
            (1 - e2) * nu * sin(phi) as z
        from on_airy
    ),
    shifted as (
        select
            easting,
            northing,
            446.448 + (1 - 0.0000204894) * x - radians(0.8421 / 3600) * y + radians(0.2470 / 3600) * z as x,
            -125.157 + radians(0.8421 / 3600) * x + (1 - 0.0000204894) * y - radians(0.1502 / 3600) * z as y,
            542.060 - radians(0.2470 / 3600) * x + radians(0.1502 / 3600) * y + (1 - 0.0000204894) * z as z
        from in_space
    ),
    angled as (
        select
            *,
            6378137e0 as a,
            6356752.314245e0 as b,
            1 - (b / a) ** 2 as e2,
            sqrt(x * x + y * y) as p,
            atan2(z * a, p * b) as theta
        from shifted
    )
select
    easting,
    northing,
    degrees(atan2(z + e2 / (1 - e2) * b * sin(theta) ** 3, p - e2 * a * cos(theta) ** 3)) as lat,
    degrees(atan2(y, x)) as lon
from angled
;
