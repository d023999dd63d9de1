"""Step 2: staging rows become addresses, businesses and organisations with lasting ids, and events."""
