"""What the operator's commands work with."""

from dataclasses import dataclass

from sqlalchemy import Engine

from services.auth.settings import Settings


class Refused(Exception):
    """A command that cannot be carried out; the message says why."""


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's command at work."""

    engine: Engine
    settings: Settings
