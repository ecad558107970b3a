"""Undoing: the last change of habit or day, walking back, refused where a rule would break."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select

from services.habits.days.stored_days import DAYS
from services.habits.event_store import EventStore
from services.habits.rebuild_read_model import rebuild_read_model
from services.habits.stored_events import HABITS
from services.habits.tables import outbox
from services.habits.undo.asked_undo import carry_out_undo
from services.habits.undo.undo_commands import NothingToUndo, UndoCommands
from shared.contracts.day_commands import UndoLastV1
from shared.contracts.topology import NOTIFIER_REPLIES
from shared.instants import now
from tests.integration.habits.callers import Caller, assert_problem, body_of
from tests.integration.habits.test_days import DONE, TODAY, add, clear, put, recorded
from tests.integration.habits.test_history import history


def undo(caller: Caller, habit_id: str | None = None, **headers: str) -> Any:
    path = "/api/habit/undo/" if habit_id is None else f"/api/habit/{habit_id}/undo/"
    return caller.request(
        "POST", path, {name.replace("_", "-"): value for name, value in headers.items()}
    )


def undone(caller: Caller, habit_id: str | None = None) -> dict[str, Any]:
    answer = undo(caller, habit_id)
    assert answer.status_code == 200, answer.text
    change: dict[str, Any] = body_of(answer)["undone"]
    return change


def post(caller: Caller, habit_id: str, what: str) -> None:
    answer = caller.request("POST", f"/api/habit/{habit_id}/{what}/")
    assert answer.status_code == 200, answer.text


def fields_of(habit: dict[str, Any]) -> dict[str, Any]:
    return {name: habit[name] for name in habit.keys() - {"version", "updated_at"}}


def test_it_walks_back_over_habit_and_days_to_where_nothing_was(anna: Caller) -> None:
    created = anna.create()
    habit_id = created["id"]
    recorded_at = body_of(put(anna, habit_id, {"value": 2, "note": "easy"}))["recorded_at"]
    add(anna, habit_id, 3)
    changed_at = body_of(anna.patch(habit_id, {"place": "Office", "time": "09:00"}))["updated_at"]
    clear(anna, habit_id)
    anna.delete(habit_id)

    assert undone(anna)["type"] == "deleted"
    assert undone(anna)["type"] == "day_cleared"
    assert recorded(anna, habit_id)[0]["value"] == 5
    assert undone(anna) == {
        "type": "changed",
        "habit_id": habit_id,
        "date": None,
        "at": changed_at,
    }
    assert fields_of(anna.read(habit_id)) == fields_of(created)
    assert undone(anna)["type"] == "day_recorded"
    [day] = recorded(anna, habit_id)
    assert (day["value"], day["note"]) == (2, "easy")
    assert undone(anna) == {
        "type": "day_recorded",
        "habit_id": habit_id,
        "date": TODAY,
        "at": recorded_at,
    }
    assert recorded(anna, habit_id) == []
    assert undone(anna)["type"] == "created"
    assert_problem(anna.get(f"/api/habit/{habit_id}/"), 404, "not_found")
    assert_problem(undo(anna), 409, "nothing_to_undo")


@pytest.mark.parametrize("done", [["archive"], ["archive", "unarchive"]])
def test_archiving_and_unarchiving_are_undone(anna: Caller, done: list[str]) -> None:
    habit_id = anna.create()["id"]
    for what in done:
        post(anna, habit_id, what)
    before = anna.read(habit_id)["archived_at"] is None
    assert undone(anna, habit_id)["type"] == f"{done[-1]}d"
    assert (anna.read(habit_id)["archived_at"] is None) is not before


def test_an_undone_restore_deletes_again(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    anna.delete(habit_id)
    post(anna, habit_id, "restore")
    assert undone(anna, habit_id)["type"] == "restored"
    assert_problem(anna.get(f"/api/habit/{habit_id}/"), 404, "not_found")
    assert undone(anna, habit_id)["type"] == "deleted"
    assert anna.read(habit_id)["id"] == habit_id


def test_a_deletion_comes_back_with_the_links_it_cleared(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    linked, rewarded = (anna.create(linked_habit_id=bath)["id"] for _ in range(2))
    anna.delete(bath)
    anna.patch(rewarded, {"reward": "Tea"})
    assert undone(anna, bath)["type"] == "deleted"
    assert anna.read(linked)["linked_habit_id"] == bath
    assert anna.read(rewarded)["linked_habit_id"] is None
    assert undone(anna, linked)["type"] == "created"


def test_a_change_that_nothing_would_come_of_is_passed_over(anna: Caller) -> None:
    bath = anna.create(is_pleasant=True)["id"]
    habit_id = anna.create()["id"]
    anna.patch(habit_id, {"linked_habit_id": bath})
    anna.delete(bath)
    assert undone(anna, habit_id)["type"] == "created"


def test_of_one_habit_only_its_own_change_is_undone(anna: Caller) -> None:
    first, second = anna.create()["id"], anna.create()["id"]
    put(anna, first, DONE)
    anna.patch(second, {"place": "Office"})
    assert undone(anna, first)["date"] == TODAY
    assert anna.read(second)["place"] == "Office"
    assert undone(anna)["habit_id"] == second


def test_what_would_break_a_rule_is_refused_and_named(anna: Caller) -> None:
    bath = anna.create()["id"]
    anna.patch(bath, {"is_pleasant": True})
    anna.create(linked_habit_id=bath)
    problem = assert_problem(undo(anna, bath), 409, "undo_breaks_rule")
    assert problem["errors"].keys() == {"is_pleasant"}
    assert "linked" in problem["detail"]
    created_pleasant = anna.create(is_pleasant=True)["id"]
    anna.create(linked_habit_id=created_pleasant)
    problem = assert_problem(undo(anna, created_pleasant), 409, "undo_breaks_rule")
    assert problem["errors"].keys() == {"linked_habit_id"}


def test_the_history_tells_what_was_undone_and_others_hear_of_it(
    engine: Engine, anna: Caller
) -> None:
    habit_id = anna.create()["id"]
    anna.patch(habit_id, {"place": "Office"})
    undone(anna)
    last = history(anna, habit_id)["results"][-1]
    assert (last["type"], last["changes"], last["undoes"]) == ("changed", {"place": "Kitchen"}, 2)
    with engine.connect() as connection:
        told = connection.execute(
            select(outbox.c.body).where(outbox.c.ordering_key == habit_id).order_by(outbox.c.id)
        ).scalars()
        assert [(body["version"], body["place"]) for body in told][-1] == (3, "Kitchen")


def test_somebody_elses_habit_is_not_undone(anna: Caller, boris: Caller) -> None:
    hidden, published = anna.create()["id"], anna.create(is_published=True)["id"]
    assert_problem(undo(boris, hidden), 404, "not_found")
    assert_problem(undo(boris, published), 403, "not_owner")
    assert_problem(undo(boris), 409, "nothing_to_undo")
    anna.delete(hidden)
    assert_problem(undo(boris, hidden), 404, "not_found")


def test_a_repetition_with_its_key_undoes_once(anna: Caller) -> None:
    habit_id = anna.create()["id"]
    anna.patch(habit_id, {"place": "Office"})
    first = undo(anna, Idempotency_Key="a")
    again = undo(anna, Idempotency_Key="a")
    assert (first.status_code, body_of(first)) == (200, body_of(again))
    assert anna.read(habit_id)["version"] == 3


def test_it_goes_24_hours_back(engine: Engine, anna: Caller) -> None:
    anna.create()

    def undo_after(hours: float) -> str:
        def clock() -> datetime:
            return now() + timedelta(hours=hours)

        commands = UndoCommands(engine, EventStore(HABITS), EventStore(DAYS), clock)
        return commands.undo_last(anna.account_id).type

    with pytest.raises(NothingToUndo):
        undo_after(24.1)
    assert undo_after(23.9) == "created"


def test_a_body_must_be_empty_json(client: FlaskClient, anna: Caller) -> None:
    anna.create()
    assert_problem(anna.request("POST", "/api/habit/undo/", json={"x": 1}), 400, "invalid_input")
    broken = anna.request(
        "POST", "/api/habit/undo/", {"Content-Type": "application/json"}, data=b"{"
    )
    assert_problem(broken, 400, "malformed_json")
    assert anna.request("POST", "/api/habit/undo/", json={}).status_code == 200


def test_what_was_undone_is_the_same_after_rebuilding(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    put(anna, habit_id, DONE)
    anna.patch(habit_id, {"place": "Office"})
    undone(anna)
    undone(anna)
    before = anna.read(habit_id), recorded(anna, habit_id)
    rebuild_read_model(engine)
    assert (anna.read(habit_id), recorded(anna, habit_id)) == before


def ask_to_undo(engine: Engine, account_id: UUID, command_id: str) -> dict[str, Any]:
    commands = UndoCommands(engine, EventStore(HABITS), EventStore(DAYS))
    carry_out_undo(
        engine, commands, UndoLastV1(command_id=command_id, account_id=account_id, at=now())
    )
    replies = select(outbox.c.body).where(
        outbox.c.routing_key == NOTIFIER_REPLIES.name,
        outbox.c.body["command_id"].astext == command_id,
    )
    with engine.connect() as connection:
        [reply] = connection.execute(replies).scalars()
    return dict(reply)


def test_what_is_asked_for_in_telegram_is_undone_once_and_replied_to(
    engine: Engine, anna: Caller
) -> None:
    habit_id = anna.create()["id"]
    recorded_at = body_of(put(anna, habit_id, DONE))["recorded_at"]
    for _ in range(2):
        reply = ask_to_undo(engine, anna.account_id, f"1:{habit_id}")
        assert (reply["change"], reply["date"], reply["refused"]) == ("day.recorded", TODAY, None)
        assert (reply["action"], reply["changed_at"]) == ("Drink a glass of water", recorded_at)
    assert recorded(anna, habit_id) == []
    last = history(anna, habit_id)["results"][-1]
    assert (last["type"], last["channel"], last["undoes"]) == ("day_cleared", "telegram", 1)


def test_telegram_is_told_why_nothing_was_undone(engine: Engine, anna: Caller) -> None:
    nothing = ask_to_undo(engine, anna.account_id, f"1:{anna.account_id}")
    assert (nothing["change"], nothing["refused"]) == (None, None)
    bath = anna.create(is_pleasant=True)["id"]
    linked = anna.create(linked_habit_id=bath)["id"]
    anna.patch(linked, {"linked_habit_id": None})
    undone(anna, bath)
    refused = ask_to_undo(engine, anna.account_id, f"2:{anna.account_id}")
    assert refused["change"] == "habit.changed"
    assert "pleasant" in refused["refused"]
