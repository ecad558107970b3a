from datetime import time

import pytest

from services.scheduler.quiet_hours import comes_at, end_of_quiet
from services.scheduler.schedule import Owner
from tests.unit.scheduler.states import instant, owner


def quiet(begin: str, end: str, zone: str = "UTC") -> Owner:
    return owner(
        quiet_from=time.fromisoformat(begin), quiet_to=time.fromisoformat(end), time_zone=zone
    )


@pytest.mark.parametrize(
    ("begin", "end", "at", "ends_at"),
    [
        ("22:00", "07:00", "2026-05-01T21:59:59", None),
        ("22:00", "07:00", "2026-05-01T22:00", "2026-05-02T07:00"),
        ("22:00", "07:00", "2026-05-02T00:00", "2026-05-02T07:00"),
        ("22:00", "07:00", "2026-05-02T06:59:59", "2026-05-02T07:00"),
        ("22:00", "07:00", "2026-05-02T07:00", None),
        ("13:00", "14:30", "2026-05-02T13:00", "2026-05-02T14:30"),
        ("13:00", "14:30", "2026-05-02T15:00", None),
        ("13:00", "13:00", "2026-05-02T13:00", None),
    ],
)
def test_quiet_hours_end_where_they_say_also_over_midnight(
    begin: str, end: str, at: str, ends_at: str | None
) -> None:
    expected = None if ends_at is None else instant(ends_at)

    assert end_of_quiet(quiet(begin, end), instant(at)) == expected


def test_they_are_hours_of_the_owner_s_wall_also_when_clocks_change() -> None:
    in_berlin = quiet("22:00", "02:30", "Europe/Berlin")

    # The end is skipped, so it is later by the gap.
    assert end_of_quiet(in_berlin, instant("2026-03-28T22:00")) == instant("2026-03-29T01:30")
    # The end comes twice, and the first counts.
    assert end_of_quiet(in_berlin, instant("2026-10-24T22:00")) == instant("2026-10-25T00:30")
    assert end_of_quiet(in_berlin, instant("2026-10-25T01:10")) is None


def test_without_quiet_hours_nothing_waits() -> None:
    assert end_of_quiet(owner(), instant("2026-05-02T03:00")) is None


def test_what_is_found_late_waits_when_it_is_quiet_now() -> None:
    sleeper = quiet("22:00", "07:00")
    late, found = instant("2026-05-01T21:50"), instant("2026-05-01T22:10")

    assert comes_at(sleeper, late, found) == instant("2026-05-02T07:00")
    assert comes_at(sleeper, late, late) == late
