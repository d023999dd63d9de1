"""Problems: what can be wrong with a delivery, in sentences that can be sent to the agency.

Belongs here: the shapes in which the feeds step says what is wrong. Does not belong here: finding it
(fetch.py, records.py, load.py).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Problem:
    """One thing wrong with a delivery as a whole or with one place in it."""

    rule: str
    message: str  # without feed and file, which are put before it
    line: int | None = None
    column: str | None = None
    value: str | None = None
    severity: str = "error"
    responsible: str = "agency"


class UnreadableError(Exception):
    """The delivery cannot be read as what it is declared to be; carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class NotReceivedError(Exception):
    """Nothing arrived; the message says from where, and what to do."""
