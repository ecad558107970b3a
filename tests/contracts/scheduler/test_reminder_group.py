"""The scheduler's message to the notifier, word for word, and what is no such message."""

import json
from dataclasses import replace
from datetime import date, time
from pathlib import Path
from typing import Any

import pytest

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.events import ReminderDueV1
from shared.contracts.reminder_group import RemindersDueTogetherV1, group_to_json, read_group
from shared.instants import from_json

GOLDEN = Path(__file__).parent / "reminders.due_together.v1.json"
ACCOUNT_ID = "8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"
DUE_AT, NOT_AFTER = from_json("2026-05-02T05:30:00Z"), from_json("2026-05-02T06:30:00Z")


def reminder(habit_id: str, **changes: Any) -> ReminderDueV1:
    whole = ReminderDueV1(
        id=f"{habit_id}:2026-05-02",
        habit_id=habit_id,
        account_id=ACCOUNT_ID,
        local_date=date(2026, 5, 2),
        local_time=time(7, 30),
        time_zone="Europe/Berlin",
        due_at=DUE_AT,
        not_after=NOT_AFTER,
        action="Drink a glass of water",
        place="Kitchen",
        reward=None,
        linked_action="Watch a film",
        locale="ru",
    )
    return replace(whole, **changes)


def group(*reminders: ReminderDueV1) -> RemindersDueTogetherV1:
    return RemindersDueTogetherV1(
        account_id=ACCOUNT_ID,
        due_at=DUE_AT,
        not_after=NOT_AFTER,
        locale="ru",
        reminders=reminders,
    )


def golden_group() -> RemindersDueTogetherV1:
    return group(
        reminder("3f0c1d52-5d1e-4c3a-9d7e-0c8f2f1b6a11"),
        reminder(
            "5b2e7a90-0f3c-4d8e-8a61-7c9d2e4f1b35",
            action="Stretch",
            place="Balcony",
            reward="A cup of tea",
            linked_action=None,
        ),
    )


def test_what_is_sent_is_the_golden_message() -> None:
    assert group_to_json(golden_group()) == json.loads(GOLDEN.read_text("utf-8"))


def test_the_golden_message_can_still_be_read() -> None:
    assert read_group(GOLDEN.read_bytes()) == golden_group()


def test_a_field_that_is_not_known_yet_is_ignored() -> None:
    document = group_to_json(golden_group()) | {"mood": "cheerful"}

    assert read_group(json.dumps(document).encode()) == golden_group()


def test_the_identity_is_the_account_and_the_instant() -> None:
    assert golden_group().identity == f"{ACCOUNT_ID}@2026-05-02T05:30:00Z"


@pytest.mark.parametrize(
    "reminders",
    [
        pytest.param([], id="no reminder"),
        pytest.param([reminder("a"), reminder("a")], id="one reminder twice"),
        pytest.param([reminder("a", account_id="other")], id="somebody else's"),
        pytest.param([reminder("a", due_at=NOT_AFTER)], id="of another instant"),
        pytest.param([reminder("a", not_after=DUE_AT)], id="with an end of its own"),
    ],
)
def test_what_does_not_belong_together_is_no_group(reminders: list[ReminderDueV1]) -> None:
    with pytest.raises(ValueError, match="group"):
        group(*reminders)

    valid = group_to_json(group(reminder("a")))
    bodies = [group_to_json(group(reminder("a")))["reminders"][0] for _ in reminders]
    for body, wrong in zip(bodies, reminders, strict=True):
        body |= {
            "account_id": wrong.account_id,
            "due_at": wrong.due_at.isoformat(),
            "not_after": wrong.not_after.isoformat(),
        }
    with pytest.raises(UnreadableMessage, match="group"):
        read_group(json.dumps(valid | {"reminders": bodies}).encode())


def test_a_reminder_without_its_texts_makes_the_group_unreadable() -> None:
    document = group_to_json(golden_group())
    del document["reminders"][1]["action"]

    with pytest.raises(UnreadableMessage, match=r"reminders\.1\.action"):
        read_group(json.dumps(document).encode())
