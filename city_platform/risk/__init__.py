"""Step 3: what was known before a date becomes scores with reasons, visits to make, and backtests.

Here: reading a case, running its SQL as of a date, baselines and models, metrics, backtests, reasons,
worklists.
Not here: what one city's case is made of (YAML and SQL in `cities/<city>/risk/`), opening the warehouse,
Dagster outside `assets.py`, and any decision: a score never decides.
"""
