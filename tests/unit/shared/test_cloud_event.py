"""Reading and writing public events."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from shared.contracts.cloud_event import CloudEvent, UnreadableMessage, read_body, read_event
from shared.contracts.events import EVENT_TYPES, REMINDER_MISSED, ReminderMissedV1
from shared.contracts.topology import ALL_QUEUES, FEED_LOG
from shared.instants import from_json, to_json

MISSED = ReminderMissedV1(
    id="h:2026-01-02",
    habit_id="h",
    account_id="a",
    local_date=date(2026, 1, 2),
    due_at=datetime(2026, 1, 2, 7, 30, tzinfo=UTC),
    missed_at=datetime(2026, 1, 2, 9, 0, 0, 5, tzinfo=UTC),
)
EVENT = CloudEvent(
    id="e-1",
    type=REMINDER_MISSED,
    source="/services/scheduler",
    subject="h",
    time=datetime(2026, 1, 2, 9, tzinfo=UTC),
    body=MISSED,
    request_id="r-1",
)
RAW = (
    b'{"id": "h:2026-01-02", "habit_id": "h", "account_id": "a", "local_date": "2026-01-02",'
    b' "due_at": "2026-01-02T07:30:00Z", "missed_at": "2026-01-02T09:00:00.000005Z",'
    b' "version": 1, "of_the_future": true}'
)


def test_headers_are_cloud_events_in_binary_mode() -> None:
    assert EVENT.headers() == {
        "cloudEvents:specversion": "1.0",
        "cloudEvents:id": "e-1",
        "cloudEvents:type": "reminder.missed.v1",
        "cloudEvents:source": "/services/scheduler",
        "cloudEvents:subject": "h",
        "cloudEvents:time": "2026-01-02T09:00:00Z",
        "cloudEvents:requestid": "r-1",
    }


def test_an_event_without_a_request_has_no_request_header() -> None:
    assert "cloudEvents:requestid" not in replace(EVENT, request_id=None).headers()


def test_what_was_written_is_read_back_and_unknown_fields_are_ignored() -> None:
    assert read_event(EVENT.headers(), RAW) == EVENT
    assert EVENT.json_body()["missed_at"] == "2026-01-02T09:00:00.000005Z"


@pytest.mark.parametrize(
    ("headers", "body", "reason"),
    [
        ({}, RAW, "missing"),
        ({**EVENT.headers(), "cloudEvents:type": "habit.eaten.v1"}, RAW, "unknown event type"),
        ({**EVENT.headers(), "cloudEvents:time": "yesterday"}, RAW, "time"),
        ({**EVENT.headers(), "cloudEvents:time": "2026-01-02T09:00:00"}, RAW, "time"),
        (EVENT.headers(), RAW.replace(b"07:30:00Z", b"07:30:00"), "due_at"),
        (EVENT.headers(), b"{", "JSON"),
        (EVENT.headers(), b"\xff", "body"),
        (EVENT.headers(), b"[]", "body"),
        (EVENT.headers(), b"{}", "habit_id"),
        (EVENT.headers(), RAW.replace(b'"version": 1', b'"version": "one"'), "version"),
    ],
)
def test_what_does_not_fit_is_unreadable(headers: dict[str, str], body: bytes, reason: str) -> None:
    with pytest.raises(UnreadableMessage, match=reason):
        read_event(headers, body)


def test_the_reason_never_shows_the_values() -> None:
    with pytest.raises(UnreadableMessage) as error:
        read_body(ReminderMissedV1, b'{"due_at": "my secret"}')
    assert "my secret" not in str(error.value)


def test_every_bound_type_exists() -> None:
    bound = {key for queue in ALL_QUEUES if queue is not FEED_LOG for key in queue.bindings}
    assert set(EVENT_TYPES) >= bound
    assert FEED_LOG.bindings == ("#",)
    assert len({queue.name for queue in ALL_QUEUES}) == len(ALL_QUEUES)


def test_instants_are_written_in_utc_with_z() -> None:
    moscow = timezone(timedelta(hours=3))
    assert to_json(datetime(2026, 1, 1, 3, tzinfo=moscow)) == "2026-01-01T00:00:00Z"
    assert from_json("2026-01-01T03:00:00+03:00") == datetime(2026, 1, 1, tzinfo=UTC)


def test_a_local_time_is_not_an_instant() -> None:
    with pytest.raises(ValueError, match="time zone"):
        to_json(datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
    with pytest.raises(ValueError, match="offset"):
        from_json("2026-01-01T00:00:00")
