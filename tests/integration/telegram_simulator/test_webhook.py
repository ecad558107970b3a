"""Delivery to a webhook: signed with the secret, in order, again until it answers 2xx."""

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from telegram import Bot, Update
from telegram.error import BadRequest

from tests.fakes.telegram_person import TelegramPerson


class Receiver:
    """A webhook that answers with the given statuses, then 200."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.received: list[tuple[str | None, str | None, dict[str, Any]]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                secret = self.headers["X-Telegram-Bot-Api-Secret-Token"]
                receiver.received.append((secret, self.headers["Content-Type"], json.loads(body)))
                self.send_response(receiver.statuses.pop(0) if receiver.statuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Keep quiet."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/tg/webhook/"

    def wait_for(self, count: int) -> list[dict[str, Any]]:
        deadline = time.monotonic() + 10
        while len(self.received) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return [update for _, _, update in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    started = Receiver()
    yield started
    started.close()


async def test_updates_come_with_the_secret_and_in_order(
    bot: Bot, person: TelegramPerson, receiver: Receiver
) -> None:
    chat_id = person.create_chat()
    await bot.set_webhook(receiver.url, secret_token="s3cret_-")
    for text in ("one", "two", "three"):
        person.say(chat_id, text)
    updates = [Update.de_json(update, bot) for update in receiver.wait_for(3)]
    assert [u.message.text for u in updates if u.message] == ["one", "two", "three"]
    assert {(secret, kind) for secret, kind, _ in receiver.received} == {
        ("s3cret_-", "application/json")
    }
    await bot.delete_webhook()


async def test_a_refused_update_comes_again_and_holds_back_the_next(
    bot: Bot, person: TelegramPerson, receiver: Receiver
) -> None:
    chat_id = person.create_chat()
    receiver.statuses = [500, 403]
    await bot.set_webhook(receiver.url)
    person.say(chat_id, "one")
    person.say(chat_id, "two")
    texts = [update["message"]["text"] for update in receiver.wait_for(4)]
    assert texts == ["one", "one", "one", "two"]
    info = await bot.get_webhook_info()
    assert info.last_error_message == "Wrong response from the webhook: 403 Forbidden"
    await bot.delete_webhook()


async def test_updates_wait_for_a_webhook_that_does_not_answer(
    bot: Bot, person: TelegramPerson
) -> None:
    person.say(person.create_chat(), "one")
    await bot.set_webhook("http://127.0.0.1:9/webhook/", allowed_updates=["message"])
    info = await bot.get_webhook_info()
    assert info.pending_update_count == 1
    assert info.allowed_updates == ("message",)
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


@pytest.mark.parametrize(
    ("url", "secret"), [("ftp://example.org/", None), ("https://example.org/", "not allowed!")]
)
async def test_a_bad_webhook_is_refused(bot: Bot, url: str, secret: str | None) -> None:
    with pytest.raises(BadRequest):
        await bot.set_webhook(url, secret_token=secret)
    assert (await bot.get_webhook_info()).url == ""
