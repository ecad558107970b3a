"""The feed behind the gateway: one's own events, history and live, and nobody else's."""

import json
import time
from itertools import islice

import requests

from tests.fakes.spa_client import SpaClient
from tests.integration.feed.story import events_in
from tests.servers.whole_system import System


def _events(client: SpaClient, query: str = "") -> list[dict[str, object]]:
    answer = client.call("GET", f"/me/events/{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"] == "application/cloudevents-batch+json"
    events: list[dict[str, object]] = answer.json()
    return events


def test_an_account_reads_what_happened_to_it_and_waits_for_more(system: System) -> None:
    anna, boris = SpaClient.registered(system.gateway_url), SpaClient.registered(system.gateway_url)
    habit = anna.create_habit(action="Stretch")
    events: list[dict[str, object]] = []
    deadline = time.monotonic() + 20
    while len(events) < 2 and time.monotonic() < deadline:
        cursor = f"&lastEventId={events[-1]['id']}" if events else ""
        events += _events(anna, f"?timeout=10000{cursor}")
    assert [(event["type"], event["subject"]) for event in events] == [
        ("account.registered.v1", anna.id),
        ("habit.created.v2", habit["id"]),
    ]
    assert [event["subject"] for event in _events(boris, "?timeout=10000")] == [boris.id]
    assert anna.call("GET", "/events/").json()["code"] == "insufficient_scope"


def test_a_stream_passes_the_gateway_as_it_comes(system: System) -> None:
    client = SpaClient.registered(system.gateway_url)
    while not _events(client, "?timeout=10000"):
        continue
    with requests.get(
        f"{system.gateway_url}/api/me/events/",
        headers={**client.session.headers, "Accept": "text/event-stream"},
        stream=True,
        timeout=20,
    ) as answer:
        events = events_in(answer)
        kinds = [event.get("event", "") for event in islice(events, 3)]
        assert kinds == ["", "", "caught-up"]
        habit = client.create_habit()
        assert json.loads(next(events)["data"])["subject"] == habit["id"]
