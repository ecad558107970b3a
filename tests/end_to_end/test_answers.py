"""A reminder is answered where it arrives: put off, recorded, shown there, silent when done."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.end_to_end.test_reminders import due_in, linked, reminders, until
from tests.fakes.spa_client import SpaClient
from tests.fakes.telegram_person import TelegramPerson
from tests.servers.whole_system import System


@pytest.fixture
def person(system: System) -> Iterator[TelegramPerson]:
    person = TelegramPerson(system.simulator_url)
    yield person
    person.close()


def recorded(client: SpaClient, habit_id: str) -> list[dict[str, Any]]:
    today = datetime.now(UTC).date().isoformat()
    answer = client.call("GET", f"/habit/{habit_id}/days/?from={today}&to={today}")
    assert answer.status_code == 200, answer.text
    results: list[dict[str, Any]] = answer.json()["results"]
    return results


def test_done_is_pressed_recorded_shown_and_undone_and_what_is_done_is_not_reminded_of(
    system: System, person: TelegramPerson
) -> None:
    client, chat = linked(system, person)
    wall_clock, due = due_in(5)
    habit = client.create_habit(time=wall_clock, action="Stretch")
    done_before = client.create_habit(time=wall_clock, action="Read a page")
    today = datetime.now(UTC).date().isoformat()
    path = f"/habit/{done_before['id']}/days/{today}/"
    assert client.call("PUT", path, json={"status": "done"}).status_code == 201
    message = person.wait_for_message(chat, due - time.time() + 10, containing="Stretch")

    def shown() -> dict[str, Any]:
        [now] = [
            each for each in person.messages(chat) if each["message_id"] == message["message_id"]
        ]
        return now

    [[done, _skip, snooze]] = message["buttons"]
    person.press(chat, snooze["callback_data"])
    until(lambda: len(shown()["buttons"][0]) > 2 and "Snooze" not in str(shown()["buttons"]))
    person.press(chat, shown()["buttons"][0][0]["callback_data"])
    until(lambda: "💤" in shown()["text"])
    person.press(chat, done["callback_data"])
    until(lambda: bool(recorded(client, habit["id"])))
    [day] = recorded(client, habit["id"])
    assert (day["status"], day["channel"]) == ("done", "telegram")
    until(lambda: "✓" in shown()["text"])
    [[undo]] = shown()["buttons"]
    person.press(chat, undo["callback_data"])
    until(lambda: recorded(client, habit["id"]) == [])
    until(lambda: len(shown()["buttons"][0]) == 2)
    assert reminders(person, chat, "Read a page") == []
