"""Streams of server-sent events: history, its end, then live; resumed by the last id."""

import json
from itertools import islice

import requests

from tests.integration.feed.story import Feed, habit_changed, in_seconds, token_of


def test_a_stream_tells_what_was_that_it_was_all_and_what_comes(feed: Feed) -> None:
    ids = feed.take(habit_changed("anna", "a"), habit_changed("boris"), habit_changed("anna", "b"))
    with feed.stream(token_of("anna")) as events:
        retry, first, second, caught_up = islice(events, 4)
        assert retry == {"retry": "3000"}
        assert [first["id"], second["id"]] == [ids[0], ids[2]]
        assert json.loads(first["data"])["data"]["id"] == "a"
        assert "event" not in first
        assert caught_up == {"event": "caught-up", "data": "{}"}
        [live] = feed.take(habit_changed("anna", "c"))
        assert next(events)["id"] == live


def test_a_stream_goes_on_after_the_last_id(feed: Feed) -> None:
    ids = feed.take(habit_changed("anna", "a"), habit_changed("anna", "b"))
    with feed.stream(token_of("anna"), **{"Last-Event-ID": ids[0]}) as events:
        assert [event.get("id") for event in islice(events, 3)] == [None, ids[1], None]


def test_a_last_id_that_can_be_none_is_named(feed: Feed) -> None:
    headers = {"Authorization": f"Bearer {token_of('anna')}", "Last-Event-ID": "x" * 501}
    answer = requests.get(f"{feed.address}/api/me/events/", headers=headers, timeout=10)
    assert answer.status_code == 400
    assert set(answer.json()["errors"]) == {"Last-Event-ID"}


def test_a_stream_ends_with_its_token(feed: Feed) -> None:
    with feed.stream(token_of("anna", exp=in_seconds(1))) as events:
        assert len(list(events)) == 2
    assert feed.watch.count == 0


def test_a_client_that_leaves_is_forgotten(feed: Feed) -> None:
    with feed.stream(token_of("anna")) as events:
        next(events)
    feed.take(habit_changed("anna"))
    assert feed.ask_all(timeout=0).status_code == 200
