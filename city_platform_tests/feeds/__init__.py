"""Tests of the feeds step."""
