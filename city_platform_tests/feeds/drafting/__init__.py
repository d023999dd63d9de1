"""Tests of drafting: feed new, feed check and city new."""
