"""What answers give away, and who may pass for Telegram."""

import re
import secrets
import time
from typing import Any

import pytest
import requests

from services.notifier.telegram.webhook_api import SECRET_HEADER
from tests.fakes.spa_client import HABIT, SpaClient
from tests.fakes.telegram_person import TelegramPerson
from tests.servers.whole_system import System

# Program names with a version, addresses inside the house, and what comes of an exception.
INTERNALS = re.compile(
    r"(?:nginx|gunicorn|werkzeug|flask|python|postgresql|psycopg|redis|rabbitmq)/[0-9]"
    r"|traceback|site-packages|\.py\b|sqlalchemy|psycopg|aio_?pika|redis\.exceptions"
    r"|127\.0\.0\.1:[0-9]+|postgresql://|amqp://|redis://",
    re.IGNORECASE,
)
REVEALING_HEADERS = {"X-Powered-By", "X-AspNet-Version", "X-Runtime", "Via", "X-Upstream"}

MISTAKES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "no such address": ("GET", "/nothing/", {}),
    "no such habit": ("GET", "/habit/4b1f6d0e-0000-4000-8000-000000000000/", {}),
    "an id that is none": ("GET", "/habit/'%20OR%201=1--/", {}),
    "a method that is not known": ("PUT", "/token/", {"json": {}}),
    "broken JSON": (
        "POST",
        "/habit/",
        {"data": b"{", "headers": {"Content-Type": "application/json"}},
    ),
    "deep JSON": (
        "POST",
        "/habit/",
        {"data": b"[" * 30_000, "headers": {"Content-Type": "application/json"}},
    ),
    "NUL in a text": ("POST", "/habit/", {"json": {**HABIT, "place": "a\u0000b"}}),
    "another media type": ("POST", "/habit/", {"data": b"<xml/>"}),
    "a body that is too large": ("POST", "/habit/", {"data": b"x" * 70_000}),
    "a page beyond all numbers": ("GET", f"/habit/?page={10**30}", {}),
    "a wrong sign-in": (
        "POST",
        "/token/",
        {"json": {"email": "no@example.com", "password": "x" * 9}},
    ),
    "a bad refresh token": ("POST", "/token/refresh/", {"json": {"refresh": "x" * 43}}),
    "a stale tag": (
        "PATCH",
        "/habit/4b1f6d0e-0000-4000-8000-000000000000/",
        {"json": {}, "headers": {"If-Match": '"9"'}},
    ),
    "a header that is too large": ("GET", "/habit/", {"headers": {"X-Large": "x" * 40_000}}),
}


@pytest.fixture(scope="module")
def client(system: System) -> SpaClient:
    return SpaClient.registered(system.gateway_url)


@pytest.mark.parametrize("mistake", MISTAKES.values(), ids=MISTAKES.keys())
def test_an_error_gives_away_nothing_of_the_inside(
    client: SpaClient, mistake: tuple[str, str, dict[str, Any]]
) -> None:
    method, path, options = mistake
    answer = client.call(method, path, **options)
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"]
    assert_discreet(answer, client)


@pytest.mark.parametrize("path", ["/me/", "/habit/", "/habit/public/", "/tg/link/", "/health/"])
def test_a_good_answer_gives_away_nothing_of_the_inside(client: SpaClient, path: str) -> None:
    answer = client.call("GET", path)
    assert answer.status_code == 200
    assert_discreet(answer, client)


def assert_discreet(answer: requests.Response, client: SpaClient) -> None:
    told = answer.text + "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
    assert INTERNALS.search(told) is None, told
    assert answer.headers.get("Server", "nginx") == "nginx"
    assert not REVEALING_HEADERS & answer.headers.keys()
    assert str(client.session.headers["Authorization"]).removeprefix("Bearer ") not in told
    assert client.refresh not in told


@pytest.mark.parametrize("claimed", [None, "", "wrong", "ключ".encode()])
def test_only_telegram_can_bring_updates(system: System, claimed: str | bytes | None) -> None:
    """The same update with the right secret afterwards shows that it would have had an effect."""
    client = SpaClient.registered(system.gateway_url)
    update = start_update(system, client.link_code())
    headers: dict[str, Any] = {} if claimed is None else {SECRET_HEADER: claimed}
    refused = client.call("POST", "/tg/webhook/", json=update, headers=headers)
    assert refused.status_code == 401
    assert refused.headers["Content-Type"] == "application/problem+json"
    # Updates are handled in order: once a later one was, nothing of the refused one is under way.
    let_in = {SECRET_HEADER: system.service_environments["notifier"]["TELEGRAM_WEBHOOK_SECRET"]}
    later = start_update(system, "no-such-code")
    assert client.call("POST", "/tg/webhook/", json=later, headers=let_in).status_code == 200
    person = TelegramPerson(system.simulator_url)
    person.wait_for_message(later["message"]["chat"]["id"], 30)
    assert client.link_status() == "pending"
    assert person.messages(update["message"]["chat"]["id"]) == []
    assert client.call("POST", "/tg/webhook/", json=update, headers=let_in).status_code == 200
    deadline = time.monotonic() + 30
    while client.link_status() != "linked":
        assert time.monotonic() < deadline, "the right secret had no effect either"
        time.sleep(0.05)


def start_update(system: System, code: str) -> dict[str, Any]:
    """Return an update in which a new chat sends `/start` with a code."""
    chat_id = TelegramPerson(system.simulator_url).create_chat()
    person = {"id": chat_id, "is_bot": False, "first_name": "Ann", "language_code": "en"}
    return {
        "update_id": 10**9 + secrets.randbelow(10**9),
        "message": {
            "message_id": 1,
            "date": int(time.time()),
            "chat": {"id": chat_id, "type": "private", "first_name": "Ann"},
            "from": person,
            "text": f"/start {code}",
        },
    }
