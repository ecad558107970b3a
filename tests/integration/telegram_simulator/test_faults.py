"""Each fault reaches python-telegram-bot as the error that the notifier tells cases apart by."""

import time
from typing import Any

import httpx
import pytest
import requests
from telegram import Bot
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)

from tests.fakes.telegram_person import TelegramPerson
from tests.integration.telegram_simulator.simulator_process import MakeBot, Simulator


@pytest.mark.parametrize(
    ("kind", "options", "error", "words"),
    [
        ("too_many_requests", {"retry_after_seconds": 3}, RetryAfter, "3"),
        ("blocked", {}, Forbidden, "bot was blocked by the user"),
        ("deactivated", {}, Forbidden, "user is deactivated"),
        ("chat_not_found", {}, BadRequest, "Chat not found"),
        ("migrated", {"migrate_to_chat_id": -1009}, ChatMigrated, "-1009"),
        ("unauthorized", {}, InvalidToken, "Unauthorized"),
        ("refused", {"description": "Bad Request: odd"}, BadRequest, "Odd"),
        ("server_error", {"status": 500}, NetworkError, "Bad Gateway"),
    ],
)
async def test_a_refusal_is_not_recorded(
    bot: Bot,
    person: TelegramPerson,
    *,
    kind: str,
    options: dict[str, Any],
    error: type[TelegramError],
    words: str,
) -> None:
    chat_id = person.create_chat()
    person.fault(kind, **options)
    with pytest.raises(error, match=words) as refused:
        await bot.send_message(chat_id, "hello")
    assert type(refused.value) is error
    assert refused.value.__cause__ is None
    assert person.messages(chat_id) == []
    await bot.send_message(chat_id, "hello")
    assert [(r["fault"], r["recorded"]) for r in person.requests()] == [(kind, False), (None, True)]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_dropped_connection_is_recorded_or_not(
    bot: Bot, person: TelegramPerson, moment: str
) -> None:
    chat_id = person.create_chat()
    person.fault(f"drop_{moment}_recording")
    with pytest.raises(NetworkError) as lost:
        await bot.send_message(chat_id, "hello")
    assert isinstance(lost.value.__cause__, httpx.RemoteProtocolError | httpx.ReadError)
    [request] = person.requests()
    assert (request["recorded"], request["status"]) == (moment == "after", None)
    assert len(person.messages(chat_id)) == (1 if moment == "after" else 0)


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_a_silent_server_lets_the_client_run_into_its_time_limit(
    make_bot: MakeBot, person: TelegramPerson, moment: str
) -> None:
    chat_id = person.create_chat()
    person.fault(f"hang_{moment}_recording")
    async with make_bot(read_timeout_seconds=0.3) as hasty:
        with pytest.raises(TimedOut) as late:
            await hasty.send_message(chat_id, "hello")
    assert isinstance(late.value.__cause__, httpx.ReadTimeout)
    assert len(person.messages(chat_id)) == (1 if moment == "after" else 0)


async def test_a_delay_before_recording_ends_in_a_recorded_message_even_without_a_client(
    make_bot: MakeBot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    person.fault("delay_before_recording", delay_seconds=0.6)
    async with make_bot(read_timeout_seconds=0.2) as hasty:
        with pytest.raises(TimedOut):
            await hasty.send_message(chat_id, "hello")
    person.wait_for_message(chat_id, 5, containing="hello")
    [request] = person.requests()
    assert request["recorded_at_seconds"] - request["received_at_seconds"] >= 0.6


async def test_a_delay_after_recording_shows_the_message_at_once(
    make_bot: MakeBot, person: TelegramPerson
) -> None:
    chat_id = person.create_chat()
    person.fault("delay_after_recording", delay_seconds=10)
    started = time.monotonic()
    async with make_bot(read_timeout_seconds=0.2) as hasty:
        with pytest.raises(TimedOut):
            await hasty.send_message(chat_id, "hello")
        assert len(person.messages(chat_id)) == 1
    assert time.monotonic() - started < 10


@pytest.mark.parametrize(("status", "recorded"), [(200, True), (502, False)])
async def test_garbage_is_an_unparsable_body(
    bot: Bot, person: TelegramPerson, status: int, *, recorded: bool
) -> None:
    chat_id = person.create_chat()
    person.fault("garbage", status=status, recorded=recorded)
    with pytest.raises(TelegramError, match=r"Invalid server response|Parsing the server response"):
        await bot.send_message(chat_id, "hello")
    assert len(person.messages(chat_id)) == int(recorded)


async def test_a_rule_covers_only_its_method_chat_and_text(
    bot: Bot, person: TelegramPerson
) -> None:
    one, other = person.create_chat(), person.create_chat()
    rule = person.fault("blocked", chat_id=one, text_contains="water", times=None)
    await bot.get_updates()
    await bot.send_message(other, "water")
    await bot.send_message(one, "tea")
    for _ in range(2):
        with pytest.raises(Forbidden):
            await bot.send_message(one, "drink water")
    assert person.fault_hits(rule) == 2
    person.clear_faults()
    await bot.send_message(one, "drink water")


async def test_rules_apply_one_after_another(bot: Bot, person: TelegramPerson) -> None:
    chat_id = person.create_chat()
    person.fault("too_many_requests")
    person.fault("blocked", times=2)
    for error in (RetryAfter, Forbidden, Forbidden):
        with pytest.raises(error):
            await bot.send_message(chat_id, "hello")
    await bot.send_message(chat_id, "hello")


async def test_a_fault_of_every_method_reaches_get_updates(
    bot: Bot, person: TelegramPerson
) -> None:
    person.fault("server_error", method="*")
    with pytest.raises(NetworkError):
        await bot.get_updates()


def test_the_same_seed_gives_the_same_history(simulator: Simulator, person: TelegramPerson) -> None:
    def history() -> list[int]:
        person.clear_faults()
        person.fault("server_error", times=None, probability=0.5, seed=7, method="getMe")
        url = f"{simulator.bot_url}/getMe"
        return [requests.get(url, timeout=5).status_code for _ in range(20)]

    first = history()
    assert history() == first
    assert set(first) == {200, 502}
