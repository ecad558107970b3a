"""Pages of the feed: in order, from any event on, of whom one may read."""

import threading
import time

import pytest
from prometheus_client import CONTENT_TYPE_LATEST

from tests.integration.feed.story import Feed, habit_changed, in_seconds, message, token_of


def test_events_come_in_their_order_as_cloudevents(feed: Feed) -> None:
    body = {"id": "h", "owner_id": "anna", "action": "Чай ☕", "value": 1.50, "version": 3}
    first = message("habit.changed.v1", "h", body, requestid="req-1")
    [first_id] = feed.take(first)
    [second_id] = feed.take(habit_changed("boris"))

    answer = feed.ask_all()

    assert answer.headers["Content-Type"] == "application/cloudevents-batch+json"
    assert answer.headers["X-Request-ID"]
    assert [event["id"] for event in answer.json()] == [first_id, second_id]
    assert answer.json()[0] == {
        "specversion": "1.0",
        "id": first_id,
        "type": "habit.changed.v1",
        "source": "/services/tests",
        "subject": "h",
        "time": "2026-03-01T08:00:00Z",
        "datacontenttype": "application/json",
        "requestid": "req-1",
        "data": body,
    }


def test_pages_follow_one_another_to_the_end(feed: Feed) -> None:
    ids = feed.take(*(habit_changed("anna", f"habit-{number}") for number in range(230)))

    pages = [feed.ask_all().json()]
    while pages[-1]:
        pages.append(feed.ask_all(lastEventId=pages[-1][-1]["id"]).json())

    assert [len(page) for page in pages] == [100, 100, 30, 0]
    assert [event["id"] for page in pages for event in page] == ids
    assert len(feed.ask_all(limit=1000).json()) == 230


def test_an_account_reads_its_own_events_and_no_others(feed: Feed) -> None:
    feed.take(habit_changed("anna"), habit_changed("boris"), message("x.y.v1", "s", {"n": 1}))

    assert [event["data"]["owner_id"] for event in feed.ask_own("anna").json()] == ["anna"]
    assert feed.ask_own("nobody").json() == []


def test_types_may_be_chosen_by_pattern(feed: Feed) -> None:
    for event_type in ("habit.changed.v1", "habit.deleted.v1", "account.changed.v1", "habit_x.v1"):
        feed.take(message(event_type, event_type, {}))

    def types_of(types: str) -> list[str]:
        return [event["type"] for event in feed.ask_all(types=types).json()]

    assert types_of("habit.*") == ["habit.changed.v1", "habit.deleted.v1"]
    assert types_of("account.changed.v1,habit_x.*") == ["account.changed.v1", "habit_x.v1"]


def test_compacted_is_the_newest_of_each_subject(feed: Feed) -> None:
    feed.take(*(habit_changed("anna", habit, n) for n in (1, 2) for habit in ("a", "b")))
    feed.take(habit_changed("anna", "a", 3))

    compacted = feed.ask_all(compacted="true").json()

    assert [(event["subject"], event["data"]["version"]) for event in compacted] == [
        ("b", 2),
        ("a", 3),
    ]


def test_who_waits_gets_what_comes(feed: Feed) -> None:
    [last] = feed.take(habit_changed("anna"))
    late = threading.Timer(0.3, lambda: feed.take(habit_changed("boris"), habit_changed("anna")))
    late.start()
    began = time.monotonic()

    came = feed.ask_own("anna", lastEventId=last, timeout=20_000).json()

    assert len(came) == 1
    assert time.monotonic() - began < 10
    late.join()


def test_who_waits_in_vain_gets_an_empty_page(feed: Feed) -> None:
    assert feed.ask_all(timeout=150).json() == []
    assert feed.watch.count == 0


def test_an_unknown_position_is_gone(feed: Feed) -> None:
    for answer in (feed.ask_all(lastEventId="never"), feed.ask_own("anna", lastEventId="never")):
        assert (answer.status_code, answer.json()["code"]) == (410, "position_unknown")
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["request_id"] == answer.headers["X-Request-ID"]


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"timeout": 25_001}, "timeout"),
        ({"timeout": "-1"}, "timeout"),
        ({"limit": 0}, "limit"),
        ({"limit": 1001}, "limit"),
        ({"compacted": "yes"}, "compacted"),
        ({"types": "habit.*;drop"}, "types"),
        ({"lastEventId": "a\x00"}, "lastEventId"),
        ({"lastEventID": "x"}, "lastEventID"),
    ],
)
def test_a_wrong_parameter_is_named(feed: Feed, parameters: dict[str, object], field: str) -> None:
    answer = feed.ask_all(**parameters)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert set(answer.json()["errors"]) == {field}


def test_all_events_are_for_operators_only(feed: Feed) -> None:
    feed.take(habit_changed("anna"))
    for token in (token_of("anna"), token_of("anna", scope="events:read")):
        answer = feed.ask("/api/events/", token)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
        assert 'scope="events:read:all"' in answer.headers["WWW-Authenticate"]
    assert feed.ask("/api/me/events/", token_of("anna", scope="events:read")).status_code == 200
    assert feed.ask("/api/me/events/", token_of("anna", scope="days:write")).status_code == 403


@pytest.mark.parametrize(
    ("token", "code"),
    [
        (None, "not_authenticated"),
        ("nonsense", "invalid_token"),
        (token_of("anna", exp=in_seconds(-60)), "token_expired"),
        (token_of("anna", type="refresh"), "invalid_token"),
        (token_of("anna", iss="somebody"), "invalid_token"),
        (token_of("anna", aud="somebody"), "invalid_token"),
    ],
)
@pytest.mark.parametrize("path", ["/api/events/", "/api/me/events/"])
def test_without_a_good_token_there_is_nothing(
    feed: Feed, path: str, token: str | None, code: str
) -> None:
    answer = feed.ask(path, token)

    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert answer.headers["WWW-Authenticate"] == "Bearer"


def test_other_addresses_and_methods_are_problems(feed: Feed) -> None:
    assert feed.ask("/api/nothing/", None).json()["code"] == "not_found"
    answer = feed.ask("/api/events", None)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_the_process_tells_how_it_is(feed: Feed) -> None:
    assert feed.ask("/healthz", None).json() == {"status": "ok"}
    assert feed.ask("/readyz", None).json()["checks"] == {"database": "ok", "public_keys": "ok"}
    metrics = feed.ask("/metrics", None)
    assert metrics.headers["Content-Type"] == CONTENT_TYPE_LATEST
    assert "http_request_seconds" in metrics.text
