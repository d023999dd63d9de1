"""Drafting: from a sample of data to a feed's declaration, and from a declaration to what is wrong with its data.

Belongs here: `feed new`, `feed check` and `city new`. Does not belong here: loading (feeds/load.py), Dagster.
"""
