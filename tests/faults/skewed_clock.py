"""A process of a service whose clock is wrong by some seconds, as on a machine without NTP.

    python -m tests.faults.skewed_clock 2.5 services.habits serve

The clock is wrong where our code reads it, and where the library of our tokens does; the servers'
clocks are right.
"""

import runpy
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from unittest.mock import patch

import flask_jwt_extended.tokens
import jwt.api_jwt

from shared import instants


class _EveryDatetime(type):
    """Takes each datetime for one of the class's own, as the library has to."""

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, datetime)


@contextmanager
def skewed_clock(offset: timedelta) -> Iterator[None]:
    """Let what is imported in the block read a clock that is ahead by the offset, or behind."""
    right = instants.now

    class Skewed(datetime, metaclass=_EveryDatetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> "Skewed":
            return super().now(tz) + offset

    with (
        patch.object(instants, "now", lambda: right() + offset),
        patch.object(jwt.api_jwt, "datetime", Skewed),
        patch.object(flask_jwt_extended.tokens, "datetime", Skewed),
    ):
        yield


if __name__ == "__main__":
    _, seconds, module, *arguments = sys.argv
    sys.argv = [module, *arguments]
    with skewed_clock(timedelta(seconds=float(seconds))):
        runpy.run_module(module, run_name="__main__", alter_sys=True)
