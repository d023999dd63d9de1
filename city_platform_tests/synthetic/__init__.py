"""Tests of the synthetic borough: its people and places, its draws, its files, what is planted and what is dirty."""
