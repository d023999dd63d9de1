"""Errors: why something cannot be drafted, in a sentence.

Belongs here: that one exception. Does not belong here: what is wrong with a delivery (feeds/problems.py).
"""

from __future__ import annotations


class DraftError(ValueError):
    """Nothing can be drafted; the message says why, and what to do."""
