"""An erased account leaves no text in the log; cursors of readers stay good."""

from sqlalchemy import Engine, text

from tests.integration.feed.story import (
    Event,
    Feed,
    account_deleted,
    habit_changed,
    message,
    token_of,
)

TEXTS = ("Read a secret diary", "Garden shed", "4711000", "private note")


def _everything_of(account_id: str) -> list[object]:
    habit = {
        "id": "h",
        "owner_id": account_id,
        "action": TEXTS[0],
        "place": TEXTS[1],
        "deleted": False,
        "version": 1,
    }
    day = {"habit_id": "h", "owner_id": account_id, "note": TEXTS[3], "version": 1}
    link = {"account_id": account_id, "chat_id": TEXTS[2], "status": "linked", "version": 1}
    return [
        message("habit.created.v1", "h", habit),
        message("habit.day_recorded.v1", "h/2026-03-01", day),
        message("telegram.linked.v1", f"chat-link/{account_id}", link),
        message("reminder.due.v1", "r", {"account_id": account_id, "action": TEXTS[0]}),
        # A habit that its owner deleted is told with its last texts.
        message("habit.deleted.v1", "h", {**habit, "deleted": True, "version": 2}),
    ]


def _dump(engine: Engine) -> str:
    """Return all that the table holds, as `COPY log TO` and so a dump would write it."""
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT log::text FROM log ORDER BY position"))
        return "\n".join(rows.scalars())


def _blank_end(account_id: str) -> Event:
    return {
        "id": "h",
        "owner_id": account_id,
        "action": "",
        "place": "",
        "time": "00:00:00",
        "duration_seconds": 1,
        "is_published": False,
        "reward": None,
        "linked_habit_id": None,
        "created_at": "2026-03-01T08:00:00Z",
        "deleted": True,
        "version": 3,
    }


def test_nothing_is_left_of_an_erased_account_but_that_it_is_gone(
    feed: Feed, engine: Engine
) -> None:
    feed.take(*_everything_of("anna"))  # type: ignore[arg-type]
    assert all(written in _dump(engine) for written in TEXTS)
    [other] = feed.take(habit_changed("boris"))

    [end] = feed.take(account_deleted("anna"))

    assert not [written for written in TEXTS if written in _dump(engine)]
    assert [event["id"] for event in feed.all_events()] == [other, end]
    assert feed.all_events()[-1]["subject"] == "anna"


def test_what_comes_late_or_in_the_same_batch_is_blanked_too(feed: Feed, engine: Engine) -> None:
    first, *rest = _everything_of("anna")
    blank = message("habit.deleted.v1", "h", _blank_end("anna"))
    feed.take(first, account_deleted("anna"), rest[0])  # type: ignore[arg-type]
    feed.take(*rest[1:], blank, habit_changed("boris"))  # type: ignore[arg-type]

    assert not [written for written in TEXTS if written in _dump(engine)]
    events = feed.all_events()
    assert [event["type"] for event in events] == [
        "account.deleted.v1",
        "habit.deleted.v1",
        "habit.changed.v1",
    ]
    assert events[1]["data"] == _blank_end("anna")


def test_told_again_the_end_keeps_what_followed_it(feed: Feed) -> None:
    blank = message("habit.deleted.v1", "h", _blank_end("anna"))
    feed.take(account_deleted("anna"), blank)
    feed.take(account_deleted("anna"))

    types = [event["type"] for event in feed.all_events()]
    assert types == ["account.deleted.v1", "habit.deleted.v1", "account.deleted.v1"]


def test_an_erased_position_is_still_a_position(feed: Feed) -> None:
    before, erased = feed.take(habit_changed("boris"), habit_changed("anna"))
    [end] = feed.take(account_deleted("anna"))

    for last in (before, erased):
        assert [event["id"] for event in feed.ask_all(lastEventId=last).json()] == [end]


def test_a_token_of_an_erased_account_opens_nothing(feed: Feed) -> None:
    feed.take(habit_changed("anna"), account_deleted("anna"))

    answer = feed.ask("/api/me/events/", token_of("anna"))

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
