"""Which forms of stored events may be written: those that every process of a rollout can read.

Each form needs a level; the database says which one is allowed, and a post-migration raises it
once the release before is gone.
"""

from sqlalchemy import Connection, select

from services.habits.tables import writing_level
from services.habits.upcasting import UpgradeInProgress

FIRST_LEVEL = 1
DAYS_AND_ARCHIVES_LEVEL = 2
SCHEDULES_LEVEL = 3


class NotYetWritable(UpgradeInProgress):
    """Processes of the release before are still there, and could not read what is to be written."""


class WritingLevel:
    """The level the database allows, asked for only when more is needed than was allowed before."""

    def __init__(self) -> None:
        self._known = FIRST_LEVEL

    def require(self, connection: Connection, level: int) -> None:
        """Raise NotYetWritable unless forms of this level may be written."""
        if not self.allows(connection, level):
            raise NotYetWritable(f"level {level} is needed, {self._known} is allowed")

    def allows(self, connection: Connection, level: int) -> bool:
        """Whether every process can read forms of this level."""
        if level > self._known:
            self._known = connection.execute(select(writing_level.c.level)).scalar_one()
        return level <= self._known
