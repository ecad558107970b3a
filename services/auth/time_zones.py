"""The IANA time zones an account may live in: those of the pinned `tzdata` package.

The system's own zone files are not asked: services on different machines must agree.
"""

from importlib.resources import files

# Placeholders of the database, not places.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})

TIME_ZONES = tuple(sorted(set((files("tzdata") / "zones").read_text("utf-8").split()) - _NOT_ZONES))
