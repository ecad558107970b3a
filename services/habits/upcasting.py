"""Brings stored event data of an older schema version to the newest, one version at a time.

Stored rows are never rewritten: what was recorded stays as recorded, and reading translates. The
step at index 0 of a type turns its version 1 into version 2, and so on, so a type's newest version
is one more than its number of steps. A step takes and returns plain JSON values.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

JsonObject = dict[str, Any]
UpcastStep = Callable[[JsonObject], JsonObject]


class UpgradeInProgress(Exception):
    """What is asked can be done when the rollout is over; nothing is wrong with the request."""


class WrittenByNewerCode(UpgradeInProgress):
    """Only newer code can read what is stored; a replica of it can answer."""


class UnknownStoredType(WrittenByNewerCode):
    """The row's type is none of ours."""


class UnknownSchemaVersion(WrittenByNewerCode):
    """The row's type is ours, its data are of a version to come."""


class Upcasting:
    """The steps of all event types; a type without steps is at version 1."""

    def __init__(self, steps: Mapping[str, Sequence[UpcastStep]]) -> None:
        self._steps = steps

    def newest_version(self, event_type: str) -> int:
        return 1 + len(self._steps.get(event_type, ()))

    def to_newest(self, event_type: str, schema_version: int, data: JsonObject) -> JsonObject:
        """Return the data as the newest version would have it. Raises UnknownSchemaVersion."""
        if not 1 <= schema_version <= self.newest_version(event_type):
            raise UnknownSchemaVersion(f"{event_type} version {schema_version}")
        for step in self._steps.get(event_type, ())[schema_version - 1 :]:
            data = step(data)
        return data
