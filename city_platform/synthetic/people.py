"""People: households that form, move, split and end, quarter by quarter, and who belongs to them from when to when.

Belongs here: who lives with whom, where, and when. Does not belong here: what they are called (people.sql), what any
agency has noted of them (feeds/).

Everything is arrays of whole numbers, days counted from 1970-01-01. One draw after another of NumPy's PCG64, seeded
anew for each quarter, so that a longer history begins as a shorter one does.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]

QUARTER = 91  # days
YEAR = 365
NOT_YET = 1 << 30  # a day that never comes: open ends
SINGLE, COUPLE, FAMILY, LONE_PARENT, SHARERS, THREE_GENERATIONS, PENSIONER, PENSIONERS = range(8)
HEAD, PARTNER, CHILD, SHARER, PARENT = range(5)
ROLES = ("head", "partner", "child", "sharer", "parent")
TENURES = ("owner", "private", "council", "association")
# Of a thousand households: kinds in the order above. Census-like; flats hold fewer families, private lets more sharers.
KINDS_IN_HOUSE = (120, 190, 350, 80, 25, 55, 80, 100)
KINDS_IN_FLAT = (330, 190, 120, 90, 70, 10, 130, 60)
KINDS_IN_LET = (240, 190, 200, 80, 230, 30, 20, 10)
# Of a thousand households of each tenure, those that move in a quarter.
MOVES = (12, 65, 15, 14)
MOVES_WITHIN = 350  # of a thousand that move, those that stay in the borough
VACANT = 35  # of a thousand dwellings
# Of a million alive at an age, those that die in a quarter.
DEATHS = tuple([60] * 40 + [int(450 * 1.098 ** (age - 40)) for age in range(40, 111)])


@dataclass
class Lives:
    """What the simulation leaves: one array a column."""

    person: dict[str, Any] = field(default_factory=dict)
    membership: dict[str, Any] = field(default_factory=dict)
    household: dict[str, Any] = field(default_factory=dict)
    surname: dict[str, Any] = field(default_factory=dict)


def simulate(
    dwelling: dict[str, Any], culture_shares: list[int], seed: int, start: int, quarters: int
) -> Lives:
    """Live through so many quarters from the day `start`.

    dwelling: arrays address_id, tenure (place in TENURES), is_flat, built and gone (days; 0 and NOT_YET where neither).
    culture_shares: of a thousand households, those of each culture.
    """
    borough = _Borough(dwelling, culture_shares, start)
    borough.settle(np.random.Generator(np.random.PCG64([seed, 0])))
    for quarter in range(quarters):
        borough.live(np.random.Generator(np.random.PCG64([seed, quarter + 1])), start + quarter * QUARTER)
    return borough.history()


class _Columns:
    """Arrays of one length that grow."""

    def __init__(self, **types: type) -> None:
        self._types = types
        self.length = 0
        self._held: dict[str, Any] = {name: np.zeros(1024, dtype=kind) for name, kind in types.items()}

    def __getattr__(self, name: str) -> Any:
        held = self.__dict__.get("_held", {})
        if name in held:
            return held[name][: self.length]
        raise AttributeError(name)

    def add(self, **values: Any) -> Ints:
        """Append rows; returns their places."""
        n = max(len(v) for v in values.values() if np.ndim(v))
        room = len(next(iter(self._held.values())))
        if self.length + n > room:
            new_room = max(2 * room, self.length + n)
            for name, kind in self._types.items():
                grown: Any = np.zeros(new_room, dtype=kind)
                grown[: self.length] = self._held[name][: self.length]
                self._held[name] = grown
        for name in self._types:
            self._held[name][self.length : self.length + n] = values[name]
        self.length += n
        return np.arange(self.length - n, self.length)

    def columns(self) -> dict[str, Any]:
        return {name: self._held[name][: self.length] for name in self._types}


class _Borough:
    def __init__(self, dwelling: dict[str, Any], culture_shares: list[int], start: int) -> None:
        self.start = start
        self.tenure: Any = dwelling["tenure"]
        self.is_flat: Any = dwelling["is_flat"]
        self.built: Any = dwelling["built"]
        self.gone: Any = dwelling["gone"]
        self.address_id: Any = dwelling["address_id"]
        self.culture_bounds = np.cumsum(culture_shares)
        # household that lives there, or -1; and the day since which nobody does
        self.occupant = np.full(len(self.address_id), -1, dtype=np.int64)
        self.free_since = np.where(self.built > start, self.built, start - 400)
        self.person = _Columns(
            sex=np.int8, birth=np.int32, culture=np.int8, line=np.int64, household=np.int64, role=np.int8,
            joined=np.int32, died=np.int32, namesake=np.int64, is_here=np.bool_,
        )  # fmt: skip
        self.household = _Columns(kind=np.int8, culture=np.int8, home=np.int64, since=np.int32)
        self.memberships = _Columns(
            person=np.int64, household=np.int64, role=np.int8, since=np.int32, until=np.int32
        )
        self.stays = _Columns(household=np.int64, home=np.int64, since=np.int32, until=np.int32)
        self.renamed = _Columns(person=np.int64, day=np.int32, line=np.int64, before=np.int64)

    # -- beginning and end ---------------------------------------------------------------------------------------

    def settle(self, rng: np.random.Generator) -> None:
        """The first households, some years before the history begins."""
        homes = np.flatnonzero((self.built <= self.start) & (self.gone > self.start))
        homes = homes[rng.integers(0, 1000, len(homes)) >= VACANT]
        since = (
            self.start
            - rng.integers(30, 12 * YEAR, len(homes)) * np.array([2, 1, 2, 2])[self.tenure[homes]] // 2
        )
        self._new_households(rng, homes, since, np.full(len(homes), self.start))

    def history(self) -> Lives:
        """Everything up to now, open ends at NOT_YET."""
        here = np.flatnonzero(self.person.is_here)
        self._end_memberships(here, np.full(len(here), NOT_YET, dtype=np.int64))
        lived = np.flatnonzero(self.household.home >= 0)
        self._end_stays(lived, np.full(len(lived), NOT_YET, dtype=np.int64), is_final=True)
        stays = self.stays.columns()
        stays["address_id"] = self.address_id[stays.pop("home")]
        person = self.person.columns()
        birth_line = person["line"].copy()
        birth_line[self.renamed.person[::-1]] = self.renamed.before[::-1]  # of several the first stands
        kept = {k: person[k] for k in ("sex", "birth", "culture", "died", "namesake")}
        return Lives(
            kept | {"birth_line": birth_line},
            self.memberships.columns(),
            stays | {"kind": self.household.kind[stays["household"]]},
            {k: v for k, v in self.renamed.columns().items() if k != "before"},
        )

    # -- one quarter ---------------------------------------------------------------------------------------------

    def live(self, rng: np.random.Generator, day: int) -> None:
        """From `day` to a quarter later. What somebody leaves is free from the next quarter on."""
        free = np.flatnonzero(
            (self.occupant < 0)
            & (self.free_since < day)
            & (self.built <= day)
            & (self.gone > day + 2 * QUARTER)
        )
        self._die(rng, day)
        self._end_deserted(day)
        leaving = self._leave(rng, day)
        parted = self._part(rng, day)
        self._pair(rng, day)
        self._marry(rng, day)
        rng.shuffle(free)
        free = self._rehouse(free, *leaving)
        free = self._found(rng, free, *parted)
        spare = len(self.address_id) * VACANT // 1000
        arriving = free[: max(0, len(free) - spare)]
        moved_in = day + rng.integers(0, QUARTER, len(arriving))
        self._new_households(rng, arriving, moved_in, moved_in)
        self._be_born(rng, day)

    def _die(self, rng: np.random.Generator, day: int) -> None:
        person = self.person
        here = np.flatnonzero(person.is_here)
        age = np.clip((day - person.birth[here]) // YEAR, 0, len(DEATHS) - 1)
        dead = here[rng.integers(0, 1_000_000, len(here)) < np.array(DEATHS)[age]]
        days = day + rng.integers(0, QUARTER, len(dead))
        person.died[dead] = days
        self._end_memberships(dead, days)

    def _be_born(self, rng: np.random.Generator, day: int) -> None:
        person = self.person
        age = (day - person.birth) // YEAR
        at_home = self.household.home[person.household] >= 0
        can = (
            person.is_here & at_home & (person.sex == 1) & (age >= 20) & (age < 42) & (person.role <= PARTNER)
        )
        mothers = np.flatnonzero(can)
        kinds = self.household.kind[person.household[mothers]]
        chance = np.array([4, 25, 22, 8, 0, 15, 0, 0])[kinds]
        mothers = mothers[rng.integers(0, 1000, len(mothers)) < chance]
        twins = rng.integers(0, 1000, len(mothers)) < 16
        days = day + rng.integers(0, QUARTER, len(mothers))
        order = np.concatenate([np.arange(len(mothers)), np.flatnonzero(twins)])
        of = mothers[order]
        if len(of) == 0:
            return
        households = person.household[of]
        person.add(
            sex=rng.integers(0, 2, len(of)), birth=days[order], culture=person.culture[of], line=person.line[of],
            household=households, role=CHILD, joined=days[order], died=NOT_YET, namesake=-1, is_here=True,
        )  # fmt: skip
        couple = self.household.kind[households] == COUPLE
        self.household.kind[households[couple]] = FAMILY

    def _end_deserted(self, day: int) -> None:
        """A household without adults ends; its children go to kin elsewhere."""
        person = self.person
        grown = person.is_here & (day - person.birth >= 18 * YEAR)
        adults = np.bincount(person.household[grown], minlength=self.household.length)
        deserted = np.flatnonzero((self.household.home >= 0) & (adults == 0))
        left = np.full(self.household.length, day, dtype=np.int64)
        recent = self.memberships.until >= day
        np.maximum.at(left, self.memberships.household[recent], self.memberships.until[recent])
        children = np.flatnonzero(person.is_here & np.isin(person.household, deserted))
        self._end_memberships(children, left[person.household[children]])
        self._end_stays(deserted, left[deserted])

    def _leave(self, rng: np.random.Generator, day: int) -> tuple[Ints, Ints]:
        """Households that give up their home; returns those that look for another one here, and the day."""
        living = np.flatnonzero(self.household.home >= 0)
        home = self.household.home[living]
        must = self.gone[home] < day + 2 * QUARTER
        wants = rng.integers(0, 1000, len(living)) < np.array(MOVES)[self.tenure[home]]
        settled = self.household.since[living] < day - 60
        leaving = living[must | (wants & settled)]
        days = day + rng.integers(0, QUARTER, len(leaving))
        self._end_stays(leaving, days)
        within = rng.integers(0, 1000, len(leaving)) < MOVES_WITHIN
        return leaving[within], days[within]

    def _part(self, rng: np.random.Generator, day: int) -> tuple[Ints, Ints]:
        """Partners who separate and children who leave home; returns those that stay in the borough, and the day."""
        person = self.person
        grown = day - person.birth >= 18 * YEAR
        housed = person.is_here & (self.household.home[person.household] >= 0)
        chance = np.array([0, 4, 35, 25, 0])[person.role]
        going = np.flatnonzero(housed & grown & (rng.integers(0, 1000, person.length) < chance))
        days = day + rng.integers(0, QUARTER, len(going))
        self._end_memberships(going, days)
        stay = rng.integers(0, 1000, len(going)) < 600
        return going[stay], days[stay]

    def _pair(self, rng: np.random.Generator, day: int) -> None:
        """Singles who move in with each other."""
        person = self.person
        age = (day - person.birth) // YEAR
        home = self.household.home[person.household]
        single = self.household.kind[person.household] == SINGLE
        can = np.flatnonzero(
            person.is_here & (person.role == HEAD) & single & (home >= 0) & (age >= 20) & (age < 60)
        )
        can = can[rng.integers(0, 1000, len(can)) < 24]
        rng.shuffle(can)
        pairs = len(can) // 2
        host, guest = can[:pairs], can[pairs : 2 * pairs]
        days = day + rng.integers(0, QUARTER, pairs)
        old = person.household[guest]
        self._end_memberships(guest, days)
        self._end_stays(old, days)
        self._join(guest, person.household[host], np.full(pairs, PARTNER), days)
        self.household.kind[person.household[host]] = COUPLE

    def _marry(self, rng: np.random.Generator, day: int) -> None:
        """Women who take the surname of the man they live with."""
        person = self.person
        heads = np.full(self.household.length, -1, dtype=np.int64)
        is_head = np.flatnonzero(person.is_here & (person.role == HEAD))
        heads[person.household[is_head]] = is_head
        partner = np.flatnonzero(person.is_here & (person.role == PARTNER))
        partner = partner[heads[person.household[partner]] >= 0]
        head = heads[person.household[partner]]
        bride = np.where(person.sex[partner] == 1, partner, head)
        groom = np.where(person.sex[partner] == 1, head, partner)
        weds = (
            (person.sex[bride] == 1) & (person.sex[groom] == 0) & (person.line[bride] != person.line[groom])
        )
        weds &= rng.integers(0, 1000, len(bride)) < 22
        bride, line = bride[weds], person.line[groom[weds]]
        if len(bride):
            self.renamed.add(
                person=bride,
                day=day + rng.integers(0, QUARTER, len(bride)),
                line=line,
                before=person.line[bride],
            )
            person.line[bride] = line

    def _rehouse(self, free: Ints, households: Ints, days: Ints) -> Ints:
        """Give those that look a home, first come first served; who finds none leaves the borough."""
        n = min(len(free), len(households))
        self._move_in(households[:n], free[:n], days[:n])
        gone = np.flatnonzero(self.person.is_here & (self.household.home[self.person.household] < 0))
        last = np.full(self.household.length, NOT_YET, dtype=np.int64)
        last[self.stays.household] = self.stays.until  # of several the newest stands last
        self._end_memberships(gone, last[self.person.household[gone]])
        return free[n:]

    def _found(self, rng: np.random.Generator, free: Ints, people: Ints, days: Ints) -> Ints:
        """Those that parted each found a household of their own."""
        n = min(len(free), len(people))
        if n == 0:
            return free
        people, days = people[:n], days[:n]
        new = self.household.add(
            kind=np.full(n, SINGLE), culture=self.person.culture[people], home=np.full(n, -1), since=days
        )
        self._join(people, new, np.full(n, HEAD), days)
        self._move_in(new, free[:n], days)
        return free[n:]

    # -- single acts ---------------------------------------------------------------------------------------------

    def _move_in(self, households: Ints, homes: Ints, days: Ints) -> None:
        self.household.home[households] = homes
        self.household.since[households] = days
        self.occupant[homes] = households

    def _end_stays(self, households: Ints, days: Ints, is_final: bool = False) -> None:
        if len(households) == 0:
            return
        homes = self.household.home[households]
        since = self.household.since[households]
        self.stays.add(household=households, home=homes, since=since, until=np.maximum(days, since + 1))
        if is_final:
            return
        self.household.home[households] = -1
        self.occupant[homes] = -1
        self.free_since[homes] = days

    def _join(self, people: Ints, households: Ints, roles: Ints, days: Ints) -> None:
        person = self.person
        person.household[people] = households
        person.role[people] = roles
        person.joined[people] = days
        person.is_here[people] = True

    def _end_memberships(self, people: Ints, days: Ints) -> None:
        if len(people) == 0:
            return
        person = self.person
        self.memberships.add(
            person=people, household=person.household[people], role=person.role[people],
            since=person.joined[people], until=np.maximum(days, person.joined[people] + 1),
        )  # fmt: skip
        person.is_here[people] = False

    def _new_households(self, rng: np.random.Generator, homes: Ints, since: Ints, seen: Ints) -> None:
        """Households from elsewhere move in, with everybody who belongs to them; their ages are those of the day `seen`."""
        n = len(homes)
        if n == 0:
            return
        draw = rng.integers(0, 1000, n)
        kind = np.searchsorted(np.cumsum(KINDS_IN_HOUSE), draw, side="right")
        flat = np.searchsorted(np.cumsum(KINDS_IN_FLAT), draw, side="right")
        let = np.searchsorted(np.cumsum(KINDS_IN_LET), draw, side="right")
        kind = np.where(self.is_flat[homes], flat, kind)
        kind = np.where(self.tenure[homes] == TENURES.index("private"), let, kind)
        culture = np.searchsorted(self.culture_bounds, rng.integers(0, self.culture_bounds[-1], n), "right")
        low = np.array([22, 22, 26, 22, 19, 32, 66, 66])[kind]
        high = np.array([65, 65, 52, 46, 36, 50, 93, 90])[kind]
        age = low * YEAR + rng.integers(0, (high - low) * YEAR, n)
        since = np.maximum(since, seen - age + 18 * YEAR)  # nobody heads a household as a child
        households = self.household.add(kind=kind, culture=culture, home=homes, since=since)
        self.occupant[homes] = households

        sex = np.where(kind == LONE_PARENT, rng.integers(0, 100, n) < 86, rng.integers(0, 2, n)).astype(
            np.int8
        )
        head = self._add(households, HEAD, sex, seen - age, culture, -1, since)
        self.person.line[head] = head

        paired = np.isin(kind, (COUPLE, FAMILY, THREE_GENERATIONS, PENSIONERS))
        of = np.flatnonzero(paired)
        gap = rng.integers(-6 * YEAR, 6 * YEAR, len(of))
        other_sex = np.where(rng.integers(0, 1000, len(of)) < 970, 1 - sex[of], sex[of])
        other = np.where(
            rng.integers(0, 100, len(of)) < 88,
            culture[of],
            rng.integers(0, len(self.culture_bounds), len(of)),
        )
        birth = np.minimum(seen[of] - age[of] + gap, seen[of] - 19 * YEAR)
        partner = self._add(
            households[of], PARTNER, other_sex, birth, other, -1, np.maximum(since[of], birth + 18 * YEAR)
        )
        shared = rng.integers(0, 100, len(of)) < np.where(age[of] > 50 * YEAR, 82, 52)
        self.person.line[partner] = np.where(shared, self.person.line[head[of]], partner)

        with_children = np.flatnonzero(np.isin(kind, (FAMILY, LONE_PARENT, THREE_GENERATIONS)))
        self._add_children(rng, with_children, households, head, age, since, seen)

        sharing = np.flatnonzero(kind == SHARERS)
        sharers = np.repeat(sharing, rng.integers(1, 6, len(sharing)))
        birth = seen[sharers] - rng.integers(19 * YEAR, 38 * YEAR, len(sharers))
        sharer = self._add(
            households[sharers], SHARER, rng.integers(0, 2, len(sharers)), birth,
            rng.integers(0, len(self.culture_bounds), len(sharers)), -1,
            np.maximum(since[sharers], birth + 18 * YEAR),
        )  # fmt: skip
        self.person.line[sharer] = sharer

        old = np.flatnonzero(kind == THREE_GENERATIONS)
        elders = np.repeat(old, rng.integers(1, 3, len(old)))
        birth = seen[elders] - age[elders] - rng.integers(22 * YEAR, 34 * YEAR, len(elders))
        elder = self._add(
            households[elders],
            PARENT,
            rng.integers(0, 2, len(elders)),
            birth,
            culture[elders],
            -1,
            since[elders],
        )
        self.person.line[elder] = self.person.line[head[elders]]

    def _add_children(
        self,
        rng: np.random.Generator,
        of: Ints,
        households: Ints,
        head: Ints,
        age: Ints,
        since: Ints,
        seen: Ints,
    ) -> None:
        count = np.array([1, 1, 1, 2, 2, 2, 2, 3, 3, 4])[rng.integers(0, 10, len(of))]
        parent = np.repeat(of, count)
        if len(parent) == 0:
            return
        eldest = np.minimum(age[parent] - 19 * YEAR, 24 * YEAR)
        birth = seen[parent] - rng.integers(0, np.maximum(eldest, 1) + 1)
        # a child born on the day of the one before is its twin
        follows = np.concatenate([[False], parent[1:] == parent[:-1]])
        twin = follows & (rng.integers(0, 1000, len(parent)) < 20)
        birth[np.flatnonzero(twin)] = birth[np.flatnonzero(twin) - 1]
        sex = rng.integers(0, 2, len(parent))
        culture = self.person.culture[head[parent]]
        child = self._add(households[parent], CHILD, sex, birth, culture, -1, since[parent])
        self.person.line[child] = self.person.line[head[parent]]
        # a son who is called like his father, where the father heads the household
        named = (sex == 0) & (self.person.sex[head[parent]] == 0) & (rng.integers(0, 1000, len(parent)) < 45)
        named &= ~np.concatenate([[False], named[:-1] & follows[1:]])
        self.person.namesake[child[named]] = head[parent[named]]

    def _add(
        self, households: Ints, role: int, sex: Any, birth: Any, culture: Any, namesake: int, since: Any
    ) -> Ints:
        if len(households) == 0:
            return np.zeros(0, dtype=np.int64)
        return self.person.add(
            sex=sex, birth=birth, culture=culture, line=0, household=households, role=role,
            joined=np.maximum(since, birth), died=NOT_YET, namesake=namesake, is_here=True,
        )  # fmt: skip
