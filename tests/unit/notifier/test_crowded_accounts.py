"""Accounts that have to wait are remembered for as long as they have to."""

import pytest

from services.notifier.reminders import crowded_accounts
from services.notifier.reminders.crowded_accounts import CrowdedAccounts, delay_seconds


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(crowded_accounts, "time", clock)
    return clock


def test_an_account_is_crowded_until_its_wait_is_over(clock: Clock) -> None:
    crowded = CrowdedAccounts()
    crowded.note("anna", 3)
    assert crowded.contains("anna")
    assert not crowded.contains("boris")
    clock.seconds += 3
    assert not crowded.contains("anna")


def test_those_whose_wait_is_over_are_forgotten(clock: Clock) -> None:
    crowded = CrowdedAccounts()
    for number in range(1000):
        crowded.note(f"{number}", 3)
    clock.seconds += 4
    crowded.note("anna", 3)
    assert list(crowded._until) == ["anna"]


def test_they_come_back_one_by_one() -> None:
    delays = [delay_seconds() for _ in range(100)]
    assert all(5 <= delay <= 60 for delay in delays)
    assert len(set(delays)) > 90
