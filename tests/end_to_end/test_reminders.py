"""The promise to people, through the gateway: the right chat, the right minute, once."""

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.fakes.spa_client import SpaClient
from tests.fakes.telegram_person import TelegramPerson
from tests.servers.whole_system import System


@pytest.fixture
def person(system: System) -> Iterator[TelegramPerson]:
    person = TelegramPerson(system.simulator_url)
    yield person
    person.close()


def linked(system: System, person: TelegramPerson, **profile: str) -> tuple[SpaClient, int]:
    client = SpaClient.registered(system.gateway_url, **profile)
    chat = person.create_chat()
    person.say(chat, f"/start {client.link_code()}")
    until(lambda: client.link_status() == "linked")
    return client, chat


def until(condition: Callable[[], bool], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def due_in(seconds: float, zone: str = "UTC") -> tuple[str, float]:
    """Return a wall-clock time that comes in about `seconds`, and its instant (Unix time)."""
    instant = (datetime.now(UTC) + timedelta(seconds=seconds)).replace(microsecond=0)
    return instant.astimezone(ZoneInfo(zone)).strftime("%H:%M:%S"), instant.timestamp()


def reminders(person: TelegramPerson, chat: int, containing: str) -> list[dict[str, object]]:
    return [message for message in person.messages(chat) if containing in message["text"]]


def test_one_reminder_within_a_second_of_the_local_time(
    system: System, person: TelegramPerson
) -> None:
    client, chat = linked(system, person, time_zone="Asia/Kathmandu")
    wall_clock, due = due_in(4, "Asia/Kathmandu")
    client.create_habit(time=wall_clock, action="Stretch", place="Balcony", reward="Tea")
    message = person.wait_for_message(chat, 12, containing="Stretch")
    assert "Balcony" in message["text"]
    assert wall_clock[:5] in message["text"]
    assert "Tea" in message["text"]
    [request] = [r for r in person.requests(chat_id=chat, text_contains="Stretch") if r["recorded"]]
    assert due <= request["received_at_seconds"] < due + 1
    time.sleep(3)  # a second one would have come by now
    assert len(reminders(person, chat, "Stretch")) == 1


def test_russian_accounts_are_reminded_in_russian(system: System, person: TelegramPerson) -> None:
    client, chat = linked(system, person, locale="ru")
    pleasant = client.create_habit(action="Чай с мятой", is_pleasant=True)
    wall_clock, _ = due_in(4)
    client.create_habit(time=wall_clock, action="Зарядка", linked_habit_id=pleasant["id"])
    message = person.wait_for_message(chat, 12, containing="Зарядка")
    assert "Чай с мятой" in message["text"]


def test_moving_the_time_takes_effect_at_once(system: System, person: TelegramPerson) -> None:
    client, chat = linked(system, person)
    later, _ = due_in(3600)
    habit = client.create_habit(time=later, action="Read a page")
    sooner, due = due_in(4)
    changed = client.call("PATCH", f"/habit/{habit['id']}/", json={"time": sooner})
    assert changed.status_code == 200
    person.wait_for_message(chat, 12, containing="Read a page")
    assert time.time() >= due


def test_moving_the_account_to_another_zone_takes_effect_at_once(
    system: System, person: TelegramPerson
) -> None:
    client, chat = linked(system, person, time_zone="UTC")
    wall_clock, _ = due_in(5, "Pacific/Auckland")
    client.create_habit(time=wall_clock, action="Water the plants")
    moved = client.call("PATCH", "/me/", json={"time_zone": "Pacific/Auckland"})
    assert moved.status_code == 200
    person.wait_for_message(chat, 12, containing="Water the plants")


def test_no_reminder_for_pleasant_deleted_or_unlinked_habits(
    system: System, person: TelegramPerson
) -> None:
    client, chat = linked(system, person)
    wall_clock, due = due_in(5)
    client.create_habit(time=wall_clock, action="A bath", is_pleasant=True)
    deleted = client.create_habit(time=wall_clock, action="Deleted")
    assert client.call("DELETE", f"/habit/{deleted['id']}/").status_code == 204
    other, other_chat = linked(system, person)
    other.create_habit(time=wall_clock, action="Unlinked")
    assert other.call("DELETE", "/tg/link/").status_code == 204
    client.create_habit(time=wall_clock, action="The control")
    person.wait_for_message(chat, due - time.time() + 10, containing="The control")
    time.sleep(2)
    assert reminders(person, chat, "A bath") == []
    assert reminders(person, chat, "Deleted") == []
    assert reminders(person, other_chat, "Unlinked") == []


def test_only_a_yes_from_the_asked_chat_links_it(system: System, person: TelegramPerson) -> None:
    client = SpaClient.registered(system.gateway_url)
    chat, stranger = person.create_chat(), person.create_chat()
    asked = client.call("POST", "/tg/link/", json={"chat_id": str(chat)})
    assert asked.status_code == 202
    assert asked.json()["status"] == "pending"
    question = person.wait_for_message(chat, 10)
    yes = question["buttons"][0][0]["callback_data"]
    assert yes.startswith("link:")
    assert yes.endswith(":yes")
    person.say(stranger, "/start")
    person.wait_for_message(stranger, 10, containing=str(stranger))
    assert client.link_status() == "pending"
    person.press(chat, yes)
    until(lambda: client.link_status() == "linked")


def test_a_used_code_links_nobody_else(system: System, person: TelegramPerson) -> None:
    client = SpaClient.registered(system.gateway_url)
    first, second = person.create_chat(), person.create_chat()
    code = client.link_code()
    person.say(first, f"/start {code}")
    until(lambda: client.link_status() == "linked")
    person.say(second, f"/start {code}")
    person.wait_for_message(second, 10)
    assert client.call("GET", "/tg/link/").json()["chat_id"] == str(first)


def test_blocking_the_bot_is_noticed(system: System, person: TelegramPerson) -> None:
    client, chat = linked(system, person)
    person.block(chat)
    wall_clock, _ = due_in(3)
    client.create_habit(time=wall_clock, action="Never arrives")
    until(lambda: client.link_status() == "blocked")
