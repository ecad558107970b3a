"""What other services see, and what remains of an account that is gone."""

import asyncio
import json
import time
from typing import Any

import aio_pika
import psycopg
import pytest

from tests.fakes.spa_client import PASSWORD, SpaClient
from tests.servers.whole_system import System

REQUIRED = {"specversion", "id", "type", "source", "subject", "time"}


def broker_url(system: System) -> str:
    return system.service_environments["scheduler"]["RABBITMQ_URL"]


async def events_during(system: System, work: Any, expected: int) -> list[Any]:
    """Return what a subscriber to everything gets while `work` runs."""
    connection = await aio_pika.connect(broker_url(system))
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("events")
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, "#")
        await asyncio.to_thread(work)
        messages: list[Any] = []
        deadline = time.monotonic() + 15
        while len(messages) < expected and time.monotonic() < deadline:
            message = await queue.get(no_ack=True, fail=False)
            if message is None:
                await asyncio.sleep(0.05)
            else:
                messages.append(message)
        return messages


async def test_other_services_get_every_change_as_a_cloud_event(system: System) -> None:
    client = SpaClient.registered(system.gateway_url)

    def work() -> None:
        habit = client.create_habit(action="Walk")
        path = f"/habit/{habit['id']}/"
        client.call("PATCH", path, json={"place": "Park"})
        client.call("PATCH", path, json={"place": "Park"})  # changes nothing, tells nothing
        client.call("DELETE", path)

    messages = await events_during(system, work, 3)
    mine = [m for m in messages if json.loads(m.body).get("owner_id") == client.id]
    assert [m.routing_key for m in mine] == [
        "habit.created.v2",
        "habit.changed.v2",
        "habit.deleted.v2",
    ]
    for version, message in enumerate(mine, start=1):
        attributes = {
            name.removeprefix("cloudEvents:"): value
            for name, value in message.headers.items()
            if name.startswith("cloudEvents:")
        }
        assert attributes.keys() >= REQUIRED
        assert attributes["specversion"] == "1.0"
        assert attributes["id"] == message.message_id
        assert attributes["type"] == message.routing_key
        assert message.content_type == "application/json"
        body = json.loads(message.body)
        assert body["version"] == version
        assert body["action"] == "Walk"
        assert body["place"] == ("Kitchen" if version == 1 else "Park")


async def test_the_request_id_travels_from_the_gateway_into_the_event(system: System) -> None:
    client = SpaClient.registered(system.gateway_url)

    def work() -> None:
        answer = client.call(
            "POST",
            "/habit/",
            json={"action": "Walk", "place": "Park", "time": "07:30", "duration_seconds": 60},
            headers={"X-Request-ID": "trace-me-42"},
        )
        assert answer.headers["X-Request-ID"] == "trace-me-42"

    messages = await events_during(system, work, 1)
    assert "trace-me-42" in [m.headers.get("cloudEvents:requestid") for m in messages]


async def test_a_deleted_account_is_erased_in_every_service(system: System) -> None:
    client = SpaClient.registered(system.gateway_url)
    habit = client.create_habit(action="Erase my traces 7f3a", is_published=True)
    client.link_code()

    def work() -> None:
        wrong = client.call("DELETE", "/me/", json={"password": "not my password"})
        assert wrong.status_code in (400, 403)
        assert client.call("DELETE", "/me/", json={"password": PASSWORD}).status_code == 204

    messages = await events_during(system, work, 2)
    assert "account.deleted.v1" in [m.routing_key for m in messages]
    deadline = time.monotonic() + 15
    while client.call("GET", f"/habit/{habit['id']}/").status_code != 401:
        assert time.monotonic() < deadline, "habits still knows the account"
        await asyncio.sleep(0.1)
    again = client.call("POST", "/token/", json={"email": client.email, "password": PASSWORD})
    assert again.status_code == 401
    public = client.session.get(f"{system.gateway_url}/api/habit/public/?page_size=100", timeout=10)
    assert "7f3a" not in public.text
    deadline = time.monotonic() + 15
    while left := _traces(system, "7f3a", client.email):
        assert time.monotonic() < deadline, f"traces left: {left}"
        await asyncio.sleep(0.2)


def _traces(system: System, *texts: str) -> list[str]:
    """Return where any of the texts stands in any table of the four databases."""
    found = []
    for name, variables in system.service_environments.items():
        if "DATABASE_URL" not in variables:
            continue
        with psycopg.connect(variables["DATABASE_URL"]) as connection:
            tables = connection.execute(
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
            ).fetchall()
            for (table,) in tables:
                query = f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE ANY(%s)'  # noqa: S608
                [count] = connection.execute(query, ([f"%{t}%" for t in texts],)).fetchone() or [0]
                if count:
                    found.append(f"{name}.{table}")
    return found


def test_a_disabled_or_unknown_account_gets_the_same_answer(system: System) -> None:
    client = SpaClient.registered(system.gateway_url)
    answers = [
        client.call("POST", "/token/", json={"email": email, "password": "wrong password"})
        for email in (client.email, "nobody@example.com")
    ]
    bodies = [{**a.json(), "request_id": None} for a in answers]
    assert [a.status_code for a in answers] == [401, 401]
    assert bodies[0] == bodies[1]


async def test_an_unreadable_message_lands_in_the_dead_letter_queue(system: System) -> None:
    connection = await aio_pika.connect(broker_url(system))
    async with connection:
        channel = await connection.channel()
        exchange = await channel.get_exchange("events")
        body = b'{"this is": not an event'
        await exchange.publish(
            aio_pika.Message(body, message_id="poison-1", content_type="application/json"),
            "habit.created.v1",
        )
        dead = await channel.get_queue("scheduler.events.dlq")
        deadline = time.monotonic() + 15
        while (message := await dead.get(no_ack=True, fail=False)) is None:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.1)
    assert message.body == body
    assert message.message_id == "poison-1"


@pytest.mark.parametrize(
    "path",
    [
        "/healthz",
        "/readyz",
        "/metrics",
        "/api/metrics",
        "/api/internal",
        "/api/habit/../../metrics",
    ],
)
def test_operational_endpoints_are_not_reachable_through_the_gateway(
    system: System, path: str
) -> None:
    client = SpaClient(system.gateway_url)
    answer = client.session.get(system.gateway_url + path, timeout=10)
    assert answer.status_code in (400, 404)
    assert answer.headers["Content-Type"] == "application/problem+json"
