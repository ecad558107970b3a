"""The services' own set-up (tables, queues), spared when an earlier start did the same.

It is spared only while the code is the same, each database is at the revision that set-up left
behind, and the private broker still has the data of that time: the record lies among them. What a
user restores, deletes or replaces is set up again.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import psycopg

from deploy.local.code_fingerprint import code_fingerprint
from deploy.local.one_shots import OneShots
from deploy.local.programs import Program

_REVISION = "SELECT version_num FROM alembic_version"


class SetUp:
    """The set-up of one run; `record` is None where the broker is not ours."""

    def __init__(self, database_urls: Mapping[str, str], record: Path | None) -> None:
        self._database_urls = database_urls
        self._record = record

    def is_done(self) -> bool:
        """Whether an earlier start has done all of it. Needs the databases."""
        if self._record is None or not self._record.exists():
            return False
        return bool(json.loads(self._record.read_text()) == self._state())

    def start(self, programs: Sequence[Program], logs: Path) -> OneShots:
        """Begin the set-up; what an earlier one left is no longer relied upon."""
        if self._record is not None:
            self._record.unlink(missing_ok=True)
        return OneShots(programs, logs)

    def remember(self) -> None:
        """Record that the set-up is complete."""
        if self._record is not None:
            self._record.write_text(json.dumps(self._state()))

    def _state(self) -> dict[str, object]:
        return {
            "code": code_fingerprint(),
            "revisions": {name: _revision(url) for name, url in self._database_urls.items()},
        }


def _revision(database_url: str) -> list[str]:
    with psycopg.connect(database_url) as connection:
        try:
            return sorted(row[0] for row in connection.execute(_REVISION).fetchall())
        except psycopg.errors.UndefinedTable:
            return []
