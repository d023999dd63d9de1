"""Whatever order deliveries come in, staging and history are what the deliveries that count say, and no row is lost.

Late, corrected, repeated, A-B-A, deleted, refused and killed deliveries of one snapshot feed, held against a model in
plain Python.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from city_platform.feeds import load
from city_platform_tests.feeds.small_feed import HEADER, Bench, Row, csv_text, licence, small_feed

FEED = small_feed(expect={"fall_at_most": 0.6, "quarantined_at_most": 0.2})
NAMES = st.sampled_from(["Rex", "Bello", "Fido", "Ζεύς", 'Q"uote', "two\nlines"])


class _Killed(BaseException):
    pass


class Deliveries(RuleBasedStateMachine):
    """One feed's deliveries; `stands` is what staging should hold, `versions` what was ever seen of each record."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.bench = Bench(Path(self.folder.name) / "bench")
        self.rows: dict[int, Row] = {}  # of the newest file, by key
        self.stands: dict[str, Row] = {}
        self.versions: dict[str, list[Row]] = {}
        self.sent: list[list[Row]] = []  # every file that was loaded
        self.next_key = 1

    def teardown(self) -> None:
        self.bench.close()
        self.folder.cleanup()

    def _deliver(self, rows: list[Row]) -> None:
        built = self.bench.send(rows, FEED)
        assert built.status in ("loaded", "unchanged"), built.message
        self._counts(rows)

    def _counts(self, rows: list[Row]) -> None:
        """What a loaded file changes: the first of two equal lines counts."""
        now = {r[0]: r for r in rows}
        for key, row in now.items():
            if self.stands.get(key) != row:
                self.versions.setdefault(key, []).append(row)
        self.stands = now
        self.rows = {int(k): r for k, r in now.items()}
        self.sent.append(rows)

    @initialize(count=st.integers(5, 12))
    def begins(self, count: int) -> None:
        self.next_key = count + 1
        self._deliver([licence(n) for n in range(1, count + 1)])

    @rule(dog=NAMES, place=st.integers(0, 100), new=st.integers(0, 3))
    def corrects_and_adds(self, dog: str, place: int, new: int) -> None:
        rows = dict(self.rows)
        keys = sorted(rows)
        if keys:
            chosen = keys[place % len(keys)]
            rows[chosen] = licence(chosen, dog=dog)
        for _ in range(new):
            rows[self.next_key] = licence(self.next_key)
            self.next_key += 1
        self._deliver(list(rows.values()))

    @precondition(lambda self: len(self.rows) > 4)
    @rule(place=st.integers(0, 100))
    def deletes(self, place: int) -> None:
        rows = dict(self.rows)
        del rows[sorted(rows)[place % len(rows)]]
        self._deliver(list(rows.values()))

    @rule()
    def repeats_the_bytes(self) -> None:
        before = self.bench.versions(FEED)
        assert self.bench.send(self.sent[-1], FEED).status == "unchanged"
        assert self.bench.versions(FEED) == before

    @rule(times=st.integers(1, 3))
    def sends_a_line_twice(self, times: int) -> None:
        rows = list(self.rows.values())
        self._deliver(rows + rows[:1] * times)

    @precondition(lambda self: len(self.sent) > 1 and len(self.sent[-2]) > 0.5 * len(self.sent[-1]))
    @rule()
    def goes_back(self) -> None:
        self._deliver(self.sent[-2])

    @rule(column=st.sampled_from(HEADER))
    def sends_one_that_is_held(self, column: str) -> None:
        place = HEADER.index(column)
        header = [h for h in HEADER if h != column]
        text = csv_text([r[:place] + r[place + 1 :] for r in self.rows.values()], header)
        before = self.bench.content(FEED)
        built = self.bench.send(text, FEED)
        assert built.status == "held" and repr(column) in built.message
        assert self.bench.content(FEED) == before
        self._deliver([*self.rows.values()])  # and then the mended one

    @precondition(lambda self: len(self.rows) > 4)
    @rule(place=st.integers(0, 100))
    def sends_a_row_that_is_set_aside(self, place: int) -> None:
        rows = list(self.rows.values())
        chosen = place % len(rows)
        bad = (*rows[chosen][:3], "no date", *rows[chosen][4:])
        built = self.bench.send([*rows[:chosen], bad, *rows[chosen + 1 :]], FEED)
        assert built.status == "loaded", built.message
        assert built.counts["quarantined"] == 1
        lines = [
            i["line"]
            for i in self.bench.issues()
            if i["severity"] == "error" and i["column_name"] == "issued"
        ]
        assert len(lines) >= 1
        self._deliver(rows)  # the good version stood all the while

    @rule(before_commit=st.booleans(), dog=NAMES)
    def is_killed(self, before_commit: bool, dog: str) -> None:
        rows = {**self.rows, self.next_key: licence(self.next_key, dog=dog)}
        self.next_key += 1
        kept = load._load if before_commit else load.record_delivery

        def dies(*_: object, **__: object) -> None:
            raise _Killed

        name = "_load" if before_commit else "record_delivery"
        setattr(load, name, dies)
        try:
            with pytest.raises(_Killed):
                self.bench.send(list(rows.values()), FEED)
        finally:
            setattr(load, name, kept)
        if (
            before_commit
        ):  # the bytes had been recorded as landed: the next run loads them, whatever comes then
            (self.bench.mirror / FEED.source.file_name).unlink()
            assert self.bench.load(FEED).status == "missing"
            self._counts(list(rows.values()))
        else:
            self._deliver(list(rows.values()))

    @invariant()
    def staging_is_what_stands(self) -> None:
        found = {r["record_key"]: (r["dog"], str(r["issued"])) for r in self.bench.staging(FEED)}
        assert found == {k: (r[1], r[3]) for k, r in self.stands.items()}

    @invariant()
    def history_tells_every_version(self) -> None:
        told: dict[str, list[str]] = {}
        versions = self.bench.versions(FEED)
        for v in sorted(versions, key=lambda v: v["valid_from"]):
            told.setdefault(v["record_key"], []).append(v["dog"])
        assert told == {k: [r[1] for r in rows] for k, rows in self.versions.items()} or self._came_back(told)
        open_ones = [v["record_key"] for v in versions if v["valid_to"] is None]
        assert sorted(open_ones) == sorted(self.stands)
        assert all(v["valid_to"] is None or v["valid_from"] < v["valid_to"] for v in versions)

    def _came_back(self, told: dict[str, list[str]]) -> bool:
        """A record that was gone and came back as it was has a version more than the model, which knows no gaps."""
        return all(
            set(told.get(k, ())) == {r[1] for r in rows} and len(told[k]) >= len(rows)
            for k, rows in self.versions.items()
        )

    @invariant()
    def every_row_is_accounted_for(self) -> None:
        assert self.bench.red(FEED) == []
        for d in self.bench.deliveries(FEED):
            if d["status"] == "loaded":
                fates = ("new", "changed", "unchanged", "repeated", "quarantined")
                assert d["rows_read"] == sum(d[f"rows_{f}"] for f in fates)


Deliveries.TestCase.settings = settings(
    max_examples=15, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
)
TestDeliveries = Deliveries.TestCase
