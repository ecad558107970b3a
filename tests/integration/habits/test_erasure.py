"""A deleted account's habits are erased; nothing of what its owner wrote stays in the database."""

import asyncio
import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, select, text

from services.habits.account_events import handle_account_events
from services.habits.erasure import erase_account
from services.habits.tables import account_time_zones, events, outbox, owners, streams
from shared.contracts.cloud_event import CloudEvent, UnreadableMessage
from shared.contracts.events import ACCOUNT_CHANGED, ACCOUNT_DELETED, AccountStateV1
from shared.contracts.topology import HABITS_EVENTS
from shared.database import transaction
from shared.instants import now
from shared.messaging.deliveries import Delivery
from tests.integration.habits.callers import WATER, Caller, assert_problem, body_of

SECRET = "something only the owner knows"
NOW = datetime(2026, 1, 5, 8, tzinfo=UTC)


def erase(engine: Engine, account_id: UUID, version: int = 3) -> int:
    with transaction(engine) as connection:
        return erase_account(connection, account_id, version, NOW)


def told_of(engine: Engine, habit_id: str) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        rows = connection.execute(
            select(outbox.c.routing_key, outbox.c.body)
            .where(outbox.c.ordering_key == habit_id)
            .order_by(outbox.c.id)
        )
        return [{"type": row.routing_key, **row.body} for row in rows]


def tables_that_hold(engine: Engine, secret: str) -> list[str]:
    with engine.connect() as connection:
        return [
            table
            for table in ("owners", "streams", "events", "habits", "days")
            if connection.execute(
                text(f"SELECT 1 FROM {table} t WHERE t::text LIKE :secret"),  # noqa: S608
                {"secret": f"%{secret}%"},
            ).first()
        ]


def test_nothing_of_what_was_written_stays(engine: Engine, anna: Caller, boris: Caller) -> None:
    anna.create(action=SECRET, is_published=True)
    deleted = anna.create(place=SECRET)
    note(anna, deleted["id"], SECRET)
    note(anna, anna.create()["id"], SECRET)
    anna.delete(deleted["id"])
    kept = boris.create()
    note(boris, kept["id"], "nobody's secret")
    assert tables_that_hold(engine, SECRET) == ["events", "habits", "days"]
    assert erase(engine, anna.account_id) == 3
    assert tables_that_hold(engine, SECRET) == []
    assert boris.read(kept["id"]) == kept


def note(caller: Caller, habit_id: str, text: str) -> None:
    """Answer for today with a note."""
    path = f"/api/habit/{habit_id}/days/{now().date()}/"
    answer = caller.request("PUT", path, json={"status": "done", "note": text})
    assert answer.status_code == 201, answer.text


