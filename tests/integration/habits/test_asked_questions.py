"""What people ask in Telegram about their habits is replied to through the broker."""

import uuid
from typing import Any, Literal

import pytest
from sqlalchemy import Engine, select

from services.habits.asked_questions import AskedQuestions
from services.habits.days.day_queries import DayQueries
from services.habits.event_store import EventStore
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from shared.contracts.day_commands import AskHabitsV1
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.instants import now
from shared.outbox.table import OUTBOX
from tests.integration.habits.callers import Caller

TODAY = now().date().isoformat()


@pytest.fixture
def questions(engine: Engine) -> AskedQuestions:
    statistics = StatisticsQueries(engine, EventStore(HABITS))
    return AskedQuestions(engine, DayQueries(engine, EventStore(HABITS)), statistics)


def reply_to(
    engine: Engine, questions: AskedQuestions, caller: Caller, question: Literal["today", "stats"]
) -> dict[str, Any]:
    command_id = str(uuid.uuid4())
    account_id = uuid.UUID(str(caller.account_id))
    questions.answer(
        AskHabitsV1(command_id=command_id, account_id=account_id, question=question, at=now())
    )
    with engine.connect() as connection:
        bodies = connection.scalars(
            select(OUTBOX.c.body).where(OUTBOX.c.routing_key == NOTIFIER_REPLIES.name)
        )
        [reply] = [body for body in bodies if body["command_id"] == command_id]
    return dict(reply)


def test_today_is_what_is_due_and_what_is_recorded(
    engine: Engine, anna: Caller, boris: Caller, questions: AskedQuestions
) -> None:
    water = anna.create(time="08:00:00", action="Water", target_value=8, unit="glasses")
    anna.create(time="07:00:00", action="Run")
    boris.create(action="Of somebody else")
    path = f"/api/habit/{water['id']}/days/{TODAY}/"
    assert anna.request("PUT", path, {}, json={"value": 3}).status_code == 201
    reply = reply_to(engine, questions, anna, "today")
    assert (reply["kind"], reply["date"], reply["more"]) == ("today", TODAY, 0)
    run, drunk = reply["habits"]
    assert (run["action"], run["status"], run["times"]) == ("Run", None, ["07:00:00"])
    assert (drunk["status"], drunk["value"], drunk["target_value"]) == ("partial", 3, 8)


def test_stats_are_those_of_the_api(
    engine: Engine, anna: Caller, questions: AskedQuestions
) -> None:
    habit = anna.create(action="Run")
    path = f"/api/habit/{habit['id']}/days/{TODAY}/"
    assert anna.request("PUT", path, {}, json={"status": "done"}).status_code == 201
    [run] = reply_to(engine, questions, anna, "stats")["habits"]
    assert run == {
        "action": "Run",
        "unit": "day",
        "current_streak": 1,
        "longest_streak": 1,
        "rate": 1.0,
    }
