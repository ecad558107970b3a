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


def test_a_reminder_is_answered_below_it_and_what_is_done_is_not_reminded_of(
    system: System, person: TelegramPerson
) -> None:
    client, chat = linked(system, person)
    wall_clock, due = due_in(5)
    habit = client.create_habit(time=wall_clock, action="Stretch", target_value=2, unit="times")
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

    [[done, _skip, snooze, more]] = message["buttons"]
    person.press(chat, more["callback_data"])
    until(lambda: shown()["text"].endswith("\n1 of 2 times"))
    person.press(chat, snooze["callback_data"])
    until(lambda: len(shown()["buttons"][0]) > 2 and "Snooze" not in str(shown()["buttons"]))
    person.press(chat, shown()["buttons"][0][0]["callback_data"])
    until(lambda: "💤" in shown()["text"])
    person.press(chat, done["callback_data"])
    until(lambda: "✓" in shown()["text"])
    [day] = recorded(client, habit["id"])
    assert (day["status"], day["value"], day["channel"]) == ("done", 2, "telegram")
    [[undo]] = shown()["buttons"]
    person.press(chat, undo["callback_data"])
    until(lambda: recorded(client, habit["id"]) == [])
    until(lambda: "Undo" not in str(shown()["buttons"]))
    assert reminders(person, chat, "Read a page") == []
    person.say(chat, "/today")
    today_told = person.wait_for_message(chat, 20, containing="Today, ")["text"]
    assert f"✓ {wall_clock[:5]} Read a page" in today_told
    person.say(chat, "/undo")
    person.wait_for_message(chat, 20, containing="Undone: “Stretch”")
    until(lambda: bool(recorded(client, habit["id"])))
    person.say(chat, "/timezone asia/almaty")
    person.wait_for_message(chat, 20, containing="Your time zone is Asia/Almaty now.")
    assert client.call("GET", "/me/").json()["time_zone"] == "Asia/Almaty"
