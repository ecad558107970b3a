from datetime import date, time, timedelta

import pytest

from services.scheduler.overdue import Overdue
from services.scheduler.recurrence import Occurrence
from services.scheduler.reminder_messages import messages_about
from shared.contracts.events import ReminderDueV1, ReminderMissedV1
from tests.unit.scheduler.states import habit, instant, owner, timing

MAY_1 = Occurrence(date(2026, 5, 1), instant("2026-05-01T07:00"))
MAY_2 = Occurrence(date(2026, 5, 2), instant("2026-05-02T07:00"))
MAY_3 = Occurrence(date(2026, 5, 3), instant("2026-05-03T07:00"))
NOW = instant("2026-05-02T07:00:00.020")
GRACE = timedelta(hours=1)


def test_it_tells_of_the_missed_and_then_of_what_is_due_with_all_that_a_text_needs() -> None:
    messages = messages_about(
        habit(reward=None, linked_habit_id="habit-2"),
        owner(locale="ru"),
        Overdue(due=[MAY_2], missed=[MAY_1], following=MAY_3, announced=None),
        linked_action="Watch a film",
        now=NOW,
        grace=GRACE,
    )

    assert messages == [
        ReminderMissedV1(
            id="habit-1:2026-05-01",
            habit_id="habit-1",
            account_id="account-1",
            local_date=date(2026, 5, 1),
            due_at=instant("2026-05-01T07:00"),
            missed_at=NOW,
        ),
        ReminderDueV1(
            id="habit-1:2026-05-02",
            habit_id="habit-1",
            account_id="account-1",
            local_date=date(2026, 5, 2),
            local_time=time(7),
            time_zone="UTC",
            due_at=instant("2026-05-02T07:00"),
            not_after=instant("2026-05-02T08:00"),
            action="Drink a glass of water",
            place="Kitchen",
            reward=None,
            linked_action="Watch a film",
            locale="ru",
        ),
    ]


def test_no_text_can_be_made_for_an_account_without_settings() -> None:
    with pytest.raises(ValueError, match="account-1"):
        messages_about(
            habit(),
            owner(locale=None),
            Overdue(due=[MAY_1], missed=[], following=MAY_2, announced=None),
            linked_action=None,
            now=NOW,
            grace=GRACE,
        )


def test_a_later_time_of_a_date_has_an_id_and_a_time_of_its_own() -> None:
    evening = Occurrence(date(2026, 5, 2), instant("2026-05-02T21:30"), slot=1)

    [reminder] = messages_about(
        habit(timing=timing("07:00", "21:30")),
        owner(),
        Overdue(due=[evening], missed=[], following=MAY_3, announced=None),
        linked_action=None,
        now=evening.due_at,
        grace=GRACE,
    )

    assert isinstance(reminder, ReminderDueV1)
    assert (reminder.id, reminder.slot) == ("habit-1:2026-05-02:1", 1)
    assert reminder.local_time == time(21, 30)
