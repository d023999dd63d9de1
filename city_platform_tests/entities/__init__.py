"""The entities step: parsing, joining, lasting ids and events."""
