-- Draws that depend on the seed, a stream's name and an id alone: no order and no thread changes them.
-- Variables: seed. Nothing is read or written.
-- dice: 64 random bits. The stream's hash is mixed in before the id is hashed, so that two streams of one id
-- have nothing
-- in common.
create or replace temp macro dice(stream, id) as hash(
    xor(cast(id as ubigint), hash(concat(getvariable('seed'), '/', stream)))
)
;

-- pick: a whole number from 0 to n - 1
create or replace temp macro pick(stream, id, n) as cast(dice(stream, id) % n as integer)
;

-- happens: true for so many in a million
create or replace temp macro happens(stream, id, in_a_million) as dice(stream, id) % 1000000 < in_a_million
;

-- lasting: days of a stay whose mean is given: the 64 middles of an exponential distribution, in thousandths,
-- so that no
-- machine's logarithm decides a byte
create or replace temp macro lasting(stream, id, mean_days) as cast(
    divide(
        mean_days * [
        8, 24, 40, 56, 73, 90, 107, 125, 143, 161, 179, 198, 217, 237, 257, 277, 298, 319, 341, 363, 386, 409,
        433, 458, 483, 508, 535, 562, 589, 618, 647, 678, 709, 741, 775, 809, 845, 882, 920, 960, 1002, 1045,
        1091, 1139, 1189, 1241, 1297, 1356, 1418, 1485, 1556, 1633, 1717, 1808, 1908, 2019, 2145, 2288, 2456,
        2657, 2910, 3249, 3773, 5159
    ][1 + pick(stream, id, 64)], 1000) as integer
)
;

-- bell: a whole number around 0, about normal, standard deviation 1000
create or replace temp macro bell(stream, id) as cast(
    divide(
        (
            cast(
                (dice(stream, id) & 4095)
                + ((dice(stream, id) >> 12) & 4095)
                + ((dice(stream, id) >> 24) & 4095)
                + ((dice(stream, id) >> 36) & 4095)
                + ((dice(stream, id) >> 48) & 4095) as bigint
            )
            - 10237
        )
        * 1000,
        2643
    ) as integer
)
;
