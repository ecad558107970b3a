"""The wrong clock is wrong: where our code reads it, and where tokens are made and judged."""

from datetime import UTC, datetime, timedelta

import jwt
import pytest

from shared import instants
from tests.faults.skewed_clock import skewed_clock


@pytest.mark.parametrize("seconds", [-40, 40])
def test_our_clock_is_ahead_or_behind(seconds: int) -> None:
    with skewed_clock(timedelta(seconds=seconds)):
        wrong = instants.now() - datetime.now(UTC)
    assert abs(wrong.total_seconds() - seconds) < 1


def test_a_clock_that_is_ahead_finds_a_token_expired() -> None:
    ends = datetime.now(UTC) + timedelta(seconds=20)
    with skewed_clock(timedelta(seconds=40)):
        token = jwt.encode({"exp": ends}, key="k" * 32)
    assert jwt.decode(token, "k" * 32, ["HS256"]) == {"exp": int(ends.timestamp())}
    with skewed_clock(timedelta(seconds=40)), pytest.raises(jwt.ExpiredSignatureError):
        jwt.decode(token, "k" * 32, ["HS256"])
