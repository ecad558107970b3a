"""Webhooks: in order, signed, tried again, each endpoint for itself."""

import json
from datetime import timedelta

import pytest
from sqlalchemy import Engine, text

from services.feed.webhooks import retry_schedule
from tests.integration.feed.receivers import (
    call,
    created,
    delivering,
    receiver,
    wait_until,
)
from tests.integration.feed.story import Feed, account_deleted, habit_changed, message


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses = (timedelta(milliseconds=20),) * len(retry_schedule.PAUSES)
    monkeypatch.setattr(retry_schedule, "PAUSES", pauses)


def test_events_arrive_in_order_signed_and_with_the_ids_of_the_feed(
    feed: Feed, feed_url: str
) -> None:
    feed.take(habit_changed("anna", "before"))
    with receiver() as anna:
        webhook = created(feed, "anna", anna.url, types=["habit.*"])
        told = feed.take(*(habit_changed("anna", f"h{number}") for number in range(5)))
        with delivering(feed_url, processes=2):
            feed.take(habit_changed("boris"), message("x.y.v1", "s", {"account_id": "anna"}))
            told += feed.take(habit_changed("anna", "live"))
            anna.wait_for(6)
        assert anna.ids() == told
        bodies = anna.verified(webhook["secret"])
        assert bodies == [each for each in feed.all_events() if each["id"] in told]
        assert anna.came[0][0]["content-type"] == "application/cloudevents+json"
        deliveries = call(feed, "anna", "GET", f"{webhook['id']}/deliveries/").json()["results"]
        assert [each["event_id"] for each in reversed(deliveries)] == told
        assert {(each["outcome"], each["status"]) for each in deliveries} == {("delivered", 204)}


def test_what_is_refused_is_tried_again_before_anything_behind_it(
    feed: Feed, feed_url: str
) -> None:
    with receiver() as anna:
        anna.answers = [(500, {}), (302, {"Location": anna.url}), (429, {"Retry-After": "1"})]
        webhook = created(feed, "anna", anna.url)
        first, second = feed.take(habit_changed("anna", "a"), habit_changed("anna", "b"))
        with delivering(feed_url):
            anna.wait_for(5)
        assert anna.ids() == [first] * 4 + [second]
        deliveries = call(feed, "anna", "GET", f"{webhook['id']}/deliveries/").json()["results"]
        assert [each["status"] for each in reversed(deliveries)] == [500, 302, 429, 204, 204]
        assert [each["attempt"] for each in reversed(deliveries)] == [1, 2, 3, 4, 1]
        waited = int(anna.came[3][0]["webhook-timestamp"]) - int(
            anna.came[2][0]["webhook-timestamp"]
        )
        assert waited >= 1


def test_after_the_last_try_the_next_event_follows(feed: Feed, feed_url: str) -> None:
    with receiver() as anna:
        anna.answers = [(503, {})] * retry_schedule.MOST_ATTEMPTS
        webhook = created(feed, "anna", anna.url)
        told = feed.take(habit_changed("anna", "a"), habit_changed("anna", "b"))
        with delivering(feed_url):
            anna.wait_for(retry_schedule.MOST_ATTEMPTS + 1)
        assert anna.ids()[-1] == told[1]
        wait_until(
            lambda: call(feed, "anna", "GET", f"{webhook['id']}/").json()["failing_since"] is None
        )


def test_a_slow_receiver_delays_nobody_else(feed: Feed, feed_url: str) -> None:
    with receiver() as slow, receiver() as quick:
        slow.dawdles_seconds = 3
        created(feed, "anna", slow.url)
        created(feed, "anna", quick.url)
        with delivering(feed_url):
            feed.take(*(habit_changed("anna", f"h{number}") for number in range(10)))
            quick.wait_for(10)
            assert len(slow.came) == 1


def test_who_is_gone_is_switched_off_and_goes_on_when_switched_on(
    feed: Feed, feed_url: str
) -> None:
    with receiver() as anna:
        anna.answers = [(410, {})]
        webhook = created(feed, "anna", anna.url)
        path = f"{webhook['id']}/"
        with delivering(feed_url):
            [event_id] = feed.take(habit_changed("anna"))
            wait_until(lambda: not call(feed, "anna", "GET", path).json()["is_enabled"])
            assert call(feed, "anna", "GET", path).json()["disabled_reason"] == "gone"
            again = call(feed, "anna", "PATCH", path, {"is_enabled": True}).json()
            assert (again["is_enabled"], again["disabled_reason"]) == (True, None)
            # Nothing tells the process; it looks every few seconds, and at each event.
            feed.take(habit_changed("boris"))
            anna.wait_for(2)
        assert anna.ids() == [event_id, event_id]


