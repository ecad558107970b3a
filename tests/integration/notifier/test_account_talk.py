"""Commands about habits and reminders, and the replies to them; PostgreSQL alone."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

from collections.abc import Callable
from datetime import date, time, timedelta
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import Engine, select

from services.notifier.account_events import AccountEvents
from services.notifier.asking.reply_events import ReplyEvents
from services.notifier.bot_router import new_update_handler
from services.notifier.linking.chat_links import unlink
from services.notifier.tables import OPEN_QUESTIONS
from services.notifier.translations import Translations
from services.notifier.update_handler import UpdateHandler
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.replies import (
    DueTodayV1,
    HabitStatsV1,
    Reply,
    StatsReplyV1,
    TimeZoneReplyV1,
    TodayReplyV1,
    UndoReplyV1,
    reply_to_json,
)
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.database import transaction
from shared.instants import from_json, now
from shared.outbox.table import OUTBOX
from tests.integration.notifier.arrangements import (
    account_delivery,
    json_delivery,
    link_chat,
    new_account,
)
from tests.integration.notifier.updates import new_update_id, replies, take, text

chat_ids = count(900_000)

Say = Callable[..., int]


@pytest.fixture
def handler(engine: Engine) -> UpdateHandler:
    return new_update_handler(engine)


@pytest.fixture
def reply_events(engine: Engine) -> ReplyEvents:
    return ReplyEvents(engine, Translations())


@pytest.fixture
def chat_id() -> int:
    return next(chat_ids)


@pytest.fixture
def account(engine: Engine, chat_id: int) -> str:
    account_id = new_account()
    link_chat(engine, account_id, chat_id)
    return account_id


@pytest.fixture
def say(handler: UpdateHandler, chat_id: int) -> Say:
    def say(words: str, update_id: int | None = None) -> int:
        update_id = update_id or new_update_id()
        take(handler, update_id, message=text(chat_id, words))
        return update_id

    return say


def sent_to(engine: Engine, queue: str, account_id: str) -> list[dict[str, Any]]:
    query = (
        select(OUTBOX.c.body)
        .where(OUTBOX.c.ordering_key == account_id, OUTBOX.c.routing_key == queue)
        .order_by(OUTBOX.c.id)
    )
    with engine.connect() as connection:
        return list(connection.scalars(query))


async def come(events: ReplyEvents, reply: Reply) -> None:
    await events.handle(json_delivery(NOTIFIER_REPLIES, reply_to_json(reply)))


def today(account_id: str, command_id: str, *habits: DueTodayV1, more: int = 0) -> TodayReplyV1:
    return TodayReplyV1(
        command_id=command_id,
        account_id=UUID(account_id),
        date=date(2026, 11, 24),
        habits=habits,
        more=more,
    )


def due(action: str, **changed: Any) -> DueTodayV1:
    values: dict[str, Any] = {
        "times": (time(8),),
        "status": None,
        "value": None,
        "target_value": None,
        "unit": None,
    }
    return DueTodayV1(action=action, **{**values, **changed})


@pytest.mark.parametrize("question", ["today", "stats"])
def test_a_question_becomes_a_command_of_the_account_whose_chat_it_is(
    engine: Engine, account: str, say: Say, question: str
) -> None:
    update_id = say(f"/{question}")
    [command] = sent_to(engine, "habits.commands", account)
    assert command.pop("at")
    assert command == {
        "kind": "ask_habits",
        "command_id": f"{update_id}:{question}",
        "account_id": account,
        "question": question,
    }


async def test_what_is_due_today_is_told_once_in_the_accounts_language(
    engine: Engine, account: str, chat_id: int, say: Say, reply_events: ReplyEvents
) -> None:
    await AccountEvents(engine).handle(account_delivery(account, locale="ru"))
    reply = today(
        account,
        f"{say('/today')}:today",
        due("Бег", status="done"),
        due("Вода", times=(time(8), time(20)), status="partial", value=3, target_value=8),
        due("Чтение"),
        more=2,
    )
    for _ in range(2):
        await come(reply_events, reply)
    assert replies(engine, chat_id) == [
        ("Сегодня, 24 ноября:\n✓ 08:00 Бег\n◐ 08:00, 20:00 Вода: 3 из 8\n○ 08:00 Чтение\nи ещё 2")
    ]


async def test_streaks_have_right_plurals(
    engine: Engine, account: str, chat_id: int, say: Say, reply_events: ReplyEvents
) -> None:
    habits = [
        HabitStatsV1(action="Run", unit="day", current_streak=1, longest_streak=12, rate=0.8),
        HabitStatsV1(action="Swim", unit="week", current_streak=2, longest_streak=2, rate=None),
    ]
    command_id = f"{say('/stats')}:stats"
    reply = StatsReplyV1(command_id=command_id, account_id=UUID(account), habits=tuple(habits))
    await come(reply_events, reply)
    assert replies(engine, chat_id) == [
        (
            "Your habits, over the last 30 days:\nRun: 80%, 1 day in a row (longest 12)\n"
            "Swim: –, 2 weeks in a row (longest 2)"
        )
    ]


def test_undo_becomes_a_command(engine: Engine, account: str, say: Say) -> None:
    update_id = say("/undo")
    [command] = sent_to(engine, "habits.commands", account)
    assert (command["kind"], command["command_id"]) == ("undo_last", f"{update_id}:undo")


@pytest.mark.parametrize(
    ("undone", "told"),
    [
        (
            {"change": "day.recorded", "action": "Run", "date": date(2026, 11, 24)},
            "Undone: “Run” on November 24.",
        ),
        ({"change": "habit.deleted", "action": "Run"}, "Undone: the habit “Run” is back."),
        (
            {"change": "habit.renamed", "action": "Run"},
            "Undone: the last change of the habit “Run”.",
        ),
        ({"change": None}, "There is nothing to undo: nothing has changed for a day."),
        (
            {"change": "habit.created", "refused": "Others link to it."},
            "It can no longer be undone: what was before would break a rule by now.",
        ),
    ],
)
async def test_what_was_undone_is_named(
    engine: Engine,
    account: str,
    chat_id: int,
    say: Say,
    reply_events: ReplyEvents,
    undone: Any,
    told: str,
) -> None:
    command_id = f"{say('/undo')}:undo"
    reply = UndoReplyV1(command_id=command_id, account_id=UUID(account), **undone)
    await come(reply_events, reply)
    assert replies(engine, chat_id) == [told]


async def test_a_long_list_is_cut_to_one_message_and_says_how_many_are_left(
    engine: Engine, account: str, chat_id: int, say: Say, reply_events: ReplyEvents
) -> None:
    habits = [due("\N{GRINNING FACE}" * 255) for _ in range(30)]
    await come(reply_events, today(account, f"{say('/today')}:today", *habits, more=70))
    [told] = replies(engine, chat_id)
    lines = told.splitlines()
    assert lines[-1] == f"and {100 - (len(lines) - 2)} more"
    assert len(told.encode("utf-16-le")) // 2 <= 4096


async def test_a_reply_nobody_waits_for_and_one_of_another_account_are_told_to_nobody(
    engine: Engine, account: str, chat_id: int, say: Say, reply_events: ReplyEvents
) -> None:
    command_id = f"{say('/today')}:today"
    await come(reply_events, today(account, "0:today"))
    await come(reply_events, today(new_account(), command_id))
    assert replies(engine, chat_id) == []


async def test_a_chat_that_is_not_the_accounts_any_more_is_told_nothing(
    engine: Engine, account: str, chat_id: int, say: Say, reply_events: ReplyEvents
) -> None:
    command_id = f"{say('/today')}:today"
    with transaction(engine) as connection:
        unlink(connection, account, now())
    await come(reply_events, today(account, command_id))
    assert replies(engine, chat_id) == []


async def test_of_an_erased_account_no_question_stays(
    engine: Engine, account: str, say: Say
) -> None:
    say("/today")
    await AccountEvents(engine).handle(account_delivery(account, deleted=True, version=2))
    mine = OPEN_QUESTIONS.c.account_id == account
    with engine.connect() as connection:
        assert connection.execute(select(OPEN_QUESTIONS).where(mine)).all() == []


def test_a_flood_of_the_same_question_is_one(engine: Engine, account: str, say: Say) -> None:
    for _ in range(5):
        say("/today")
    assert len(sent_to(engine, "habits.commands", account)) == 1


@pytest.mark.parametrize("words", ["/today", "/stats", "/undo", "/mute 2h", "/timezone UTC"])
def test_a_chat_that_is_nobodys_asks_nothing(
    engine: Engine, handler: UpdateHandler, words: str
) -> None:
    chat_id = next(chat_ids)
    take(handler, message=text(chat_id, words))
    assert replies(engine, chat_id) == ["No reminders come here."]


@pytest.mark.parametrize(
    ("said", "until", "answer"),
    [
        ("2h", timedelta(hours=2), "No reminders for 2 hours. /mute off brings them back."),
        ("1H", timedelta(hours=1), "No reminders for 1 hour. /mute off brings them back."),
        ("today", "today", "No more reminders today. /mute off brings them back."),
        ("off", None, "Reminders come again."),
    ],
)
def test_reminders_are_muted_by_a_command_to_the_scheduler(
    engine: Engine,
    account: str,
    chat_id: int,
    say: Say,
    said: str,
    until: Any,
    answer: str,
) -> None:
    update_id = say(f"/mute {said}")
    [command] = sent_to(engine, "scheduler.commands", account)
    assert command["command_id"] == f"{update_id}:mute"
    assert command["wish"]["kind"] == "mute"
    told = command["wish"]["until"]
    if isinstance(until, timedelta):
        assert from_json(told) == from_json(command["at"]) + until
    else:
        assert told == until
    assert replies(engine, chat_id) == [answer]


def test_a_time_zone_goes_to_auth_as_it_was_typed(
    engine: Engine, account: str, chat_id: int, say: Say
) -> None:
    update_id = say("/timezone asia/almaty")
    [command] = sent_to(engine, "auth.commands", account)
    assert command.pop("at")
    assert command == {
        "command_id": f"{update_id}:timezone",
        "account_id": account,
        "time_zone": "asia/almaty",
    }
    say("/timezone")
    [told] = replies(engine, chat_id)
    assert told.startswith("Send /timezone and the name")


@pytest.mark.parametrize(
    ("time_zone", "told"),
    [
        ("Asia/Almaty", "Your time zone is Asia/Almaty now."),
        (None, "There is no such time zone. Send its name, such as /timezone Europe/Berlin."),
    ],
)
async def test_what_became_of_the_time_zone_is_told(
    engine: Engine,
    account: str,
    chat_id: int,
    say: Say,
    reply_events: ReplyEvents,
    time_zone: str | None,
    told: str,
) -> None:
    command_id = f"{say('/timezone x')}:timezone"
    reply = TimeZoneReplyV1(command_id=command_id, account_id=UUID(account), time_zone=time_zone)
    await come(reply_events, reply)
    assert replies(engine, chat_id) == [told]


@pytest.mark.parametrize("said", ["", " 0h", " 73h", " 2", " -2h", " forever", " 2h 3h", " ٢h"])
def test_what_is_no_span_is_explained_and_mutes_nothing(
    engine: Engine, account: str, chat_id: int, say: Say, said: str
) -> None:
    say(f"/mute{said}")
    assert sent_to(engine, "scheduler.commands", account) == []
    [told] = replies(engine, chat_id)
    assert told.startswith("Send /mute 2h")


async def test_what_is_no_reply_is_unreadable(reply_events: ReplyEvents) -> None:
    with pytest.raises(UnreadableMessage):
        await reply_events.handle(json_delivery(NOTIFIER_REPLIES, {"kind": "weather"}))
