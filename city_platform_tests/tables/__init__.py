"""The one schema source, and the warehouse that is made from it."""
