"""Step 4: what leaves the warehouse, and for whom."""
