"""What is pressed below a reminder: recorded once, by whoever may, whatever comes twice or late."""

import asyncio
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, select

from services.habits.asked_questions import AskedQuestions
from services.habits.days.day_commands import DayCommands
from services.habits.days.day_queries import DayQueries
from services.habits.days.stored_days import DAYS
from services.habits.erasure import erase_account
from services.habits.event_store import EventStore
from services.habits.portable.import_work import Importing
from services.habits.statistics.statistics_queries import StatisticsQueries
from services.habits.stored_events import HABITS
from services.habits.tables import handled_commands
from services.habits.telegram_commands import handle_telegram_commands
from services.habits.undo.undo_commands import UndoCommands
from shared.contracts.cloud_event import UnreadableMessage
from shared.contracts.topology import HABITS_COMMANDS
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery
from tests.integration.habits.callers import Caller, body_of

TODAY = now().date().isoformat()
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


class Presses:
    """Presses of one account on its habit's buttons, as the queue brings them."""

    def __init__(self, engine: Engine, account_id: object, habit_id: str) -> None:
        days = DayCommands(engine, EventStore(DAYS))
        statistics = StatisticsQueries(engine, EventStore(HABITS))
        undo = UndoCommands(engine, EventStore(HABITS), EventStore(DAYS))
        importing = Importing(engine, EventStore(HABITS), EventStore(DAYS))
        questions = AskedQuestions(engine, DayQueries(engine, EventStore(HABITS)), statistics)
        self._handle = handle_telegram_commands(engine, days, undo, questions, importing)
        self._body = {
            "account_id": str(account_id),
            "habit_id": habit_id,
            "date": TODAY,
            "slot": 0,
            "at": NOON.isoformat(),
        }

    def press(self, wish: str, command_id: str | None = None, **changed: Any) -> None:
        command_id = command_id or str(uuid.uuid4())
        body = {**self._body, "command_id": command_id, "wish": wish, **changed}
        message = delivery(json.dumps(body).encode())

        async def handle() -> None:
            await self._handle(message)

        asyncio.run(handle())


def delivery(body: bytes) -> Delivery:
    return Delivery(
        queue=HABITS_COMMANDS,
        message_id=str(uuid.uuid4()),
        headers={},
        body=body,
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=None,
    )


def recorded(caller: Caller, habit_id: str) -> list[dict[str, Any]]:
    answer = caller.get(f"/api/habit/{habit_id}/days/?from={TODAY}&to={TODAY}")
    results: list[dict[str, Any]] = body_of(answer)["results"]
    return results


def record(caller: Caller, habit_id: str, **body: Any) -> None:
    answer = caller.request("PUT", f"/api/habit/{habit_id}/days/{TODAY}/", {}, json=body)
    assert answer.status_code in {200, 201}


@pytest.fixture
def habit_id(anna: Caller) -> str:
    return str(anna.create()["id"])


@pytest.fixture
def presses(engine: Engine, anna: Caller, habit_id: str) -> Presses:
    return Presses(engine, anna.account_id, habit_id)


@pytest.mark.parametrize("wish", ["done", "skipped"])
def test_a_press_records_the_day(anna: Caller, habit_id: str, presses: Presses, wish: str) -> None:
    presses.press(wish)
    [day] = recorded(anna, habit_id)
    assert (day["status"], day["channel"], day["version"]) == (wish, "telegram", 1)


def test_undo_clears_the_day(anna: Caller, habit_id: str, presses: Presses) -> None:
    presses.press("done")
    presses.press("cleared", at=(NOON + timedelta(seconds=1)).isoformat())
    assert recorded(anna, habit_id) == []


def test_a_press_that_comes_again_is_not_carried_out_again(
    anna: Caller, habit_id: str, presses: Presses
) -> None:
    presses.press("done", "7:done")
    record(anna, habit_id, status="skipped")
    presses.press("done", "7:done")
    assert recorded(anna, habit_id)[0]["status"] == "skipped"


def test_a_press_that_was_overtaken_changes_nothing(
    anna: Caller, habit_id: str, presses: Presses
) -> None:
    presses.press("skipped", at=(NOON + timedelta(seconds=5)).isoformat())
    presses.press("done", at=NOON.isoformat())
    assert recorded(anna, habit_id)[0]["status"] == "skipped"


def test_progress_adds_up_whichever_press_comes_first(
    anna: Caller, habit_id: str, presses: Presses
) -> None:
    presses.press("progress", "8:progress", at=(NOON + timedelta(seconds=5)).isoformat())
    for _ in range(2):
        presses.press("progress", "7:progress", at=NOON.isoformat())
    assert recorded(anna, habit_id)[0]["value"] == 2


def test_a_press_keeps_note_and_value(anna: Caller, habit_id: str, presses: Presses) -> None:
    record(anna, habit_id, value=3, note="easy")
    presses.press("done")
    assert recorded(anna, habit_id)[0]["value"] == 3
    presses.press("skipped")
    assert recorded(anna, habit_id)[0]["note"] == "easy"


def test_a_habit_of_somebody_else_stays_as_it_is(
    engine: Engine, anna: Caller, boris: Caller, habit_id: str
) -> None:
    Presses(engine, boris.account_id, habit_id).press("done")
    assert recorded(anna, habit_id) == []


def test_a_habit_that_is_gone_is_no_error(anna: Caller, habit_id: str, presses: Presses) -> None:
    anna.request("DELETE", f"/api/habit/{habit_id}/", {})
    presses.press("done")


def test_a_date_that_never_was_the_habits_is_no_error(
    anna: Caller, habit_id: str, presses: Presses
) -> None:
    presses.press("done", date="2001-01-01")
    presses.press("done", date="2099-01-01")
    assert recorded(anna, habit_id) == []


def test_of_an_erased_account_nothing_is_kept_or_done(
    engine: Engine, anna: Caller, presses: Presses
) -> None:
    presses.press("done")
    with transaction(engine) as connection:
        erase_account(connection, uuid.UUID(str(anna.account_id)), 2, now())
    presses.press("done")
    mine = handled_commands.c.account_id == uuid.UUID(str(anna.account_id))
    with engine.connect() as connection:
        assert connection.execute(select(handled_commands).where(mine)).all() == []


@pytest.mark.parametrize("wrong", [{"wish": "deleted"}, {"habit_id": "x"}, {"date": "tomorrow"}])
def test_what_is_no_command_is_unreadable(presses: Presses, wrong: dict[str, str]) -> None:
    with pytest.raises(UnreadableMessage):
        presses.press(**{"wish": "done", **wrong})
