"""What the bot reads out of Telegram's updates."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from services.notifier.telegram.updates import (
    Chat,
    Command,
    Ignored,
    MembershipChanged,
    NotJson,
    Pressed,
    Spoke,
    read_update,
)
from shared.contracts.cloud_event import UnreadableMessage

CHAT = Chat(7, language="ru")


CHAT_JSON = {"id": 7, "type": "private"}


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
            "from": {"id": 7, "language_code": "ru"},
            "new_chat_member": {"status": status},
        }
    )


@pytest.mark.parametrize(
    ("raw", "content"),
    [
        (message("/start"), Command(CHAT, "start", None)),
        (message("/start "), Command(CHAT, "start", None)),
        (message("/start abc-_1"), Command(CHAT, "start", "abc-_1")),
        (message("/start@our_bot abc"), Command(CHAT, "start", "abc")),
        (message("/start " + "x" * 500), Command(CHAT, "start", "x" * 256)),
        (message("/Stop"), Command(CHAT, "stop", None)),
        (message("/stop now"), Command(CHAT, "stop", "now")),
        (message("/time_zone Europe/Berlin \n"), Command(CHAT, "time_zone", "Europe/Berlin")),
        (message("/start a\nb"), Command(CHAT, "start", "a\nb")),
        (message("/start \ud800"), Command(CHAT, "start", "?")),
        (message("hello"), Spoke(CHAT)),
        (message("/"), Spoke(CHAT)),
        (message("/стоп"), Spoke(CHAT)),
        (message("please /stop"), Spoke(CHAT)),
        (press("link:abc:yes"), Pressed(CHAT, "q1", 3, "link:abc:yes")),
        (press(""), Pressed(CHAT, "q1", 3, "")),
        (
            press("done:1", message={"message_id": 3, "date": 0, "chat": CHAT_JSON}),
            Pressed(CHAT, "q1", 3, "done:1"),
        ),
        (
            membership("kicked"),
            MembershipChanged(CHAT, blocked=True, changed_at=datetime.fromtimestamp(1.7e9, UTC)),
        ),
        (
            membership("member"),
            MembershipChanged(CHAT, blocked=False, changed_at=datetime.fromtimestamp(1.7e9, UTC)),
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
        message("/start", chat={"id": 7, "type": "group"}),
        message("/start", chat={"id": -7, "type": "private"}),
        message("hello", chat={"id": -7, "type": "supergroup"}),
        press(None),
        press("x" * 65),
        press("я" * 33),
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


@pytest.mark.parametrize("raw", [b"", b"\xff", b"not JSON", b"[" * 100_000])
def test_what_is_not_even_json(raw: bytes) -> None:
    with pytest.raises(NotJson):
        read_update(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"[]",
        b"null",
        b"{}",
        b'{"update_id": "1"}',
        b'{"update_id": true}',
        b'{"update_id": -1}',
        b'{"update_id": 1.5}',
        b'{"update_id": 99999999999999999999}',
    ],
)
def test_what_is_no_update(raw: bytes) -> None:
    with pytest.raises(UnreadableMessage) as refused:
        read_update(raw)
    assert not isinstance(refused.value, NotJson)
