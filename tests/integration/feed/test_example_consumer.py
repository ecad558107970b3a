"""The example that docs/events.md tells of: joins late, is killed, and has every newest state."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import requests

from deploy.provisioning.consumer_users import create_consumer, delete_consumer
from tests.integration.feed.story import account_deleted, habit_changed, token_of
from tests.integration.feed.test_processes import System, wait_until
from tests.integration.feed.test_processes import system as system_fixture

system = system_fixture

EXAMPLE = Path(__file__).parents[3] / "examples" / "consumer.py"
HABITS, VERSIONS = 10, 30


@pytest.mark.timeout(180)
def test_whoever_joins_at_any_moment_ends_with_the_newest_state_of_everything(
    system: System, rabbitmq_management_url: str, tmp_path: Path
) -> None:
    vhost = urlsplit(system.rabbitmq_url).path.strip("/")
    password = create_consumer(rabbitmq_management_url, "example", vhost)
    states = tmp_path / "states.sqlite"
    with ExitStack() as stack:
        stack.callback(delete_consumer, rabbitmq_management_url, "example")
        _, address = stack.enter_context(system.running("serve"))
        stack.enter_context(system.running("consume"))
        environment = {
            **os.environ,
            "CONSUMER_NAME": "example",
            "AMQP_URL": _as_user(system.rabbitmq_url, f"consumer.example:{password}"),
            "FEED_URL": f"{address}/api/events/",
            "FEED_TOKEN": token_of("service", scope="events:read:all"),
            "STATE_FILE": str(states),
        }
        _tell(system, range(1, 10))
        telling = threading.Thread(target=_tell, args=(system, range(10, VERSIONS + 1)))
        telling.start()
        for _ in range(2):
            with subprocess.Popen([sys.executable, EXAMPLE], env=environment) as consumer:
                wait_until(lambda: len(_kept(states)) == HABITS)
                consumer.kill()
        telling.join()
        system.publish(habit_changed("gone", "of-gone"), account_deleted("gone"))
        with subprocess.Popen([sys.executable, EXAMPLE], env=environment) as consumer:
            wait_until(lambda: "gone" in _kept(states))
            kept = _kept(states)
            consumer.kill()
        feed = requests.get(
            f"{environment['FEED_URL']}?compacted=true&limit=1000",
            headers={"Authorization": f"Bearer {environment['FEED_TOKEN']}"},
            timeout=20,
        ).json()
    assert kept == {event["subject"]: event["data"] for event in feed}
    versions = [state["version"] for habit, state in kept.items() if habit != "gone"]
    assert versions == [VERSIONS] * HABITS


def _tell(system: System, versions: range) -> None:
    for version in versions:
        system.publish(*(habit_changed("anna", f"h{n}", version) for n in range(HABITS)))


def _kept(states: Path) -> dict[str, dict[str, object]]:
    with sqlite3.connect(states, timeout=20) as file:
        try:
            return {
                subject: json.loads(body)
                for subject, body in file.execute("SELECT subject, body FROM states")
            }
        except sqlite3.OperationalError:
            return {}


def _as_user(url: str, user: str) -> str:
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"{user}@{parts.hostname}:{parts.port}"))
