"""Declaration: a feed as its defs.yaml says, in pieces.

Belongs here: the names that other modules take from it. Does not belong here: anything else.
"""

from city_platform.feeds.declaration.column import TYPES, FeedColumn, Split, Unpivot
from city_platform.feeds.declaration.dialect import Dialect, Trailer
from city_platform.feeds.declaration.expect import CADENCES, Expect
from city_platform.feeds.declaration.feed import Feed
from city_platform.feeds.declaration.reading import COMPONENT, load_feeds, strictest_rights
from city_platform.feeds.declaration.roles import (
    CROSS_REFERENCES,
    AddressRole,
    BusinessRole,
    EventDeclaration,
    KnownTime,
    Number,
    Parent,
    PersonRole,
)
from city_platform.feeds.declaration.source import PORTALS, Source

__all__ = [
    "CADENCES",
    "COMPONENT",
    "CROSS_REFERENCES",
    "PORTALS",
    "TYPES",
    "AddressRole",
    "BusinessRole",
    "Dialect",
    "EventDeclaration",
    "Expect",
    "Feed",
    "FeedColumn",
    "KnownTime",
    "Number",
    "Parent",
    "PersonRole",
    "Source",
    "Split",
    "Trailer",
    "Unpivot",
    "load_feeds",
    "strictest_rights",
]
