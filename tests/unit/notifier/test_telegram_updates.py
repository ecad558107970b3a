"""What the bot reads out of Telegram's updates."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.notifier.telegram.updates import (
    Chat,
    Ignored,
    MembershipChanged,
    Pressed,
    Spoke,
    Started,
    Stopped,
    read_update,
)
from shared.contracts.cloud_event import UnreadableMessage

CHAT = Chat(7, is_private=True, language="ru")


def update(**content: Any) -> bytes:
    return json.dumps({"update_id": 10, **content}).encode()


def message(text: Any, **changed: Any) -> bytes:
    values = {
        "message_id": 1,
        "date": 1,
        "text": text,
        "chat": {"id": 7, "type": "private"},
        "from": {"id": 7, "language_code": "ru"},
    }
    return update(message={**values, **changed})


def press(data: Any, *, person: int = 7, **changed: Any) -> bytes:
    values = {
        "id": "q1",
        "data": data,
        "from": {"id": person, "language_code": "ru"},
        "message": {"message_id": 3, "chat": {"id": 7, "type": "private"}},
    }
    return update(callback_query={**values, **changed})


def membership(status: str, kind: str = "private") -> bytes:
    return update(
        my_chat_member={
            "date": 1_700_000_000,
            "chat": {"id": 7, "type": kind},
            "from": {"id": 7},
            "new_chat_member": {"status": status},
        }
    )


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (message("/start"), Started(CHAT, None)),
        (message("/start abc-_1"), Started(CHAT, "abc-_1")),
        (message("/start@our_bot abc"), Started(CHAT, "abc")),
        (message("/start " + "x" * 500), Started(CHAT, "x" * 64)),
        (message("/stop"), Stopped(CHAT)),
        (message("/stop now"), Stopped(CHAT)),
        (message("/help"), Spoke(CHAT)),
        (message("hello"), Spoke(CHAT)),
        (message("/start a b"), Spoke(CHAT)),
        (press("link:abc:yes"), Pressed(CHAT, "q1", 3, "abc", agreed=True)),
        (press("link:abc:no"), Pressed(CHAT, "q1", 3, "abc", agreed=False)),
        (
            membership("kicked"),
            MembershipChanged(7, blocked=True, changed_at=datetime.fromtimestamp(1.7e9, UTC)),
        ),
        (
            membership("member"),
            MembershipChanged(7, blocked=False, changed_at=datetime.fromtimestamp(1.7e9, UTC)),
        ),
    ],
)
def test_what_is_understood(raw: bytes, content: object) -> None:
    read = read_update(raw)
    assert (read.update_id, read.content) == (10, content)


@pytest.mark.parametrize(
    "raw",
    [
        update(),
        update(message=None),
        update(message=[]),
        update(message={"chat": 1}),
        message("/start", chat={"id": "7", "type": "private"}),
        message("/start", chat={"id": True, "type": "private"}),
        message("/start", chat={"id": 2**80, "type": "private"}),
        message("/start", chat={"type": "private"}),
        update(message={"message_id": 1, "chat": {"id": 7, "type": "private"}, "from": {}}),
        press("link:abc:maybe"),
        press("something else"),
        press(None),
        press("link:abc:yes", person=8),
        press("link:abc:yes", message=None),
        update(callback_query={"id": "q1", "data": "link:abc:yes", "from": None}),
        membership("left"),
        membership("kicked", kind="group"),
        update(my_chat_member={"date": 10**30}),
        update(edited_message={"text": "/start"}),
    ],
)
def test_what_is_ignored(raw: bytes) -> None:
    assert read_update(raw).content == Ignored()


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff",
        b"not JSON",
        b"[]",
        b"null",
        b"{}",
        b'{"update_id": "1"}',
        b'{"update_id": true}',
        b'{"update_id": -1}',
        b'{"update_id": 1.5}',
        b'{"update_id": 99999999999999999999}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_update(raw: bytes) -> None:
    with pytest.raises(UnreadableMessage):
        read_update(raw)
