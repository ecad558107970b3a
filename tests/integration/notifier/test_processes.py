"""The notifier's own processes, together, on real servers and the simulated Telegram."""

# ruff: noqa: PLR0917 - fixtures are asked for by name

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import jwt
import pytest
import requests
from sqlalchemy import Engine, select

from services.notifier.tables import DELIVERIES
from shared.contracts.cloud_event import CloudEvent
from shared.contracts.events import ACCOUNT_REGISTERED, REMINDER_DUE, AccountStateV1, EventBody
from shared.database import new_engine
from shared.instants import now
from shared.messaging.publisher import Publisher
from tests.fakes.telegram_person import TelegramPerson
from tests.integration.notifier.api_callers import KEY_ID, SIGNING_KEY, token_of
from tests.integration.notifier.arrangements import (
    a_reminder,
    event_bytes,
    eventually,
    new_account,
    said_to,
)
from tests.integration.telegram_simulator.simulator_process import TOKEN, free_port

ROOT = Path(__file__).parents[3]
# Ten interpreters start here; a busy machine takes its time.
pytestmark = pytest.mark.timeout(400)
SECRET = "a-webhook-secret"


class Notifier:
    """The environment, and the processes of one installation."""

    def __init__(self, environment: dict[str, str], logs: Path) -> None:
        self.environment = environment
        self._logs = logs

    def run(self, *arguments: str) -> str:
        """Run a process that ends by itself; return its output."""
        done = subprocess.run(
            [sys.executable, "-m", "services.notifier", *arguments],
            cwd=ROOT,
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, process: str, **settings: str) -> Iterator[str]:
        """Run a process until the end of the block; yield its address once it is ready."""
        port = str(free_port())
        output = self._logs / f"{process}-{port}.log"
        environment = {
            **os.environ,
            **self.environment,
            "HTTP_PORT": port,
            "OPS_PORT": port,
            **settings,
        }
        with output.open("w") as log:
            running = subprocess.Popen(
                [sys.executable, "-m", "services.notifier", process],
                cwd=ROOT,
                env=environment,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
            url = f"http://127.0.0.1:{port}"
            try:
                eventually(lambda: is_ready(url), f"{process} ready", seconds=180)
                yield url
                running.send_signal(signal.SIGTERM)
                assert running.wait(timeout=60) == 0, output.read_text()
                assert TOKEN not in output.read_text(), "the bot's token is in the log"
            except BaseException:
                sys.stderr.write(output.read_text())
                raise
            finally:
                running.kill()
                running.wait()


def is_ready(url: str) -> bool:
    try:
        return requests.get(f"{url}/readyz", timeout=2).ok
    except requests.RequestException:
        return False


@pytest.fixture
def jwks_url(tmp_path: Path) -> Iterator[str]:
    """Serve the public key that the callers' tokens are signed with."""
    key = {
        **json.loads(jwt.algorithms.OKPAlgorithm.to_jwk(SIGNING_KEY.public_key())),
        "kid": KEY_ID,
        "use": "sig",
    }
    (tmp_path / "jwks.json").write_text(json.dumps({"keys": [key]}))
    port = str(free_port())
    server = subprocess.Popen(
        [sys.executable, "-m", "http.server", port, "--bind", "127.0.0.1", "-d", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    yield f"http://127.0.0.1:{port}/jwks.json"
    server.kill()
    server.wait()


@pytest.fixture
def notifier(
    database: Callable[[str], str],
    vhost: Callable[[str], str],
    redis_database: str,
    telegram_url: str,
    jwks_url: str,
    tmp_path: Path,
) -> Notifier:
    environment = {
        "DATABASE_URL": database("notifier"),
        "RABBITMQ_URL": vhost("notifier"),
        "REDIS_URL": redis_database,
        "JWKS_URL": jwks_url,
        "TELEGRAM_BOT_TOKEN": TOKEN,
        "TELEGRAM_API_URL": telegram_url,
        "TELEGRAM_WEBHOOK_SECRET": SECRET,
    }
    notifier = Notifier(environment, tmp_path)
    notifier.run("setup")
    return notifier


@pytest.fixture
def ledger(notifier: Notifier) -> Iterator[Engine]:
    engine = new_engine(notifier.environment["DATABASE_URL"], pool_size=2)
    yield engine
    engine.dispose()


def publish(url: str, event_type: str, body: EventBody) -> None:
    event = CloudEvent(
        id=new_account(), type=event_type, source="/test", subject="s", time=now(), body=body
    )

    async def send() -> None:
        async with Publisher(url, "test") as publisher:
            to_the_queue = event_type == REMINDER_DUE
            await publisher.publish(
                "" if to_the_queue else "events",
                "reminders" if to_the_queue else event_type,
                event_bytes(event),
                message_id=event.id,
                headers=event.headers(),
            )

    asyncio.run(send())


def an_account(account_id: str) -> AccountStateV1:
    at = now()
    return AccountStateV1(
        id=account_id,
        time_zone="Europe/Berlin",
        locale="ru",
        is_active=True,
        created_at=at,
        updated_at=at,
        deleted=False,
        version=1,
    )


def ask(api: str, account_id: str, method: str, body: object = None) -> Any:
    answer = requests.request(
        method,
        f"{api}/api/tg/link/",
        headers={"Authorization": f"Bearer {token_of(account_id)}"},
        json=body,
        timeout=20,
    )
    assert answer.ok, answer.text
    return answer.json() if answer.content else None


def outcomes(engine: Engine) -> list[str]:
    with engine.connect() as connection:
        return sorted(connection.scalars(select(DELIVERIES.c.outcome)))


def test_from_the_link_to_the_reminder(
    notifier: Notifier, person: TelegramPerson, ledger: Engine
) -> None:
    account_id, broker = new_account(), notifier.environment["RABBITMQ_URL"]
    chat_id = person.create_chat()
    with ExitStack() as processes:
        start = processes.enter_context
        with ThreadPoolExecutor(4) as pool:
            names = ("serve", "consume", "relay", "bot")
            api, consumer, _, _ = pool.map(lambda name: start(notifier.running(name)), names)
        publish(broker, ACCOUNT_REGISTERED, an_account(account_id))

        ask(api, account_id, "POST", {"chat_id": str(chat_id)})
        question = person.wait_for_message(chat_id, 20)
        person.press_button(chat_id, question["message_id"], 0)
        eventually(lambda: bool(person.requests("answerCallbackQuery")), "the press is answered")
        eventually(
            lambda: bool(person.requests("editMessageReplyMarkup")), "the question has no buttons"
        )
        person.wait_for_message(chat_id, 20, after_id=question["message_id"])
        eventually(
            lambda: ask(api, account_id, "GET")["status"] == "linked", "linked by the question"
        )

        reminder = a_reminder(account_id, locale="ru")
        for _ in range(3):
            publish(broker, REMINDER_DUE, reminder)
        person.wait_for_message(chat_id, 20, containing="Drink a glass of water")
        eventually(lambda: outcomes(ledger) == ["sent"], "the ledger")

        code = ask(api, account_id, "POST", {})["code"]
        other_chat = person.create_chat()
        person.say(other_chat, f"/start {code}")
        eventually(
            lambda: ask(api, account_id, "GET")["chat_id"] == str(other_chat), "linked by the code"
        )
        ask(api, account_id, "DELETE")
        metrics = requests.get(f"{consumer}/metrics", timeout=5).text
    assert 'notifier_sends_total{kind="reminder",outcome="sent"} 1.0' in metrics
    assert "notifier_due_to_sent_seconds_count 1.0" in metrics
    assert len(person.requests(text_contains="Drink a glass of water")) == 1


def test_by_webhook_updates_are_handled(
    notifier: Notifier, person: TelegramPerson, ledger: Engine
) -> None:
    chat_id = person.create_chat()
    with ExitStack() as processes:
        start = processes.enter_context
        api = start(notifier.running("serve"))
        start(notifier.running("bot", TELEGRAM_UPDATES="webhook", PUBLIC_URL=api))
        eventually(lambda: bool(person.requests("setWebhook")), "the webhook is set")
        person.say(chat_id, "hello")
        eventually(lambda: bool(said_to(ledger, chat_id)), "the help is on its way")
    assert person.requests("getUpdates") == []
    assert notifier.run("unhandled-updates", "list") == ""


def test_setup_may_run_at_every_start_and_dead_letters_can_be_listed(notifier: Notifier) -> None:
    notifier.run("setup")
    assert notifier.run("dead-letters", "list") == ""
