"""city_platform: joins what a city's agencies hold, and turns it into work worth doing.

Nothing is imported here: `python -m city_platform setup` has to run before anything is installed.
"""

__version__ = "0.1.0"
