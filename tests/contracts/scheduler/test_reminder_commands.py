"""What the notifier asks of the scheduler, word for word, and what is no such message."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal
from uuid import UUID

import pytest

from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.reminder_commands import (
    Mute,
    ReminderCommandV1,
    Snooze,
    command_to_json,
    read_command,
)
from shared.instants import from_json

GOLDEN: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "reminder_commands.v1.json").read_text("utf-8")
)


def command(number: int, wish: Snooze | Mute, name: str = "mute") -> ReminderCommandV1:
    return ReminderCommandV1(
        command_id=f"{1000 + number}:{name}",
        account_id=UUID("8a5b7c1e-2f64-4b0c-8b4e-6d1f0e9a7c22"),
        at=from_json(f"2026-05-02T05:{31 + number}:00Z"),
        wish=wish,
    )


def mute(number: int, until: datetime | Literal["today"] | None) -> ReminderCommandV1:
    return command(number, Mute(until=until))


COMMANDS = [
    command(
        0,
        Snooze(
            habit_id=UUID("3f0c1d52-5d1e-4c3a-9d7e-0c8f2f1b6a11"),
            date=date(2026, 5, 2),
            slot=1,
            until="tonight",
        ),
        "snooze",
    ),
    mute(1, from_json("2026-05-02T07:32:00Z")),
    mute(2, "today"),
    mute(3, None),
]


def test_what_is_sent_is_the_golden_message() -> None:
    assert [command_to_json(each) for each in COMMANDS] == GOLDEN


def test_the_golden_message_can_still_be_read() -> None:
    assert [read_command(json.dumps(each).encode()) for each in GOLDEN] == COMMANDS


def test_a_field_that_is_not_known_yet_is_ignored() -> None:
    assert read_command(json.dumps(GOLDEN[0] | {"mood": "cheerful"}).encode()) == COMMANDS[0]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"wish": {"kind": "snooze", "until": "10m"}}, id="a snooze of nothing"),
        pytest.param({"wish": GOLDEN[0]["wish"] | {"until": "2h"}}, id="an unknown length"),
        pytest.param({"wish": {"kind": "mute"}}, id="a mute without an end"),
        pytest.param({"wish": {"kind": "mute", "until": "2026-05-02T07:32:00"}}, id="no instant"),
        pytest.param({"wish": {"kind": "dance"}}, id="an unknown wish"),
        pytest.param({"account_id": "me"}, id="no account"),
    ],
)
def test_what_does_not_fit_is_unreadable(changes: dict[str, Any]) -> None:
    with pytest.raises(UnreadableMessage):
        read_command(json.dumps(GOLDEN[0] | changes).encode())