def test_each_recorded_day_ends_without_its_note(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    note(anna, habit_id, SECRET)
    erase(engine, anna.account_id)
    erase(engine, anna.account_id)
    recorded, cleared = told_of(engine, f"{habit_id}/{now().date()}")
    assert (recorded["type"], recorded["note"]) == ("habit.day_recorded.v1", SECRET)
    assert (cleared["type"], cleared["note"]) == ("habit.day_cleared.v1", None)
    assert (cleared["cleared"], cleared["status"], cleared["version"]) == (True, None, 2)


def test_the_clock_of_an_erased_account_is_forgotten(engine: Engine, anna: Caller) -> None:
    anna.create()
    handle(engine, delivery(ACCOUNT_CHANGED, account(str(anna.account_id), deleted=False)))
    assert clocks_of(engine, anna) == 1
    erase(engine, anna.account_id)
    handle(engine, delivery(ACCOUNT_CHANGED, account(str(anna.account_id), deleted=False)))
    assert clocks_of(engine, anna) == 0


def clocks_of(engine: Engine, caller: Caller) -> int:
    of_caller = account_time_zones.c.account_id == caller.account_id
    with engine.connect() as connection:
        return len(connection.execute(select(account_time_zones).where(of_caller)).all())


def test_each_habit_ends_with_blank_texts_also_those_deleted_before(
    engine: Engine, anna: Caller
) -> None:
    bath = anna.create(action=SECRET, is_pleasant=True)
    linked = anna.create(linked_habit_id=bath["id"])
    anna.delete(bath["id"])
    erase(engine, anna.account_id)
    for habit_id, version in ((bath["id"], 3), (linked["id"], 3)):
        assert told_of(engine, habit_id)[-1] == {
            "type": "habit.deleted.v2",
            "id": habit_id,
            "owner_id": str(anna.account_id),
            "action": "",
            "place": "",
            "time": "00:00:00",
            "duration_seconds": 1,
            "times": ["00:00:00"],
            "period_days": 1,
            "schedule": {"kind": "every_n_days", "n": 1},
            "start_date": None,
            "end_date": None,
            "paused_until": None,
            "archived_at": None,
            "target_value": None,
            "unit": None,
            "follow_up_minutes": None,
            "is_pleasant": False,
            "reward": None,
            "linked_habit_id": None,
            "is_published": False,
            "created_at": "2026-01-05T08:00:00Z",
            "updated_at": "2026-01-05T08:00:00Z",
            "timing_since": "2026-01-05T08:00:00Z",
            "deleted": True,
            "version": version,
        }


def test_tombstones_stay(engine: Engine, anna: Caller) -> None:
    habit_id = UUID(anna.create()["id"])
    erase(engine, anna.account_id)
    with engine.connect() as connection:
        stream = connection.execute(select(streams).where(streams.c.id == habit_id)).one()
        owner = connection.execute(select(owners).where(owners.c.id == anna.account_id)).one()
    assert (stream.version, stream.erased_at) == (2, NOW)
    assert owner.erased_version == 3


def test_erasing_again_changes_nothing(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    erase(engine, anna.account_id)
    told = told_of(engine, habit_id)
    assert erase(engine, anna.account_id, version=4) == 0
    assert told_of(engine, habit_id) == told


def test_an_account_without_habits_is_remembered_too(engine: Engine, anna: Caller) -> None:
    assert erase(engine, anna.account_id) == 0
    assert_problem(anna.post(WATER), 401, "invalid_token")


def test_a_token_of_an_erased_account_opens_nothing(
    engine: Engine, client: FlaskClient, anna: Caller, boris: Caller
) -> None:
    habit_id = anna.create(is_published=True)["id"]
    others = boris.create(is_published=True)["id"]
    erase(engine, anna.account_id)
    for answer in (
        anna.get("/api/habit/"),
        anna.post(WATER),
        anna.get(f"/api/habit/{habit_id}/"),
        anna.get(f"/api/habit/{others}/"),
        anna.put(habit_id, WATER),
        anna.patch(habit_id, {}),
        anna.delete(habit_id),
        anna.get(f"/api/habit/{habit_id}/history/"),
    ):
        assert_problem(answer, 401, "invalid_token")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert_problem(boris.get(f"/api/habit/{habit_id}/"), 404, "not_found")
    published = body_of(client.get("/api/habit/public/?page_size=100"))["results"]
    assert habit_id not in [habit["id"] for habit in published]


def account(account_id: str, *, deleted: bool) -> AccountStateV1:
    return AccountStateV1(
        id=account_id,
        time_zone="UTC",
        locale="en",
        is_active=not deleted,
        created_at=NOW,
        updated_at=NOW,
        deleted=deleted,
        version=3,
    )


def delivery(event_type: str, body: Any) -> Delivery:
    event = CloudEvent(
        id=str(uuid4()),
        type=event_type,
        source="/services/auth",
        subject="account",
        time=NOW,
        body=body,
    )
    return Delivery(
        queue=HABITS_EVENTS,
        message_id=event.id,
        headers=event.headers(),
        body=json.dumps(event.json_body()).encode(),
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=event_type,
    )


def handle(engine: Engine, message: Delivery) -> None:
    async def run() -> None:
        await handle_account_events(engine)(message)

    asyncio.run(run())


def test_a_deleted_account_is_erased_however_often_it_is_told(engine: Engine, anna: Caller) -> None:
    habit_id = anna.create()["id"]
    message = delivery(ACCOUNT_DELETED, account(str(anna.account_id), deleted=True))
    for _ in range(2):
        handle(engine, message)
    assert [told["type"] for told in told_of(engine, habit_id)] == [
        "habit.created.v2",
        "habit.deleted.v2",
    ]
    with engine.connect() as connection:
        of_habit = select(events).where(events.c.stream_id == UUID(habit_id))
        assert connection.execute(of_habit).all() == []


def test_an_account_that_lives_is_left_alone(engine: Engine, anna: Caller) -> None:
    habit = anna.create()
    handle(engine, delivery(ACCOUNT_CHANGED, account(str(anna.account_id), deleted=False)))
    assert anna.read(habit["id"]) == habit


def test_an_account_without_a_readable_id_cannot_be_handled(engine: Engine) -> None:
    with pytest.raises(UnreadableMessage, match="not a UUID"):
        handle(engine, delivery(ACCOUNT_DELETED, account("nobody", deleted=True)))


def test_another_kind_of_event_cannot_be_handled(engine: Engine, anna: Caller) -> None:
    anna.create()
    with engine.connect() as connection:
        row = connection.execute(select(outbox).limit(1)).one()
    message = Delivery(
        queue=HABITS_EVENTS,
        message_id=str(row.message_id),
        headers=row.headers,
        body=json.dumps(row.body).encode(),
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=row.routing_key,
    )
    with pytest.raises(UnreadableMessage, match="not an account"):
        handle(engine, message)
