"""The IANA time zones an account may live in: those of the pinned `tzdata` package.

The system's own zone files are not asked: services on different machines must agree.
"""

from importlib.resources import files

# Placeholders of the database, not places.
_NOT_ZONES = frozenset({"Factory", "localtime", "posixrules"})

TIME_ZONES = tuple(sorted(set((files("tzdata") / "zones").read_text("utf-8").split()) - _NOT_ZONES))

_BY_SMALL_LETTERS = {name.lower(): name for name in TIME_ZONES}


def zone_called(typed: str) -> str | None:
    """Return the zone that somebody means, in whatever letters, with spaces for underscores."""
    return _BY_SMALL_LETTERS.get("_".join(typed.split()).lower())
