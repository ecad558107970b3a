"""What the log reads out of an event without knowing its type, held against every type there is."""

import json
import uuid
from datetime import UTC, datetime

import pytest

from deploy.api_docs.event_examples import EVENT_EXAMPLES
from services.feed.log_entry import is_blank_end, read_entry
from services.habits import public_events
from services.habits.days import day_messages
from services.habits.days.day_events import Channel
from services.habits.habit_details import HabitDetails
from services.habits.habit_events import DeletedHabit
from shared.contracts.cloud_event import CloudEvent, UnreadableMessage, body_to_json
from shared.contracts.events import ChatLinkStateV1
from shared.contracts.topology import FEED_LOG
from shared.messaging.deliveries import Delivery

AT = datetime(2026, 3, 1, 8, tzinfo=UTC)


def delivered(headers: dict[str, str], body: bytes) -> Delivery:
    return Delivery(
        queue=FEED_LOG,
        message_id="m-1",
        headers=headers,
        body=body,
        redelivered=False,
        attempt=1,
        content_type="application/json",
        message_type=None,
    )


def example_of(event_type: str) -> CloudEvent:
    example = EVENT_EXAMPLES[event_type]
    return CloudEvent(
        id="e-1",
        type=event_type,
        source="/services/tests",
        subject=example.subject,
        time=AT,
        body=example.body,
        request_id="r-1",
    )


@pytest.mark.parametrize("event_type", EVENT_EXAMPLES)
def test_every_event_of_ours_is_somebody_s_and_has_a_version(event_type: str) -> None:
    event = example_of(event_type)
    body = event.json_body()

    entry = read_entry(delivered(event.headers(), json.dumps(body).encode()))

    owner = body.get("owner_id") or body.get("account_id") or event.subject
    assert (entry.account_id, entry.version) == (owner, body["version"])
    assert (entry.event_id, entry.request_id) == ("e-1", "r-1")
    assert entry.ends_account == event_type.startswith("account.deleted.")
    assert json.loads(entry.data or "") == body


@pytest.mark.parametrize("in_version_1", [True, False])
def test_the_end_of_an_erased_habit_may_outlive_its_account(*, in_version_1: bool) -> None:
    details = HabitDetails(action="", place="", times=(AT.time(),), duration_seconds=1)
    erased = DeletedHabit(
        id=uuid.uuid4(),
        owner_id=uuid.uuid4(),
        details=details,
        created_at=AT,
        deleted_at=AT,
        version=3,
    )
    tell = public_events.to_message_1 if in_version_1 else public_events.to_message

    assert is_blank_end(body_to_json(tell(erased)))


def test_the_ends_of_days_and_chat_links_may_outlive_their_account() -> None:
    cleared = day_messages.cleared(
        habit_id=uuid.uuid4(),
        owner_id=uuid.uuid4(),
        date=AT.date(),
        channel=Channel.API,
        at=AT,
        version=2,
    )
    unlinked = ChatLinkStateV1(
        account_id="a", chat_id=None, status="unlinked", linked_at=None, updated_at=AT, version=2
    )
    assert is_blank_end(body_to_json(cleared))
    assert is_blank_end(body_to_json(unlinked))


@pytest.mark.parametrize(
    "body",
    [
        {"deleted": True, "action": "Swim"},
        {"deleted": True, "note": "private"},
        {"deleted": True, "something_new": "text"},
        {"deleted": True, "slots": [{"note": "private"}]},
        {"status": "unlinked", "chat_id": "4711"},
        {"deleted": False},
        {},
    ],
)
def test_whatever_may_hold_a_text_does_not(body: dict[str, object]) -> None:
    assert not is_blank_end(body)


@pytest.mark.parametrize(
    ("changed", "body"),
    [
        ({"cloudEvents:specversion": "0.3"}, b"{}"),
        ({"cloudEvents:id": "x" * 501}, b"{}"),
        ({"cloudEvents:subject": "a\x00b"}, b"{}"),
        ({"cloudEvents:time": "yesterday"}, b"{}"),
        ({}, b"{"),
        ({}, b"\xff"),
        ({}, b"[NaN]"),
        ({}, b"[" * 100_000),
    ],
)
def test_what_is_no_event_is_unreadable(changed: dict[str, str], body: bytes) -> None:
    headers = example_of("account.changed.v1").headers() | changed
    with pytest.raises(UnreadableMessage):
        read_entry(delivered(headers, body))