def test_a_rewind_brings_everything_again_in_batches(feed: Feed, feed_url: str) -> None:
    told = feed.take(*(habit_changed("anna", f"h{number}") for number in range(130)))
    with receiver() as anna:
        webhook = created(feed, "anna", anna.url, batch=True)
        path = f"{webhook['id']}/rewind/"
        unknown = call(feed, "anna", "POST", path, {"lastEventId": "never"})
        assert (unknown.status_code, unknown.json()["code"]) == (410, "position_unknown")
        assert call(feed, "anna", "POST", path, {"lastEventId": told[9]}).status_code == 200
        with delivering(feed_url):
            anna.wait_for(2)
        batches = anna.verified(webhook["secret"])
        assert [event["id"] for batch in batches for event in batch] == told[10:]
        assert [len(batch) for batch in batches] == [100, 20]
        assert anna.came[0][0]["content-type"] == "application/cloudevents-batch+json"


def test_for_a_day_both_secrets_sign(feed: Feed, engine: Engine) -> None:
    with receiver() as anna:
        webhook = created(feed, "anna", anna.url)
        path = f"{webhook['id']}/"
        new = call(feed, "anna", "POST", f"{path}secret/").json()["secret"]
        assert call(feed, "anna", "POST", f"{path}test/").json()["outcome"] == "delivered"
        assert new != webhook["secret"]
        assert anna.verified(webhook["secret"]) == anna.verified(new)
        assert anna.verified(new)[0]["type"] == "webhook.test.v1"
        with engine.begin() as connection:
            connection.execute(text("UPDATE webhooks SET previous_secret_until = now()"))
        call(feed, "anna", "POST", f"{path}test/")
        assert len(anna.came[1][0]["webhook-signature"].split()) == 1


def test_webhooks_are_their_owners_alone_and_go_with_the_account(feed: Feed) -> None:
    with receiver() as anna:
        webhook = created(feed, "anna", anna.url)
        path = f"{webhook['id']}/"
        assert "secret" not in call(feed, "anna", "GET", path).json()
        for method, below in (
            ("GET", ""),
            ("DELETE", ""),
            ("GET", "deliveries/"),
            ("POST", "test/"),
        ):
            assert call(feed, "boris", method, path + below).status_code == 404
        assert call(feed, "boris", "GET").json() == {"results": []}
        assert call(feed, "anna", "GET", scope="events:read").status_code == 403
        assert call(feed, "anna", "GET", scope="webhooks").status_code == 200
        feed.take(account_deleted("anna"))
        assert call(feed, "anna", "GET").json() == {"results": []}


def test_a_deleted_webhook_gets_nothing(feed: Feed, feed_url: str) -> None:
    with receiver() as gone, receiver() as kept:
        webhook = created(feed, "anna", gone.url)
        created(feed, "anna", kept.url)
        assert call(feed, "anna", "DELETE", f"{webhook['id']}/").status_code == 204
        assert call(feed, "anna", "DELETE", f"{webhook['id']}/").status_code == 404
        with delivering(feed_url):
            feed.take(habit_changed("anna"))
            kept.wait_for(1)
        assert gone.came == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "url"),
        ({"url": "ftp://example.org/"}, "url"),
        ({"url": "https://anna@example.org/"}, "url"),
        ({"url": "https://example.org/ä"}, "url"),
        ({"url": "https://"}, "url"),
        ({"url": "https://example.org:99999/"}, "url"),
        ({"url": "https://example.org/", "types": ["HABIT"]}, "types"),
        ({"url": "https://example.org/", "batch": "yes"}, "batch"),
        ({"url": "https://example.org/", "colour": "red"}, "colour"),
    ],
)
def test_a_wrong_webhook_is_named(feed: Feed, body: dict[str, object], field: str) -> None:
    answer = call(feed, "anna", "POST", json=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid_input")
    assert set(answer.json()["errors"]) == {field}


def test_a_method_that_is_not_known_is_told_all_that_are(feed: Feed) -> None:
    answer = call(feed, "anna", "PUT")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "POST"}


def test_an_account_has_so_many_webhooks_and_no_more(feed: Feed) -> None:
    for _ in range(20):
        created(feed, "anna", "https://example.org/")
    answer = call(feed, "anna", "POST", json={"url": "https://example.org/"})
    assert (answer.status_code, answer.json()["code"]) == (400, "too_many_webhooks")
    assert len(json.dumps(call(feed, "anna", "GET").json())) > 0


def test_five_days_of_nothing_but_failure_switch_an_endpoint_off(
    feed: Feed, feed_url: str, engine: Engine
) -> None:
    with receiver() as anna:
        anna.answers = [(500, {})]
        webhook = created(feed, "anna", anna.url)
        with engine.begin() as connection:
            connection.execute(
                text("UPDATE webhooks SET failing_since = now() - interval '5 days'")
            )
        feed.take(habit_changed("anna"))
        with delivering(feed_url):
            path = f"{webhook['id']}/"
            wait_until(
                lambda: call(feed, "anna", "GET", path).json()["disabled_reason"] == "failing"
            )
