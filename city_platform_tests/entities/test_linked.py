"""What holds a cluster together: the links without which it would be two, and the way from one record to another."""

from __future__ import annotations

from city_platform.entities.linked import chain, joins

#  1 ─9─ 2 ─8─ 3     3 ─3─ 4     4 ─7─ 5, and 1 ─2─ 5 which nothing hangs on
LINKS = [(1, 2, 9.0), (2, 3, 8.0), (4, 5, 7.0), (3, 4, 3.0), (1, 5, 2.0)]


def test_the_links_that_join_two_parts_are_told_with_their_sides() -> None:
    found = joins(LINKS)
    assert [(j.node_a, j.node_b) for j in found] == [(1, 2), (2, 3), (4, 5), (3, 4)]
    assert (found[-1].side_a, found[-1].side_b) == ({1, 2, 3}, {4, 5})


def test_the_way_between_two_is_the_one_whose_weakest_link_is_strongest() -> None:
    assert chain(LINKS, 1, 5) == [(1, 2, 9.0), (2, 3, 8.0), (3, 4, 3.0), (4, 5, 7.0)]
    assert chain(LINKS, 5, 4) == [(5, 4, 7.0)]
    assert chain(LINKS, 1, 6) == []
