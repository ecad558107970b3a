from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.scheduler.announced import Announced, announced_with, known_announced

MAY_4, MAY_5, MAY_6 = (date(2026, 5, day) for day in (4, 5, 6))

OCCURRENCES = st.tuples(st.integers(1, 9), st.integers(0, 7))


@given(st.lists(OCCURRENCES, min_size=1, max_size=12))
def test_of_the_last_two_dates_exactly_what_was_announced_is_covered(
    announced_ones: list[tuple[int, int]],
) -> None:
    kept: Announced | None = None
    for day, slot in announced_ones:
        kept = announced_with(kept, date(2026, 5, day), slot)

    assert kept is not None
    latest = max(day for day, _ in announced_ones)
    assert kept.date == date(2026, 5, latest)
    for seen in (kept.date, kept.date - timedelta(days=1)):
        told = {slot for number, slot in announced_ones if date(2026, 5, number) == seen}
        assert {slot for slot in range(8) if kept.covers(seen, slot)} == told


@pytest.mark.parametrize("slot", range(8))
def test_what_is_older_than_two_dates_is_over(slot: int) -> None:
    assert Announced(MAY_6, 0).covers(MAY_4, slot)
    assert not Announced(MAY_6, 0).covers(MAY_5, slot)
    assert not Announced(MAY_5, 0xFFFF).covers(MAY_6, slot)


def test_of_a_row_without_slots_the_first_of_the_date_and_all_before_are_over() -> None:
    kept = known_announced(MAY_5, None)

    assert kept is not None
    assert [slot for slot in range(8) if kept.covers(MAY_5, slot)] == [0]
    assert all(kept.covers(MAY_4, slot) for slot in range(8))
    assert known_announced(None, None) is None
