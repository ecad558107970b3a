"""Events of made-up accounts, and readers that ask for them."""

import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import requests
from sqlalchemy import Engine

from services.feed.log_entry import LogEntry, read_entry
from services.feed.log_watch import LogWatch
from services.feed.log_writer import append
from shared.contracts.topology import FEED_LOG
from shared.database import transaction
from shared.messaging.deliveries import Delivery
from tests.integration.habits.callers import KEY_ID, SIGNING_KEY, claims_of

TIME = datetime(2026, 3, 1, 8, tzinfo=UTC)

Event = dict[str, Any]


def message(
    event_type: str, subject: str, body: object, *, event_id: str = "", **headers: str
) -> Delivery:
    """Return an event as it comes from the broker."""
    attributes = {
        "specversion": "1.0",
        "id": event_id or str(uuid.uuid4()),
        "type": event_type,
        "source": "/services/tests",
        "subject": subject,
        "time": "2026-03-01T08:00:00Z",
        **headers,
    }
    return Delivery(
        queue=FEED_LOG,
        message_id=attributes["id"],
        headers={f"cloudEvents:{name}": value for name, value in attributes.items()},
        body=body if isinstance(body, bytes) else json.dumps(body).encode(),
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=event_type,
    )


def habit_changed(account_id: str, habit_id: str = "habit", version: int = 1) -> Delivery:
    body = {"id": habit_id, "owner_id": account_id, "action": "Read", "version": version}
    return message("habit.changed.v1", habit_id, body)


def account_deleted(account_id: str) -> Delivery:
    body = {"id": account_id, "deleted": True, "version": 9, "time_zone": "UTC"}
    return message("account.deleted.v1", account_id, body)


def token_of(account_id: str, **claims: object) -> str:
    return jwt.encode(claims_of(account_id, **claims), SIGNING_KEY, "EdDSA", {"kid": KEY_ID})


def in_seconds(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


@dataclass(frozen=True)
class Feed:
    """A log that can be written to, and the HTTP app that reads it."""

    engine: Engine
    address: str
    watch: LogWatch

    def take(self, *messages: Delivery) -> list[str]:
        """Append events as one batch; return their ids."""
        entries: list[LogEntry] = [read_entry(each) for each in messages]
        with transaction(self.engine) as connection:
            append(connection, entries)
        return [entry.event_id for entry in entries]

    def ask_all(self, **parameters: object) -> requests.Response:
        """Ask for everybody's events, as an operator's service does."""
        token = token_of("service", scope="events:read:all")
        return self.ask("/api/events/", token, **parameters)

    def ask_own(self, account_id: str, **parameters: object) -> requests.Response:
        return self.ask("/api/me/events/", token_of(account_id), **parameters)

    def ask(self, path: str, token: str | None, **parameters: object) -> requests.Response:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return requests.get(
            self.address + path,
            params={name: str(value) for name, value in parameters.items()},
            headers=headers,
            timeout=40,
        )

    def all_events(self, **parameters: object) -> list[Event]:
        """Read the feed from its beginning to its end, page by page."""
        events: list[Event] = []
        while page := self.ask_all(**parameters).json():
            events += page
            parameters["lastEventId"] = events[-1]["id"]
        return events

    @contextmanager
    def stream(self, token: str, **headers: str) -> Iterator[Iterator[dict[str, str]]]:
        """Yield the events of a stream, each as its fields."""
        headers |= {"Authorization": f"Bearer {token}", "Accept": "text/event-stream"}
        with requests.get(
            f"{self.address}/api/me/events/", headers=headers, stream=True, timeout=20
        ) as answer:
            assert answer.status_code == 200, answer.text
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            yield events_in(answer)


def events_in(answer: requests.Response) -> Iterator[dict[str, str]]:
    fields: dict[str, str] = {}
    for line in answer.iter_lines(chunk_size=1, decode_unicode=True):
        if line:
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        elif fields:
            yield fields
            fields = {}
