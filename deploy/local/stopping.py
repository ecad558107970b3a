"""The first SIGINT, SIGTERM or SIGHUP asks for the end; those that follow change nothing."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequested(Exception):
    """The user, or the machine, wants the system to stop."""


@contextmanager
def stop_requests() -> Iterator[None]:
    """Turn the first signal inside the block into StopRequested and swallow all others."""
    earlier = {number: signal.signal(number, _request_stop) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


def swallow_signals() -> None:
    """Let nothing interrupt what follows: used once the stop is under way."""
    for number in _SIGNALS:
        # A function, not SIG_IGN: that one our children would inherit.
        signal.signal(number, _swallow)


def _request_stop(_number: int, _frame: FrameType | None) -> None:
    swallow_signals()
    raise StopRequested


def _swallow(_number: int, _frame: FrameType | None) -> None:
    pass
